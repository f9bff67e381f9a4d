//! The steps of an operation on a log: Jepsen's micro-operations.
//!
//! `[[:send k v] …]` is completed as `[[:send k [offset v]] …]`, and `[[:poll]]` as `[[:poll {k [[offset v] …]}]]`.
//! Behind that stands what our own recordings add: the acks of a send, and what else a poll saw.

use super::super::CheckError;
use super::super::operations::wrong;
use super::operations::{NamesOf, is_invocation};
use crate::history::{Datum, Event};
use crate::ids::{BrokerId, Offset};
use crate::operation::{Acks, Body, MicroOp, PartitionRead, Poll, Record, Seen, Send};

pub(super) use super::super::operations::elements;

const STEP: &str = "`[:send k v]`, `[:send k [offset v]]`, `[:poll]` or `[:poll {k [[offset v]]}]`";

/// What the steps of a `send`, `poll` or `txn` do.
pub(super) fn body(event: &Event, names: &mut NamesOf) -> Result<Body, CheckError> {
    let listed = match &event.value {
        Datum::Nil if &*event.function == "poll" => return Ok(Body::Poll(Poll::default())),
        value => elements(value)
            .ok_or_else(|| wrong(event, value, "a vector of steps, `[[:send k v] [:poll]]`"))?,
    };
    let step = |step| self::step(event, step, names).ok_or_else(|| wrong(event, step, STEP));
    let steps: Vec<_> = listed.iter().map(step).collect::<Result<_, _>>()?;
    Ok(match <[MicroOp; 1]>::try_from(steps) {
        Ok([MicroOp::Send(send)]) => Body::Send(send),
        Ok([MicroOp::Poll(poll)]) => Body::Poll(poll),
        Err(steps) => Body::Txn(steps.into()),
    })
}

fn step(event: &Event, step: &Datum, names: &mut NamesOf) -> Option<MicroOp> {
    let (name, rest) = elements(step)?.split_first()?;
    match (word(name)?, rest) {
        ("send", [key, value, acks @ ..]) => {
            let acks = match acks {
                [] => Acks::All,
                [Datum::Int(number)] => Acks::from_number(*number)?,
                _ => return None,
            };
            // A value may look like one with its offset.
            let is_plain = is_invocation(event) || names.is_value(value);
            let placed = if is_plain { None } else { placed(value) };
            let (offset, value) = placed.unwrap_or((None, value));
            let (partition, value) = (names.partition(key), names.value(value));
            Some(MicroOp::Send(Send { partition, value, offset, acks }))
        }
        ("poll", []) => Some(MicroOp::Poll(Poll::default())),
        ("poll", [_, ..]) if is_invocation(event) => Some(MicroOp::Poll(Poll::default())),
        ("poll", [Datum::Map(reads)]) => poll(reads, &[], names),
        ("poll", [Datum::Map(reads), Datum::Map(seen)]) => poll(reads, seen, names),
        _ => None,
    }
}

fn poll(reads: &[(Datum, Datum)], seen: &[(Datum, Datum)], names: &mut NamesOf) -> Option<MicroOp> {
    let read = |(key, records): &(Datum, Datum)| {
        let seen = seen.iter().find(|(of, _)| of == key);
        let seen = seen.map_or(Some(Seen::default()), |(_, marks)| self::seen(marks))?;
        let partition = names.partition(key);
        let record = |record| {
            let (offset, value) = placed(record)?;
            Some(Record { offset: offset?, value: names.value(value) })
        };
        let records = match records {
            Datum::Nil => Box::default(),
            records => elements(records)?.iter().map(record).collect::<Option<_>>()?,
        };
        Some(PartitionRead { partition, records, seen })
    };
    let reads = reads.iter().map(read).collect::<Option<_>>()?;
    Some(MicroOp::Poll(Poll { reads }))
}

/// `[position high-watermark reset]`, and perhaps the broker's number.
fn seen(marks: &Datum) -> Option<Seen> {
    let (position, high_watermark, reset, from) = match elements(marks)? {
        [position, high_watermark, reset] => (position, high_watermark, reset, &Datum::Nil),
        [position, high_watermark, reset, from] => (position, high_watermark, reset, from),
        _ => return None,
    };
    let number = |datum: &Datum| match datum {
        Datum::Int(number) => Some(*number),
        _ => None,
    };
    Some(Seen {
        position: number(position).map(Offset),
        high_watermark: number(high_watermark).map(Offset),
        reset: number(reset).map(Offset),
        from: number(from).and_then(|broker| i32::try_from(broker).ok()).map(BrokerId),
    })
}

/// `[offset value]`; the offset may be nil.
fn placed(datum: &Datum) -> Option<(Option<Offset>, &Datum)> {
    match elements(datum)? {
        [Datum::Int(offset), value] => Some((Some(Offset(*offset)), value)),
        [Datum::Nil, value] => Some((None, value)),
        _ => None,
    }
}

pub(super) fn word(datum: &Datum) -> Option<&str> {
    match datum {
        Datum::Keyword(word) | Datum::String(word) | Datum::Symbol(word) => Some(word),
        _ => None,
    }
}
