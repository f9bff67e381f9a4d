//! Histories like those that Jepsen takes of etcd and Porcupine of its key-value store: linearizable, but for
//! what is spoiled on purpose.

use highwater_checkers::ids::{Interval, Moment};
use highwater_checkers::linearizability::Op;
use highwater_checkers::linearizability::models::{KeyValueAction, RegisterAction};

/// Numbers from a seed: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % limit
    }
}

/// So many operations by clients that each go on when the last one has returned. `effect` says what one does
/// when it takes effect; so many in a hundred never return.
fn run<A>(
    random: &mut Random,
    (ops, clients, pending_percent): (usize, usize, u64),
    mut effect: impl FnMut(&mut Random) -> A,
) -> Vec<Op<A>> {
    let mut calls: Vec<u32> = Vec::new();
    let mut history: Vec<Option<Op<A>>> = Vec::new();
    let mut lanes: Vec<Option<usize>> = vec![None; clients];
    let mut now = 0;
    while history.len() < ops || lanes.iter().any(Option::is_some) {
        let lane = random.below(clients as u64) as usize;
        now += 1;
        match lanes[lane] {
            None if history.len() < ops => {
                lanes[lane] = Some(history.len());
                calls.push(now);
                history.push(None);
            }
            None => {}
            Some(op) => match &mut history[op] {
                Some(op) => {
                    let pending = random.below(100) < pending_percent;
                    op.interval.ret = if pending { Moment::NEVER } else { Moment(now) };
                    lanes[lane] = None;
                }
                empty => {
                    let interval = Interval { call: Moment(calls[op]), ret: Moment::NEVER };
                    *empty = Some(Op { interval, action: effect(random) });
                }
            },
        }
    }
    history.into_iter().flatten().collect()
}

/// A register of five values, read, written and compared.
pub(crate) fn register(
    seed: u64,
    ops: usize,
    clients: usize,
    pending_percent: u64,
) -> Vec<Op<RegisterAction<u64>>> {
    let mut state = 0;
    run(&mut Random(seed), (ops, clients, pending_percent), |random| match random.below(3) {
        0 => RegisterAction::Read(state),
        1 => {
            state = random.below(5);
            RegisterAction::Write(state)
        }
        _ => {
            let (from, to) = (random.below(5), random.below(5));
            if from == state {
                state = to;
                RegisterAction::CompareAndSet { from, to }
            } else {
                RegisterAction::Differs(from)
            }
        }
    })
}

/// Texts of ten keys, half of the operations appending what nobody else appends.
pub(crate) fn key_value(seed: u64, ops: usize, clients: usize) -> Vec<Op<KeyValueAction>> {
    let mut texts = vec![String::new(); 10];
    let mut count = 0;
    run(&mut Random(seed), (ops, clients, 0), |random| {
        let key = random.below(10) as u32;
        let text = &mut texts[key as usize];
        match random.below(10) {
            0..5 => {
                count += 1;
                let piece = format!("x {count} y");
                text.push_str(&piece);
                KeyValueAction::Append { key, text: piece.into() }
            }
            5 => {
                count += 1;
                *text = format!("x {count} y");
                KeyValueAction::Put { key, text: text.as_str().into() }
            }
            _ => KeyValueAction::Get { key, text: text.as_str().into() },
        }
    })
}

/// The same with the result of one get, in the middle, cut short.
pub(crate) fn spoiled(mut ops: Vec<Op<KeyValueAction>>) -> Vec<Op<KeyValueAction>> {
    let middle = ops.len() / 2;
    let get = ops[middle..].iter_mut().find_map(|op| match &mut op.action {
        KeyValueAction::Get { text, .. } if text.len() > 12 => Some(text),
        _ => None,
    });
    if let Some(text) = get {
        *text = text[..text.len() / 2].into();
    }
    ops
}
