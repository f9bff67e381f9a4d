//! `highwater list`: the catalogues.

use highwater_checkers::trace::Change;
use highwater_checkers::verdict::Anomaly;
use highwater_workloads::scenario::{self, KINDS, Scope};
use highwater_workloads::suites;

use super::args::Catalogue;
use super::error::CliError;
use super::exit::Exit;
use super::say;
use super::scenarios::vocabulary;

pub(super) fn list(catalogue: Catalogue) -> Result<Exit, CliError> {
    let entries = match catalogue {
        Catalogue::Faults => faults(),
        Catalogue::Checks => checks(),
        Catalogue::Suites => shipped(),
        Catalogue::Events => events(),
        Catalogue::Mutants => mutants(),
    };
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

fn shipped() -> Vec<(String, String)> {
    let vocabulary = vocabulary();
    let described = |(name, text): &(&str, &str)| {
        let scenario = scenario::parse(name, text, &vocabulary).ok();
        ((*name).to_owned(), scenario.and_then(|scenario| scenario.description).unwrap_or_default())
    };
    suites::embedded().iter().map(described).collect()
}

/// What a scenario may wait for, then what a broker traces.
fn events() -> Vec<(String, String)> {
    let triggers = vocabulary().events.into_iter().map(|(name, scope)| {
        let scope = match scope {
            Scope::Partition => "of a partition",
            Scope::Cluster => "of the cluster",
        };
        (name, format!("a fault may wait for it: `when: {{ event: … }}`, {scope}"))
    });
    let traced =
        Change::NAMES.iter().map(|name| ((*name).to_owned(), "traced by brokers and disks".to_owned()));
    triggers.chain(traced).collect()
}

fn mutants() -> Vec<(String, String)> {
    let mutants = vocabulary().mutants;
    if mutants.is_empty() {
        return vec![("none".to_owned(), "the reference broker has no defects to switch on yet".to_owned())];
    }
    mutants.into_iter().map(|id| (id, String::new())).collect()
}
