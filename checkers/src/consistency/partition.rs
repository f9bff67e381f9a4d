//! What happened on one partition, in terms of a log.

use std::sync::Arc;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::Ends;
use crate::ids::{Interval, Moment, Offset, Value};
use crate::linearizability::log::{self, LogAction, LogHistory, ReadMode, ValueId, Values};
use crate::linearizability::{OpId, rule};
use crate::operation::{Acks, Outcome, Record, Send};

/// One partition's history, while it grows.
#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    history: LogHistory,
    ids: HashMap<Value, ValueId, FxBuildHasher>,
    /// By id.
    values: Vec<Value>,
    /// What readers agree on, without a gap from `start` on: whoever reads it again costs no memory. The arena of
    /// the history holds the same values by their ids, and no others.
    run: Vec<Value>,
    start: i64,
    /// Acknowledgements with acks 0 or 1.
    weak: u64,
    strong: u64,
    final_read: bool,
    is_full: bool,
}

impl PartitionLog {
    /// So many operations or records are beyond any history that can be checked as one.
    const SIZE_MAX: usize = 1 << 31;

    /// A send is called. It counts as indeterminate until more is known.
    pub(super) fn append(&mut self, value: Value, at: Moment, process: u32) -> Option<OpId> {
        let value = self.id(value);
        let interval = Interval { call: at, ret: Moment::NEVER };
        self.push(interval, LogAction::AppendInfo { value }, process)
    }

    /// A send ended.
    pub(super) fn complete(&mut self, op: OpId, outcome: Outcome, send: &Send, at: Moment) {
        let Some(op) = self.history.ops.get_mut(op.0 as usize) else { return };
        let LogAction::AppendInfo { value } = op.action else { return };
        match outcome {
            Outcome::Ok if send.acks != Acks::All && rule::applies("weak acknowledgements") => self.weak += 1,
            Outcome::Ok => {
                self.strong += 1;
                op.action = LogAction::AppendOk { value, offset: send.offset };
                op.interval.ret = at;
            }
            Outcome::Fail => {
                op.action = LogAction::AppendFail { value };
                op.interval.ret = at;
            }
            Outcome::Info | Outcome::Invoke => {}
        }
    }

    /// A poll found these from its position on.
    pub(super) fn read(
        &mut self,
        position: Option<Offset>,
        records: &[Record],
        interval: Interval,
        process: u32,
    ) {
        for (nth, part) in records.chunk_by(|one, next| one.offset < next.offset).enumerate() {
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            let asked = position.filter(|at| nth == 0 && *at <= first.offset && rule::applies("position"));
            let from = asked.unwrap_or(first.offset);
            let count = part.len() as u64;
            let is_dense = from == first.offset && last.offset.0.abs_diff(first.offset.0) == count - 1;
            let agreed = if is_dense { self.agreed(first.offset, part) } else { None };
            let action = match agreed {
                Some(values) => LogAction::Read { from, values, mode: ReadMode::AtLeast },
                None => LogAction::ReadSparse { from, records: self.records(part), mode: ReadMode::AtLeast },
            };
            self.push(interval, action, process);
        }
    }

    /// A reader was told where the log ends.
    pub(super) fn end(&mut self, end: Offset, interval: Interval, ends: Ends) {
        let action = match ends {
            Ends::Exact => LogAction::End(end),
            Ends::AtLeast => LogAction::Length { min: end, max: Offset(i64::MAX) },
        };
        self.push(interval, action, LogHistory::NO_PROCESS);
    }

    /// A reader was told that the log ends before its position.
    pub(super) fn refused(&mut self, position: Offset, interval: Interval, process: u32) {
        let max = position.plus(-1);
        self.push(interval, LogAction::Length { min: Offset(0), max }, process);
    }

    /// A final read found this, and nothing else up to the end.
    pub(super) fn whole(
        &mut self,
        mut content: Vec<Record>,
        end: Option<Offset>,
        interval: Interval,
        process: u32,
    ) {
        // Where two values were read at an offset, the polls that did contradict each other already.
        content.sort_by_key(|record| record.offset);
        content.dedup_by_key(|record| record.offset);
        let behind = content.last().map_or(Offset(0), |last| last.offset.plus(1));
        let end = end.map_or(behind, |end| end.max(behind));
        let records = self.records(&content);
        self.push(interval, LogAction::Whole { records, end }, process);
        self.final_read = true;
    }

    /// The log that the ladder is climbed with, and how many acknowledgements do not count. Where the partition is
    /// forfeit none does.
    pub(super) fn finish(mut self, is_forfeit: bool) -> Finished {
        let mut uncounted = self.weak;
        if is_forfeit && rule::applies("forfeit acknowledgements") {
            uncounted += self.strong;
            for op in &mut self.history.ops {
                if let LogAction::AppendOk { value, .. } = op.action {
                    op.action = LogAction::AppendInfo { value };
                    op.interval.ret = Moment::NEVER;
                }
            }
        }
        let values: Arc<[Value]> = self.values.into();
        let name = move |id: ValueId| match values.get(id.0 as usize) {
            Some(value) => format!("value {value}"),
            None => "an unknown value".to_owned(),
        };
        self.history.arena.name_values(name);
        Finished { history: self.history, uncounted, final_read: self.final_read, is_full: self.is_full }
    }

    /// The values of records that all readers agree on, if they do. `records` have successive offsets.
    fn agreed(&mut self, first: Offset, records: &[Record]) -> Option<Values> {
        if self.run.is_empty() {
            self.start = first.0;
        }
        let at = usize::try_from(first.0.checked_sub(self.start)?).ok()?;
        let known = self.run.get(at..)?;
        let common = known.len().min(records.len());
        if !known[..common].iter().eq(records[..common].iter().map(|record| &record.value)) {
            return None;
        }
        if self.run.len() >= Self::SIZE_MAX {
            self.is_full = true;
            return None;
        }
        for record in &records[common..] {
            let id = self.id(record.value);
            self.history.arena.add_values([id]);
            self.run.push(record.value);
        }
        Some(self.history.arena.values_from(at, records.len()))
    }

    fn records(&mut self, records: &[Record]) -> log::Records {
        if self.history.arena.size() >= Self::SIZE_MAX as u64 {
            self.is_full = true;
            return log::Records::default();
        }
        let mut named = Vec::with_capacity(records.len());
        named.extend(
            records.iter().map(|record| log::Record { offset: record.offset, value: self.id(record.value) }),
        );
        self.history.arena.add_records(named)
    }

    fn id(&mut self, value: Value) -> ValueId {
        let next = ValueId(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
        let id = *self.ids.entry(value).or_insert(next);
        if id == next {
            self.values.push(value);
        }
        id
    }

    fn push(&mut self, interval: Interval, action: LogAction, process: u32) -> Option<OpId> {
        if self.history.ops.len() >= Self::SIZE_MAX {
            self.is_full = true;
            return None;
        }
        self.history.processes.push(process);
        Some(self.history.push(interval, action))
    }
}

/// One partition's history at its end.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) history: LogHistory,
    pub(super) uncounted: u64,
    pub(super) final_read: bool,
    pub(super) is_full: bool,
}
