//! From words on the command line to scenarios: files, folders, and the names of shipped suites.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_workloads::scenario::{self, LoadError, Scenario, Vocabulary};
use highwater_workloads::suites;

use super::error::CliError;

/// A scenario, checked, and where it is from.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// The scenario.
    pub(super) scenario: Arc<Scenario>,
    /// Its YAML text.
    pub(super) source: Arc<str>,
    /// Its file, or its embedded name.
    pub(super) source_name: Arc<str>,
}

impl Loaded {
    /// The scenario with these mutants on, beside its own, and those that it did not have.
    pub(super) fn with_mutants(&self, mutants: &BTreeSet<String>) -> (Arc<Scenario>, BTreeSet<String>) {
        let mut scenario = Scenario::clone(&self.scenario);
        let added: BTreeSet<_> = mutants.difference(&scenario.cluster.mutants).cloned().collect();
        scenario.cluster.mutants.extend(added.iter().cloned());
        (Arc::new(scenario), added)
    }
}

/// The mutants that words on the command line mean.
pub(super) fn mutants(words: &[String], vocabulary: &Vocabulary) -> Result<BTreeSet<String>, CliError> {
    let known = || vocabulary.mutants.iter().map(String::as_str);
    let mut mutants = BTreeSet::new();
    // A variable that is set to nothing switches nothing on.
    for word in words.iter().filter(|word| !word.is_empty()) {
        if !vocabulary.mutants.contains(word) {
            let help = match nearest(word, known()) {
                Some(id) => format!("did you mean `{id}`?"),
                None => "`list mutants` names those that there are".to_owned(),
            };
            let message = format!("`{word}` is no mutant of the system `{}`", vocabulary.system);
            return Err(CliError::Usage { message, help: Some(help) });
        }
        mutants.insert(word.clone());
    }
    Ok(mutants)
}

/// Where a scenario is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    File(PathBuf),
    Embedded(&'static str),
}

/// Finds and reads all scenarios that are asked for, in the order of the command line. Of all files every
/// mistake is told at once.
pub(super) fn load(words: &[String], vocabulary: &Vocabulary) -> Result<Vec<Loaded>, CliError> {
    let mut places = Vec::new();
    for word in words {
        for place in places_of(word)? {
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    let (mut loaded, mut errors) = (Vec::new(), Vec::new());
    for place in &places {
        match read(place, vocabulary) {
            Ok(scenario) => loaded.push(scenario),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(CliError::Scenarios(errors));
    }
    distinct(&loaded)?;
    Ok(loaded)
}

/// The scenarios that a word means. A path wins over the name of a suite.
fn places_of(word: &str) -> Result<Vec<Place>, CliError> {
    let path = Path::new(word);
    if path.is_dir() {
        return files_in(path);
    }
    if path.exists() {
        return Ok(vec![Place::File(path.to_owned())]);
    }
    let names = || suites::embedded().iter().map(|(name, _)| *name);
    if let Some(name) = names().find(|name| *name == word) {
        return Ok(vec![Place::Embedded(name)]);
    }
    let is_path =
        word.contains(['/', '\\']) || path.extension().is_some_and(|it| it == "yaml" || it == "yml");
    if is_path {
        // Reading it says why it cannot be read.
        return Ok(vec![Place::File(path.to_owned())]);
    }
    let help = match nearest(word, names()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("shipped suites are {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(CliError::Usage {
        message: format!("`{word}` is no file, folder or shipped suite"),
        help: Some(help),
    })
}

fn files_in(folder: &Path) -> Result<Vec<Place>, CliError> {
    let failed = |source| CliError::Io { path: folder.to_owned(), source };
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") && path.is_file() {
            files.insert(Place::File(path));
        }
    }
    if files.is_empty() {
        return Err(CliError::NothingToRun {
            message: format!("{} holds no scenario", folder.display()),
            help: Some("a folder stands for every *.yaml in it".to_owned()),
        });
    }
    Ok(files.into_iter().collect())
}

fn read(place: &Place, vocabulary: &Vocabulary) -> Result<Loaded, LoadError> {
    let (scenario, source, source_name) = match place {
        Place::Embedded(name) => {
            let text = suites::find(name).expect("the name was found before");
            (scenario::parse(name, text, vocabulary)?, text.to_owned(), (*name).to_owned())
        }
        Place::File(path) => {
            let name = path.display().to_string();
            // This keeps the limit of the size, so that the text may be read again.
            let scenario = scenario::load(path, vocabulary)?;
            let text = fs::read_to_string(path)
                .map_err(|source| LoadError::Unreadable { path: name.clone(), source })?;
            (scenario, text, name)
        }
    };
    Ok(Loaded { scenario: Arc::new(scenario), source: source.into(), source_name: source_name.into() })
}

/// Recordings lie in folders by the scenario's name, so that two of one name would be one.
fn distinct(loaded: &[Loaded]) -> Result<(), CliError> {
    let mut sources = BTreeMap::new();
    for Loaded { scenario, source_name, .. } in loaded {
        if let Some(other) = sources.insert(&scenario.name, source_name) {
            let name = &scenario.name;
            return Err(CliError::Usage {
                message: format!("{other} and {source_name} are both named `{name}`"),
                help: Some("recordings are kept by the scenario's name: change one `name:`".to_owned()),
            });
        }
    }
    Ok(())
}

/// The name that is like a word: it begins or ends with it, or shares all but a few of its letters' pairs.
fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (likeness(word, name), name))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name)
}

/// Dice's coefficient over pairs of letters: 0 for nothing in common, 1 for the same.
fn likeness(left: &str, right: &str) -> f64 {
    let pairs = |text: &str| {
        let letters: Vec<char> = format!("^{text}$").chars().collect();
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect::<BTreeSet<_>>()
    };
    let (left, right) = (pairs(left), pairs(right));
    2.0 * left.intersection(&right).count() as f64 / (left.len() + right.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_suite_is_recognised() {
        let names = ["quick", "leader-kill", "isolate-leader"];
        assert_eq!(nearest("quik", names.into_iter()), Some("quick"));
        assert_eq!(nearest("leaderkill", names.into_iter()), Some("leader-kill"));
        assert_eq!(nearest("nonsense", names.into_iter()), None);
    }
}
