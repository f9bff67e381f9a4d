//! What the nemesis did: one event as each fault is planned, injected and healed, and the record of a fault
//! that they fold into.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, ParseIdError, Time, TopicPartition, serde_as_text};

/// One occurrence of one entry of the scenario's faults; shown as `f0.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Occurrence {
    /// Which entry of the scenario, from 0.
    pub entry: u32,
    /// Which of its repetitions, from 0.
    pub repetition: u32,
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}.{}", self.entry, self.repetition)
    }
}

impl FromStr for Occurrence {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parts = text.strip_prefix('f').and_then(|rest| rest.split_once('.'));
        let parsed = parts.and_then(|(entry, repetition)| {
            Some(Self { entry: entry.parse().ok()?, repetition: repetition.parse().ok()? })
        });
        parsed.ok_or_else(|| ParseIdError::new(text, "occurrence of a fault like `f0.2`"))
    }
}

serde_as_text!(Occurrence, "an occurrence of a fault like `f0.2`");

/// A place in the scenario's file, to underline what is spoken of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct YamlPosition {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// What a fault was applied to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A broker, all of it; shown as `b1`.
    Broker(BrokerId),
    /// A link, in one direction; shown as `b1->b2`, or `b1->clients`.
    Link {
        /// Where its messages come from.
        from: Host,
        /// Where they go.
        to: Host,
    },
    /// One replica on a broker's disk; shown as `b1:orders/0`.
    Replica(BrokerId, TopicPartition),
    /// A host that is no broker.
    Host(Arc<str>),
}

/// An end of a link: a broker, or another host by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A broker.
    Broker(BrokerId),
    /// Any other host, like `clients`.
    Named(Arc<str>),
}

impl From<BrokerId> for Host {
    fn from(broker: BrokerId) -> Self {
        Self::Broker(broker)
    }
}

impl From<&str> for Host {
    fn from(name: &str) -> Self {
        name.parse().map_or_else(|_| Self::Named(name.into()), Self::Broker)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(broker) => broker.fmt(f),
            Self::Named(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(broker) => broker.fmt(f),
            Self::Link { from, to } => write!(f, "{from}->{to}"),
            Self::Replica(broker, partition) => write!(f, "{broker}:{partition}"),
            Self::Host(name) => f.write_str(name),
        }
    }
}

impl FromStr for Target {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if let Some((from, to)) = text.split_once("->") {
            return Ok(Self::Link { from: from.into(), to: to.into() });
        }
        if let Some((broker, partition)) = text.split_once(':') {
            return Ok(Self::Replica(broker.parse()?, partition.parse()?));
        }
        match text.into() {
            Host::Broker(broker) => Ok(Self::Broker(broker)),
            Host::Named(name) if !name.is_empty() => Ok(Self::Host(name)),
            Host::Named(_) => Err(ParseIdError::new(text, "target of a fault like `b1` or `b1->b2`")),
        }
    }
}

serde_as_text!(Target, "a target of a fault like `b1` or `b1->b2`");

/// A step in the life of one fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultEvent {
    /// Of which fault.
    #[serde(rename = "fault")]
    pub occurrence: Occurrence,
    /// When.
    pub time: Time,
    /// Which step.
    #[serde(rename = "is")]
    pub phase: FaultPhase,
}

/// What happened to a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultPhase {
    /// It is in the plan.
    Planned {
        /// Its kind, like `network-partition`.
        kind: Arc<str>,
        /// Where the scenario's file asks for it.
        yaml: YamlPosition,
        /// The time it is planned for; `None` if a trigger decides.
        at: Option<Time>,
        /// Whether the scenario allows that it never bites (`may_miss: true`).
        may_miss: bool,
    },
    /// It was applied.
    Injected {
        /// What its selectors resolved to.
        targets: Box<[Target]>,
    },
    /// What it disturbs is whole again.
    Healed,
    /// It was not applied.
    Skipped {
        /// Why.
        reason: Arc<str>,
    },
    /// What it did, told once, when it is over.
    Effect(Effect),
}

/// What a fault did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Whether it met anything, by the rule of its kind.
    pub bit: bool,
    /// How much: messages dropped, bytes lost, …
    pub counters: BTreeMap<Arc<str>, u64>,
}

