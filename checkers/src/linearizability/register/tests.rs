//! The register's check against the brute force, its rules, its witnesses.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::fuzz::{
    Inventive, Random, agree, delayed, differ, freed, history, listing, op, pending, places, stretched, woven,
};
use super::super::model::Model;
use super::super::{Answer, Op, Outside, ValueId, Witness, rule};
use super::{RegisterAction, check};
use crate::random::histories;
use RegisterAction::{Cas, CasFailed, Read, Write};

/// What a register holds at first.
const INITIAL: ValueId = ValueId(0);

/// A register, by its sequential behaviour.
struct Register;

impl Model for Register {
    type State = ValueId;
    type Action = RegisterAction;

    fn initial(&self) -> ValueId {
        INITIAL
    }

    fn step(&self, state: &ValueId, action: &RegisterAction, next: &mut Vec<ValueId>) {
        match *action {
            Read(value) if value == *state => next.push(value),
            Write(value) => next.push(value),
            Cas { from, to } if from == *state => next.push(to),
            CasFailed { from, .. } if from != *state => next.push(*state),
            Read(_) | Cas { .. } | CasFailed { .. } => {}
        }
    }
}

/// The number of the next value that is written.
fn fresh(history: &[Op<RegisterAction>]) -> ValueId {
    let writes = history.iter().filter(|op| matches!(op.action, Write(_) | Cas { .. } | CasFailed { .. }));
    ValueId(1 + writes.count() as u32)
}

/// A value that somebody wrote, or will, or nobody.
fn some(random: &mut Random, history: &[Op<RegisterAction>]) -> ValueId {
    let unwritten = usize::from(random.percent(10));
    ValueId(random.below(fresh(history).0 as usize + unwritten) as u32)
}

impl Inventive for Register {
    fn invoke(&self, random: &mut Random, history: &[Op<RegisterAction>]) -> RegisterAction {
        match random.below(10) {
            0..5 => Read(INITIAL),
            5..7 => Write(fresh(history)),
            _ => {
                let from = if random.percent(5) { fresh(history) } else { some(random, history) };
                Cas { from, to: fresh(history) }
            }
        }
    }

    fn take_effect(&self, action: &RegisterAction, state: &mut ValueId) -> RegisterAction {
        match *action {
            Write(value) => {
                *state = value;
                Write(value)
            }
            Cas { from, to } => {
                // One that fails would be outside: it takes what is there.
                let from = if from == to { to } else { *state };
                if from == *state {
                    *state = to;
                    Cas { from, to }
                } else {
                    Read(*state)
                }
            }
            Read(_) | CasFailed { .. } => Read(*state),
        }
    }

    fn indeterminate(&self, action: &RegisterAction) -> RegisterAction {
        *action
    }

    fn corrupt(
        &self,
        random: &mut Random,
        action: &RegisterAction,
        history: &[Op<RegisterAction>],
    ) -> RegisterAction {
        match *action {
            Read(_) => Read(some(random, history)),
            Cas { to, .. } => Cas { from: some(random, history), to },
            other => other,
        }
    }

    /// The kept operations, and every write, since all may be needed for what they saw.
    fn relaxed(&self, ops: &[Op<RegisterAction>], kept: &[bool]) -> Vec<Op<RegisterAction>> {
        let mut relaxed = Vec::new();
        for (op, keep) in ops.iter().zip(kept) {
            match op.action {
                _ if *keep => relaxed.push(delayed(op)),
                Write(_) | Cas { .. } => relaxed.push(freed(op)),
                Read(_) | CasFailed { .. } => {}
            }
        }
        relaxed
    }
}

const RULES: [&str; 8] = [
    "register: unseen compare-and-sets need not happen",
    "register: seen writes happened",
    "register: written at all",
    "register: replaced once",
    "register: no circles",
    "register: order within a block",
    "register: order of blocks",
    "register: initial value first",
];

fn check_from_zero(ops: &[Op<RegisterAction>]) -> Result<Answer, Outside> {
    check(INITIAL, ops)
}

#[test]
fn agrees_with_the_brute_force() {
    let shares =
        differ(&Register, check_from_zero, 0..histories(20_000)).unwrap_or_else(|what| panic!("{what}"));
    println!("{shares:?}");
    shares.assert_wide();
}

#[test]
fn every_rule_is_missed_when_it_is_gone() {
    for name in RULES {
        let noticed = rule::without(name, || differ(&Register, check_from_zero, 0..1_000));
        assert!(noticed.is_err(), "nothing notices that \"{name}\" is gone");
    }
}

fn assert_shows(ops: &[Op<RegisterAction>], kind: &str, operations: &[u32], what: &str) {
    let witness = match check(INITIAL, ops) {
        Ok(Answer::Violation(witness)) => witness,
        other => panic!("{other:?}"),
    };
    assert_eq!((witness.kind, &places(&witness.operations)[..], &witness.what[..]), (kind, operations, what));
}

