//! Which record lies where: the table that acknowledgements and reads agree on, or the first contradiction.

use super::axis::Axis;
use super::extent::Extent;
use super::history::{Fate, LogAction, LogHistory, Record, ValueId};
use super::witness::{self, Stop};
use super::{Gaps, LogSettings};
use crate::ids::Offset;
use crate::linearizability::OpId;
use crate::linearizability::rule;

/// No slot, no operation.
pub(super) const NOWHERE: u32 = u32::MAX;
/// In a slot: nobody told what lies there.
pub(super) const UNTOLD: ValueId = ValueId(u32::MAX);
/// In a slot: a read went over it and found nothing.
pub(super) const INTERNAL: ValueId = ValueId(u32::MAX - 1);

/// What is known of the log's content, of all times together: a record never moves and never changes.
#[derive(Debug)]
pub(super) struct Evidence<'h> {
    pub(super) history: &'h LogHistory,
    pub(super) settings: LogSettings,
    pub(super) axis: Axis,
    /// By slot.
    pub(super) at: Vec<ValueId>,
    /// By value: its slot, the least if it has several.
    pub(super) place: Vec<u32>,
    /// By value: which operation appends it.
    pub(super) owner: Vec<u32>,
    /// By value: where it stands in its batch; empty if there are no batches.
    pub(super) index: Vec<u32>,
    /// So many slots are certainly in use at the end.
    pub(super) required: u32,
    /// Records beyond the first of their value.
    pub(super) duplicates: u64,
    /// By slot, as differences: how many reads went over it.
    skipped: Vec<i32>,
}

/// Collects the evidence of all operations, in their order.
pub(super) fn collect(history: &LogHistory, settings: LogSettings) -> Result<Evidence<'_>, Stop> {
    let extent = Extent::of(history, settings)?;
    let axis = extent.axis(history, settings)?;
    let required = axis.slot(extent.lower);
    let slots = axis.slots() as usize;
    let mut evidence = Evidence {
        history,
        settings,
        at: vec![UNTOLD; slots],
        place: vec![NOWHERE; extent.owner.len()],
        owner: extent.owner,
        index: extent.index,
        required,
        duplicates: 0,
        skipped: Vec::new(),
        axis,
    };
    for (place, op) in history.ops.iter().enumerate() {
        let id = OpId(place as u32);
        if history.returned(op) == NOWHERE {
            continue;
        }
        match &op.action {
            LogAction::Read { from, values, .. } => {
                evidence.read(id, *from, history.arena.values(*values))?;
            }
            LogAction::ReadSparse { from, records, .. } => {
                evidence.read_sparse(id, *from, history.arena.records(*records))?;
            }
            LogAction::Whole { records, end } => {
                let start = Offset(settings.start());
                let next = evidence.read_sparse(id, start, history.arena.records(*records))?;
                evidence.over(id, next, end.0)?;
            }
            action => {
                let append = history.arena.appended(action);
                if let Some((append, base)) = append.and_then(|append| Some((append, append.base?))) {
                    evidence.locate(id, append.values[0], evidence.axis.slot(base.0))?;
                }
            }
        }
    }
    evidence.settle_gaps()?;
    Ok(evidence)
}

