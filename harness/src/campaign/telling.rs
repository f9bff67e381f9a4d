//! Tells a sink of runs in their order, and adds them up: what a campaign does as it goes, and `report` afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_reports::published::Published;
use highwater_reports::summary::{Measures, StopReason};
use highwater_reports::{
    CampaignSummary, Conclusion, Event, Outcome, RunSummary, ScenarioSummary, Sink, SinkError,
};
use highwater_workloads::scenario;

use crate::run::build;

/// A published finding, as reports take it.
fn published(published: &scenario::Published) -> Published {
    let scenario::Published { source, sent, acknowledged, lost } = published;
    Published { source: source.clone(), sent: *sent, acknowledged: *acknowledged, lost: *lost }
}

/// What was told so far, and whom.
pub(crate) struct Telling<'a> {
    sink: &'a mut dyn Sink,
    /// The scenario at hand.
    scenario: Option<ScenarioSummary>,
    /// What some seed of the scenario at hand must show, and whether one did.
    wanted: BTreeMap<String, bool>,
    /// Whether a run of the scenario at hand was cut short.
    cut_short: bool,
    /// Whether a run of any scenario was.
    interrupted: bool,
    conclusion: Option<Conclusion>,
    outcomes: BTreeMap<Outcome, u64>,
    measures: Measures,
}

/// What is known of a campaign's end beside its runs.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// How many runs there were to be.
    pub(crate) planned: u64,
    /// Why it ended early, if it was asked to.
    pub(crate) stopped: Option<StopReason>,
    /// How many runs went on at a time.
    pub(crate) jobs: usize,
    /// The process' peak resident set, in bytes.
    pub(crate) peak_memory: Option<u64>,
    /// Recordings that were to be kept and were not.
    pub(crate) dropped_recordings: u64,
    /// The limit of their size, in bytes.
    pub(crate) recordings_bytes_max: u64,
}

impl<'a> Telling<'a> {
    /// Nothing is told yet.
    pub(crate) fn new(sink: &'a mut dyn Sink) -> Self {
        Self {
            sink,
            scenario: None,
            wanted: BTreeMap::new(),
            cut_short: false,
            interrupted: false,
            conclusion: None,
            outcomes: BTreeMap::new(),
            measures: Measures::default(),
        }
    }

    /// Tells that it begins.
    pub(crate) fn begin(&mut self, scenarios: usize, runs: u64, jobs: usize) -> Result<(), SinkError> {
        self.live(&Event::CampaignStarted { build: build().into(), scenarios, runs, jobs })
    }

    /// Passes on an event that adds nothing up.
    pub(crate) fn live(&mut self, event: &Event) -> Result<(), SinkError> {
        self.sink.take(event)
    }

    /// Tells of a run, and of the finding of somebody else that its scenario repeats. The runs of one scenario come one
    /// after the other.
    pub(crate) fn run(
        &mut self,
        finding: Option<&scenario::Published>,
        run: Box<RunSummary>,
    ) -> Result<(), SinkError> {
        let told = self.scenario.get_or_insert_with(|| ScenarioSummary {
            scenario: run.id.scenario.clone(),
            source: run.source.clone(),
            published: finding.map(published),
            ..ScenarioSummary::default()
        });
        assert_eq!(told.scenario, run.id.scenario, "a scenario is finished before the next one");
        told.add(&run);
        self.cut_short |= run.interrupted;
        self.interrupted |= run.interrupted;
        for expectation in run.verdict().iter().flat_map(|verdict| &verdict.expectations) {
            if !expectation.every_seed {
                *self.wanted.entry(expectation.expectation.clone()).or_default() |= expectation.met;
            }
        }
        *self.outcomes.entry(run.outcome()).or_default() += 1;
        self.conclusion = self.conclusion.max(Some(run.outcome().into()));
        self.measures = self.measures.plus(run.measures.unwrap_or_default());
        self.sink.take(&Event::RunFinished(Arc::from(run)))
    }

    /// How many runs of the scenario at hand were told.
    pub(crate) fn runs_of_scenario(&self) -> u64 {
        self.scenario.as_ref().map_or(0, ScenarioSummary::runs)
    }

    /// Tells that the scenario at hand is over, if there is one. What no seed has shown is missed only if `all` its
    /// seeds were told: others might have shown it.
    pub(crate) fn finish_scenario(&mut self, all: bool) -> Result<(), SinkError> {
        let Some(mut scenario) = self.scenario.take() else { return Ok(()) };
        let wanted = std::mem::take(&mut self.wanted);
        let cut_short = std::mem::take(&mut self.cut_short);
        if all && !cut_short {
            scenario.missed = wanted.into_iter().filter(|(_, met)| !met).map(|(wanted, _)| wanted).collect();
        }
        if !scenario.missed.is_empty() {
            self.conclusion = self.conclusion.max(Some(Conclusion::Violation));
        }
        self.sink.take(&Event::ScenarioFinished(Box::new(scenario)))
    }

    /// Tells that all is over.
    pub(crate) fn finish(self, closing: &Closing) -> Result<Conclusion, SinkError> {
        let runs: u64 = self.outcomes.values().sum();
        // A request that came after the last run has stopped nothing.
        let stopped = closing.stopped.filter(|_| runs < closing.planned || self.interrupted);
        let ended_early = match stopped {
            Some(StopReason::Interrupted) => Some(Conclusion::Interrupted),
            Some(StopReason::TimedOut) => Some(Conclusion::TimedOut),
            Some(StopReason::FailFast) | None => None,
        };
        let conclusion = self.conclusion.max(ended_early).unwrap_or(Conclusion::NothingRan);
        self.sink.take(&Event::CampaignFinished(Box::new(CampaignSummary {
            conclusion,
            planned: closing.planned,
            outcomes: self.outcomes,
            stopped,
            measures: self.measures,
            jobs: closing.jobs,
            peak_memory: closing.peak_memory,
            dropped_recordings: closing.dropped_recordings,
            recordings_bytes_max: closing.recordings_bytes_max,
        })))?;
        Ok(conclusion)
    }
}
