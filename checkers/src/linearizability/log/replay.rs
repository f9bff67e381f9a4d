//! The plain sequential log: holds certificates, and every answer in the tests, against what a log does.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Append, Arena, Fate, LogAction, LogHistory, ReadMode, Record, ValueId};
use super::{Gaps, LogSettings};
use crate::ids::Offset;
use crate::linearizability::model::Model;
use crate::linearizability::{Certificate, OpId};

/// A log without gaps, as an object for the general search.
#[derive(Clone, Copy, Debug)]
pub struct LogModel<'h> {
    arena: &'h Arena,
    settings: LogSettings,
}

impl<'h> LogModel<'h> {
    /// The log whose actions name what is in this arena. Of the settings, those on gaps and duplicates do
    /// not count.
    pub fn new(arena: &'h Arena, settings: LogSettings) -> Self {
        Self { arena, settings: LogSettings { gaps: Gaps::None, ..settings } }
    }
}

impl Model for LogModel<'_> {
    type State = Vec<ValueId>;
    type Action = LogAction;

    fn initial(&self) -> Vec<ValueId> {
        Vec::new()
    }

    fn step(&self, state: &Vec<ValueId>, action: &LogAction, next: &mut Vec<Vec<ValueId>>) {
        let start = self.settings.start();
        let end = start.saturating_add(state.len() as i64);
        let from_on =
            |from: Offset| usize::try_from(from.0.saturating_sub(start)).ok().and_then(|at| state.get(at..));
        let legal = match action {
            LogAction::Read { from, values, mode } => {
                let values = self.arena.values(*values);
                let past_end = self.settings.reads_past_end && values.is_empty() && from.0 >= end;
                past_end || from_on(*from).is_some_and(|rest| found(rest, values, *mode))
            }
            LogAction::ReadSparse { from, records, mode } => {
                let records = self.arena.records(*records);
                let contiguous = records.iter().zip(from.0..).all(|(record, at)| record.offset.0 == at);
                let values: Vec<_> = records.iter().map(|record| record.value).collect();
                let past_end = self.settings.reads_past_end && values.is_empty() && from.0 >= end;
                past_end || contiguous && from_on(*from).is_some_and(|rest| found(rest, &values, *mode))
            }
            LogAction::Whole { records, end: at } => {
                let records = self.arena.records(*records);
                let contiguous = records.iter().zip(start..).all(|(record, at)| record.offset.0 == at);
                contiguous
                    && at.0 == end
                    && records.iter().map(|record| record.value).eq(state.iter().copied())
            }
            LogAction::End(offset) => offset.0 == end,
            LogAction::Length { min, max } => min.0 <= end && end <= max.0,
            action => {
                let Some(append) = self.arena.appended(action) else { return };
                if append.fate != Fate::Failed && append.base.is_none_or(|base| base.0 == end) {
                    let mut longer = Vec::with_capacity(state.len() + append.values.len());
                    longer.extend_from_slice(state);
                    longer.extend_from_slice(append.values);
                    next.push(longer);
                }
                return;
            }
        };
        if legal {
            next.push(state.clone());
        }
    }

    fn is_pure(&self, action: &LogAction) -> bool {
        self.arena.appended(action).is_none()
    }
}

fn found(rest: &[ValueId], values: &[ValueId], mode: ReadMode) -> bool {
    match mode {
        ReadMode::Exact => rest == values,
        ReadMode::AtLeast => rest.starts_with(values),
    }
}

