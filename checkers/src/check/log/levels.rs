//! How consistent each partition is: the exact check of a log, asked of what the history tells of its lengths.
//!
//! An acknowledged send is an append, at its offset where that is told. A poll that was `ok` returned what lies
//! from its consumer's position on, or from its first record where the position is not known, as under
//! `subscribe`: offsets that it went over hold nothing. A final read saw the end. What other polls saw is judged
//! by the anomalies alone.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::super::report::{Cited, Consistency, Contradiction};
use super::findings::cite;
use super::operations::LogOperations;
use crate::history::{Outcome, Span};
use crate::ids::{ClientId, Offset, TopicPartition, Value};
use crate::linearizability::log::{
    Gaps, LogAction, LogHistory, LogSettings, ReadMode, Record, ValueId, ladder,
};
use crate::operation::{Body, Operation, PartitionPosition};

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
    let mut partitions = Partitions::default();
    let mut consumers: HashMap<ClientId, Positions, FxBuildHasher> = HashMap::default();
    for (number, span) in spans.iter().enumerate() {
        let completion = span.completion.and_then(|place| log.of_event(place));
        let Some(operation) = completion.or_else(|| log.of_event(span.invocation)) else { continue };
        sends(operation, span, number as u32, &mut partitions);
        if span.outcome == Outcome::Ok {
            let positions = consumers.entry(operation.client).or_default();
            looks(operation, span, number as u32, positions, &mut partitions);
        }
    }
    let consistency = |partition: &Partition| {
        let settings = LogSettings {
            gaps: Gaps::Internal,
            duplicates: true,
            certificate: false,
            ..LogSettings::default()
        };
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
            Err(exhausted) => Consistency { level: None, broken: None, unknown: Some(exhausted.reason) },
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

fn looks(
    operation: &Operation,
    span: &Span,
    number: u32,
    consumer: &mut Positions,
    partitions: &mut Partitions,
) {
    for read in operation.body.reads() {
        let partition = partitions.entry_ref(&read.partition).or_default();
        for run in read.records.chunk_by(|one, next| one.offset < next.offset) {
            let (first, last) = (run[0].offset, run[run.len() - 1].offset);
            let records: Vec<Record> = run
                .iter()
                .map(|record| Record { offset: record.offset, value: partition.value(record.value) })
                .collect();
            let from = consumer.read(&read.partition, first, last);
            let records = partition.history.arena.add_records(records);
            let action = LogAction::ReadSparse { from, records, mode: ReadMode::AtLeast };
            partition.push(span, number, operation.client, action);
        }
    }
    match &operation.body {
        Body::Assign(listed) => consumer.assign(listed),
        Body::Subscribe(_) => *consumer = Positions { subscribed: true, ..Positions::default() },
        Body::FinalRead(ends) => {
            for PartitionPosition { partition, offset } in ends {
                let partition = partitions.entry_ref(partition).or_default();
                if let Some(end) = offset {
                    partition.push(span, number, operation.client, LogAction::End(*end));
                }
            }
        }
        _ => {}
    }
}

/// Where a consumer reads on in its partitions, as far as that is known.
#[derive(Default)]
struct Positions {
    subscribed: bool,
    next: HashMap<TopicPartition, Offset, FxBuildHasher>,
}

impl Positions {
    /// Partitions that are still listed are read on, others are forgotten.
    fn assign(&mut self, listed: &[PartitionPosition]) {
        self.subscribed = false;
        let before = std::mem::take(&mut self.next);
        for PartitionPosition { partition, offset } in listed {
            if let Some(next) = offset.or_else(|| before.get(partition).copied()) {
                self.next.insert(partition.clone(), next);
            }
        }
    }

    /// Moves on behind `last`; returns from where it read, given that `first` is the first record.
    fn read(&mut self, partition: &TopicPartition, first: Offset, last: Offset) -> Offset {
        if self.subscribed {
            return first;
        }
        let next = self.next.entry_ref(partition).or_insert(first);
        let from = first.min(*next);
        *next = last.plus(1);
        from
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
