//! One event of a history: the invocation or the completion of a client's operation.
//!
//! The words are Jepsen's. An operation is an invocation and at most one completion by the same process:
//! `ok` (it happened), `fail` (it certainly did not) or `info` (unknown: it may take effect once, at any
//! later time). A process whose operation ended in `info` is closed.

mod json;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{BrokerId, ClientId, Offset, OperationIndex, Process, Time, TopicPartition, Value};

/// One event of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its position in the history, counting invocations and completions alike, from 0.
    pub index: OperationIndex,
    /// When it happened.
    pub time: Time,
    /// Which lane.
    pub process: Process,
    /// Whose lane. A consumer keeps its position, and a producer its order, from process to process.
    pub client: ClientId,
    /// Whether it is an invocation, or which completion.
    pub outcome: Outcome,
    /// In which part of the run.
    pub phase: Phase,
    /// What was asked, and for a completion what came back.
    pub body: Body,
    /// Why it failed or is indeterminate: a protocol error's name, or the client's own words.
    pub error: Option<Arc<str>>,
}

/// The `type` of an event, as Jepsen calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The operation begins.
    Invoke,
    /// It happened.
    Ok,
    /// It certainly did not happen, and never will.
    Fail,
    /// Unknown: it may take effect once, at any later time.
    Info,
}

/// The part of a run in which an operation was invoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Under faults.
    #[default]
    Load,
    /// After everything was healed.
    Recovery,
    /// The final read.
    Final,
}

/// What an operation does. A body stands for its invocation and for its completions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Sends one record.
    Send(Send),
    /// Reads from every assigned partition.
    Poll(Poll),
    /// Several sends and polls that take effect together; a batch of sends is one of these.
    Txn(Box<[MicroOp]>),
    /// The consumer now reads these partitions alone. One with an offset is read from there on, one
    /// without is read on from where the consumer stands.
    Assign(Box<[PartitionPosition]>),
    /// A consumer's group now reads these partitions, shared out among its members: partitions come and go.
    Subscribe(Box<[TopicPartition]>),
    /// A member of a consumer group commits how far it has read.
    Commit(GroupOffsets),
    /// How far a group has committed; nothing at its invocation. A partition without an offset has none.
    FetchCommitted(GroupOffsets),
    /// A member of a consumer group was given these partitions in a generation; nothing at its invocation.
    Join(Membership),
    /// What a final reader claims. `ok`: all that this client polled of a partition since it last assigned
    /// it at offset 0 is the partition's whole content up to the end named here. Otherwise the final read
    /// of these partitions could not run, and the error says why.
    FinalRead(Box<[PartitionPosition]>),
}

/// A send of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// Where to.
    pub partition: TopicPartition,
    /// The record.
    pub value: Value,
    /// Where it lies, once that is known.
    pub offset: Option<Offset>,
    /// What the acknowledgement promises.
    pub acks: Acks,
}

/// Offsets of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffsets {
    /// The group's name.
    pub group: Arc<str>,
    /// The partitions, each with the offset of the next record to read.
    pub offsets: Box<[PartitionPosition]>,
}

/// What a member of a consumer group owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The group's name.
    pub group: Arc<str>,
    /// Counts the group's assignments.
    pub generation: i32,
    /// The member's partitions.
    pub partitions: Box<[TopicPartition]>,
}

/// How many replicas have a record when it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Acks {
    /// `acks=0`: none; there is no acknowledgement.
    None,
    /// `acks=1`: the leader alone.
    Leader,
    /// `acks=all`: every in-sync replica.
    #[default]
    All,
}

impl Acks {
    /// The number of the Kafka protocol: 0, 1 or -1.
    pub fn number(self) -> i8 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }

    /// The meaning of the Kafka protocol's number.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Leader),
            -1 => Some(Self::All),
            _ => None,
        }
    }
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
        })
    }
}

/// What a poll returned; nothing at its invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    /// One entry a partition that answered.
    pub reads: Box<[PartitionRead]>,
}

/// What a poll returned of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRead {
    /// Of which partition.
    pub partition: TopicPartition,
    /// The records, in the order in which the consumer got them.
    pub records: Box<[Record]>,
    /// What else the reply showed; all `None` for a foreign history.
    pub seen: Seen,
}

/// A record where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where.
    pub offset: Offset,
    /// What.
    pub value: Value,
}

/// What a consumer saw of a partition beside its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The offset that was asked for.
    pub position: Option<Offset>,
    /// The high watermark in the reply.
    pub high_watermark: Option<Offset>,
    /// The current leader refused the position, and the consumer goes on from here.
    pub reset: Option<Offset>,
    /// The broker that answered, where the client knows.
    pub from: Option<BrokerId>,
}

/// A partition, and an offset in it if one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionPosition {
    /// Which partition.
    pub partition: TopicPartition,
    /// Where in it.
    pub offset: Option<Offset>,
}

/// One step of an operation that has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MicroOp {
    /// Sends one record.
    Send(Send),
    /// Reads from every assigned partition.
    Poll(Poll),
}

impl Body {
    /// The name of what is done: Jepsen's `f`.
    pub fn function(&self) -> &'static str {
        match self {
            Self::Send(_) => "send",
            Self::Poll(_) => "poll",
            Self::Txn(steps) if steps.len() > 1 && steps.iter().all(|s| matches!(s, MicroOp::Send(_))) => {
                "send"
            }
            Self::Txn(_) => "txn",
            Self::Assign(_) => "assign",
            Self::Subscribe(_) => "subscribe",
            Self::Commit(_) => "commit",
            Self::FetchCommitted(_) => "fetch-committed",
            Self::Join(_) => "join",
            Self::FinalRead(_) => "final-read",
        }
    }

    /// All the sends of the operation, in order.
    pub fn sends(&self) -> impl Iterator<Item = &Send> {
        let (single, steps) = match self {
            Self::Send(send) => (Some(send), &[][..]),
            Self::Txn(steps) => (None, &steps[..]),
            _ => (None, &[][..]),
        };
        single.into_iter().chain(steps.iter().filter_map(|step| match step {
            MicroOp::Send(send) => Some(send),
            MicroOp::Poll(_) => None,
        }))
    }

    /// All that the operation read, in order.
    pub fn reads(&self) -> impl Iterator<Item = &PartitionRead> {
        let (single, steps) = match self {
            Self::Poll(poll) => (Some(poll), &[][..]),
            Self::Txn(steps) => (None, &steps[..]),
            _ => (None, &[][..]),
        };
        let polls = single.into_iter().chain(steps.iter().filter_map(|step| match step {
            MicroOp::Poll(poll) => Some(poll),
            MicroOp::Send(_) => None,
        }));
        polls.flat_map(|poll| poll.reads.iter())
    }
}
