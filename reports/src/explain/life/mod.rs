//! The life of one record: who sent it, which logs took it in and lost it, who acknowledged it and who read it,
//! and who led its partition meanwhile.
//!
//! It is folded from the recording by [`highwater_checkers::state::Cluster`], which is what the checkers judge: nothing is guessed here. The
//! history and the trace meet where a broker told of having acknowledged or served what a client was told.

mod clients;
mod fold;

use std::sync::Arc;

use highwater_checkers::fault::Occurrence;
use highwater_checkers::ids::{
    BrokerId, ClientId, LeaderEpoch, Offset, OperationIndex, Time, TopicPartition, Value,
};
use highwater_checkers::operation::{Acks, Outcome, Phase};
use highwater_checkers::recording::Recording;
use highwater_checkers::state::{CommittedPartition, CutBy};
use highwater_checkers::trace::Batch;

use fold::Fold;

/// A record: what lay at an offset, and which of the values that were seen there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) partition: TopicPartition,
    pub(super) offset: Offset,
    /// None where only the brokers told of it.
    pub(super) value: Option<Value>,
}

/// Everything that happened to a record, in order.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) record: Record,
    /// As it lay in the logs, if a broker told of it.
    pub(super) batch: Option<Batch>,
    pub(super) steps: Vec<Step>,
    /// Where it is at the end, replica by replica.
    pub(super) places: Vec<(BrokerId, Place)>,
    /// Who leads at the end, and in which epoch.
    pub(super) leader: Option<(BrokerId, LeaderEpoch)>,
    pub(super) at_last: AtLast,
}

/// What the final read says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtLast {
    /// There was none.
    Unread,
    /// It is where it was.
    There,
    /// It is at another offset.
    Elsewhere(Offset),
    /// It is absent, and this is in its place, if anything is.
    Absent(Option<Value>),
}

/// Where a record is, as one replica has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In its log, below its high watermark.
    Committed,
    /// In its log, at or above its high watermark.
    Uncommitted,
    /// Not there any more.
    Lost,
    /// It never was there.
    Never,
    /// Nobody can tell.
    Unknown,
}

/// One step of a life.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) time: Time,
    pub(super) what: What,
}

/// What happened to a record, or to its partition while it lived.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A producer sent it.
    Sent { client: ClientId, operation: OperationIndex, acks: Acks },
    /// What the producer was told.
    Answered { outcome: Outcome, operation: OperationIndex, offset: Option<Offset>, error: Option<Arc<str>> },
    /// A log took it in.
    Appended { broker: BrokerId, epoch: LeaderEpoch, leads: bool, replaced: Option<Election> },
    /// A replica found it in its log as it started, and nobody had known that.
    Found { broker: BrokerId },
    /// The high watermark of a replica that has it passed it.
    Committed { broker: BrokerId, hw: Offset, leads: bool },
    /// A broker acknowledged it.
    Acknowledged { broker: BrokerId, acks: Acks, have: Vec<BrokerId> },
    /// A broker handed it out though it was above the high watermark.
    Exposed { broker: BrokerId, hw: Offset },
    /// A consumer was given it.
    Read { client: ClientId, operation: OperationIndex, from: Option<BrokerId>, phase: Phase },
    /// A log lost it.
    Cut { broker: BrokerId, cut: Lost, left: Vec<BrokerId> },
    /// The controllers decided on the partition.
    Decided { before: Option<Box<CommittedPartition>>, after: Box<CommittedPartition> },
    /// A replica leads that does not have it, but perhaps another one of this epoch in its place.
    LedWithout { broker: BrokerId, epoch: LeaderEpoch, instead: Option<LeaderEpoch> },
    /// A leader put another batch in its place.
    Replaced { broker: BrokerId, epoch: LeaderEpoch },
    /// A process began.
    Started(BrokerId),
    /// A process ended of its own will.
    Stopped(BrokerId, Arc<str>),
    /// A fault was applied.
    Struck(Occurrence),
}

/// How a log lost a record.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub(super) how: CutBy,
    /// The log's end after it.
    pub(super) to: Offset,
}

/// Who was elected, and when the controllers decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Election {
    pub(super) time: Time,
    pub(super) leader: BrokerId,
    pub(super) epoch: LeaderEpoch,
    /// Whether it had been out of the in-sync replicas.
    pub(super) unclean: bool,
}

