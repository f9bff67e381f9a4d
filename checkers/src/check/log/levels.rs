//! How consistent each partition is: the exact check of a log, asked of what the history tells of its lengths.
//!
//! An acknowledged send is an append, at its offset where that is told. A poll that was `ok` returned some of
//! the log without a gap, from its first record on; where offsets are missing in it a new read begins, since
//! who read on may have been given other partitions in between. A final read saw the end. What other polls saw
//! is judged by the anomalies alone.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::super::report::{Cited, Consistency, Contradiction};
use super::findings::cite;
use super::operations::LogOperations;
use crate::history::{Outcome, Span};
use crate::ids::{ClientId, TopicPartition, Value};
use crate::linearizability::log::{
    Gaps, LogAction, LogHistory, LogSettings, ReadMode, Record, ValueId, ladder,
};
use crate::operation::{Body, Operation};

/// The history of one partition, in terms of the exact check.
#[derive(Default)]
struct Partition {
    history: LogHistory,
    /// Of which span each of its operations is.
    spans: Vec<u32>,
    values: HashMap<Value, ValueId, FxBuildHasher>,
}

/// The consistency of every partition that has any operation.
pub(super) fn of(
    log: &LogOperations<'_>,
    spans: &[Span],
) -> HashMap<TopicPartition, Consistency, FxBuildHasher> {
    let mut partitions: HashMap<TopicPartition, Partition, FxBuildHasher> = HashMap::default();
    for (number, span) in spans.iter().enumerate() {
        let completion = span.completion.and_then(|place| log.of_event(place));
        let Some(operation) = completion.or_else(|| log.of_event(span.invocation)) else { continue };
        sends(operation, span, number as u32, &mut partitions);
        if span.outcome == Outcome::Ok {
            looks(operation, span, number as u32, &mut partitions);
        }
    }
    let consistency = |partition: &Partition| {
        let settings =
            LogSettings { gaps: Gaps::Internal, duplicates: true, certificate: false, ..LogSettings::default() };
        match ladder(&partition.history, settings) {
            Ok(rung) => Consistency {
                level: Some(rung.level),
                broken: rung.broken.map(|witness| Contradiction {
                    kind: witness.kind,
                    operations: witness
                        .operations
                        .iter()
                        .filter_map(|id| partition.spans.get(id.0 as usize))
                        .map(|span| cite(log, &spans[*span as usize]))
                        .collect::<Vec<Cited>>(),
                }),
                unknown: None,
            },
            Err(exhausted) => {
                Consistency { level: None, broken: None, unknown: Some(exhausted.reason) }
            }
        }
    };
    partitions.iter().map(|(name, partition)| (name.clone(), consistency(partition))).collect()
}

type Partitions = HashMap<TopicPartition, Partition, FxBuildHasher>;

fn sends(operation: &Operation, span: &Span, number: u32, partitions: &mut Partitions) {
    for send in operation.body.sends() {
        let partition = partitions.entry_ref(&send.partition).or_default();
        let value = partition.value(send.value);
        let action = match span.outcome {
            Outcome::Ok => LogAction::AppendOk { value, offset: send.offset },
            Outcome::Fail => LogAction::AppendFail { value },
            Outcome::Info | Outcome::Invoke => LogAction::AppendInfo { value },
        };
        partition.push(span, number, operation.client, action);
    }
}

fn looks(operation: &Operation, span: &Span, number: u32, partitions: &mut Partitions) {
    for read in operation.body.reads() {
        let partition = partitions.entry_ref(&read.partition).or_default();
        for run in read.records.chunk_by(|one, next| one.offset.plus(1) == next.offset && one.offset < next.offset) {
            let records: Vec<Record> = run
                .iter()
                .map(|record| Record { offset: record.offset, value: partition.value(record.value) })
                .collect();
            let from = records[0].offset;
            let records = partition.history.arena.add_records(records);
            partition.push(span, number, operation.client, LogAction::ReadSparse { from, records, mode: ReadMode::AtLeast });
        }
    }
    if let Body::FinalRead(positions) = &operation.body {
        for position in positions {
            if let Some(end) = position.offset {
                let partition = partitions.entry_ref(&position.partition).or_default();
                partition.push(span, number, operation.client, LogAction::End(end));
            }
        }
    }
}

impl Partition {
    fn value(&mut self, value: Value) -> ValueId {
        let next = ValueId(self.values.len() as u32);
        *self.values.entry(value).or_insert(next)
    }

    fn push(&mut self, span: &Span, number: u32, client: ClientId, action: LogAction) {
        self.history.push(span.interval, action);
        self.history.processes.push(client.0);
        self.spans.push(number);
    }
}
