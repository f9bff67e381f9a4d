//! Which partitions were read from their beginning to their end, as Jepsen's final polls do.
//!
//! Jepsen's clients assign all keys with `:seek-to-beginning? true` at the end of a test, and poll until they
//! have seen the highest offset that is known. No event says that they have; so it is found out here, and
//! told as a final read of our own. A history that has such events itself needs nothing of this.

use std::collections::BTreeMap;

use super::operations::{LogOperations, seeks_to_beginning};
use crate::ids::{ClientId, Offset, TopicPartition};
use crate::operation::{Body, Operation, Outcome, PartitionPosition, Phase};

/// How far a client has read the partitions since it sought to their beginnings.
type Reading = BTreeMap<TopicPartition, Option<Offset>>;

/// Marks the polls of final reads, and puts in where each ends. Returns the partitions of which one began and
/// did not get to the end, with how far it got.
pub(super) fn close(log: &mut LogOperations<'_>) -> BTreeMap<TopicPartition, String> {
    let events = log.events;
    let seeks = |operation: &Operation| {
        operation.outcome == Outcome::Ok && seeks_to_beginning(&events[operation.index.0 as usize])
    };
    if !log.operations.iter().any(seeks) {
        return BTreeMap::new();
    }
    let highest = highest(&log.operations);
    let mut reading: BTreeMap<ClientId, Reading> = BTreeMap::new();
    let mut unfinished: BTreeMap<TopicPartition, Option<Offset>> = BTreeMap::new();
    let mut ends = Vec::new();
    for place in 0..log.operations.len() {
        let operation = &mut log.operations[place];
        let ok = operation.outcome == Outcome::Ok;
        match &operation.body {
            Body::Assign(positions) if seeks(operation) => {
                let begun = positions.iter().map(|position| (position.partition.clone(), None));
                reading.insert(operation.client, begun.collect());
            }
            Body::Assign(_) | Body::Subscribe(_) if ok => {
                unfinished.extend(reading.remove(&operation.client).into_iter().flatten());
            }
            Body::Poll(_) | Body::Txn(_) if ok => {
                let Some(reading) = reading.get_mut(&operation.client) else { continue };
                operation.phase = Phase::Final;
                let ended = read(operation, reading, &highest);
                for partition in &ended {
                    unfinished.remove(&partition.partition);
                }
                if !ended.is_empty() {
                    let body = Body::FinalRead(ended.into());
                    let ended = Operation { body, error: None, ..operation.clone() };
                    ends.push((place, Operation { outcome: Outcome::Invoke, ..ended.clone() }));
                    ends.push((place, ended));
                }
            }
            _ => {}
        }
    }
    log.insert(ends);
    unfinished.extend(reading.into_values().flatten());
    unfinished
        .into_iter()
        .filter_map(|(partition, until)| {
            let highest = highest.get(&partition)?;
            let until = until.map_or_else(|| "nothing".to_owned(), |offset| format!("up to offset {offset}"));
            Some((
                partition,
                format!("the last read from the beginning returned {until}, and offset {highest} is known"),
            ))
        })
        .collect()
}

/// The highest offset of each partition at which anything is known to have been.
fn highest(operations: &[Operation]) -> BTreeMap<TopicPartition, Offset> {
    let mut highest: BTreeMap<TopicPartition, Offset> = BTreeMap::new();
    let mut know = |partition: &TopicPartition, offset: Offset| match highest.get_mut(partition) {
        Some(known) => *known = offset.max(*known),
        None => {
            highest.insert(partition.clone(), offset);
        }
    };
    for operation in operations.iter().filter(|operation| operation.outcome != Outcome::Invoke) {
        if operation.outcome == Outcome::Ok {
            for send in operation.body.sends() {
                send.offset.inspect(|offset| know(&send.partition, *offset));
            }
        }
        for read in operation.body.reads() {
            read.records.iter().for_each(|record| know(&read.partition, record.offset));
        }
    }
    highest
}

/// Goes on reading. Returns the partitions that have been read to the end by now.
fn read(
    operation: &Operation,
    reading: &mut Reading,
    highest: &BTreeMap<TopicPartition, Offset>,
) -> Vec<PartitionPosition> {
    for read in operation.body.reads() {
        if let Some(until) = reading.get_mut(&read.partition) {
            *until = read.records.iter().map(|record| record.offset).max().max(*until);
        }
    }
    let ended: Vec<_> = reading
        .iter()
        .filter_map(|(partition, until)| {
            let until = until.filter(|until| Some(until) == highest.get(partition))?;
            Some(PartitionPosition { partition: partition.clone(), offset: Some(until.plus(1)) })
        })
        .collect();
    for position in &ended {
        reading.remove(&position.partition);
    }
    ended
}
