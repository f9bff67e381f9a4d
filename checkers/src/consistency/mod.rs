//! The ladder of consistency, over a run's own history: how consistent what clients saw of each partition was.
//!
//! [`ConsistencyMonitor`] turns the history into one log a partition (see
//! [`linearizability::log`](crate::linearizability::log)), and its report climbs the ladder with each. What clients
//! do comes down to few things that are said of a log:
//!
//! - A *send* is an append, one for each record: that several take effect together is what `torn-txn` judges. One
//!   that is indeterminate, or still outstanding, may take effect at any time. So may one that was acknowledged
//!   with acks 0 or 1, or in a partition whose durability is forfeit: its acknowledgement promises nothing. What it
//!   says of the record's place does not count either, but where the record is read does.
//! - A *poll* finds some of the log from its position on, but not always all. Those that failed count too, as a
//!   consumer is never given what is not safe. Within one poll that steps back each part is a read of its own.
//! - The *high watermark* of a reply is the log's end, as it was at some time since the question was put. A client
//!   keeps a question open from poll to poll, so that this may have been before the poll: after the one, at the
//!   earliest, that brought the previous answer. No order of its process binds it: a new leader may know of less
//!   than the old one.
//! - A *refused position* is an end below it.
//! - A *final read* finds the whole log, when nothing is left to arrive. No level excuses it for being stale.

mod partition;
mod report;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

pub use report::{ConsistencyReport, Course};

use crate::ids::{ClientId, Interval, Moment, Offset, OperationIndex, Process, Time, TopicPartition, Value};
use crate::linearizability::log::{LogHistory, LogSettings};
use crate::linearizability::{OpId, rule};
use crate::monitor::Monitor;
use crate::operation::{Body, Operation, Outcome, PartitionPosition, PartitionRead, Phase, Record};
use crate::recording::Event;
use partition::PartitionLog;
use report::SETTINGS;

/// What the high watermarks of replies are taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ends {
    /// For the log's end: one that lags is a stale look.
    #[default]
    Exact,
    /// For offsets that the end had reached: one that lags says nothing.
    AtLeast,
}

/// Follows a history of sends and polls.
#[derive(Debug, Default)]
pub struct ConsistencyMonitor {
    ends: Ends,
    resending: bool,
    /// Every event of the history.
    moments: Vec<(OperationIndex, Time)>,
    names: HashMap<TopicPartition, PartitionId, FxBuildHasher>,
    partitions: Vec<PartitionLog>,
    lanes: HashMap<Process, Lane, FxBuildHasher>,
    readers: HashMap<ClientId, Reader, FxBuildHasher>,
}

/// The place of a partition among those of a history, in the order in which they are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct PartitionId(u32);

/// A process, and what it has under way.
#[derive(Debug)]
struct Lane {
    number: u32,
    call: Moment,
    /// Which poll of its client it is, if it is one.
    poll: usize,
    sends: Vec<(PartitionId, Value, OpId)>,
}

/// A client, as one that reads.
#[derive(Debug, Default)]
struct Reader {
    /// When each of its polls was called.
    calls: Vec<Moment>,
    /// By partition: which poll brought the last answer.
    answered: HashMap<PartitionId, usize, FxBuildHasher>,
    /// All that it read since it assigned a partition at offset 0 in the final phase, and since when.
    whole: HashMap<PartitionId, (Moment, Vec<Record>), FxBuildHasher>,
}

impl Reader {
    /// When the question may have been put at the earliest that this poll answers.
    fn asked(&self, partition: PartitionId, call: Moment) -> Moment {
        let first = self.answered.get(&partition).map_or(0, |poll| poll + 1);
        let open = !rule::applies("question stays open");
        self.calls.get(first).copied().filter(|_| !open).unwrap_or(call).min(call)
    }
}

impl ConsistencyMonitor {
    /// Takes high watermarks for this.
    pub fn new(ends: Ends) -> Self {
        Self { ends, ..Self::default() }
    }

    /// Clients may send a record again, so that it lies at several offsets: that is an anomaly of its own
    /// (`duplicate`), and no contradiction.
    #[must_use]
    pub fn resending(self) -> Self {
        Self { resending: true, ..self }
    }

    /// Takes the next event of the history.
    pub fn operation(&mut self, operation: &Operation) {
        let place = self.moments.len();
        // A history this long is not checkable, and its log says so.
        if place >= (u32::MAX - 1) as usize {
            return;
        }
        self.moments.push((operation.index, operation.time));
        let at = Moment::at(place);
        if operation.outcome == Outcome::Invoke {
            self.invoke(operation, at);
        } else {
            self.complete(operation, at);
        }
    }

