//! All that the clients of one partition did and saw.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{Offset, OperationIndex, Process, Time, TopicPartition, Value};
use crate::operation::{Acks, Operation, Outcome, Phase, Record, Send};

use super::RecordCounts;

/// The sends of one operation.
pub(super) type Transaction = Box<[(TopicPartition, Value)]>;

/// An event of the history, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Witness {
    pub(super) operation: OperationIndex,
    pub(super) time: Time,
}

impl Witness {
    pub(super) fn of(operation: &Operation) -> Self {
        Self { operation: operation.index, time: operation.time }
    }
}

/// The send of one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) invoked: Witness,
    /// The completion; `None` while it is outstanding.
    pub(super) completed: Option<(Outcome, Witness)>,
    pub(super) offset: Option<Offset>,
    pub(super) acks: Acks,
    /// It took effect: acknowledged, or proven by a read.
    pub(super) committed: bool,
    /// It was sent while the load ran.
    under_load: bool,
    process: Process,
}

impl Write {
    /// When it was acknowledged, if it was.
    pub(super) fn acknowledged(&self) -> Option<Witness> {
        self.completed.filter(|(outcome, _)| *outcome == Outcome::Ok).map(|(_, witness)| witness)
    }

    /// When it failed, if it did.
    pub(super) fn failed(&self) -> Option<Witness> {
        self.completed.filter(|(outcome, _)| *outcome == Outcome::Fail).map(|(_, witness)| witness)
    }

    /// When its place became known.
    pub(super) fn witness(&self) -> Witness {
        self.completed.map_or(self.invoked, |(_, witness)| witness)
    }
}

/// Where a value was read, by whom first.
#[derive(Clone, Debug)]
pub(super) struct Reads {
    pub(super) first: (Offset, Witness),
    /// Further offsets, each with its first reader.
    pub(super) elsewhere: Vec<(Offset, Witness)>,
    /// The first reader whose poll was `ok`.
    pub(super) by_ok: Option<(Offset, Witness)>,
}

impl Reads {
    pub(super) fn places(&self) -> impl Iterator<Item = (Offset, Witness)> {
        std::iter::once(self.first).chain(self.elsewhere.iter().copied())
    }
}

/// What lies at an offset.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) first: (Value, Witness),
    /// Further values, where there should be none.
    pub(super) others: Vec<(Value, Witness)>,
}

/// A complete read of the partition after the heal.
#[derive(Clone, Debug)]
pub(super) struct FinalRead {
    pub(super) content: BTreeMap<Offset, Value>,
    /// When it began, and when it ended.
    pub(super) began: Witness,
    pub(super) ended: Witness,
}

/// A step of a consumer that may have skipped something, once it is known what there was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Both ends are of one operation.
    pub(super) internal: bool,
    pub(super) from: (Offset, OperationIndex),
    pub(super) to: (Offset, Witness),
}

/// All that the clients of one partition did and saw.
#[derive(Debug, Default)]
pub(super) struct PartitionHistory {
    pub(super) writes: BTreeMap<Value, Write>,
    pub(super) reads: BTreeMap<Value, Reads>,
    pub(super) slots: BTreeMap<Offset, Slot>,
    /// The steps that did not go straight to the next offset.
    pub(super) steps: Vec<Step>,
    pub(super) final_read: Option<FinalRead>,
    final_read_failed: Option<String>,
    /// When anything was last heard of it.
    pub(super) last_time: Time,
}

impl PartitionHistory {
    /// Takes the invocation of a send; false if the value was sent before.
    pub(super) fn invoke(&mut self, operation: &Operation, send: &Send) -> bool {
        let write = Write {
            invoked: Witness::of(operation),
            completed: None,
            offset: None,
            acks: send.acks,
            committed: false,
            under_load: operation.phase == Phase::Load,
            process: operation.process,
        };
        self.writes.insert(send.value, write).is_none()
    }

