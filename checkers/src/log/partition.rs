//! All that the clients of one partition did and saw.

use super::RecordCounts;
use super::ends::Ends;
use super::operations::OpId;
use super::replicas::Givers;
use super::slots::{Place, Slots};
use super::writes::{Senders, Write, WriteId};
use crate::ids::{Moment, Offset, Time, TopicPartition, Value};
use crate::linearizability::rule;
use crate::operation::{Operation, Outcome, Phase, Record, Send};

/// A complete read of the partition after the heal.
#[derive(Clone, Debug)]
pub(super) struct FinalRead {
    /// By offset.
    pub(super) content: Vec<(Offset, Value)>,
    /// Up to here it has all that there was when it began.
    pub(super) end: Offset,
    /// When it began, and when it ended.
    pub(super) began: Moment,
    pub(super) ended: Moment,
}

/// A step of a consumer that may have skipped something, once it is known what there was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Both ends are of one operation.
    pub(super) internal: bool,
    /// Its partitions are shared out among a group, and may come and go between two polls.
    pub(super) subscribed: bool,
    pub(super) from: (Offset, Moment),
    pub(super) to: (Offset, Moment),
}

/// Records without a gap that one operation read, each the first value that was seen at its offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) op: OpId,
    /// How many there are beside the first.
    more: u32,
    pub(super) first: Offset,
}

impl Run {
    pub(super) fn last(&self) -> Offset {
        self.first.plus(i64::from(self.more))
    }
}

/// All that the clients of one partition did and saw.
#[derive(Debug)]
pub(super) struct PartitionHistory {
    pub(super) name: TopicPartition,
    pub(super) writes: Vec<Write>,
    /// Those that were completed, in that order.
    pub(super) completions: Vec<WriteId>,
    /// Once all was seen: who sent what.
    senders: Senders,
    /// Between [`Self::settle`] and [`Self::place_sends`]: what producers were told, by offset.
    told: Vec<(Offset, WriteId)>,
    pub(super) slots: Slots,
    /// Values that nobody sent here: each place at which one was read.
    pub(super) unsent: Vec<Place>,
    /// Values that were read at several offsets, with each of them.
    pub(super) moved: Vec<(Value, Moment, Offset)>,
    /// Values whose sends had failed, with each place at which an `ok` poll read them.
    pub(super) aborted: Vec<(Value, Moment, Offset)>,
    /// The steps that did not go straight to the next offset.
    pub(super) steps: Vec<Step>,
    pub(super) runs: Vec<Run>,
    /// What was read where another value had been seen first.
    pub(super) odd: Vec<(OpId, Offset, Value)>,
    pub(super) ends: Ends,
    pub(super) givers: Givers,
    pub(super) final_read: Option<FinalRead>,
    final_read_failed: Option<String>,
    /// When anything was last heard of it.
    pub(super) last_time: Time,
}

impl PartitionHistory {
    pub(super) fn new(name: TopicPartition) -> Self {
        Self {
            name,
            writes: Vec::new(),
            completions: Vec::new(),
            senders: Senders::default(),
            told: Vec::new(),
            slots: Slots::default(),
            unsent: Vec::new(),
            moved: Vec::new(),
            aborted: Vec::new(),
            steps: Vec::new(),
            runs: Vec::new(),
            odd: Vec::new(),
            ends: Ends::default(),
            givers: Givers::default(),
            final_read: None,
            final_read_failed: None,
            last_time: Time::default(),
        }
    }

    /// Takes the invocation of a send.
    pub(super) fn invoke(&mut self, operation: &Operation, send: &Send, op: OpId, at: Moment) -> WriteId {
        let id = WriteId(u32::try_from(self.writes.len()).unwrap_or(u32::MAX));
        let mut write = Write::new(send.value, op, operation.client, at, send.acks);
        write.under_load = operation.phase == Phase::Load;
        self.writes.push(write);
        id
    }

    /// Takes the completion of a send; false if it had been completed before.
    pub(super) fn complete(&mut self, id: WriteId, operation: &Operation, send: &Send, at: Moment) -> bool {
        self.last_time = self.last_time.max(operation.time);
        let write = &mut self.writes[id.0 as usize];
        if write.outcome.is_some() {
            return false;
        }
        write.ends(operation.outcome, at, send.offset);
        self.completions.push(id);
        true
    }

    /// Takes records that a poll returned. Polls that failed count too: a consumer is never given what is
    /// not safe.
    pub(super) fn read(
        &mut self,
        operation: &Operation,
        records: &[Record],
        op: Option<OpId>,
        at: Moment,
        near: &mut usize,
    ) {
        self.last_time = self.last_time.max(operation.time);
        let is_ok = operation.outcome == Outcome::Ok;
        if !is_ok && !rule::applies("failed-polls-count") {
            return;
        }
        let mut run: Option<Run> = None;
        for record in records {
            let place = (record.offset, record.value);
            let is_first = self.slots.see(place, at, is_ok, near);
            let Some(op) = op else { continue };
            match &mut run {
                _ if !is_first => self.odd.push((op, record.offset, record.value)),
                Some(run) if run.last().plus(1) == record.offset && run.more < u32::MAX => run.more += 1,
                run => {
                    self.runs.extend(run.take());
                    *run = Some(Run { op, more: 0, first: record.offset });
                }
            }
        }
        self.runs.extend(run);
    }

