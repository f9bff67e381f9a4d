//! Every rule, taken away, is noticed within a thousand histories: the rules that keep answers right by a wrong
//! answer, those that make it quick by more steps.

use super::differential::{OPS_MAX, checked};
use super::generator::{Sample, history};
use crate::ids::{Interval, Moment};
use crate::linearizability::models::{FifoQueue, KeyValue, Mutex, Queue, Register, RegisterAction, Set};
use crate::linearizability::search::Search;
use crate::linearizability::{Op, rule};

const HISTORIES: u64 = 1_000;

/// Whether some history's answer, witness or explanation is wrong without the rule.
fn wrong_without<M: Sample>(rule: &'static str) -> bool {
    (0..HISTORIES).any(|seed| {
        let ops = history::<M>(seed, OPS_MAX);
        let exact = seed % 4 == 0;
        let search = Search { exact, ..Search::default() };
        rule::without(rule, || checked::<M>(&search, &ops)).is_err()
    })
}

/// The steps of all histories, with or without the rule.
fn steps<M: Sample>(without: Option<&'static str>) -> u64 {
    let model = M::sample();
    let check = |seed| {
        let ops = history::<M>(seed, OPS_MAX);
        let check = || Search::default().check(&model, &ops).steps;
        without.map_or_else(check, |rule| rule::without(rule, check))
    };
    (0..HISTORIES).map(check).sum()
}

#[test]
fn rules_that_keep_answers_right() {
    for rule in [
        "nothing is called before what returned",
        "a pending one takes effect after its call",
        "the pending need not happen",
        "the state is part of a configuration",
        "pure means in every state",
        "a pending one that a read saw is of use",
        "cut where one runs alone",
        "no completed write is left out",
        "a needed compare-and-set needs its own value",
        "a failed compare-and-set needs other values",
    ] {
        assert!(wrong_without::<Register<u8>>(rule), "nothing notices that a rule is gone: {rule}");
    }
    assert!(wrong_without::<Mutex>("the first twin returns first"));
    for rule in ["a pending dequeue may have emptied the queue", "an unknown dequeue may have got anything"] {
        assert!(wrong_without::<Queue<u8>>(rule), "nothing notices that a rule is gone: {rule}");
    }
}

/// A pending write of 1 is tried before a completed one, and is missing at the end; the way on which it is left
/// passes through the same operations and states.
#[test]
fn a_configuration_with_fewer_pending_operations_is_another() {
    let never = u32::MAX;
    let op = |call, ret, action| Op { interval: Interval { call: Moment(call), ret: Moment(ret) }, action };
    let ops = [
        op(0, never, RegisterAction::Write(1)),
        op(1, 6, RegisterAction::Write(1)),
        op(2, 5, RegisterAction::Read(1)),
        op(7, 8, RegisterAction::Write(2)),
        op(9, 10, RegisterAction::Read(2)),
        op(11, 12, RegisterAction::Read(1)),
    ];
    for exact in [false, true] {
        let search = Search { exact, ..Search::default() };
        let check = || checked::<Register<u8>>(&search, &ops);
        assert!(check().is_ok());
        assert!(rule::without("fewer pending ones are as good", check).is_err(), "nothing notices");
    }
}

#[test]
fn rules_that_make_it_quick() {
    for rule in [
        "twins in one order",
        "pure operations at once",
        "no pending one in vain",
        "the unobserved is left out",
    ] {
        let (with, without) = (steps::<Register<u8>>(None), steps::<Register<u8>>(Some(rule)));
        assert!(without > with, "{rule}: {without} steps without it, {with} with it");
    }
}

#[test]
fn a_rule_that_is_there_is_not_wrong() {
    assert!(!wrong_without::<Register<u8>>("no such rule"));
    assert!(!wrong_without::<KeyValue>("no such rule"));
    assert!(!wrong_without::<Mutex>("no such rule"));
    assert!(!wrong_without::<Set<u8>>("no such rule"));
    assert!(!wrong_without::<FifoQueue<u8>>("no such rule"));
}
