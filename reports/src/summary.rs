//! What a run, a scenario and a campaign amount to: the values that every report draws from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::verdict::{Counts, Finding, RunOutcome, RunVerdict};

use crate::event::RunId;
use crate::published::{Measured, Published};
use crate::style::shell_word;
use crate::timeline::Timeline;

/// What a run amounts to, from best to worst: that of its verdict, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// As expected.
    Pass,
    /// It says nothing.
    Inconclusive,
    /// Something that the scenario expects did not show.
    ExpectationMissed,
    /// The contract is broken.
    Violation,
    /// Run again with the same seed, it went otherwise.
    Nondeterministic,
    /// Its recording or a report could not be read or written.
    Unwritable,
    /// highwater itself, or a task in the simulated world, failed.
    InternalError,
}

impl Outcome {
    /// Its name in JSON and JUnit, like `expectation-missed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::ExpectationMissed => "expectation-missed",
            Self::Violation => "violation",
            Self::Nondeterministic => "nondeterministic",
            Self::Unwritable => "unwritable",
            Self::InternalError => "internal-error",
        }
    }
}

/// In words, like `expectation missed`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ExpectationMissed => "expectation missed",
            Self::InternalError => "internal error",
            other => other.name(),
        })
    }
}

impl From<RunOutcome> for Outcome {
    fn from(outcome: RunOutcome) -> Self {
        match outcome {
            RunOutcome::Pass => Self::Pass,
            RunOutcome::Inconclusive => Self::Inconclusive,
            RunOutcome::ExpectationMissed => Self::ExpectationMissed,
            RunOutcome::Violation => Self::Violation,
            RunOutcome::Nondeterministic => Self::Nondeterministic,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum RunEnding {
    /// It was judged.
    Judged(Box<RunVerdict>),
    /// There is no verdict.
    Failed {
        /// [`Outcome::Unwritable`] or [`Outcome::InternalError`].
        outcome: Outcome,
        /// What went wrong, with its causes.
        message: String,
    },
}

/// Everything that is told of one run.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// Which run.
    pub id: RunId,
    /// The scenario's file, or its embedded name.
    pub source: Arc<str>,
    /// How it ended.
    pub ending: RunEnding,
    /// The anomalies that the scenario expects as violations: they are no failure.
    pub expected: BTreeSet<String>,
    /// It was stopped before its end; the verdict is about what there was.
    pub interrupted: bool,
    /// The faults that matter to what went wrong, by the time of their injection; empty if nothing did.
    pub faults: Vec<FaultRecord>,
    /// All its faults and leaders, where somebody wants to see them.
    pub timeline: Option<Box<Timeline>>,
    /// What it took; none if it failed.
    pub measures: Option<Measures>,
    /// The hash of all that happened; equal for equal runs.
    pub hash: Option<String>,
    /// The folder of the recording, where it was kept.
    pub recording: Option<PathBuf>,
    /// The command that shows the same again.
    pub reproduce: String,
}

impl RunSummary {
    /// What it amounts to.
    pub fn outcome(&self) -> Outcome {
        match &self.ending {
            RunEnding::Judged(verdict) => verdict.outcome.into(),
            RunEnding::Failed { outcome, .. } => *outcome,
        }
    }

    /// The verdict, if there is one.
    pub fn verdict(&self) -> Option<&RunVerdict> {
        match &self.ending {
            RunEnding::Judged(verdict) => Some(verdict),
            RunEnding::Failed { .. } => None,
        }
    }

    /// The violations that were not expected.
    pub fn violations(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.verdict().into_iter().flat_map(|verdict| &verdict.findings);
        findings.filter(|finding| finding.is_violation() && !self.expected.contains(finding.anomaly.name()))
    }

    /// The finding that is told first: a violation that was not expected, rather not a secondary one.
    pub fn first_violation(&self) -> Option<&Finding> {
        self.violations().min_by_key(|finding| finding.secondary)
    }

    /// Whether it was stopped before it could show anything: no failure, and no pass either.
    pub fn is_cut_short(&self) -> bool {
        self.interrupted && self.outcome() == Outcome::Inconclusive
    }

    /// What kind of failure it is, like `unseen` or `inconclusive`; none for a pass.
    pub fn failure_kind(&self) -> Option<&'static str> {
        match self.outcome() {
            Outcome::Pass => None,
            Outcome::Violation => Some(self.first_violation().map_or("violation", |f| f.anomaly.name())),
            outcome => Some(outcome.name()),
        }
    }

    /// What went wrong, in one sentence without its full stop; none for a pass.
    pub fn failure(&self) -> Option<String> {
        let verdict = match &self.ending {
            RunEnding::Judged(verdict) => verdict,
            RunEnding::Failed { message, .. } => return Some(message.clone()),
        };
        let sentence = match verdict.outcome {
            RunOutcome::Pass => return None,
            RunOutcome::Inconclusive if self.interrupted => "it was stopped before its end".to_owned(),
            RunOutcome::Inconclusive => match verdict.inconclusive.as_slice() {
                [] => "no checker could tell".to_owned(),
                reasons => reasons.join("; "),
            },
            RunOutcome::ExpectationMissed => {
                let missed = verdict.expectations.iter().filter(|e| e.every_seed && !e.met);
                let told: Vec<_> =
                    missed.map(|e| format!("expected {}: {}", e.expectation, e.found)).collect();
                told.join("; ")
            }
            RunOutcome::Violation | RunOutcome::Nondeterministic => match self.first_violation() {
                Some(finding) => finding.what.trim_end_matches('.').to_owned(),
                None => "the same seed gave another recording".to_owned(),
            },
        };
        Some(sentence)
    }
}

/// What running took. They add up over runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// How much virtual time passed.
    pub virtual_time: Duration,
    /// How much processor time it took, from the world's start to the verdict.
    pub cpu_time: Duration,
    /// How many frames were sent.
    pub frames: u64,
    /// The step of the simulated clock; the greatest, over several runs.
    pub tick: Duration,
}

