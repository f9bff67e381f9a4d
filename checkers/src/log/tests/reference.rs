//! The rules once more, as plainly as they can be written, held against the checker on small histories.

use std::collections::{BTreeMap, BTreeSet};

use super::random::{history, transactions};
use crate::ids::{ClientId, Offset, TopicPartition, Value};
use crate::log::LogMonitor;
use crate::monitor::Monitor;
use crate::operation::{Body, Operation, Outcome};
use crate::random::histories;
use crate::recording::Event;
use crate::verdict::Anomaly;

/// An operation of a history, by the places of its events.
struct Op<'a> {
    asked: &'a Operation,
    call: usize,
    answered: Option<(&'a Operation, usize)>,
}

impl<'a> Op<'a> {
    fn outcome(&self) -> Outcome {
        self.answered.map_or(Outcome::Info, |(operation, _)| operation.outcome)
    }

    fn sends(&self) -> Vec<(TopicPartition, Value, Option<Offset>)> {
        let told = |value: Value, partition: &TopicPartition| {
            let sends = self.answered.iter().flat_map(|(operation, _)| operation.body.sends());
            let mut mine = sends.filter(|send| send.value == value && send.partition == *partition);
            mine.next().and_then(|send| send.offset)
        };
        let sends = self.asked.body.sends();
        sends.map(|it| (it.partition.clone(), it.value, told(it.value, &it.partition))).collect()
    }

    fn reads(&self) -> Vec<(TopicPartition, Offset, Value)> {
        let reads = self.answered.iter().flat_map(|(operation, _)| operation.body.reads());
        reads
            .flat_map(|read| read.records.iter().map(|it| (read.partition.clone(), it.offset, it.value)))
            .collect()
    }

    fn ended_before(&self, other: &Self) -> bool {
        self.outcome() == Outcome::Ok && self.answered.is_some_and(|(_, end)| end < other.call)
    }
}

fn operations(events: &[Event]) -> Vec<Op<'_>> {
    let mut ops: Vec<Op<'_>> = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let Event::Operation(operation) = event else { continue };
        if operation.outcome == Outcome::Invoke {
            ops.push(Op { asked: operation, call: place, answered: None });
        } else {
            let op = ops.iter_mut().rfind(|op| op.asked.process == operation.process).expect("was begun");
            op.answered = Some((operation, place));
        }
    }
    ops
}