/// Does the operations one by one in the order of the certificate, and each between its call and its return.
///
/// With duplicates, an append stands in the order once for each copy.
///
/// # Errors
/// Says which operation cannot be done in that order.
pub fn replay(history: &LogHistory, settings: LogSettings, certificate: &Certificate) -> Result<(), String> {
    let mut done = vec![0_u32; history.ops.len()];
    let mut log = Replayed::new(history, settings);
    let mut latest_call = 0;
    for id in &certificate.order {
        let Some(op) = history.ops.get(id.0 as usize) else {
            return Err(format!("#{} is no operation of the history", id.0));
        };
        latest_call = op.interval.call.0.max(latest_call);
        let times = &mut done[id.0 as usize];
        *times += 1;
        if *times > 1 && !settings.duplicates {
            return Err(format!("#{} happens twice", id.0));
        }
        let (fits, copy) = log.apply(*id, *times);
        if !fits {
            return Err(format!("#{} cannot happen where it stands in the order", id.0));
        }
        if latest_call > history.returned(op) && !copy {
            return Err(format!("#{} happens after it returned", id.0));
        }
    }
    for (place, op) in history.ops.iter().enumerate() {
        let failed = history.arena.appended(&op.action).is_some_and(|append| append.fate == Fate::Failed);
        if done[place] == 0 && history.returned(op) != u32::MAX && !failed {
            return Err(format!("#{place} returned, but is not in the order"));
        }
    }
    Ok(())
}

/// How long the log is after each operation of a certificate, by the offset of the next record.
pub fn lengths(history: &LogHistory, settings: LogSettings, certificate: &Certificate) -> Vec<Offset> {
    let mut times = vec![0_u32; history.ops.len()];
    let mut log = Replayed::new(history, settings);
    let length = |id: &OpId| {
        times[id.0 as usize] += 1;
        log.apply(*id, times[id.0 as usize]);
        Offset(log.end)
    };
    certificate.order.iter().map(length).collect()
}

/// The log while it grows.
struct Replayed<'h> {
    history: &'h LogHistory,
    settings: LogSettings,
    records: Vec<Record>,
    /// The next offset, at the least.
    end: i64,
    /// Where gaps are legal: all that is told of where a value lies.
    places: BTreeMap<ValueId, BTreeSet<i64>>,
    /// Where gaps are legal: the offsets over which reads went, from the key up to the value.
    skipped: BTreeMap<i64, i64>,
}

impl<'h> Replayed<'h> {
    fn new(history: &'h LogHistory, settings: LogSettings) -> Self {
        let mut log = Self {
            history,
            settings,
            records: Vec::new(),
            end: settings.start(),
            places: BTreeMap::new(),
            skipped: BTreeMap::new(),
        };
        if settings.gaps != Gaps::None {
            let returned = history.ops.iter().filter(|op| history.returned(op) != u32::MAX);
            returned.for_each(|op| log.learn(&op.action));
        }
        log
    }

    fn learn(&mut self, action: &LogAction) {
        let (from, records) = self.found(action);
        let mut next = from;
        for record in records {
            if record.offset.0 > next && self.settings.gaps == Gaps::Internal {
                let to = self.skipped.entry(next).or_insert(record.offset.0);
                *to = record.offset.0.max(*to);
            }
            next = record.offset.plus(1).0;
            self.place(record);
        }
        if let LogAction::Whole { end, .. } = action
            && self.settings.gaps == Gaps::Internal
        {
            let to = self.skipped.entry(next).or_insert(end.0);
            *to = end.0.max(*to);
        }
        let append = self.history.arena.appended(action);
        if let Some((append, base)) = append.and_then(|append| Some((append, append.base?))) {
            for (value, place) in append.values.iter().zip(0..) {
                self.place(Record { offset: base.plus(place), value: *value });
            }
        }
    }

    fn place(&mut self, record: Record) {
        self.places.entry(record.value).or_default().insert(record.offset.0);
    }

    /// From where a read read, and what it found.
    fn found(&self, action: &LogAction) -> (i64, Vec<Record>) {
        let arena = &self.history.arena;
        match action {
            LogAction::Read { from, values, .. } => {
                let values = arena.values(*values).iter().zip(0..);
                let record =
                    |(value, place): (&ValueId, i64)| Record { offset: from.plus(place), value: *value };
                (from.0, values.map(record).collect())
            }
            LogAction::ReadSparse { from, records, .. } => (from.0, arena.records(*records).to_vec()),
            LogAction::Whole { records, .. } => (self.settings.start(), arena.records(*records).to_vec()),
            _ => (0, Vec::new()),
        }
    }

