//! The queue's check against the brute force, its rules, its witnesses.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::fuzz::{
    Inventive, Random, agree, delayed, differ, freed, history, listing, op, pending, places, stretched, woven,
};
use super::super::model::Model;
use super::super::{Answer, Op, Outside, ValueId, Witness, rule};
use super::{QueueAction, check};
use crate::random::histories;
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

fn violation(ops: &[Op<QueueAction>]) -> Witness {
    match check(ops) {
        Ok(Answer::Violation(witness)) => witness,
        other => panic!("{other:?}"),
    }
}

fn assert_shows(ops: &[Op<QueueAction>], kind: &str, operations: &[u32], what: &str) {
    let witness = violation(ops);
    assert_eq!((witness.kind, &places(&witness.operations)[..], &witness.what[..]), (kind, operations, what));
}

/// The values `a`, `b`, `c` and so on.
const A: ValueId = ValueId(0);
const B: ValueId = ValueId(1);
const C: ValueId = ValueId(2);

#[test]
fn an_empty_history_is_linearizable() {
    assert_eq!(check(&[]), Ok(Answer::Linearizable(Default::default())));
}

#[test]
fn what_nobody_enqueued_is_a_phantom() {
    assert_shows(&[op(0, 1, Dequeue(A))], "phantom", &[0], "dequeue 0 took 0, which nobody ever enqueued");
}

#[test]
fn a_value_is_not_dequeued_before_it_is_enqueued() {
    assert_shows(
        &[op(0, 1, Dequeue(A)), op(2, 3, Enqueue(A))],
        "dequeue from the future",
        &[0, 1],
        "dequeue 0 had returned before enqueue 0 was called",
    );
    assert!(matches!(check(&[op(0, 2, Dequeue(A)), op(1, 3, Enqueue(A))]), Ok(Answer::Linearizable(_))));
}

#[test]
fn a_value_is_dequeued_once() {
    assert_shows(
        &[op(0, 1, Enqueue(A)), op(2, 3, Dequeue(A)), op(4, 5, Dequeue(A))],
        "duplicate dequeue",
        &[1, 2],
        "0 was dequeued twice, and enqueued once at most",
    );
}

#[test]
fn first_in_is_first_out() {
    assert_shows(
        &[op(0, 1, Enqueue(A)), op(2, 3, Enqueue(B)), op(4, 5, Dequeue(B)), op(6, 7, Dequeue(A))],
        "out of order",
        &[0, 1, 2, 3],
        "enqueue 0 had returned before enqueue 1 was called, but dequeue 1 before dequeue 0 was called",
    );
}

#[test]
fn a_value_that_is_passed_over_is_skipped() {
    assert_shows(
        &[op(0, 1, Enqueue(A)), op(2, 3, Enqueue(B)), op(4, 5, Dequeue(B))],
        "skipped value",
        &[0, 1, 2],
        "enqueue 0 had returned before enqueue 1 was called, and dequeue 1 returned, but no dequeue took 0",
    );
}

#[test]
fn a_dequeue_without_a_result_excuses_one_value() {
    let ops = [
        op(0, 1, Enqueue(A)),
        op(2, 3, Enqueue(B)),
        pending(4, DequeueUnknown),
        op(5, 6, Enqueue(C)),
        op(7, 8, Dequeue(C)),
        pending(9, DequeueUnknown),
    ];
    assert_shows(
        &ops,
        "skipped value",
        &[0, 1, 3, 4],
        "enqueue 0 and enqueue 1 had returned before enqueue 2 was called, and dequeue 2 returned, but only one dequeue \
         without a known result can have taken any of them before",
    );
    let excused = [ops[0], op(2, 3, DequeueEmpty), ops[2], ops[3], ops[4]];
    assert_eq!(violation(&excused).kind, "false empty");
    let excused = [ops[0], ops[2], Op { action: Enqueue(B), ..ops[3] }, Op { action: Dequeue(B), ..ops[4] }];
    assert!(matches!(check(&excused), Ok(Answer::Linearizable(_))));
}

#[test]
fn a_queue_is_not_empty_while_a_value_must_be_in_it() {
    assert_shows(
        &[op(0, 1, Enqueue(A)), op(2, 3, DequeueEmpty), op(4, 5, Dequeue(A))],
        "false empty",
        &[1, 0, 2],
        "a dequeue that found the queue empty was called after enqueue 0 had returned, and it returned before dequeue 0 \
         was called",
    );
    assert_shows(
        &[
            op(0, 1, Enqueue(A)),
            op(2, 7, DequeueEmpty),
            op(3, 4, Enqueue(B)),
            op(5, 6, Dequeue(A)),
            op(8, 9, Dequeue(B)),
        ],
        "false empty",
        &[1, 0, 3, 2, 4],
        "a dequeue found the queue empty, but at every moment from its call to its return one of 2 values was in it: \
         0 and 1",
    );
}

