//! Small random histories of every model, from a seed.

use std::collections::BTreeSet;

use crate::ids::{Interval, Moment};
use crate::linearizability::Op;
use crate::linearizability::model::Model;
use crate::linearizability::models::{
    FifoQueue, KeyValue, KeyValueAction, Mutex, MutexAction, Queue, QueueAction, Register, RegisterAction,
    Set, SetAction,
};
use crate::random::Stream;

/// What histories are made up from.
pub(super) struct Random(Stream);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(Stream(seed))
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0.next() % limit.max(1)
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A model of which random operations are known.
pub(super) trait Sample: Model<State: Ord> + Sized {
    fn sample() -> Self;
    /// An operation, with a result that the object may well give in that state.
    fn action(random: &mut Random, state: &Self::State) -> Self::Action;
    /// The same with another result, if it has any.
    fn spoiled(random: &mut Random, action: &Self::Action) -> Self::Action;
}

/// A history of up to `ops_max` operations on up to four processes: results as the object gives them at some
/// point between call and return, some of them spoiled, some operations pending.
pub(super) fn history<M: Sample>(seed: u64, ops_max: u64) -> Vec<Op<M::Action>> {
    let mut random = Random::new(seed);
    let model = M::sample();
    let count = 1 + random.below(ops_max);
    let processes = 1 + random.below(4);
    let pending_percent = [0, 15, 35][random.below(3) as usize];
    let spoiled_percent = [0, 10, 25][random.below(3) as usize];
    let mut state = model.initial();
    let mut ops: Vec<Op<M::Action>> = Vec::new();
    // Of each process: its operation, and whether that took effect.
    let mut lanes: Vec<Option<(usize, Option<M::Action>)>> = vec![None; processes as usize];
    let mut now = 0;
    let mut begun = 0;
    while begun < count || lanes.iter().any(Option::is_some) {
        let lane = random.below(processes) as usize;
        match lanes[lane].take() {
            None if begun < count => {
                begun += 1;
                let action = M::action(&mut random, &state);
                ops.push(Op { interval: Interval { call: Moment(now), ret: Moment::NEVER }, action });
                now += 1;
                lanes[lane] = Some((ops.len() - 1, None));
            }
            None => {}
            Some((op, None)) => {
                // Its effect: one that is possible now, or, if it is pending, perhaps none at all.
                let action = M::action(&mut random, &state);
                let mut next = Vec::new();
                model.step(&state, &action, &mut next);
                if !next.is_empty() && random.chance(95) {
                    state = next.swap_remove(random.below(next.len() as u64) as usize);
                }
                lanes[lane] = Some((op, Some(action)));
            }
            Some((op, Some(mut action))) => {
                if random.chance(spoiled_percent) {
                    action = M::spoiled(&mut random, &action);
                }
                ops[op].action = action;
                if !random.chance(pending_percent) {
                    ops[op].interval.ret = Moment(now);
                    now += 1;
                }
            }
        }
    }
    ops
}

impl Sample for Register<u8> {
    fn sample() -> Self {
        Self { initial: 0 }
    }

    fn action(random: &mut Random, state: &u8) -> RegisterAction<u8> {
        match random.below(10) {
            0..4 => RegisterAction::Read(*state),
            4..7 => RegisterAction::Write(random.below(4) as u8),
            7 | 8 => RegisterAction::CompareAndSet { from: *state, to: random.below(4) as u8 },
            _ => RegisterAction::Differs((*state + 1 + random.below(3) as u8) % 4),
        }
    }

    fn spoiled(random: &mut Random, action: &RegisterAction<u8>) -> RegisterAction<u8> {
        let value = random.below(4) as u8;
        match action {
            RegisterAction::Read(_) => RegisterAction::Read(value),
            RegisterAction::Write(_) => RegisterAction::Write(value),
            RegisterAction::CompareAndSet { to, .. } => {
                RegisterAction::CompareAndSet { from: value, to: *to }
            }
            RegisterAction::Differs(_) => RegisterAction::Differs(value),
        }
    }
}

/// One key alone: the brute force knows of no parts.
impl Sample for KeyValue {
    fn sample() -> Self {
        Self
    }

