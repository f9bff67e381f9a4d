//! An object under test, given by what it does when one operation follows another.

use std::fmt::Debug;
use std::hash::Hash;

use super::{Op, OpId};

/// An object, given by its sequential behaviour. Implement this to check histories of an object of your own:
/// [`search`](super::search) shows one from end to end.
///
/// The first three are all that an answer needs; the others make it come sooner, or read better.
pub trait Model {
    /// What the object remembers; with parts, what one part remembers.
    type State: Clone + Debug + Eq + Hash;
    /// An operation with its argument and, where it is known, its result.
    type Action: Clone + Debug + Eq + Hash;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// Adds to `next` every state that `action` may leave behind in `state`; none if it cannot happen there
    /// with that result. One whose result is unknown can happen in any way that the object allows.
    fn step(&self, state: &Self::State, action: &Self::Action, next: &mut Vec<Self::State>);

    /// Whether `action`, with its result, leaves *every* state as it is: a read that returned, say. Writing
    /// the value that is there already is not such a one: elsewhere it would change something.
    fn is_pure(&self, action: &Self::Action) -> bool {
        let _ = action;
        false
    }

    /// Which part of the object `action` concerns. Parts know nothing of each other, as the keys of a map,
    /// each begins in the initial state, and they are searched one by one.
    fn part(&self, action: &Self::Action) -> Part {
        let _ = action;
        Part(0)
    }

    /// The state that `action` leaves behind, if that is the same wherever it can happen: the value that a
    /// read returned or a write left. A history is cut where such an operation runs alone.
    fn state_after(&self, action: &Self::Action) -> Option<Self::State> {
        let _ = action;
        None
    }

    /// Those of the operations that never returned, and that every possible order can do without: the write
    /// of a value that nobody saw, say. Naming too few costs time alone. The operations are all of one part.
    fn unobserved(&self, ops: &[Op<&Self::Action>]) -> Vec<OpId> {
        let _ = ops;
        Vec::new()
    }

    /// Bytes that `state` holds beside its own size, so that the search keeps within its memory.
    fn heap_bytes(&self, state: &Self::State) -> usize {
        let _ = state;
        0
    }

    /// The operation as a report names it.
    fn describe(&self, action: &Self::Action) -> String {
        format!("{action:?}")
    }

    /// The state as a report names it.
    fn describe_state(&self, state: &Self::State) -> String {
        format!("{state:?}")
    }
}

/// The number of an independent part of an object: a key, for a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(pub u64);
