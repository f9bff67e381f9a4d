//! What is told of broken files, word for word: `tests/diagnostics/NAME.yaml` and `NAME.txt`.
//!
//! `BLESS=1` in the environment writes the texts anew.

mod vocabulary;

use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_workloads::scenario::{self, Diagnostics, LoadError, Scenario};
use proptest::prelude::*;

fn parse(name: &str, text: &str) -> Result<Scenario, Diagnostics> {
    scenario::parse(name, text, &vocabulary::kafka())
}

fn broken_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

#[test]
fn every_broken_file_is_told_in_full() {
    let files = broken_files();
    assert!(files.len() >= 12, "{files:?}");
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let told = parse(name, &std::fs::read_to_string(&path).unwrap()).expect_err(name).to_string();
        let golden = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert!(told == expected, "{name} is told differently:\n{told}");
    }
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_read() {
    let path = std::env::temp_dir().join(format!("highwater-{}-large.yaml", std::process::id()));
    let file = std::fs::File::create(&path).unwrap();
    // Sparse: nothing of it is on the disk.
    file.set_len(100 << 20).unwrap();
    let refused = scenario::load(&path, &vocabulary::kafka()).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    let LoadError::Invalid(told) = refused else { panic!("{refused:?}") };
    assert_eq!(told.entries[0].message, "the file is 104857600 bytes long, over the limit of 1 MiB");
    let missing = scenario::load(&path, &vocabulary::kafka()).unwrap_err();
    assert!(matches!(missing, LoadError::Unreadable { .. }), "{missing:?}");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let path = std::env::temp_dir().join(format!("highwater-{}-bytes.yaml", std::process::id()));
    std::fs::write(&path, b"version: 1\nname: \xff\n").unwrap();
    let refused = scenario::load(&path, &vocabulary::kafka()).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    let LoadError::Invalid(told) = refused else { panic!("{refused:?}") };
    assert_eq!(told.entries[0].message, "line 2 of the file is not UTF-8");
}

#[test]
fn defaults_are_filled_in() {
    let text = "version: 1\nname: x\ntopics: [{ name: t }]\nclients: [producer: { topic: t }]\n";
    let scenario = parse("x.yaml", text).unwrap();
    assert_eq!((scenario.cluster.brokers, scenario.cluster.controllers), (3, 3));
    assert_eq!((scenario.topics[0].partitions, scenario.topics[0].replication), (1, 3));
    assert_eq!(scenario.run.duration, Duration::from_secs(30));
    assert!(scenario.faults.is_empty() && scenario.steady_state.isr_full);
}

/// Pieces of scenarios, so that random texts get beyond the first field.
fn fragments() -> impl Strategy<Value = String> {
    let shipped: Vec<String> = broken_files()
        .into_iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .chain(highwater_workloads::suites::embedded().iter().map(|(_, text)| (*text).to_owned()))
        .collect();
    let words: Vec<String> =
        shipped.iter().flat_map(|text| text.split_inclusive([' ', '\n'])).map(str::to_owned).collect();
    prop::collection::vec(prop::sample::select(words), 0..60).prop_map(|words| words.concat())
}

/// A shipped suite in which a few characters are replaced.
fn mutated() -> impl Strategy<Value = String> {
    let texts: Vec<&str> = highwater_workloads::suites::embedded().iter().map(|(_, text)| *text).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 1..5);
    (prop::sample::select(texts), edits).prop_map(|(text, edits)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, with) in edits {
            let at = at.index(chars.len());
            chars[at] = with;
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse("x.yaml", &String::from_utf8_lossy(&bytes)).map_err(|told| told.to_string());
    }

    #[test]
    fn no_pieces_of_scenarios_make_the_parser_panic(text in fragments()) {
        if let Err(told) = parse("x.yaml", &text) {
            prop_assert!(!told.entries.is_empty() && !told.to_string().is_empty());
        }
    }

    #[test]
    fn no_edit_of_a_suite_makes_the_parser_or_the_planner_panic(text in mutated()) {
        match parse("x.yaml", &text) {
            Ok(scenario) => drop(highwater_workloads::Plan::new(&scenario, 1)),
            Err(told) => prop_assert!(!told.to_string().is_empty()),
        }
    }
}
