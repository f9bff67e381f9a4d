//! The command itself: what it prints, and how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

/// A folder with the recording of a caught mutant, made by the binary.
static KEPT: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let words =
        ["run", "lagging-hw-failover", "--seed", "0", "--mutant", "trunc-to-hw", "--artifacts", "kept"];
    let (code, stdout, stderr) = highwater(folder.path(), &words);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let run = folder.path().join("kept/lagging-hw-failover/seed-0");
    assert!(run.is_dir(), "{stdout}{stderr}");
    (folder, run)
});

/// Exit code, standard output and standard error of the binary.
fn highwater(folder: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HIGHWATER_")) {
        command.env_remove(name);
    }
    let output = command.current_dir(folder).args(words).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    (output.status.code().expect("it was not killed"), text(output.stdout), text(output.stderr))
}

fn explain(words: &[&str]) -> (i32, String, String) {
    let (folder, run) = &*KEPT;
    let run = run.to_str().expect("a plain path");
    highwater(folder.path(), &[&["explain", run], words].concat())
}

#[test]
fn the_first_line_is_the_sentence_and_the_story_follows() {
    let (code, stdout, stderr) = explain(&[]);
    assert_eq!((code, &*stderr), (0, ""), "a run that failed can be explained");
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(lines[0].starts_with("orders/0@") && lines[0].ends_with("s."), "{stdout}");
    assert!(
        lines[0].contains(", was lost: ") && lines[0].contains("; set off by process-kill of "),
        "{stdout}"
    );
    let [title, sent, ..] = &lines[1..] else { panic!("{stdout}") };
    assert!(title.starts_with("the life of orders/0@"), "{stdout}");
    assert!(sent.contains("s  client ") && sent.contains(" sends record "), "{stdout}");
    assert_eq!(explain(&[]), (code, stdout, stderr), "the same again");
}

#[test]
fn the_life_of_any_record_is_told() {
    let (code, stdout, stderr) = explain(&["--record", "orders/1@3"]);
    assert_eq!((code, &*stderr), (0, ""));
    let first = stdout.lines().next().unwrap_or_default();
    assert!(first.starts_with("orders/1@3 (record "), "{stdout}");
    assert!(first.ends_with(" is in the final read; b1, b2 and b3 have it."), "{stdout}");
    assert!(stdout.contains("acknowledges it (acks=all)"), "{stdout}");
}

#[test]
fn a_record_that_nobody_tells_of_is_a_mistake_of_the_user() {
    for (word, told) in [
        ("orders/1@999999", "error: nobody in this run tells of a record at orders/1@999999\n  = help: "),
        ("orders/99@0", "error: nobody in this run tells of a record at orders/99@0\n  = help: "),
        ("orders/1", "error: `orders/1` is no record\n  = help: write it as topic/partition@offset"),
        ("orders/1@-1", "error: `orders/1@-1` is no record\n"),
        ("@1", "error: `@1` is no record\n"),
    ] {
        let (code, stdout, stderr) = explain(&["--record", word]);
        assert_eq!((code, &*stdout), (2, ""), "{word}: {stderr}");
        assert!(stderr.starts_with(told), "{stderr}");
    }
}

#[test]
fn programs_get_one_object() {
    let (code, stdout, _) = explain(&["--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(&stdout).expect("one object");
    assert_eq!((code, &line["event"]), (0, &"run-explained".into()), "{stdout}");
    let (_, human, _) = explain(&[]);
    let sentence = line["sentence"].as_str().expect("a sentence");
    assert_eq!(human.lines().next(), Some(&*format!("{sentence}.")));
    let record = line["record"].as_str().expect("a record");
    assert!(sentence.starts_with(record), "{stdout}");
    let story = line["story"].as_array().expect("a story");
    assert_eq!(story.len() + 1, human.lines().count());
    assert!(story.iter().any(|told| told["time_ns"].is_u64() && told["text"].is_string()), "{stdout}");
    assert!(line["operations"].as_array().is_some_and(|it| (2..=4).contains(&it.len())), "{stdout}");
}

#[test]
fn a_damaged_recording_is_told_from_a_missing_one() {
    let (folder, run) = &*KEPT;
    let damaged = folder.path().join("damaged");
    fs::create_dir_all(&damaged).expect("a folder");
    fs::copy(run.join("scenario.yaml"), damaged.join("scenario.yaml")).expect("it is copied");
    let mut bytes = fs::read(run.join("recording.log")).expect("it is there");
    let middle = bytes.len() / 2;
    bytes.remove(middle);
    fs::write(damaged.join("recording.log"), bytes).expect("it is written");
    let (code, stdout, stderr) = highwater(folder.path(), &["explain", "damaged"]);
    assert_eq!((code, &*stdout), (74, ""), "{stderr}");
    assert!(stderr.contains("damaged at line"), "{stderr}");
    let (code, _, stderr) = highwater(folder.path(), &["explain", "nowhere"]);
    assert_eq!(code, 74, "{stderr}");
    assert_eq!(highwater(folder.path(), &["explain"]).0, 2);
}
