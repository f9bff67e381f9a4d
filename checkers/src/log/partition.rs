//! All that the clients of one partition did and saw.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;

use super::RecordCounts;
use super::ends::Ends;
use super::operations::OpId;
use super::replicas::Givers;
use super::slots::{Place, Slots};
use crate::ids::{ClientId, Moment, Offset, Time, TopicPartition, Value};
use crate::linearizability::rule;
use crate::operation::{Acks, Operation, Outcome, Phase, Record, Send};

/// The place of a send among all to its partition, in the order of their invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WriteId(pub(super) u32);

/// The send of one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) value: Value,
    pub(super) op: OpId,
    pub(super) client: ClientId,
    pub(super) invoked: Moment,
    /// The completion; [`Moment::NEVER`] while it is outstanding.
    pub(super) completed: Moment,
    /// How it ended; `None` while it is outstanding.
    pub(super) outcome: Option<Outcome>,
    /// Where its producer was told that it lies.
    pub(super) offset: Option<Offset>,
    pub(super) acks: Acks,
    /// It took effect: acknowledged, or proven by a read.
    pub(super) committed: bool,
    /// It was sent while the load ran.
    under_load: bool,
    /// Where it was read first.
    pub(super) read: Option<(Offset, Moment)>,
    /// Where an `ok` poll read it first.
    pub(super) read_by_ok: Option<(Offset, Moment)>,
    /// Where the final read has it.
    pub(super) kept: Option<Offset>,
}

impl Write {
    /// When it was acknowledged, if it was.
    pub(super) fn acknowledged(&self) -> Option<Moment> {
        (self.outcome == Some(Outcome::Ok)).then_some(self.completed)
    }

    /// When it failed, if it did.
    pub(super) fn failed(&self) -> Option<Moment> {
        (self.outcome == Some(Outcome::Fail)).then_some(self.completed)
    }

    /// When its place became known.
    pub(super) fn told(&self) -> Moment {
        if self.completed.is_some() { self.completed } else { self.invoked }
    }

    /// Where it lies, by the word of its producer or else of its first reader.
    pub(super) fn place(&self) -> Option<Offset> {
        self.offset.or(self.read.map(|(offset, _)| offset))
    }
}

/// A complete read of the partition after the heal.
#[derive(Clone, Debug)]
pub(super) struct FinalRead {
    /// By offset.
    pub(super) content: Vec<(Offset, Value)>,
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
    pub(super) first: Offset,
    pub(super) last: Offset,
}

/// All that the clients of one partition did and saw.
#[derive(Debug)]
pub(super) struct PartitionHistory {
    pub(super) name: TopicPartition,
    pub(super) writes: Vec<Write>,
    by_value: HashMap<Value, WriteId, FxBuildHasher>,
    pub(super) slots: Slots,
    /// Values that nobody sent here: each place at which one was read.
    pub(super) unsent: Vec<Place>,
    /// Values that were read at several offsets, with each of them.
    pub(super) moved: Vec<(Value, Moment, Offset)>,
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
            by_value: HashMap::default(),
            slots: Slots::default(),
            unsent: Vec::new(),
            moved: Vec::new(),
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

