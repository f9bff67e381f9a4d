//! The cluster's state, folded from a run's events: what the controllers committed, and what each replica
//! holds, believes, and has lost.
//!
//! Nothing here is read from a broker; all of it is what brokers and disks told, and when the nemesis killed
//! whom. Every node tells each entry of the metadata log as it applies it. The first telling of an offset
//! counts and the rest are passed over, so that [`ClusterState`] is the log's, and no single node's word. What
//! a replica tells of itself is its own word, and [`Cluster`] holds it beside that.

mod log;
mod metadata;
mod partition;
mod replica;

use std::collections::BTreeMap;

pub use log::{Prefix, ReplicaLog};
pub use metadata::{
    ClusterState, CommittedBroker, CommittedController, CommittedPartition, PartitionDecision,
};
use partition::Acked;
pub use partition::{Ack, Partition, TrueHighWatermark, Whereabouts};
pub use replica::{Cut, CutBy, Leadership, Replica, Role};

use crate::fault::{FaultEvent, FaultPhase, Occurrence, Target};
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, Time, TopicPartition};
use crate::operation::Acks;
use crate::recording::Event;
use crate::trace::{Batch, Change, TraceEvent};

/// The faults that end a broker's process without a word of its own.
const DEADLY: &[&str] = &["process-kill", "power-loss", "disk-torn-write", "disk-wipe"];
/// Those of them after which nobody can tell what is left of a log before the next start.
const RUINOUS: &[&str] = &["disk-torn-write", "disk-wipe"];

/// The whole cluster, as far as it was told.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    metadata: ClusterState,
    brokers: BTreeMap<BrokerId, Broker>,
    partitions: BTreeMap<TopicPartition, Partition>,
    /// The occurrences of [`DEADLY`] faults, and whether they are [`RUINOUS`].
    deadly: BTreeMap<Occurrence, bool>,
    acks: u64,
}

/// A broker's process.
#[derive(Clone, Copy, Debug, Default)]
struct Broker {
    alive: bool,
    /// The registration that was in force when the process began: a later one is its own.
    former: Option<BrokerEpoch>,
}

/// What an event changed that cannot be seen afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing of the kind.
    Plain,
    /// The controllers decided on a partition: it was this before. Told first by this event.
    Decided {
        /// `None` when the partition was created.
        before: Option<Box<CommittedPartition>>,
    },
    /// A replica lost something: its latest [`Cut`].
    Lost,
}

impl Cluster {
    /// Takes the next event.
    pub fn observe(&mut self, event: &Event) -> Step {
        match event {
            Event::Trace(event) => self.trace(event),
            Event::Fault(event) => {
                self.fault(event);
                Step::Plain
            }
            Event::Operation(_) | Event::Mark(_) | Event::Sample(_) => Step::Plain,
        }
    }

    /// What the controllers committed.
    pub fn metadata(&self) -> &ClusterState {
        &self.metadata
    }

    /// All partitions of which a replica told anything.
    pub fn partitions(&self) -> impl Iterator<Item = (&TopicPartition, &Partition)> {
        self.partitions.iter()
    }

    /// One partition, if a replica of it told anything.
    pub fn partition(&self, partition: &TopicPartition) -> Option<&Partition> {
        self.partitions.get(partition)
    }

