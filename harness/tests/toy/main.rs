//! A system that nobody here knows: a toy queue, which shares nothing with Kafka, goes through the whole of it.
//!
//! What holds of it holds of any system that users bring, and shows that nothing above the worlds knows which
//! one it runs in.

mod system;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use highwater::campaign::Execute;
use highwater::campaign::thread::alone;
use highwater::run::{self, RunResult, RunSpec};
use highwater::system::System;
use highwater_checkers::ids::Time;
use highwater_checkers::judge::Shown;
use highwater_checkers::recording::{Event, Stage};
use highwater_checkers::verdict::{Anomaly, Finding, RunOutcome};
use highwater_workloads::scenario;
use system::ToyQueue;
use tempfile::TempDir;

const SCENARIO: &str = "\
version: 1
name: toy
system: toy
cluster: { brokers: 2, controllers: 1, config: { flush: every-batch } }
topics:
  - { name: orders, partitions: 2, replication: 1 }
clients:
  - producer: { count: 2, topic: orders, rate: 50/s, timeout: 1s }
  - consumer: { count: 3, topic: orders }
faults:
  - kind: process-kill
    at: 2s
    selector: { role: leader, topic: orders, partition: 0 }
    restart_after: 500ms
  - kind: power-loss
    at: 4s
    selector: { role: any, mode: all }
    unsynced: lost
    restart_after: 500ms
run: { duration: 6s, seeds: 2 }
";

/// The scenario with another configuration of the brokers.
fn configured(config: &str) -> String {
    let changed = SCENARIO.replace("flush: every-batch", config);
    assert!(changed.contains(config));
    changed
}

/// Runs a scenario at one seed.
fn run(source: &str) -> RunResult {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = scenario::parse("toy.yaml", source, &ToyQueue.vocabulary()).expect("it is valid");
    let spec = RunSpec {
        scenario: Arc::new(scenario),
        source: source.into(),
        source_name: "toy.yaml".into(),
        seed: 1,
        folder: folder.path().to_owned(),
        stop: Arc::default(),
        until: None,
        stop_at_violation: false,
        shown: Shown::First,
        progress: None,
    };
    let execute: Execute = Arc::new(|spec: &RunSpec| run::execute(&ToyQueue, spec));
    alone(spec, &execute).expect("nothing but what is tested fails")
}

fn finding(result: &RunResult, anomaly: Anomaly) -> &Finding {
    let mut findings = result.verdict.findings.iter();
    findings.find(|finding| finding.anomaly == anomaly).unwrap_or_else(|| panic!("{:#?}", result.verdict))
}

#[test]
fn what_is_synced_survives_a_kill_and_a_power_loss() {
    let verdict = run(SCENARIO).verdict;
    assert_eq!(verdict.outcome, RunOutcome::Pass, "{verdict:#?}");
    assert!(verdict.counts.acknowledged > 100 && verdict.recovery.is_some(), "{verdict:#?}");
    assert_eq!((verdict.counts.lost, verdict.findings.len()), (0, 0), "{verdict:#?}");
}

#[test]
fn a_sync_that_is_promised_and_left_out_is_a_violation() {
    let result = run(&configured("flush: every-batch, mutants: [skip-sync]"));
    assert_eq!(result.verdict.outcome, RunOutcome::Violation);
    assert!(finding(&result, Anomaly::Unseen).is_violation());
    assert!(finding(&result, Anomaly::ReadThenLost).is_violation());
    assert!(result.verdict.counts.lost > 0);
}

#[test]
fn a_node_that_ends_by_itself_is_a_violation_and_ends_the_run() {
    for (how, message) in [("error", "ended by itself: it gives up, at 3"), ("panic", "it panics")] {
        let result = run(&configured(&format!("flush: every-batch, ends-by: {how}")));
        assert_eq!(result.verdict.outcome, RunOutcome::Violation, "{:#?}", result.verdict);
        let finding = finding(&result, Anomaly::Crashed);
        assert!(finding.what.starts_with("b") && finding.what.contains(message), "{}", finding.what);
        assert!(result.recording.footer().is_some(), "the recording is whole up to there");
        let last = result.recording.events.last().expect("something happened");
        assert!(matches!(last, Event::Mark(mark) if mark.stage == Stage::Crashed), "{last:?}");
    }
}

#[test]
fn what_was_never_promised_may_be_lost() {
    let result = run(&configured("flush: never"));
    assert_eq!(result.verdict.outcome, RunOutcome::Pass, "{:#?}", result.verdict);
    assert!(!finding(&result, Anomaly::Unseen).is_violation());
    let counts = &result.verdict.counts;
    assert!(counts.lost > 0 && counts.lost == counts.lost_permitted, "{counts:?}");
}

