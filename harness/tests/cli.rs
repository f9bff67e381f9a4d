//! The binary, as its users meet it: messages and exit codes that need no simulated run.

#[path = "cli/check.rs"]
mod check;
#[path = "cli/report.rs"]
mod report;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use highwater_checkers::ids::Time;
use highwater_checkers::recording::{
    Event, FILE_NAME, Header, Mark, RecordingWriter, Stage, TraceHash, VERSION,
};
use tempfile::TempDir;

/// A scenario without a mistake.
const VALID: &str = "\
version: 1
name: tiny
topics:
  - { name: t, partitions: 1, replication: 3 }
clients:
  - producer: { topic: t, rate: 10/s }
  - consumer: { topic: t }
faults:
  - kind: process-kill
    at: 2s
    selector: { brokers: [b2] }
    restart_after: 1s
run: { duration: 5s, seeds: 2 }
";

/// The binary, about to run in `folder`.
fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    // A CI server that runs these tests is not to see what they run.
    let matters = |name: &str| name.starts_with("HIGHWATER_") || name.starts_with("GITHUB_");
    for (name, _) in std::env::vars().filter(|(name, _)| matters(name)) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(words);
    command
}

/// Exit code, standard output and standard error.
fn told(Output { status, stdout, stderr }: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    (status.code().expect("it was not killed"), text(stdout), text(stderr))
}

/// Runs the binary in `folder`. Returns its exit code, standard output and standard error.
fn highwater(folder: &Path, words: &[&str]) -> (i32, String, String) {
    told(command(folder, words).output().expect("it starts"))
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it is written");
    }
    folder
}

/// Runs the binary on one file, and asserts that no panic reached the user.
fn with_file(command: &str, text: &str) -> (i32, String) {
    let folder = folder(&[("s.yaml", text)]);
    let (code, stdout, stderr) = highwater(folder.path(), &[command, "s.yaml"]);
    assert_eq!(stdout, "");
    assert!(!stderr.contains("panicked"), "{stderr}");
    (code, stderr)
}

#[test]
fn a_valid_scenario_is_called_valid() {
    let folder = folder(&[("s.yaml", VALID)]);
    let told = highwater(folder.path(), &["validate", "s.yaml", "quick"]);
    assert_eq!(told, (0, "2 scenarios without mistakes\n".into(), String::new()));
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let first = VALID.replace("process-kill", "proces-kill").replace("duration: 5s", "duration: 5 parsecs");
    let second = VALID.replace("[b2]", "[b9]");
    let folder = folder(&[("a.yaml", &first), ("b.yaml", &second), ("c.yaml", VALID)]);
    let (code, stdout, stderr) = highwater(folder.path(), &["validate", "."]);
    assert_eq!((code, &*stdout), (2, ""));
    assert_eq!(stderr, include_str!("cli/mistakes.txt"));
    let (code, _, from_run) = highwater(folder.path(), &["run", "."]);
    assert_eq!((code, from_run), (2, stderr));
    assert!(!folder.path().join("highwater-artifacts").exists(), "nothing ran");
}

#[test]
fn files_that_are_no_scenarios_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{below}]\n");
    }
    for command in ["validate", "run"] {
        for (text, told) in [("", "empty"), ("a: [", "not valid YAML"), (&bomb, "aliases are expanded")] {
            let (code, stderr) = with_file(command, text);
            assert_eq!(code, 2, "{stderr}");
            assert!(stderr.contains(told) && stderr.contains("s.yaml:"), "{stderr}");
        }
    }
}

