//! The check while the history goes on: it names a violation at the very event that proves it.

mod frontier;
mod table;

use super::history::{Arena, Fate, LogAction, ReadMode, ValueId};
use super::{Gaps, LogSettings, witness};
use crate::ids::Offset;
use crate::linearizability::{OpId, Witness};
use frontier::Frontier;
use table::Table;

/// Follows the calls and returns on one partition, each in constant time but for the records that reads return.
///
/// It says at the first possible event what [`check`](super::check) says of the whole history, but for what
/// only the whole history can tell: holes that nothing can have filled, acknowledged appends of unknown place
/// that nobody ever read, records that a read went over, batches (of which each record is judged for itself),
/// where gaps are legal, exact reads that miss a record whose offset is told later, and, where duplicates are,
/// where an acknowledged append of unknown place lies: a read may have found a copy of it. So a violation here is always one
/// there, and the other way round for histories without these.
#[derive(Debug)]
pub struct LogStream {
    settings: LogSettings,
    /// Events so far.
    clock: u32,
    /// The greatest length that is proved, and by which operation.
    longest: Longest,
    /// The same for the end of the last record that is proved: where gaps are legal, it may be less.
    longest_records: Longest,
    at: Table<ValueId>,
    sent: Table<Sent>,
    open: Table<Open>,
    /// Acknowledged appends of which nobody told the place yet.
    unplaced: u64,
    /// What operations saw since one of those: upper bounds by the time of the call.
    seen: Frontier,
    /// What was proved late of returns in the past: lower bounds by the time of the return.
    proved: Frontier,
}

#[derive(Clone, Copy, Debug)]
struct Longest {
    length: i64,
    by: OpId,
}

