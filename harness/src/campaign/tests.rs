//! Campaigns of fabricated runs: their order, their exit codes, and what stays of them.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use highwater_checkers::recording::{Ending, FILE_NAME, Header, Recording, VERSION};
use highwater_checkers::verdict::{Anomaly, ExpectationResult, Finding, RunOutcome, RunVerdict, Severity};
use highwater_reports::summary::{RunEnding, StopReason};
use highwater_reports::{CampaignSummary, Event, RunSummary, ScenarioSummary};
use highwater_workloads::{scenario, suites};

use super::*;
use crate::run::{Measures, RunError, RunResult, RunSpec};
use crate::system::System;
use crate::system::kafka::KafkaReference;

/// What a fabricated run does.
#[derive(Clone, Copy)]
enum Course {
    Ends(RunOutcome),
    /// What some seed must show, it shows or not.
    Expects {
        met: bool,
    },
    Panics,
    Unwritable,
    /// It goes on until it is told to stop.
    Endless,
}

use Course::{Endless, Ends, Expects, Panics, Unwritable};

fn verdict(course: Course) -> RunVerdict {
    let outcome = if let Ends(outcome) = course { outcome } else { RunOutcome::Pass };
    let lost = Finding {
        anomaly: Anomaly::Unseen,
        severity: Severity::Violation,
        partition: None,
        what: "a record is gone".into(),
        count: 1,
        secondary: false,
        fates: [].into(),
        evidence: Vec::new(),
    };
    let expectation = |met| ExpectationResult {
        expectation: "sometimes: truncated".into(),
        met,
        every_seed: false,
        found: String::new(),
    };
    RunVerdict {
        outcome: if matches!(course, Endless) { RunOutcome::Inconclusive } else { outcome },
        checkers: [].into(),
        findings: if outcome == RunOutcome::Violation { vec![lost] } else { Vec::new() },
        expectations: if let Expects { met } = course { vec![expectation(met)] } else { Vec::new() },
        inconclusive: Vec::new(),
        counts: Default::default(),
        availability: [].into(),
        consistency: [].into(),
        worst_unavailability: Duration::ZERO,
        recovery: None,
    }
}

fn result(spec: &RunSpec, course: Course) -> Result<RunResult, RunError> {
    match course {
        Panics => panic!("the disk is made of cheese"),
        Unwritable => {
            return Err(RunError::Io {
                path: spec.folder.clone(),
                source: std::io::Error::other("no space"),
            });
        }
        Endless => {
            while !spec.stop.load(Ordering::Relaxed) {
                thread::yield_now();
            }
        }
        Ends(_) | Expects { .. } => {}
    }
    fs::write(spec.folder.join(FILE_NAME), [b'.'; 1_000]).expect("the folder was made");
    let header = Header {
        version: VERSION,
        scenario: spec.scenario.name.clone(),
        scenario_hash: String::new(),
        seed: spec.seed,
        build: String::new(),
        plan: serde_json::Value::Null,
    };
    Ok(RunResult {
        folder: spec.folder.clone(),
        recording: Recording { header, events: Vec::new(), ending: Ending::Incomplete { line: 2 } },
        verdict: verdict(course),
        hash: None,
        measures: Measures::default(),
        interrupted: matches!(course, Endless),
    })
}

/// Keeps what it is told in order.
#[derive(Default)]
struct Told {
    runs: Vec<Arc<RunSummary>>,
    scenarios: Vec<ScenarioSummary>,
    campaign: Option<CampaignSummary>,
    ended: usize,
}

impl Sink for Told {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::RunFinished(run) => self.runs.push(run.clone()),
            Event::ScenarioFinished(scenario) => self.scenarios.push((**scenario).clone()),
            Event::CampaignFinished(campaign) => self.campaign = Some((**campaign).clone()),
            Event::RunEnded { .. } => self.ended += 1,
            Event::CampaignStarted { .. } | Event::RunStarted(_) | Event::RunProgress { .. } => {}
        }
        Ok(())
    }
}

impl Told {
    fn seeds(&self) -> Vec<(&str, u64)> {
        self.runs.iter().map(|run| (&*run.id.scenario, run.id.seed)).collect()
    }
}