#[test]
fn a_file_of_100_megabytes_is_refused_unread() {
    let folder = folder(&[]);
    let file = File::create(folder.path().join("big.yaml")).expect("it is made");
    file.set_len(100 << 20).expect("a sparse file");
    let (code, _, stderr) = highwater(folder.path(), &["run", "big.yaml"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("over the limit of 1 MiB"), "{stderr}");
}

#[test]
fn nothing_to_run_is_told() {
    let folder = folder(&[("notes.txt", "no scenario")]);
    let (code, _, stderr) = highwater(folder.path(), &["run", "."]);
    assert_eq!(code, 5);
    assert_eq!(stderr, "error: . holds no scenario\n  = help: a folder stands for every *.yaml in it\n");
    let (code, _, stderr) = highwater(folder.path(), &["run", "quick", "--seeds", "7..7"]);
    assert_eq!(code, 5);
    assert!(stderr.contains("no seed to run"), "{stderr}");
}

#[test]
fn bad_usage_says_what_to_do() {
    let folder = folder(&[("a.yaml", VALID), ("b.yaml", VALID)]);
    let cases: [(&[&str], i32, &str); 12] = [
        (&["run", "qick"], 2, "did you mean `quick`?"),
        (&["run", "nonsense"], 2, "shipped suites are baseline, "),
        (&["run", "absent.yaml"], 74, "cannot read absent.yaml: No such file"),
        (&["run", "."], 2, "are both named `tiny`"),
        (&["run", "quick", "--seeds", "9..3"], 2, "runs backwards"),
        (&["run", "quick", "--timeout", "5 parsecs"], 2, "no unit of time"),
        (&["fly"], 2, "unrecognized subcommand"),
        (&["run", "quick", "--mutant", "ack-before-hv"], 2, "did you mean `ack-before-hw`?"),
        (&["run", "quick", "--mutant", "crc-skip,goblin"], 2, "`goblin` is no mutant of the system `kafka`"),
        (&["run", "quick", "--mutant", "goblin"], 2, "`list mutants` names those that there are"),
        (&["mutants", "--only", "crc-skp"], 2, "did you mean `crc-skip`?"),
        (&["mutants", "--seeds", "4..4"], 5, "there is no seed to run"),
    ];
    for (words, code, told) in cases {
        let (found, stdout, stderr) = highwater(folder.path(), words);
        assert_eq!((found, &*stdout), (code, ""), "{words:?}: {stderr}");
        assert!(stderr.contains(told), "{words:?}: {stderr}");
    }
}

#[test]
fn the_catalogues_are_listed() {
    let folder = folder(&[]);
    for (catalogue, entry) in [
        ("faults", "power-loss "),
        ("checks", "read-then-lost "),
        ("suites", "quick "),
        ("events", "leader-elected "),
        ("events", "high_watermark "),
        ("mutants", "ack-before-hw "),
    ] {
        let (code, stdout, _) = highwater(folder.path(), &["list", catalogue]);
        assert_eq!(code, 0);
        assert!(stdout.lines().any(|line| line.starts_with(entry)), "{stdout}");
    }
}

/// A scenario in which a leader is cut off from its followers while producers still reach it.
const SPLIT: &str = "\
version: 1
name: split
cluster: { config: { broker.session.timeout.ms: 2000, broker.heartbeat.interval.ms: 500 } }
topics:
  - { name: t, partitions: 1, replication: 3, config: { min.insync.replicas: 2 } }
clients:
  - producer: { topic: t, rate: 20/s }
  - consumer: { topic: t }
faults:
  - kind: network-partition
    at: 1s
    duration: 4s
    selector: { role: leader }
    target: { role: any, mode: all }
run: { duration: 6s, seeds: 1 }
";

#[test]
fn a_mutant_of_the_command_line_makes_a_run_red_and_stays_with_its_recording() {
    let folder = folder(&[("s.yaml", SPLIT)]);
    let run = ["run", "s.yaml", "--keep", "all"];
    let (code, stdout, stderr) = highwater(folder.path(), &run);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let (code, stdout, _) = highwater(folder.path(), &[&run[..], &["--mutant", "ack-before-hw"]].concat());
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains(" lost value "), "{stdout}");
    assert_eq!(stdout.lines().last(), Some("reproduce: highwater replay highwater-artifacts/split/seed-0"));

    let (code, stdout, _) = highwater(folder.path(), &["replay", "highwater-artifacts/split/seed-0"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("equal to the recording, byte by byte"), "{stdout}");

    // A run whose recording does not stay is told with the mutant, which may come from the environment.
    let words = ["run", "s.yaml", "--format", "json"];
    let output = command(folder.path(), &words).env("HIGHWATER_MUTANT", "crc-skip,epoch0-lost").output();
    let (code, stdout, stderr) = told(output.expect("it starts"));
    assert_eq!(code, 0, "{stdout}{stderr}");
    let again = r#""reproduce":"highwater run s.yaml --seed 0 --mutant crc-skip --mutant epoch0-lost""#;
    assert!(stdout.contains(again), "{stdout}");
}

#[test]
fn a_shipped_mutant_is_caught() {
    let folder = folder(&[]);
    let words = ["mutants", "--only", "ack-before-hw", "--seeds", "0..20"];
    let (code, stdout, stderr) = highwater(folder.path(), &words);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.lines().any(|line| line.starts_with("ack-before-hw  KAFKA-955  ")), "{stdout}");
    let again = stdout.lines().last().and_then(|line| line.strip_prefix("see for yourself: highwater run "));
    assert!(again.is_some_and(|words| words.ends_with(" --mutant ack-before-hw")), "{stdout}");
}

/// Writes a recording of three events, and its scenario beside it. Returns the recording's bytes.
fn record(folder: &Path) -> Vec<u8> {
    let header = Header {
        version: VERSION,
        scenario: "tiny".into(),
        scenario_hash: TraceHash::default().with(VALID.as_bytes()).to_string(),
        seed: 1,
        build: "some other build".into(),
        plan: serde_json::Value::Null,
    };
    let mut writer = RecordingWriter::new(Vec::new(), &header).expect("it is written");
    for (second, stage) in (0..).zip([Stage::Steady, Stage::Calm, Stage::FinalRead]) {
        let mark = Mark { stage, time: Time::from_millis(1_000 * second), note: None };
        writer.event(&Event::Mark(mark)).expect("it is written");
    }
    let (bytes, _) = writer.finish(Time::from_millis(3_000), BTreeMap::new()).expect("it is written");
    fs::write(folder.join(FILE_NAME), &bytes).expect("it is written");
    fs::write(folder.join("scenario.yaml"), VALID).expect("it is written");
    bytes
}

