//! One walk along the history, that finds values taken out of order, and an empty queue that cannot have been.

use super::super::rule;
use super::super::timeline::Timeline;
use super::super::{Op, OpId, ValueId};
use super::QueueAction;
use super::evidence::{Evidence, Life};
use crate::ids::Moment;

/// Why a history is not linearizable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// Nobody enqueued what was dequeued.
    Phantom { dequeue: OpId, value: ValueId },
    /// It was dequeued before it was enqueued.
    Early { dequeue: OpId, enqueue: OpId, value: ValueId },
    /// It was dequeued twice.
    Repeated { first: OpId, second: OpId },
    /// One value was enqueued before another and dequeued after it, or never.
    Order { first: ValueId, second: ValueId },
    /// The queue was found empty and cannot have been.
    Full { dequeue: OpId },
}

/// A dequeue that found nothing, and the call or return after which nothing need have been in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Empty {
    pub(super) after: Moment,
    pub(super) dequeue: OpId,
}

/// What a walk along a history that is linearizable came by.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// When each dequeue that found nothing can have done so, first to last.
    pub(super) empties: Vec<Empty>,
    pub(super) ends: WindowEnds,
}

/// The values that were dequeued, in the order in which their windows begin and end. Windows that never end are
/// left out.
#[derive(Debug, Default)]
pub(super) struct WindowEnds {
    pub(super) enqueue_starts: Vec<ValueId>,
    pub(super) enqueue_ends: Vec<ValueId>,
    pub(super) dequeue_starts: Vec<ValueId>,
    pub(super) dequeue_ends: Vec<ValueId>,
}

impl WindowEnds {
    /// The window in which a value can have been dequeued begins, if it does now.
    #[inline]
    fn start_dequeue(&mut self, value: ValueId, life: &Life, now: Moment) {
        if life.is_dequeued() && life.dequeue_window().call == now {
            self.dequeue_starts.push(value);
        }
    }
}

/// Walks along the history.
pub(super) fn sweep(
    ops: &[Op<QueueAction>],
    timeline: &Timeline,
    evidence: &Evidence,
) -> Result<Walk, Contradiction> {
    let Walk { mut empties, mut ends } = Walk::default();
    let values = evidence.lives.len();
    for list in
        [&mut ends.enqueue_starts, &mut ends.enqueue_ends, &mut ends.dequeue_starts, &mut ends.dequeue_ends]
    {
        list.reserve_exact(values);
    }
    // Of the values whose enqueue has returned, the one that is dequeued last.
    let mut latest = (Moment(0), ValueId(0));
    // How many values must be in the queue, and after which happening none had to be.
    let mut present: u32 = 0;
    let mut vacant = Moment(0);
    let mut pending = 0;
    for (now, happening) in timeline.iter() {
        let operation = happening.operation();
        match (ops[operation.0 as usize].action, happening.is_return()) {
            (QueueAction::Enqueue(second), false) => {
                let (dequeue, first) = latest;
                let life = evidence.of_value(second);
                if life.dequeued.ret < dequeue && rule::applies("queue: order") {
                    return Err(Contradiction::Order { first, second });
                }
                if life.is_dequeued() {
                    ends.enqueue_starts.push(second);
                }
                ends.start_dequeue(second, life, now);
            }
            (QueueAction::Enqueue(value), true) => {
                let life = evidence.of_value(value);
                if life.is_dequeued() {
                    ends.enqueue_ends.push(value);
                }
                let dequeue = life.dequeued.call;
                if dequeue > latest.0 {
                    latest = (dequeue, value);
                }
                present += u32::from(now < dequeue);
            }
            (QueueAction::Dequeue(value), false) => {
                let life = evidence.of_value(value);
                // Another dequeue of it ends nothing: that is a contradiction by itself.
                let leaves = life.dequeued.call == now && life.enqueued.ret < now;
                present -= u32::from(leaves);
                ends.start_dequeue(value, life, now);
            }
            (QueueAction::Dequeue(value), true) if evidence.of_value(value).dequeued.ret == now => {
                ends.dequeue_ends.push(value);
            }
            (QueueAction::DequeueUnknown, false) => {
                if let Some(value) = evidence.left.get(pending) {
                    let life = evidence.of_value(*value);
                    present -= u32::from(life.dequeued.call == now && life.enqueued.ret < now);
                    ends.start_dequeue(*value, life, now);
                }
                pending += 1;
            }
            (QueueAction::DequeueEmpty, true) => {
                if vacant >= timeline.interval(operation).call {
                    empties.push(Empty { after: vacant, dequeue: operation });
                } else if rule::applies("queue: empty") {
                    return Err(Contradiction::Full { dequeue: operation });
                }
            }
            _ => {}
        }
        if present == 0 {
            vacant = now;
        }
    }
    Ok(Walk { empties, ends })
}