fn assert_linearizable(ops: &[Op<RegisterAction>]) {
    let answer = check(INITIAL, ops);
    assert!(matches!(answer, Ok(Answer::Linearizable(_))), "{answer:?}");
}

const ONE: ValueId = ValueId(1);
const TWO: ValueId = ValueId(2);
const THREE: ValueId = ValueId(3);

fn cas(from: ValueId, to: ValueId) -> RegisterAction {
    Cas { from, to }
}

#[test]
fn an_empty_history_is_linearizable() {
    assert_linearizable(&[]);
}

#[test]
fn what_nobody_wrote_is_a_phantom() {
    assert_shows(&[op(0, 1, Read(ONE))], "phantom", &[0], "read 1 found 1, which nobody ever wrote");
    assert_shows(
        &[pending(0, cas(TWO, ONE)), op(1, 2, Read(ONE))],
        "phantom",
        &[1],
        "read 1 came of 2, which nobody ever wrote",
    );
}

#[test]
fn a_value_is_replaced_once() {
    assert_shows(
        &[op(0, 1, cas(INITIAL, ONE)), op(2, 3, cas(INITIAL, TWO))],
        "forked value",
        &[0, 1],
        "cas 0 to 1 and cas 0 to 2 both replaced 0, which was there once",
    );
    assert_shows(
        &[op(0, 1, cas(INITIAL, ONE)), pending(2, cas(INITIAL, TWO)), op(3, 4, Read(TWO))],
        "forked value",
        &[0, 1, 2],
        "cas 0 to 1 and cas 0 to 2 both replaced 0, which was there once; cas 0 to 2 never returned, but happened, \
         since read 2 came of it",
    );
    assert_linearizable(&[op(0, 1, cas(INITIAL, ONE)), pending(2, cas(INITIAL, TWO)), op(3, 4, Read(ONE))]);
}

#[test]
fn values_do_not_replace_each_other_in_a_circle() {
    assert_shows(
        &[op(0, 3, cas(ONE, TWO)), op(1, 2, cas(TWO, ONE))],
        "circle",
        &[1, 0],
        "cas 2 to 1 and cas 1 to 2 replaced each other's values in a circle, and no write leads into it",
    );
}

#[test]
fn nothing_is_read_before_it_is_written() {
    assert_shows(
        &[op(0, 1, Read(ONE)), op(2, 3, Write(ONE))],
        "read from the future",
        &[0, 1],
        "read 1 had returned before write 1 was called, without which it cannot be",
    );
    assert_linearizable(&[op(0, 2, Read(ONE)), op(1, 3, Write(ONE))]);
}

#[test]
fn what_was_replaced_is_not_read() {
    assert_shows(
        &[op(0, 1, Write(ONE)), op(2, 3, cas(ONE, TWO)), op(4, 5, Read(ONE))],
        "stale read",
        &[1, 2],
        "cas 1 to 2 had returned before read 1 was called: 1 was gone by then",
    );
}

#[test]
fn what_was_overwritten_is_not_read() {
    assert_shows(
        &[op(0, 1, Write(ONE)), op(2, 3, Write(TWO)), op(4, 5, Read(ONE))],
        "stale read",
        &[0, 1, 2],
        "write 1 had returned before write 2 was called, and write 2 before read 1 was called: 1 was gone by then",
    );
    assert_linearizable(&[op(0, 1, Write(ONE)), op(2, 5, Write(TWO)), op(3, 4, Read(ONE))]);
}

#[test]
fn readers_do_not_disagree_on_the_order_of_two_writes() {
    assert_shows(
        &[
            op(0, 20, Write(ONE)),
            op(1, 21, Write(TWO)),
            op(2, 3, Read(ONE)),
            op(4, 5, Read(TWO)),
            op(6, 7, Read(ONE)),
        ],
        "stale read",
        &[2, 3, 4],
        "read 1 had returned before read 2 was called, and read 2 before read 1 was called: 1 was gone by then",
    );
}

#[test]
fn what_was_overwritten_is_not_replaced() {
    let ops = [op(0, 1, Write(ONE)), op(2, 3, Write(TWO)), op(4, 5, cas(ONE, THREE))];
    let Ok(Answer::Violation(Witness { kind, operations, .. })) = check(INITIAL, &ops) else { panic!() };
    assert_eq!((kind, &places(&operations)[..]), ("stale compare-and-set", &[0, 1, 2][..]));
}

#[test]
fn the_initial_value_comes_first() {
    assert_shows(
        &[op(0, 1, Write(ONE)), op(2, 3, Read(INITIAL))],
        "stale read",
        &[0, 1],
        "write 1 had returned before read 0 was called: the initial value was gone by then",
    );
    assert_linearizable(&[op(0, 3, Write(ONE)), op(1, 2, Read(INITIAL))]);
}

