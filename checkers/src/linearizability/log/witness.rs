//! Why a history is not linearizable: the two operations that contradict each other, and a sentence.

use super::bounds::Bounds;
use super::evidence::{Evidence, NOWHERE};
use super::history::{Fate, LogAction, LogHistory, ValueId};
use super::sweep::Uppers;
use crate::ids::Offset;
use crate::linearizability::{OpId, Witness};

/// Why a check ends early.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    Violation(Witness),
    Unknown(String),
}

impl Stop {
    pub(super) fn unknown(reason: &str) -> Self {
        Self::Unknown(reason.to_owned())
    }
}

pub(super) fn violation(kind: &'static str, operations: &[OpId], what: String) -> Witness {
    Witness { kind, operations: operations.to_vec(), what }
}

fn stop(kind: &'static str, operations: &[OpId], what: String) -> Stop {
    Stop::Violation(violation(kind, operations, what))
}

/// An operation in words. Sentences name operations by what they did: the number here is none that a reader knows.
pub(super) fn name(action: &LogAction, arena: &super::Arena) -> String {
    match action {
        LogAction::AppendOk { value, offset: Some(offset) } => {
            format!("the append of {} at offset {offset}", arena.name(*value))
        }
        LogAction::AppendOk { value, offset: None }
        | LogAction::AppendInfo { value }
        | LogAction::AppendFail { value } => format!("the append of {}", arena.name(*value)),
        LogAction::BatchOk { .. }
        | LogAction::BatchUnplaced { .. }
        | LogAction::BatchInfo { .. }
        | LogAction::BatchFail { .. } => {
            let append = arena.appended(action);
            let values = append.map_or(&[][..], |append| append.values);
            let first = values.first().map_or_else(String::new, |value| arena.name(*value));
            let at = append
                .and_then(|append| append.base)
                .map_or_else(String::new, |at| format!(" at offset {at}"));
            format!("the append of {} values from {first} on{at}", values.len())
        }
        LogAction::Read { from, values, .. } => {
            let count = arena.values(*values).len() as i64;
            read(*from, (count > 0).then(|| (*from, from.plus(count - 1))))
        }
        LogAction::ReadSparse { from, records, .. } => {
            let records = arena.records(*records);
            read(*from, records.first().zip(records.last()).map(|(first, last)| (first.offset, last.offset)))
        }
        LogAction::Whole { end, .. } => format!("the read of the whole log up to its end at {end}"),
        LogAction::End(end) => format!("the look that found the end at {end}"),
        LogAction::Length { min, max } if max.0 == i64::MAX => {
            format!("the look that found the end at {min} or beyond")
        }
        LogAction::Length { min, max } if min.0 <= 0 => {
            format!("the look that found the end at {max} or before")
        }
        LogAction::Length { min, max } => format!("the look that found the end between {min} and {max}"),
    }
}

fn read(from: Offset, found: Option<(Offset, Offset)>) -> String {
    match found {
        None => format!("the read from offset {from} on that found nothing"),
        Some((first, last)) if first == last => format!("the read of offset {first}"),
        Some((first, last)) => format!("the read of offsets {first} to {last}"),
    }
}

fn named(history: &LogHistory, id: OpId) -> String {
    name(&history.ops[id.0 as usize].action, &history.arena)
}

/// Offsets below the log's start, beyond all numbers, or out of order.
pub(super) fn impossible(history: &LogHistory, id: OpId) -> Stop {
    let what = format!("{} names offsets that no log of this kind has", named(history, id));
    stop("impossible offset", &[id], what)
}

/// A log longer than all appends together.
pub(super) fn too_long(history: &LogHistory, id: OpId, length: i64, appended: u64) -> Stop {
    let what = format!(
        "{} proves that the log reaches up to offset {length}, but only {appended} records were ever appended",
        named(history, id)
    );
    stop("unexplained hole", &[id], what)
}