impl Measures {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            virtual_time: self.virtual_time + other.virtual_time,
            cpu_time: self.cpu_time + other.cpu_time,
            frames: self.frames + other.frames,
            tick: self.tick.max(other.tick),
        }
    }

    /// Simulated seconds per CPU second; none where nothing was measured.
    pub fn speed(&self) -> Option<f64> {
        (!self.cpu_time.is_zero()).then(|| self.virtual_time.as_secs_f64() / self.cpu_time.as_secs_f64())
    }

    /// Frames per simulated second; none where nothing was simulated.
    pub fn frame_rate(&self) -> Option<f64> {
        let seconds = self.virtual_time.as_secs_f64();
        (seconds > 0.0).then(|| self.frames as f64 / seconds)
    }
}

/// How often something happened, and at how many seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often, over all seeds.
    pub total: u64,
    /// At how many seeds at least once.
    pub seeds: u64,
}

impl Tally {
    fn add(&mut self, count: u64) {
        self.total += count;
        self.seeds += u64::from(count > 0);
    }

    fn merge(&mut self, other: Self) {
        self.total += other.total;
        self.seeds += other.seeds;
    }
}

/// What the seeds of a scenario have seen: a quiet run proves little.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Out of how many seeds.
    pub seeds: u64,
    /// Changes of a partition's leader.
    pub leader_changes: Tally,
    /// Leaders elected from outside the ISR.
    pub unclean_elections: Tally,
    /// ISRs that lost a member.
    pub isr_shrinks: Tally,
    /// ISRs that won a member.
    pub isr_growths: Tally,
    /// Logs cut on the word of a leader.
    pub truncations: Tally,
    /// Indeterminate sends that were read later.
    pub info_read: Tally,
}

impl Coverage {
    /// Counts one more seed.
    pub fn add(&mut self, counts: &Counts) {
        self.seeds += 1;
        self.leader_changes.add(counts.leader_changes);
        self.unclean_elections.add(counts.unclean_elections);
        self.isr_shrinks.add(counts.isr_shrinks);
        self.isr_growths.add(counts.isr_growths);
        self.truncations.add(counts.truncations);
        self.info_read.add(counts.info_read);
    }

    /// Counts the seeds of another.
    pub fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.leader_changes.merge(other.leader_changes);
        self.unclean_elections.merge(other.unclean_elections);
        self.isr_shrinks.merge(other.isr_shrinks);
        self.isr_growths.merge(other.isr_growths);
        self.truncations.merge(other.truncations);
        self.info_read.merge(other.info_read);
    }

    /// Every tally under its name, as the reports show them.
    pub fn tallies(&self) -> [(&'static str, Tally); 6] {
        [
            ("leader changes", self.leader_changes),
            ("unclean elections", self.unclean_elections),
            ("ISR shrinks", self.isr_shrinks),
            ("ISR growths", self.isr_growths),
            ("truncations", self.truncations),
            ("info sends read later", self.info_read),
        ]
    }
}

