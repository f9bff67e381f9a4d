//! The anomalies of a replicated log, found in the clients' history alone (after Jepsen's kafka workload).
//!
//! [`LogMonitor`] folds the history into one `PartitionHistory` a partition; at the end of the
//! run [`LogReport`] goes through each for what is wrong. Everything is keyed by value or offset, never
//! indexed by it: a log may begin near 2^62.

mod anomalies;
mod consumer;
mod partition;
mod preconditions;
mod sighting;

use std::collections::BTreeMap;

pub use sighting::Sighting;

use crate::ids::{ClientId, TopicPartition};
use crate::monitor::Monitor;
use crate::operation::{Body, Operation, Outcome, Phase};
use crate::recording::Event;
use crate::verdict::LoadCounts;
use consumer::Consumer;
use partition::{PartitionHistory, Transaction};
use preconditions::Preconditions;

/// Follows a history of sends and polls.
#[derive(Debug, Default)]
pub struct LogMonitor {
    preconditions: Preconditions,
    partitions: BTreeMap<TopicPartition, PartitionHistory>,
    consumers: BTreeMap<ClientId, Consumer>,
    /// The sends of operations that have several, and take effect together.
    transactions: Vec<Transaction>,
}

/// What the history says of the log.
#[derive(Debug, Default)]
pub struct LogReport {
    not_checkable: Option<String>,
    partitions: BTreeMap<TopicPartition, PartitionHistory>,
}

/// How many records there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Acknowledged.
    pub acknowledged: u64,
    /// Read by anyone.
    pub read: u64,
    /// Indeterminate, and read later.
    pub info_read: u64,
    /// Those sent while the load ran.
    pub under_load: LoadCounts,
}

impl LogMonitor {
    /// Takes the next event of the history.
    pub fn operation(&mut self, operation: &Operation) {
        self.preconditions.check(operation);
        if operation.outcome == Outcome::Invoke {
            self.invoke(operation);
        } else {
            self.complete(operation);
        }
    }

    fn invoke(&mut self, operation: &Operation) {
        if matches!(operation.body, Body::Txn(_)) {
            let members = operation.body.sends().map(|send| (send.partition.clone(), send.value));
            self.transactions.push(members.collect());
        }
        for send in operation.body.sends() {
            let unique = self.partition(&send.partition).invoke(operation, send);
            if !unique {
                let (value, partition) = (send.value, &send.partition);
                self.preconditions.breaks(|| format!("value {value} was sent to {partition} twice"));
            }
        }
    }

    fn complete(&mut self, operation: &Operation) {
        for send in operation.body.sends() {
            let invoked = self.partition(&send.partition).complete(operation, send);
            if !invoked {
                let (value, index) = (send.value, operation.index);
                self.preconditions.breaks(|| {
                    format!("{index} completes a send of value {value} that its process never began")
                });
            }
        }
        match &operation.body {
            Body::Poll(_) | Body::Txn(_) => self.read(operation),
            Body::Assign(positions) if operation.outcome == Outcome::Ok => {
                self.consumers.entry(operation.client).or_default().assign(operation, positions);
            }
            Body::FinalRead(positions) => {
                for position in positions {
                    let consumer = self.consumers.get_mut(&operation.client);
                    let content = consumer.and_then(|consumer| consumer.whole_read(&position.partition));
                    self.partition(&position.partition).final_read(operation, content);
                }
            }
            Body::Send(_) | Body::Assign(_) => {}
        }
    }

    fn read(&mut self, operation: &Operation) {
        let consumer = self.consumers.entry(operation.client).or_default();
        let mut last_here = Vec::new();
        for read in operation.body.reads().filter(|read| !read.records.is_empty()) {
            let history = entry(&mut self.partitions, &read.partition);
            history.read(operation, &read.records);
            consumer.read(operation, read, history, &mut last_here);
            if operation.phase == Phase::Final {
                consumer.collect(read);
            }
        }
        if operation.outcome == Outcome::Ok {
            consumer.advance(operation, last_here);
        }
    }

    /// What belongs to one operation took effect together: if any of it was read, all of it was committed.
    fn commit(&mut self) {
        for transaction in std::mem::take(&mut self.transactions) {
            let read =
                transaction.iter().any(|(partition, value)| self.partition(partition).was_read(*value));
            for (partition, value) in transaction.iter().filter(|_| read) {
                self.partition(partition).commit(*value);
            }
        }
        for history in self.partitions.values_mut() {
            history.place_sends();
        }
    }

    fn partition(&mut self, partition: &TopicPartition) -> &mut PartitionHistory {
        entry(&mut self.partitions, partition)
    }
}

/// The partition's history; the key is cloned for a new one alone.
fn entry<'m>(
    partitions: &'m mut BTreeMap<TopicPartition, PartitionHistory>,
    partition: &TopicPartition,
) -> &'m mut PartitionHistory {
    if !partitions.contains_key(partition) {
        partitions.insert(partition.clone(), PartitionHistory::default());
    }
    partitions.get_mut(partition).expect("was inserted")
}

impl Monitor for LogMonitor {
    type Report = LogReport;

    fn observe(&mut self, event: &Event) {
        if let Event::Operation(operation) = event {
            self.operation(operation);
        }
    }

    fn finish(mut self) -> LogReport {
        self.commit();
        LogReport { not_checkable: self.preconditions.finish(), partitions: self.partitions }
    }
}

impl LogReport {
    /// Which precondition the history breaks, so that nothing can be said of it.
    pub fn not_checkable(&self) -> Option<&str> {
        self.not_checkable.as_deref()
    }

    /// The partitions of which no final read tells what was lost, each with the reason. Those without an
    /// acknowledged or read record are not among them.
    pub fn without_final_read(&self) -> impl Iterator<Item = (&TopicPartition, &str)> {
        let partitions = self.partitions.iter().filter(|(_, history)| history.has_records());
        partitions.filter_map(|(partition, history)| Some((partition, history.no_final_read()?)))
    }

    /// How many records there were.
    pub fn counts(&self) -> RecordCounts {
        self.partitions.values().fold(RecordCounts::default(), |sum, history| {
            let counts = history.counts();
            RecordCounts {
                acknowledged: sum.acknowledged + counts.acknowledged,
                read: sum.read + counts.read,
                info_read: sum.info_read + counts.info_read,
                under_load: sum.under_load.plus(counts.under_load),
            }
        })
    }

    /// Hands every instance of every anomaly to `sink`; none of a history that is not checkable.
    pub fn sightings(&self, sink: &mut dyn FnMut(Sighting)) {
        if self.not_checkable.is_none() {
            for (partition, history) in &self.partitions {
                anomalies::find(partition, history, sink);
            }
        }
    }
}

#[cfg(test)]
mod tests;
