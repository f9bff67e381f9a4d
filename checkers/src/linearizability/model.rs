//! An object under test, given by what it does when one operation follows another.

use std::fmt::Debug;
use std::hash::Hash;

/// An object, given by its sequential behaviour. Implement this to check histories of an object of your own.
pub trait Model {
    /// What the object remembers.
    type State: Clone + Debug + Eq + Hash;
    /// An operation with its argument and, where it is known, its result.
    type Action: Clone + Debug;

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
}