#[test]
fn a_write_that_never_returned_happened_if_it_was_seen() {
    let write = pending(0, Write(ONE));
    assert_linearizable(&[write, op(1, 2, Read(INITIAL)), op(3, 4, Read(ONE))]);
    assert_linearizable(&[write, op(1, 2, Read(INITIAL)), op(3, 4, Read(INITIAL))]);
    let ops = [write, op(1, 2, Read(ONE)), op(3, 4, Read(INITIAL))];
    assert!(matches!(check(INITIAL, &ops), Ok(Answer::Violation(_))));
    // Through a compare-and-set of which nobody heard again either.
    assert_linearizable(&[write, pending(1, cas(ONE, TWO)), op(2, 3, Read(TWO))]);
}

#[test]
fn to_replace_a_value_by_itself_is_to_read_it() {
    assert_linearizable(&[op(0, 1, Write(ONE)), op(2, 3, cas(ONE, ONE)), op(4, 5, Read(ONE))]);
    assert_shows(
        &[op(0, 1, Write(ONE)), op(2, 3, cas(INITIAL, INITIAL))],
        "stale read",
        &[0, 1],
        "write 1 had returned before read 0 was called: the initial value was gone by then",
    );
}

#[test]
fn what_the_check_does_not_decide_is_refused() {
    let (operation, value) = (super::super::OpId(1), ONE);
    let refused = |second| check(INITIAL, &[op(0, 1, Write(ONE)), second]).unwrap_err();
    assert_eq!(refused(op(2, 3, Write(ONE))), Outside::NotUnique { operation, value });
    assert_eq!(refused(op(2, 3, cas(TWO, ONE))), Outside::NotUnique { operation, value });
    assert_eq!(refused(op(2, 3, Write(INITIAL))), Outside::NotUnique { operation, value: INITIAL });
    assert_eq!(refused(op(2, 3, CasFailed { from: ONE, to: TWO })), Outside::FailedCas { operation });
    assert_eq!(refused(op(3, 2, Read(ONE))), Outside::Backwards { operation });
    let value = ValueId(u32::MAX);
    assert_eq!(refused(op(2, 3, Read(value))), Outside::NotDense { operation, value });
    assert_eq!(
        refused(op(2, 3, Write(ONE))).to_string(),
        "operation 1 brings value 1 into being a second time: only the general search can tell such values apart"
    );
}

/// Whether it is linearizable, if that is decided.
fn verdict(initial: ValueId, ops: &[Op<RegisterAction>]) -> Result<bool, Outside> {
    check(initial, ops).map(|answer| matches!(answer, Answer::Linearizable(_)))
}

fn renamed(action: RegisterAction, name: impl Fn(ValueId) -> ValueId) -> RegisterAction {
    match action {
        Read(value) => Read(name(value)),
        Write(value) => Write(name(value)),
        Cas { from, to } => Cas { from: name(from), to: name(to) },
        CasFailed { from, to } => CasFailed { from: name(from), to: name(to) },
    }
}

#[test]
fn neither_names_nor_clocks_matter() {
    for seed in 0..2_000 {
        let ops = history(&Register, &mut Random::new(seed), 12);
        let turned = |value: ValueId| ValueId(ops.len() as u32 + 1 - value.0);
        let other: Vec<_> = ops.iter().map(|op| Op { action: renamed(op.action, turned), ..*op }).collect();
        let expected = verdict(INITIAL, &ops);
        if expected.is_ok() {
            assert_eq!(verdict(turned(INITIAL), &other), expected, "{}", listing(&ops));
        }
        for slower in [3, 1_000_000] {
            assert_eq!(verdict(INITIAL, &stretched(&ops, slower)), expected, "{}", listing(&ops));
        }
    }
}

/// One register and then another, with a write of the other's initial value between them, is one register.
#[test]
fn one_register_after_another_is_one() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let (first, second) = (history(&Register, &mut random, 6), history(&Register, &mut random, 6));
        let expected = (verdict(INITIAL, &first), verdict(INITIAL, &second));
        let (Ok(one), Ok(other)) = expected else { continue };
        let (values, begin) = (first.len() as u32 + 2, 100);
        let mut both = first.clone();
        both.push(op(begin, begin + 1, Write(ValueId(values))));
        for op in &second {
            let mut op = *op;
            op.interval.call.0 += begin + 2;
            if op.interval.ret.is_some() {
                op.interval.ret.0 += begin + 2;
            }
            op.action = renamed(op.action, |value| ValueId(value.0 + values));
            both.push(op);
        }
        assert_eq!(verdict(INITIAL, &both), Ok(one && other), "{}", listing(&both));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// As the seeded histories, but any at all, and shrunk.
    #[test]
    fn agrees_on_arbitrary_histories(steps in vec((0u8..5, 0u8..5, 0u8..8), 1..9)) {
        let mut written = 0;
        let ops = woven(&steps, |kind, value| {
            let action = match kind {
                0..3 => Read(ValueId(value)),
                _ => {
                    written += 1;
                    if kind == 3 { Write(ValueId(written)) } else { cas(ValueId(value), ValueId(written)) }
                }
            };
            (action, action)
        });
        let agreed = agree(&Register, check_from_zero, &ops, &mut Default::default());
        prop_assert!(agreed.is_ok(), "{}\n{}", agreed.unwrap_err(), listing(&ops));
    }
}
