//! Faults as a scenario asks for them: what happens, to whom, and when.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::diagnostics::Span;
use super::disk::DiskFault;
use super::vocabulary::Scope;
use crate::duration;
use crate::names::Host;
use crate::paths::PathPattern;

/// One entry of `faults`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands in the file.
    pub span: Span,
    /// What names its random streams: derived from what is written in the entry, so that adding, moving or
    /// removing another re-rolls nothing here.
    pub stream: String,
    /// When it begins, and how often.
    pub schedule: Schedule,
    /// How much later than that it may begin: drawn for each occurrence.
    pub jitter: Duration,
    /// How long it lasts; none: until the calm phase, or not at all for what happens at one instant.
    pub duration: Option<Duration>,
    /// What it does.
    pub action: Action,
    /// Whether a run counts even if this never takes effect.
    pub may_miss: bool,
}

/// When a fault begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At times counted from the start of the load.
    At {
        /// The first time.
        at: Duration,
        /// The distance to the next; none: once.
        every: Option<Duration>,
        /// At most this often; none: until the load ends.
        times: Option<NonZeroU32>,
    },
    /// When something happens.
    When {
        /// What.
        trigger: Trigger,
        /// At the first so many of these events.
        times: NonZeroU32,
    },
}

/// The event that a fault waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Its name in the system's vocabulary.
    pub event: String,
    /// Whether it is an event of a partition.
    pub scope: Scope,
    /// Only of this topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Only of this partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// How long after the event the fault begins.
    #[serde(with = "duration::text")]
    pub after: Duration,
}

/// What a fault does to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Links are cut.
    NetworkPartition {
        /// Which.
        shape: Shape,
        /// Which way, seen from the selected.
        direction: Direction,
        /// What becomes of messages on their way.
        in_flight: InFlight,
    },
    /// Messages take longer.
    NetworkDelay {
        /// One end of the links.
        selector: Selector,
        /// The other; none: every other host.
        target: Option<Selector>,
        /// Which way, seen from the selected.
        direction: Direction,
        /// How much longer.
        delay: Delay,
    },
    /// Processes die; their disks keep what the page cache had.
    ProcessKill {
        /// Whose.
        selector: Selector,
        /// When they start again; none: in the calm phase.
        restart_after: Option<Duration>,
    },
    /// Processes shut down in an orderly manner.
    ProcessTerminate {
        /// Whose.
        selector: Selector,
        /// When they start again; none: in the calm phase.
        restart_after: Option<Duration>,
    },
    /// Processes stand still, as under SIGSTOP.
    ProcessPause {
        /// Whose.
        selector: Selector,
    },
    /// Machines lose power.
    PowerLoss {
        /// Which.
        selector: Selector,
        /// What becomes of bytes that were not synced.
        unsynced: Unsynced,
        /// When they start again; none: in the calm phase.
        restart_after: Option<Duration>,
    },
    /// Disks fail, or what is on them is damaged.
    Disk {
        /// Whose.
        selector: Selector,
        /// Which of their files; none: all but the controllers' own.
        path: Option<PathPattern>,
        /// What becomes of them.
        fault: DiskFault,
        /// How long a process that stopped because of it stays down; none: until the calm phase.
        restart_after: Option<Duration>,
    },
}

/// Which links a network partition cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Those between hosts of different groups; hosts in no group reach everybody.
    Groups(Vec<Vec<Host>>),
    /// Those between the selected and the target.
    Between {
        /// One side.
        selector: Selector,
        /// The other.
        target: Selector,
    },
    /// Those between the selected and every other host, clients included.
    Isolate(Selector),
    /// Those between two random halves of the cluster's hosts.
    Halves,
    /// Those between a random majority and the rest.
    MajorityMinority,
    /// All but those to the nearest neighbours on a random ring: each host sees a majority, no two the same.
    Ring,
    /// Those between two random halves; one host sees both.
    Bridge,
}

/// Which way a link is affected, seen from the selected hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// What they send.
    To,
    /// What they are sent.
    From,
    /// Both.
    Both,
}

/// What becomes of messages that are on their way when a link is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InFlight {
    /// They are lost, and the connection is silently dead after the heal.
    Dropped,
    /// They arrive after the heal.
    Held,
}

/// How much longer messages take: `latency`, give or take up to `jitter`, drawn uniformly for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// The mean.
    #[serde(with = "duration::text")]
    pub latency: Duration,
    /// The greatest distance from it.
    #[serde(with = "duration::text")]
    pub jitter: Duration,
}

/// What becomes of unsynced bytes when power is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unsynced {
    /// All are lost.
    Lost,
    /// A random prefix of each file's is kept.
    Prefix,
    /// Each sector is lost or kept, so that there may be holes.
    Sectors,
    /// All are kept.
    Kept,
}

/// Which hosts a fault meets: still a role or a list, resolved when the fault begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// The candidates.
    pub who: Who,
    /// How many of them.
    pub mode: Mode,
}

/// The candidates of a selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Those that hold a role in the cluster when the fault begins; its name in the system's vocabulary.
    Role(String),
    /// Those that hold a role of a partition when the fault begins.
    PartitionRole {
        /// The role's name in the system's vocabulary.
        role: String,
        /// The topic. None: for a target that of the selector, else that of the event waited for, else any; in
        /// a plan that is left for events alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<String>,
        /// The partition, likewise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partition: Option<u32>,
    },
    /// These.
    Hosts(Vec<Host>),
}

/// How many of the candidates are taken; which, is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One.
    One,
    /// All.
    All,
    /// So many, or all if there are fewer.
    Fixed(u32),
    /// So many percent, rounded up.
    FixedPercent(u32),
    /// Up to so many percent, the number drawn too, at least one.
    RandomMaxPercent(u32),
}
