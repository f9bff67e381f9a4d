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
mod names;
mod operations;
mod partition;
mod preconditions;
mod replicas;
mod report;
mod sighting;
mod slots;
mod timeline;
mod transactions;
mod writes;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

pub use circle::Before;
pub use report::{LogReport, RecordCounts};
pub use sighting::{Legal, Naming, Part, Sighting};

use crate::ids::{ClientId, Moment, Offset, TopicPartition, Value};
use crate::linearizability::rule;
use crate::monitor::Monitor;
use crate::operation::{Body, MicroOp, Operation, Outcome, PartitionPosition, Send};
use crate::recording::Event;
use consumer::Consumer;
use groups::Groups;
use names::Names;
use operations::{OpId, Operations, PartitionId};
use partition::PartitionHistory;
use preconditions::Preconditions;
use timeline::Timeline;
use writes::WriteId;

/// Follows a history of sends and polls.
#[derive(Debug, Default)]
pub struct LogMonitor {
    order: SendOrder,
    preconditions: Preconditions,
    timeline: Timeline,
    names: Names,
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

/// A transaction that polled what it sent itself.
#[derive(Clone, Copy, Debug)]
struct Precommitted {
    partition: PartitionId,
    value: Value,
    offset: Offset,
    at: Moment,
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
            let write = self.partitions[partition.0 as usize].invoke(operation, send, op, at);
            self.operations.send(partition, write);
        }
    }

    fn complete(&mut self, operation: &Operation, at: Moment) {
        let op = self.preconditions.check(operation, None);
        if let Some(op) = op {
            self.operations.complete(op, at, operation.outcome);
        }
        self.sent(operation, op, at);
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

    /// Finds each send of a completion among those that its operation began: mostly it is the one in the same place.
    fn sent(&mut self, operation: &Operation, op: Option<OpId>, at: Moment) {
        let mut begun: Option<Begun> = None;
        for (nth, send) in operation.body.sends().enumerate() {
            let sends = op.map_or(&[][..], |op| self.operations.sends(op));
            let in_place = sends.get(nth).copied().filter(|(partition, write)| {
                let history = &self.partitions[partition.0 as usize];
                history.write(*write).value == send.value && history.name == send.partition
            });
            let found = in_place.or_else(|| {
                let partition = self.names.known(&send.partition)?;
                let begun = begun.get_or_insert_with(|| by_value(sends, &self.partitions));
                Some((partition, *begun.get(&(partition, send.value))?))
            });
            let completes = found.is_some_and(|(partition, write)| {
                self.partitions[partition.0 as usize].complete(write, operation, send, at)
            });
            if !completes {
                let (Send { value, .. }, index) = (send, operation.index);
                self.preconditions.breaks(|| {
                    format!("{index} completes a send of value {value} that its process never began")
                });
            }
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

    /// Puts together what was sent and what was read, once all was seen.
    fn settle(&mut self) {
        let repeated = self.partitions.iter_mut().filter_map(|history| {
            let id = history.settle()?;
            Some((*history.write(id), &history.name))
        });
        if let Some((write, partition)) = repeated.min_by_key(|(write, _)| write.op) {
            let value = write.value;
            self.preconditions.breaks(|| format!("value {value} was sent to {partition} twice"));
        }
        self.commit();
        for history in &mut self.partitions {
            history.place_sends();
        }
    }

    /// What belongs to one operation took effect together: if any of it was read, all of it was committed.
    fn commit(&mut self) {
        let Self { partitions, operations, .. } = self;
        let mut news = Vec::new();
        for write in partitions.iter().flat_map(|history| &history.writes) {
            if write.read().is_some() && rule::applies("info-commits") && operations.commit(write.op) {
                news.push(write.op);
            }
        }
        for op in news {
            for (partition, write) in operations.sends(op) {
                partitions[partition.0 as usize].commit(*write);
            }
        }
    }

    fn partition(&mut self, name: &TopicPartition) -> PartitionId {
        let (id, is_new) = self.names.id(name);
        if is_new {
            self.partitions.push(PartitionHistory::new(name.clone()));
        }
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

/// The sends of one operation by what they sent.
type Begun = HashMap<(PartitionId, Value), WriteId, FxBuildHasher>;

fn by_value(sends: &[(PartitionId, WriteId)], partitions: &[PartitionHistory]) -> Begun {
    let value =
        |(partition, write): (PartitionId, WriteId)| partitions[partition.0 as usize].write(write).value;
    sends.iter().map(|send| ((send.0, value(*send)), send.1)).collect()
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
        self.settle();
        LogReport {
            not_checkable: self.preconditions.finish(),
            order: self.order,
            timeline: self.timeline,
            partitions: self.partitions,
            by_name: self.names.in_order(),
            operations: self.operations,
            groups: self.groups,
            precommitted: self.precommitted,
        }
    }
}

#[cfg(test)]
mod tests;