impl Evidence<'_> {
    fn read(&mut self, id: OpId, from: Offset, values: &[ValueId]) -> Result<(), Stop> {
        if values.is_empty() {
            return Ok(());
        }
        if let Axis::Direct { .. } = self.axis {
            let slot = self.axis.slot(from.0) as usize;
            // Most reads return what was seen before.
            if self.at.get(slot..slot + values.len()) == Some(values) && !values.contains(&UNTOLD) {
                return Ok(());
            }
        }
        for (value, offset) in values.iter().zip(from.0..) {
            self.locate(id, *value, self.axis.slot(offset))?;
        }
        Ok(())
    }

    /// Returns the offset behind what was found.
    fn read_sparse(&mut self, id: OpId, from: Offset, records: &[Record]) -> Result<i64, Stop> {
        let mut next = from.0;
        for record in records {
            let offset = record.offset.0;
            self.over(id, next, offset)?;
            self.locate(id, record.value, self.axis.slot(offset))?;
            next = offset + 1;
        }
        Ok(next)
    }

    /// An operation found nothing from one offset on up to another, where something was, or the end.
    fn over(&mut self, id: OpId, from: i64, to: i64) -> Result<(), Stop> {
        if from < to {
            match self.settings.gaps {
                Gaps::None if rule::applies("gap") => return Err(witness::gap(self, id, Offset(from))),
                Gaps::Internal => self.skip(from, to),
                Gaps::None | Gaps::Removed => {}
            }
        }
        Ok(())
    }

    /// A read went over these offsets.
    fn skip(&mut self, from: i64, to: i64) {
        if self.skipped.is_empty() {
            self.skipped = vec![0; self.at.len() + 1];
        }
        let head = matches!(self.axis, Axis::Direct { base, .. } if from < base);
        let first = if head { 1 } else { self.axis.slot(from) };
        self.skipped[first as usize] += 1;
        self.skipped[self.axis.slot(to).max(first) as usize] -= 1;
    }

    fn settle_gaps(&mut self) -> Result<(), Stop> {
        let mut over = 0;
        for slot in 0..self.skipped.len().saturating_sub(1) {
            over += self.skipped[slot];
            if over > 0 {
                if self.at[slot] == UNTOLD {
                    if rule::applies("internal") {
                        self.at[slot] = INTERNAL;
                    }
                } else if rule::applies("skipped") {
                    return Err(witness::skipped(self, slot as u32));
                }
            }
        }
        Ok(())
    }

    /// An acknowledgement or a read says that a value lies in a slot.
    fn locate(&mut self, by: OpId, value: ValueId, slot: u32) -> Result<(), Stop> {
        let there = self.at[slot as usize];
        if there == value && value != UNTOLD {
            return Ok(());
        }
        let owner = self.owner.get(value.0 as usize).copied().unwrap_or(NOWHERE);
        if owner == NOWHERE {
            return if rule::applies("phantom") { Err(witness::phantom(self, by, value)) } else { Ok(()) };
        }
        let append = self.history.arena.appended(&self.history.ops[owner as usize].action);
        let Some(append) = append else { return Ok(()) };
        if append.fate == Fate::Failed && rule::applies("aborted") {
            return Err(witness::aborted(self, by, value));
        }
        if there != UNTOLD && rule::applies("divergent") {
            return Err(witness::divergent(self, by, slot, value));
        }
        let batch = append.values.len() > 1 && rule::applies("block");
        let index = if batch { self.index[value.0 as usize] } else { 0 };
        let known = self.place[value.0 as usize];
        if known != NOWHERE {
            if !self.settings.duplicates && rule::applies("moved") {
                return Err(witness::moved(self, by, value, slot));
            }
            self.duplicates += 1;
        }
        if !batch {
            self.at[slot as usize] = value;
            self.place[value.0 as usize] = known.min(slot);
            return Ok(());
        }
        // All the others of the batch are where this one tells them to be.
        let base = slot.checked_sub(index).filter(|base| {
            self.axis.offset(slot) - i64::from(index) >= self.axis.offset(0)
                && *base as usize + append.values.len() <= self.at.len()
        });
        let Some(base) = base else { return Err(witness::torn(self, by, OpId(owner), slot)) };
        for (value, slot) in append.values.iter().zip(base..) {
            let there = self.at[slot as usize];
            if there != UNTOLD && there != *value {
                return Err(witness::torn(self, by, OpId(owner), slot));
            }
            self.at[slot as usize] = *value;
            self.place[value.0 as usize] = slot;
            self.required = self.required.max(slot + 1);
        }
        Ok(())
    }

    /// Whether it was read by anyone, at any time.
    pub(super) fn was_read(&self, value: ValueId) -> bool {
        (0..self.history.ops.len()).any(|op| self.read_offset(OpId(op as u32), value).is_some())
    }

    /// Where an operation read a value.
    pub(super) fn read_offset(&self, op: OpId, value: ValueId) -> Option<Offset> {
        let arena = &self.history.arena;
        let op = self.history.ops.get(op.0 as usize)?;
        match &op.action {
            _ if !op.interval.ret.is_some() => None,
            LogAction::Read { from, values, .. } => {
                let place = arena.values(*values).iter().position(|other| *other == value)?;
                Some(from.plus(place as i64))
            }
            LogAction::ReadSparse { records, .. } | LogAction::Whole { records, .. } => {
                let mut records = arena.records(*records).iter();
                records.find(|record| record.value == value).map(|record| record.offset)
            }
            _ => None,
        }
    }

    /// Whether the slot holds a record.
    pub(super) fn is_record(&self, slot: u32) -> bool {
        self.at.get(slot as usize).is_some_and(|value| *value != UNTOLD && *value != INTERNAL)
    }

    /// The first and the last slot but one of the batch around the border before `slot`, if there is one.
    pub(super) fn block(&self, slot: u32) -> Option<(u32, u32)> {
        let before = slot.checked_sub(1).filter(|before| self.is_record(*before))?;
        let value = self.at[before as usize];
        let append =
            self.history.arena.appended(&self.history.ops[self.owner[value.0 as usize] as usize].action)?;
        let start = self.place[append.values.first()?.0 as usize];
        let end = start + append.values.len() as u32;
        (append.values.len() > 1 && start < slot && slot < end).then_some((start, end))
    }
}
