//! What brute force says of a small history, for every kind of log and every level of consistency.

use std::collections::BTreeSet;

use crate::ids::{Moment, Offset};
use crate::linearizability::log::history::Fate;
use crate::linearizability::log::{
    Arena, Gaps, Level, LogAction, LogHistory, LogModel, LogSettings, ReadMode, Record, ValueId,
};
use crate::linearizability::model::Model;
use crate::linearizability::{Op, brute};

/// Whether the history is linearizable.
pub(super) fn linearizable(history: &LogHistory, settings: LogSettings) -> bool {
    let ops = attempts(history);
    if settings.duplicates {
        let model = LogModel::new(&history.arena, settings);
        return copied(&model, history, &ops, 0, &model.initial(), &mut BTreeSet::new());
    }
    if settings.gaps == Gaps::None {
        brute::linearizable(&LogModel::new(&history.arena, settings), &ops)
    } else {
        brute::linearizable(&SparseModel { arena: &history.arena, settings, limit: limit(history) }, &ops)
    }
}

/// Whether some order is possible where each append may leave further copies of its value, after its call.
fn copied(
    model: &LogModel<'_>,
    history: &LogHistory,
    ops: &[Op<LogAction>],
    done: u32,
    state: &Vec<ValueId>,
    failed: &mut BTreeSet<(u32, Vec<ValueId>)>,
) -> bool {
    let open = |op: &usize| done & 1 << op == 0;
    let deadline = (0..ops.len()).filter(open).map(|op| ops[op].interval.ret).min();
    let Some(deadline) = deadline.filter(|ret| ret.is_some()) else { return true };
    if !failed.insert((done, state.clone())) {
        return false;
    }
    let called = |op: &usize| ops[*op].interval.call < deadline;
    let mut next = Vec::new();
    for op in (0..ops.len()).filter(open).filter(called) {
        next.clear();
        model.step(state, &ops[op].action, &mut next);
        if next.iter().any(|state| copied(model, history, ops, done | 1 << op, state, failed)) {
            return true;
        }
    }
    let room = (state.len() as i64) < limit(history) - history.ops.len() as i64;
    (0..ops.len()).filter(called).filter(|_| room).any(|op| {
        let append = history.arena.appended(&ops[op].action).filter(|append| append.fate != Fate::Failed);
        append.is_some_and(|append| {
            let mut longer = state.clone();
            longer.push(append.values[0]);
            copied(model, history, ops, done, &longer, failed)
        })
    })
}

/// Whether the history satisfies a level of consistency.
pub(super) fn satisfies(history: &LogHistory, settings: LogSettings, level: Level) -> bool {
    let ops = attempts(history);
    let append = |op: usize| history.arena.appended(&ops[op].action).is_some();
    let before = |a: usize, b: usize| ops[a].interval.precedes(ops[b].interval);
    let process = |op: usize| history.processes.get(op);
    let session = |a: usize, b: usize| process(a).is_some() && process(a) == process(b) && before(a, b);
    let whole = |op: usize| matches!(ops[op].action, LogAction::Whole { .. });
    let precedes = |a: usize, b: usize| match level {
        Level::Diverged => false,
        _ if whole(b) => before(a, b),
        Level::Linearizable => before(a, b),
        Level::LinearizableWrites => {
            if append(b) {
                before(a, b)
            } else {
                session(a, b)
            }
        }
        Level::Sequential => session(a, b),
        Level::ConsistentPrefix => false,
    };
    let masks: Vec<u32> =
        (0..ops.len()).map(|b| (0..ops.len()).filter(|a| precedes(*a, b)).map(|a| 1 << a).sum()).collect();
    if settings.gaps == Gaps::None {
        let model = LogModel::new(&history.arena, settings);
        extends(&model, &ops, &masks, 0, &model.initial(), &mut BTreeSet::new())
    } else {
        let model = SparseModel { arena: &history.arena, settings, limit: limit(history) };
        extends(&model, &ops, &masks, 0, &model.initial(), &mut BTreeSet::new())
    }
}

/// Whether the operations can be put in an order that extends a partial one.
fn extends<M: Model<Action = LogAction>>(
    model: &M,
    ops: &[Op<LogAction>],
    precede: &[u32],
    done: u32,
    state: &M::State,
    failed: &mut BTreeSet<(u32, M::State)>,
) -> bool
where
    M::State: Ord,
{
    if (0..ops.len()).all(|op| done & 1 << op != 0 || !ops[op].interval.ret.is_some()) {
        return true;
    }
    if !failed.insert((done, state.clone())) {
        return false;
    }
    let mut next = Vec::new();
    for op in (0..ops.len()).filter(|op| done & 1 << op == 0 && precede[*op] & !done == 0) {
        next.clear();
        model.step(state, &ops[op].action, &mut next);
        if next.iter().any(|state| extends(model, ops, precede, done | 1 << op, state, failed)) {
            return true;
        }
    }
    false
}

