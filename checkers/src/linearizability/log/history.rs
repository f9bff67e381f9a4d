//! What happened on one partition: the operations of a log, and the arena of the values that they name.

use std::fmt;
use std::sync::Arc;

use crate::ids::{Interval, Offset};
use crate::linearizability::{Op, OpId};

/// A record's value, numbered densely from 0 by the caller. Each is appended by one operation at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

/// A record where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Where.
    pub offset: Offset,
    /// What.
    pub value: ValueId,
}

/// Some values of an [`Arena`], one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Values {
    start: u32,
    len: u32,
}

/// Some records of an [`Arena`], one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Records {
    start: u32,
    len: u32,
}

/// How much of the log a read promises to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadMode {
    /// All from its position to the end.
    Exact,
    /// Some of it, without a gap: a bounded fetch, or one from a follower.
    AtLeast,
}

/// One operation on a log, with its result.
///
/// Of one that never returned, only what an append might have done counts. An acknowledgement without a
/// return is taken for an indeterminate append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogAction {
    /// The value was appended; where, if the acknowledgement says so.
    AppendOk {
        /// The record.
        value: ValueId,
        /// Where it lies.
        offset: Option<Offset>,
    },
    /// The value may be appended, at any time after the call.
    AppendInfo {
        /// The record.
        value: ValueId,
    },
    /// The value never was and never will be appended.
    AppendFail {
        /// The record.
        value: ValueId,
    },
    /// Several values were appended, at successive offsets and at once.
    BatchOk {
        /// The records, at least one.
        values: Values,
        /// Where the first lies.
        base: Offset,
    },
    /// Several values were appended, at successive offsets and at once, and the acknowledgement does not say
    /// where.
    BatchUnplaced {
        /// The records, at least one.
        values: Values,
    },
    /// Several values may be appended, all or none, at any time after the call.
    BatchInfo {
        /// The records, at least one.
        values: Values,
    },
    /// None of the values ever was or will be appended.
    BatchFail {
        /// The records.
        values: Values,
    },
    /// The values at successive offsets.
    Read {
        /// The first offset that was asked for.
        from: Offset,
        /// What was found there.
        values: Values,
        /// How much was promised.
        mode: ReadMode,
    },
    /// The values found from an offset on, where some offsets hold none.
    ReadSparse {
        /// The first offset that was asked for.
        from: Offset,
        /// What was found, in ascending order.
        records: Records,
        /// How much was promised.
        mode: ReadMode,
    },
    /// All that the log holds, from its start to its end, when nothing was left to arrive: what a final read
    /// claims. No level of the [`ladder`](super::ladder) excuses it for having looked at the past.
    Whole {
        /// What was found, in ascending order.
        records: Records,
        /// The offset that the next record would get.
        end: Offset,
    },
    /// The offset that the next record will get.
    End(Offset),
    /// Bounds of that offset: a high watermark, say, that may lag.
    Length {
        /// It is at least this.
        min: Offset,
        /// It is at most this; `i64::MAX` for no bound.
        max: Offset,
    },
}

const _: () = assert!(size_of::<Op<LogAction>>() == 32, "ten million operations take 320 MB");

/// The values and records that operations name.
#[derive(Clone, Debug, Default)]
pub struct Arena {
    values: Vec<ValueId>,
    records: Vec<Record>,
    names: Names,
}

/// What values are called.
#[derive(Clone, Default)]
struct Names(Option<Arc<dyn Fn(ValueId) -> String + Send + Sync>>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Names(..)" } else { "Names(numbers)" })
    }
}

impl Arena {
    /// Says what values are called in sentences. Without it, each has its number for a name.
    pub fn name_values(&mut self, name: impl Fn(ValueId) -> String + Send + Sync + 'static) {
        self.names = Names(Some(Arc::new(name)));
    }

    pub(super) fn name(&self, value: ValueId) -> String {
        self.names.0.as_ref().map_or_else(|| value.0.to_string(), |name| name(value))
    }

    /// Adds values for an operation.
    ///
    /// # Panics
    /// If the arena would hold 2^32 values.
    pub fn add_values(&mut self, values: impl IntoIterator<Item = ValueId>) -> Values {
        let start = self.values.len();
        self.values.extend(values);
        let (start, len) = span(start, self.values.len());
        Values { start, len }
    }

    /// Adds records for an operation.
    ///
    /// # Panics
    /// If the arena would hold 2^32 records.
    pub fn add_records(&mut self, records: impl IntoIterator<Item = Record>) -> Records {
        let start = self.records.len();
        self.records.extend(records);
        let (start, len) = span(start, self.records.len());
        Records { start, len }
    }

