//! Histories whose anomaly has a name, and offsets that no table could be laid out for.

use crate::ids::{Interval, Moment, Offset};
use crate::linearizability::log::{
    Gaps, Level, LogAction, LogHistory, LogSettings, ReadMode, Record, ValueId, check, ladder,
};
use crate::linearizability::{Answer, Certificate, OpId};

const FAR: i64 = 1 << 62;

fn during(call: u32, ret: u32) -> Interval {
    Interval { call: Moment(call), ret: Moment(ret) }
}

/// One operation after another, in this order.
fn sequence(actions: impl IntoIterator<Item = LogAction>) -> LogHistory {
    let mut history = LogHistory::default();
    for (action, at) in actions.into_iter().zip(0..) {
        let never = matches!(action, LogAction::AppendInfo { .. } | LogAction::BatchInfo { .. });
        history.push(during(at * 2, if never { u32::MAX } else { at * 2 + 1 }), action);
    }
    history
}

fn append(value: u32, offset: i64) -> LogAction {
    LogAction::AppendOk { value: ValueId(value), offset: Some(Offset(offset)) }
}

fn info(value: u32) -> LogAction {
    LogAction::AppendInfo { value: ValueId(value) }
}

fn end(offset: i64) -> LogAction {
    LogAction::End(Offset(offset))
}

/// A read after all that is there.
fn then_read(mut history: LogHistory, from: i64, values: &[u32], mode: ReadMode) -> LogHistory {
    let at = history.ops.len() as u32 * 2;
    history.push_read(during(at, at + 1), Offset(from), values.iter().copied().map(ValueId), mode);
    history
}

fn then(mut history: LogHistory, action: LogAction) -> LogHistory {
    let at = history.ops.len() as u32 * 2;
    history.push(during(at, at + 1), action);
    history
}

#[track_caller]
fn violates(history: &LogHistory, kind: &str, operations: &[u32]) {
    match check(history, LogSettings::default()) {
        Answer::Violation(witness) => {
            assert_eq!(witness.kind, kind, "{witness:?}");
            let expected: Vec<_> = operations.iter().copied().map(OpId).collect();
            assert_eq!(witness.operations, expected, "{witness:?}");
            assert!(!witness.what.ends_with('.'));
        }
        answer => panic!("{answer:?}"),
    }
}