    fn action(random: &mut Random, state: &Box<str>) -> KeyValueAction {
        let text: Box<str> = ["", "a", "b", "ab"][random.below(4) as usize].into();
        match random.below(10) {
            0..4 => KeyValueAction::Get { key: 0, text: state.clone() },
            4..6 => KeyValueAction::Put { key: 0, text },
            _ => KeyValueAction::Append { key: 0, text },
        }
    }

    fn spoiled(random: &mut Random, action: &KeyValueAction) -> KeyValueAction {
        match action {
            KeyValueAction::Get { text, .. } => {
                let mut text = text.to_string();
                if random.chance(50) {
                    text.push('a');
                } else {
                    text.pop();
                }
                KeyValueAction::Get { key: 0, text: text.into() }
            }
            other => other.clone(),
        }
    }
}

impl Sample for Mutex {
    fn sample() -> Self {
        Self
    }

    fn action(random: &mut Random, state: &crate::linearizability::models::Lock) -> MutexAction {
        let likely = match state {
            crate::linearizability::models::Lock::Free => MutexAction::Acquire,
            crate::linearizability::models::Lock::Held => MutexAction::Release,
        };
        if random.chance(95) { likely } else { Self::spoiled(random, &likely) }
    }

    fn spoiled(_: &mut Random, action: &MutexAction) -> MutexAction {
        match action {
            MutexAction::Acquire => MutexAction::Release,
            MutexAction::Release => MutexAction::Acquire,
        }
    }
}

impl Sample for Set<u8> {
    fn sample() -> Self {
        Self::new()
    }

    fn action(random: &mut Random, state: &BTreeSet<u8>) -> SetAction<u8> {
        let element = random.below(4) as u8;
        match random.below(10) {
            0..4 => SetAction::Read(state.clone()),
            4..6 => SetAction::Contains { element, found: state.contains(&element) },
            _ => SetAction::Add(element),
        }
    }

    fn spoiled(random: &mut Random, action: &SetAction<u8>) -> SetAction<u8> {
        let another = random.below(4) as u8;
        match action {
            SetAction::Add(_) => SetAction::Add(another),
            SetAction::Contains { element, found } => {
                SetAction::Contains { element: *element, found: !found }
            }
            SetAction::Read(elements) => {
                let mut elements = elements.clone();
                if !elements.remove(&another) {
                    elements.insert(another);
                }
                SetAction::Read(elements)
            }
        }
    }
}

fn queue_action(random: &mut Random, first: Option<&u8>) -> QueueAction<u8> {
    match random.below(10) {
        0..5 => QueueAction::Enqueue(random.below(4) as u8),
        5..8 => first.map_or(QueueAction::Empty, |element| QueueAction::Dequeue(*element)),
        _ => QueueAction::DequeueAny,
    }
}

fn spoiled_queue_action(random: &mut Random, action: &QueueAction<u8>) -> QueueAction<u8> {
    let another = random.below(4) as u8;
    match action {
        QueueAction::Enqueue(_) => QueueAction::Enqueue(another),
        QueueAction::Dequeue(_) if random.chance(30) => QueueAction::Empty,
        QueueAction::Dequeue(_) | QueueAction::Empty => QueueAction::Dequeue(another),
        QueueAction::DequeueAny => QueueAction::DequeueAny,
    }
}

impl Sample for Queue<u8> {
    fn sample() -> Self {
        Self::new()
    }

    fn action(random: &mut Random, state: &Self::State) -> QueueAction<u8> {
        let elements: Vec<_> = state.keys().collect();
        let element = elements.get(random.below(elements.len() as u64) as usize).copied();
        queue_action(random, element)
    }

    fn spoiled(random: &mut Random, action: &QueueAction<u8>) -> QueueAction<u8> {
        spoiled_queue_action(random, action)
    }
}

impl Sample for FifoQueue<u8> {
    fn sample() -> Self {
        Self::new()
    }

    fn action(random: &mut Random, state: &Self::State) -> QueueAction<u8> {
        queue_action(random, state.front())
    }

    fn spoiled(random: &mut Random, action: &QueueAction<u8>) -> QueueAction<u8> {
        spoiled_queue_action(random, action)
    }
}
