//! Histories of a log that worked, as overlapping clients see it: any size, the same for the same seed.

use highwater_checkers::ids::{Interval, Moment, Offset};
use highwater_checkers::linearizability::log::{LogAction, LogHistory, ReadMode, ValueId};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogShape {
    /// How many operations.
    pub(crate) ops: u32,
    /// How many of them are outstanding at a time.
    pub(crate) clients: u32,
    /// In permille of appends; half of them take effect.
    pub(crate) indeterminate: u32,
    /// Whether one end is told that was outdated already.
    pub(crate) stale_end: bool,
    /// What it depends on beside that.
    pub(crate) seed: u64,
}

impl LogShape {
    /// What is measured: up to a million operations, and ten million if `HIGHWATER_LONG` is set.
    pub(crate) fn measured() -> Vec<Self> {
        let mut sizes = vec![(10_000, 10), (10_000, 50), (100_000, 10), (1_000_000, 10)];
        if std::env::var_os("HIGHWATER_LONG").is_some() {
            sizes.push((10_000_000, 10));
        }
        let shape = |(ops, clients), stale_end| Self { ops, clients, indeterminate: 20, stale_end, seed: 1 };
        sizes.into_iter().flat_map(|size| [shape(size, false), shape(size, true)]).collect()
    }
}

/// What a client is at.
#[derive(Clone, Copy)]
enum Lane {
    Idle,
    Called(u32),
    Done(u32),
}

/// Half appends, a quarter ends, a quarter reads of up to 8 of the last 64 records.
pub(crate) fn history(shape: &LogShape) -> LogHistory {
    let mut dice = ChaCha8Rng::seed_from_u64(shape.seed);
    let mut history = LogHistory::default();
    history.ops.reserve(shape.ops as usize);
    history.processes.reserve(shape.ops as usize);
    let mut lanes = vec![Lane::Idle; shape.clients as usize];
    let mut processes: Vec<u32> = (0..shape.clients).collect();
    let mut log: Vec<ValueId> = Vec::new();
    let (mut values, mut clock, mut returned) = (0, 0, 0);
    while returned < shape.ops {
        let lane = dice.random_range(0..lanes.len());
        match lanes[lane] {
            Lane::Idle if history.ops.len() < shape.ops as usize => {
                let roll = dice.random_range(0..4);
                let action = if roll < 2 {
                    values += 1;
                    LogAction::AppendInfo { value: ValueId(values - 1) }
                } else if roll == 2 {
                    LogAction::End(Offset(0))
                } else {
                    LogAction::Length { min: Offset(0), max: Offset(0) }
                };
                history.processes.push(processes[lane]);
                let id = history.push(Interval { call: Moment(clock), ret: Moment::NEVER }, action);
                clock += 1;
                lanes[lane] = Lane::Called(id.0);
            }
            Lane::Idle => {}
            Lane::Called(id) => {
                happen(&mut history, &mut log, &mut dice, shape, id);
                lanes[lane] = Lane::Done(id);
            }
            Lane::Done(id) => {
                let op = &mut history.ops[id as usize];
                if matches!(op.action, LogAction::AppendInfo { .. }) {
                    processes[lane] += shape.clients;
                } else {
                    op.interval.ret = Moment(clock);
                    clock += 1;
                }
                lanes[lane] = Lane::Idle;
                returned += 1;
            }
        }
    }
    // What was lost in the end is known in no history; a read of all tells of every record.
    history.push_read(
        Interval { call: Moment(clock), ret: Moment(clock + 1) },
        Offset(0),
        log.iter().copied(),
        ReadMode::Exact,
    );
    history.processes.push(processes[0]);
    if shape.stale_end {
        plant(&mut history);
    }
    history
}

/// An operation takes effect.
fn happen(
    history: &mut LogHistory,
    log: &mut Vec<ValueId>,
    dice: &mut ChaCha8Rng,
    shape: &LogShape,
    id: u32,
) {
    let end = log.len() as i64;
    let action = &mut history.ops[id as usize].action;
    match *action {
        LogAction::AppendInfo { value } => {
            if dice.random_range(0..1_000) >= shape.indeterminate {
                *action = LogAction::AppendOk { value, offset: Some(Offset(end)) };
                log.push(value);
            } else if dice.random_bool(0.5) {
                log.push(value);
            }
        }
        LogAction::End(_) => *action = LogAction::End(Offset(end)),
        _ => {
            let from = end - dice.random_range(0..=end.min(64));
            let found = &log[from as usize..];
            let (count, mode) =
                if found.len() > 8 { (8, ReadMode::AtLeast) } else { (found.len(), ReadMode::Exact) };
            let values = found[..count].iter().copied();
            *action = LogAction::Read { from: Offset(from), values: history.arena.add_values(values), mode };
        }
    }
}

/// Sets one end, three quarters on, back to what an operation long before it had outgrown.
fn plant(history: &mut LogHistory) {
    let start = history.ops.len() * 3 / 4;
    let ends = history.ops[start..].iter_mut().filter_map(|op| match &mut op.action {
        LogAction::End(end) => Some(end),
        _ => None,
    });
    if let Some(end) = ends.into_iter().next() {
        end.0 -= 100.min(end.0);
    }
}
