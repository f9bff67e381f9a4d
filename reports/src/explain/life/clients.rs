//! What clients did with a record and saw of it, and so which of the batches in the logs it lies in.

use std::collections::BTreeMap;

use highwater_checkers::ids::{BrokerId, ClientId, Offset, Time, Value};
use highwater_checkers::operation::{Body, Operation, Outcome, Phase, Record as Read, Send};
use highwater_checkers::recording::{Event, Recording};
use highwater_checkers::trace::{Batch, Change, TraceEvent};

use super::{AtLast, Record, What, holds};

/// What clients were told of a record, and when: by whom it was given if the client knows.
struct ToldOf {
    acknowledged: Option<Time>,
    read: Option<(Time, Option<BrokerId>)>,
}

fn history(recording: &Recording, record: &Record) -> ToldOf {
    let mut told = ToldOf { acknowledged: None, read: None };
    for operation in recording.operations() {
        for what in client_steps(operation, record) {
            match what {
                What::Answered { outcome: Outcome::Ok, offset: Some(_), .. } => {
                    told.acknowledged.get_or_insert(operation.time);
                }
                What::Read { from, .. } => {
                    told.read.get_or_insert((operation.time, from));
                }
                _ => {}
            }
        }
    }
    told
}

/// What an operation has to do with a record.
pub(super) fn client_steps(operation: &Operation, record: &Record) -> Vec<What> {
    let Operation { index, client, outcome, phase, body, error, .. } = operation;
    let mut steps = Vec::new();
    let is_meant = |send: &&Send| Some(send.value) == record.value && send.partition == record.partition;
    for send in body.sends().filter(is_meant) {
        steps.push(match outcome {
            Outcome::Invoke => What::Sent { client: *client, operation: *index, acks: send.acks },
            outcome => What::Answered {
                outcome: *outcome,
                operation: *index,
                offset: send.offset,
                error: error.clone(),
            },
        });
    }
    if *outcome == Outcome::Invoke {
        return steps;
    }
    for read in body.reads().filter(|read| read.partition == record.partition) {
        let is_it = |it: &Read| it.offset == record.offset && Some(it.value) == record.value;
        if read.records.iter().any(is_it) {
            let from = read.seen.from;
            steps.push(What::Read { client: *client, operation: *index, from, phase: *phase });
        }
    }
    steps
}

/// The batch in which a record lies: that of the broker who acknowledged it, or handed it out, last before the client
/// was told of it.
pub(super) fn batch_of(recording: &Recording, record: &Record) -> Option<Batch> {
    let told = history(recording, record);
    let offset = record.offset;
    let mut logs: BTreeMap<BrokerId, Batch> = BTreeMap::new();
    let (mut acknowledged, mut served, mut appended) = (None, None, None);
    let traced = recording.events.iter().filter_map(|event| match event {
        Event::Trace(event) if event.change.partition() == Some(&record.partition) => Some(event),
        _ => None,
    });
    for TraceEvent { time, broker, change } in traced {
        match change {
            Change::Appended { base, count, epoch, crc, leader, .. } => {
                let batch = Batch { base: *base, count: *count, epoch: *epoch, crc: *crc };
                if holds(&batch, offset) {
                    logs.insert(*broker, batch);
                    if *leader {
                        appended.get_or_insert(batch);
                    }
                }
            }
            Change::Recovered { batches, .. } => {
                logs.remove(broker);
                logs.extend(batches.iter().find(|batch| holds(batch, offset)).map(|it| (*broker, *it)));
            }
            Change::Acknowledged { base, last, .. }
                if *base <= offset
                    && offset <= *last
                    && told.acknowledged.is_some_and(|told| *time <= told) =>
            {
                acknowledged = logs.get(broker).copied().or(acknowledged);
            }
            Change::Served { from, until, reader: None, .. }
                if *from <= offset
                    && offset < *until
                    && told
                        .read
                        .is_some_and(|(told, by)| *time <= told && by.is_none_or(|by| by == *broker)) =>
            {
                served = logs.get(broker).copied().or(served);
            }
            _ => {}
        }
    }
    let told_of_nothing = told.acknowledged.is_none() && told.read.is_none();
    acknowledged.or(served).or(appended.filter(|_| told_of_nothing))
}

/// What the last final read of the partition says of a record.
pub(super) fn at_last(recording: &Recording, record: &Record) -> AtLast {
    let mut reading: BTreeMap<ClientId, BTreeMap<Offset, Value>> = BTreeMap::new();
    let mut content = None;
    let is_final =
        |operation: &&Operation| operation.phase == Phase::Final && operation.outcome == Outcome::Ok;
    for operation in recording.operations().filter(is_final) {
        match &operation.body {
            Body::Assign(partitions) if partitions.iter().any(|it| it.partition == record.partition) => {
                reading.remove(&operation.client);
            }
            Body::FinalRead(partitions) if partitions.iter().any(|it| it.partition == record.partition) => {
                content = Some(reading.get(&operation.client).cloned().unwrap_or_default());
            }
            body => {
                let reads = body.reads().filter(|read| read.partition == record.partition);
                let records = reads.flat_map(|read| read.records.iter().map(|it| (it.offset, it.value)));
                reading.entry(operation.client).or_default().extend(records);
            }
        }
    }
    let Some(content) = content else { return AtLast::Unread };
    let there = content.get(&record.offset).copied();
    if there.is_some() && there == record.value {
        return AtLast::There;
    }
    let elsewhere = content.iter().find(|(_, value)| Some(**value) == record.value);
    elsewhere.map_or(AtLast::Absent(there), |(offset, _)| AtLast::Elsewhere(*offset))
}