    /// Whether it can happen, and whether it is a further copy, which is bound by no return.
    fn apply(&mut self, id: OpId, times: u32) -> (bool, bool) {
        let history = self.history;
        match &history.ops[id.0 as usize].action {
            LogAction::Read { from, values, mode } if self.settings.gaps == Gaps::None => {
                let start = usize::try_from(from.0.saturating_sub(self.settings.start()));
                let rest = start.ok().and_then(|start| self.records.get(start..));
                let values = history.arena.values(*values);
                let Some(rest) = rest else {
                    return (self.settings.reads_past_end && values.is_empty(), false);
                };
                let whole = *mode == ReadMode::AtLeast || rest.len() == values.len();
                let same = rest.len() >= values.len() && values.iter().zip(rest).all(|(a, b)| *a == b.value);
                (whole && same, false)
            }
            action @ (LogAction::Read { mode, .. } | LogAction::ReadSparse { mode, .. }) => {
                let (from, found) = self.found(action);
                (self.read(from, &found, *mode), false)
            }
            action @ LogAction::Whole { end, .. } => {
                let (from, found) = self.found(action);
                (self.read(from, &found, ReadMode::Exact) && self.reaches(end.0) && self.end == end.0, false)
            }
            LogAction::End(end) => (self.reaches(end.0) && self.end == end.0, false),
            LogAction::Length { min, max } => (self.reaches(min.0) && self.end <= max.0, false),
            action => {
                let append = history.arena.appended(action);
                append.map_or((false, false), |append| self.append(&append, times))
            }
        }
    }

    /// Whether the log reaches up to an offset: with gaps it can always be made to.
    fn reaches(&mut self, offset: i64) -> bool {
        if self.settings.gaps != Gaps::None {
            self.end = self.end.max(offset);
        }
        self.end >= offset
    }

    fn read(&mut self, from: i64, found: &[Record], mode: ReadMode) -> bool {
        let at = self.records.partition_point(|record| record.offset.0 < from);
        let rest = &self.records[at..];
        let same = match self.settings.gaps {
            Gaps::Removed => found.iter().all(|record| rest.contains(record)),
            _ => rest.starts_with(found),
        };
        let nothing_more =
            mode == ReadMode::AtLeast || self.settings.gaps == Gaps::Removed || rest.len() == found.len();
        let exact_end = mode == ReadMode::Exact && found.is_empty() && self.settings.gaps == Gaps::None;
        let reached = match found.last() {
            Some(last) => self.reaches(last.offset.plus(1).0),
            None if self.settings.reads_past_end => true,
            None => self.reaches(from) && (!exact_end || self.end == from),
        };
        from >= self.settings.start() && same && nothing_more && reached
    }

    fn append(&mut self, append: &Append<'_>, times: u32) -> (bool, bool) {
        if append.fate == Fate::Failed {
            return (false, false);
        }
        let told = |(value, index): (&ValueId, i64)| {
            let places = self.places.get(value)?;
            places.iter().nth(times as usize - 1).map(|place| place - index)
        };
        let base = match append.base {
            _ if self.settings.gaps == Gaps::None => self.end,
            Some(base) if times == 1 && !self.settings.duplicates => base.0,
            _ => append.values.iter().zip(0..).find_map(told).unwrap_or_else(|| self.free()),
        };
        let acknowledged = append.base.map_or(times == 1, |offset| offset.0 == base);
        let may_be = acknowledged || self.settings.duplicates;
        if base < self.end || !may_be {
            return (false, false);
        }
        let records = append.values.iter().zip(0..);
        self.records
            .extend(records.map(|(value, at)| Record { offset: Offset(base).plus(at), value: *value }));
        self.end = base.saturating_add(append.values.len() as i64);
        (true, !acknowledged)
    }

    /// The least offset that is free, and that no read found empty.
    fn free(&self) -> i64 {
        let mut free = self.end;
        for (from, to) in &self.skipped {
            if *from <= free && free < *to {
                free = *to;
            }
        }
        free
    }
}
