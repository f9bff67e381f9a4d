//! The runs that are explained: mutants, each at the first seed at which it is caught losing records.

use std::collections::BTreeSet;
use std::sync::Arc;

use highwater::campaign::{Execute, thread};
use highwater::run::{self, RunSpec};
use highwater::system::System;
use highwater::system::kafka::KafkaReference;
use highwater_checkers::judge::Shown;
use highwater_checkers::recording::Recording;
use highwater_reports::summary::RunEnding;
use highwater_reports::{RunId, RunSummary};
use highwater_workloads::{scenario, suites};

/// So many seeds are tried.
const SEEDS: u64 = 8;

/// The run in which a mutant is caught, in the suite where `highwater mutants` looks for it first.
pub(crate) fn caught(mutant: &str) -> (Recording, RunSummary) {
    let known = KafkaReference.mutants().into_iter().find(|known| known.id == mutant).expect(mutant);
    let suite = known.suites[0];
    (0..SEEDS)
        .map(|seed| run_of(suite, seed, mutant))
        .find(|(_, summary)| summary.first_violation().is_some())
        .unwrap_or_else(|| panic!("{mutant} is not caught in {suite}"))
}

pub(crate) fn run_of(suite: &str, seed: u64, mutant: &str) -> (Recording, RunSummary) {
    let text = suites::find(suite).expect(suite);
    let mut scenario = scenario::parse(suite, text, &KafkaReference.vocabulary()).expect(suite);
    scenario.cluster.mutants.insert(mutant.to_owned());
    let folder = tempfile::tempdir().expect("a folder");
    let spec = RunSpec {
        scenario: Arc::new(scenario),
        source: text.into(),
        source_name: suite.into(),
        seed,
        folder: folder.path().to_owned(),
        stop: Arc::default(),
        until: None,
        stop_at_violation: false,
        shown: Shown::First,
        progress: None,
    };
    let execute: Execute = Arc::new(|spec: &RunSpec| run::execute(&KafkaReference, spec));
    let result = thread::alone(spec, &execute).expect("it has a result");
    let summary = RunSummary {
        id: RunId { scenario: suite.into(), seed },
        source: suite.into(),
        ending: RunEnding::Judged(Box::new(result.verdict)),
        expected: BTreeSet::new(),
        interrupted: false,
        timeline: None,
        faults: Vec::new(),
        measures: None,
        hash: None,
        recording: None,
        reproduce: String::new(),
    };
    (result.recording, summary)
}
