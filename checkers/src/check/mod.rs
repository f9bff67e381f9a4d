//! Checks anyone's history against an object: from events with functions and values to an answer.
//!
//! [`check`] pairs the events, has the object say what each operation means, and searches for an order. What
//! a history's functions and values mean is in one file an object.

mod counted;
mod course;
mod exact;
mod finding;
mod key_value;
mod log;
mod mutex;
mod operations;
mod queue;
mod register;
mod report;
mod set;
mod shown;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::history::{Datum, History, NotCheckable};
use crate::linearizability::models::{FifoQueue, KeyValue, Keyed, Mutex, Queue, Set};
use crate::linearizability::search::Search;
use crate::objects::ObjectError;
use operations::Operations;

pub use course::{Course, Step, courses};
pub use log::operations as log_operations;
pub use report::{
    CheckReport, Cited, Consistency, Contradiction, Counts, Example, Finding, KeyReport, Place, Tally,
    Verdict,
};

/// The object that a history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// A register: `read`, `write`.
    Register,
    /// A register with compare-and-set: `read`, `write`, `cas` with `[from to]`.
    CasRegister,
    /// A map from keys to texts: `get`, `put`, `append`.
    KeyValue,
    /// A lock: `acquire`, `release`.
    Mutex,
    /// A set, linearizable: `add`, `read` of all, `contains` with `[element true]`.
    LinearizableSet,
    /// A queue in any order: `enqueue`, `dequeue`, `drain`.
    UnorderedQueue,
    /// A queue first in, first out: the same.
    FifoQueue,
    /// A set that is read at the end, counted.
    Set,
    /// A set that is read all along, counted.
    SetFull,
    /// A queue that is drained at the end, counted.
    TotalQueue,
    /// A counter, whose reads must lie between bounds.
    Counter,
    /// A replicated log: `send`, `poll`, `txn`, `assign`, `subscribe`.
    Log,
}

/// A name that is no [`Object`]'s.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no object; known are {names}", names = Object::ALL.map(Object::name).join(", "))]
pub struct UnknownObject(pub String);

/// How a history is read and searched.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a register holds at first: nil for Jepsen's, 0 for those of Knossos' own tests. Where it is nil, a
    /// read of nil found nothing; elsewhere it says nothing.
    pub initial: Datum,
    /// What a compare-and-set that failed without an error says.
    pub failed_cas: FailedCas,
    /// Whether each value is a pair of a key and what it would be without keys, as Jepsen's `independent` has
    /// it.
    pub independent: bool,
    /// Whether a finding shows every instance, and not only the first ones.
    pub every_example: bool,
    /// The search.
    pub search: Search,
}

/// What a compare-and-set that failed without an error says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailedCas {
    /// Nothing: it did not happen, for whatever reason. Knossos takes it so.
    #[default]
    Nothing,
    /// That the register held something else than what was expected. Porcupine takes the histories of etcd so.
    Differed,
}