pub(super) fn phantom(evidence: &Evidence<'_>, by: OpId, value: ValueId) -> Stop {
    let value = evidence.history.arena.name(value);
    let what = format!("{} found {value}, which nobody ever appended", named(evidence.history, by));
    stop("phantom", &[by], what)
}

pub(super) fn aborted(evidence: &Evidence<'_>, by: OpId, value: ValueId) -> Stop {
    let owner = OpId(evidence.owner[value.0 as usize]);
    let value = evidence.history.arena.name(value);
    let what = format!("{} found {value}, whose append failed", named(evidence.history, by));
    stop("aborted read", &[by, owner], what)
}

/// A read in a log without gaps went over an offset.
pub(super) fn gap(evidence: &Evidence<'_>, by: OpId, offset: Offset) -> Stop {
    let what = format!(
        "{} found nothing at offset {offset} though the log goes on behind it, and this log has no gaps",
        named(evidence.history, by)
    );
    stop("skipped record", &[by], what)
}

/// A read went over a record that lies there.
pub(super) fn skipped(evidence: &Evidence<'_>, slot: u32) -> Stop {
    let offset = evidence.axis.offset(slot);
    let value = evidence.at[slot as usize];
    let history = evidence.history;
    let over = |id: &OpId| match &history.ops[id.0 as usize].action {
        LogAction::ReadSparse { from, records, .. } => {
            let records = history.arena.records(*records);
            let behind = records.partition_point(|record| record.offset.0 < offset);
            from.0 <= offset && records.get(behind).is_some_and(|record| record.offset.0 > offset)
        }
        LogAction::Whole { records, end } => {
            let records = history.arena.records(*records);
            offset < end.0 && records.binary_search_by_key(&offset, |record| record.offset.0).is_err()
        }
        _ => false,
    };
    let by = ids(history).find(over).unwrap_or_default();
    let first = claimant(evidence, slot, value);
    let lies = history.arena.name(value);
    let what = match &history.ops[first.0 as usize].action {
        action if history.arena.appended(action).is_some() => {
            format!("{} is not in {}, which went over that offset", named(history, first), named(history, by))
        }
        _ => format!(
            "{} found {lies} at offset {offset}, and {} went over that offset",
            named(history, first),
            named(history, by)
        ),
    };
    let lost = matches!(history.ops[by.0 as usize].action, LogAction::Whole { .. });
    stop(if lost { "lost record" } else { "skipped record" }, &[first, by], what)
}

/// Two records at one offset.
pub(super) fn divergent(evidence: &Evidence<'_>, by: OpId, slot: u32, value: ValueId) -> Stop {
    let there = evidence.at[slot as usize];
    let first = claimant(evidence, slot, there);
    let history = evidence.history;
    let both_acknowledged = [first, by].iter().all(|id| is_append(history, *id));
    let kind = if both_acknowledged { "offset acknowledged twice" } else { "divergent logs" };
    let what = format!(
        "offset {} holds {} by {}, and {} by {}",
        evidence.axis.offset(slot),
        history.arena.name(there),
        named(history, first),
        history.arena.name(value),
        named(history, by)
    );
    stop(kind, &[first, by], what)
}

/// One record at two offsets.
pub(super) fn moved(evidence: &Evidence<'_>, by: OpId, value: ValueId, slot: u32) -> Stop {
    let known = evidence.place[value.0 as usize];
    let first = claimant(evidence, known, value);
    let what = format!(
        "{} lies at offset {} by {}, and at offset {} by {}",
        evidence.history.arena.name(value),
        evidence.axis.offset(known),
        named(evidence.history, first),
        evidence.axis.offset(slot),
        named(evidence.history, by)
    );
    let operations: &[OpId] = if first == by { &[by] } else { &[first, by] };
    stop("moved or duplicate record", operations, what)
}