    /// Takes what a final reader claims, with what it read since it began at offset 0.
    pub(super) fn final_read(
        &mut self,
        operation: &Operation,
        end: Option<Offset>,
        at: Moment,
        read: Option<(Moment, Vec<(Offset, Value)>)>,
    ) {
        match (operation.outcome, read) {
            (Outcome::Ok, Some((began, mut content))) => {
                if !content.is_sorted_by(|one, next| one.0 < next.0) {
                    // What was read last at an offset counts.
                    content.reverse();
                    content.sort_by_key(|(offset, _)| *offset);
                    content.dedup_by_key(|(offset, _)| *offset);
                }
                self.ends.final_end(end, at);
                let end = end.or(content.last().map(|(last, _)| last.plus(1))).unwrap_or_default();
                self.final_read = Some(FinalRead { content, end, began, ended: at });
            }
            (Outcome::Ok, None) => {
                let index = operation.index;
                self.final_read_failed =
                    Some(format!("the final read that ends at {index} did not begin at offset 0"));
            }
            _ => {
                let reason = operation.error.as_deref().unwrap_or("no reason given");
                self.final_read_failed = Some(format!("the final read could not run: {reason}"));
            }
        }
    }

    /// Finds out who sent what was read, once all was seen. Returns a send whose value had been sent before.
    pub(super) fn settle(&mut self) -> Option<WriteId> {
        self.slots.settle();
        self.senders = Senders::of(&self.writes);
        let offset_of = |id: &WriteId| Some((self.writes[id.0 as usize].offset()?, *id));
        self.told = self.completions.iter().filter_map(offset_of).collect();
        self.told.sort_by_key(|(offset, _)| *offset);
        self.match_reads();
        self.match_final_read();
        self.senders.repeated()
    }

    /// Most records lie where their producers were told, so that going through both by offset finds them.
    fn match_reads(&mut self) {
        let mut told = self.told.iter().peekable();
        for place in self.slots.places_mut() {
            while told.next_if(|(offset, _)| *offset < place.offset).is_some() {}
            let there = told.peek().filter(|(offset, _)| *offset == place.offset).map(|(_, id)| *id);
            let there = there.filter(|id| self.writes[id.0 as usize].value == place.value);
            let Some(id) = there.or_else(|| self.senders.get(place.value)) else {
                self.unsent.push(*place);
                continue;
            };
            let write = &mut self.writes[id.0 as usize];
            place.write = Some(id);
            (place.op, place.is_told) = (write.op, write.offset() == Some(place.offset));
            if let Some((offset, first)) = write.read() {
                self.moved.push((write.value, first, offset));
                self.moved.push((write.value, place.first, place.offset));
            }
            write.is_read(place.offset, place.first);
            let by_ok = place.by_ok.is_some() || !rule::applies("aborted-by-ok");
            if by_ok && write.failed().is_some() {
                self.aborted.push((write.value, place.by_ok, place.offset));
            }
        }
        self.unsent.sort_by_key(|place| (place.value, place.first, place.offset));
        self.aborted.sort_unstable();
        self.moved.sort_unstable();
        self.moved.dedup();
    }

    fn match_final_read(&mut self) {
        let Some(read) = &self.final_read else { return };
        let mut places = self.slots.firsts().iter().peekable();
        for (offset, value) in &read.content {
            while places.next_if(|place| place.offset < *offset).is_some() {}
            let here = places.peek().filter(|place| (place.offset, place.value) == (*offset, *value));
            if let Some(id) = here.map_or_else(|| self.senders.get(*value), |place| place.write) {
                self.writes[id.0 as usize].kept = true;
            }
        }
    }

    /// Puts the committed sends where they say that they lie, beside what was read.
    pub(super) fn place_sends(&mut self) {
        let told = std::mem::take(&mut self.told);
        let committed = told.iter().filter_map(|(offset, id)| {
            let write = &self.writes[id.0 as usize];
            let place = Place {
                offset: *offset,
                value: write.value,
                first: write.told(),
                by_ok: Moment::NEVER,
                is_read: false,
                write: Some(*id),
                op: write.op,
                is_told: true,
            };
            (write.committed || !rule::applies("committed-lie")).then_some(place)
        });
        self.slots.put(committed);
    }

    pub(super) fn write(&self, id: WriteId) -> &Write {
        &self.writes[id.0 as usize]
    }

    pub(super) fn write_of(&self, value: Value) -> Option<&Write> {
        self.senders.get(value).map(|id| self.write(id))
    }

    /// A send took effect, since another of its operation did.
    pub(super) fn commit(&mut self, id: WriteId) {
        self.writes[id.0 as usize].committed = true;
    }

    /// Why there is no final read.
    pub(super) fn no_final_read(&self) -> Option<&str> {
        match (&self.final_read, &self.final_read_failed) {
            (Some(_), _) => None,
            (None, Some(reason)) => Some(reason),
            (None, None) => Some("the final read never ran"),
        }
    }

    /// Whether there is anything to lose.
    pub(super) fn has_records(&self) -> bool {
        let read = || self.writes.iter().any(|write| write.read().is_some());
        !self.unsent.is_empty() || self.writes.iter().any(|write| write.acknowledged().is_some()) || read()
    }

    pub(super) fn counts(&self) -> RecordCounts {
        let mut counts = RecordCounts::default();
        let mut unsent = self.unsent.iter().map(|place| place.value).collect::<Vec<_>>();
        // Sorted by value.
        unsent.dedup();
        counts.read = unsent.len() as u64;
        for write in &self.writes {
            counts.read += u64::from(write.read().is_some());
            match write.outcome {
                Some(Outcome::Ok) => counts.acknowledged += 1,
                Some(Outcome::Fail) => {}
                _ => counts.info_read += u64::from(write.read().is_some()),
            }
            if write.under_load {
                let acknowledged = write.acknowledged().is_some();
                let lost = acknowledged && self.final_read.is_some() && !write.kept;
                counts.under_load.sent += 1;
                counts.under_load.acknowledged += u64::from(acknowledged);
                counts.under_load.lost += u64::from(lost);
            }
        }
        counts
    }
}