/// Everything that is told of one scenario over its seeds.
#[derive(Clone, Debug, Default)]
pub struct ScenarioSummary {
    /// Its name.
    pub scenario: Arc<str>,
    /// Its file, or its embedded name.
    pub source: Arc<str>,
    /// How many runs ended in which way.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// What they have seen.
    pub coverage: Coverage,
    /// What they took together.
    pub measures: Measures,
    /// What became of the records that were sent under load.
    pub under_load: Measured,
    /// The finding of somebody else that it repeats.
    pub published: Option<Published>,
    /// What some seed should have shown, and none did. Empty where not all seeds were run.
    pub missed: Vec<String>,
}

impl ScenarioSummary {
    /// Counts one more run.
    pub fn add(&mut self, run: &RunSummary) {
        *self.outcomes.entry(run.outcome()).or_default() += 1;
        if let Some(verdict) = run.verdict() {
            self.coverage.add(&verdict.counts);
            self.under_load.add(verdict.counts.under_load);
        }
        self.measures = self.measures.plus(run.measures.unwrap_or_default());
    }

    /// How many runs there were.
    pub fn runs(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// The command that shows again what no seed has shown.
    pub fn reproduce(&self) -> String {
        format!("highwater run {} --count {}", shell_word(&self.source), self.runs())
    }

    /// What it amounts to: its worst run, or that something is missed.
    pub fn outcome(&self) -> Outcome {
        let worst = self.outcomes.keys().max().copied().unwrap_or(Outcome::Pass);
        if self.missed.is_empty() { worst } else { worst.max(Outcome::ExpectationMissed) }
    }
}

/// What a campaign amounts to; each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conclusion {
    /// Every seed as expected.
    Pass,
    /// Nothing was found, and some run says nothing.
    Inconclusive,
    /// It ran out of time before anything was found.
    TimedOut,
    /// It was interrupted before anything was found.
    Interrupted,
    /// A violation, or an expectation that did not show.
    Violation,
    /// One seed, two recordings.
    Nondeterministic,
    /// A recording or report could not be read or written.
    Unwritable,
    /// highwater itself failed.
    InternalError,
    /// There was nothing to run.
    NothingRan,
}

impl Conclusion {
    /// Its name in JSON, like `timed-out`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::TimedOut => "timed-out",
            Self::Interrupted => "interrupted",
            Self::Violation => "violation",
            Self::Nondeterministic => "nondeterministic",
            Self::Unwritable => "unwritable",
            Self::InternalError => "internal-error",
            Self::NothingRan => "nothing-ran",
        }
    }
}

impl From<Outcome> for Conclusion {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Inconclusive => Self::Inconclusive,
            Outcome::ExpectationMissed | Outcome::Violation => Self::Violation,
            Outcome::Nondeterministic => Self::Nondeterministic,
            Outcome::Unwritable => Self::Unwritable,
            Outcome::InternalError => Self::InternalError,
        }
    }
}

/// Why a campaign ended before all its runs were done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// By Ctrl-C.
    Interrupted,
    /// By `--timeout`.
    TimedOut,
    /// By `--fail-fast`.
    FailFast,
}

impl StopReason {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timed-out",
            Self::FailFast => "fail-fast",
        }
    }
}

/// Everything that is told of a campaign.
#[derive(Clone, Debug)]
pub struct CampaignSummary {
    /// What it amounts to.
    pub conclusion: Conclusion,
    /// How many runs there were to be.
    pub planned: u64,
    /// How many runs ended in which way.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Why it ended early, if it did.
    pub stopped: Option<StopReason>,
    /// What the runs took together.
    pub measures: Measures,
    /// How many runs went on at a time.
    pub jobs: usize,
    /// The process' peak resident set, in bytes, where the system tells it.
    pub peak_memory: Option<u64>,
    /// Recordings that were to be kept and were not, since the limit of their size was reached.
    pub dropped_recordings: u64,
    /// That limit, in bytes.
    pub recordings_bytes_max: u64,
}

impl CampaignSummary {
    /// How many runs ended.
    pub fn runs(&self) -> u64 {
        self.outcomes.values().sum()
    }
}
