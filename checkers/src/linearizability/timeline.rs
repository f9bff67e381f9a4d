//! The calls and returns of a history in their order, numbered without gaps, so that checks walk them
//! instead of sorting.

use super::{Op, OpId, Outside};
use crate::ids::{Interval, Moment};

/// A call or a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Happening(u32);

impl Happening {
    const NONE: Self = Self(u32::MAX);

    fn call(operation: usize) -> Self {
        Self((operation as u32) << 1)
    }

    fn ret(operation: usize) -> Self {
        Self((operation as u32) << 1 | 1)
    }

    /// Of which operation.
    #[inline]
    pub(super) fn operation(self) -> OpId {
        OpId(self.0 >> 1)
    }

    /// Whether it is the operation's return.
    #[inline]
    pub(super) fn is_return(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The calls and returns of a history in their order.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    happenings: Vec<Happening>,
    intervals: Vec<Interval>,
    /// Whether the operations were given by their calls.
    in_order: bool,
}

/// So many moments for each call and return are placed by counting; sparser ones are sorted.
const SPARSENESS_MAX: usize = 8;

impl Timeline {
    /// Numbers the calls and returns of these operations anew. At one moment calls come before returns.
    pub(super) fn of<A>(ops: &[Op<A>]) -> Result<Self, Outside> {
        if ops.len() >= 1 << 31 {
            return Err(Outside::TooLong { operations: ops.len() });
        }
        let mut last = 0;
        let mut in_order = true;
        let mut before = Moment(0);
        for (place, op) in ops.iter().enumerate() {
            let Interval { call, ret } = op.interval;
            if ret < call || !call.is_some() {
                return Err(Outside::Backwards { operation: OpId(place as u32) });
            }
            last = last.max(if ret.is_some() { ret.0 } else { call.0 });
            in_order &= before <= call;
            before = call;
        }
        let slots = last as usize + 1;
        let dense = slots / SPARSENESS_MAX <= 2 * ops.len();
        let placed = if dense { placed(ops, slots) } else { None };
        let full = placed.as_ref().is_some_and(|happenings| happenings.len() == slots);
        let happenings = placed.unwrap_or_else(|| sorted(ops));
        if full {
            // No moment is free and none is shared: they have their numbers already.
            let intervals = ops.iter().map(|op| op.interval).collect();
            return Ok(Self { happenings, intervals, in_order });
        }
        let mut intervals = vec![Interval { call: Moment::NEVER, ret: Moment::NEVER }; ops.len()];
        for (rank, happening) in happenings.iter().enumerate() {
            let interval = &mut intervals[happening.operation().0 as usize];
            let moment = if happening.is_return() { &mut interval.ret } else { &mut interval.call };
            *moment = Moment(rank as u32);
        }
        Ok(Self { happenings, intervals, in_order })
    }

    /// The operations by their calls.
    pub(super) fn calls(&self) -> impl Iterator<Item = OpId> {
        let given = if self.in_order { self.intervals.len() as u32 } else { 0 };
        let happenings = if self.in_order { &[][..] } else { &self.happenings[..] };
        let calls = happenings.iter().filter(|happening| !happening.is_return());
        (0..given).map(OpId).chain(calls.map(|happening| happening.operation()))
    }

    /// Each with its number, first to last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Moment, Happening)> {
        self.happenings.iter().enumerate().map(|(rank, happening)| (Moment(rank as u32), *happening))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.happenings.len()
    }

    /// When an operation was called and returned, in numbers of this timeline.
    #[inline]
    pub(super) fn interval(&self, operation: OpId) -> Interval {
        self.intervals[operation.0 as usize]
    }
}

/// The order by a slot for each moment; `None` if two share one.
fn placed<A>(ops: &[Op<A>], slots: usize) -> Option<Vec<Happening>> {
    let mut places = vec![Happening::NONE; slots];
    let mut place = |moment: Moment, happening| {
        let slot = &mut places[moment.0 as usize];
        let free = *slot == Happening::NONE;
        *slot = happening;
        free
    };
    for (operation, op) in ops.iter().enumerate() {
        let Interval { call, ret } = op.interval;
        if !place(call, Happening::call(operation)) {
            return None;
        }
        if ret.is_some() && !place(ret, Happening::ret(operation)) {
            return None;
        }
    }
    places.retain(|happening| *happening != Happening::NONE);
    Some(places)
}

fn sorted<A>(ops: &[Op<A>]) -> Vec<Happening> {
    let mut happenings = Vec::with_capacity(2 * ops.len());
    for (operation, op) in ops.iter().enumerate() {
        happenings.push((op.interval.call, false, Happening::call(operation)));
        if op.interval.ret.is_some() {
            happenings.push((op.interval.ret, true, Happening::ret(operation)));
        }
    }
    happenings.sort_unstable_by_key(|(moment, is_return, happening)| (*moment, *is_return, happening.0));
    happenings.into_iter().map(|(_, _, happening)| happening).collect()
}