#[test]
fn what_the_check_does_not_decide_is_refused() {
    let (operation, value) = (super::super::OpId(1), A);
    let enqueue = op(0, 1, Enqueue(A));
    let refused = |second| check(&[enqueue, second]).unwrap_err();
    assert_eq!(refused(op(2, 3, Enqueue(A))), Outside::NotUnique { operation, value });
    assert_eq!(refused(pending(2, Dequeue(A))), Outside::NeverReturned { operation });
    assert_eq!(refused(op(2, 3, DequeueUnknown)), Outside::ResultUnknown { operation });
    assert_eq!(refused(op(3, 2, DequeueEmpty)), Outside::Backwards { operation });
    let value = ValueId(u32::MAX);
    assert_eq!(refused(op(2, 3, Enqueue(value))), Outside::NotDense { operation, value });
}

#[test]
fn values_are_called_by_their_names() {
    let ops = [op(0, 1, Dequeue(A))];
    let answer = super::check_named(&ops, &|value| format!("`v{}`", value.0));
    let Ok(Answer::Violation(witness)) = answer else { panic!("{answer:?}") };
    assert_eq!(witness.what, "dequeue `v0` took `v0`, which nobody ever enqueued");
}

/// The answer without its certificate, which may differ.
fn verdict(ops: &[Op<QueueAction>]) -> Result<Option<&'static str>, Outside> {
    check(ops).map(|answer| match answer {
        Answer::Violation(witness) => Some(witness.kind),
        Answer::Linearizable(_) | Answer::Unknown(_) => None,
    })
}

#[test]
fn neither_names_nor_clocks_matter() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let ops = history(&Fifo, &mut random, 12);
        let renamed = |value: ValueId| ValueId(ops.len() as u32 - 1 - value.0);
        let other: Vec<_> = ops
            .iter()
            .map(|op| Op {
                action: match op.action {
                    Enqueue(value) => Enqueue(renamed(value)),
                    Dequeue(value) => Dequeue(renamed(value)),
                    other => other,
                },
                ..*op
            })
            .collect();
        let linearizable = |verdict: Result<Option<_>, _>| verdict.map(|kind| kind.is_none());
        assert_eq!(linearizable(verdict(&ops)), linearizable(verdict(&other)), "{}", listing(&ops));
        for slower in [3, 1_000_000] {
            let stretched = stretched(&ops, slower);
            assert_eq!(verdict(&ops), verdict(&stretched), "{}", listing(&ops));
        }
    }
}

#[test]
fn a_value_that_never_was_is_not_missed() {
    for seed in 0..2_000 {
        let ops = history(&Fifo, &mut Random::new(seed), 12);
        if verdict(&ops) != Ok(None) {
            continue;
        }
        for value in 0..ops.len() as u32 {
            let without = |op: &&Op<QueueAction>| {
                op.action != Enqueue(ValueId(value)) && op.action != Dequeue(ValueId(value))
            };
            let rest: Vec<_> = ops.iter().filter(without).copied().collect();
            let numbered = |op: &Op<QueueAction>| Op {
                action: match op.action {
                    Enqueue(other) if other.0 > value => Enqueue(ValueId(other.0 - 1)),
                    Dequeue(other) if other.0 > value => Dequeue(ValueId(other.0 - 1)),
                    other => other,
                },
                ..*op
            };
            let rest: Vec<_> = rest.iter().map(numbered).collect();
            assert_eq!(verdict(&rest), Ok(None), "without {value}: {}", listing(&ops));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// As the seeded histories, but any at all, and shrunk.
    #[test]
    fn agrees_on_arbitrary_histories(steps in vec((0u8..4, 0u8..4, 0u8..8), 1..9)) {
        let mut enqueued = 0;
        let ops = woven(&steps, |kind, value| match kind {
            0 | 1 => {
                enqueued += 1;
                (Enqueue(ValueId(enqueued - 1)), Enqueue(ValueId(enqueued - 1)))
            }
            2 => (Dequeue(ValueId(value % steps.len() as u32)), DequeueUnknown),
            _ => (DequeueEmpty, DequeueUnknown),
        });
        let agreed = agree(&Fifo, check, &ops, &mut Default::default());
        prop_assert!(agreed.is_ok(), "{}\n{}", agreed.unwrap_err(), listing(&ops));
    }
}
