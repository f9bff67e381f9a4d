//! Many objects of one kind, told apart by their keys.

use crate::linearizability::model::{Model, Part};
use crate::linearizability::{Op, OpId};

/// A map of objects, each of which behaves like the model within and begins in its initial state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyed<M>(
    /// The model of each.
    pub M,
);

/// What is done to one of the objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyedAction<A> {
    /// The number of the key.
    pub key: u32,
    /// What is done to its object.
    pub action: A,
}

impl<M: Model> Model for Keyed<M> {
    type State = M::State;
    type Action = KeyedAction<M::Action>;

    fn initial(&self) -> M::State {
        self.0.initial()
    }

    fn step(&self, state: &M::State, action: &Self::Action, next: &mut Vec<M::State>) {
        self.0.step(state, &action.action, next);
    }

    fn is_pure(&self, action: &Self::Action) -> bool {
        self.0.is_pure(&action.action)
    }

    fn part(&self, action: &Self::Action) -> Part {
        Part(u64::from(action.key))
    }

    fn state_after(&self, action: &Self::Action) -> Option<M::State> {
        self.0.state_after(&action.action)
    }

    fn unobserved(&self, ops: &[Op<&Self::Action>]) -> Vec<OpId> {
        let within: Vec<_> =
            ops.iter().map(|op| Op { interval: op.interval, action: &op.action.action }).collect();
        self.0.unobserved(&within)
    }

    fn heap_bytes(&self, state: &M::State) -> usize {
        self.0.heap_bytes(state)
    }

    fn describe(&self, action: &Self::Action) -> String {
        self.0.describe(&action.action)
    }

    fn describe_state(&self, state: &M::State) -> String {
        self.0.describe_state(state)
    }
}