    fn invoke(&mut self, operation: &Operation, at: Moment) {
        let number = u32::try_from(self.lanes.len()).unwrap_or(LogHistory::NO_PROCESS);
        let new = || Lane { number, call: at, poll: 0, sends: Vec::new() };
        let lane = self.lanes.entry(operation.process).or_insert_with(new);
        lane.call = at;
        lane.sends.clear();
        if matches!(operation.body, Body::Poll(_) | Body::Txn(_)) {
            let reader = self.readers.entry(operation.client).or_default();
            lane.poll = reader.calls.len();
            reader.calls.push(at);
        }
        for send in operation.body.sends() {
            let id = partition(&mut self.names, &mut self.partitions, &send.partition);
            if let Some(op) = self.partitions[id.0 as usize].append(send.value, at, lane.number) {
                lane.sends.push((id, send.value, op));
            }
        }
    }

    fn complete(&mut self, operation: &Operation, at: Moment) {
        let Some(lane) = self.lanes.get(&operation.process) else { return };
        for (nth, send) in operation.body.sends().enumerate() {
            let id = partition(&mut self.names, &mut self.partitions, &send.partition);
            let is_this = |sent: &&(PartitionId, Value, OpId)| sent.0 == id && sent.1 == send.value;
            let sent = lane.sends.get(nth).filter(is_this).or_else(|| lane.sends.iter().find(is_this));
            if let Some((.., op)) = sent {
                self.partitions[id.0 as usize].complete(*op, operation.outcome, send, at);
            }
        }
        match &operation.body {
            Body::Poll(_) | Body::Txn(_) => self.reads(operation, at),
            Body::Assign(positions) if operation.outcome == Outcome::Ok => {
                self.assign(operation, positions, at);
            }
            Body::FinalRead(positions) if operation.outcome == Outcome::Ok => {
                self.final_read(operation, positions, at);
            }
            _ => {}
        }
    }

    fn reads(&mut self, operation: &Operation, at: Moment) {
        let Some(lane) = self.lanes.get(&operation.process) else { return };
        let reader = self.readers.entry(operation.client).or_default();
        for read in operation.body.reads() {
            let id = partition(&mut self.names, &mut self.partitions, &read.partition);
            let log = &mut self.partitions[id.0 as usize];
            let PartitionRead { records, seen, .. } = read;
            log.read(seen.position, records, Interval { call: lane.call, ret: at }, lane.number);
            let since = Interval { call: reader.asked(id, lane.call), ret: at };
            if let Some(end) = seen.high_watermark {
                log.end(end, since, self.ends);
            }
            if let Some((position, reset)) = seen.position.zip(seen.reset)
                && reset < position
                && self.ends == Ends::Exact
            {
                log.refused(position, since, lane.number);
            }
            reader.answered.insert(id, lane.poll);
            if operation.phase == Phase::Final
                && let Some((_, content)) = reader.whole.get_mut(&id)
            {
                content.extend_from_slice(records);
            }
        }
    }

    fn assign(&mut self, operation: &Operation, positions: &[PartitionPosition], at: Moment) {
        let reader = self.readers.entry(operation.client).or_default();
        reader.whole.clear();
        for position in positions {
            if operation.phase == Phase::Final && position.offset == Some(Offset(0)) {
                let id = partition(&mut self.names, &mut self.partitions, &position.partition);
                reader.whole.insert(id, (at, Vec::new()));
            }
        }
    }

    fn final_read(&mut self, operation: &Operation, positions: &[PartitionPosition], at: Moment) {
        let Some(reader) = self.readers.get_mut(&operation.client) else { return };
        let process = self.lanes.get(&operation.process).map_or(LogHistory::NO_PROCESS, |lane| lane.number);
        for position in positions {
            let id = partition(&mut self.names, &mut self.partitions, &position.partition);
            if let Some((began, content)) = reader.whole.remove(&id) {
                let interval = Interval { call: began, ret: at };
                self.partitions[id.0 as usize].whole(content, position.offset, interval, process);
            }
        }
    }
}

fn partition(
    names: &mut HashMap<TopicPartition, PartitionId, FxBuildHasher>,
    partitions: &mut Vec<PartitionLog>,
    name: &TopicPartition,
) -> PartitionId {
    if let Some(id) = names.get(name) {
        return *id;
    }
    let id = PartitionId(u32::try_from(partitions.len()).unwrap_or(u32::MAX));
    partitions.push(PartitionLog::default());
    names.insert(name.clone(), id);
    id
}

impl Monitor for ConsistencyMonitor {
    type Report = ConsistencyReport;

    fn observe(&mut self, event: &Event) {
        if let Event::Operation(operation) = event {
            self.operation(operation);
        }
    }

    fn finish(self) -> ConsistencyReport {
        let Self { moments, names, partitions, resending, .. } = self;
        let mut logs: Vec<_> = partitions.into_iter().map(Some).collect();
        let mut by_name: Vec<_> = names.into_iter().collect();
        by_name.sort_unstable();
        let named =
            by_name.into_iter().filter_map(|(name, id)| Some((name, logs.get_mut(id.0 as usize)?.take()?)));
        let settings = LogSettings { duplicates: resending, ..SETTINGS };
        ConsistencyReport { moments, settings, partitions: named.collect() }
    }
}

#[cfg(test)]
mod tests;
