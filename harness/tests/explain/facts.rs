//! What a recording says, read anew and without any of the folds that the checkers and the explanation share.

use std::collections::{BTreeMap, BTreeSet};

use highwater_checkers::fault::{FaultRecord, Host, Target};
use highwater_checkers::ids::{BrokerId, Offset, Time, TopicPartition, Value};
use highwater_checkers::operation::{Body, Outcome, Phase};
use highwater_checkers::recording::{Event, Recording};
use highwater_checkers::trace::{Change, TraceEvent};

/// What lies at an offset of a log: its epoch and its checksum.
pub(crate) type Entry = (i32, u32);

/// A log by offsets.
pub(crate) type Log = BTreeMap<i64, Entry>;

/// What a recording says of one partition.
pub(crate) struct Facts<'a> {
    recording: &'a Recording,
    partition: TopicPartition,
    traced: Vec<(usize, &'a TraceEvent)>,
}

/// A decision of the controllers.
pub(crate) struct Decision {
    pub(crate) time: Time,
    pub(crate) leader: Option<BrokerId>,
    pub(crate) epoch: i32,
    pub(crate) isr: Vec<BrokerId>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(recording: &'a Recording, partition: TopicPartition) -> Self {
        let all = recording.events.iter().enumerate();
        let traced = all.filter_map(|(position, event)| match event {
            Event::Trace(event) if event.change.partition() == Some(&partition) => Some((position, event)),
            _ => None,
        });
        Self { recording, traced: traced.collect(), partition }
    }

    /// What brokers told of the partition, with its place among all events.
    pub(crate) fn traced(&self) -> impl Iterator<Item = (usize, &'a TraceEvent)> {
        self.traced.iter().copied()
    }

    /// Every broker's log after the first `count` events.
    pub(crate) fn logs(&self, count: usize) -> BTreeMap<BrokerId, Log> {
        let mut logs: BTreeMap<BrokerId, Log> = BTreeMap::new();
        for (_, TraceEvent { broker, change, .. }) in self.traced().take_while(|(at, _)| *at < count) {
            let log = logs.entry(*broker).or_default();
            match change {
                Change::Appended { base, count, epoch, crc, .. } => {
                    log.split_off(&base.0);
                    log.extend((0..i64::from(*count)).map(|n| (base.0 + n, (epoch.0, *crc))));
                }
                Change::Truncated { to, .. } => drop(log.split_off(&to.0)),
                Change::Recovered { batches, .. } => {
                    let offsets = |base: Offset, count: u32| (0..i64::from(count)).map(move |n| base.0 + n);
                    let found = batches.iter().flat_map(|batch| {
                        offsets(batch.base, batch.count).map(|offset| (offset, (batch.epoch.0, batch.crc)))
                    });
                    *log = found.collect();
                }
                _ => {}
            }
        }
        logs
    }

    /// The brokers whose logs have the entry at an offset after the first `count` events.
    pub(crate) fn holders(&self, count: usize, offset: i64, entry: Entry) -> BTreeSet<BrokerId> {
        let logs = self.logs(count).into_iter();
        logs.filter(|(_, log)| log.get(&offset) == Some(&entry)).map(|(broker, _)| broker).collect()
    }

    pub(crate) fn decisions(&self) -> Vec<Decision> {
        let mut decisions: BTreeMap<i64, Decision> = BTreeMap::new();
        for (_, event) in self.traced() {
            if let Change::PartitionChanged { offset, leader, leader_epoch, isr, .. } = &event.change {
                decisions.entry(offset.0).or_insert_with(|| Decision {
                    time: event.time,
                    leader: *leader,
                    epoch: leader_epoch.0,
                    isr: isr.to_vec(),
                });
            }
        }
        decisions.into_values().collect()
    }

    /// When a producer was told that its record is safe at an offset.
    pub(crate) fn acknowledged(&self, value: Value, offset: i64) -> Option<Time> {
        self.recording.operations().filter(|it| it.outcome == Outcome::Ok).find_map(|operation| {
            let is_it = operation.body.sends().any(|send| {
                (&send.partition, send.value, send.offset) == (&self.partition, value, Some(Offset(offset)))
            });
            is_it.then_some(operation.time)
        })
    }

    /// All that producers were told is safe.
    pub(crate) fn all_acknowledged(&self) -> BTreeSet<Value> {
        let operations = self.recording.operations().filter(|it| it.outcome == Outcome::Ok);
        let sends = operations.flat_map(|operation| operation.body.sends());
        sends.filter(|send| send.partition == self.partition).map(|send| send.value).collect()
    }

    /// All that consumers were given before the final read, with the first time of each and its offset.
    pub(crate) fn all_read(&self) -> BTreeMap<Value, (Time, i64)> {
        let mut read = BTreeMap::new();
        for operation in self.recording.operations().filter(|it| it.phase != Phase::Final) {
            if operation.outcome != Outcome::Ok {
                continue;
            }
            for of_partition in operation.body.reads().filter(|read| read.partition == self.partition) {
                for record in &of_partition.records {
                    read.entry(record.value).or_insert((operation.time, record.offset.0));
                }
            }
        }
        read
    }

    /// All that the final read found; none if there was no final read.
    pub(crate) fn at_last(&self) -> Option<BTreeSet<Value>> {
        let mut found = BTreeSet::new();
        let mut is_read = false;
        for operation in self.recording.operations().filter(|it| it.phase == Phase::Final) {
            if operation.outcome != Outcome::Ok {
                continue;
            }
            match &operation.body {
                // Each try begins anew.
                Body::Assign(_) => found.clear(),
                Body::FinalRead(partitions) => {
                    is_read = partitions.iter().any(|it| it.partition == self.partition);
                }
                body => {
                    let reads = body.reads().filter(|read| read.partition == self.partition);
                    found.extend(reads.flat_map(|read| read.records.iter().map(|record| record.value)));
                }
            }
        }
        is_read.then_some(found)
    }

    /// The faults that were applied and met something, with the time of each.
    pub(crate) fn faults(&self) -> Vec<(Time, FaultRecord)> {
        let log = self.recording.faults();
        let applied = log.records().filter(|fault| fault.effect.bit);
        applied.filter_map(|fault| Some((fault.injected.as_ref()?.0, fault.clone()))).collect()
    }
}

/// Every broker that a fault names.
pub(crate) fn brokers_of(fault: &FaultRecord) -> BTreeSet<BrokerId> {
    let mut brokers = BTreeSet::new();
    for target in fault.injected.iter().flat_map(|(_, targets)| targets) {
        match target {
            Target::Broker(broker) | Target::Replica(broker, _) => drop(brokers.insert(*broker)),
            Target::Link { from, to } => {
                brokers.extend([from, to].into_iter().filter_map(|host| match host {
                    Host::Broker(broker) => Some(*broker),
                    Host::Named(_) => None,
                }));
            }
            Target::Host(_) => {}
        }
    }
    brokers
}