/// A batch whose records do not lie one after another.
pub(super) fn torn(evidence: &Evidence<'_>, by: OpId, owner: OpId, slot: u32) -> Stop {
    let what = format!(
        "{} lies where {} tells, but offset {} does not hold the record that would be a part of it",
        named(evidence.history, owner),
        named(evidence.history, by),
        evidence.axis.offset(slot)
    );
    let operations: &[OpId] = if owner == by { &[by] } else { &[owner, by] };
    stop("torn batch", operations, what)
}

/// An operation that saw a part of a batch.
pub(super) fn torn_read(evidence: &Evidence<'_>, id: OpId, bounds: Bounds) -> Stop {
    let split = bounds.upper.min(bounds.record_upper);
    let owner = evidence.at.get(split as usize).and_then(|value| evidence.owner.get(value.0 as usize));
    let owner = owner.map_or(id, |owner| OpId(*owner));
    let what = format!(
        "{} took effect at once, but {} saw a part of it alone",
        named(evidence.history, owner),
        named(evidence.history, id)
    );
    stop("torn batch", &[owner, id], what)
}

/// One operation proved more than a later one saw: the offset `slot` was filled before `ret`, and not at `call`.
pub(super) fn pair(evidence: &Evidence<'_>, slot: u32, uppers: Uppers, call: u32, ret: u32) -> Stop {
    let history = evidence.history;
    let bounds = |id: &OpId| evidence.bounds(&history.ops[id.0 as usize]);
    let proves = |id: &OpId| {
        history.returned(&history.ops[id.0 as usize]) == ret && bounds(id).is_some_and(|b| b.lower > slot)
    };
    let denies = |id: &OpId| {
        history.ops[id.0 as usize].interval.call.0 == call
            && bounds(id).is_some_and(|b| uppers.count(b) && b.upper.min(b.record_upper) <= slot)
    };
    let first = ids(history).find(proves).unwrap_or_default();
    let second = ids(history).find(denies).unwrap_or_default();
    Stop::Violation(contradiction(evidence, first, second, "had returned before", "was called"))
}

/// The two operations, the first of which saw a longer log than the second, which comes later.
pub(super) fn contradiction(
    evidence: &Evidence<'_>,
    first: OpId,
    second: OpId,
    before: &str,
    after: &str,
) -> Witness {
    let history = evidence.history;
    let nothing = Bounds { upper: NOWHERE, record_upper: NOWHERE, lower: 0, append: false, firm: false };
    let [one, two] =
        [first, second].map(|id| evidence.bounds(&history.ops[id.0 as usize]).unwrap_or(nothing));
    let upper = two.upper.min(two.record_upper);
    let what = format!(
        "{} {before} {} {after}, by which the log ended at {} and not at {} or beyond",
        named(history, first),
        named(history, second),
        evidence.axis.offset(upper),
        evidence.axis.offset(one.lower),
    );
    violation(kind(evidence, first, second), &[first, second], what)
}

