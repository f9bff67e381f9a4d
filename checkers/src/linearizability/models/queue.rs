//! Queues: one that gives back its elements in any order, and one that gives them back first in, first out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;

use super::Content;
use crate::linearizability::model::Model;
use crate::linearizability::{Op, OpId, rule};

/// A queue that gives back each element once, in any order; elements need not be unique.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue<V>(PhantomData<V>);

/// A queue that gives back each element once, first in, first out.
#[derive(Clone, Copy, Debug, Default)]
pub struct FifoQueue<V>(PhantomData<V>);

/// What is done to a queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueAction<V> {
    /// Puts an element in.
    Enqueue(V),
    /// Takes an element out: this one.
    Dequeue(V),
    /// Finds nothing to take out.
    Empty,
    /// Takes an element out, if there is one; which one is not known.
    DequeueAny,
}

impl<V> Queue<V> {
    /// A queue of such elements.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<V> FifoQueue<V> {
    /// A queue of such elements.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<V: Content> Model for Queue<V> {
    /// How many there are of each element.
    type State = BTreeMap<V, u32>;
    type Action = QueueAction<V>;

    fn initial(&self) -> BTreeMap<V, u32> {
        BTreeMap::new()
    }

    fn step(&self, state: &BTreeMap<V, u32>, action: &QueueAction<V>, next: &mut Vec<BTreeMap<V, u32>>) {
        match action {
            QueueAction::Enqueue(element) => {
                let mut longer = state.clone();
                *longer.entry(element.clone()).or_insert(0) += 1;
                next.push(longer);
            }
            QueueAction::Dequeue(element) => next.extend(without(state, element)),
            QueueAction::DequeueAny => {
                next.extend(state.keys().filter_map(|element| without(state, element)));
                next.extend(state.is_empty().then(BTreeMap::new));
            }
            QueueAction::Empty => next.extend(state.is_empty().then(BTreeMap::new)),
        }
    }

    fn is_pure(&self, action: &QueueAction<V>) -> bool {
        matches!(action, QueueAction::Empty)
    }

    fn state_after(&self, action: &QueueAction<V>) -> Option<BTreeMap<V, u32>> {
        matches!(action, QueueAction::Empty).then(BTreeMap::new)
    }

    fn unobserved(&self, ops: &[Op<&QueueAction<V>>]) -> Vec<OpId> {
        // What lies in the queue is in nobody's way, but where it is found empty.
        let found_empty = ops.iter().any(|op| matches!(op.action, QueueAction::Empty));
        unobserved(ops, !found_empty || !rule::applies("a pending dequeue may have emptied the queue"))
    }

    fn heap_bytes(&self, state: &BTreeMap<V, u32>) -> usize {
        state.len() * size_of::<(V, u32)>() * 2
    }

    fn describe(&self, action: &QueueAction<V>) -> String {
        describe(action)
    }
}

fn without<V: Content>(state: &BTreeMap<V, u32>, element: &V) -> Option<BTreeMap<V, u32>> {
    let count = *state.get(element)?;
    let mut shorter = state.clone();
    if count > 1 {
        shorter.insert(element.clone(), count - 1);
    } else {
        shorter.remove(element);
    }
    Some(shorter)
}

impl<V: Content> Model for FifoQueue<V> {
    type State = VecDeque<V>;
    type Action = QueueAction<V>;

    fn initial(&self) -> VecDeque<V> {
        VecDeque::new()
    }

    fn step(&self, state: &VecDeque<V>, action: &QueueAction<V>, next: &mut Vec<VecDeque<V>>) {
        let mut after = state.clone();
        let possible = match action {
            QueueAction::Enqueue(element) => {
                after.push_back(element.clone());
                true
            }
            QueueAction::Dequeue(element) => after.pop_front().as_ref() == Some(element),
            QueueAction::DequeueAny => {
                after.pop_front();
                true
            }
            QueueAction::Empty => after.is_empty(),
        };
        if possible {
            next.push(after);
        }
    }

    fn is_pure(&self, action: &QueueAction<V>) -> bool {
        matches!(action, QueueAction::Empty)
    }

    fn state_after(&self, action: &QueueAction<V>) -> Option<VecDeque<V>> {
        matches!(action, QueueAction::Empty).then(VecDeque::new)
    }

    fn unobserved(&self, ops: &[Op<&QueueAction<V>>]) -> Vec<OpId> {
        unobserved(ops, false)
    }

    fn heap_bytes(&self, state: &VecDeque<V>) -> usize {
        state.capacity() * size_of::<V>()
    }

    fn describe(&self, action: &QueueAction<V>) -> String {
        describe(action)
    }
}

/// Pending enqueues of elements that nobody got; and the pending dequeues too, if they are.
fn unobserved<V: Content>(ops: &[Op<&QueueAction<V>>], dequeues_are: bool) -> Vec<OpId> {
    let completed = || ops.iter().filter(|op| op.interval.ret.is_some());
    let mut got = BTreeSet::new();
    for op in completed() {
        if let QueueAction::Dequeue(element) = op.action {
            got.insert(element);
        }
    }
    // Such a one may have got any element, or found the queue empty.
    let got_any = completed().any(|op| matches!(op.action, QueueAction::DequeueAny))
        && rule::applies("an unknown dequeue may have got anything");
    let places = ops.iter().enumerate().filter(|(_, op)| !op.interval.ret.is_some());
    let unobserved = places.filter(|(_, op)| match op.action {
        QueueAction::Enqueue(element) => !got_any && !got.contains(element),
        QueueAction::Dequeue(_) | QueueAction::DequeueAny => !got_any && dequeues_are,
        QueueAction::Empty => true,
    });
    unobserved.map(|(place, _)| OpId(place as u32)).collect()
}

fn describe<V: Content>(action: &QueueAction<V>) -> String {
    match action {
        QueueAction::Enqueue(element) => format!("enqueue {element:?}"),
        QueueAction::Dequeue(element) => format!("dequeue {element:?}"),
        QueueAction::Empty => "dequeue of an empty queue".to_owned(),
        QueueAction::DequeueAny => "dequeue".to_owned(),
    }
}