    /// Takes the completion of a send; false if its process had not begun it.
    pub(super) fn complete(&mut self, operation: &Operation, send: &Send) -> bool {
        let write = self.writes.get_mut(&send.value);
        let Some(write) =
            write.filter(|write| write.process == operation.process && write.completed.is_none())
        else {
            return false;
        };
        self.last_time = self.last_time.max(operation.time);
        write.completed = Some((operation.outcome, Witness::of(operation)));
        write.offset = send.offset;
        write.committed = operation.outcome == Outcome::Ok;
        true
    }

    /// Takes records that a poll returned. Polls that failed count too: a consumer is never given what is
    /// not safe.
    pub(super) fn read(&mut self, operation: &Operation, records: &[Record]) {
        let witness = Witness::of(operation);
        self.last_time = self.last_time.max(witness.time);
        for record in records {
            let place = (record.offset, witness);
            let reads = self.reads.entry(record.value).or_insert(Reads {
                first: place,
                elsewhere: Vec::new(),
                by_ok: None,
            });
            if reads.places().all(|(offset, _)| offset != record.offset) {
                reads.elsewhere.push(place);
            }
            if reads.by_ok.is_none() && operation.outcome == Outcome::Ok {
                reads.by_ok = Some(place);
            }
            self.place(record.offset, record.value, witness);
        }
    }

    fn place(&mut self, offset: Offset, value: Value, witness: Witness) {
        let slot = self.slots.entry(offset).or_insert(Slot { first: (value, witness), others: Vec::new() });
        let known = slot.first.0 == value || slot.others.iter().any(|(other, _)| *other == value);
        if !known {
            slot.others.push((value, witness));
        }
    }

    /// Takes what a final reader claims, with what it read since it began at offset 0.
    pub(super) fn final_read(
        &mut self,
        operation: &Operation,
        read: Option<(Witness, BTreeMap<Offset, Value>)>,
    ) {
        match (operation.outcome, read) {
            (Outcome::Ok, Some((began, content))) => {
                self.final_read = Some(FinalRead { content, began, ended: Witness::of(operation) });
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
        !self.reads.is_empty() || self.writes.values().any(|write| write.acknowledged().is_some())
    }

    pub(super) fn was_read(&self, value: Value) -> bool {
        self.reads.contains_key(&value)
    }

    /// A send took effect, since another of its operation did. One that failed certainly did not.
    pub(super) fn commit(&mut self, value: Value) {
        if let Some(write) = self.writes.get_mut(&value)
            && write.failed().is_none()
        {
            write.committed = true;
        }
    }

    /// Puts the committed sends where they say that they lie, beside what was read.
    pub(super) fn place_sends(&mut self) {
        let placed: Vec<_> = self
            .writes
            .iter()
            .filter(|(_, write)| write.committed)
            .filter_map(|(value, write)| Some((write.offset?, *value, write.witness())))
            .collect();
        for (offset, value, witness) in placed {
            self.place(offset, value, witness);
        }
    }

    pub(super) fn counts(&self) -> RecordCounts {
        let mut counts = RecordCounts { read: self.reads.len() as u64, ..RecordCounts::default() };
        let kept: Option<BTreeSet<Value>> =
            self.final_read.as_ref().map(|read| read.content.values().copied().collect());
        for (value, write) in &self.writes {
            match write.completed {
                Some((Outcome::Ok, _)) => counts.acknowledged += 1,
                Some((Outcome::Fail, _)) => {}
                _ => counts.info_read += u64::from(self.was_read(*value)),
            }
            if write.under_load {
                let acknowledged = write.acknowledged().is_some();
                let lost = acknowledged && kept.as_ref().is_some_and(|kept| !kept.contains(value));
                counts.under_load.sent += 1;
                counts.under_load.acknowledged += u64::from(acknowledged);
                counts.under_load.lost += u64::from(lost);
            }
        }
        counts
    }
}
