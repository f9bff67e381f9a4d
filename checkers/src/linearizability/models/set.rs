//! A set to which elements are added, and that is read whole or asked for one.

use std::collections::BTreeSet;

use super::Content;
use crate::linearizability::model::Model;
use crate::linearizability::{Op, OpId};

/// A set, empty at first, whose elements stay.
#[derive(Clone, Copy, Debug, Default)]
pub struct Set<V>(std::marker::PhantomData<V>);

impl<V> Set<V> {
    /// A set of such elements.
    pub fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

/// What is done to a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetAction<V: Ord> {
    /// Adds an element; it may be there already.
    Add(V),
    /// Whether an element is there.
    Contains {
        /// Which one.
        element: V,
        /// The answer.
        found: bool,
    },
    /// A read that returned these.
    Read(BTreeSet<V>),
}

impl<V: Content> Model for Set<V> {
    type State = BTreeSet<V>;
    type Action = SetAction<V>;

    fn initial(&self) -> BTreeSet<V> {
        BTreeSet::new()
    }

    fn step(&self, state: &BTreeSet<V>, action: &SetAction<V>, next: &mut Vec<BTreeSet<V>>) {
        let possible = match action {
            SetAction::Add(element) => {
                let mut larger = state.clone();
                larger.insert(element.clone());
                next.push(larger);
                return;
            }
            SetAction::Contains { element, found } => state.contains(element) == *found,
            SetAction::Read(elements) => elements == state,
        };
        if possible {
            next.push(state.clone());
        }
    }

    fn is_pure(&self, action: &SetAction<V>) -> bool {
        !matches!(action, SetAction::Add(_))
    }

    fn state_after(&self, action: &SetAction<V>) -> Option<BTreeSet<V>> {
        match action {
            SetAction::Read(elements) => Some(elements.clone()),
            _ => None,
        }
    }

    fn unobserved(&self, ops: &[Op<&SetAction<V>>]) -> Vec<OpId> {
        let mut seen = BTreeSet::new();
        for op in ops {
            match op.action {
                SetAction::Contains { element, found: true } => drop(seen.insert(element)),
                SetAction::Read(elements) => seen.extend(elements),
                SetAction::Add(_) | SetAction::Contains { .. } => {}
            }
        }
        let unseen = ops.iter().enumerate().filter(|(_, op)| match op.action {
            SetAction::Add(element) => !op.interval.ret.is_some() && !seen.contains(element),
            _ => false,
        });
        unseen.map(|(place, _)| OpId(place as u32)).collect()
    }

    fn heap_bytes(&self, state: &BTreeSet<V>) -> usize {
        // Nodes of a B-tree are half to wholly full.
        state.len() * size_of::<V>() * 2
    }

    fn describe(&self, action: &SetAction<V>) -> String {
        match action {
            SetAction::Add(element) => format!("add {element:?}"),
            SetAction::Contains { element, found: true } => format!("contains {element:?}"),
            SetAction::Contains { element, found: false } => format!("does not contain {element:?}"),
            SetAction::Read(elements) => format!("read {elements:?}"),
        }
    }
}
