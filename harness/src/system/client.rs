//! A client of a system under test: one connection's worth of calls, none of them repeated behind the back.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::ids::{LeaderEpoch, Offset, TopicPartition, Value};
use highwater_checkers::operation::{Acks, Record};
use highwater_workloads::Host;
use highwater_workloads::scenario::Topic;

/// Speaks to a system. Every call ends within its limit, whatever the system does, and sends a record once
/// at most: what is tried again is the workload's decision, since a repeated send is another operation.
pub trait Client: Send + 'static {
    /// Creates those of `topics` that do not exist. Where it fails it may be called again.
    fn create_topics(
        &mut self,
        topics: &[Topic],
        limit: Duration,
    ) -> impl Future<Output = Result<(), Arc<str>>> + Send;

    /// Sends one record.
    fn send(
        &mut self,
        partition: &TopicPartition,
        value: Value,
        acks: Acks,
        limit: Duration,
    ) -> impl Future<Output = SendOutcome> + Send;

    /// Reads on from `positions`, whose partitions are all that is read, and waits up to about `max_wait` for
    /// the first records. Partitions that have nothing to say are left out of the answer.
    fn poll(
        &mut self,
        positions: &BTreeMap<TopicPartition, Offset>,
        max_wait: Duration,
    ) -> impl Future<Output = Polled> + Send;

    /// Whether the cluster is at rest, as far as `scope` reaches. With no partitions in scope this is
    /// readiness: every broker serves.
    fn settled(&mut self, scope: &Scope, limit: Duration) -> impl Future<Output = Settled> + Send;
}

/// What became of a send: the table is in `kafka/outcome.rs`, for any system the meaning is this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// It was acknowledged, at this offset where the system tells.
    Ok {
        /// Where the record lies.
        offset: Option<Offset>,
    },
    /// It certainly has no effect and never will, and why.
    Fail(Arc<str>),
    /// It may take effect once, now or at any later time, and why that is not known.
    Info(Arc<str>),
}

/// What a poll returned, by partition.
pub type Polled = BTreeMap<TopicPartition, PartitionPoll>;

/// What a poll returned of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionPoll {
    /// The partition answered.
    Read {
        /// The records from the position on, in the order of the answer.
        records: Box<[Record]>,
        /// Where to read on: after the last record, or further where offsets were skipped.
        next: Offset,
        /// The high watermark in the answer, where the system tells.
        high_watermark: Option<Offset>,
    },
    /// The *current* leader refuses the position: the client has made sure that no newer one is known.
    OutOfRange,
    /// The partition cannot be read for now, and why.
    Error(Arc<str>),
}

/// Which part of a cluster is asked about: not what a scenario leaves broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The brokers that are to be up.
    pub brokers: Vec<Host>,
    /// The partitions that are to work.
    pub partitions: BTreeSet<TopicPartition>,
}

/// Whether a cluster is at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Every broker has applied the same metadata, every replica is in sync, and every record is on all of
    /// them: each leader's high watermark is its log's end. Each partition's leader epoch and end.
    Yes(BTreeMap<TopicPartition, (LeaderEpoch, Offset)>),
    /// Not yet, and why not.
    NotYet(Arc<str>),
}
