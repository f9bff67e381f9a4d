//! Epochs only rise, and each has one leader (W12, W13): at the controllers, and as each broker sees them within
//! one life, from its replay of the metadata log on.

use std::collections::BTreeMap;

use super::scene::{Before, Scene};
use crate::ids::{
    BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, Offset, PartitionEpoch, TopicPartition,
};
use crate::state::CommittedPartition;
use crate::trace::Change;
use crate::verdict::Anomaly;

/// The epochs that were told.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    /// Who led in which epoch, by the controllers' decision or by its own word.
    leaders: BTreeMap<TopicPartition, BTreeMap<LeaderEpoch, BrokerId>>,
    /// What each broker saw in its present life.
    seen: BTreeMap<BrokerId, Seen>,
    /// The epoch of each broker's last registration, as it learned it.
    registered: BTreeMap<BrokerId, BrokerEpoch>,
    /// The controller epoch of the latest entry of the metadata log.
    decided: Option<(Offset, ControllerEpoch)>,
}

#[derive(Debug, Default)]
struct Seen {
    controller: ControllerEpoch,
    partitions: BTreeMap<TopicPartition, (LeaderEpoch, PartitionEpoch)>,
    brokers: BTreeMap<BrokerId, BrokerEpoch>,
}

/// An epoch that steps back: of what, from which number, to which.
pub(super) type StepBack = (String, i64, i64);

fn falls(what: impl FnOnce() -> String, from: impl Into<i64>, to: impl Into<i64>) -> Option<StepBack> {
    let (from, to) = (from.into(), to.into());
    (to < from).then(|| (what(), from, to))
}

impl Epochs {
    /// A broker begins another life, in which it replays the metadata log.
    pub(super) fn started(&mut self, broker: BrokerId) {
        self.seen.remove(&broker);
    }

    /// A broker learned its own epoch.
    pub(super) fn registered(&mut self, broker: BrokerId, epoch: BrokerEpoch) -> Option<StepBack> {
        let known = self.registered.entry(broker).or_insert(epoch);
        let back = falls(|| format!("{broker} is registered, and its broker epoch"), known.0, epoch.0);
        *known = epoch.max(*known);
        back
    }

    /// A node tells an entry of the metadata log. What steps back in what it saw.
    pub(super) fn seen(&mut self, teller: BrokerId, change: &Change) -> Option<StepBack> {
        let seen = self.seen.entry(teller).or_default();
        match change {
            Change::PartitionChanged {
                partition, leader_epoch, partition_epoch, controller_epoch, ..
            } => {
                let controller = falls(
                    || format!("{teller} applied an entry of the metadata log whose controller epoch"),
                    seen.controller.0,
                    controller_epoch.0,
                );
                seen.controller = seen.controller.max(*controller_epoch);
                let now = (*leader_epoch, *partition_epoch);
                let Some(known) = seen.partitions.get_mut(partition) else {
                    seen.partitions.insert(partition.clone(), now);
                    return controller;
                };
                let leader = || format!("{teller} applied an entry of the metadata log whose leader epoch");
                let entry = || format!("{teller} applied an entry of the metadata log whose partition epoch");
                let back = controller
                    .or_else(|| falls(leader, known.0.0, now.0.0))
                    .or_else(|| falls(entry, known.1.0, now.1.0));
                *known = now;
                back
            }
            Change::BrokerChanged { subject, broker_epoch, .. } => {
                let known = seen.brokers.entry(*subject).or_insert(*broker_epoch);
                let what = || format!("{teller} applied an entry on {subject} whose broker epoch");
                let back = falls(what, known.0, broker_epoch.0);
                *known = *broker_epoch;
                back
            }
            _ => None,
        }
    }

    /// The controller epoch of an entry that was told for the first time.
    pub(super) fn decided(&mut self, offset: Offset, epoch: ControllerEpoch) -> Option<StepBack> {
        let (latest, known) = self.decided.unwrap_or((offset, epoch));
        if offset < latest {
            return None;
        }
        self.decided = Some((offset, epoch.max(known)));
        falls(|| format!("at metadata offset {offset} the controller epoch"), known.0, epoch.0)
    }

    /// Whoever led in this epoch before, if that was another.
    fn leads(
        &mut self,
        partition: &TopicPartition,
        epoch: LeaderEpoch,
        broker: BrokerId,
    ) -> Option<BrokerId> {
        if !self.leaders.contains_key(partition) {
            self.leaders.insert(partition.clone(), BTreeMap::new());
        }
        let known = *self.leaders.get_mut(partition)?.entry(epoch).or_insert(broker);
        (known != broker).then_some(known)
    }
}

impl Scene<'_> {
    /// W12: at most one leader in an epoch.
    pub(super) fn leads_alone(&mut self, epochs: &mut Epochs, epoch: LeaderEpoch, broker: BrokerId) {
        let other = epochs.leads(self.partition, epoch, broker);
        self.step(Anomaly::OneLeaderPerEpoch, broker, other.is_none(), || {
            let other = other.unwrap_or_default();
            (format!("{broker} leads in epoch {epoch}, in which {other} leads or led"), Vec::new())
        });
    }

    /// W13, of what the controllers decided and of what a node saw.
    pub(super) fn steps_back(&mut self, broker: BrokerId, back: Option<StepBack>) {
        let Some((what, from, to)) = back else { return };
        self.step(Anomaly::MonotonicEpochs, broker, false, || {
            (format!("{what} goes back from {from} to {to}"), Vec::new())
        });
    }

    /// W13, at the controllers: every decision has a higher partition epoch, and no lower leader epoch.
    pub(super) fn decisions_rise(&mut self, broker: BrokerId, now: &CommittedPartition) {
        let Before::Committed(Some(before)) = &self.at.before else { return };
        let offset = now.offset;
        let leader = falls(
            || format!("at metadata offset {offset} the leader epoch"),
            before.leader_epoch.0,
            now.leader_epoch.0,
        );
        let partition = || format!("at metadata offset {offset} the partition epoch");
        // Every decision counts: it is to rise.
        let partition = falls(partition, before.partition_epoch.0.saturating_add(1), now.partition_epoch.0)
            .map(|(what, from, to)| (what, from - 1, to));
        self.steps_back(broker, leader.or(partition));
    }

    /// W13, of a replica within one life: it takes no older role or ISR.
    pub(super) fn role_is_newer(
        &mut self,
        broker: BrokerId,
        epoch: LeaderEpoch,
        partition_epoch: PartitionEpoch,
    ) {
        let Before::Replica(before) = &self.at.before else { return };
        let (known, known_partition) =
            (before.epoch.unwrap_or(epoch), before.partition_epoch.unwrap_or(partition_epoch));
        let leader = falls(|| format!("the leader epoch of {broker}"), known.0, epoch.0);
        let partition =
            || falls(|| format!("the partition epoch of {broker}"), known_partition.0, partition_epoch.0);
        self.steps_back(broker, leader.or_else(partition));
    }
}
