//! Jepsen's checkers of sets, queues and counters: what went in and never came out, what came out and never
//! went in.
//!
//! None of them searches for an order. Each counts what must be there and what can be, in a time that grows
//! with the history (times a logarithm), and gives a report with a [`Validity`] and one sentence. Where they
//! have the names of Jepsen's, they mean what Jepsen's mean; what they see beyond them is said at each.

mod counter;
mod elements;
mod independent;
mod set;
mod set_full;
mod shape;
mod total_queue;

#[cfg(test)]
mod tests;

pub use counter::{CounterReport, OutOfBounds, counter};
pub use elements::Examples;
pub use independent::independent;
pub use set::{SetReport, set};
pub use set_full::{Latencies, SetFullReport, Staleness, set_full};
pub use shape::ObjectError;
pub use total_queue::{TotalQueueReport, total_queue};

/// Whether an object behaved as it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Validity {
    /// It did.
    Valid,
    /// The history does not tell.
    Unknown,
    /// It did not.
    Invalid,
}
