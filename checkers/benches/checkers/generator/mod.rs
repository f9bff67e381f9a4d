//! Histories to measure on: any size, the same for the same seed, linearizable unless spoiled on purpose.

pub(crate) mod anomalies;
pub(crate) mod log;
pub(crate) mod queue;
pub(crate) mod register;
pub(crate) mod search;

use highwater_checkers::ids::{Interval, Moment};
use highwater_checkers::linearizability::Op;

/// Numbers from a seed: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % limit
    }
}

/// How large a history is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) operations: usize,
    pub(crate) clients: usize,
    /// So many in a hundred never return.
    pub(crate) pending_percent: u64,
}

/// The sizes at which exact checks are measured; with `HIGHWATER_LONG` ten million operations as well.
pub(crate) fn exact() -> Vec<Size> {
    let mut sizes = vec![(1_000, 0), (100_000, 0), (100_000, 2), (1_000_000, 0), (1_000_000, 2)];
    if std::env::var_os("HIGHWATER_LONG").is_some() {
        sizes.push((10_000_000, 0));
    }
    let size = |(operations, pending_percent)| Size { operations, clients: 10, pending_percent };
    sizes.into_iter().map(size).collect()
}

/// Operations of clients that each go on when their last one has returned. `effect` says what one does, at the
/// moment when it takes effect; all of them do.
pub(crate) fn run<A>(
    random: &mut Random,
    size: Size,
    mut effect: impl FnMut(&mut Random) -> A,
) -> Vec<Op<A>> {
    let mut calls: Vec<u32> = Vec::with_capacity(size.operations);
    let mut history: Vec<Option<Op<A>>> = Vec::with_capacity(size.operations);
    let mut lanes: Vec<Option<usize>> = vec![None; size.clients];
    let mut now = 0;
    let mut tick = || {
        now += 1;
        now - 1
    };
    while history.len() < size.operations || lanes.iter().any(Option::is_some) {
        let lane = random.below(size.clients as u64) as usize;
        match lanes[lane] {
            None if history.len() < size.operations => {
                lanes[lane] = Some(history.len());
                calls.push(tick());
                history.push(None);
            }
            None => {}
            Some(op) => match &mut history[op] {
                Some(op) => {
                    if random.below(100) >= size.pending_percent {
                        op.interval.ret = Moment(tick());
                    }
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
