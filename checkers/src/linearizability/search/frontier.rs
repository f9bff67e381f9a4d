//! How far a search came: the first return that no configuration survives, and the configurations before it.
//!
//! That is what Knossos' linear algorithm stops at. A search that tries everything passes through every
//! configuration, so that the farthest return at which one got stuck is that return.

use super::problem::Rank;
use super::states::StateId;

/// The farthest return that a search came to and could not pass.
#[derive(Debug, Default)]
pub(super) struct Farthest {
    /// Its node.
    pub(super) deadline: u32,
    /// How many configurations got stuck there.
    pub(super) count: u64,
    /// Some of them.
    pub(super) examples: Vec<Stuck>,
}

/// A configuration that came to a return and could not pass it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stuck {
    pub(super) state: StateId,
    /// The last operations in order, last one first.
    pub(super) last: [Option<Rank>; LAST],
}

/// How many configurations are kept.
const EXAMPLES_MAX: usize = 8;
/// How many of its last operations are kept of each.
pub(super) const LAST: usize = 4;

impl Farthest {
    pub(super) fn note(&mut self, deadline: u32, state: StateId, trail: &[Rank]) {
        if deadline < self.deadline {
            return;
        }
        if deadline > self.deadline {
            *self = Self { deadline, count: 0, examples: std::mem::take(&mut self.examples) };
            self.examples.clear();
        }
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            let mut ranks = trail.iter().rev().copied();
            self.examples.push(Stuck { state, last: std::array::from_fn(|_| ranks.next()) });
        }
    }

    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = &mut StateId> {
        self.examples.iter_mut().map(|stuck| &mut stuck.state)
    }
}
