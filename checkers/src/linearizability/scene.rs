//! What a witness is written from: the operations, when they happened, and how their values are called.

use super::timeline::Timeline;
use super::{Op, OpId, ValueId};
use crate::ids::Interval;

/// A history that an exact check found wrong, with what it knows of each value.
pub(super) struct Scene<'a, A, E> {
    pub(super) ops: &'a [Op<A>],
    pub(super) timeline: &'a Timeline,
    pub(super) evidence: &'a E,
    pub(super) names: &'a dyn Fn(ValueId) -> String,
}

/// A sentence names no more of one kind than this.
const NAMED_MAX: usize = 4;

impl<A: Copy, E> Scene<'_, A, E> {
    pub(super) fn action(&self, operation: OpId) -> A {
        self.ops[operation.0 as usize].action
    }

    pub(super) fn returned(&self, operation: OpId) -> bool {
        self.ops[operation.0 as usize].interval.ret.is_some()
    }

    pub(super) fn interval(&self, operation: OpId) -> Interval {
        self.timeline.interval(operation)
    }

    /// Whether the one had returned when the other was called.
    pub(super) fn precedes(&self, one: OpId, other: OpId) -> bool {
        self.interval(one).precedes(self.interval(other))
    }

    pub(super) fn name(&self, value: ValueId) -> String {
        (self.names)(value)
    }
}

/// `a, b and c`, or as many of them as fit into a sentence.
pub(super) fn list(mut texts: impl ExactSizeIterator<Item = String>) -> String {
    let mut shown: Vec<String> = texts.by_ref().take(NAMED_MAX).collect();
    let more = texts.len();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    match shown.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}
