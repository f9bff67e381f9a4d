//! What the operations of a replicated log mean: from Jepsen's kafka workload to our own operations.
//!
//! `:send` is `[[:send k v] …]`, and completed `[[:send k [offset v]] …]`; `:poll` is `[[:poll]]`, and completed
//! `[[:poll {k [[offset v] …]}]]`; `:txn` has both. `:assign` and `:subscribe` list keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::CheckError;
use super::operations::{elements, wrong};
use super::shown::Shown;
use crate::history::{Actor, Datum, Event, Outcome};
use crate::ids::{ClientId, Offset, OperationIndex, Process, Time, TopicPartition, Value};
use crate::operation::{
    Acks, Body, MicroOp, Operation, PartitionPosition, PartitionRead, Phase, Poll, Record, Seen, Send,
};

/// Values that are no small numbers are numbered from here on.
const NUMBERED_FROM: u64 = 1 << 62;

/// The operations of a log, and what their values were called.
#[derive(Default)]
pub(super) struct LogOperations {
    pub(super) operations: Vec<Operation>,
    values: IndexSet<Datum, FxBuildHasher>,
    partitions: BTreeMap<Datum, TopicPartition>,
    clients: IndexSet<i64, FxBuildHasher>,
}

impl LogOperations {
    /// Of a history; what the nemesis did, and operations on no log, are left out.
    ///
    /// # Errors
    /// If an operation is none of a log, or its value has another shape.
    pub(super) fn of(events: &[Event]) -> Result<Self, CheckError> {
        let mut operations = Self::default();
        for event in events {
            let Actor::Process(process) = event.process else { continue };
            let Some(body) = operations.body(event)? else { continue };
            let client = operations.clients.insert_full(process).0;
            operations.operations.push(Operation {
                index: OperationIndex(event.index),
                time: Time(event.time.and_then(|time| u64::try_from(time).ok()).unwrap_or(0)),
                process: Process(process.cast_unsigned()),
                client: ClientId(u32::try_from(client).unwrap_or(u32::MAX)),
                outcome: event.outcome,
                phase: Phase::Load,
                body,
                error: event.error.as_ref().map(|error| Arc::from(Shown(error.clone()).to_string())),
            });
        }
        Ok(operations)
    }

    /// What a value was called in the history.
    pub(super) fn name(&self, value: Value) -> String {
        let place = value.0.checked_sub(NUMBERED_FROM).and_then(|place| usize::try_from(place).ok());
        let datum = place.and_then(|place| self.values.get_index(place));
        datum.map_or_else(|| value.to_string(), |datum| Shown(datum.clone()).to_string())
    }

    fn body(&mut self, event: &Event) -> Result<Option<Body>, CheckError> {
        Ok(Some(match &*event.function {
            "send" | "poll" | "txn" => {
                let steps = elements(&event.value)
                    .ok_or_else(|| wrong(event, &event.value, "a vector of steps, `[[:send k v] [:poll]]`"))?;
                let steps = steps.iter().map(|step| self.step(event, step)).collect::<Result<Vec<_>, _>>()?;
                match <[MicroOp; 1]>::try_from(steps) {
                    Ok([MicroOp::Send(send)]) => Body::Send(send),
                    Ok([MicroOp::Poll(poll)]) => Body::Poll(poll),
                    Err(steps) => Body::Txn(steps.into()),
                }
            }
            "assign" => {
                let listed = self.listed(event)?.into_iter();
                Body::Assign(listed.map(|partition| PartitionPosition { partition, offset: None }).collect())
            }
            "subscribe" => Body::Subscribe(self.listed(event)?.into()),
            "crash" | "debug-topic-partitions" => return Ok(None),
            function => {
                return Err(CheckError::Function {
                    place: super::Place::of(event),
                    object: super::Object::Log,
                    function: function.to_owned(),
                    known: "send, poll, txn, assign, subscribe, crash and debug-topic-partitions",
                });
            }
        }))
    }

    fn listed(&mut self, event: &Event) -> Result<Vec<TopicPartition>, CheckError> {
        let listed = elements(&event.value).ok_or_else(|| wrong(event, &event.value, "a vector of keys, `[0 1]`"))?;
        Ok(listed.iter().map(|key| self.partition(key)).collect())
    }

    fn step(&mut self, event: &Event, step: &Datum) -> Result<MicroOp, CheckError> {
        let expected = "`[:send k v]`, `[:send k [offset v]]`, `[:poll]` or `[:poll {k [[offset v]]}]`";
        let malformed = || wrong(event, step, expected);
        let parts = elements(step).ok_or_else(malformed)?;
        let (name, rest) = parts.split_first().ok_or_else(malformed)?;
        match (word(name), rest) {
            (Some("send"), [key, value]) => {
                let placed = if event.outcome == Outcome::Invoke { None } else { placed(value) };
                let (offset, value) = placed.unwrap_or((None, value));
                Ok(MicroOp::Send(Send {
                    partition: self.partition(key),
                    value: self.value(value),
                    offset,
                    acks: Acks::All,
                }))
            }
            (Some("poll"), []) => Ok(MicroOp::Poll(Poll::default())),
            (Some("poll"), [Datum::Map(reads)]) => {
                let reads = reads.iter().map(|(key, records)| self.read(key, records).ok_or_else(malformed));
                Ok(MicroOp::Poll(Poll { reads: reads.collect::<Result<_, _>>()? }))
            }
            _ => Err(malformed()),
        }
    }

    fn read(&mut self, key: &Datum, records: &Datum) -> Option<PartitionRead> {
        let records = elements(records)?.iter().map(|record| {
            let (offset, value) = placed(record)?;
            Some(Record { offset: offset?, value: self.value(value) })
        });
        let records = records.collect::<Option<_>>()?;
        Some(PartitionRead { partition: self.partition(key), records, seen: Seen::default() })
    }

    fn value(&mut self, value: &Datum) -> Value {
        match value {
            Datum::Int(number) if (0..NUMBERED_FROM.cast_signed()).contains(number) => {
                Value(number.cast_unsigned())
            }
            other => {
                let place = match self.values.get_index_of(other) {
                    Some(place) => place,
                    None => self.values.insert_full(other.clone()).0,
                };
                Value(NUMBERED_FROM + place as u64)
            }
        }
    }

    /// A key is a partition: `orders/0` names both, a number is one of the topic `k`.
    fn partition(&mut self, key: &Datum) -> TopicPartition {
        if let Some(known) = self.partitions.get(key) {
            return known.clone();
        }
        let partition = match key {
            Datum::Int(number) => i32::try_from(*number).ok().map(|number| TopicPartition::new("k", number)),
            other => word(other).and_then(|name| name.parse().ok()),
        };
        let partition =
            partition.unwrap_or_else(|| TopicPartition::new(Shown(key.clone()).to_string(), 0));
        self.partitions.insert(key.clone(), partition.clone());
        partition
    }
}

fn word(datum: &Datum) -> Option<&str> {
    match datum {
        Datum::Keyword(word) | Datum::String(word) | Datum::Symbol(word) => Some(word),
        _ => None,
    }
}

/// `[offset value]`; the offset may be nil.
fn placed(datum: &Datum) -> Option<(Option<Offset>, &Datum)> {
    match elements(datum)? {
        [Datum::Int(offset), value] => Some((Some(Offset(*offset)), value)),
        [Datum::Nil, value] => Some((None, value)),
        _ => None,
    }
}
