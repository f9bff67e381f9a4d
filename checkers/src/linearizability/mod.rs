//! Whether a history is linearizable: exact fast checks for the objects of a queue, and a general search.
//!
//! Every checker takes [`Op`]s, whose calls and returns are totally ordered, and says an [`Answer`]. A positive
//! one has a [`Certificate`], which is replayed on the plain sequential object; a negative one has a
//! [`Witness`] of few operations. Budgets count steps, never time, so that an answer repeats itself.

pub mod course;
pub mod log;
pub mod model;
pub mod models;
mod outside;
pub mod queue;
pub mod register;
pub(crate) mod rule;
mod scene;
pub mod search;
mod timeline;

#[cfg(test)]
mod brute;
#[cfg(test)]
mod fuzz;

use std::fmt;

use crate::ids::Interval;

pub use outside::Outside;

/// The place of an operation in the history that is checked, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u32);

/// A value that went into an object or came out of it: its number among the distinct values of the history,
/// from 0 without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

/// One operation on an object: when, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op<A> {
    /// From its call to its return. One that never returned may take effect once, at any time after its
    /// call, or never.
    pub interval: Interval,
    /// What is done, with its result where that is known.
    pub action: A,
}

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is linearizable, and this shows it.
    Linearizable(Certificate),
    /// It is not, and this shows it.
    Violation(Witness),
    /// The budget ran out first.
    Unknown(Exhausted),
}

/// The order in which operations took effect. Those that never did are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// The operations, first to last.
    pub order: Vec<OpId>,
}

/// The operations that no order can reconcile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What kind of contradiction it is, in a word or two: `stale read`, `lost append`.
    pub kind: &'static str,
    /// Two to four operations where the checker is exact, in the order in which the sentence names them.
    pub operations: Vec<OpId>,
    /// One sentence without a full stop, in terms of the object. It numbers no operations: whoever shows it
    /// cites them after it.
    pub what: String,
}

/// What a search had used up when it gave in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Which limit was reached.
    pub reason: String,
    /// Steps taken.
    pub steps: u64,
    /// Configurations remembered.
    pub cache: u64,
    /// The most operations that any attempt could put in order.
    pub depth: u64,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, steps, depth, .. } = self;
        write!(f, "{reason}, after {steps} steps; the longest order that was tried has {depth} operations")
    }
}