/// The name of the anomaly, by what the two operations are.
fn kind(evidence: &Evidence<'_>, first: OpId, second: OpId) -> &'static str {
    let history = evidence.history;
    let [one, two] = [first, second].map(|id| &history.ops[id.0 as usize].action);
    let appended = |action| history.arena.appended(action).and_then(|append| append.values.first().copied());
    let two_reads =
        matches!(two, LogAction::Read { .. } | LogAction::ReadSparse { .. } | LogAction::Whole { .. });
    match (appended(one), appended(two)) {
        (Some(_), Some(_)) => "offsets out of order",
        (Some(value), None) if !evidence.was_read(value) => "lost append",
        (_, None) if matches!(two, LogAction::Whole { .. }) => "lost record",
        (None, Some(value)) if evidence.read_offset(first, value).is_some() => "read from the future",
        (None, Some(_)) => "late append",
        (_, None) if two_reads => "stale read",
        (None, None) if matches!((one, two), (LogAction::End(_), LogAction::End(_))) => "end went back",
        (_, None) => "stale end",
    }
}

/// A look that missed what was there, where nothing was lost, as looks may be stale.
pub(super) fn stale(history: &LogHistory, witness: Witness) -> Witness {
    let look = witness.operations.last().map(|look| &history.ops[look.0 as usize].action);
    let kind = match look {
        Some(LogAction::Read { .. } | LogAction::ReadSparse { .. }) => "stale read",
        Some(LogAction::End(_) | LogAction::Length { .. }) if witness.kind == "lost append" => "stale end",
        _ => witness.kind,
    };
    Witness { kind, ..witness }
}

/// An offset that is filled, and no append left that could have done it in time.
pub(super) fn hole(evidence: &Evidence<'_>, slot: u32, ret: u32) -> Stop {
    let history = evidence.history;
    let proves = |id: &OpId| {
        let op = &history.ops[id.0 as usize];
        history.returned(op) == ret && evidence.bounds(op).is_some_and(|bounds| bounds.lower > slot)
    };
    let by = ids(history).find(proves).unwrap_or_default();
    let what = format!(
        "{} proves that offset {} was filled, and no append of unknown place is left that was called in time",
        named(history, by),
        evidence.axis.offset(slot)
    );
    stop("unexplained hole", &[by], what)
}

/// An acknowledged append of unknown place for which no place is left.
pub(super) fn lost(evidence: &Evidence<'_>, job: OpId, call: u32, uppers: Uppers) -> Stop {
    let history = evidence.history;
    let bars = |id: &OpId| {
        let op = &history.ops[id.0 as usize];
        let counts = evidence.bounds(op).is_some_and(|bounds| uppers.count(bounds));
        let loose = history.arena.appended(&op.action).is_some_and(|append| append.fate != Fate::Failed);
        op.interval.call.0 == call && (counts || loose)
    };
    let other = ids(history).find(bars).unwrap_or_default();
    let what = format!(
        "{} had returned before {} was called, and is nowhere in the log that there was by then",
        named(history, job),
        named(history, other)
    );
    stop("lost append", &[job, other], what)
}

/// Who first told that a value lies in a slot.
fn claimant(evidence: &Evidence<'_>, slot: u32, value: ValueId) -> OpId {
    let history = evidence.history;
    let claims = |id: &OpId| {
        let op = &history.ops[id.0 as usize];
        if history.returned(op) == NOWHERE {
            return false;
        }
        if let Some(append) = history.arena.appended(&op.action) {
            let place = append.values.iter().position(|other| *other == value);
            let base = append.base.filter(|_| append.fate == Fate::Acknowledged);
            let told = base.zip(place).map(|(base, place)| base.plus(place as i64));
            return told.is_some_and(|offset| evidence.axis.slot(offset.0) == slot);
        }
        evidence.read_offset(*id, value).is_some_and(|offset| evidence.axis.slot(offset.0) == slot)
    };
    // The rest of a batch was told by whoever saw one record of it.
    let of_batch = |id: &OpId| {
        let owner = evidence.owner.get(value.0 as usize).map(|owner| &history.ops[*owner as usize].action);
        let append = owner.and_then(|action| history.arena.appended(action));
        let mut values = append.map_or(&[][..], |append| append.values).iter();
        values.any(|value| evidence.read_offset(*id, *value).is_some())
    };
    ids(history).find(claims).or_else(|| ids(history).find(of_batch)).unwrap_or_default()
}

fn is_append(history: &LogHistory, id: OpId) -> bool {
    history.arena.appended(&history.ops[id.0 as usize].action).is_some()
}

fn ids(history: &LogHistory) -> impl Iterator<Item = OpId> {
    (0..history.ops.len()).map(|place| OpId(place as u32))
}

/// An acknowledged append of unknown place for which the order of its process leaves no place.
pub(super) fn unplaced(evidence: &Evidence<'_>, job: OpId) -> Stop {
    let what = format!(
        "{} had returned, and is nowhere in the log that was seen afterwards",
        named(evidence.history, job)
    );
    stop("lost append", &[job], what)
}
