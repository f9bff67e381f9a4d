//! `highwater list`: the catalogues.

use highwater_checkers::check::Object;
use highwater_checkers::trace::Change;
use highwater_checkers::verdict::Anomaly;
use highwater_workloads::scenario::{self, KINDS, Scope, Vocabulary};
use highwater_workloads::suites;

use super::args::Catalogue;
use super::error::CliError;
use super::exit::Exit;
use super::{Subject, say};
use crate::system::Mutant;

pub(super) fn list(catalogue: Catalogue, subject: &Subject) -> Result<Exit, CliError> {
    let vocabulary = &subject.vocabulary;
    let entries = match catalogue {
        Catalogue::Faults => faults(),
        Catalogue::Checks => checks(),
        Catalogue::Suites => shipped(vocabulary),
        Catalogue::Events => events(vocabulary),
        Catalogue::Mutants => mutants(subject),
        Catalogue::Models => models(),
    };
    if entries.is_empty() {
        return say(&format!("none  the system `{}` has none", vocabulary.system)).map(|()| Exit::Success);
    }
    let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, meaning) in entries {
        say(format!("{name:width$}  {meaning}").trim_end())?;
    }
    Ok(Exit::Success)
}

fn faults() -> Vec<(String, String)> {
    KINDS
        .iter()
        .map(|kind| (kind.name.to_owned(), format!("{}; takes {}", kind.summary, kind.fields.join(", "))))
        .collect()
}

fn checks() -> Vec<(String, String)> {
    Anomaly::ALL.iter().map(|anomaly| (anomaly.name().to_owned(), anomaly.meaning().to_owned())).collect()
}

fn models() -> Vec<(String, String)> {
    Object::ALL.iter().map(|object| (object.name().to_owned(), object.meaning().to_owned())).collect()
}

/// The shipped scenarios that are written in the system's words.
fn shipped(vocabulary: &Vocabulary) -> Vec<(String, String)> {
    let described = |(name, text): &(&str, &str)| {
        let scenario = scenario::parse(name, text, vocabulary).ok()?;
        Some(((*name).to_owned(), scenario.description.unwrap_or_default()))
    };
    suites::embedded().iter().filter_map(described).collect()
}

/// What a scenario may wait for, then what a broker traces.
fn events(vocabulary: &Vocabulary) -> Vec<(String, String)> {
    let triggers = vocabulary.events.iter().map(|(name, scope)| {
        let scope = match scope {
            Scope::Partition => "of a partition",
            Scope::Cluster => "of the cluster",
        };
        (name.clone(), format!("a fault may wait for it: `when: {{ event: … }}`, {scope}"))
    });
    let traced =
        Change::NAMES.iter().map(|name| ((*name).to_owned(), "traced by brokers and disks".to_owned()));
    triggers.chain(traced).collect()
}

/// Those of which the system tells more, in its order, then those that it only names.
fn mutants(subject: &Subject) -> Vec<(String, String)> {
    let told = subject.mutants.iter();
    let width = told.clone().map(|mutant| mutant.origin.len()).max().unwrap_or(0);
    let line = |mutant: &Mutant| format!("{:width$}  {}", mutant.origin, mutant.removes);
    let is_told = |id: &&String| told.clone().any(|mutant| mutant.id == **id);
    let named = subject.vocabulary.mutants.iter().filter(|id| !is_told(id));
    told.clone()
        .map(|mutant| (mutant.id.to_owned(), line(mutant)))
        .chain(named.map(|id| (id.clone(), String::new())))
        .collect()
}
