//! The occurrences of a scenario's faults, with their times and sides drawn.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{cuts, draw};
use crate::duration;
use crate::names::Host;
use crate::paths::PathPattern;
use crate::randomness::{below, stream};
use crate::scenario::{
    Action, Delay, Direction, DiskFault, Fault, InFlight, Scenario, Schedule, Scope, Selector, Shape, Span,
    Topic, Trigger, Unsynced, Who,
};

/// One time that a fault happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occurrence {
    /// Its name in recordings and reports.
    pub id: OccurrenceId,
    /// Where its entry stands in the scenario's file.
    pub span: Span,
    /// When it begins.
    pub start: Start,
    /// How long it lasts; none: until the calm phase, or not at all for what happens at one instant.
    #[serde(with = "duration::optional_text")]
    pub duration: Option<Duration>,
    /// What it does.
    pub effect: Effect,
    /// Whether a run counts even if no occurrence of its entry takes effect.
    pub may_miss: bool,
    /// What names its random streams; see [`Occurrence::rng`].
    pub stream: String,
}

impl Occurrence {
    /// The stream for what is drawn while the fault goes on: which of the candidates are selected, and so on.
    #[must_use]
    pub fn rng(&self, seed: u64) -> ChaCha8Rng {
        stream(seed, "fault", &self.stream)
    }
}

/// An entry of `faults` and which of its occurrences, both from 0; shown and stored as `f0.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OccurrenceId {
    /// The entry.
    pub entry: u32,
    /// The occurrence.
    pub occurrence: u32,
}

impl fmt::Display for OccurrenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}.{}", self.entry, self.occurrence)
    }
}

/// The text is no occurrence's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no id of a fault, as `f0.2`")]
pub struct OccurrenceIdError(String);

impl FromStr for OccurrenceId {
    type Err = OccurrenceIdError;

    fn from_str(text: &str) -> Result<Self, OccurrenceIdError> {
        text.strip_prefix('f')
            .and_then(|rest| rest.split_once('.'))
            .and_then(|(entry, occurrence)| {
                Some(Self { entry: entry.parse().ok()?, occurrence: occurrence.parse().ok()? })
            })
            .ok_or_else(|| OccurrenceIdError(text.to_owned()))
    }
}

impl TryFrom<String> for OccurrenceId {
    type Error = OccurrenceIdError;

    fn try_from(text: String) -> Result<Self, OccurrenceIdError> {
        text.parse()
    }
}

impl From<OccurrenceId> for String {
    fn from(id: OccurrenceId) -> Self {
        id.to_string()
    }
}

/// When an occurrence begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// So long after the load began.
    At(#[serde(with = "duration::text")] Duration),
    /// So long after the next event that no earlier occurrence of the same entry has taken.
    When(Trigger),
}

/// What an occurrence does to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Links are cut.
    NetworkPartition {
        /// Which.
        cut: Cut,
        /// Which way, seen from the selected.
        direction: Direction,
        /// What becomes of messages on their way.
        in_flight: InFlight,
    },
    /// Messages take longer.
    NetworkDelay {
        /// One end of the links.
        selector: Selector,
        /// The other; none: every other host, clients included.
        target: Option<Selector>,
        /// Which way, seen from the selected.
        direction: Direction,
        /// How much longer.
        delay: Delay,
    },
    /// Processes die.
    ProcessKill {
        /// Whose.
        selector: Selector,
        /// When they start again; none: in the calm phase.
        #[serde(with = "duration::optional_text")]
        restart_after: Option<Duration>,
    },
    /// Processes shut down in an orderly manner.
    ProcessTerminate {
        /// Whose.
        selector: Selector,
        /// When they start again; none: in the calm phase.
        #[serde(with = "duration::optional_text")]
        restart_after: Option<Duration>,
    },
    /// Processes stand still.
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
        #[serde(with = "duration::optional_text")]
        restart_after: Option<Duration>,
    },
    /// Disks fail, or what is on them is damaged.
    Disk {
        /// Whose.
        selector: Selector,
        /// Which of their files; none: all but the controllers' own. A partition that it leaves open is that of
        /// the selector, or of the event waited for.
        path: Option<PathPattern>,
        /// What becomes of them.
        fault: DiskFault,
        /// How long a process that stopped because of it stays down; none: until the calm phase.
        #[serde(with = "duration::optional_text")]
        restart_after: Option<Duration>,
    },
}

impl Effect {
    /// The fault's kind, as a scenario names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NetworkPartition { .. } => "network-partition",
            Self::NetworkDelay { .. } => "network-delay",
            Self::ProcessKill { .. } => "process-kill",
            Self::ProcessTerminate { .. } => "process-terminate",
            Self::ProcessPause { .. } => "process-pause",
            Self::PowerLoss { .. } => "power-loss",
            Self::Disk { fault, .. } => fault.kind(),
        }
    }
}

/// Which links a network partition cuts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// Those between hosts of different groups; hosts in no group reach everybody.
    Groups(Vec<Vec<Host>>),
    /// These.
    Links(Vec<(Host, Host)>),
    /// Those between the selected and the target.
    Between {
        /// One side.
        selector: Selector,
        /// The other, less the selected; none: every other host, clients included.
        target: Option<Selector>,
    },
}

