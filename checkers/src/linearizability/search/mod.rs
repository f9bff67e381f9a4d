//! The general search: whether any order of the operations is possible, for whatever object.
//!
//! [`Search::check`] takes a [`Model`] and the operations, and says a [`Report`]. The search is Wing and
//! Gong's in Lowe's form, with what experience asks for: operations that change nothing are taken at once,
//! equal operations in one order only, pending ones where they are of use; several orders of trying and the
//! parts of the object take turns with growing budgets.
//!
//! A counter of one's own, from end to end:
//!
//! ```
//! use highwater_checkers::ids::{Interval, Moment};
//! use highwater_checkers::linearizability::model::Model;
//! use highwater_checkers::linearizability::search::Search;
//! use highwater_checkers::linearizability::{Answer, Op};
//!
//! struct Counter;
//!
//! #[derive(Clone, Debug, PartialEq, Eq, Hash)]
//! enum Action {
//!     Increment,
//!     Read(u64),
//! }
//!
//! impl Model for Counter {
//!     type State = u64;
//!     type Action = Action;
//!
//!     fn initial(&self) -> u64 {
//!         0
//!     }
//!
//!     fn step(&self, state: &u64, action: &Action, next: &mut Vec<u64>) {
//!         match action {
//!             Action::Increment => next.push(state + 1),
//!             Action::Read(value) if value == state => next.push(*state),
//!             Action::Read(_) => {}
//!         }
//!     }
//!
//!     fn is_pure(&self, action: &Action) -> bool {
//!         matches!(action, Action::Read(_))
//!     }
//! }
//!
//! let op = |call, ret, action| Op { interval: Interval { call: Moment(call), ret: Moment(ret) }, action };
//! let mut ops = vec![
//!     op(0, 3, Action::Increment),
//!     op(1, 2, Action::Read(1)), // While it is incremented: 0 and 1 are both right.
//!     op(4, 5, Action::Read(0)), // But then it is 1.
//! ];
//! let report = Search::default().check(&Counter, &ops);
//! let Answer::Violation(witness) = report.answer else { panic!("a stale read") };
//! assert_eq!(witness.operations.len(), 2);
//! assert!(witness.what.contains("Read(0)"), "{}", witness.what);
//!
//! ops[2].action = Action::Read(1);
//! let report = Search::default().check(&Counter, &ops);
//! assert!(matches!(report.answer, Answer::Linearizable(_)));
//! ```

mod explain;
mod frontier;
mod links;
mod machine;
mod minimise;
mod order;
mod problem;
mod relaxed;
mod replay;
mod schedule;
mod seen;
mod states;

use super::model::{Model, Part};
use super::{Answer, Op, OpId};
pub use replay::{NotAnOrder, replay};

/// A search, and what it may use up.
///
/// Budgets count steps, not time: an answer repeats itself on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// The most steps to take: operations tried at some point of an order.
    pub steps_max: u64,
    /// About the most memory to take for what was seen, in bytes. When it is full, some of that is forgotten.
    pub memory_max_bytes: usize,
    /// Whether configurations are remembered in full, not by 128-bit fingerprints: slower, and safe from a
    /// collision by which a history would be called wrong once in 10^20 searches.
    pub exact: bool,
    /// Whether to go on to every other part when one is found wrong.
    pub every_part: bool,
    /// The most steps to spend on a smaller witness.
    pub minimise_steps_max: u64,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            steps_max: 200_000_000,
            memory_max_bytes: 1 << 30,
            exact: false,
            every_part: false,
            minimise_steps_max: 2_000_000,
        }
    }
}

/// What a search says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Of the whole history.
    pub answer: Answer,
    /// Why there is no order.
    pub explanation: Option<Explanation>,
    /// Of each part that has an operation, by their numbers.
    pub parts: Vec<PartReport>,
    /// Steps taken, those for a smaller witness apart.
    pub steps: u64,
}

/// What a search says of one part of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartReport {
    /// Which part.
    pub part: Part,
    /// How many operations concern it.
    pub operations: u64,
    /// How it stands.
    pub standing: Standing,
    /// Steps taken.
    pub steps: u64,
}

/// How a part of the object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is linearizable.
    Linearizable,
    /// It is not.
    Violation,
    /// Not known: the budget ran out, or another part was found wrong before.
    Unknown,
}

/// Where every order gets stuck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The operation at whose return no configuration survives; all before it can be put in order.
    pub failing: OpId,
    /// One before it that ran alone and tells the state: all before that is over, and was not looked at again.
    pub after: Option<OpId>,
    /// The configurations before that return, up to some number. Those that others stand for are left out.
    pub configurations: Vec<Configuration>,
    /// How many there were.
    pub configurations_count: u64,
    /// One sentence without a full stop.
    pub what: String,
}

/// A point that an order can come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The state there, as the model describes it.
    pub state: String,
    /// The last operations of the order, the last one last.
    pub last: Vec<OpId>,
}

impl Search {
    /// Whether the operations, each between its call and its return, can be put in an order that the model
    /// allows.
    pub fn check<M: Model>(&self, model: &M, ops: &[Op<M::Action>]) -> Report {
        let report = schedule::Schedule::new(self, model, ops).run();
        if let Answer::Linearizable(certificate) = &report.answer {
            // Tests replay it themselves, and some take rules away by which it is one.
            debug_assert!(cfg!(test) || replay(model, ops, certificate).is_ok(), "an order that is none");
        }
        report
    }
}

#[cfg(test)]
mod tests;
