//! What a witness names, and in which words.

use crate::ids::{Interval, Moment};
use crate::linearizability::model::Model;
use crate::linearizability::models::{Mutex, MutexAction, Register, RegisterAction};
use crate::linearizability::search::Search;
use crate::linearizability::{Answer, Op, OpId, Witness};

fn op<A>(call: u32, ret: u32, action: A) -> Op<A> {
    Op { interval: Interval { call: Moment(call), ret: Moment(ret) }, action }
}

fn assert_shows<M: Model>(model: &M, ops: &[Op<M::Action>], expected: (&str, &[u32], &str)) {
    let Answer::Violation(Witness { kind, operations, what }) = Search::default().check(model, ops).answer
    else {
        panic!("no violation")
    };
    let operations: Vec<u32> = operations.iter().map(|OpId(place)| *place).collect();
    assert_eq!((kind, &operations[..], &what[..]), expected);
}

const REGISTER: Register<u8> = Register { initial: 0 };

#[test]
fn what_was_possible_earlier_is_stale() {
    use RegisterAction::{Read, Write};
    let flicker = [op(0, 3, Write(1)), op(1, 8, Write(2)), op(4, 5, Read(2)), op(6, 7, Read(1))];
    let sentence = "read 1 was possible earlier, but not once read 2 had happened, whichever other operations are left out";
    assert_shows(&REGISTER, &flicker, ("stale", &[3, 2], sentence));
    // As many writes of it as may be: they are all over.
    let ops = [
        op(0, 30, Write(3)),
        op(8, 9, Write(1)),
        op(10, 11, Write(2)),
        op(12, 13, Write(1)),
        op(14, 15, Write(2)),
        op(16, 17, Read(1)),
    ];
    let sentence = "read 1 was possible earlier, but not once write 2 had happened, whichever other operations are left out";
    assert_shows(&REGISTER, &ops, ("stale", &[5, 4], sentence));
}

#[test]
fn what_never_was_possible_is_possible_nowhere() {
    let ops = [op(0, 3, RegisterAction::Write(1)), op(1, 2, RegisterAction::Read(2))];
    let sentence = "read 2 is possible nowhere, whichever other operations are left out";
    assert_shows(&REGISTER, &ops, ("not linearizable", &[1], sentence));
}

#[test]
fn what_excludes_each_other_is_named_by_its_calls() {
    let ops = [
        op(0, 1, MutexAction::Acquire),
        op(2, 3, MutexAction::Release),
        op(4, 5, MutexAction::Acquire),
        op(6, 7, MutexAction::Acquire),
    ];
    let sentence = "acquire cannot be put in order with acquire, whichever other operations are left out";
    assert_shows(&Mutex, &ops, ("not linearizable", &[3, 2], sentence));
}
