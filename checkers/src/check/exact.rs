//! Keys whose history an exact check decides, so that no order has to be searched for.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::operations::Gathered;
use super::shown::Shown;
use crate::linearizability::models::{KeyedAction, QueueAction, RegisterAction};
use crate::linearizability::{Answer, Op, ValueId, queue, register, rule};

/// What an exact check says of one key.
pub(super) struct Decided {
    pub(super) key: u32,
    /// Its operations are numbered by their places in `places`.
    pub(super) answer: Answer,
    /// The key's operations, by their places among those that were gathered.
    pub(super) places: Vec<u32>,
}

/// All operations, the keys that are decided, and the operations of the others, which are left to the search.
pub(super) struct Split<A> {
    pub(super) all: Gathered<KeyedAction<A>>,
    pub(super) decided: Vec<Decided>,
    pub(super) rest: Gathered<KeyedAction<A>>,
}

/// The values of one key, numbered as they come.
#[derive(Default)]
struct Values<'a>(IndexSet<&'a Shown, FxBuildHasher>);

impl<'a> Values<'a> {
    fn number(&mut self, value: &'a Shown) -> ValueId {
        ValueId(self.0.insert_full(value).0 as u32)
    }

    fn name(&self, value: ValueId) -> String {
        self.0.get_index(value.0 as usize).map_or_else(|| value.0.to_string(), |shown| format!("{shown:?}"))
    }
}

/// Decides the keys of a register: those whose values are unique, and of which no failed compare-and-set tells.
pub(super) fn registers(
    gathered: Gathered<KeyedAction<RegisterAction<Shown>>>,
    initial: &Shown,
) -> Split<RegisterAction<Shown>> {
    split(gathered, |ops| {
        let mut values = Values::default();
        let initial = values.number(initial);
        let translated = translate(ops, |action| {
            Some(match action {
                RegisterAction::Read(value) => register::RegisterAction::Read(values.number(value)),
                RegisterAction::Write(value) => register::RegisterAction::Write(values.number(value)),
                RegisterAction::CompareAndSet { from, to } => {
                    register::RegisterAction::Cas { from: values.number(from), to: values.number(to) }
                }
                RegisterAction::Differs(_) => return None,
            })
        })?;
        register::check_named(initial, &translated, &|value| values.name(value)).ok()
    })
}

/// Decides the keys of a FIFO queue: those whose values are unique.
pub(super) fn queues(gathered: Gathered<KeyedAction<QueueAction<Shown>>>) -> Split<QueueAction<Shown>> {
    split(gathered, |ops| {
        let mut values = Values::default();
        let translated = translate(ops, |action| {
            Some(match action {
                QueueAction::Enqueue(value) => queue::QueueAction::Enqueue(values.number(value)),
                QueueAction::Dequeue(value) => queue::QueueAction::Dequeue(values.number(value)),
                QueueAction::Empty => queue::QueueAction::DequeueEmpty,
                QueueAction::DequeueAny => queue::QueueAction::DequeueUnknown,
            })
        })?;
        queue::check_named(&translated, &|value| values.name(value)).ok()
    })
}

/// The operations in terms of an exact check; `None` if it has no words for one of them.
fn translate<'a, A, B>(ops: &[Op<&'a A>], mut action: impl FnMut(&'a A) -> Option<B>) -> Option<Vec<Op<B>>> {
    ops.iter().map(|op| Some(Op { interval: op.interval, action: action(op.action)? })).collect()
}

/// Asks `decide` of each key's operations.
fn split<A: Clone>(
    gathered: Gathered<KeyedAction<A>>,
    decide: impl for<'a> Fn(&[Op<&'a A>]) -> Option<Answer>,
) -> Split<A> {
    let mut by_key: Vec<Vec<u32>> = Vec::new();
    for (place, op) in gathered.ops.iter().enumerate() {
        let key = op.action.key as usize;
        if by_key.len() <= key {
            by_key.resize(key + 1, Vec::new());
        }
        by_key[key].push(place as u32);
    }
    let mut decided = Vec::new();
    let mut rest = Vec::new();
    for (key, places) in by_key.into_iter().enumerate() {
        let op = |place: &u32| {
            let op = &gathered.ops[*place as usize];
            Op { interval: op.interval, action: &op.action.action }
        };
        let ops: Vec<Op<&A>> = places.iter().map(op).collect();
        match decide(&ops).filter(|_| rule::applies("exact path")) {
            Some(answer) => decided.push(Decided { key: key as u32, answer, places }),
            None => rest.extend(places),
        }
    }
    rest.sort_unstable();
    let rest = Gathered {
        ops: rest.iter().map(|place| gathered.ops[*place as usize].clone()).collect(),
        spans: rest.iter().map(|place| gathered.spans[*place as usize]).collect(),
    };
    Split { all: gathered, decided, rest }
}
