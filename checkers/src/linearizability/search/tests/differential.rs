//! The search against trying all orders, on small random histories of every model.
//!
//! `HIGHWATER_LONG=300000 cargo test --release -p highwater-checkers --lib search -- --nocapture` is the long
//! way: so many histories of each model.

use super::generator::{Sample, history};
use crate::ids::Moment;
use crate::linearizability::model::Model;
use crate::linearizability::models::{FifoQueue, KeyValue, Mutex, Queue, Register, Set};
use crate::linearizability::search::machine::{Machine, Progress};
use crate::linearizability::search::order::ORDERS;
use crate::linearizability::search::problem::{Entry, Problem};
use crate::linearizability::search::{Report, Search, replay};
use crate::linearizability::{Answer, Op, OpId, Witness, brute};
use crate::random::histories;

/// Histories of each model in a plain `cargo test`.
const HISTORIES: u64 = 4_000;
/// Operations of a history.
pub(super) const OPS_MAX: u64 = 8;

/// Fails with all that is known of it.
macro_rules! ensure {
    ($holds:expr, $ops:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!("{}\n{:?}", format!($($what)+), $ops));
        }
    };
}

/// What the search says of a history, after all of it was checked against the brute force.
pub(super) fn checked<M: Sample>(search: &Search, ops: &[Op<M::Action>]) -> Result<Report, String> {
    let model = M::sample();
    let expected = brute::linearizable(&model, ops);
    for order in ORDERS {
        let entries: Vec<_> = (0..).zip(ops).map(|(place, op)| entry(place, op)).collect();
        let problem = Problem::new(&model, model.initial(), None, &entries);
        let mut machine = Machine::new(&model, &problem, order, search.exact);
        let progress = machine.advance(&model, &problem, u64::MAX, usize::MAX);
        ensure!((progress == Progress::Found) == expected, ops, "{order:?} says {progress:?}");
    }
    let report = search.check(&model, ops);
    match &report.answer {
        Answer::Linearizable(certificate) => {
            ensure!(expected, ops, "said to be linearizable: {certificate:?}");
            let replayed = replay(&model, ops, certificate);
            ensure!(replayed.is_ok(), ops, "no order: {replayed:?}");
        }
        Answer::Violation(witness) => {
            ensure!(!expected, ops, "said to be a violation: {witness:?}");
            ensure!(!witness.operations.is_empty(), ops, "a witness without operations");
            ensure!(proves::<M>(ops, &witness.operations), ops, "the witness proves nothing: {witness:?}");
            check_minimal::<M>(ops, &report, witness)?;
            check_explanation::<M>(ops, &report)?;
        }
        Answer::Unknown(exhausted) => return Err(format!("gave in: {exhausted:?}\n{ops:?}")),
    }
    Ok(report)
}

fn entry<A>(place: u32, op: &Op<A>) -> Entry<'_, A> {
    Entry { id: OpId(place), interval: op.interval, action: &op.action }
}

/// An object whose completed operations need not all have happened.
struct Sparing<M>(M);

impl<M: Model> Model for Sparing<M> {
    type State = M::State;
    type Action = (M::Action, bool);

    fn initial(&self) -> M::State {
        self.0.initial()
    }

    fn step(&self, state: &M::State, (action, spared): &(M::Action, bool), next: &mut Vec<M::State>) {
        self.0.step(state, action, next);
        next.extend(spared.then(|| state.clone()));
    }
}

/// Whether these operations prove that there is no order: there is none, whichever others are left out.
fn proves<M: Sample>(ops: &[Op<M::Action>], kept: &[OpId]) -> bool {
    let spared = |(op, place): (&Op<M::Action>, u32)| Op {
        interval: op.interval,
        action: (op.action.clone(), !kept.contains(&OpId(place))),
    };
    let ops: Vec<_> = ops.iter().zip(0..).map(spared).collect();
    !brute::linearizable(&Sparing(M::sample()), &ops)
}

/// None of the operations of a witness can be spared, but for the one that ran alone and tells the state.
fn check_minimal<M: Sample>(ops: &[Op<M::Action>], report: &Report, witness: &Witness) -> Result<(), String> {
    let after = report.explanation.as_ref().and_then(|explanation| explanation.after);
    for spared in witness.operations.iter().filter(|operation| Some(**operation) != after) {
        let mut fewer = witness.operations.clone();
        fewer.retain(|operation| operation != spared);
        ensure!(!proves::<M>(ops, &fewer), ops, "{spared:?} can be spared in {witness:?}");
    }
    Ok(())
}

/// All before the failing return can be put in order, and with it no more.
fn check_explanation<M: Sample>(ops: &[Op<M::Action>], report: &Report) -> Result<(), String> {
    let Some(explanation) = &report.explanation else { return Err(format!("no explanation\n{ops:?}")) };
    let end = ops[explanation.failing.0 as usize].interval.ret;
    ensure!(!explanation.configurations.is_empty(), ops, "no configuration came to the failing return");
    let until = |end: Moment, included: bool| {
        let called = ops.iter().filter(|op| op.interval.call < end);
        let cut: Vec<_> = called
            .map(|op| {
                let mut op = op.clone();
                if op.interval.ret > end || !included && op.interval.ret == end {
                    op.interval.ret = Moment::NEVER;
                }
                op
            })
            .collect();
        brute::linearizable(&M::sample(), &cut)
    };
    ensure!(until(end, false), ops, "it fails before {:?}", explanation.failing);
    ensure!(!until(end, true), ops, "it does not fail at {:?}", explanation.failing);
    Ok(())
}

fn differential<M: Sample>(seeds: u64) {
    let (mut violations, mut pending) = (0, 0);
    let count = histories(HISTORIES);
    for seed in 0..count {
        let ops = history::<M>(seeds << 40 | seed, OPS_MAX);
        let search = Search { exact: seed % 4 == 0, ..Search::default() };
        let report = checked::<M>(&search, &ops).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        violations += u64::from(matches!(report.answer, Answer::Violation(_)));
        pending += u64::from(ops.iter().any(|op| !op.interval.ret.is_some()));
    }
    println!("{count} histories, {violations} violations, {pending} with pending operations");
    assert!(violations * 10 >= count, "only {violations} of {count} histories are wrong");
    assert!(pending * 10 >= count * 3, "only {pending} of {count} histories have a pending operation");
}

#[test]
fn registers_as_all_orders_say() {
    differential::<Register<u8>>(1);
}

#[test]
fn texts_as_all_orders_say() {
    differential::<KeyValue>(2);
}

#[test]
fn locks_as_all_orders_say() {
    differential::<Mutex>(3);
}

#[test]
fn sets_as_all_orders_say() {
    differential::<Set<u8>>(4);
}

#[test]
fn queues_as_all_orders_say() {
    differential::<Queue<u8>>(5);
}

#[test]
fn fifo_queues_as_all_orders_say() {
    differential::<FifoQueue<u8>>(6);
}
