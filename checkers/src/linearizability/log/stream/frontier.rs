//! Lengths against times, of which only those are kept that no other makes redundant.

use crate::linearizability::OpId;

/// Pairs of a length and a time, where both grow.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    pairs: Vec<(i64, u32, OpId)>,
}

impl Frontier {
    /// Remembers that a length was the most there was, at this time: one at least as short and as late says
    /// more.
    pub(super) fn push_latest(&mut self, length: i64, time: u32, op: OpId) {
        let up_to = self.pairs.partition_point(|pair| pair.0 <= length);
        if up_to.checked_sub(1).is_some_and(|last| self.pairs[last].1 >= time) {
            return;
        }
        let first = self.pairs.partition_point(|pair| pair.0 < length);
        let redundant = self.pairs[first..].partition_point(|pair| pair.1 <= time);
        self.pairs.splice(first..first + redundant, [(length, time, op)]);
    }

    /// The latest that saw at most this length, if it was after that time.
    pub(super) fn up_to(&self, length: i64, after: u32) -> Option<(i64, OpId)> {
        let last = self.pairs.partition_point(|pair| pair.0 <= length).checked_sub(1)?;
        let (length, time, op) = self.pairs[last];
        (time > after).then_some((length, op))
    }

    /// Remembers that a length was reached by this time: one at least as long and as early says more.
    pub(super) fn push_earliest(&mut self, length: i64, time: u32, op: OpId) {
        let first = self.pairs.partition_point(|pair| pair.0 < length);
        if self.pairs.get(first).is_some_and(|pair| pair.1 <= time) {
            return;
        }
        let up_to = self.pairs.partition_point(|pair| pair.0 <= length);
        let kept = self.pairs[..up_to].partition_point(|pair| pair.1 < time);
        self.pairs.splice(kept..up_to, [(length, time, op)]);
    }

    /// The greatest length that was reached before a time.
    pub(super) fn before(&self, time: u32) -> Option<(i64, OpId)> {
        let last = self.pairs.partition_point(|pair| pair.1 < time).checked_sub(1)?;
        let (length, _, op) = self.pairs[last];
        Some((length, op))
    }
}
