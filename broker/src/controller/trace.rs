//! The trace events of the control plane, in the vocabulary of the target `highwater::replica`.
//!
//! Told by whoever applies an entry to its published state, in the same poll and before it is published:
//! controllers and brokers alike. An entry has the same offset wherever it is told.

use tracing::{Level, event};

use super::outcome::Change;
use super::state::ClusterState;
use crate::ids::{BrokerEpoch, BrokerId};

macro_rules! tell {
    ($($fields:tt)*) => {
        event!(target: "highwater::replica", Level::INFO, $($fields)*)
    };
}

/// Tells what the entry at `state.offset` changed, as `teller` sees it.
pub(super) fn applied(teller: BrokerId, state: &ClusterState, changes: &[Change]) {
    for change in changes {
        match change {
            // Told by the controller itself: nobody can act in its term before it has applied the entry.
            Change::Controller if state.controller == Some(teller) => tell!(
                event = "became_controller",
                broker = i64::from(teller.0),
                controller_epoch = i64::from(state.controller_epoch.0),
                offset = state.offset.0,
            ),
            Change::Controller => (),
            Change::Broker(subject) => {
                let record = &state.brokers[subject];
                tell!(
                    event = "broker_changed",
                    broker = i64::from(teller.0),
                    offset = state.offset.0,
                    subject = i64::from(subject.0),
                    broker_epoch = record.epoch.0,
                    fenced = record.fenced,
                );
            }
            Change::Partition { partition, unclean } => {
                let record = state.partition(partition).expect("a partition that changed is there");
                tell!(
                    event = "partition_changed",
                    broker = i64::from(teller.0),
                    offset = state.offset.0,
                    topic = &*partition.topic,
                    partition = i64::from(partition.partition),
                    leader = record.leader.map_or(-1, |leader| i64::from(leader.0)),
                    leader_epoch = i64::from(record.leader_epoch.0),
                    partition_epoch = i64::from(record.partition_epoch.0),
                    isr = joined(&record.isr).as_str(),
                    replicas = joined(&record.replicas).as_str(),
                    unclean = *unclean,
                    controller_epoch = i64::from(state.controller_epoch.0),
                );
            }
        }
    }
}

/// Tells that a broker learned of its registration.
pub(super) fn registered(broker: BrokerId, epoch: BrokerEpoch) {
    tell!(event = "registered", broker = i64::from(broker.0), broker_epoch = epoch.0);
}

fn joined(brokers: &[BrokerId]) -> String {
    let numbers: Vec<String> = brokers.iter().map(|broker| broker.0.to_string()).collect();
    numbers.join(",")
}
