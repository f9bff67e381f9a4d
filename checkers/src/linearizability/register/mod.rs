//! A register whose values are unique, with compare-and-set: decided exactly, in a time that grows with the
//! history and not faster.
//!
//! Since no value is written twice, a read tells which write it saw, and a compare-and-set which one it
//! replaced. A written value and all that successive compare-and-sets made of it, with everybody who read any
//! of these, must stand together in every order: they are a *block*. So a history is linearizable if and only
//! if
//!
//! 1. whatever was seen was written, once, and at most one compare-and-set replaced it;
//! 2. within a block nothing returned before something that stands earlier in it was called;
//! 3. there are no two blocks of which each has an operation that returned before one of the other was called.
//!
//! Two blocks suffice: let `low` be the first return in a block and `high` the last call, so that `X` must
//! come before `Y` if `low(X) < high(Y)`. In a cycle take the `X` with the least `low`, its predecessor `P`,
//! and the predecessor `Q` of that: `low(X) <= low(Q) < high(P)`, so `X` and `P` are such a pair. If there
//! is none, blocks sorted by the lesser of `low` and `high` are in order: were `Y` to come before `X`, though
//! sorted after it, then `low(Y) < high(X)`; the lesser of `X` is then `low(X)`, and as it is no more than
//! the lesser of `Y`, `low(X) < high(Y)`: such a pair again.
//!
//! A write or compare-and-set that never returned takes part if its value was seen, and else need not have
//! happened. The initial value is a block that comes before everything.

mod blocks;
mod certificate;
mod evidence;
mod witness;

#[cfg(test)]
mod tests;

use super::scene::Scene;
use super::timeline::Timeline;
use super::{Answer, Op, Outside, ValueId};

/// An operation on a register, with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterAction {
    /// Sees this value. One that never returned saw nothing.
    Read(ValueId),
    /// Puts this value in place of whatever was there. No value is written twice.
    Write(ValueId),
    /// Puts a value in place of another, that was there.
    Cas {
        /// What was there.
        from: ValueId,
        /// What is there now.
        to: ValueId,
    },
    /// Did not put the value there, since another one was there than expected.
    CasFailed {
        /// What was not there.
        from: ValueId,
        /// What would have been there.
        to: ValueId,
    },
}

/// Whether a register that holds `initial` at first can have behaved so. Never unknown.
///
/// # Errors
/// If the history has something that this check does not decide.
pub fn check(initial: ValueId, ops: &[Op<RegisterAction>]) -> Result<Answer, Outside> {
    check_named(initial, ops, &|value| value.0.to_string())
}

/// As [`check`], with a name for each value that a witness speaks of.
///
/// # Errors
/// If the history has something that this check does not decide.
pub fn check_named(
    initial: ValueId,
    ops: &[Op<RegisterAction>],
    name: &dyn Fn(ValueId) -> String,
) -> Result<Answer, Outside> {
    let timeline = Timeline::of(ops)?;
    let evidence = evidence::Evidence::of(initial, ops, &timeline)?;
    let blocks =
        evidence.contradiction(ops).map_or_else(|| blocks::Blocks::of(ops, &timeline, &evidence), Err);
    Ok(match blocks {
        Ok(blocks) => Answer::Linearizable(certificate::certificate(ops, &evidence, &blocks)),
        Err(contradiction) => {
            let scene = Scene { ops, timeline: &timeline, evidence: &evidence, names: name };
            Answer::Violation(witness::witness(contradiction, &scene))
        }
    })
}
