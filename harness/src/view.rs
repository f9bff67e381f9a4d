//! The cluster as the nemesis sees it: a fold of the trace, from which roles and triggers are told.
//!
//! Roles go by the controller's committed view (the metadata log, as the first broker to apply an entry tells
//! it); only `zombie-leader` goes by what brokers believe of themselves.

use std::collections::{BTreeMap, BTreeSet};

use highwater_checkers::ids::{BrokerId, ControllerEpoch, LeaderEpoch, Offset, TopicPartition};
use highwater_checkers::trace::{Change, TraceEvent};

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The controller of the highest epoch.
    controller: Option<BrokerId>,
    controller_epoch: Option<ControllerEpoch>,
    /// Whether each broker is fenced.
    fenced: BTreeMap<BrokerId, bool>,
    /// The last entry of the metadata log that was seen: brokers tell each one once more.
    applied: Option<Offset>,
    partitions: BTreeMap<TopicPartition, PartitionView>,
    /// Who believes to lead what, and in which epoch.
    believed: BTreeMap<(BrokerId, TopicPartition), LeaderEpoch>,
}

#[derive(Clone, Debug)]
struct PartitionView {
    leader: Option<BrokerId>,
    leader_epoch: LeaderEpoch,
    isr: Vec<BrokerId>,
    replicas: Vec<BrokerId>,
}

/// Something that a fault can wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// The event's name in scenarios.
    pub event: &'static str,
    /// Of which partition, if it is one's.
    pub partition: Option<TopicPartition>,
}

impl Happening {
    fn of(event: &'static str, partition: &TopicPartition) -> Self {
        Self { event, partition: Some(partition.clone()) }
    }

    fn cluster(event: &'static str) -> Self {
        Self { event, partition: None }
    }
}

impl View {
    /// Takes the next event; returns what happened in the words of scenarios.
    pub fn observe(&mut self, event: &TraceEvent) -> Vec<Happening> {
        match &event.change {
            // The controller tells it, and tells it again when it replays its log after a restart.
            Change::BecameController { controller_epoch, .. }
                if self.controller_epoch.is_none_or(|known| *controller_epoch > known) =>
            {
                self.controller = Some(event.broker);
                self.controller_epoch = Some(*controller_epoch);
                vec![Happening::cluster("controller-elected")]
            }
            Change::BrokerChanged { offset, subject, fenced, .. } if self.is_news(*offset) => {
                if self.fenced.insert(*subject, *fenced) == Some(*fenced) {
                    return Vec::new();
                }
                vec![Happening::cluster(if *fenced { "broker-fenced" } else { "broker-unfenced" })]
            }
            Change::PartitionChanged {
                offset,
                partition,
                leader,
                leader_epoch,
                isr,
                replicas,
                unclean,
                ..
            } if self.is_news(*offset) => {
                let now = PartitionView {
                    leader: *leader,
                    leader_epoch: *leader_epoch,
                    isr: isr.to_vec(),
                    replicas: replicas.to_vec(),
                };
                self.partition_changed(partition, now, *unclean)
            }
            Change::BecameLeader { partition, epoch, .. } => {
                self.believed.insert((event.broker, partition.clone()), *epoch);
                Vec::new()
            }
            Change::BecameFollower { partition, .. } => {
                self.believed.remove(&(event.broker, partition.clone()));
                Vec::new()
            }
            Change::BrokerStarted { .. } | Change::BrokerStopped { .. } => {
                self.believed.retain(|(broker, _), _| *broker != event.broker);
                Vec::new()
            }
            Change::Truncated { partition, .. } => vec![Happening::of("truncated", partition)],
            _ => Vec::new(),
        }
    }

    /// Whether the entry at `offset` has not been told by another broker before. One entry may change many
    /// partitions, which its teller tells in one go.
    fn is_news(&mut self, offset: Offset) -> bool {
        let news = self.applied.is_none_or(|applied| offset >= applied);
        if news {
            self.applied = Some(offset);
        }
        news
    }

    fn partition_changed(
        &mut self,
        partition: &TopicPartition,
        now: PartitionView,
        unclean: bool,
    ) -> Vec<Happening> {
        let mut happened = Vec::new();
        let before = self.partitions.get(partition);
        // The same entry, told by a second broker.
        let known = before.is_some_and(|b| {
            (b.leader_epoch, b.leader) == (now.leader_epoch, now.leader) && b.isr == now.isr
        });
        if !known {
            let elected = now.leader.is_some() && before.is_none_or(|b| b.leader_epoch != now.leader_epoch);
            if elected {
                happened.push(Happening::of("leader-elected", partition));
            }
            if unclean {
                happened.push(Happening::of("unclean-election", partition));
            }
            if let Some(before) = before {
                let was: BTreeSet<_> = before.isr.iter().collect();
                let is: BTreeSet<_> = now.isr.iter().collect();
                if !was.is_subset(&is) {
                    happened.push(Happening::of("isr-shrunk", partition));
                }
                if !is.is_subset(&was) {
                    happened.push(Happening::of("isr-expanded", partition));
                }
            }
            self.partitions.insert(partition.clone(), now);
        }
        happened
    }

    /// Who holds a role of the cluster as a whole.
    pub fn cluster_role(&self, role: &str, brokers: &[BrokerId]) -> Vec<BrokerId> {
        match role {
            "controller" => self.controller.into_iter().collect(),
            "any" => brokers.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Who holds a role of a partition.
    pub fn partition_role(&self, role: &str, partition: &TopicPartition) -> Vec<BrokerId> {
        let Some(view) = self.partitions.get(partition) else { return Vec::new() };
        let is_leader = |id: &&BrokerId| view.leader == Some(**id);
        let in_sync = |id: &&BrokerId| view.isr.contains(id);
        let replicas = view.replicas.iter();
        match role {
            "leader" => view.leader.into_iter().collect(),
            "follower" => replicas.filter(|id| !is_leader(id)).copied().collect(),
            "replica" => replicas.copied().collect(),
            "isr" => replicas.filter(in_sync).copied().collect(),
            "isr-follower" => replicas.filter(|id| in_sync(id) && !is_leader(id)).copied().collect(),
            "out-of-sync" => replicas.filter(|id| !in_sync(id)).copied().collect(),
            "preferred" => view.replicas.first().copied().into_iter().collect(),
            "zombie-leader" => replicas
                .filter(|id| !is_leader(id) && self.believed.contains_key(&(**id, partition.clone())))
                .copied()
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether every replica of the partition is in sync, and it has a leader. Of a system that tells nothing
    /// of its partitions nothing is asked.
    pub fn is_full(&self, partition: &TopicPartition) -> bool {
        self.partitions
            .get(partition)
            .is_none_or(|view| view.leader.is_some() && view.isr.len() == view.replicas.len())
    }
}

/// The events that [`View::observe`] tells, and whether they are a partition's.
pub const EVENTS: &[(&str, bool)] = &[
    ("leader-elected", true),
    ("unclean-election", true),
    ("isr-shrunk", true),
    ("isr-expanded", true),
    ("truncated", true),
    ("controller-elected", false),
    ("broker-fenced", false),
    ("broker-unfenced", false),
];

/// The roles of a partition that [`View::partition_role`] knows.
pub const PARTITION_ROLES: &[&str] =
    &["leader", "follower", "replica", "isr", "isr-follower", "out-of-sync", "preferred", "zombie-leader"];

/// The roles of the cluster that [`View::cluster_role`] knows.
pub const CLUSTER_ROLES: &[&str] = &["controller", "any"];
