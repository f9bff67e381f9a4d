//! Histories of a register: clients that read, write, and compare and set, on a register that is one.

use highwater_checkers::ids::{Interval, Moment};
use highwater_checkers::linearizability::register::RegisterAction;
use highwater_checkers::linearizability::{Op, ValueId};

/// What a client is at.
#[derive(Clone, Copy)]
enum Client {
    Idle,
    Called(usize),
    Done(usize),
}

/// A linearizable history of so many operations by so many clients, of which so many in a hundred never return.
/// The register holds 0 at first.
pub(crate) fn history(operations: usize, clients: usize, indeterminate: u64) -> Vec<Op<RegisterAction>> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let mut lanes = vec![Client::Idle; clients];
    let mut ops: Vec<Op<RegisterAction>> = Vec::with_capacity(operations);
    let (mut now, mut written, mut state) = (0, 0, ValueId(0));
    while ops.len() < operations || lanes.iter().any(|lane| !matches!(lane, Client::Idle)) {
        let lane = &mut lanes[below(clients as u64) as usize];
        match *lane {
            Client::Idle if ops.len() < operations => {
                *lane = Client::Called(ops.len());
                let action = match below(4) {
                    kind @ 0..2 => {
                        written += 1;
                        let to = ValueId(written);
                        if kind == 0 {
                            RegisterAction::Write(to)
                        } else {
                            RegisterAction::Cas { from: state, to }
                        }
                    }
                    _ => RegisterAction::Read(state),
                };
                let interval = Interval { call: Moment(now), ret: Moment::NEVER };
                now += 1;
                ops.push(Op { interval, action });
            }
            Client::Idle => {}
            Client::Called(op) => {
                let (action, next) = match ops[op].action {
                    RegisterAction::Write(to) => (RegisterAction::Write(to), to),
                    RegisterAction::Cas { to, .. } => (RegisterAction::Cas { from: state, to }, to),
                    _ => (RegisterAction::Read(state), state),
                };
                ops[op].action = action;
                state = next;
                *lane = Client::Done(op);
            }
            Client::Done(op) => {
                *lane = Client::Idle;
                if below(100) >= indeterminate {
                    ops[op].interval.ret = Moment(now);
                    now += 1;
                }
            }
        }
    }
    ops
}
