//! What comes out of judging a run: findings with their evidence, each checker's verdict, and the outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, Offset, OperationIndex, ParseIdError, Time, TopicPartition, Value};
use crate::trace::TraceEvent;

macro_rules! anomalies {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $meaning:literal; )+) => {
        /// The name of what can be wrong with a replicated log; Jepsen's name where it has one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Anomaly {
            $( #[doc = $meaning] $variant, )+
        }

        impl Anomaly {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name, as scenarios and reports write it.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it is, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )+ }
            }
        }
    };
}

anomalies! {
    Unseen = "unseen", "An acknowledged record is absent from the final read.";
    LostWrite = "lost-write", "A committed record at or below the highest offset ever read was never read.";
    ReadThenLost = "read-then-lost", "A consumer was given a record that the final read lacks, or has elsewhere.";
    Phantom = "phantom", "A record was read that nobody ever sent.";
    AbortedRead = "G1a", "A record was read whose send certainly failed.";
    InconsistentOffsets = "inconsistent-offsets", "One offset was seen with two records.";
    Duplicate = "duplicate", "One record lies at two offsets.";
    PollSkip = "poll-skip", "Two successive polls of a consumer skip a known record.";
    NonmonotonicPoll = "nonmonotonic-poll", "A consumer's poll steps back behind its previous one.";
    IntPollSkip = "int-poll-skip", "One poll skips a known record.";
    IntNonmonotonicPoll = "int-nonmonotonic-poll", "One poll steps back.";
    Stuck = "stuck", "After the heal a partition made no progress within the bound.";
    Crashed = "crashed", "A node ended by itself, with an error or a panic that no fault excuses.";
    LeaderCompleteness = "W1",
        "LeaderCompleteness: the leader lacks a record that was committed, or acknowledged to acks=all.";
    CandidateCompleteness = "W2",
        "CandidateCompleteness: an in-sync replica ends below the true high watermark.";
    QuorumSuperset = "W3",
        "QuorumSuperset: a leader reckons with fewer replicas than the controllers count as in sync.";
    LogMatching = "W4", "LogMatching: two replicas differ below both their high watermarks.";
    EpochLogMatching = "W5",
        "EpochLogMatching: two logs have one offset in one epoch, and differ there or before it.";
    StrongIsr = "W6",
        "StrongIsr: an in-sync replica lacks what a presumed leader has below its high watermark.";
    WeakIsr = "W7",
        "WeakIsr: a presumed leader has below its high watermark what a replica that it counts as in sync lacks.";
    LeaderInIsr = "W8", "LeaderInIsr: the controllers have a leader that is not in sync.";
    ValidHighWatermark = "W9",
        "ValidHighWatermark: an in-sync replica's log ends below the leader's high watermark.";
    MonotonicHighWatermark = "W10",
        "MonotonicHighWatermark: a leader's high watermark steps back in its epoch, or leaves its log.";
    VerifiedHighWatermark = "W11",
        "VerifiedHighWatermark: a follower's high watermark passes what it shares with its leader's log.";
    OneLeaderPerEpoch = "W12", "OneLeaderPerEpoch: two replicas lead a partition in one epoch.";
    MonotonicEpochs = "W13",
        "MonotonicEpochs: an epoch (of leader, partition, broker or controller) steps back.";
    IsrWithinReplicas = "W14", "IsrWithinReplicas: a broker is in sync that is assigned no replica.";
    IsrNotEmpty = "W16", "IsrNotEmpty: a partition has no replica in sync.";
    ConsistentRead = "W17",
        "ConsistentRead: a leader lacks a record that a consumer was given, or has another in its place.";
    NoCommitLostGlobally = "W18",
        "NoCommitLostGlobally: a record acknowledged to acks=all is on no replica's disk.";
    FetcherValidity = "W21",
        "FetcherValidity: a replica has two fetchers, or one though it leads, or none though all is calm.";
    LogIntegrity = "W22",
        "LogIntegrity: a log has a gap or steps back in epoch, or its epoch cache says other than the log.";
    MinIsrHighWatermark = "W27",
        "MinIsrHighWatermark: the high watermark advances while fewer than min ISR replicas count.";
}

impl Anomaly {
    /// The name of an invariant in words, like `LeaderCompleteness`; its meaning begins with it.
    pub fn title(self) -> &'static str {
        self.meaning().split(':').next().unwrap_or_default()
    }

    /// Whether it is about the inside of the cluster, and not about what clients saw.
    pub fn is_invariant(self) -> bool {
        self >= Self::LeaderCompleteness
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Anomaly {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let known = Self::ALL.iter().find(|anomaly| anomaly.name() == text);
        known.copied().ok_or_else(|| ParseIdError::new(text, "anomaly"))
    }
}

crate::ids::serde_as_text!(Anomaly, "the name of an anomaly");

macro_rules! fates {
    ($( $variant:ident = $name:literal, $meaning:literal; )+) => {
        /// What became of a record that was acknowledged and lost.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fate {
            $( #[doc = $meaning] $variant, )+
        }

        impl Fate {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name, as scenarios and reports write it.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )+ }
            }
        }
    };
}

fates! {
    Truncated = "truncated", "It was cut from the last log that held it, on the word of a leader.";
    OnNoReplica = "on-no-replica", "It is in no log: the last one that held it lost it with its disk's bytes.";
    AboveHighWatermark = "above-high-watermark", "It is in the leader's log, at or above the high watermark.";
    Undelivered = "undelivered", "It is in the leader's log, below the high watermark, and was not delivered.";
    OnFollower = "on-follower", "It is in the log of a replica that does not lead, and not in the leader's.";
    Unknown = "unknown", "It cannot be found: its broker told nothing of it.";
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fate {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let known = Self::ALL.iter().find(|fate| fate.name() == text);
        known.copied().ok_or_else(|| ParseIdError::new(text, "fate of a lost record"))
    }
}

crate::ids::serde_as_text!(Fate, "the name of a fate");

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
    /// The first instances, at most [`Finding::EVIDENCE_MAX`] of them.
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
    /// The longest gap of all partitions.
    pub worst_unavailability: Duration,
    /// From the last heal to the last partition's recovery; `None` if some did not recover, or nothing was
    /// healed.
    pub recovery: Option<Duration>,
}
