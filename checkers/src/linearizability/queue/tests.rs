//! The queue's check against the brute force, its rules, its witnesses.

use super::super::fuzz::{Inventive, Random, delayed, differ, freed, histories, op, pending, places};
use super::super::model::Model;
use super::super::{Answer, Op, Outside, ValueId, Witness, rule};
use super::{QueueAction, check};
use QueueAction::{Dequeue, DequeueEmpty, DequeueUnknown, Enqueue};

/// A queue, by its sequential behaviour.
struct Fifo;

impl Model for Fifo {
    type State = Vec<ValueId>;
    type Action = QueueAction;

    fn initial(&self) -> Vec<ValueId> {
        Vec::new()
    }

    fn step(&self, state: &Vec<ValueId>, action: &QueueAction, next: &mut Vec<Vec<ValueId>>) {
        match (*action, &state[..]) {
            (Enqueue(value), _) => next.push([&state[..], &[value]].concat()),
            (Dequeue(value), [first, rest @ ..]) if *first == value => next.push(rest.to_vec()),
            (DequeueEmpty | DequeueUnknown, []) => next.push(Vec::new()),
            (DequeueUnknown, [_, rest @ ..]) => next.push(rest.to_vec()),
            (Dequeue(_) | DequeueEmpty, _) => {}
        }
    }
}

impl Inventive for Fifo {
    fn invoke(&self, random: &mut Random, history: &[Op<QueueAction>]) -> QueueAction {
        if random.percent(50) {
            let enqueued = history.iter().filter(|op| matches!(op.action, Enqueue(_))).count();
            Enqueue(ValueId(enqueued as u32))
        } else {
            DequeueUnknown
        }
    }

    fn take_effect(&self, action: &QueueAction, state: &mut Vec<ValueId>) -> QueueAction {
        match *action {
            Enqueue(value) => {
                state.push(value);
                Enqueue(value)
            }
            _ if state.is_empty() => DequeueEmpty,
            _ => Dequeue(state.remove(0)),
        }
    }

    fn indeterminate(&self, action: &QueueAction) -> QueueAction {
        match *action {
            Enqueue(value) => Enqueue(value),
            _ => DequeueUnknown,
        }
    }

    fn corrupt(&self, random: &mut Random, action: &QueueAction, history: &[Op<QueueAction>]) -> QueueAction {
        let enqueued = history.iter().filter(|op| matches!(op.action, Enqueue(_))).count();
        match *action {
            Enqueue(value) => Enqueue(value),
            _ if random.percent(30) => DequeueEmpty,
            _ => Dequeue(ValueId(random.below((enqueued + 1).min(history.len())) as u32)),
        }
    }

    /// The values of the kept operations, and every dequeue without a known result.
    fn relaxed(&self, ops: &[Op<QueueAction>], kept: &[bool]) -> Vec<Op<QueueAction>> {
        let value = |op: &Op<QueueAction>| match op.action {
            Enqueue(value) | Dequeue(value) => Some(value),
            DequeueEmpty | DequeueUnknown => None,
        };
        let mut relaxed = Vec::new();
        for (op, keep) in ops.iter().zip(kept) {
            if *keep || op.action == DequeueUnknown {
                relaxed.push(delayed(op));
            } else if value(op).is_some() && kept_values(ops, kept).any(|kept| value(kept) == value(op)) {
                relaxed.push(freed(op));
            }
        }
        relaxed
    }
}

fn kept_values<'a>(
    ops: &'a [Op<QueueAction>],
    kept: &'a [bool],
) -> impl Iterator<Item = &'a Op<QueueAction>> {
    ops.iter().zip(kept).filter(|(_, keep)| **keep).map(|(op, _)| op)
}

const RULES: [&str; 9] = [
    "queue: enqueued at all",
    "queue: enqueued first",
    "queue: dequeued once",
    "queue: order",
    "queue: empty",
    "queue: unknown dequeues take",
    "queue: first returned, first taken",
    "queue: enqueued, then dequeued",
    "queue: cut where it is empty",
];

#[test]
fn agrees_with_the_brute_force() {
    let shares = differ(&Fifo, check, 0..histories(20_000)).unwrap_or_else(|what| panic!("{what}"));
    println!("{shares:?}");
    shares.assert_wide();
}

#[test]
fn every_rule_is_missed_when_it_is_gone() {
    for name in RULES {
        let noticed = rule::without(name, || differ(&Fifo, check, 0..1_000));
        assert!(noticed.is_err(), "nothing notices that \"{name}\" is gone");
    }
}