/// The operations that brute force is to put in order: failed appends never happen.
fn attempts(history: &LogHistory) -> Vec<Op<LogAction>> {
    let mut ops = history.ops.clone();
    for op in &mut ops {
        let failed = history.arena.appended(&op.action).is_some_and(|append| append.fate == Fate::Failed);
        if failed {
            op.interval.ret = Moment::NEVER;
        }
    }
    ops
}

/// An offset that nothing in the history reaches.
fn limit(history: &LogHistory) -> i64 {
    let told = history.ops.iter().map(|op| match op.action {
        LogAction::Read { from, values, .. } => from.0 + history.arena.values(values).len() as i64,
        LogAction::ReadSparse { from, records, .. } => {
            history.arena.records(records).last().map_or(from, |last| last.offset).0
        }
        LogAction::Whole { end, .. } | LogAction::End(end) => end.0,
        LogAction::Length { min, .. } => min.0,
        LogAction::AppendOk { offset, .. } => offset.unwrap_or_default().0,
        _ => 0,
    });
    told.max().unwrap_or(0) + history.ops.len() as i64 + 1
}

/// A log where gaps are legal. A gap opens with the operation that needs it.
struct SparseModel<'h> {
    arena: &'h Arena,
    settings: LogSettings,
    limit: i64,
}

impl Model for SparseModel<'_> {
    /// The next offset at the least, and the records that were ever appended.
    type State = (i64, Vec<(i64, u32)>);
    type Action = LogAction;

    fn initial(&self) -> Self::State {
        (0, Vec::new())
    }

    fn step(&self, state: &Self::State, action: &LogAction, next: &mut Vec<Self::State>) {
        let (end, records) = state;
        let reach = |least: i64, most: i64| {
            let reached = (*end).max(least);
            (reached <= most).then(|| (reached, records.clone()))
        };
        match action {
            LogAction::Read { from, values, mode } => {
                let found: Vec<_> = self.arena.values(*values).iter().copied().zip(from.0..).collect();
                let found = found.into_iter().map(|(value, at)| Record { offset: Offset(at), value });
                next.extend(self.read(state, *from, &found.collect::<Vec<_>>(), *mode));
            }
            LogAction::ReadSparse { from, records, mode } => {
                next.extend(self.read(state, *from, self.arena.records(*records), *mode));
            }
            LogAction::Whole { records: found, end } => {
                let mode = ReadMode::Exact;
                let read = self.read(state, Offset(0), self.arena.records(*found), mode);
                let last = self.arena.records(*found).last().map_or(0, |last| last.offset.0 + 1);
                next.extend(read.and_then(|_| reach(end.0, end.0)).filter(|_| last <= end.0));
            }
            LogAction::End(offset) if offset.0 >= 0 => next.extend(reach(offset.0, offset.0)),
            LogAction::Length { min, max } => next.extend(reach(min.0, max.0)),
            action => {
                let Some(append) = self.arena.appended(action) else { return };
                if append.fate == Fate::Failed {
                    return;
                }
                let bases = match append.base {
                    Some(base) => base.0..base.0 + 1,
                    None => *end..self.limit,
                };
                for base in bases.filter(|base| base >= end) {
                    let mut longer = records.clone();
                    longer.extend((base..).zip(append.values.iter().map(|value| value.0)));
                    next.push((base + append.values.len() as i64, longer));
                }
            }
        }
    }
}

impl SparseModel<'_> {
    fn read(
        &self,
        (end, records): &(i64, Vec<(i64, u32)>),
        from: Offset,
        found: &[Record],
        mode: ReadMode,
    ) -> Option<(i64, Vec<(i64, u32)>)> {
        let found: Vec<_> = found.iter().map(|record| (record.offset.0, record.value.0)).collect();
        let rest: Vec<_> = records.iter().filter(|record| record.0 >= from.0).copied().collect();
        let same = match (self.settings.gaps, mode) {
            (Gaps::Removed, _) => {
                found.iter().all(|record| rest.contains(record)) && found.is_sorted_by(|a, b| a.0 < b.0)
            }
            (_, ReadMode::Exact) => rest == found,
            (_, ReadMode::AtLeast) => rest.starts_with(&found),
        };
        let reached = match found.last() {
            Some(last) => last.0 + 1,
            None if self.settings.reads_past_end => 0,
            None => from.0,
        };
        (same && from.0 >= 0).then(|| ((*end).max(reached), records.clone()))
    }
}
