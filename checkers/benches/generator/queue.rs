//! Histories of a FIFO queue: clients that enqueue and dequeue at random, on a queue that is one.

use std::collections::VecDeque;

use highwater_checkers::ids::{Interval, Moment};
use highwater_checkers::linearizability::queue::QueueAction;
use highwater_checkers::linearizability::{Op, ValueId};

/// What a client is at.
#[derive(Clone, Copy)]
enum Client {
    Idle,
    Called(usize),
    Done(usize),
}

/// A linearizable history of so many operations by so many clients, of which so many in a hundred never return.
pub(crate) fn history(operations: usize, clients: usize, indeterminate: u64) -> Vec<Op<QueueAction>> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let mut lanes = vec![Client::Idle; clients];
    let mut ops: Vec<Op<QueueAction>> = Vec::with_capacity(operations);
    let mut queue = VecDeque::new();
    let (mut now, mut enqueued) = (0, 0);
    while ops.len() < operations || lanes.iter().any(|lane| !matches!(lane, Client::Idle)) {
        let lane = &mut lanes[below(clients as u64) as usize];
        match *lane {
            Client::Idle if ops.len() < operations => {
                *lane = Client::Called(ops.len());
                let action = if below(2) == 0 {
                    enqueued += 1;
                    QueueAction::Enqueue(ValueId(enqueued - 1))
                } else {
                    QueueAction::DequeueUnknown
                };
                let interval = Interval { call: Moment(now), ret: Moment::NEVER };
                now += 1;
                ops.push(Op { interval, action });
            }
            Client::Idle => {}
            Client::Called(op) => {
                let action = &mut ops[op].action;
                match *action {
                    QueueAction::Enqueue(value) => queue.push_back(value),
                    _ => *action = queue.pop_front().map_or(QueueAction::DequeueEmpty, QueueAction::Dequeue),
                }
                *lane = Client::Done(op);
            }
            Client::Done(op) => {
                *lane = Client::Idle;
                if below(100) >= indeterminate {
                    ops[op].interval.ret = Moment(now);
                    now += 1;
                } else if !matches!(ops[op].action, QueueAction::Enqueue(_)) {
                    ops[op].action = QueueAction::DequeueUnknown;
                }
            }
        }
    }
    ops
}
