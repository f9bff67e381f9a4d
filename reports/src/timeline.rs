//! What a run's faults did and who led its partitions, in a few lines: taken out of a recording while it is at hand.

use std::collections::BTreeMap;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{BrokerId, LeaderEpoch, Time, TopicPartition};
use highwater_checkers::recording::{Event, Recording};
use highwater_checkers::trace::Change;

/// The faults of a run, and the leaders that its controllers decided on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Every fault of the plan, by the time of its injection; those that were never applied come last.
    pub faults: Vec<FaultRecord>,
    /// The leaders of each partition, in their order.
    pub leaders: BTreeMap<TopicPartition, Vec<Leadership>>,
}

/// Who leads a partition from some time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Since when.
    pub since: Time,
    /// Its epoch.
    pub epoch: LeaderEpoch,
    /// Who, if anyone does.
    pub leader: Option<BrokerId>,
}

impl Timeline {
    /// That of a recording.
    pub fn of(recording: &Recording) -> Self {
        let mut leaders: BTreeMap<TopicPartition, Vec<Leadership>> = BTreeMap::new();
        for event in &recording.events {
            let Event::Trace(event) = event else { continue };
            let Change::PartitionChanged { partition, leader, leader_epoch, .. } = &event.change else {
                continue;
            };
            // Every node applies the same decision; the first one to do so tells it here.
            let led = leaders.entry(partition.clone()).or_default();
            if led.last().is_none_or(|before| before.epoch < *leader_epoch) {
                led.push(Leadership { since: event.time, epoch: *leader_epoch, leader: *leader });
            }
        }
        let mut faults: Vec<_> = recording.faults().records().cloned().collect();
        faults.sort_by_key(|fault| fault.injected.as_ref().map_or(Time(u64::MAX), |(time, _)| *time));
        Self { faults, leaders }
    }
}