fn entry(suite: &str, seeds: Range<u64>) -> Entry {
    let source = suites::find(suite).expect("a shipped suite");
    let scenario = scenario::parse(suite, source, &KafkaReference.vocabulary()).expect("it is valid");
    Entry {
        scenario: Arc::new(scenario),
        source: source.into(),
        source_name: suite.into(),
        seeds,
        mutants: [].into(),
    }
}

fn options(artifacts: &Path, jobs: usize) -> Options {
    Options {
        program: "highwater".into(),
        jobs: NonZeroUsize::new(jobs).expect("some"),
        artifacts: artifacts.to_owned(),
        keep: Keep::Failed,
        recordings_bytes_max: 1_000_000,
        fail_fast: false,
        stop_at_violation: false,
        shown: Shown::First,
        timeline: false,
        timeout: None,
    }
}

fn execute(courses: impl Fn(&RunSpec) -> Course + Send + Sync + 'static) -> Execute {
    Arc::new(move |spec: &RunSpec| result(spec, courses(spec)))
}

/// Runs `quick` with one seed for each course.
fn quick(courses: &[Course], change: impl FnOnce(&mut Options)) -> (Conclusion, Told, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options(folder.path(), 2);
    change(&mut options);
    let entries = [entry("quick", 0..courses.len() as u64)];
    let courses = courses.to_vec();
    let execute = execute(move |spec| courses[spec.seed as usize]);
    let mut told = Told::default();
    let conclusion = run(&entries, &options, &Stop::default(), &execute, &mut told).expect("told");
    (conclusion, told, folder)
}

const PASS: Course = Ends(RunOutcome::Pass);
const VIOLATION: Course = Ends(RunOutcome::Violation);
const INCONCLUSIVE: Course = Ends(RunOutcome::Inconclusive);

#[test]
fn runs_are_told_in_order_whatever_the_order_in_which_they_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let entries = [entry("quick", 3..6), entry("baseline", 0..2)];
    // The first run ends when the last of the others has.
    let ended = Arc::new(Mutex::new(0));
    let execute: Execute = Arc::new(move |spec: &RunSpec| {
        if spec.seed == 3 {
            while *ended.lock().expect("nobody panics") < 4 {
                thread::yield_now();
            }
        }
        let result = result(spec, PASS);
        *ended.lock().expect("nobody panics") += 1;
        result
    });
    let mut told = Told::default();
    let conclusion = run(&entries, &options(folder.path(), 2), &Stop::default(), &execute, &mut told);
    assert_eq!(conclusion.expect("told"), Conclusion::Pass);
    let expected = [("quick", 3), ("quick", 4), ("quick", 5), ("baseline", 0), ("baseline", 1)];
    assert_eq!(told.seeds(), expected);
    assert_eq!(told.scenarios.iter().map(ScenarioSummary::runs).collect::<Vec<_>>(), [3, 2]);
    assert!(!folder.path().exists(), "nothing stays of runs that pass");
}

#[test]
fn the_worst_run_decides() {
    let conclusion = |courses: &[Course]| quick(courses, |_| {}).0;
    let missed = Ends(RunOutcome::ExpectationMissed);
    let nondeterministic = Ends(RunOutcome::Nondeterministic);
    assert_eq!(conclusion(&[PASS, PASS]), Conclusion::Pass);
    assert_eq!(conclusion(&[PASS, INCONCLUSIVE]), Conclusion::Inconclusive);
    assert_eq!(conclusion(&[missed, INCONCLUSIVE]), Conclusion::Violation);
    assert_eq!(conclusion(&[VIOLATION, nondeterministic, PASS]), Conclusion::Nondeterministic);
    assert_eq!(conclusion(&[nondeterministic, Unwritable]), Conclusion::Unwritable);
    assert_eq!(conclusion(&[Unwritable, Panics, VIOLATION]), Conclusion::InternalError);
    assert_eq!(conclusion(&[]), Conclusion::NothingRan);
}

#[test]
fn a_panic_is_told_with_its_seed() {
    let (_, told, _) = quick(&[PASS, Panics, PASS], |_| {});
    let run = &told.runs[1];
    assert!(matches!(&run.ending, RunEnding::Failed { message, .. } if message.contains("made of cheese")));
    assert_eq!(run.reproduce, "highwater run quick --seed 1");
    assert_eq!(told.runs.len(), 3);
}