#[test]
fn a_system_that_tells_nothing_of_itself_is_judged_by_what_its_clients_saw() {
    let silent = |config: &str| {
        let role = "selector: { role: leader, topic: orders, partition: 0 }";
        run(&configured(&format!("{config}, trace: false")).replace(role, "selector: { brokers: [b1] }"))
    };
    let verdict = silent("flush: every-batch").verdict;
    assert_eq!(verdict.outcome, RunOutcome::Pass, "{verdict:#?}");
    let result = silent("flush: every-batch, mutants: [skip-sync]");
    assert!(finding(&result, Anomaly::Unseen).is_violation());
}

/// Runs the example's binary, a user's own, on a scenario. Returns its folder, exit code, standard output and
/// standard error.
fn toy_queue(words: &[&str], source: &str) -> (TempDir, i32, String, String) {
    let test = std::env::current_exe().expect("a test is a file");
    let profile = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let binary = profile.join("examples").join(format!("toy_queue{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "{} is not built: `cargo build --examples` does it", binary.display());
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("toy.yaml"), source).expect("it is written");
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HIGHWATER_")) {
        command.env_remove(name);
    }
    let output = command.current_dir(folder.path()).args(words).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    let code = output.status.code().expect("it was not killed");
    (folder, code, text(output.stdout), text(output.stderr))
}

const DETERMINISM: &[&str] = &["determinism", "toy.yaml", "--seeds", "3..5"];

#[test]
fn a_system_that_keeps_to_its_seed_is_deterministic() {
    let (_folder, code, stdout, stderr) = toy_queue(DETERMINISM, SCENARIO);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[test]
fn an_order_that_no_seed_decides_is_found_with_the_first_event_that_differs() {
    let (folder, code, stdout, stderr) =
        toy_queue(DETERMINISM, &configured("flush: every-batch, mutants: [hash-order]"));
    assert_eq!(code, 4, "{stdout}{stderr}");
    let lines: Vec<_> = stdout.lines().collect();
    assert!(lines[0].starts_with("nondeterminism: toy seed 3 has two recordings, which differ from line "));
    // Each recording with its own event: a folder that is there, and what it has at that line.
    let sides: Vec<_> =
        lines[1..3].iter().map(|line| line.trim_start().split_once(": ").expect("a folder")).collect();
    assert!(
        sides.iter().all(|(side, _)| folder.path().join(side).join("recording.log").exists()),
        "{stdout}"
    );
    assert!(sides[0].0.ends_with("seed-3/first-thread"), "{stdout}");
    assert_ne!(sides[0].1, sides[1].1);
    assert!(sides.iter().all(|(_, event)| event.contains("s c") && event.contains(" ok ")), "{stdout}");
    assert_eq!(lines[3..], ["reproduce: toy_queue determinism toy.yaml --seed 3"]);
}

#[test]
fn a_users_binary_tells_how_to_reproduce_what_it_found() {
    let source = configured("flush: every-batch, mutants: [skip-sync]");
    let (folder, code, stdout, _) = toy_queue(&["run", "toy.yaml", "--count", "1"], &source);
    let replay = "highwater-artifacts/toy/seed-0";
    assert_eq!((code, stdout.lines().last()), (1, Some(&*format!("reproduce: toy_queue replay {replay}"))));
    // The folder goes with its guard, so that it is handed over by its path.
    let recorded = folder.path().join(replay);
    let (_folder, code, stdout, _) = toy_queue(&["replay", &recorded.display().to_string()], &source);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("equal to the recording, byte by byte"), "{stdout}");
}

#[test]
fn a_run_ends_at_its_first_violation_if_it_is_asked_to() {
    let source = configured("flush: every-batch, wrong-isr: true");
    let words = ["run", "toy.yaml", "--count", "1", "--stop-at-violation"];
    let (folder, code, stdout, _) = toy_queue(&words, &source);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("violation: orders/0 breaks W8 LeaderInIsr: "), "{stdout}");
    let recorded = folder.path().join("highwater-artifacts/toy/seed-0");
    let stopped = run::read(&recorded).expect("it is whole");
    assert!(stopped.footer().is_some_and(|footer| footer.end < Time::from_millis(1_000)));
    // A replay goes on, and shows the same as far as the recording goes.
    let (_folder, code, stdout, _) = toy_queue(&["replay", &recorded.display().to_string()], &source);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("equal to the recording as far as that goes: it was stopped"), "{stdout}");
    // What the scenario expects does not end it.
    let expected = format!("{source}expect: {{ violation: [W8, W14, stuck] }}\n");
    let (_folder, code, stdout, _) = toy_queue(&words, &expected);
    assert_eq!(code, 0, "{stdout}");
}

