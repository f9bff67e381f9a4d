//! An object some of whose completed operations need not have taken effect.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::problem::Class;
use crate::linearizability::model::Model;
use crate::linearizability::{Op, OpId};

/// A model, with the actions that are spoken of by their numbers.
pub(super) struct Relaxed<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) actions: &'a IndexSet<M::Action, FxBuildHasher>,
}

/// An action, which must take effect or may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Choice {
    pub(super) class: Class,
    pub(super) may_skip: bool,
}

impl<M: Model> Relaxed<'_, M> {
    fn action(&self, choice: &Choice) -> &M::Action {
        &self.actions[choice.class.0 as usize]
    }
}

impl<M: Model> Model for Relaxed<'_, M> {
    type State = M::State;
    type Action = Choice;

    fn initial(&self) -> M::State {
        self.model.initial()
    }

    fn step(&self, state: &M::State, choice: &Choice, next: &mut Vec<M::State>) {
        self.model.step(state, self.action(choice), next);
        if choice.may_skip && !next.contains(state) {
            next.push(state.clone());
        }
    }

    fn is_pure(&self, choice: &Choice) -> bool {
        self.model.is_pure(self.action(choice))
    }

    fn unobserved(&self, ops: &[Op<&Choice>]) -> Vec<OpId> {
        let op = |op: &Op<&Choice>| Op { interval: op.interval, action: self.action(op.action) };
        let ops: Vec<_> = ops.iter().map(op).collect();
        self.model.unobserved(&ops)
    }

    fn heap_bytes(&self, state: &M::State) -> usize {
        self.model.heap_bytes(state)
    }
}