#[track_caller]
fn is_fine(history: &LogHistory, settings: LogSettings) -> Certificate {
    match check(history, settings) {
        Answer::Linearizable(certificate) => certificate,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn anomalies_have_names() {
    use ReadMode::{AtLeast, Exact};
    violates(&sequence([append(0, 0), end(0)]), "lost append", &[0, 1]);
    violates(&then_read(sequence([append(0, 0)]), 0, &[], Exact), "lost append", &[0, 1]);
    violates(&sequence([append(0, 0), end(1), end(0)]), "lost append", &[0, 2]);
    violates(&sequence([info(0), end(1), end(0)]), "end went back", &[1, 2]);
    violates(&sequence([append(0, 1), append(1, 0)]), "offsets out of order", &[0, 1]);
    let read_first = then_read(sequence([]), 0, &[0], AtLeast);
    violates(&then(read_first, info(0)), "read from the future", &[0, 1]);
    let read = then_read(sequence([append(0, 0)]), 0, &[0], Exact);
    violates(&then_read(read.clone(), 0, &[], Exact), "stale read", &[0, 2]);
    violates(&then(read, end(0)), "stale end", &[0, 2]);
    violates(&then_read(sequence([append(0, 0)]), 0, &[7], Exact), "phantom", &[1]);
    let failed = LogAction::AppendFail { value: ValueId(0) };
    violates(&then_read(sequence([failed]), 0, &[0], Exact), "aborted read", &[1, 0]);
    violates(&sequence([append(0, 0), append(1, 0)]), "offset acknowledged twice", &[0, 1]);
    let other = then_read(sequence([append(0, 0), info(1)]), 0, &[1], Exact);
    violates(&other, "divergent logs", &[0, 2]);
    let moved = then_read(sequence([append(0, 0), info(1)]), 0, &[1, 0], Exact);
    violates(&moved, "divergent logs", &[0, 2]);
    let moved = then_read(sequence([append(0, 1), info(1)]), 0, &[0], Exact);
    violates(&moved, "moved or duplicate record", &[0, 2]);
    violates(&sequence([end(1)]), "unexplained hole", &[0]);
    violates(&sequence([append(0, -1)]), "impossible offset", &[0]);
}

#[test]
fn a_late_append_went_back_in_time() {
    let history = sequence([append(0, 0), end(2)]);
    let history = then(history, append(1, 1));
    violates(&history, "late append", &[1, 2]);
}

#[test]
fn batches_are_seen_whole() {
    let mut history = LogHistory::default();
    let values = history.arena.add_values([0, 1, 2].map(ValueId));
    history.push(during(0, 5), LogAction::BatchOk { values, base: Offset(0) });
    history.push(during(1, 2), end(1));
    violates(&history, "torn batch", &[0, 1]);
}

#[test]
fn absurd_offsets_cost_nothing() {
    let absurd = [i64::MIN, i64::MIN + 1, -1, FAR, i64::MAX - 1, i64::MAX];
    let gaps = [Gaps::None, Gaps::Internal, Gaps::Removed];
    for (one, two) in absurd.iter().flat_map(|one| absurd.iter().map(move |two| (*one, *two))) {
        for (gaps, duplicates) in gaps.into_iter().flat_map(|gaps| [(gaps, false), (gaps, true)]) {
            for base in [0, 1 << 62, i64::MAX, i64::MIN] {
                let mut history = sequence([append(0, one), end(two), append(1, two), info(2)]);
                history.push(during(90, 91), LogAction::Length { min: Offset(one), max: Offset(two) });
                history = then_read(history, one, &[0, 1], ReadMode::AtLeast);
                history = then_read(history, two, &[], ReadMode::Exact);
                let record = |offset, value| Record { offset: Offset(offset), value: ValueId(value) };
                let records = [record(one, 0), record(two, 1)];
                history.push_sparse_read(during(92, 93), Offset(one), records, ReadMode::Exact);
                let settings = LogSettings { base: Offset(base), gaps, duplicates, ..LogSettings::default() };
                for first in 0..history.ops.len() {
                    let mut part = history.clone();
                    part.ops.rotate_left(first);
                    part.ops.truncate(3);
                    let _ = (check(&part, settings), ladder(&part, settings));
                }
                let _ = (check(&history, settings), ladder(&history, settings));
            }
        }
    }
}

#[test]
fn a_log_that_begins_far_out() {
    let settings = LogSettings { gaps: Gaps::Internal, ..LogSettings::default() };
    let mut history = sequence([append(0, FAR), append(1, FAR + 2), end(FAR + 4)]);
    let record = |offset, value| Record { offset: Offset(offset), value: ValueId(value) };
    let records = [record(FAR, 0), record(FAR + 2, 1)];
    history.push_sparse_read(during(6, 7), Offset(0), records, ReadMode::Exact);
    assert_eq!(is_fine(&history, settings).order.len(), 4);
    let back = then(history, end(FAR + 3));
    assert!(matches!(check(&back, settings), Answer::Violation(_)));
}

#[test]
fn what_is_not_covered_is_said() {
    let twice = sequence([append(0, 0), append(0, 1)]);
    let Answer::Unknown(why) = check(&twice, LogSettings::default()) else { panic!() };
    assert!(why.reason.contains("value 0 is appended twice"), "{}", why.reason);
    let sparse = sequence([append(u32::MAX, 0)]);
    let Answer::Unknown(why) = check(&sparse, LogSettings::default()) else { panic!() };
    assert!(why.reason.contains("numbered densely"), "{}", why.reason);
}

#[test]
fn the_ladder_says_how_stale() {
    let mut history = sequence([append(0, 0), append(1, 1), append(2, 2)]);
    history = then_read(history, 0, &[0], ReadMode::Exact);
    history.processes = vec![0, 0, 0, 1];
    let rung = ladder(&history, LogSettings::default()).expect("is covered");
    assert_eq!(rung.level, Level::LinearizableWrites);
    assert_eq!(rung.broken.expect("is not linearizable").operations, [OpId(1), OpId(3)]);
    let staleness = rung.staleness.expect("is stale");
    assert_eq!(staleness.operations, 1);
    assert_eq!(staleness.records, (2, OpId(3)));
    assert_eq!(staleness.time, (3, OpId(3)), "the return of #1 is event 3, the call of #3 event 6");
    // The same by the process that was acknowledged.
    history.processes = vec![0; 4];
    let rung = ladder(&history, LogSettings::default()).expect("is covered");
    assert_eq!(rung.level, Level::ConsistentPrefix);
    assert!(rung.staleness.is_none());
}

#[test]
fn an_empty_history_is_fine() {
    assert_eq!(is_fine(&LogHistory::default(), LogSettings::default()), Certificate::default());
}