#[test]
fn a_damaged_recording_is_refused_with_the_line() {
    let folder = folder(&[]);
    let bytes = record(folder.path());
    let length = bytes.len();
    // Within the first, the second and the last line, but for its end: a torn last line is no damage.
    let second = bytes.iter().position(|byte| *byte == b'\n').expect("has lines") + 20;
    let last = bytes[..length - 1].iter().rposition(|byte| *byte == b'\n').expect("has lines") + 20;
    for (position, line) in [(0, 1), (30, 1), (second, 2), (last, 5)] {
        let mut damaged = bytes.clone();
        damaged.remove(position);
        fs::write(folder.path().join(FILE_NAME), damaged).expect("it is written");
        let (code, stdout, stderr) = highwater(folder.path(), &["replay", "."]);
        assert_eq!((code, &*stdout), (74, ""), "{stderr}");
        assert!(stderr.contains(&format!("damaged at line {line}:")), "{stderr}");
    }
}

#[test]
fn a_run_is_judged_and_told() {
    let folder = folder(&[("s.yaml", VALID)]);
    let (code, stdout, stderr) = highwater(folder.path(), &["run", "s.yaml"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("2 runs: 2 pass"), "{stdout}");
    assert!(!folder.path().join("highwater-artifacts").exists(), "recordings of passing runs are deleted");

    let words =
        ["run", "s.yaml", "--seed", "1", "--format", "json", "--junit", "reports/junit.xml", "--keep", "all"];
    let (code, stdout, _) = highwater(folder.path(), &words);
    let events: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert_eq!((code, events.len()), (0, 4), "{stdout}");
    assert_eq!(events[1]["recording"], "highwater-artifacts/tiny/seed-1");
    assert_eq!(events[3]["conclusion"], "pass");
    let junit = fs::read_to_string(folder.path().join("reports/junit.xml")).expect("it was written");
    assert!(junit.contains(r#"<testcase name="seed 1" classname="tiny""#), "{junit}");

    let (code, stdout, _) =
        highwater(folder.path(), &["replay", "highwater-artifacts/tiny/seed-1", "--until", "1s"]);
    assert_eq!(code, 0, "{stdout}");
    fs::write(folder.path().join("highwater-artifacts/tiny/seed-1/scenario.yaml"), "name: other")
        .expect("written");
    let (code, _, stderr) = highwater(folder.path(), &["replay", "highwater-artifacts/tiny/seed-1"]);
    assert_eq!(code, 74);
    assert!(stderr.contains("it is not the scenario that was recorded"), "{stderr}");
}

#[test]
fn one_seed_gives_one_recording_in_threads_and_in_another_process() {
    let folder = folder(&[("s.yaml", VALID)]);
    let (code, stdout, stderr) = highwater(folder.path(), &["determinism", "s.yaml", "--seeds", "0..2"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.starts_with("2 runs: each recorded twice in threads and once in another"), "{stdout}");
    assert!(!folder.path().join("highwater-artifacts").exists(), "recordings that are equal are deleted");
}

#[cfg(unix)]
#[test]
#[expect(clippy::disallowed_methods, reason = "the process that is waited for lives in real time")]
fn what_was_found_before_an_interruption_is_told() {
    let endless = VALID.replace("name: tiny", "name: endless").replace("duration: 5s", "duration: 24h");
    let folder = folder(&[("first.yaml", VALID), ("second.yaml", &endless)]);
    let child = command(folder.path(), &["run", ".", "--count", "1", "--jobs", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let begun = folder.path().join("highwater-artifacts/endless/seed-0").join(FILE_NAME);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !begun.exists() {
        assert!(Instant::now() < deadline, "the second run did not begin");
        sleep(Duration::from_millis(1));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("it starts");
    assert!(sent.success());
    let (code, stdout, stderr) = told(child.wait_with_output().expect("it ends"));
    assert_eq!(code, 130, "{stdout}{stderr}");
    assert!(stderr.contains("interrupted: runs end at their next tick"), "{stderr}");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<_> = stdout.lines().map(words).collect();
    for begins in [
        "tiny seed 0 pass",
        "endless seed 0 inconclusive, stopped",
        "2 of 2 runs, interrupted: 1 pass, 1 inconclusive",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(begins)), "{begins}: {stdout}");
    }
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let folder = folder(&[]);
    let (code, _, stderr) = highwater(folder.path(), &["replay", "absent"]);
    assert_eq!(code, 74);
    assert!(stderr.contains("absent/recording.log"), "{stderr}");
}