/// Why a history cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckError {
    /// Its events make no operations.
    #[error(transparent)]
    NotCheckable(#[from] NotCheckable),
    /// Its operations are none of an object that is counted.
    #[error(transparent)]
    Counted(#[from] ObjectError),
    /// A function that the object does not have.
    #[error("{place}: {article} {object} has no function `{function}`; it has {known}", article = object.article())]
    Function {
        /// Where.
        place: Place,
        /// Of which object.
        object: Object,
        /// The function.
        function: String,
        /// Those it has.
        known: &'static str,
    },
    /// A value that the function does not take or give.
    #[error("{place}: the value of `{function}` is {found}; expected is {expected}")]
    Value {
        /// Where.
        place: Place,
        /// Of which function.
        function: String,
        /// The value.
        found: String,
        /// What it would have to be.
        expected: &'static str,
    },
}

impl Default for Options {
    fn default() -> Self {
        Self {
            initial: Datum::Nil,
            failed_cas: FailedCas::default(),
            independent: false,
            every_example: false,
            search: Search::default(),
        }
    }
}

/// Whether the history is one of the object.
///
/// # Errors
/// If it is not one of that object at all.
pub fn check(object: Object, history: &History, options: &Options) -> Result<CheckReport, CheckError> {
    if object.is_counted() {
        return counted::check(object, history, options);
    }
    if object == Object::Log {
        return log::check(history, options);
    }
    let operations = Operations::new(object, history, options)?;
    match object {
        Object::Register | Object::CasRegister => {
            let model = Keyed(register::model(options));
            let ops = operations.keyed(|operation| register::action(operation, options))?;
            let split = exact::registers(ops, &model.0.initial);
            Ok(report::split(&operations, &model, split, options))
        }
        Object::KeyValue => {
            let ops = operations.gather(key_value::action)?;
            Ok(report::search(&operations, &KeyValue, &ops, options))
        }
        Object::Mutex => {
            let ops = operations.keyed(mutex::action)?;
            Ok(report::search(&operations, &Keyed(Mutex), &ops, options))
        }
        Object::LinearizableSet => {
            let ops = operations.keyed(set::action)?;
            Ok(report::search(&operations, &Keyed(Set::new()), &ops, options))
        }
        Object::UnorderedQueue => {
            let ops = operations.keyed(queue::actions)?;
            Ok(report::search(&operations, &Keyed(Queue::new()), &ops, options))
        }
        Object::FifoQueue => {
            let ops = operations.keyed(queue::actions)?;
            Ok(report::split(&operations, &Keyed(FifoQueue::new()), exact::queues(ops), options))
        }
        Object::Set | Object::SetFull | Object::TotalQueue | Object::Counter | Object::Log => {
            unreachable!("these are not put in order")
        }
    }
}

impl Object {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Register,
        Self::CasRegister,
        Self::KeyValue,
        Self::Mutex,
        Self::LinearizableSet,
        Self::UnorderedQueue,
        Self::FifoQueue,
        Self::Set,
        Self::SetFull,
        Self::TotalQueue,
        Self::Counter,
        Self::Log,
    ];

    /// Whether its operations are counted, and not put in order.
    pub fn is_counted(self) -> bool {
        matches!(self, Self::Set | Self::SetFull | Self::TotalQueue | Self::Counter)
    }

    /// `a` or `an`.
    pub fn article(self) -> &'static str {
        match self {
            Self::UnorderedQueue => "an",
            _ => "a",
        }
    }

    /// A verdict in words.
    pub fn answer(self, verdict: Verdict) -> &'static str {
        match (verdict, !self.is_counted() && self != Self::Log) {
            (Verdict::Holds, true) => "linearizable",
            (Verdict::Violation, true) => "not linearizable",
            (Verdict::Holds, false) => "valid",
            (Verdict::Violation, false) => "invalid",
            (Verdict::Unknown, _) => "unknown",
        }
    }

    /// What it does, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Register => "`read`, `write`",
            Self::CasRegister => "`read`, `write`, `cas` with `[from to]`",
            Self::KeyValue => "a map from keys to texts: `get`, `put`, `append`",
            Self::Mutex => "a lock: `acquire`, `release`",
            Self::LinearizableSet => "`add`, `read` of all, `contains` with `[element true]`",
            Self::UnorderedQueue => "in any order: `enqueue`, `dequeue`, `drain`",
            Self::FifoQueue => "first in, first out: `enqueue`, `dequeue`, `drain`",
            Self::Set => "`add`, and `read` of all at the end: is anything lost? Jepsen's `set`",
            Self::SetFull => {
                "`add`, and `read` of all along the way: lost, stale, how late? Jepsen's `set-full`"
            }
            Self::TotalQueue => {
                "`enqueue`, `dequeue`, `drain`: does what goes in come out? Jepsen's `total-queue`"
            }
            Self::Counter => "`add`, `read`: is every sum possible? Jepsen's `counter`",
            Self::Log => "`send`, `poll`, `txn`, `assign`, `subscribe`: every anomaly. Jepsen's `kafka`",
        }
    }

    /// Its name, as [`FromStr`] takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::CasRegister => "cas-register",
            Self::KeyValue => "key-value",
            Self::Mutex => "mutex",
            Self::LinearizableSet => "linearizable-set",
            Self::UnorderedQueue => "unordered-queue",
            Self::FifoQueue => "fifo-queue",
            Self::Set => "set",
            Self::SetFull => "set-full",
            Self::TotalQueue => "total-queue",
            Self::Counter => "counter",
            Self::Log => "log",
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Object {
    type Err = UnknownObject;

    fn from_str(name: &str) -> Result<Self, UnknownObject> {
        let object = Self::ALL.into_iter().find(|object| object.name() == name);
        object.ok_or_else(|| UnknownObject(name.to_owned()))
    }
}

#[cfg(test)]
mod tests;
