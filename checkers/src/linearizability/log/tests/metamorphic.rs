//! Changes of a history that cannot change the answer.

use super::generator::{self, PROFILES, show};
use crate::ids::{Moment, Offset};
use crate::linearizability::Answer;
use crate::linearizability::log::{Gaps, LogAction, LogHistory, LogSettings, Record, ValueId, check};
use crate::random::histories;

/// The same history with every value, offset and moment changed.
fn map(
    history: &LogHistory,
    value: impl Fn(ValueId) -> ValueId,
    offset: impl Fn(Offset) -> Offset,
    moment: impl Fn(Moment) -> Moment,
) -> LogHistory {
    let mut mapped = LogHistory { processes: history.processes.clone(), ..LogHistory::default() };
    let arena = &history.arena;
    for op in &history.ops {
        let mut values = |of| mapped.arena.add_values(arena.values(of).iter().map(|old| value(*old)));
        let action = match op.action {
            LogAction::AppendOk { value: old, offset: at } => {
                LogAction::AppendOk { value: value(old), offset: at.map(&offset) }
            }
            LogAction::AppendInfo { value: old } => LogAction::AppendInfo { value: value(old) },
            LogAction::AppendFail { value: old } => LogAction::AppendFail { value: value(old) },
            LogAction::BatchOk { values: old, base } => {
                LogAction::BatchOk { values: values(old), base: offset(base) }
            }
            LogAction::BatchUnplaced { values: old } => LogAction::BatchUnplaced { values: values(old) },
            LogAction::BatchInfo { values: old } => LogAction::BatchInfo { values: values(old) },
            LogAction::BatchFail { values: old } => LogAction::BatchFail { values: values(old) },
            LogAction::Read { from, values: old, mode } => {
                LogAction::Read { from: offset(from), values: values(old), mode }
            }
            LogAction::ReadSparse { from, records, mode } => {
                let records = arena.records(records).iter();
                let records = records
                    .map(|record| Record { offset: offset(record.offset), value: value(record.value) });
                LogAction::ReadSparse { from: offset(from), records: mapped.arena.add_records(records), mode }
            }
            LogAction::Whole { records, end } => {
                let records = arena.records(records).iter();
                let records = records
                    .map(|record| Record { offset: offset(record.offset), value: value(record.value) });
                LogAction::Whole { records: mapped.arena.add_records(records), end: offset(end) }
            }
            LogAction::End(end) => LogAction::End(offset(end)),
            LogAction::Length { min, max } => {
                let max = if max.0 == i64::MAX { max } else { offset(max) };
                LogAction::Length { min: offset(min), max }
            }
        };
        let mut interval = op.interval;
        interval.call = moment(interval.call);
        if interval.ret.is_some() {
            interval.ret = moment(interval.ret);
        }
        mapped.push(interval, action);
    }
    mapped
}

/// The kind of an answer, without its proof.
fn verdict(history: &LogHistory, settings: LogSettings) -> (u8, &'static str) {
    match check(history, settings) {
        Answer::Linearizable(_) => (0, ""),
        Answer::Violation(witness) => (1, witness.kind),
        Answer::Unknown(_) => (2, ""),
    }
}

#[test]
fn other_names_of_values_and_later_times() {
    for profile in &PROFILES {
        for seed in 0..histories(500) {
            let history = generator::history(profile, seed);
            let settings = profile.settings();
            let expected = verdict(&history, settings);
            let renamed = map(&history, |value| ValueId(100 - value.0), |at| at, |at| at);
            assert_eq!(verdict(&renamed, settings), expected, "{}", show(&history));
            let later = map(&history, |value| value, |at| at, |at| Moment(at.0 * 3 + 1_000));
            assert_eq!(verdict(&later, settings), expected, "{}", show(&history));
        }
    }
}

#[test]
fn another_base() {
    for profile in PROFILES.iter().filter(|profile| profile.gaps == Gaps::None) {
        for seed in 0..histories(500) {
            let history = generator::history(profile, seed);
            let settings = profile.settings();
            let moved = map(&history, |value| value, |at| Offset(at.0 + (1 << 62)), |at| at);
            let based = LogSettings { base: Offset(1 << 62), ..settings };
            assert_eq!(verdict(&moved, based), verdict(&history, settings), "{}", show(&history));
        }
    }
}

#[test]
fn a_wider_log_where_gaps_are_legal() {
    for profile in PROFILES.iter().filter(|profile| profile.gaps != Gaps::None) {
        for seed in 0..histories(1_000) {
            let history = generator::history(profile, seed);
            let placed = |op: &crate::linearizability::Op<LogAction>| {
                !matches!(op.action, LogAction::AppendOk { offset: None, .. })
            };
            if !history.ops.iter().all(placed) {
                continue;
            }
            let settings = profile.settings();
            // Only the offset itself may be where a record is, and only the one behind it where it ends.
            let spread = |at: Offset| if at.0 < 0 { at } else { Offset(at.0 + (at.0 / 3) * (1 << 40)) };
            let wide = map(&history, |value| value, spread, |at| at);
            let contiguous = wide.ops.iter().all(|op| !matches!(op.action, LogAction::Read { .. }))
                || at_most(&history, 2);
            if contiguous {
                assert_eq!(verdict(&wide, settings).0, verdict(&history, settings).0, "{}", show(&history));
            }
        }
    }
}

/// Whether the history stays below this offset, so that spreading it changes nothing.
fn at_most(history: &LogHistory, most: i64) -> bool {
    history.ops.iter().all(|op| match op.action {
        LogAction::Read { from, values, .. } => from.0 + history.arena.values(values).len() as i64 <= most,
        _ => true,
    })
}

#[test]
fn another_order_of_the_operations() {
    for profile in &PROFILES {
        for seed in 0..histories(500) {
            let history = generator::history(profile, seed);
            let mut reversed = history.clone();
            reversed.ops.reverse();
            reversed.processes.reverse();
            let settings = profile.settings();
            assert_eq!(verdict(&reversed, settings).0, verdict(&history, settings).0, "{}", show(&history));
            if let Answer::Linearizable(certificate) = check(&reversed, settings) {
                let replayed = super::super::replay(&reversed, settings, &certificate);
                assert_eq!(replayed, Ok(()), "{}", show(&reversed));
            }
        }
    }
}