/// Every occurrence of every fault: those with a time in its order, then those that wait for an event.
pub(super) fn plan(scenario: &Scenario, seed: u64) -> Vec<Occurrence> {
    let mut twins: BTreeMap<&str, u32> = BTreeMap::new();
    let mut planned = Vec::new();
    for (entry, fault) in (0_u32..).zip(&scenario.faults) {
        // Entries that say the same must not draw the same.
        let twin = twins.entry(&fault.stream).or_default();
        let name = format!("{}-{twin}", fault.stream);
        *twin += 1;
        for (occurrence, begin) in (0_u32..).zip(begins(&fault.schedule, scenario.run.duration)) {
            let stream = format!("{name}.{occurrence}");
            let id = OccurrenceId { entry, occurrence };
            planned.extend(plan_one(scenario, seed, fault, id, begin, stream));
        }
    }
    planned.sort_by_key(|occurrence| match &occurrence.start {
        Start::At(at) => (0, *at, occurrence.id),
        Start::When(_) => (1, Duration::ZERO, occurrence.id),
    });
    planned
}

/// The starts of one entry, before any jitter.
fn begins(schedule: &Schedule, load: Duration) -> Vec<Start> {
    match schedule {
        Schedule::At { at, every: None, .. } => vec![Start::At(*at)],
        Schedule::At { at, every: Some(every), times } => {
            let most = times.map_or(usize::MAX, |times| times.get() as usize);
            let times = std::iter::successors(Some(*at), |at| at.checked_add(*every));
            times.take_while(|at| *at < load).take(most).map(Start::At).collect()
        }
        Schedule::When { trigger, times } => vec![Start::When(trigger.clone()); times.get() as usize],
    }
}

/// One occurrence; none if its jitter moves it beyond the end of the load.
fn plan_one(
    scenario: &Scenario,
    seed: u64,
    fault: &Fault,
    id: OccurrenceId,
    begin: Start,
    stream: String,
) -> Option<Occurrence> {
    let jitter = draw::within(&mut draw::fault(seed, "jitter", &stream), fault.jitter);
    let start = match begin {
        Start::At(at) => Start::At(Some(at + jitter).filter(|at| *at < scenario.run.duration)?),
        Start::When(trigger) => Start::When(Trigger { after: trigger.after + jitter, ..trigger }),
    };
    // A role of a partition that the scenario leaves open is one of any partition, unless an event names it.
    let place = match &start {
        Start::When(Trigger { scope: Scope::Partition, .. }) => Place::OfTheEvent,
        _ => Place::Drawn { topics: &scenario.topics, seed, stream: &stream },
    };
    let mut sides = draw::fault(seed, "sides", &stream);
    let hosts = || scenario.cluster.hosts().collect::<Vec<_>>();
    let effect = match fault.action.clone() {
        Action::NetworkPartition { shape, direction, in_flight } => {
            let cut = match shape {
                Shape::Groups(groups) => Cut::Groups(groups),
                Shape::Between { selector, target } => {
                    let selector = place.complete(selector, None);
                    let target = Some(place.complete(target, Some(&selector)));
                    Cut::Between { selector, target }
                }
                Shape::Isolate(selector) => {
                    Cut::Between { selector: place.complete(selector, None), target: None }
                }
                Shape::Halves => cuts::halves(hosts(), &mut sides),
                Shape::MajorityMinority => cuts::majority_minority(hosts(), &mut sides),
                Shape::Ring => cuts::ring(hosts(), &mut sides),
                Shape::Bridge => cuts::bridge(hosts(), &mut sides),
            };
            Effect::NetworkPartition { cut, direction, in_flight }
        }
        Action::NetworkDelay { selector, target, direction, delay } => {
            let selector = place.complete(selector, None);
            let target = target.map(|target| place.complete(target, Some(&selector)));
            Effect::NetworkDelay { selector, target, direction, delay }
        }
        Action::ProcessKill { selector, restart_after } => {
            Effect::ProcessKill { selector: place.complete(selector, None), restart_after }
        }
        Action::ProcessTerminate { selector, restart_after } => {
            Effect::ProcessTerminate { selector: place.complete(selector, None), restart_after }
        }
        Action::ProcessPause { selector } => {
            Effect::ProcessPause { selector: place.complete(selector, None) }
        }
        Action::PowerLoss { selector, unsynced, restart_after } => {
            Effect::PowerLoss { selector: place.complete(selector, None), unsynced, restart_after }
        }
        Action::Disk { selector, path, fault, restart_after } => {
            Effect::Disk { selector: place.complete(selector, None), path, fault, restart_after }
        }
    };
    Some(Occurrence {
        id,
        span: fault.span,
        start,
        duration: fault.duration,
        effect,
        may_miss: fault.may_miss,
        stream,
    })
}

/// Which partition a role belongs to that the scenario leaves open.
enum Place<'s> {
    /// That of the event which the fault waits for.
    OfTheEvent,
    /// One of these topics, drawn from a stream that gives every selector of one occurrence the same.
    Drawn { topics: &'s [Topic], seed: u64, stream: &'s str },
}

impl Place<'_> {
    /// Fills in topic and partition of a role as far as they are known before the run: a target's from its
    /// selector, the rest from this place.
    fn complete(&self, mut selector: Selector, of: Option<&Selector>) -> Selector {
        let Who::PartitionRole { topic, partition, .. } = &mut selector.who else { return selector };
        if topic.is_none()
            && let Some(Selector { who: Who::PartitionRole { topic: theirs, partition: number, .. }, .. }) =
                of
        {
            (*topic, *partition) = (theirs.clone(), *number);
        }
        if let Self::Drawn { topics, seed, stream } = self
            && partition.is_none()
        {
            let named = |candidate: &&Topic| topic.as_ref().is_none_or(|name| candidate.name == *name);
            let mut candidates: Vec<_> =
                topics.iter().filter(named).flat_map(Topic::topic_partitions).collect();
            let drawn = below(&mut draw::fault(*seed, "partition", stream), candidates.len() as u64);
            let drawn = candidates.swap_remove(drawn as usize);
            (*topic, *partition) = (Some(drawn.topic), Some(drawn.partition));
        }
        selector
    }
}
