//! The register's check against the brute force, its rules, its witnesses.

use super::super::fuzz::{Inventive, Random, delayed, differ, freed, histories, op, pending, places};
use super::super::model::Model;
use super::super::{Answer, Op, Outside, ValueId, Witness, rule};
use super::{RegisterAction, check};
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
