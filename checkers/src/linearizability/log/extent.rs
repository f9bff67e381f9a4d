//! How far a history's offsets reach, and who appends what: what must be known before any table is laid out.

use super::axis::Axis;
use super::evidence::NOWHERE;
use super::history::{Fate, LogAction, LogHistory, Record};
use super::witness::{self, Stop};
use super::{Gaps, LogSettings};
use crate::linearizability::OpId;

/// What a first pass over the operations finds.
#[derive(Debug)]
pub(super) struct Extent {
    /// The least offset that is mentioned, but for those that reads began at.
    least: i64,
    /// The least offset that a read began at which found something.
    least_read: i64,
    /// The log is certainly this long at the end.
    pub(super) lower: i64,
    /// The operation that proved it.
    longest: OpId,
    /// Values that may have been appended.
    appended: u64,
    /// Values that were, nobody says where.
    unplaced: u64,
    largest_batch: u64,
    pub(super) owner: Vec<u32>,
    pub(super) index: Vec<u32>,
}

impl Extent {
    pub(super) fn of(history: &LogHistory, settings: LogSettings) -> Result<Self, Stop> {
        let mut extent = Self {
            least: i64::MAX,
            least_read: i64::MAX,
            lower: settings.start(),
            longest: OpId(0),
            appended: 0,
            unplaced: 0,
            largest_batch: 0,
            owner: Vec::new(),
            index: Vec::new(),
        };
        for (place, op) in history.ops.iter().enumerate() {
            let id = OpId(place as u32);
            extent.own(history, id)?;
            if history.returned(op) != NOWHERE {
                extent.reach(history, settings, id)?;
            }
        }
        if extent.largest_batch > 1 && settings.duplicates {
            return Err(Stop::unknown(
                "a log with batches and with duplicates is not covered: split batches",
            ));
        }
        Ok(extent)
    }

    /// Who appends which value.
    fn own(&mut self, history: &LogHistory, id: OpId) -> Result<(), Stop> {
        let op = &history.ops[id.0 as usize];
        let Some(append) = history.arena.appended(&op.action) else { return Ok(()) };
        let count = append.values.len() as u64;
        if count == 0 {
            return Err(Stop::unknown("an append of no values: leave it out, or say which"));
        }
        if append.fate != Fate::Failed {
            self.appended += count;
            if history.returned(op) != NOWHERE && append.base.is_none() {
                self.unplaced += count;
            }
            self.largest_batch = self.largest_batch.max(count);
        }
        // What ids may be, so that no table by value is much larger than the history.
        let limit = (history.ops.len() as u64 + history.arena.size()) * 16 + (1 << 20);
        for (value, index) in append.values.iter().zip(0..) {
            let place = value.0 as usize;
            if value.0 >= NOWHERE - 1 || u64::from(value.0) > limit {
                return Err(Stop::unknown("the values are not numbered densely from 0"));
            }
            if place >= self.owner.len() {
                self.owner.resize(place + 1, NOWHERE);
            }
            if self.owner[place] != NOWHERE {
                let what = format!("value {place} is appended twice: make values unique per attempt");
                return Err(Stop::unknown(&what));
            }
            self.owner[place] = id.0;
            if count > 1 {
                if place >= self.index.len() {
                    self.index.resize(self.owner.len(), 0);
                }
                self.index[place] = index;
            }
        }
        Ok(())
    }

