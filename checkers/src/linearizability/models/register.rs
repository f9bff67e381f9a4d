//! A register that is read, written, and set if it holds an expected value.

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::Content;
use crate::linearizability::model::Model;
use crate::linearizability::{Op, OpId, rule};

/// A register of one value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register<V> {
    /// What it holds at first.
    pub initial: V,
}

/// What is done to a register.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegisterAction<V> {
    /// A read that returned this.
    Read(V),
    /// A write.
    Write(V),
    /// A compare-and-set that found what it expected.
    CompareAndSet {
        /// What it expected.
        from: V,
        /// What it set.
        to: V,
    },
    /// A compare-and-set that found something else than this, and set nothing.
    Differs(V),
}

impl<V: Content> Model for Register<V> {
    type State = V;
    type Action = RegisterAction<V>;

    fn initial(&self) -> V {
        self.initial.clone()
    }

    fn step(&self, state: &V, action: &RegisterAction<V>, next: &mut Vec<V>) {
        let possible = match action {
            RegisterAction::Read(value) if value == state => value,
            RegisterAction::Write(value) => value,
            RegisterAction::CompareAndSet { from, to } if from == state => to,
            RegisterAction::Differs(value) if value != state => state,
            _ => return,
        };
        next.push(possible.clone());
    }

    fn is_pure(&self, action: &RegisterAction<V>) -> bool {
        matches!(action, RegisterAction::Read(_) | RegisterAction::Differs(_))
    }

    fn state_after(&self, action: &RegisterAction<V>) -> Option<V> {
        match action {
            RegisterAction::Read(value) | RegisterAction::Write(value) => Some(value.clone()),
            RegisterAction::CompareAndSet { to, .. } => Some(to.clone()),
            RegisterAction::Differs(_) => None,
        }
    }

    fn unobserved(&self, ops: &[Op<&RegisterAction<V>>]) -> Vec<OpId> {
        let mut needed = Needed::default();
        let pending = || (0..ops.len()).filter(|place| !ops[*place].interval.ret.is_some());
        for op in ops.iter().filter(|op| op.interval.ret.is_some()) {
            needed.observe(op.action);
        }
        // A pending compare-and-set whose value is needed needs its own in turn.
        let mut setters: HashMap<&V, Vec<&V>, FxBuildHasher> = HashMap::default();
        for place in pending() {
            if let RegisterAction::CompareAndSet { from, to } = ops[place].action {
                if needed.any_but(to) {
                    needed.add(from);
                }
                setters.entry(to).or_default().push(from);
            }
        }
        if rule::applies("a needed compare-and-set needs its own value") {
            while let Some(value) = needed.queue.pop() {
                for from in setters.remove(value).into_iter().flatten() {
                    needed.add(from);
                }
            }
        }
        let unneeded = |place: &usize| match ops[*place].action {
            RegisterAction::Write(to) | RegisterAction::CompareAndSet { to, .. } => !needed.contains(to),
            RegisterAction::Read(_) | RegisterAction::Differs(_) => true,
        };
        pending().filter(unneeded).map(|place| OpId(place as u32)).collect()
    }

    fn describe(&self, action: &RegisterAction<V>) -> String {
        match action {
            RegisterAction::Read(value) => format!("read {value:?}"),
            RegisterAction::Write(value) => format!("write {value:?}"),
            RegisterAction::CompareAndSet { from, to } => format!("cas {from:?} to {to:?}"),
            RegisterAction::Differs(from) => format!("failed cas from {from:?}"),
        }
    }
}

/// The values that a completed operation may have found.
struct Needed<'a, V> {
    values: HashSet<&'a V, FxBuildHasher>,
    /// Of those, the ones that were not followed further.
    queue: Vec<&'a V>,
    /// Values that some operation found the register to differ from; two are as good as all.
    differs: Vec<&'a V>,
}

impl<V> Default for Needed<'_, V> {
    fn default() -> Self {
        Self { values: HashSet::default(), queue: Vec::new(), differs: Vec::new() }
    }
}

impl<'a, V: Content> Needed<'a, V> {
    fn observe(&mut self, action: &'a RegisterAction<V>) {
        match action {
            RegisterAction::Read(value) | RegisterAction::CompareAndSet { from: value, .. } => {
                self.add(value);
            }
            RegisterAction::Differs(value) => {
                if self.differs.len() < 2 && !self.differs.contains(&value) {
                    self.differs.push(value);
                }
            }
            RegisterAction::Write(_) => {}
        }
    }

    fn add(&mut self, value: &'a V) {
        if self.values.insert(value) {
            self.queue.push(value);
        }
    }

    /// Whether every value but some other one is needed.
    fn any_but(&self, value: &V) -> bool {
        rule::applies("a failed compare-and-set needs other values")
            && self.differs.iter().any(|d| *d != value)
    }

    fn contains(&self, value: &V) -> bool {
        self.values.contains(value) || self.any_but(value)
    }
}
