//! What the controllers committed, by their own log.
//!
//! Every node tells each entry of the metadata log as it applies it. The first telling of an offset counts
//! and the rest are passed over, so that the state is the log's, and no single node's word.

use std::collections::BTreeMap;

use crate::ids::{
    BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, Offset, PartitionEpoch, TopicPartition,
};
use crate::trace::{Change, TraceEvent};

/// What the metadata log says so far.
#[derive(Clone, Debug, Default)]
pub struct ClusterState {
    partitions: BTreeMap<TopicPartition, CommittedPartition>,
    brokers: BTreeMap<BrokerId, CommittedBroker>,
    controller: Option<CommittedController>,
}

/// A partition, as the controller decided it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedPartition {
    /// The place of the decision in the metadata log.
    pub offset: Offset,
    /// The leader, if there is one.
    pub leader: Option<BrokerId>,
    /// Who led last: the leader, or without one its predecessor.
    pub last_leader: Option<BrokerId>,
    /// Counts the leaders.
    pub leader_epoch: LeaderEpoch,
    /// Counts the decisions.
    pub partition_epoch: PartitionEpoch,
    /// The in-sync replicas.
    pub isr: Box<[BrokerId]>,
    /// The replicas, in the order of assignment.
    pub replicas: Box<[BrokerId]>,
    /// How many replicas have to be in sync for acks=all.
    pub min_isr: u32,
}

/// A broker, as the controller decided it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedBroker {
    /// The place of the decision in the metadata log.
    pub offset: Offset,
    /// The registered incarnation.
    pub epoch: BrokerEpoch,
    /// Whether it may serve nothing.
    pub fenced: bool,
}

/// The controller that took over last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedController {
    /// The place of its first entry in the metadata log.
    pub offset: Offset,
    /// Its epoch.
    pub epoch: ControllerEpoch,
}

/// A decision on a partition, with what it replaces.
#[derive(Clone, Copy, Debug)]
pub struct PartitionDecision<'a> {
    /// Which partition.
    pub partition: &'a TopicPartition,
    /// The state before; `None` when the partition was created.
    pub before: Option<&'a CommittedPartition>,
    /// The state from now on.
    pub after: &'a CommittedPartition,
}

impl PartitionDecision<'_> {
    /// The leader that was elected from outside the in-sync replicas, if that happened.
    ///
    /// Derived from the decisions themselves; the label that the controller put on its entry is not asked.
    pub fn unclean_leader(&self) -> Option<BrokerId> {
        let before = self.before?;
        let elected = self.after.leader.filter(|leader| before.leader != Some(*leader))?;
        (!before.isr.contains(&elected)).then_some(elected)
    }

    /// Whether another broker leads now than the one that led last.
    pub fn changes_leader(&self) -> bool {
        let last = self.before.and_then(|before| before.last_leader);
        last.is_some() && self.after.leader.is_some() && self.after.leader != last
    }

    /// The replicas that join the in-sync set.
    pub fn joined(&self) -> impl Iterator<Item = BrokerId> {
        let before = self.before.map_or(&self.after.isr, |before| &before.isr);
        self.after.isr.iter().copied().filter(move |id| !before.contains(id))
    }

    /// The replicas that leave the in-sync set.
    pub fn left(&self) -> impl Iterator<Item = BrokerId> {
        let before = self.before.map_or(&[][..], |before| &before.isr);
        before.iter().copied().filter(|id| !self.after.isr.contains(id))
    }
}

impl ClusterState {
    /// Takes the next event, and hands a new decision on a partition to `decided`.
    pub fn observe(&mut self, event: &TraceEvent, decided: impl FnOnce(&Self, PartitionDecision<'_>)) {
        match &event.change {
            Change::PartitionChanged { partition, .. } => {
                let before = self.partitions.get(partition);
                let Some(after) = decision(&event.change, before) else { return };
                let before = self.partitions.insert(partition.clone(), after);
                let after = &self.partitions[partition];
                decided(self, PartitionDecision { partition, before: before.as_ref(), after });
            }
            Change::BrokerChanged { offset, subject, broker_epoch, fenced }
                if self.brokers.get(subject).is_none_or(|known| known.offset < *offset) =>
            {
                let broker = CommittedBroker { offset: *offset, epoch: *broker_epoch, fenced: *fenced };
                self.brokers.insert(*subject, broker);
            }
            Change::BecameController { controller_epoch, offset }
                if self.controller.is_none_or(|known| known.offset < *offset) =>
            {
                self.controller = Some(CommittedController { offset: *offset, epoch: *controller_epoch });
            }
            // What replicas tell of themselves is folded beside it, in `Cluster`.
            _ => {}
        }
    }

    /// All partitions.
    pub fn partitions(&self) -> impl Iterator<Item = (&TopicPartition, &CommittedPartition)> {
        self.partitions.iter()
    }

    /// One partition.
    pub fn partition(&self, partition: &TopicPartition) -> Option<&CommittedPartition> {
        self.partitions.get(partition)
    }

    /// One broker.
    pub fn broker(&self, broker: BrokerId) -> Option<&CommittedBroker> {
        self.brokers.get(&broker)
    }

    /// The controller.
    pub fn controller(&self) -> Option<&CommittedController> {
        self.controller.as_ref()
    }
}

/// The state after an entry on a partition; `None` if a later one is known already.
fn decision(change: &Change, before: Option<&CommittedPartition>) -> Option<CommittedPartition> {
    let Change::PartitionChanged {
        offset,
        leader,
        leader_epoch,
        partition_epoch,
        isr,
        replicas,
        min_isr,
        ..
    } = change
    else {
        return None;
    };
    before.is_none_or(|known| known.offset < *offset).then(|| CommittedPartition {
        offset: *offset,
        leader: *leader,
        last_leader: leader.or_else(|| before?.last_leader),
        leader_epoch: *leader_epoch,
        partition_epoch: *partition_epoch,
        isr: isr.clone(),
        replicas: replicas.clone(),
        min_isr: *min_isr,
    })
}
