//! In which order the operations of a history can have taken effect, and what the object held after each.
//!
//! A report that lets its reader step through the history asks for it; an answer does not need it, and a history
//! that breaks the object is checked again and again to find out how far an order goes.

use super::operations::{Gathered, Operations};
use super::{CheckError, Object, Options, exact, key_value, log, mutex, queue, register, set};
use crate::history::{Datum, History};
use crate::linearizability::course::course;
use crate::linearizability::model::{Model, Part};
use crate::linearizability::models::{
    FifoQueue, KeyValue, Keyed, KeyedAction, Mutex, Queue, QueueAction, Set,
};
use crate::linearizability::search::Search;
use crate::linearizability::{Answer, Op, OpId};

/// A state is not told at greater length than this, in characters.
const STATE_CHARS_MAX: usize = 120;
/// So much is worked out of the states of one history, in bytes of text; orders go on beyond it.
const STATES_BYTES_MAX: usize = 8 << 20;

/// The order in which the operations on one key can have taken effect, as far as there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Of which key; `None` for what has none.
    pub key: Option<Datum>,
    /// The operations, first to last.
    pub steps: Vec<Step>,
    /// The operation at whose return every order ends, by the place of its invocation among the events.
    pub stuck: Option<usize>,
}

/// One operation that takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The place of its invocation among the events.
    pub invocation: usize,
    /// What the object held then; `None` where that was not worked out.
    pub state: Option<String>,
}

/// The course of each key's operations, in the order in which keys came up. Empty for objects that are counted, and
/// without a key whose answer is not known.
///
/// # Errors
/// If the history is not one of that object at all.
pub fn courses(object: Object, history: &History, options: &Options) -> Result<Vec<Course>, CheckError> {
    if object.is_counted() {
        return Ok(Vec::new());
    }
    if object == Object::Log {
        return log::courses(history);
    }
    let operations = Operations::new(object, history, options)?;
    let search = &options.search;
    Ok(match object {
        Object::Register | Object::CasRegister => {
            let model = Keyed(register::model(options));
            let ops = operations.keyed(|operation| register::action(operation, options))?;
            let initial = &model.0.initial;
            of(&operations, &model, &ops, Clone::clone, |ops| {
                exactly(exact::registers(gathered(ops), initial).decided, || answer(search, &model, ops))
            })
        }
        Object::FifoQueue => {
            let model = Keyed(FifoQueue::new());
            let ops = operations.keyed(queue::actions)?;
            of(&operations, &model, &ops, dequeues, |ops| {
                exactly(exact::queues(gathered(ops)).decided, || answer(search, &model, ops))
            })
        }
        Object::KeyValue => searched(&operations, &KeyValue, &operations.gather(key_value::action)?, search),
        Object::Mutex => searched(&operations, &Keyed(Mutex), &operations.keyed(mutex::action)?, search),
        Object::LinearizableSet => {
            searched(&operations, &Keyed(Set::new()), &operations.keyed(set::action)?, search)
        }
        Object::UnorderedQueue => {
            let model = Keyed(Queue::new());
            let ops = operations.keyed(queue::actions)?;
            of(&operations, &model, &ops, dequeues, |ops| answer(search, &model, ops))
        }
        Object::Set | Object::SetFull | Object::TotalQueue | Object::Counter | Object::Log => Vec::new(),
    })
}

fn searched<M: Model>(
    operations: &Operations<'_>,
    model: &M,
    ops: &Gathered<M::Action>,
    search: &Search,
) -> Vec<Course> {
    of(operations, model, ops, Clone::clone, |ops| answer(search, model, ops))
}

/// An answer, and at which return the search that gave it got stuck.
type Decision = (Answer, Option<OpId>);

fn answer<M: Model>(search: &Search, model: &M, ops: &[Op<M::Action>]) -> Decision {
    let found = search.check(model, ops);
    (found.answer, found.explanation.map(|explanation| explanation.failing))
}

/// An operation on a queue before it returned: what it will take out is not known.
fn dequeues<V: Clone>(keyed: &KeyedAction<QueueAction<V>>) -> KeyedAction<QueueAction<V>> {
    let action = match &keyed.action {
        QueueAction::Enqueue(value) => QueueAction::Enqueue(value.clone()),
        QueueAction::Dequeue(_) | QueueAction::Empty | QueueAction::DequeueAny => QueueAction::DequeueAny,
    };
    KeyedAction { key: keyed.key, action }
}

/// The answer of an exact check, if there is one. The operations are all of one key, and keep their places; of
/// other keys, which have lower numbers, there are none.
fn exactly(decided: Vec<exact::Decided>, otherwise: impl FnOnce() -> Decision) -> Decision {
    let own = decided.into_iter().find(|decided| !decided.places.is_empty());
    own.map_or_else(otherwise, |decided| (decided.answer, None))
}

fn gathered<A: Clone>(ops: &[Op<KeyedAction<A>>]) -> Gathered<KeyedAction<A>> {
    Gathered { ops: ops.to_vec(), spans: (0..ops.len() as u32).collect() }
}

/// The course of each part.
fn of<M: Model>(
    operations: &Operations<'_>,
    model: &M,
    all: &Gathered<M::Action>,
    outstanding: impl Fn(&M::Action) -> M::Action,
    mut decide: impl FnMut(&[Op<M::Action>]) -> Decision,
) -> Vec<Course> {
    let mut parts: Vec<Vec<u32>> = vec![Vec::new(); operations.keys.len()];
    for (place, op) in (0..).zip(&all.ops) {
        let Part(part) = model.part(&op.action);
        parts[part as usize].push(place);
    }
    let mut bytes_left = STATES_BYTES_MAX;
    let mut courses = Vec::new();
    for (key, places) in operations.keys.iter().zip(parts) {
        let ops: Vec<_> = places.iter().map(|place| all.ops[*place as usize].clone()).collect();
        let Some(found) = course(&ops, &outstanding, &mut decide) else { continue };
        let invocation = |op: OpId| {
            let span = all.spans[places[op.0 as usize] as usize];
            operations.spans[span as usize].invocation
        };
        let states = states(model, &ops, &found.order, &mut bytes_left);
        let steps = found.order.iter().zip(states);
        courses.push(Course {
            key: key.clone(),
            steps: steps.map(|(op, state)| Step { invocation: invocation(*op), state }).collect(),
            stuck: found.stuck.map(invocation),
        });
    }
    courses
}

/// What the object holds after each of the operations. Where it may hold several things, one of them.
fn states<M: Model>(
    model: &M,
    ops: &[Op<M::Action>],
    order: &[OpId],
    bytes_left: &mut usize,
) -> Vec<Option<String>> {
    let mut states = vec![model.initial()];
    let mut told = Vec::with_capacity(order.len());
    for op in order {
        if *bytes_left == 0 {
            told.push(None);
            continue;
        }
        let mut next = Vec::new();
        for state in &states {
            model.step(state, &ops[op.0 as usize].action, &mut next);
        }
        let distinct: indexmap::IndexSet<M::State, rustc_hash::FxBuildHasher> = next.into_iter().collect();
        states = distinct.into_iter().collect();
        let state = states.first().map(|state| model.describe_state(state));
        *bytes_left = bytes_left.saturating_sub(state.as_ref().map_or(0, String::len));
        told.push(state.map(|mut state| {
            if let Some((end, _)) = state.char_indices().nth(STATE_CHARS_MAX) {
                state.truncate(end);
                state.push('…');
            }
            state
        }));
    }
    told
}
