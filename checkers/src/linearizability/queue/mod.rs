//! A FIFO queue whose values are unique: decided exactly, in a time that grows with the history and not
//! faster.
//!
//! Every value has an enqueue and at most one dequeue. Such a history is linearizable if and only if
//!
//! 1. whatever was dequeued had been enqueued, not later, and was dequeued once;
//! 2. no two values were put in one order and taken in the other: there are no `a` and `b` such that the
//!    enqueue of `a` returned before that of `b` was called, and the dequeue of `b` before that of `a`;
//! 3. whoever found the queue empty has a moment at which no value *must* be in it. One must be from the
//!    return of its enqueue to the call of its dequeue.
//!
//! Two values suffice in the second rule, since the enqueues are an interval order and the dequeues another:
//! of a longer cycle through both, two values remain. A value that is never dequeued counts as dequeued after
//! everything.
//!
//! A dequeue that never returned may have taken any value. All that one can be good for is a value that was
//! certainly enqueued and never seen again; both rules ask only that such a value vanishes early enough, so
//! the value whose enqueue returned first goes to the dequeue that was called first, and so on. An enqueue
//! that never returned, of a value that nobody dequeued, need not have happened.

mod certificate;
mod evidence;
mod sweep;
mod witness;

#[cfg(test)]
mod tests;

use super::scene::Scene;
use super::timeline::Timeline;
use super::{Answer, Op, Outside, ValueId};

/// An operation on a queue, with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueAction {
    /// Puts a value in at the end. No value is put in twice.
    Enqueue(ValueId),
    /// Takes this value, which was the first.
    Dequeue(ValueId),
    /// Finds nothing to take.
    DequeueEmpty,
    /// Never returned: takes the first value, whichever that is, or nothing.
    DequeueUnknown,
}

/// Whether a queue, empty at first, can have behaved so. Never unknown.
///
/// # Errors
/// If the history has something that this check does not decide.
pub fn check(ops: &[Op<QueueAction>]) -> Result<Answer, Outside> {
    check_named(ops, &|value| value.0.to_string())
}

/// As [`check`], with a name for each value that a witness speaks of.
///
/// # Errors
/// If the history has something that this check does not decide.
pub fn check_named(ops: &[Op<QueueAction>], name: &dyn Fn(ValueId) -> String) -> Result<Answer, Outside> {
    let timeline = Timeline::of(ops)?;
    let evidence = evidence::Evidence::of(ops, &timeline)?;
    let found = evidence.contradiction().map_or_else(|| sweep::sweep(ops, &timeline, &evidence), Err);
    Ok(match found {
        Ok(walk) => Answer::Linearizable(certificate::certificate(&evidence, walk, ops.len())),
        Err(contradiction) => {
            let scene = Scene { ops, timeline: &timeline, evidence: &evidence, names: name };
            Answer::Violation(witness::witness(contradiction, &scene))
        }
    })
}

/// Whether it is linearizable, and nothing else of it.
fn holds(ops: &[Op<QueueAction>]) -> Result<bool, Outside> {
    let timeline = Timeline::of(ops)?;
    let evidence = evidence::Evidence::of(ops, &timeline)?;
    Ok(evidence.contradiction().is_none() && sweep::sweep(ops, &timeline, &evidence).is_ok())
}
