//! What comes out of judging a run: findings with their evidence, each checker's verdict, and the outcome.

mod anomaly;
mod consistency;
mod fate;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use anomaly::Anomaly;
pub use consistency::{Cited, Consistency, Contradiction, Staleness, Uncounted};
pub use fate::Fate;

use crate::ids::{BrokerId, Offset, OperationIndex, Time, TopicPartition, Value};
use crate::trace::TraceEvent;

/// Whether a finding breaks the contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The configuration allows it, for this reason.
    Permitted(String),
    /// It must not happen.
    Violation,
}

/// Something that was found: every instance of one anomaly in one partition that has one severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub anomaly: Anomaly,
    /// Whether it breaks the contract.
    pub severity: Severity,
    /// Where; `None` if it is about the run as a whole.
    pub partition: Option<TopicPartition>,
    /// One sentence: what happened, with the first instance.
    pub what: String,
    /// How often it was found.
    pub count: u64,
    /// The partition's offsets contradict each other, so that what follows from their order is secondary.
    pub secondary: bool,
    /// What became of how many of the records, where they are lost and the brokers told of them.
    pub fates: BTreeMap<Fate, u64>,
    /// The first instances, at most [`Finding::EVIDENCE_MAX`] of them unless all are asked for.
    pub evidence: Vec<Evidence>,
}

impl Finding {
    /// How many instances a finding shows; `count` says how many there are.
    pub const EVIDENCE_MAX: usize = 32;

    /// Whether it breaks the contract.
    pub fn is_violation(&self) -> bool {
        self.severity == Severity::Violation
    }
}

/// What proves one instance of an anomaly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// When it became evident.
    pub time: Time,
    /// The history's events that show it.
    pub operations: Vec<OperationIndex>,
    /// The records that it is about.
    pub values: Vec<Value>,
    /// The offsets that it is about.
    pub offsets: Vec<Offset>,
    /// The brokers that it is about, where the cluster's inside is judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brokers: Vec<BrokerId>,
    /// The step that broke an invariant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transition: Option<Box<Transition>>,
}

/// A step of a run, and what it made of the state that it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// Its place among the events of the recording, from 0.
    pub position: u64,
    /// What was told; `None` where the run itself took a turn.
    pub event: Option<TraceEvent>,
    /// The state before it, in words.
    pub before: String,
    /// The state after it, in words.
    pub after: String,
}

/// What one checker says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing was found.
    Pass,
    /// All that was found is permitted.
    Permitted,
    /// It could not look, for this reason.
    Unknown(String),
    /// The contract is broken.
    Violation,
}

/// What a run amounts to, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// As expected.
    Pass,
    /// It says nothing: a checker could not look, nothing was acknowledged, a fault never bit.
    Inconclusive,
    /// Something that the scenario expects did not show.
    ExpectationMissed,
    /// The contract is broken.
    Violation,
    /// Run again with the same seed, it went otherwise.
    Nondeterministic,
}

impl RunOutcome {
    /// The exit code of a process that ran this alone.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Violation | Self::ExpectationMissed => 1,
            Self::Inconclusive => 3,
            Self::Nondeterministic => 4,
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::ExpectationMissed => "expectation missed",
            Self::Violation => "violation",
            Self::Nondeterministic => "nondeterministic",
        })
    }
}

/// How much there was of everything in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Operations that happened.
    pub ok: u64,
    /// Operations that certainly did not.
    pub fail: u64,
    /// Operations of which it is unknown, those without a completion among them.
    pub info: u64,
    /// Records acknowledged.
    pub acknowledged: u64,
    /// Records read by anyone, each counted once.
    pub read: u64,
    /// Records acknowledged and absent from the final read.
    pub lost: u64,
    /// Those of them that the contract permits to be lost.
    pub lost_permitted: u64,
    /// Sends that were indeterminate, and read later.
    pub info_read: u64,
    /// Records sent while the load ran: what is compared with published figures, since those sent to measure
    /// the recovery depend on how long that takes.
    pub under_load: LoadCounts,
    /// Faults in the plan.
    pub faults_planned: u64,
    /// Faults applied.
    pub faults_injected: u64,
    /// Faults healed.
    pub faults_healed: u64,
    /// Faults not applied.
    pub faults_skipped: u64,
    /// Changes of a partition's leader.
    pub leader_changes: u64,
    /// Committed ISR changes that removed a replica.
    pub isr_shrinks: u64,
    /// Committed ISR changes that added a replica.
    pub isr_growths: u64,
    /// Replicas' logs cut on the word of a leader.
    pub truncations: u64,
    /// Leaders elected from outside the ISR.
    pub unclean_elections: u64,
}

/// What became of the records that were sent while the load ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoadCounts {
    /// How many were sent.
    pub sent: u64,
    /// How many of them were acknowledged.
    pub acknowledged: u64,
    /// How many of those are absent from the final read.
    pub lost: u64,
}

impl LoadCounts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            acknowledged: self.acknowledged + other.acknowledged,
            lost: self.lost + other.lost,
        }
    }
}

/// How available a partition was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// The longest gap between acknowledgements while a producer was trying.
    pub worst_gap: Duration,
    /// From the last heal to the first acknowledgement with a full ISR; `None` if there was none.
    pub recovery: Option<Duration>,
}

/// What the scenario expects, and whether it showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpectationResult {
    /// The expectation, as the scenario writes it.
    pub expectation: String,
    /// Whether it showed.
    pub met: bool,
    /// Whether every seed must show it. If not, some seed of the invocation must, and a miss here is no
    /// fault of this run.
    pub every_seed: bool,
    /// What was seen instead, or what met it.
    pub found: String,
}

/// Everything that judging a run yields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunVerdict {
    /// What it amounts to.
    pub outcome: RunOutcome,
    /// What each checker says.
    pub checkers: BTreeMap<&'static str, Verdict>,
    /// What was found, violations first.
    pub findings: Vec<Finding>,
    /// What was expected.
    pub expectations: Vec<ExpectationResult>,
    /// Why the run is inconclusive; empty if it is not.
    pub inconclusive: Vec<String>,
    /// How much there was of everything.
    pub counts: Counts,
    /// How available each partition was.
    pub availability: BTreeMap<TopicPartition, Availability>,
    /// How consistent what clients saw of each partition was.
    pub consistency: BTreeMap<TopicPartition, Consistency>,
    /// The longest gap of all partitions.
    pub worst_unavailability: Duration,
    /// From the last heal to the last partition's recovery; `None` if some did not recover, or nothing was
    /// healed.
    pub recovery: Option<Duration>,
}
