//! The anomalies of a replicated log, found in the clients' history alone (after Jepsen's kafka workload).
//!
//! [`LogMonitor`] folds the history into one `PartitionHistory` a partition and the list of all operations; at the
//! end of the run [`LogReport`] goes through each partition for what is wrong, through the producers and the
//! groups, and through the dependencies of transactions. Everything is keyed by value or offset, never indexed
//! by it: a log may begin near 2^62.

mod anomalies;
mod circle;
mod consumer;
mod ends;
mod groups;
mod operations;
mod partition;
mod preconditions;
mod replicas;
mod sighting;
mod slots;
mod timeline;
mod transactions;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

pub use circle::Before;
pub use sighting::{Legal, Naming, Part, Sighting};

use crate::ids::{ClientId, Moment, Offset, TopicPartition};
use crate::linearizability::rule;
use crate::monitor::Monitor;
use crate::operation::{Body, MicroOp, Operation, Outcome, PartitionPosition};
use crate::recording::Event;
use crate::verdict::{Anomaly, LoadCounts};
use anomalies::Scene;
use consumer::Consumer;
use groups::Groups;
use operations::{OpId, Operations, PartitionId};
use partition::PartitionHistory;
use preconditions::Preconditions;
use timeline::Timeline;

/// Follows a history of sends and polls.
#[derive(Debug, Default)]
pub struct LogMonitor {
    order: SendOrder,
    preconditions: Preconditions,
    timeline: Timeline,
    names: HashMap<TopicPartition, PartitionId, FxBuildHasher>,
    partitions: Vec<PartitionHistory>,
    clients: HashMap<ClientId, usize, FxBuildHasher>,
    consumers: Vec<Consumer>,
    operations: Operations,
    groups: Groups,
    /// Transactions that polled what they sent themselves.
    precommitted: Vec<Precommitted>,
}

/// Which of a producer's sends the protocol keeps in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendOrder {
    /// Those of which one was acknowledged before the other began.
    #[default]
    OneByOne,
    /// All, though they are in flight together.
    Always,
}

/// What the history says of the log.
#[derive(Debug, Default)]
pub struct LogReport {
    not_checkable: Option<String>,
    order: SendOrder,
    timeline: Timeline,
    partitions: Vec<PartitionHistory>,
    /// The partitions in the order of their names.
    by_name: Vec<PartitionId>,
    operations: Operations,
    groups: Groups,
    precommitted: Vec<Precommitted>,
}

/// A transaction that polled what it sent itself.
#[derive(Clone, Copy, Debug)]
struct Precommitted {
    partition: PartitionId,
    value: crate::ids::Value,
    offset: Offset,
    at: Moment,
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
    /// Expects this order of a producer's sends.
    pub fn new(order: SendOrder) -> Self {
        Self { order, ..Self::default() }
    }

    /// Takes the next event of the history.
    pub fn operation(&mut self, operation: &Operation) {
        let at = self.timeline.note(operation);
        if self.timeline.is_full() {
            self.preconditions.breaks(|| "it has more than 2^32 - 2 events; check it in parts".to_owned());
            return;
        }
        if operation.outcome == Outcome::Invoke {
            self.invoke(operation, at);
        } else {
            self.complete(operation, at);
        }
    }

    fn invoke(&mut self, operation: &Operation, at: Moment) {
        let begins = match &operation.body {
            Body::Send(_) | Body::Poll(_) | Body::Txn(_) => Some(self.operations.begin(at)),
            _ => None,
        };
        let previous = self.preconditions.check(operation, begins);
        let Some(op) = begins else {
            self.groups.invoke(operation, at);
            return;
        };
        self.operations.follows(op, previous);
        for send in operation.body.sends() {
            let partition = self.partition(&send.partition);
            match self.partitions[partition.0 as usize].invoke(operation, send, op, at) {
                Some(write) => self.operations.send(partition, write),
                None => {
                    let (value, partition) = (send.value, &send.partition);
                    self.preconditions.breaks(|| format!("value {value} was sent to {partition} twice"));
                }
            }
        }
    }

    fn complete(&mut self, operation: &Operation, at: Moment) {
        let op = self.preconditions.check(operation, None);
        if let Some(op) = op {
            self.operations.complete(op, at, operation.outcome);
        }
        for send in operation.body.sends() {
            let partition = self.partition(&send.partition);
            let invoked = self.partitions[partition.0 as usize].complete(operation, send, op, at);
            if !invoked {
                let (value, index) = (send.value, operation.index);
                self.preconditions.breaks(|| {
                    format!("{index} completes a send of value {value} that its process never began")
                });
            }
        }
        let is_ok = operation.outcome == Outcome::Ok;
        match &operation.body {
            Body::Poll(_) => self.read(operation, op, at),
            Body::Txn(steps) => {
                self.read(operation, op, at);
                self.read_of_its_own(steps, at);
            }
            Body::Assign(positions) if is_ok => {
                let positions = self.positions(positions);
                self.consumer(operation.client).assign(&positions, operation.phase, at);
            }
            Body::Subscribe(partitions) if is_ok => {
                let partitions: Vec<_> =
                    partitions.iter().map(|partition| (self.partition(partition), None)).collect();
                self.consumer(operation.client).subscribe(&partitions);
            }
            Body::FinalRead(positions) => {
                for (partition, end) in self.positions(positions) {
                    let content = self.consumer(operation.client).whole_read(partition);
                    self.partitions[partition.0 as usize].final_read(operation, end, at, content);
                }
            }
            Body::Commit(_) | Body::FetchCommitted(_) | Body::Join(_) => self.groups.complete(operation, at),
            Body::Send(_) | Body::Assign(_) | Body::Subscribe(_) => {}
        }
    }