    /// How long the log is by an operation, and whether its offsets can be at all.
    fn reach(&mut self, history: &LogHistory, settings: LogSettings, id: OpId) -> Result<(), Stop> {
        let op = &history.ops[id.0 as usize];
        let start = settings.start();
        let (first, end) = match &op.action {
            LogAction::Read { from, values, .. } => {
                let count = history.arena.values(*values).len() as i64;
                if count > 0 {
                    self.least_read = self.least_read.min(from.0);
                }
                (from.0, from.0.checked_add(count).filter(|_| count > 0))
            }
            LogAction::ReadSparse { from, records, .. } => {
                let records = history.arena.records(*records);
                let ascending = records.windows(2).all(|pair| pair[0].offset < pair[1].offset);
                match (records.first(), records.last()) {
                    _ if !ascending => return Err(witness::impossible(history, id)),
                    (Some(first), Some(last)) if first.offset >= *from && from.0 >= start => {
                        self.least_read = self.least_read.min(from.0);
                        (first.offset.0, last.offset.0.checked_add(1))
                    }
                    (None, None) => (from.0, None),
                    _ => return Err(witness::impossible(history, id)),
                }
            }
            LogAction::Whole { records, end } => {
                let records = history.arena.records(*records);
                let ascending = records.windows(2).all(|pair| pair[0].offset < pair[1].offset);
                let within = |record: &Record| record.offset.0 >= start && record.offset < *end;
                if !ascending || !records.first().is_none_or(within) || !records.last().is_none_or(within) {
                    return Err(witness::impossible(history, id));
                }
                self.least_read = self.least_read.min(start);
                (records.first().map_or(end.0, |first| first.offset.0), Some(end.0))
            }
            LogAction::End(end) => (end.0, Some(end.0)),
            LogAction::Length { min, max } => {
                if max.0 < start || max < min {
                    return Err(witness::impossible(history, id));
                }
                (min.0.max(start), Some(min.0.max(start)))
            }
            action => {
                let append = history.arena.appended(action);
                let placed = append.and_then(|append| Some((append.values.len(), append.base?)));
                let Some((count, base)) = placed else { return Ok(()) };
                (base.0, base.0.checked_add(count as i64))
            }
        };
        let empty = match &op.action {
            LogAction::Read { values, .. } => history.arena.values(*values).is_empty(),
            LogAction::ReadSparse { records, .. } => history.arena.records(*records).is_empty(),
            _ => false,
        };
        let end = match end {
            None if empty && settings.reads_past_end => start,
            None if empty => first,
            None => return Err(witness::impossible(history, id)),
            Some(end) => end,
        };
        if first < start {
            return Err(witness::impossible(history, id));
        }
        self.least = self.least.min(first);
        if end > self.lower {
            self.lower = end;
            self.longest = id;
        }
        Ok(())
    }

    /// Lays out the slots.
    pub(super) fn axis(&self, history: &LogHistory, settings: LogSettings) -> Result<Axis, Stop> {
        let affordable = 4 * (history.ops.len() as u64 + history.arena.size()) + 1024;
        let gaps = settings.gaps != Gaps::None;
        let base = if gaps { self.least.min(self.lower) } else { settings.start() };
        let span = self.lower.abs_diff(base);
        if span <= affordable {
            let slots = span + self.unplaced + self.largest_batch;
            let slots = u32::try_from(slots).ok().filter(|slots| *slots < NOWHERE - 1);
            let Some(slots) = slots else { return Err(Stop::unknown("more than 2^32 records in one log")) };
            let head = if settings.gaps == Gaps::Internal { base.min(self.least_read) } else { base };
            let head = head.max(0) as u64;
            return Ok(Axis::Direct { base, slots, gaps, head });
        }
        if !gaps && settings.duplicates {
            return Err(Stop::unknown("offsets this far apart are not covered with duplicates: allow gaps"));
        }
        if !gaps {
            return Err(witness::too_long(history, self.longest, self.lower, self.appended));
        }
        if self.largest_batch > 1 {
            return Err(Stop::unknown("a log with batches and offsets this far apart is not covered"));
        }
        Ok(Axis::Sorted { starts: starts(history) })
    }
}

/// Every offset at which anything begins or ends.
fn starts(history: &LogHistory) -> Vec<i64> {
    let mut starts = vec![0];
    for op in &history.ops {
        match &op.action {
            LogAction::Read { from, values, .. } => {
                let count = history.arena.values(*values).len() as i64;
                starts.extend((0..=count).map(|distance| from.plus(distance).0));
            }
            LogAction::ReadSparse { from, records, .. } => {
                starts.push(from.0);
                let records = history.arena.records(*records).iter();
                starts.extend(records.flat_map(|record| [record.offset.0, record.offset.plus(1).0]));
            }
            LogAction::Whole { records, end } => {
                starts.push(end.0);
                let records = history.arena.records(*records).iter();
                starts.extend(records.flat_map(|record| [record.offset.0, record.offset.plus(1).0]));
            }
            LogAction::End(end) => starts.push(end.0),
            LogAction::Length { min, max } => starts.extend([min.0, max.0]),
            LogAction::AppendOk { offset: Some(offset), .. } => starts.extend([offset.0, offset.plus(1).0]),
            _ => {}
        }
    }
    starts.retain(|start| *start >= 0);
    starts.sort_unstable();
    starts.dedup();
    starts
}