impl Life {
    /// The life of a record as a recording tells it.
    pub(super) fn of(recording: &Recording, record: &Record) -> Self {
        let batch = clients::batch_of(recording, record);
        let mut fold = Fold::new(record, batch);
        for event in &recording.events {
            fold.observe(event);
        }
        fold.finish(clients::at_last(recording, record))
    }

    /// What happened to a partition, without any record of it.
    pub(super) fn of_partition(recording: &Recording, partition: &TopicPartition) -> Self {
        let nowhere = Record { partition: partition.clone(), offset: Offset(-1), value: None };
        Self::of(recording, &nowhere)
    }

    /// Whether anybody told anything of the record.
    pub(super) fn is_told(&self) -> bool {
        let concerns = |step: &Step| {
            !matches!(
                step.what,
                What::Decided { .. } | What::Started(_) | What::Stopped(..) | What::Struck(_)
            )
        };
        self.steps.iter().any(concerns)
    }

    /// The leader that the controllers elected last before a moment.
    pub(super) fn last_election(&self, until: Time) -> Option<Election> {
        elections(&self.steps).take_while(|election| election.time <= until).last()
    }

    /// When it was sent.
    pub(super) fn sent(&self) -> Option<(Time, ClientId, OperationIndex)> {
        self.steps.iter().find_map(|step| match step.what {
            What::Sent { client, operation, .. } => Some((step.time, client, operation)),
            _ => None,
        })
    }

    /// When its producer was told that it is safe, and by which operation.
    pub(super) fn acknowledged(&self) -> Option<(Time, OperationIndex)> {
        self.steps.iter().find_map(|step| match step.what {
            What::Answered { outcome: Outcome::Ok, operation, .. } => Some((step.time, operation)),
            _ => None,
        })
    }

    /// The first time that a consumer was given it.
    pub(super) fn read(&self) -> Option<(&Step, OperationIndex)> {
        self.steps.iter().find_map(|step| match step.what {
            What::Read { operation, .. } => Some((step, operation)),
            _ => None,
        })
    }

    /// The brokers whose logs have it at the end.
    pub(super) fn holders(&self) -> impl Iterator<Item = BrokerId> {
        let holds = |place: &Place| matches!(place, Place::Committed | Place::Uncommitted);
        self.places.iter().filter(move |(_, place)| holds(place)).map(|(broker, _)| *broker)
    }

    /// Where the leader has it at the end.
    pub(super) fn place_at_leader(&self) -> Option<(BrokerId, Place)> {
        let (leader, _) = self.leader?;
        self.places.iter().copied().find(|(broker, _)| *broker == leader)
    }

    /// How `leader` came to lead in `epoch`, by the controllers' decision.
    pub(super) fn election(&self, leader: BrokerId, epoch: LeaderEpoch) -> Option<Election> {
        elections(&self.steps).find(|it| (it.leader, it.epoch) == (leader, epoch))
    }

    /// The decision by which the leader before this election lost its place, and who that was.
    pub(super) fn deposed(&self, election: &Election) -> Option<(Time, BrokerId)> {
        let mut last = None;
        for step in &self.steps {
            let What::Decided { before, after } = &step.what else { continue };
            if let Some(former) = before.as_ref().and_then(|before| before.leader)
                && after.leader != Some(former)
            {
                last = Some((step.time, former));
            }
            if (after.leader, after.leader_epoch) == (Some(election.leader), election.epoch) {
                break;
            }
        }
        last
    }
}

/// The leaders that the controllers elected.
fn elections(steps: &[Step]) -> impl Iterator<Item = Election> {
    steps.iter().filter_map(|step| match &step.what {
        What::Decided { before, after } => election(step.time, before.as_deref(), after),
        _ => None,
    })
}

/// The election that a decision is, if it is one.
fn election(time: Time, before: Option<&CommittedPartition>, after: &CommittedPartition) -> Option<Election> {
    let leader = after.leader?;
    let known = before.is_some_and(|it| (it.leader, it.leader_epoch) == (Some(leader), after.leader_epoch));
    let unclean = before.is_some_and(|before| !before.isr.contains(&leader));
    (!known).then_some(Election { time, leader, epoch: after.leader_epoch, unclean })
}

fn holds(batch: &Batch, offset: Offset) -> bool {
    batch.base <= offset && offset < batch.end()
}
