//! What one operation proves of the log's length.

use super::Gaps;
use super::evidence::{Evidence, NOWHERE};
use super::history::{Fate, LogAction, ReadMode};
use super::witness::{self, Stop};
use crate::linearizability::rule;
use crate::linearizability::{Op, OpId};

/// Bounds of the length, in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// U: no slot from here on was filled at the call. [`NOWHERE`] for none.
    pub(super) upper: u32,
    /// No slot from here on held a record at the call, even if it was passed over.
    pub(super) record_upper: u32,
    /// W: all slots before this one were filled at the return.
    pub(super) lower: u32,
    /// Whether it is an append.
    pub(super) append: bool,
    /// Whether it binds at every level: an append, or what claims to have seen the whole log.
    pub(super) firm: bool,
}

impl Evidence<'_> {
    /// The bounds of an operation, unless it proves nothing or is an append whose place nobody tells.
    pub(super) fn bounds(&self, op: &Op<LogAction>) -> Option<Bounds> {
        match &op.action {
            LogAction::AppendOk { value, offset } => {
                let place = self.place[value.0 as usize];
                let known = match offset {
                    Some(offset) if op.interval.ret.is_some() => self.axis.slot(offset.0),
                    _ => place,
                };
                let proved = if op.interval.ret.is_some() { known.saturating_add(1) } else { 0 };
                (place != NOWHERE).then(|| Bounds::of_append(place, proved))
            }
            LogAction::AppendInfo { value } => {
                let place = self.place[value.0 as usize];
                (place != NOWHERE).then(|| Bounds::of_append(place, 0))
            }
            LogAction::AppendFail { .. } | LogAction::BatchFail { .. } => None,
            LogAction::BatchOk { .. } | LogAction::BatchUnplaced { .. } | LogAction::BatchInfo { .. } => {
                let append = self.history.arena.appended(&op.action)?;
                let place = self.place[append.values.first()?.0 as usize];
                let returned = op.interval.ret.is_some() && append.fate == Fate::Acknowledged;
                let proved = if returned { place.saturating_add(append.values.len() as u32) } else { 0 };
                (place != NOWHERE).then(|| Bounds::of_append(place, proved))
            }
            _ if !op.interval.ret.is_some() => None,
            action => Some(self.whole_blocks(self.observed(action))),
        }
    }

    fn observed(&self, action: &LogAction) -> Bounds {
        let arena = &self.history.arena;
        match action {
            LogAction::Read { from, values, mode } => {
                let count = arena.values(*values).len();
                self.read_bounds(from.0, (count > 0).then(|| from.plus(count as i64).0), *mode)
            }
            LogAction::ReadSparse { from, records, mode } => {
                let last = arena.records(*records).last();
                self.read_bounds(from.0, last.map(|record| record.offset.plus(1).0), *mode)
            }
            LogAction::End(end) => {
                let end = self.axis.slot(end.0);
                Bounds::of_observation(end, end)
            }
            LogAction::Whole { end, .. } => {
                let end = self.axis.slot(end.0);
                Bounds { firm: rule::applies("whole is firm"), ..Bounds::of_observation(end, end) }
            }
            LogAction::Length { min, max } => {
                let upper = if max.0 == i64::MAX { NOWHERE } else { self.axis.slot(max.0) };
                Bounds::of_observation(upper, self.axis.slot(min.0))
            }
            _ => Bounds::of_observation(NOWHERE, 0),
        }
    }

    /// A read from an offset, and behind the last record that it found.
    fn read_bounds(&self, from: i64, end: Option<i64>, mode: ReadMode) -> Bounds {
        let reached = end.unwrap_or(from);
        let proved =
            if end.is_none() && self.settings.reads_past_end { self.settings.start() } else { reached };
        let mut bounds = Bounds::of_observation(NOWHERE, self.axis.slot(proved));
        if mode == ReadMode::Exact && rule::applies("exact read") {
            match self.settings.gaps {
                Gaps::None => bounds.upper = self.axis.slot(reached),
                Gaps::Internal => bounds.record_upper = self.axis.slot(reached),
                Gaps::Removed => {}
            }
        }
        bounds
    }

    /// A batch is there as a whole or not at all, so that a length within one means its end or its start.
    fn whole_blocks(&self, mut bounds: Bounds) -> Bounds {
        if self.index.is_empty() || !rule::applies("whole blocks") {
            return bounds;
        }
        if let Some((_, end)) = self.block(bounds.lower) {
            bounds.lower = end;
        }
        if let Some((start, _)) = self.block(bounds.upper) {
            bounds.upper = start;
        }
        if let Some((start, _)) = self.block(bounds.record_upper) {
            bounds.record_upper = start;
        }
        bounds
    }

    /// A violation if what an operation saw can be at no time, whatever the others did.
    pub(super) fn plausible(&self, id: OpId, bounds: Bounds) -> Result<(), Stop> {
        let torn = bounds.lower > bounds.upper || bounds.lower > bounds.record_upper && self.splits(bounds);
        if !bounds.append && torn && rule::applies("torn") {
            return Err(witness::torn_read(self, id, bounds));
        }
        Ok(())
    }

    /// Whether a record is within what was both seen and not seen.
    fn splits(&self, bounds: Bounds) -> bool {
        (bounds.record_upper..bounds.lower).any(|slot| self.is_record(slot))
    }
}

impl Bounds {
    fn of_append(place: u32, lower: u32) -> Self {
        let upper = if rule::applies("append upper") { place } else { NOWHERE };
        let lower = if rule::applies("append lower") { lower } else { 0 };
        Self { upper, record_upper: NOWHERE, lower, append: true, firm: true }
    }

    fn of_observation(upper: u32, lower: u32) -> Self {
        let upper = if rule::applies("observed upper") { upper } else { NOWHERE };
        let lower = if rule::applies("observed lower") { lower } else { 0 };
        Self { upper, record_upper: NOWHERE, lower, append: false, firm: false }
    }
}