    /// Takes the invocation of a send; `None` if the value was sent before.
    pub(super) fn invoke(
        &mut self,
        operation: &Operation,
        send: &Send,
        op: OpId,
        at: Moment,
    ) -> Option<WriteId> {
        let id = WriteId(u32::try_from(self.writes.len()).unwrap_or(u32::MAX));
        match self.by_value.entry(send.value) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(entry) => entry.insert(id),
        };
        self.writes.push(Write {
            value: send.value,
            op,
            client: operation.client,
            invoked: at,
            completed: Moment::NEVER,
            outcome: None,
            offset: None,
            acks: send.acks,
            committed: false,
            under_load: operation.phase == Phase::Load,
            read: None,
            read_by_ok: None,
            kept: None,
        });
        Some(id)
    }

    /// Takes the completion of a send; false if its operation had not begun it.
    pub(super) fn complete(
        &mut self,
        operation: &Operation,
        send: &Send,
        op: Option<OpId>,
        at: Moment,
    ) -> bool {
        let write = self.by_value.get(&send.value).and_then(|id| self.writes.get_mut(id.0 as usize));
        let Some(write) = write.filter(|write| Some(write.op) == op && write.outcome.is_none()) else {
            return false;
        };
        self.last_time = self.last_time.max(operation.time);
        (write.completed, write.outcome) = (at, Some(operation.outcome));
        write.offset = send.offset;
        write.committed = operation.outcome == Outcome::Ok;
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
                Some(run) if run.last.plus(1) == record.offset => run.last = record.offset,
                run => {
                    self.runs.extend(run.take());
                    *run = Some(Run { op, first: record.offset, last: record.offset });
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
                // What was read last at an offset counts.
                content.reverse();
                content.sort_by_key(|(offset, _)| *offset);
                content.dedup_by_key(|(offset, _)| *offset);
                self.ends.final_end(end, at);
                self.final_read = Some(FinalRead { content, began, ended: at });
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

    /// Looks up who sent what was read, once all was seen.
    pub(super) fn match_reads(&mut self) {
        self.slots.settle();
        for place in self.slots.places_mut() {
            let Some(id) = self.by_value.get(&place.value) else {
                self.unsent.push(*place);
                continue;
            };
            let Some(write) = self.writes.get_mut(id.0 as usize) else { continue };
            place.write = Some(*id);
            (place.op, place.is_told) = (write.op, write.offset == Some(place.offset));
            let seen = (place.offset, place.first);
            if let Some((offset, first)) = write.read {
                self.moved.push((write.value, first, offset));
                self.moved.push((write.value, place.first, place.offset));
            }
            if write.read.is_none_or(|(_, first)| place.first < first) {
                write.read = Some(seen);
            }
            let by_ok = place.by_ok.is_some() || !rule::applies("aborted-by-ok");
            if by_ok && write.read_by_ok.is_none_or(|(_, first)| place.by_ok < first) {
                write.read_by_ok = Some((place.offset, place.by_ok));
            }
        }
        self.unsent.sort_by_key(|place| (place.value, place.first, place.offset));
        self.moved.sort_unstable();
        self.moved.dedup();
        if let Some(read) = &self.final_read {
            for (offset, value) in &read.content {
                if let Some(write) =
                    self.by_value.get(value).and_then(|id| self.writes.get_mut(id.0 as usize))
                {
                    write.kept = Some(*offset);
                }
            }
        }
    }

    /// Puts the committed sends where they say that they lie, beside what was read.
    pub(super) fn place_sends(&mut self) {
        let placed = (0..)
            .map(WriteId)
            .zip(&self.writes)
            .filter(|(_, write)| write.committed || !rule::applies("committed-lie"));
        let mut placed: Vec<Place> = placed
            .filter_map(|(id, write)| {
                let offset = write.offset?;
                Some(Place {
                    offset,
                    value: write.value,
                    first: write.told(),
                    by_ok: Moment::NEVER,
                    is_read: false,
                    write: Some(id),
                    op: write.op,
                    is_told: true,
                })
            })
            .collect();
        placed.sort_by_key(|place| (place.offset, place.first));
        self.slots.put(placed);
    }

    pub(super) fn write(&self, id: WriteId) -> &Write {
        &self.writes[id.0 as usize]
    }

    pub(super) fn write_of(&self, value: Value) -> Option<&Write> {
        self.by_value.get(&value).and_then(|id| self.writes.get(id.0 as usize))
    }

    /// A send took effect, since another of its operation did.
    pub(super) fn commit(&mut self, id: WriteId) {
        if let Some(write) = self.writes.get_mut(id.0 as usize) {
            write.committed = true;
        }
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
        let read = || self.writes.iter().any(|write| write.read.is_some());
        !self.unsent.is_empty() || self.writes.iter().any(|write| write.acknowledged().is_some()) || read()
    }

    pub(super) fn counts(&self) -> RecordCounts {
        let mut counts = RecordCounts::default();
        let mut unsent = self.unsent.iter().map(|place| place.value).collect::<Vec<_>>();
        // Sorted by value.
        unsent.dedup();
        counts.read = unsent.len() as u64;
        for write in &self.writes {
            counts.read += u64::from(write.read.is_some());
            match write.outcome {
                Some(Outcome::Ok) => counts.acknowledged += 1,
                Some(Outcome::Fail) => {}
                _ => counts.info_read += u64::from(write.read.is_some()),
            }
            if write.under_load {
                let acknowledged = write.acknowledged().is_some();
                let lost = acknowledged && self.final_read.is_some() && write.kept.is_none();
                counts.under_load.sent += 1;
                counts.under_load.acknowledged += u64::from(acknowledged);
                counts.under_load.lost += u64::from(lost);
            }
        }
        counts
    }
}