    /// Values that were added one after another, from the place of the first among all that were added.
    pub fn values_from(&self, start: usize, count: usize) -> Values {
        let (start, len) = span(start, (start + count).min(self.values.len()));
        Values { start, len }
    }

    /// The values; none if they are another arena's.
    pub fn values(&self, values: Values) -> &[ValueId] {
        let start = values.start as usize;
        self.values.get(start..start + values.len as usize).unwrap_or(&[])
    }

    /// The records; none if they are another arena's.
    pub fn records(&self, records: Records) -> &[Record] {
        let start = records.start as usize;
        self.records.get(start..start + records.len as usize).unwrap_or(&[])
    }

    /// How many values and records it holds.
    pub fn size(&self) -> u64 {
        self.values.len() as u64 + self.records.len() as u64
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.values.clear();
        self.records.clear();
    }

    /// What an operation appends, if it is an append.
    pub(super) fn appended<'a>(&'a self, action: &'a LogAction) -> Option<Append<'a>> {
        use std::slice::from_ref;
        let (values, base, fate) = match action {
            LogAction::AppendOk { value, offset } => (from_ref(value), *offset, Fate::Acknowledged),
            LogAction::AppendInfo { value } => (from_ref(value), None, Fate::Indeterminate),
            LogAction::AppendFail { value } => (from_ref(value), None, Fate::Failed),
            LogAction::BatchOk { values, base } => (self.values(*values), Some(*base), Fate::Acknowledged),
            LogAction::BatchUnplaced { values } => (self.values(*values), None, Fate::Acknowledged),
            LogAction::BatchInfo { values } => (self.values(*values), None, Fate::Indeterminate),
            LogAction::BatchFail { values } => (self.values(*values), None, Fate::Failed),
            _ => return None,
        };
        Some(Append { values, base, fate })
    }
}

fn span(start: usize, end: usize) -> (u32, u32) {
    let end = u32::try_from(end).expect("an arena holds fewer than 2^32 values");
    let start = u32::try_from(start).expect("the start is before the end");
    (start, end - start)
}

/// How an append ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    Acknowledged,
    Indeterminate,
    Failed,
}

/// An append of one value or several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Append<'a> {
    pub(super) values: &'a [ValueId],
    pub(super) base: Option<Offset>,
    pub(super) fate: Fate,
}

/// The history of one partition.
#[derive(Clone, Debug, Default)]
pub struct LogHistory {
    /// The operations. The check is fastest if they stand in the order of their calls.
    pub ops: Vec<Op<LogAction>>,
    /// What they name.
    pub arena: Arena,
    /// Whose each operation is, for the levels of [`ladder`](super::ladder) that ask; empty if unknown.
    pub processes: Vec<u32>,
}

impl LogHistory {
    /// Stands in `processes` for an operation that no process' order binds.
    pub const NO_PROCESS: u32 = u32::MAX;

    /// Adds an operation.
    ///
    /// # Panics
    /// If there are 2^32 - 1 operations already.
    pub fn push(&mut self, interval: Interval, action: LogAction) -> OpId {
        let place = u32::try_from(self.ops.len()).ok().filter(|place| *place != u32::MAX);
        let id = OpId(place.expect("a history has fewer than 2^32 - 1 operations"));
        self.ops.push(Op { interval, action });
        id
    }

    /// Adds a read of successive offsets.
    pub fn push_read(
        &mut self,
        interval: Interval,
        from: Offset,
        values: impl IntoIterator<Item = ValueId>,
        mode: ReadMode,
    ) -> OpId {
        let values = self.arena.add_values(values);
        self.push(interval, LogAction::Read { from, values, mode })
    }

    /// Adds a read where some offsets may hold nothing.
    pub fn push_sparse_read(
        &mut self,
        interval: Interval,
        from: Offset,
        records: impl IntoIterator<Item = Record>,
        mode: ReadMode,
    ) -> OpId {
        let records = self.arena.add_records(records);
        self.push(interval, LogAction::ReadSparse { from, records, mode })
    }

    /// Adds a read of all that the log holds, up to its end.
    pub fn push_whole(
        &mut self,
        interval: Interval,
        records: impl IntoIterator<Item = Record>,
        end: Offset,
    ) -> OpId {
        let records = self.arena.add_records(records);
        self.push(interval, LogAction::Whole { records, end })
    }

    /// When an operation returned; never for an indeterminate one, whatever its interval says.
    pub(super) fn returned(&self, op: &Op<LogAction>) -> u32 {
        match op.action {
            LogAction::AppendInfo { .. } | LogAction::BatchInfo { .. } => u32::MAX,
            _ => op.interval.ret.0,
        }
    }
}
