//! The end of the summary: how much was run and how fast, and on failure what to do.

use crate::narrate::{causes, counted, grouped, outcomes, span};
use crate::style::plain;
use crate::summary::{CampaignSummary, Conclusion, RunSummary, ScenarioSummary, StopReason};

/// So many faults are named as what may have caused a failure.
const FAULTS_SHOWN_MAX: usize = 3;

/// How much was run.
pub(super) fn runs(campaign: &CampaignSummary) -> String {
    let stopped = match campaign.stopped {
        None => "",
        Some(StopReason::Interrupted) => ", interrupted",
        Some(StopReason::TimedOut) => ", over the time limit",
        Some(StopReason::FailFast) => ", stopped at the first failure",
    };
    let runs = match campaign.stopped {
        None => counted(campaign.runs(), "run"),
        Some(_) => format!("{} of {}", grouped(campaign.runs()), counted(campaign.planned, "run")),
    };
    match campaign.runs() {
        0 => format!("{runs}{stopped}"),
        _ => format!("{runs}{stopped}: {}", outcomes(&campaign.outcomes)),
    }
}

/// How fast it was, and what was not kept.
pub(super) fn measures(campaign: &CampaignSummary) -> Vec<String> {
    let mut lines = Vec::new();
    let measures = campaign.measures;
    if let (Some(speed), Some(frames)) = (measures.speed(), measures.frame_rate()) {
        let memory = campaign.peak_memory.map(|bytes| format!(", peak memory {} MB", bytes / 1_000_000));
        lines.push(format!(
            "{speed:.0} simulated seconds per CPU second (tick {}, {} frames per simulated second){}",
            span(measures.tick),
            grouped(frames as u64),
            memory.unwrap_or_default()
        ));
    }
    if campaign.dropped_recordings > 0 {
        lines.push(format!(
            "{} not kept: the limit of {} MB is reached; `--artifacts-max` raises it",
            counted(campaign.dropped_recordings, "recording"),
            campaign.recordings_bytes_max / 1_000_000
        ));
    }
    lines
}

/// The last lines: what went wrong, what may have caused it, how to see it again.
pub(super) struct LastLines {
    /// In one sentence.
    pub(super) sentence: String,
    /// What may have caused it.
    pub(super) causes: Vec<String>,
    /// The command that shows it again, if there is one.
    pub(super) reproduce: Option<String>,
}

impl LastLines {
    /// Those of a run that failed.
    pub(super) fn of_run(run: &RunSummary) -> Self {
        let sentence = format!("{}: {} ({})", run.outcome(), run.failure().unwrap_or_default(), run.id);
        Self {
            sentence: plain(&sentence).into_owned(),
            causes: causes(run, FAULTS_SHOWN_MAX),
            reproduce: Some(plain(&run.reproduce).into_owned()),
        }
    }

    /// Those of what no seed has shown.
    pub(super) fn of_missed(scenario: &ScenarioSummary) -> Self {
        let sentence = format!(
            "expectation missed: no run of {} shows {} ({})",
            counted(scenario.runs(), "seed"),
            scenario.missed.join(", "),
            scenario.scenario
        );
        Self {
            sentence: plain(&sentence).into_owned(),
            causes: Vec::new(),
            reproduce: Some(plain(&scenario.reproduce()).into_owned()),
        }
    }

    /// Where there was nothing to run.
    pub(super) fn of_nothing(campaign: &CampaignSummary) -> Option<Self> {
        let nothing = campaign.conclusion == Conclusion::NothingRan;
        nothing.then(|| Self { sentence: "nothing ran".to_owned(), causes: Vec::new(), reproduce: None })
    }
}