/// All that is known of one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// Which one.
    pub occurrence: Occurrence,
    /// Its kind, like `network-partition`.
    pub kind: Arc<str>,
    /// Where the scenario's file asks for it.
    pub yaml: YamlPosition,
    /// The time it was planned for; `None` if a trigger decided.
    pub planned: Option<Time>,
    /// Whether the scenario allows that it never bites.
    pub may_miss: bool,
    /// When it was applied, and what to.
    pub injected: Option<(Time, Box<[Target]>)>,
    /// When what it disturbed was whole again.
    pub healed: Option<Time>,
    /// Why it was not applied.
    pub skipped: Option<Arc<str>>,
    /// What it did.
    pub effect: Effect,
}

/// The records of a run's faults, folded from their events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultLog {
    records: BTreeMap<Occurrence, FaultRecord>,
}

impl FaultLog {
    /// Takes the next event. An event of a fault that was never planned makes a record without a kind.
    pub fn observe(&mut self, event: &FaultEvent) {
        let record = self.records.entry(event.occurrence).or_insert_with(|| FaultRecord {
            occurrence: event.occurrence,
            kind: "".into(),
            yaml: YamlPosition::default(),
            planned: None,
            may_miss: false,
            injected: None,
            healed: None,
            skipped: None,
            effect: Effect::default(),
        });
        match &event.phase {
            FaultPhase::Planned { kind, yaml, at, may_miss } => {
                record.kind = kind.clone();
                (record.yaml, record.planned, record.may_miss) = (*yaml, *at, *may_miss);
            }
            FaultPhase::Injected { targets } => record.injected = Some((event.time, targets.clone())),
            FaultPhase::Healed => record.healed = Some(event.time),
            FaultPhase::Skipped { reason } => record.skipped = Some(reason.clone()),
            FaultPhase::Effect(effect) => record.effect = effect.clone(),
        }
    }

    /// The record of one fault.
    pub fn get(&self, occurrence: Occurrence) -> Option<&FaultRecord> {
        self.records.get(&occurrence)
    }

    /// All records, by entry and repetition.
    pub fn records(&self) -> impl Iterator<Item = &FaultRecord> {
        self.records.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_back_from_their_texts() {
        for text in ["b1", "b1->b2", "clients->b3", "b1:orders/0", "clients"] {
            assert_eq!(text.parse::<Target>().expect(text).to_string(), text);
        }
        for wrong in ["", "x:orders/0", "b1:orders"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
        assert_eq!("f0.2".parse(), Ok(Occurrence { entry: 0, repetition: 2 }));
        assert!("f02".parse::<Occurrence>().is_err());
    }

    #[test]
    fn a_record_is_the_fold_of_its_events() {
        let occurrence = Occurrence { entry: 1, repetition: 0 };
        let mut log = FaultLog::default();
        let phases = [
            FaultPhase::Planned {
                kind: "power-loss".into(),
                yaml: YamlPosition { line: 12, column: 5 },
                at: Some(Time(3)),
                may_miss: true,
            },
            FaultPhase::Injected { targets: [Target::Broker(BrokerId(2))].into() },
            FaultPhase::Healed,
            FaultPhase::Effect(Effect { bit: true, counters: [("bytes_lost".into(), 7)].into() }),
        ];
        for (time, phase) in (0..).map(Time).zip(phases) {
            let event = FaultEvent { occurrence, time, phase };
            let text = serde_json::to_string(&event).expect("serialises");
            assert_eq!(serde_json::from_str::<FaultEvent>(&text).expect(&text), event);
            log.observe(&event);
        }
        let record = log.get(occurrence).expect("was observed");
        assert_eq!((&*record.kind, record.planned, record.may_miss), ("power-loss", Some(Time(3)), true));
        assert_eq!(record.injected, Some((Time(1), [Target::Broker(BrokerId(2))].into())));
        assert_eq!((record.healed, record.skipped.as_ref()), (Some(Time(2)), None));
        assert_eq!((record.effect.bit, record.effect.counters["bytes_lost"]), (true, 7));
    }
}