    /// Whether a broker's process runs.
    pub fn is_alive(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| broker.alive)
    }

    /// Whether a broker's present incarnation is registered and unfenced.
    pub fn is_serving(&self, broker: BrokerId) -> bool {
        let (process, committed) = (self.brokers.get(&broker), self.metadata.broker(broker));
        let (Some(process), Some(committed)) = (process, committed) else { return false };
        process.alive && !committed.fenced && process.former.is_none_or(|former| committed.epoch > former)
    }

    pub(crate) fn trace(&mut self, event: &TraceEvent) -> Step {
        let TraceEvent { time, broker, change } = event;
        match change {
            Change::BrokerStarted { .. } => self.lives(*broker, true),
            Change::BrokerStopped { .. } => self.lives(*broker, false),
            Change::PartitionChanged { .. } => {
                let mut step = Step::Plain;
                self.metadata.observe(event, |_, decision| {
                    step = Step::Decided { before: decision.before.cloned().map(Box::new) };
                });
                return step;
            }
            Change::BrokerChanged { .. } | Change::BecameController { .. } => {
                self.metadata.observe(event, |_, _| {});
            }
            Change::Lost { file, .. } => {
                let replica = partition_of(file).and_then(|partition| self.partitions.get_mut(&partition));
                if let Some(replica) = replica.and_then(|it| it.replicas.get_mut(broker)) {
                    replica.uncertain = true;
                }
            }
            Change::Acknowledged { partition, base, last, epoch, acks } => {
                self.acknowledged(*time, *broker, partition, (*base, *last), *epoch, *acks);
            }
            // A process that lives goes by what it has in memory; of one that is killed for it the fault tells.
            Change::Damaged { .. } => {}
            Change::Registered { .. } | Change::Synced { .. } | Change::Served { .. } => {}
            _ => return self.replica_changed(event),
        }
        Step::Plain
    }

    fn replica_changed(&mut self, event: &TraceEvent) -> Step {
        let TraceEvent { time, broker, change } = event;
        let Some(partition) = change.partition() else { return Step::Plain };
        let committed = self.metadata.partition(partition);
        if !self.partitions.contains_key(partition) {
            self.partitions.insert(partition.clone(), Partition::default());
        }
        let Some(fold) = self.partitions.get_mut(partition) else { return Step::Plain };
        let replica = fold.replicas.entry(*broker).or_insert_with(|| {
            let alive = self.brokers.get(broker).is_some_and(|broker| broker.alive);
            Replica { alive, ..Replica::default() }
        });
        let mut lost = false;
        match change {
            Change::Recovered { hw, epochs, batches, .. } => {
                lost = replica.recover(*time, batches);
                replica.hw = *hw;
                replica.epochs = Some(epochs.clone());
            }
            Change::Appended { base, count, epoch, crc, .. } => {
                replica.append(Batch { base: *base, count: *count, epoch: *epoch, crc: *crc });
            }
            Change::EpochCache { epochs, .. } => replica.epochs = Some(epochs.clone()),
            Change::HighWatermark { hw, .. } => replica.hw = *hw,
            Change::Truncated { to, why, epochs, .. } => {
                lost = replica.truncate(*time, *to, why.clone());
                replica.epochs = Some(epochs.clone());
            }
            Change::BecameLeader { epoch, start, isr, partition_epoch, .. } => {
                let (isr, start) = (std::sync::Arc::<[BrokerId]>::from(&**isr), *start);
                let leadership = Leadership { start, maximal: isr.clone(), isr, pending: false };
                replica.role = Role::Leader(leadership);
                (replica.epoch, replica.partition_epoch) = (Some(*epoch), Some(*partition_epoch));
            }
            Change::BecameFollower { epoch, leader, partition_epoch, hw, .. } => {
                replica.role = Role::Follower { leader: *leader, since: *time };
                replica.hw = *hw;
                (replica.epoch, replica.partition_epoch) = (Some(*epoch), Some(*partition_epoch));
            }
            Change::IsrProposed { maximal, .. } => {
                if let Some(leadership) = replica.leads() {
                    (leadership.maximal, leadership.pending) = ((&**maximal).into(), true);
                }
            }
            Change::IsrApplied { isr, partition_epoch, .. } => {
                if let Some(leadership) = replica.leads() {
                    leadership.isr = (&**isr).into();
                    (leadership.maximal, leadership.pending) = (leadership.isr.clone(), false);
                }
                replica.partition_epoch = Some(*partition_epoch);
            }
            Change::FetcherStarted { leader, epoch, .. } => replica.fetchers.push((*leader, *epoch)),
            Change::FetcherStopped { leader, epoch, .. } => {
                if let Some(at) = replica.fetchers.iter().position(|it| *it == (*leader, *epoch)) {
                    replica.fetchers.swap_remove(at);
                }
            }
            // What concerns no single replica was taken before.
            _ => return Step::Plain,
        }
        if let Some((epoch, _)) = replica.leadership()
            && committed.is_some_and(|it| (it.leader, it.leader_epoch) == (Some(*broker), epoch))
            && fold.true_hw.is_none_or(|known| known.hw < replica.hw)
        {
            fold.true_hw = Some(TrueHighWatermark { hw: replica.hw, by: *broker, epoch, since: *time });
        }
        if lost { Step::Lost } else { Step::Plain }
    }

    fn acknowledged(
        &mut self,
        time: Time,
        by: BrokerId,
        partition: &TopicPartition,
        (base, last): (Offset, Offset),
        epoch: LeaderEpoch,
        acks: Acks,
    ) {
        let Some(fold) = self.partitions.get_mut(partition) else { return };
        let Some(log) = fold.replicas.get(&by).and_then(Replica::log) else { return };
        for batch in log.range(base, last.plus(1)) {
            fold.acks.insert((batch.base, self.acks), Ack { time, by, epoch, acks, batch });
            self.acks += 1;
        }
        if acks == Acks::All {
            let end = last.plus(1);
            let known =
                fold.acked.unwrap_or(Acked { end: Offset(0), prefix: log.prefix(Offset(0)), mixed: false });
            let mixed = known.mixed || log.end() < known.end || log.prefix(known.end) != known.prefix;
            let (end, prefix) =
                if end > known.end { (end, log.prefix(end)) } else { (known.end, known.prefix) };
            fold.acked = Some(Acked { end, prefix, mixed });
        }
    }

    fn fault(&mut self, event: &FaultEvent) {
        match &event.phase {
            FaultPhase::Planned { kind, .. } if DEADLY.contains(&&**kind) => {
                self.deadly.insert(event.occurrence, RUINOUS.contains(&&**kind));
            }
            FaultPhase::Injected { targets } => {
                let Some(ruinous) = self.deadly.get(&event.occurrence).copied() else { return };
                for target in targets {
                    let (broker, only) = match target {
                        Target::Broker(broker) => (*broker, None),
                        Target::Replica(broker, partition) => (*broker, Some(partition)),
                        Target::Link { .. } | Target::Host(_) => continue,
                    };
                    self.lives(broker, false);
                    if ruinous {
                        self.ruined(broker, only);
                    }
                }
            }
            _ => {}
        }
    }

    /// Something was done to a dead broker's logs, or to one of them.
    fn ruined(&mut self, broker: BrokerId, only: Option<&TopicPartition>) {
        let struck = self.partitions.iter_mut().filter(|(it, _)| only.is_none_or(|only| *it == only));
        for replica in struck.filter_map(|(_, fold)| fold.replicas.get_mut(&broker)) {
            replica.uncertain = true;
        }
    }

    /// A broker's process begins or ends.
    fn lives(&mut self, broker: BrokerId, alive: bool) {
        let former = self.metadata.broker(broker).map(|committed| committed.epoch);
        self.brokers.insert(broker, Broker { alive, former });
        for partition in self.partitions.values_mut() {
            if let Some(replica) = partition.replicas.get_mut(&broker) {
                replica.lives(alive);
            }
        }
    }
}

/// The partition whose replica a file belongs to: its folder is `<topic>-<partition>`, as Kafka's are.
pub fn partition_of(file: &str) -> Option<TopicPartition> {
    let (folder, _) = file.rsplit_once('/')?;
    let name = folder.rsplit('/').next()?;
    let (topic, partition) = name.rsplit_once('-')?;
    (!topic.is_empty()).then_some(TopicPartition::new(topic, partition.parse().ok()?))
}

#[cfg(test)]
mod tests;