#[test]
fn every_instance_of_an_anomaly_is_shown_if_it_is_asked_for() {
    let source = configured("flush: every-batch, mutants: [skip-sync]");
    let unseen = |more: &[&str]| {
        let words = [&["run", "toy.yaml", "--count", "1", "--format", "json"], more].concat();
        let (folder, code, stdout, _) = toy_queue(&words, &source);
        assert_eq!(code, 1, "{stdout}");
        let events = stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line"));
        let events: Vec<serde_json::Value> = events.collect();
        let findings = events.iter().filter_map(|event| event["findings"].as_array()).flatten();
        let unseen = findings.filter(|it| it["anomaly"] == "unseen").max_by_key(|it| it["count"].as_u64());
        let unseen = unseen.expect("records were lost");
        let shown = unseen["evidence"].as_array().expect("a list").len();
        (folder, unseen["count"].as_u64().expect("a number") as usize, shown)
    };
    let (_folder, count, shown) = unseen(&[]);
    assert!(count > Finding::EVIDENCE_MAX, "{count}");
    assert_eq!(shown, Finding::EVIDENCE_MAX);
    let (folder, counted, shown) = unseen(&["--all"]);
    assert_eq!((counted, shown), (count, count));
    let recorded = folder.path().join("highwater-artifacts/toy/seed-0").display().to_string();
    let instances = |words: &[&str]| {
        let (_folder, code, stdout, _) = toy_queue(words, &source);
        assert_eq!(code, 1, "{stdout}");
        let below = stdout.lines().skip_while(|line| !line.starts_with("unseen: ")).skip(1);
        below.take_while(|line| line.starts_with("  ")).count()
    };
    assert_eq!(instances(&["replay", &recorded]), 0);
    assert!(instances(&["replay", &recorded, "--all"]) > 0);
}

#[test]
fn a_scenario_for_another_system_is_refused_where_it_says_so() {
    let kafka = SCENARIO.replace("system: toy", "system: kafka");
    let (_folder, code, stdout, stderr) = toy_queue(&["run", "toy.yaml"], &kafka);
    assert_eq!((code, &*stdout), (2, ""));
    assert_eq!(
        stderr,
        "error: unknown system `kafka`\n --> toy.yaml:3:9\n  |\n3 | system: kafka\n  |         ^^^^^\n  \
         = help: only `toy` is known\n\ntoy.yaml: 1 mistake\n"
    );
    let (_folder, code, stdout, _) = toy_queue(&["list", "mutants"], SCENARIO);
    let told = "skip-sync   the promise of a sync  An append is answered before it is synced\n\
                hash-order  determinism            Readers are woken in no order\n";
    assert_eq!((code, &*stdout), (0, told));
}

#[test]
fn a_mutant_is_caught_where_it_shows_and_one_that_shows_nowhere_survives() {
    let words = ["mutants", "--seeds", "5..7", "--only", "skip-sync", "--format", "json"];
    let (folder, code, stdout, stderr) = toy_queue(&words, SCENARIO);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let lines: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let caught = &lines[0];
    assert_eq!((&caught["mutant"], &caught["outcome"]), (&"skip-sync".into(), &"caught".into()));
    assert_eq!(
        (&caught["seed"], &caught["seeds_needed"], &caught["runs"]),
        (&5.into(), &1.into(), &1.into())
    );
    let reproduce = "toy_queue run toy.yaml --seed 5 --mutant skip-sync";
    assert_eq!(caught["reproduce"], reproduce);
    let unseen = |finding: &serde_json::Value| finding["anomaly"] == "unseen";
    assert!(caught["findings"].as_array().expect("a list").iter().any(unseen), "{stdout}");
    assert_eq!((&lines[1]["caught"], &lines[1]["seeds_median"]), (&1.into(), &1.0.into()));
    assert!(stderr.starts_with("[1/1] skip-sync: caught by "), "{stderr}");
    assert!(!folder.path().join("highwater-artifacts").exists(), "no recording stays");

    let words: Vec<_> = reproduce.split(' ').skip(1).collect();
    assert_eq!(toy_queue(&words, SCENARIO).1, 1);

    // It breaks nothing that is promised.
    let (_folder, code, stdout, _) = toy_queue(&["mutants", "--seeds", "5..6"], SCENARIO);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("\nhash-order  determinism            survived after 1 run\n"), "{stdout}");
    assert!(stdout.contains("2 mutants: 1 caught, 1 survived, median of seeds 1, "), "{stdout}");
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is read").map(|entry| entry.expect("it is read").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn only_the_simulated_world_knows_what_it_is_made_of() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let names =
        |path: &PathBuf| fs::read_to_string(path).expect("it is text").to_lowercase().contains("turmoil");
    let naming: BTreeSet<_> = files(&sources).into_iter().filter(names).collect();
    let inside = sources.join("world").join("sim");
    assert!(!naming.is_empty() && naming.iter().all(|path| path.starts_with(&inside)), "{naming:#?}");
    let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy/system.rs");
    assert!(!names(&system), "the system knows nothing of it either");
}