/// Which operations took effect.
fn committed(ops: &[Op<'_>]) -> Vec<bool> {
    let read: BTreeSet<_> = ops.iter().flat_map(Op::reads).map(|(tp, _, value)| (tp, value)).collect();
    let is_read = |op: &Op<'_>| op.sends().into_iter().any(|(tp, value, _)| read.contains(&(tp, value)));
    ops.iter()
        .map(|op| match op.outcome() {
            Outcome::Ok => true,
            Outcome::Fail => false,
            _ => is_read(op),
        })
        .collect()
}

type Found = BTreeSet<(Anomaly, TopicPartition, Vec<Value>, Vec<Offset>)>;

/// Everything about single records and the order of polls.
fn expected(events: &[Event]) -> Found {
    let ops = operations(events);
    let committed = committed(&ops);
    let mut found = Found::new();
    let mut at: BTreeMap<(TopicPartition, Offset), BTreeSet<Value>> = BTreeMap::new();
    let mut of: BTreeMap<(TopicPartition, Value), BTreeSet<Offset>> = BTreeMap::new();
    let mut highest: BTreeMap<TopicPartition, Offset> = BTreeMap::new();
    let (mut read, mut read_ok) = (BTreeSet::new(), BTreeSet::new());
    for op in &ops {
        for (tp, offset, value) in op.reads() {
            at.entry((tp.clone(), offset)).or_default().insert(value);
            of.entry((tp.clone(), value)).or_default().insert(offset);
            let top = highest.entry(tp.clone()).or_insert(offset);
            *top = offset.max(*top);
            if op.outcome() == Outcome::Ok {
                read_ok.insert((tp.clone(), value));
            }
            read.insert((tp, value));
        }
    }
    let mut sent = BTreeSet::new();
    for (op, took_effect) in ops.iter().zip(&committed) {
        for (tp, value, told) in op.sends() {
            sent.insert((tp.clone(), value));
            if let Some(offset) = told.filter(|_| *took_effect) {
                at.entry((tp.clone(), offset)).or_default().insert(value);
                of.entry((tp.clone(), value)).or_default().insert(offset);
                let below = highest.get(&tp).is_some_and(|highest| offset <= *highest);
                if below && !read.contains(&(tp.clone(), value)) {
                    found.insert((Anomaly::LostWrite, tp.clone(), vec![value], vec![offset]));
                }
            }
            if op.outcome() == Outcome::Fail && read_ok.contains(&(tp.clone(), value)) {
                found.insert((Anomaly::AbortedRead, tp, vec![value], Vec::new()));
            }
        }
    }
    for (tp, value) in read.difference(&sent) {
        found.insert((Anomaly::Phantom, tp.clone(), vec![*value], Vec::new()));
    }
    for ((tp, offset), values) in at.iter().filter(|(_, values)| values.len() > 1) {
        let values = values.iter().copied().collect();
        found.insert((Anomaly::InconsistentOffsets, tp.clone(), values, vec![*offset]));
    }
    for ((tp, value), offsets) in of.iter().filter(|(_, offsets)| offsets.len() > 1) {
        found.insert((Anomaly::Duplicate, tp.clone(), vec![*value], offsets.iter().copied().collect()));
    }
    found.extend(order(events, &at));
    found
}

/// What consumers skip, and where they step back.
fn order(events: &[Event], at: &BTreeMap<(TopicPartition, Offset), BTreeSet<Value>>) -> Found {
    let mut found = Found::new();
    let mut stands: BTreeMap<(ClientId, TopicPartition), Offset> = BTreeMap::new();
    for event in events {
        let Event::Operation(operation) = event else { continue };
        let client = operation.client;
        let listed: Vec<(TopicPartition, Option<Offset>)> = match &operation.body {
            Body::Assign(positions) => positions.iter().map(|it| (it.partition.clone(), it.offset)).collect(),
            Body::Subscribe(partitions) => partitions.iter().map(|it| (it.clone(), None)).collect(),
            _ => Vec::new(),
        };
        if matches!(operation.body, Body::Assign(_) | Body::Subscribe(_)) {
            if operation.outcome == Outcome::Ok {
                stands.retain(|(other, tp), last| {
                    let kept = listed.iter().rfind(|(listed, _)| listed == tp);
                    *other != client || kept.is_some_and(|(_, at)| at.is_none_or(|at| at.0 == last.0 + 1))
                });
            }
            continue;
        }
        let mut here: BTreeMap<TopicPartition, Offset> = BTreeMap::new();
        for read in operation.body.reads() {
            for record in &read.records {
                let tp = &read.partition;
                let internal = here.get(tp).copied();
                let from = internal.or_else(|| stands.get(&(client, tp.clone())).copied());
                here.insert(tp.clone(), record.offset);
                let Some(from) = from else { continue };
                let (skip, back) = if internal.is_some() {
                    (Anomaly::IntPollSkip, Anomaly::IntNonmonotonicPoll)
                } else {
                    (Anomaly::PollSkip, Anomaly::NonmonotonicPoll)
                };
                if record.offset <= from {
                    found.insert((back, tp.clone(), Vec::new(), vec![from, record.offset]));
                }
                let between = (from.0 + 1..record.offset.0).map(Offset);
                let mut known = between.filter(|offset| at.contains_key(&(tp.clone(), *offset)));
                if let Some(skipped) = known.next() {
                    found.insert((skip, tp.clone(), Vec::new(), vec![from, skipped, record.offset]));
                }
            }
        }
        if operation.outcome == Outcome::Ok {
            for (tp, offset) in here {
                stands.insert((client, tp), offset);
            }
        }
    }
    found
}

/// Which partitions have a producer whose later record lies before one that was acknowledged before.
fn step_back(events: &[Event]) -> BTreeSet<(TopicPartition, ClientId)> {
    let ops = operations(events);
    let mut first_read: BTreeMap<(TopicPartition, Value), Offset> = BTreeMap::new();
    let mut by_answer: Vec<&Op<'_>> = ops.iter().collect();
    by_answer.sort_by_key(|op| op.answered.map(|(_, place)| place));
    for op in by_answer {
        let mut reads = op.reads();
        // Of one poll the lowest.
        reads.sort();
        for (tp, offset, value) in reads {
            first_read.entry((tp, value)).or_insert(offset);
        }
    }
    let mut found = BTreeSet::new();
    let ok: Vec<_> = ops.iter().filter(|op| op.outcome() == Outcome::Ok).collect();
    for (one, other) in ok.iter().flat_map(|one| ok.iter().map(move |other| (one, other))) {
        if one.asked.client != other.asked.client || !one.ended_before(other) {
            continue;
        }
        for (tp, value, told) in one.sends() {
            for (other_tp, other_value, other_told) in other.sends() {
                let place = |tp: &TopicPartition, value, told: Option<Offset>| {
                    told.or_else(|| first_read.get(&(tp.clone(), value)).copied())
                };
                let (first, then) = (place(&tp, value, told), place(&tp, other_value, other_told));
                if tp == other_tp && first.zip(then).is_some_and(|(first, then)| then <= first) {
                    found.insert((tp.clone(), one.asked.client));
                }
            }
        }
    }
    found
}

/// The dependencies of operations: which comes before which by ww, by wr, and by time.
fn dependencies(events: &[Event]) -> [BTreeSet<(usize, usize)>; 3] {
    let ops = operations(events);
    let committed = committed(&ops);
    let [mut ww, mut wr, mut time] = [const { BTreeSet::new() }; 3];
    let mut lies: BTreeMap<(TopicPartition, Offset), BTreeSet<Value>> = BTreeMap::new();
    let mut writer: BTreeMap<(TopicPartition, Value), usize> = BTreeMap::new();
    let mut place: BTreeMap<(TopicPartition, Value), Offset> = BTreeMap::new();
    let mut by_answer: Vec<usize> = (0..ops.len()).collect();
    by_answer.sort_by_key(|op| ops[*op].answered.map(|(_, place)| place));
    for (op, _) in committed.iter().enumerate().filter(|(_, took_effect)| **took_effect) {
        for (tp, value, told) in ops[op].sends() {
            if let Some(offset) = told {
                lies.entry((tp.clone(), offset)).or_default().insert(value);
                place.insert((tp.clone(), value), offset);
            }
            writer.insert((tp, value), op);
        }
    }
    for op in by_answer {
        let mut reads = ops[op].reads();
        reads.sort();
        for (tp, offset, value) in reads {
            lies.entry((tp.clone(), offset)).or_default().insert(value);
            place.entry((tp.clone(), value)).or_insert(offset);
            if let Some(writer) = writer.get(&(tp, value)).filter(|writer| **writer != op && committed[op]) {
                wr.insert((*writer, op));
            }
        }
    }
    let mut last: Option<(TopicPartition, usize)> = None;
    for ((tp, offset), values) in &lies {
        let value = *values.first().expect("something lies there");
        let Some(op) = writer.get(&(tp.clone(), value)).filter(|_| values.len() == 1) else { continue };
        if place.get(&(tp.clone(), value)) != Some(offset) {
            continue;
        }
        if let Some((_, before)) = last.replace((tp.clone(), *op)).filter(|(last, _)| last == tp)
            && before != *op
        {
            ww.insert((before, *op));
        }
    }
    for (one, _) in ops.iter().enumerate().filter(|(op, _)| committed[*op]) {
        for (other, _) in ops.iter().enumerate().filter(|(op, _)| committed[*op]) {
            if ops[one].ended_before(&ops[other]) {
                time.insert((one, other));
            }
        }
    }
    [ww, wr, time]
}

fn has_circle(count: usize, edges: &[&BTreeSet<(usize, usize)>]) -> bool {
    let mut reaches = vec![vec![false; count]; count];
    for (from, to) in edges.iter().flat_map(|edges| edges.iter()) {
        reaches[*from][*to] = true;
    }
    for via in 0..count {
        let onward = reaches[via].clone();
        for row in reaches.iter_mut().filter(|row| row[via]) {
            row.iter_mut().zip(&onward).for_each(|(to, further)| *to |= further);
        }
    }
    reaches.iter().enumerate().any(|(op, row)| row[op])
}

/// What the checker finds, in the reference's terms.
fn found(events: &[Event]) -> Found {
    let mut found = Found::new();
    let mut doubled: BTreeMap<(TopicPartition, Value), BTreeSet<Offset>> = BTreeMap::new();
    let report = LogMonitor::default().fold(events);
    assert_eq!(report.not_checkable(), None);
    report.sightings(&mut |sighting| {
        let (mut values, mut offsets) = (sighting.evidence.values, sighting.evidence.offsets);
        match sighting.anomaly {
            Anomaly::Duplicate => {
                doubled.entry((sighting.partition, values[0])).or_default().extend(offsets);
                return;
            }
            Anomaly::LostWrite => offsets.truncate(1),
            Anomaly::AbortedRead | Anomaly::Phantom => offsets.clear(),
            Anomaly::InconsistentOffsets => values.sort(),
            Anomaly::PollSkip | Anomaly::IntPollSkip => values.clear(),
            Anomaly::NonmonotonicPoll | Anomaly::IntNonmonotonicPoll => {}
            _ => return,
        }
        found.insert((sighting.anomaly, sighting.partition, values, offsets));
    });
    let doubled = doubled.into_iter();
    found.extend(
        doubled.map(|((tp, value), offsets)| {
            (Anomaly::Duplicate, tp, vec![value], offsets.into_iter().collect())
        }),
    );
    found
}

#[test]
fn the_checker_and_the_reference_agree() {
    let mut seen: BTreeMap<Anomaly, u64> = BTreeMap::new();
    for seed in 0..histories(3_000) {
        let events = history(seed, 6 + seed % 30);
        let (found, expected) = (found(&events), expected(&events));
        assert_eq!(found, expected, "seed {seed}");
        for (anomaly, ..) in found {
            *seen.entry(anomaly).or_default() += 1;
        }
    }
    assert!(seen.len() >= 9 && seen.values().all(|count| *count >= 10), "{seen:?}");
}

#[test]
fn the_order_of_sends_agrees_with_the_reference() {
    let mut seen = 0;
    for seed in 0..histories(3_000) {
        let events = history(seed, 6 + seed % 30);
        let mut found = BTreeSet::new();
        LogMonitor::default().fold(&events).sightings(&mut |sighting| {
            if sighting.anomaly == Anomaly::NonmonotonicSend {
                let at = sighting.evidence.operations[1].0;
                let Event::Operation(operation) = &events[at as usize] else { unreachable!() };
                found.insert((sighting.partition, operation.client));
            }
        });
        assert_eq!(found, step_back(&events), "seed {seed}");
        seen += u64::from(!found.is_empty());
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn circles_are_found_where_there_are_any() {
    let mut seen = [0; 4];
    for seed in 0..histories(3_000) {
        let events = if seed % 4 == 0 { history(seed, 30) } else { transactions(seed) };
        let ops = operations(&events);
        let [ww, wr, time] = dependencies(&events);
        let is_there = |edges: &[&BTreeSet<_>]| has_circle(ops.len(), edges);
        let expected =
            [is_there(&[&wr]), is_there(&[&wr, &time]), is_there(&[&ww]), is_there(&[&ww, &wr, &time])];
        let mut found = [false; 4];
        LogMonitor::default().fold(&events).sightings(&mut |sighting| {
            let is_legal = sighting.legal.is_some();
            match sighting.anomaly {
                Anomaly::CircularInformation if !is_legal => (found[0], found[1]) = (true, true),
                Anomaly::CircularInformationProcess | Anomaly::CircularInformationRealtime if !is_legal => {
                    found[1] = true;
                }
                Anomaly::WriteCycle => found[2] = true,
                _ if !sighting.anomaly.name().starts_with('G')
                    || sighting.anomaly == Anomaly::AbortedRead =>
                {
                    return;
                }
                _ => {}
            }
            found[3] = true;
        });
        // Whoever is in a stronger circle is not looked at for weaker ones.
        assert_eq!((found[0], found[1], found[3]), (expected[0], expected[1], expected[3]), "seed {seed}");
        assert!(found[2] == expected[2] || found[1], "seed {seed}");
        let quick = crate::log::transactions::are_in_order(&LogMonitor::default().fold(&events));
        assert_eq!(quick, !expected[3], "seed {seed}");
        for (seen, expected) in seen.iter_mut().zip(expected) {
            *seen += u64::from(expected);
        }
    }
    assert!(seen.iter().all(|count| *count > 30) && seen[3] < histories(3_000), "{seen:?}");
}