impl Longest {
    fn raise(&mut self, length: i64, by: OpId) {
        if length > self.length {
            *self = Self { length, by };
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Open {
    call: u32,
    longest: Longest,
    longest_records: Longest,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    by: OpId,
    call: u32,
    longest: Longest,
    fate: Option<Fate>,
    returned: u32,
    place: Option<i64>,
}

impl LogStream {
    /// Nothing happened yet.
    pub fn new(settings: LogSettings) -> Self {
        let longest = Longest { length: settings.start(), by: OpId(0) };
        Self {
            settings,
            clock: 0,
            longest,
            longest_records: longest,
            at: Table::default(),
            sent: Table::default(),
            open: Table::default(),
            unplaced: 0,
            seen: Frontier::default(),
            proved: Frontier::default(),
        }
    }

    /// An operation is called, and sends these values if it is an append.
    pub fn on_call(&mut self, op: OpId, values: &[ValueId]) {
        self.clock = self.clock.saturating_add(1);
        let open = Open { call: self.clock, longest: self.longest, longest_records: self.longest_records };
        self.open.insert(i64::from(op.0), open);
        for value in values {
            let sent = Sent {
                by: op,
                call: self.clock,
                longest: self.longest,
                fate: None,
                returned: u32::MAX,
                place: None,
            };
            self.sent.insert(i64::from(value.0), sent);
        }
    }

    /// An operation returned, or is given up as indeterminate. `arena` holds what the action names.
    pub fn on_return(&mut self, op: OpId, action: &LogAction, arena: &Arena) -> Option<Witness> {
        self.clock = self.clock.saturating_add(1);
        let open = self.open.remove(i64::from(op.0))?;
        let returning = Returning { op, open, action, arena };
        self.returned(&returning).err()
    }

    fn returned(&mut self, returning: &Returning<'_>) -> Result<(), Witness> {
        let Returning { action, arena, .. } = *returning;
        if let Some(append) = arena.appended(action) {
            for (value, index) in append.values.iter().zip(0..) {
                let offset = append.base.map(|base| base.0.saturating_add(index));
                self.appended(returning, *value, append.fate, offset)?;
            }
            return Ok(());
        }
        match *action {
            LogAction::Read { from, values, mode } => {
                let values = arena.values(values);
                for (value, index) in values.iter().zip(0..) {
                    self.locate(returning, *value, from.0.saturating_add(index))?;
                }
                self.read(
                    returning,
                    from.0,
                    (!values.is_empty()).then(|| from.plus(values.len() as i64).0),
                    mode,
                )
            }
            LogAction::ReadSparse { from, records, mode } => {
                let records = arena.records(records);
                let mut next = from.0;
                for record in records {
                    if record.offset.0 < next || record.offset.0 > next && self.settings.gaps == Gaps::None {
                        return Err(self.alone("skipped record", returning, "is out of order or has gaps"));
                    }
                    self.locate(returning, record.value, record.offset.0)?;
                    next = record.offset.plus(1).0;
                }
                self.read(returning, from.0, records.last().map(|_| next), mode)
            }
            LogAction::Whole { records, end } => {
                let mut next = self.settings.start();
                for record in arena.records(records) {
                    if record.offset.0 < next || record.offset.0 > next && self.settings.gaps == Gaps::None {
                        return Err(self.alone("skipped record", returning, "is out of order or has gaps"));
                    }
                    self.locate(returning, record.value, record.offset.0)?;
                    next = record.offset.plus(1).0;
                }
                if next > end.0 || next < end.0 && self.settings.gaps == Gaps::None {
                    return Err(self.alone("skipped record", returning, "does not go to the end"));
                }
                self.bounded(returning, end.0, i64::MAX, end.0)
            }
            LogAction::End(end) => self.bounded(returning, end.0, i64::MAX, end.0),
            LogAction::Length { min, max } => self.bounded(returning, max.0, i64::MAX, min.0),
            _ => Ok(()),
        }
    }

    fn read(
        &mut self,
        returning: &Returning<'_>,
        from: i64,
        end: Option<i64>,
        mode: ReadMode,
    ) -> Result<(), Witness> {
        let reached = end.unwrap_or(from);
        if from < self.settings.start() {
            return Err(self.alone("impossible offset", returning, "begins before the log does"));
        }
        let nothing = end.is_none() && self.settings.reads_past_end;
        let lower = if nothing { self.settings.start() } else { reached };
        let (upper, record_upper) = match (mode, self.settings.gaps) {
            (ReadMode::Exact, Gaps::None) => (reached, i64::MAX),
            (ReadMode::Exact, Gaps::Internal) => (i64::MAX, reached),
            _ => (i64::MAX, i64::MAX),
        };
        if let Some(end) = end {
            self.longest_records.raise(end, returning.op);
        }
        self.bounded(returning, upper, record_upper, lower)
    }

    /// What an operation that only looks claims of the length.
    fn bounded(
        &mut self,
        returning: &Returning<'_>,
        upper: i64,
        record_upper: i64,
        lower: i64,
    ) -> Result<(), Witness> {
        if upper < self.settings.start() || lower > upper {
            return Err(self.alone("impossible offset", returning, "names an end that no log has"));
        }
        let Open { longest, longest_records, .. } = returning.open;
        if upper < longest.length {
            return Err(self.shorter(returning, longest, upper));
        }
        if record_upper < longest_records.length {
            return Err(self.shorter(returning, longest_records, record_upper));
        }
        self.late(returning, upper)?;
        if lower > self.settings.start() {
            self.longest.raise(lower, returning.op);
        }
        Ok(())
    }

    /// Takes an upper bound into account where acknowledgements bear no offsets: a length that was reached by
    /// then may be proved only later, or was proved since the call.
    fn late(&mut self, returning: &Returning<'_>, upper: i64) -> Result<(), Witness> {
        let call = returning.open.call;
        if let Some((length, by)) = self.proved.before(call).filter(|(length, _)| *length > upper) {
            return Err(self.shorter(returning, Longest { length, by }, upper));
        }
        if self.unplaced > 0 && upper < i64::MAX {
            self.seen.push_latest(upper, call, returning.op);
        }
        Ok(())
    }

    fn appended(
        &mut self,
        returning: &Returning<'_>,
        value: ValueId,
        fate: Fate,
        offset: Option<i64>,
    ) -> Result<(), Witness> {
        let key = i64::from(value.0);
        let Some(sent) = self.sent.get(key) else { return Ok(()) };
        let place = sent.place;
        let sent = Sent { fate: Some(fate), returned: self.clock, ..sent };
        self.sent.insert(key, sent);
        match (fate, offset) {
            (Fate::Failed, _) if place.is_some() => {
                Err(self.alone("aborted read", returning, "failed, but its value was read"))
            }
            (Fate::Failed | Fate::Indeterminate, _) => Ok(()),
            (Fate::Acknowledged, Some(offset)) => {
                self.locate(returning, value, offset)?;
                self.longest_records.raise(offset.saturating_add(1), returning.op);
                self.longest.raise(offset.saturating_add(1), returning.op);
                Ok(())
            }
            (Fate::Acknowledged, None) => {
                match place {
                    Some(place) => {
                        self.longest_records.raise(place.saturating_add(1), returning.op);
                        self.longest.raise(place.saturating_add(1), returning.op);
                    }
                    None => self.unplaced += 1,
                }
                Ok(())
            }
        }
    }

    /// An acknowledgement or a read tells where a value lies.
    fn locate(&mut self, by: &Returning<'_>, value: ValueId, offset: i64) -> Result<(), Witness> {
        match self.at.get(offset) {
            Some(there) if there == value => return Ok(()),
            Some(_) => return Err(self.alone("divergent logs", by, "tells of another record at an offset")),
            None if offset < self.settings.start() || offset == i64::MAX => {
                return Err(self.alone("impossible offset", by, "names offsets that no log has"));
            }
            None => {}
        }
        let key = i64::from(value.0);
        let Some(sent) = self.sent.get(key) else {
            return Err(self.alone("phantom", by, "returned a value that nobody had appended yet"));
        };
        if sent.fate == Some(Fate::Failed) {
            return Err(self.alone("aborted read", by, "returned a value whose append failed"));
        }
        if sent.place.is_some() && !self.settings.duplicates {
            return Err(self.alone("moved or duplicate record", by, "tells of another offset of a record"));
        }
        if offset < sent.longest.length {
            let what = format!(
                "the log ended at {} or beyond before the append of {} was called, whose record lies at offset {}",
                sent.longest.length,
                by.arena.name(value),
                Offset(offset)
            );
            return Err(witness::violation("late append", &[sent.longest.by, sent.by], what));
        }
        self.at.insert(offset, value);
        let place = sent.place.map_or(offset, |place| place.min(offset));
        self.sent.insert(key, Sent { place: Some(place), ..sent });
        if let Some((length, other)) = self.proved.before(sent.call).filter(|(length, _)| *length > offset) {
            let what = format!(
                "an append was acknowledged, and the log ended at {length} or beyond, before the append of {} was called, whose record lies at offset {offset}",
                by.arena.name(value)
            );
            return Err(witness::violation("offsets out of order", &[other, sent.by], what));
        }
        if self.unplaced > 0 {
            self.seen.push_latest(offset, sent.call, sent.by);
        }
        if sent.fate == Some(Fate::Acknowledged) && sent.place.is_none() && by.op != sent.by {
            self.placed_late(by, value, &sent, offset)?;
        }
        Ok(())
    }

    /// An acknowledged append turns out to lie there: by its return, the log was as long.
    fn placed_late(
        &mut self,
        teller: &Returning<'_>,
        value: ValueId,
        sent: &Sent,
        offset: i64,
    ) -> Result<(), Witness> {
        self.unplaced -= 1;
        if self.settings.duplicates {
            // It may have been a copy that was found, and the record itself lie lower.
            return Ok(());
        }
        let length = offset.saturating_add(1);
        if let Some((upper, by)) = self.seen.up_to(offset, sent.returned) {
            let what = format!(
                "the append of {} at offset {offset} had returned before an operation was called that saw the log end at {upper} at most",
                teller.arena.name(value)
            );
            return Err(witness::violation("lost append", &[sent.by, by], what));
        }
        self.proved.push_earliest(length, sent.returned, sent.by);
        self.longest_records.raise(length, sent.by);
        self.longest.raise(length, sent.by);
        Ok(())
    }

    fn shorter(&self, returning: &Returning<'_>, longest: Longest, upper: i64) -> Witness {
        let what = format!(
            "an operation by which the log ended at {} or beyond had returned before {} was called, by which it ended at {upper} at most",
            longest.length,
            witness::name(returning.action, returning.arena)
        );
        let kind = if matches!(returning.action, LogAction::Read { .. } | LogAction::ReadSparse { .. }) {
            "stale read"
        } else {
            "stale end"
        };
        witness::violation(kind, &[longest.by, returning.op], what)
    }

    fn alone(&self, kind: &'static str, returning: &Returning<'_>, what: &str) -> Witness {
        let name = witness::name(returning.action, returning.arena);
        witness::violation(kind, &[returning.op], format!("{name} {what}"))
    }
}

/// An operation at its return.
#[derive(Clone, Copy)]
struct Returning<'a> {
    op: OpId,
    open: Open,
    action: &'a LogAction,
    arena: &'a Arena,
}
