//! What a run is judged by: all that derives from the scenario and its configuration.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::consistency::Ends;
use crate::ids::{BrokerId, ParseIdError, TopicPartition};
use crate::verdict::{Anomaly, Counts, Fate};

/// What a run is judged by. The default promises what Kafka's defaults promise, and expects nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JudgeConfig {
    /// When brokers sync their logs.
    pub flush: FlushPolicy,
    /// The topics that allow a leader to be elected from outside the in-sync replicas.
    pub unclean_allowed: BTreeSet<Arc<str>>,
    /// What the scenario asks of duplicates; without it they are judged as our clients' are, who resend
    /// nothing: each is a violation.
    pub guarantee: Option<Guarantee>,
    /// How many instances a finding shows.
    pub shown: Shown,
    /// What the high watermarks of replies are taken for, in the ladder of consistency.
    pub ends: Ends,
    /// The bound on recovery after the last heal.
    pub recovery_within: Option<Duration>,
    /// The brokers that the scenario leaves broken to the end: no full ISR has to hold them.
    pub left_broken: BTreeSet<BrokerId>,
    /// What must show.
    pub expect: Expectations,
}

/// How many of the instances of an anomaly a finding shows; all of them are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// The first [`Finding::EVIDENCE_MAX`](crate::verdict::Finding::EVIDENCE_MAX).
    #[default]
    First,
    /// Each.
    All,
}

/// When a broker syncs its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlushPolicy {
    /// Never of its own accord.
    #[default]
    Never,
    /// Now and then.
    Interval,
    /// Before a batch counts for anything.
    EveryBatch,
}

/// How often a record may be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Once or not at all.
    AtMostOnce,
    /// Once or more often: a duplicate is permitted.
    AtLeastOnce,
    /// Once.
    ExactlyOnce,
}

/// What a scenario says must show. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    /// Violations that must be found, and are then not red.
    pub violation: Vec<Anomaly>,
    /// Anomalies that must be found, permitted.
    pub permitted: Vec<Anomaly>,
    /// Partitions that can be neither written nor read after the last fault struck. They are exempt from the
    /// final read, from recovery, and from the bound on unavailability.
    pub unavailable: BTreeSet<TopicPartition>,
    /// Partitions that can be written and read after the last fault struck.
    pub available: BTreeSet<TopicPartition>,
    /// What must happen inside the cluster.
    pub sometimes: Vec<Feature>,
    /// The most that any partition may go without an acknowledgement while a producer is trying.
    pub unavailability_max: Option<Duration>,
    /// How many of the records sent under load are acknowledged.
    pub acknowledged: Option<Amount>,
    /// How many of those that were sent under load and acknowledged are lost.
    pub lost: Option<Amount>,
    /// What may have become of a lost record; empty: anything.
    pub lost_as: Vec<Fate>,
    /// The most duplicates.
    pub duplicates_max: Option<u64>,
    /// Who must show `violation`, `permitted` and `sometimes`.
    pub seen: Seen,
}

/// An amount that lies between two others, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

impl Amount {
    /// Whether `count` is such an amount.
    pub fn contains(self, count: u64) -> bool {
        (self.least..=self.most).contains(&count)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (0, most) => write!(f, "<= {most}"),
            (least, u64::MAX) => write!(f, ">= {least}"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}

/// Who must show what is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// Every seed.
    #[default]
    EverySeed,
    /// Some seed of the whole invocation.
    SomeSeed,
}

/// Something that happens inside a cluster under faults, and is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// A partition changed its leader.
    LeaderChanged,
    /// A replica left an ISR.
    IsrShrunk,
    /// A replica joined an ISR.
    IsrExpanded,
    /// A replica cut its log.
    Truncated,
    /// A leader was elected from outside the ISR.
    UncleanElection,
    /// An indeterminate send was read later.
    InfoRead,
}

impl Feature {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::LeaderChanged,
        Self::IsrShrunk,
        Self::IsrExpanded,
        Self::Truncated,
        Self::UncleanElection,
        Self::InfoRead,
    ];

    /// The name, as scenarios write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::LeaderChanged => "leader-changed",
            Self::IsrShrunk => "isr-shrunk",
            Self::IsrExpanded => "isr-expanded",
            Self::Truncated => "truncated",
            Self::UncleanElection => "unclean-election",
            Self::InfoRead => "info-read",
        }
    }

    /// How often it happened.
    pub fn count(self, counts: &Counts) -> u64 {
        match self {
            Self::LeaderChanged => counts.leader_changes,
            Self::IsrShrunk => counts.isr_shrinks,
            Self::IsrExpanded => counts.isr_growths,
            Self::Truncated => counts.truncations,
            Self::UncleanElection => counts.unclean_elections,
            Self::InfoRead => counts.info_read,
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Feature {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let known = Self::ALL.iter().find(|feature| feature.name() == text);
        known.copied().ok_or_else(|| ParseIdError::new(text, "thing that is counted, like `leader-changed`"))
    }
}
