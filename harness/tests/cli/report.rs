//! `highwater report`: what was kept is told as it was when it ran, and under GitHub Actions by itself.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{FILE_NAME, SPLIT, command, folder, highwater, told};

/// The objects of JSON lines, without what a recording does not hold.
fn lines(stdout: &str) -> Vec<Value> {
    let read = |line| {
        let mut event: Value = serde_json::from_str(line).expect("an object a line");
        let fields = event.as_object_mut().expect("an object");
        for name in ["measures", "source", "jobs", "peak_memory_bytes", "recordings_bytes_max"] {
            fields.remove(name);
        }
        event
    };
    stdout.lines().map(read).collect()
}

/// Keeps a run that passed and one that did not, in `artifacts`.
fn keep(folder: &Path) -> String {
    let words = ["run", "s.yaml", "--keep", "all", "--artifacts", "artifacts", "--format", "json"];
    let (code, stdout, stderr) = highwater(folder, &[&words[..], &["--mutant", "ack-before-hw"]].concat());
    assert_eq!(code, 1, "{stdout}{stderr}");
    stdout
}

#[test]
fn what_was_kept_is_told_as_it_was_when_it_ran() {
    let folder = folder(&[("s.yaml", SPLIT)]);
    let ran = keep(folder.path());
    let words =
        ["report", "artifacts", "--junit", "o/junit.xml", "--sarif", "o/o.sarif", "--markdown", "o/o.md"];
    let (code, stdout, stderr) = highwater(folder.path(), &[&words[..], &["--format", "json"]].concat());
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert_eq!(lines(&stdout), lines(&ran));
    for (name, part) in [
        ("junit.xml", "<failure "),
        ("o.sarif", "\"uri\":\"artifacts/split/seed-0/scenario.yaml\""),
        ("o.md", "```sh\nhighwater replay artifacts/split/seed-0\n```"),
    ] {
        let text = fs::read_to_string(folder.path().join("o").join(name)).expect("it was written");
        assert!(text.contains(part), "{name}: {text}");
    }

    // For people, of one run, with all that there is.
    let (code, stdout, _) = highwater(folder.path(), &["report", "artifacts/split/seed-0", "-v"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.lines().count() > 24 && stdout.contains(" led by b1 (epoch 0) from "), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("reproduce: highwater replay artifacts/split/seed-0"));

    // What is damaged hides nothing else.
    let path = folder.path().join("artifacts/split/seed-1").join(FILE_NAME);
    fs::create_dir(path.parent().expect("a folder")).expect("it is made");
    let whole = fs::read(folder.path().join("artifacts/split/seed-0").join(FILE_NAME)).expect("it is there");
    let second = whole.iter().position(|byte| *byte == b'\n').expect("it has lines") + 20;
    fs::write(&path, [&whole[..second], &whole[second + 1..]].concat()).expect("it is written");
    let (code, stdout, _) = highwater(folder.path(), &["report", "artifacts"]);
    assert_eq!(code, 74, "{stdout}");
    assert!(stdout.contains("damaged at line 2"), "{stdout}");
    assert!(stdout.contains("2 runs: 1 violation, 1 unwritable"), "{stdout}");
}

#[test]
fn a_folder_without_runs_says_what_to_do() {
    let folder = folder(&[]);
    let (code, stdout, stderr) = highwater(folder.path(), &["report", "."]);
    assert_eq!((code, stdout.as_str()), (5, ""));
    assert!(stderr.contains("holds no run that was kept") && stderr.contains("--keep all"), "{stderr}");
    let (code, _, stderr) = highwater(folder.path(), &["report", "nowhere"]);
    assert_eq!(code, 74, "{stderr}");
}

#[test]
fn under_github_actions_annotations_and_the_summary_come_by_themselves() {
    let folder = folder(&[("s.yaml", SPLIT), ("summary.md", "of others\n")]);
    keep(folder.path());
    let told_with = |words: &[&str]| {
        let mut command = command(folder.path(), &[&["report", "artifacts"], words].concat());
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "summary.md");
        told(command.output().expect("it starts"))
    };
    let (code, stdout, stderr) = told_with(&[]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let first = stdout.lines().next().expect("lines");
    assert!(first.starts_with("::error file=artifacts/split/seed-0/scenario.yaml,line="), "{first}");
    assert_eq!(stdout.lines().filter(|line| line.starts_with("::")).count(), 1, "{stdout}");
    assert_eq!(stdout.lines().last(), Some("reproduce: highwater replay artifacts/split/seed-0"));
    let summary = fs::read_to_string(folder.path().join("summary.md")).expect("it is there");
    assert!(summary.starts_with("of others\n\n## highwater: violation\n"), "{summary}");

    // Whoever reads JSON finds nothing else there.
    let (_, stdout, stderr) = told_with(&["--format", "json"]);
    assert_eq!(lines(&stdout).len(), 4);
    assert!(stderr.starts_with("::error file="), "{stderr}");

    let (_, stdout, stderr) = highwater(folder.path(), &["report", "artifacts"]);
    assert!(!stdout.contains("::") && !stderr.contains("::"), "{stdout}{stderr}");
}

#[test]
fn pages_are_of_one_run_or_of_all() {
    let folder = folder(&[("s.yaml", SPLIT)]);
    let words =
        ["run", "s.yaml", "--mutant", "ack-before-hw", "--artifacts", "artifacts", "--html", "all.html"];
    let (code, stdout, stderr) = highwater(folder.path(), &words);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let read = |path: &str| fs::read_to_string(folder.path().join(path)).expect("it was written");
    let all = read("all.html");
    assert!(all.contains("<a href=\"artifacts/split/seed-0/report.html\">0</a>"), "{all}");
    assert!(all.contains("<td>network-partition</td>"), "what its faults did: {all}");
    let page = read("artifacts/split/seed-0/report.html");
    let (code, explained, _) = highwater(folder.path(), &["explain", "artifacts/split/seed-0"]);
    assert_eq!(code, 0, "{explained}");
    let sentence = explained.lines().next().expect("a sentence").trim_end_matches('.');
    assert!(page.contains(sentence), "{sentence}");

    let words = ["report", "artifacts/split/seed-0", "--html", "new/one.html"];
    assert_eq!(highwater(folder.path(), &words).0, 1);
    // The same run; but the scenario is now that beside the recording.
    let one = read("new/one.html");
    assert!(one.contains(sentence) && one.contains("artifacts/split/seed-0/scenario.yaml"), "{sentence}");

    // What a run leaves of an earlier one would be about that.
    let (code, ..) = highwater(folder.path(), &["run", "s.yaml", "--artifacts", "artifacts"]);
    assert!(code == 0 && !folder.path().join("artifacts/split/seed-0/report.html").exists());
}
