//! What must change nothing but names: other values, another time, other offsets, a partition beside it.

use super::random::{Random, history};
use crate::ids::{ClientId, Offset, Process, Time, TopicPartition, Value};
use crate::log::{LogMonitor, Sighting};
use crate::monitor::Monitor;
use crate::operation::{Body, MicroOp, Operation, Poll};
use crate::random::histories;
use crate::recording::Event;

/// Near the upper end of what offsets and times can be.
const FAR: u64 = 1 << 62;

fn sightings(events: &[Event]) -> Vec<Sighting> {
    let report = LogMonitor::default().fold(events);
    assert_eq!(report.not_checkable(), None);
    let mut found = Vec::new();
    report.sightings(&mut |sighting| found.push(sighting));
    found
}

/// Sightings in an order of their own, without sentences.
fn sorted(mut found: Vec<Sighting>) -> Vec<String> {
    for sighting in &mut found {
        sighting.what = None;
        sighting.circle.clear();
    }
    let mut lines: Vec<_> = found.iter().map(|sighting| format!("{sighting:?}")).collect();
    lines.sort();
    lines
}

/// The history with other offsets, values and partitions.
fn changed(
    events: &[Event],
    offset: &dyn Fn(Offset) -> Offset,
    value: &dyn Fn(Value) -> Value,
    name: &dyn Fn(&TopicPartition) -> TopicPartition,
) -> Vec<Event> {
    let poll = |poll: &mut Poll| {
        for read in &mut poll.reads {
            read.partition = name(&read.partition);
            for record in &mut read.records {
                (record.offset, record.value) = (offset(record.offset), value(record.value));
            }
        }
    };
    let send = |send: &mut crate::operation::Send| {
        send.partition = name(&send.partition);
        (send.offset, send.value) = (send.offset.map(offset), value(send.value));
    };
    let mut events = events.to_vec();
    for event in &mut events {
        let Event::Operation(Operation { body, .. }) = event else { continue };
        match body {
            Body::Send(it) => send(it),
            Body::Poll(it) => poll(it),
            Body::Txn(steps) => steps.iter_mut().for_each(|step| match step {
                MicroOp::Send(it) => send(it),
                MicroOp::Poll(it) => poll(it),
            }),
            Body::Assign(positions) => {
                for position in positions {
                    position.partition = name(&position.partition);
                    position.offset = position.offset.map(offset);
                }
            }
            Body::Subscribe(partitions) => {
                for partition in partitions {
                    *partition = name(partition);
                }
            }
            other => unreachable!("{other:?}"),
        }
    }
    events
}

#[test]
fn other_values_change_nothing_but_their_names() {
    for seed in 0..histories(500) {
        let events = history(seed, 30);
        // One to one, and in another order.
        let rename =
            |value: Value| Value((value.0.wrapping_mul(0x5851_f42d_4c95_7f2d)) >> 8 << 8 | (value.0 & 0xff));
        let renamed = changed(&events, &|it| it, &rename, &TopicPartition::clone);
        let mut expected = sightings(&events);
        for sighting in &mut expected {
            sighting.evidence.values = sighting.evidence.values.iter().map(|value| rename(*value)).collect();
        }
        assert_eq!(sorted(sightings(&renamed)), sorted(expected), "seed {seed}");
    }
}

#[test]
fn other_offsets_and_times_change_nothing_but_their_numbers() {
    for seed in 0..histories(500) {
        let events = history(seed, 30);
        let far = FAR - 5;
        let shift = |offset: Offset| offset.plus(far as i64);
        let mut shifted = changed(&events, &shift, &|it| it, &TopicPartition::clone);
        for event in &mut shifted {
            if let Event::Operation(operation) = event {
                operation.time = Time(operation.time.0 + far);
            }
        }
        let mut expected = sightings(&events);
        for Sighting { evidence, .. } in &mut expected {
            evidence.time = Time(evidence.time.0 + far);
            evidence.offsets = evidence.offsets.iter().map(|offset| shift(*offset)).collect();
        }
        assert_eq!(sorted(sightings(&shifted)), sorted(expected), "seed {seed}");
    }
}

#[test]
fn another_system_beside_it_changes_nothing() {
    for seed in 0..histories(500) {
        let (one, other) = (history(seed, 20), history(seed + 1_000_000, 20));
        let beside = |name: &TopicPartition| TopicPartition::new("u", name.partition);
        let mut other = changed(&other, &|it| it, &|it| it, &beside);
        for event in &mut other {
            if let Event::Operation(operation) = event {
                operation.process = Process(operation.process.0 + 1_000);
                operation.client = ClientId(operation.client.0 + 1_000);
                operation.index.0 += 1_000;
            }
        }
        let mut random = Random(seed);
        let (mut ones, mut others) = (one.iter().peekable(), other.iter().peekable());
        let mut merged = Vec::new();
        while ones.peek().is_some() || others.peek().is_some() {
            let next = if random.below(2) == 0 { ones.next() } else { others.next() };
            merged.extend(next.cloned());
        }
        // Time leads from one to the other, and may close other circles, or shorter ones; and what is in a stronger
        // circle of one system is not looked at again with those of the other that time joins to it.
        let own = |found: Vec<Sighting>| {
            let (circles, rest): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|it| it.anomaly.name().ends_with("-realtime"));
            let is_circle =
                |it: &Sighting| it.anomaly.name().starts_with("G0") || it.anomaly.name().starts_with("G1c");
            (circles.is_empty() && !rest.iter().any(is_circle), sorted(rest))
        };
        let mut apart = sightings(&one);
        apart.extend(sightings(&other));
        assert_eq!(own(sightings(&merged)), own(apart), "seed {seed}");
    }
}