    fn read(&mut self, operation: &Operation, op: Option<OpId>, at: Moment) {
        let consumer = index(&mut self.clients, &mut self.consumers, operation.client);
        for read in operation.body.reads() {
            let partition = self.partition(&read.partition);
            let history = &mut self.partitions[partition.0 as usize];
            self.consumers[consumer].read(operation, read, (partition, history), op, at);
        }
        self.consumers[consumer].end(operation.outcome, at);
    }

    /// Notes what a transaction polled of its own.
    fn read_of_its_own(&mut self, steps: &[MicroOp], at: Moment) {
        if !is_mixed(steps) {
            return;
        }
        let sent: HashMap<_, (), FxBuildHasher> = steps
            .iter()
            .filter_map(|step| match step {
                MicroOp::Send(send) => Some(((&send.partition, send.value), ())),
                MicroOp::Poll(_) => None,
            })
            .collect();
        let polls = steps.iter().filter_map(|step| match step {
            MicroOp::Poll(poll) => Some(poll),
            MicroOp::Send(_) => None,
        });
        for read in polls.flat_map(|poll| &poll.reads) {
            for record in read.records.iter().filter(|it| sent.contains_key(&(&read.partition, it.value))) {
                let partition = self.partition(&read.partition);
                let (value, offset) = (record.value, record.offset);
                self.precommitted.push(Precommitted { partition, value, offset, at });
            }
        }
    }

    /// What belongs to one operation took effect together: if any of it was read, all of it was committed.
    fn commit(&mut self) {
        let Self { partitions, operations, .. } = self;
        let mut news = Vec::new();
        for history in partitions.iter_mut() {
            history.match_reads();
            for write in history.writes.iter().filter(|write| write.read.is_some()) {
                if rule::applies("info-commits") && operations.commit(write.op) {
                    news.push(write.op);
                }
            }
        }
        for op in news {
            for (partition, write) in operations.sends(op) {
                partitions[partition.0 as usize].commit(*write);
            }
        }
        for history in partitions {
            history.place_sends();
        }
    }

    fn partition(&mut self, name: &TopicPartition) -> PartitionId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = PartitionId(u32::try_from(self.partitions.len()).unwrap_or(u32::MAX));
        self.partitions.push(PartitionHistory::new(name.clone()));
        self.names.insert(name.clone(), id);
        id
    }

    fn positions(&mut self, positions: &[PartitionPosition]) -> Vec<(PartitionId, Option<Offset>)> {
        positions.iter().map(|position| (self.partition(&position.partition), position.offset)).collect()
    }

    fn consumer(&mut self, client: ClientId) -> &mut Consumer {
        let index = index(&mut self.clients, &mut self.consumers, client);
        &mut self.consumers[index]
    }
}

fn is_mixed(steps: &[MicroOp]) -> bool {
    let is_send = |step: &MicroOp| matches!(step, MicroOp::Send(_));
    steps.iter().any(is_send) && !steps.iter().all(is_send)
}

fn index(
    clients: &mut HashMap<ClientId, usize, FxBuildHasher>,
    consumers: &mut Vec<Consumer>,
    client: ClientId,
) -> usize {
    *clients.entry(client).or_insert_with(|| {
        consumers.push(Consumer::default());
        consumers.len() - 1
    })
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
        let mut by_name: Vec<_> = self.names.into_iter().collect();
        by_name.sort_unstable();
        LogReport {
            not_checkable: self.preconditions.finish(),
            order: self.order,
            timeline: self.timeline,
            partitions: self.partitions,
            by_name: by_name.into_iter().map(|(_, id)| id).collect(),
            operations: self.operations,
            groups: self.groups,
            precommitted: self.precommitted,
        }
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
        let partitions = self.in_order().map(|(_, history)| history).filter(|history| history.has_records());
        partitions.filter_map(|history| Some((&history.name, history.no_final_read()?)))
    }

    /// Whether the history tells what this anomaly is judged by.
    pub fn judges(&self, anomaly: Anomaly) -> bool {
        match anomaly {
            Anomaly::DivergentReplica => self.partitions.iter().any(|it| it.givers.is_told()),
            Anomaly::EndOffsetRegression => self.partitions.iter().any(|it| it.ends.is_told()),
            Anomaly::CommittedOffsetRegression => self.groups.tells_commits(),
            Anomaly::TwoOwners => self.groups.tells_owners(),
            _ => true,
        }
    }

    /// Whether some operation sent several records, which take effect together.
    pub fn has_transactions(&self) -> bool {
        self.operations.iter().any(|(_, done)| done.send_count() > 1)
    }

    /// How many records there were.
    pub fn counts(&self) -> RecordCounts {
        self.partitions.iter().fold(RecordCounts::default(), |sum, history| {
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
        if self.not_checkable.is_some() {
            return;
        }
        for (_, history) in self.in_order() {
            anomalies::find(&Scene { history, timeline: &self.timeline, order: self.order }, sink);
        }
        transactions::find(self, sink);
        self.groups.find(&self.timeline, sink);
    }

    fn in_order(&self) -> impl Iterator<Item = (PartitionId, &PartitionHistory)> {
        self.by_name.iter().map(|id| (*id, self.partition(*id)))
    }

    fn partition(&self, id: PartitionId) -> &PartitionHistory {
        &self.partitions[id.0 as usize]
    }
}

#[cfg(test)]
mod tests;
