//! Numbers for the states that were met, and a memory of which operation leads from which to which.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::problem::Class;
use crate::linearizability::model::Model;

/// The number of a state, in the order in which states were met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StateId(pub(super) u32);

/// Where an action leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It cannot happen there.
    Impossible,
    /// To one state.
    One(StateId),
    /// To any of several, as they lie in `Steps::several`.
    Several(u32),
}

/// The states of a search, and the steps between them.
#[derive(Debug)]
pub(super) struct States<M: Model> {
    states: IndexSet<M::State, FxBuildHasher>,
    bytes: usize,
    memo: Vec<Memo>,
    several: Vec<Box<[StateId]>>,
    scratch: Vec<M::State>,
}

/// A remembered step; a newer one takes its place.
#[derive(Clone, Copy, Debug)]
struct Memo {
    state: StateId,
    class: Class,
    outcome: Outcome,
}

const EMPTY: Memo = Memo { state: StateId(u32::MAX), class: Class(u32::MAX), outcome: Outcome::Impossible };
const MEMO_MIN: usize = 1 << 8;
const MEMO_MAX: usize = 1 << 18;
/// Lists of several states are forgotten, with the whole memo, when there are more.
const SEVERAL_MAX: usize = 1 << 16;
/// What a state takes beside itself: its hash and its place.
const OVERHEAD_BYTES: usize = 24;

impl<M: Model> States<M> {
    /// With the initial state, and room for what so many operations want to remember.
    pub(super) fn new(model: &M, initial: M::State, ops: usize) -> (Self, StateId) {
        let size = ops.saturating_mul(4).next_power_of_two().clamp(MEMO_MIN, MEMO_MAX);
        let mut states = Self {
            states: IndexSet::default(),
            bytes: 0,
            memo: vec![EMPTY; size],
            several: Vec::new(),
            scratch: Vec::new(),
        };
        let initial = states.number(model, initial);
        (states, initial)
    }

    /// How much the states take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, state: StateId) -> &M::State {
        &self.states[state.0 as usize]
    }

    fn number(&mut self, model: &M, state: M::State) -> StateId {
        let (place, new) = self.states.insert_full(state);
        if new {
            self.bytes += size_of::<M::State>() + OVERHEAD_BYTES + model.heap_bytes(&self.states[place]);
        }
        // As many states as that do not fit into any memory.
        StateId(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// Where the action of this class leads. A pure one leads back.
    pub(super) fn step(
        &mut self,
        model: &M,
        state: StateId,
        class: Class,
        action: &M::Action,
        pure: bool,
    ) -> Outcome {
        let slot = self.slot(state, class);
        let memo = self.memo[slot];
        if memo.state == state && memo.class == class {
            return memo.outcome;
        }
        let mut next = std::mem::take(&mut self.scratch);
        next.clear();
        model.step(&self.states[state.0 as usize], action, &mut next);
        let outcome = match next.len() {
            0 => Outcome::Impossible,
            _ if pure => Outcome::One(state),
            1 => Outcome::One(self.number(model, next.pop().expect("there is one"))),
            _ => {
                if self.several.len() >= SEVERAL_MAX {
                    self.forget();
                }
                let ids = next.drain(..).map(|state| self.number(model, state)).collect();
                self.several.push(ids);
                Outcome::Several(self.several.len() as u32 - 1)
            }
        };
        self.scratch = next;
        self.memo[slot] = Memo { state, class, outcome };
        outcome
    }

    fn slot(&self, state: StateId, class: Class) -> usize {
        let key = u64::from(state.0) << 32 | u64::from(class.0);
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (spread >> 32) as usize & (self.memo.len() - 1)
    }

    /// The state at this place among those of an outcome.
    pub(super) fn nth(&self, outcome: Outcome, place: u32) -> Option<StateId> {
        match outcome {
            Outcome::Impossible => None,
            Outcome::One(state) => (place == 0).then_some(state),
            Outcome::Several(list) => self.several[list as usize].get(place as usize).copied(),
        }
    }

    /// Whether the outcome may be this state.
    pub(super) fn leads_to(&self, outcome: Outcome, state: StateId) -> bool {
        match outcome {
            Outcome::Impossible => false,
            Outcome::One(only) => only == state,
            Outcome::Several(list) => self.several[list as usize].contains(&state),
        }
    }

    fn forget(&mut self) {
        self.memo.fill(EMPTY);
        self.several.clear();
    }

    /// Forgets every state but these, and says their new numbers in place of the old ones.
    pub(super) fn keep<'i>(&mut self, model: &M, ids: impl Iterator<Item = &'i mut StateId>) {
        self.forget();
        let old = std::mem::take(&mut self.states);
        self.bytes = 0;
        for id in ids {
            let state = old[id.0 as usize].clone();
            *id = self.number(model, state);
        }
    }
}