#[test]
fn recordings_of_failures_stay_within_the_limit() {
    let folders = |folder: &tempfile::TempDir| {
        let mut names: Vec<_> = fs::read_dir(folder.path().join("quick"))
            .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    };
    let courses = [PASS, VIOLATION, INCONCLUSIVE, VIOLATION];
    let (_, told, folder) = quick(&courses, |_| {});
    assert_eq!(folders(&folder), ["seed-1", "seed-2", "seed-3"]);
    let kept = folder.path().join("quick/seed-1");
    assert_eq!(told.runs[1].reproduce, format!("highwater replay {}", kept.display()));
    assert!(kept.join(SCENARIO_FILE).exists());

    let (_, _, folder) = quick(&courses, |options| options.keep = Keep::All);
    assert_eq!(folders(&folder).len(), 4);

    let (_, told, folder) = quick(&courses, |options| options.recordings_bytes_max = 1_500);
    assert_eq!(folders(&folder), ["seed-1"]);
    assert_eq!(told.campaign.expect("was told").dropped_recordings, 2);
    assert_eq!(told.runs[3].reproduce, "highwater run quick --seed 3");

    let (_, _, folder) = quick(&courses, |options| options.recordings_bytes_max = 1);
    assert_eq!(folders(&folder), ["seed-1"], "one always stays");
}

#[test]
fn what_some_seed_must_show_is_judged_over_all() {
    let (conclusion, told, _) = quick(&[Expects { met: false }, Expects { met: true }, PASS], |_| {});
    assert_eq!((conclusion, told.scenarios[0].missed.len()), (Conclusion::Pass, 0));
    let (conclusion, told, _) = quick(&[Expects { met: false }, Expects { met: false }], |_| {});
    assert_eq!(conclusion, Conclusion::Violation);
    assert_eq!(told.scenarios[0].missed, ["sometimes: truncated"]);
}

#[test]
fn nothing_begins_after_a_failure_with_fail_fast() {
    let mut courses = vec![PASS, VIOLATION];
    courses.extend([Expects { met: false }; 50]);
    let (conclusion, told, _) = quick(&courses, |options| {
        options.fail_fast = true;
        options.jobs = NonZeroUsize::MIN;
    });
    assert_eq!((conclusion, told.runs.len()), (Conclusion::Violation, 2));
    let campaign = told.campaign.expect("was told");
    assert_eq!((campaign.stopped, campaign.planned), (Some(StopReason::FailFast), 52));
}

#[test]
fn the_time_limit_ends_runs_and_what_was_found_is_told() {
    let limit = |options: &mut Options| options.timeout = Some(Duration::from_millis(50));
    let (conclusion, told, folder) = quick(&[PASS, Endless, Endless, PASS, PASS], limit);
    assert_eq!(conclusion, Conclusion::TimedOut);
    assert!(told.runs.len() < 5, "nothing begins afterwards");
    assert!(told.scenarios[0].missed.is_empty());
    assert!(!folder.path().join("quick").exists(), "what was cut short is worth nothing");
    let (conclusion, ..) = quick(&[VIOLATION, Endless, Endless], limit);
    assert_eq!(conclusion, Conclusion::Violation);
}

#[test]
fn an_interruption_is_told_unless_something_was_found() {
    let folder = tempfile::tempdir().expect("a folder");
    for (first, expected) in [(PASS, Conclusion::Interrupted), (VIOLATION, Conclusion::Violation)] {
        let stop = Stop::default();
        let request = stop.clone();
        let execute = execute(move |spec| {
            if spec.seed == 1 {
                request.request(StopReason::Interrupted);
            }
            if spec.seed == 0 { first } else { Endless }
        });
        let mut told = Told::default();
        let entries = [entry("quick", 0..100)];
        let conclusion = run(&entries, &options(folder.path(), 1), &stop, &execute, &mut told).expect("told");
        assert_eq!(conclusion, expected);
        assert_eq!(told.seeds(), [("quick", 0), ("quick", 1)]);
        assert_eq!(told.ended, 2);
        assert_eq!(told.campaign.expect("was told").stopped, Some(StopReason::Interrupted));
    }
}
