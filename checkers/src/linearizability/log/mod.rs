//! Whether the history of a replicated log is linearizable: exactly, and in linear time.
//!
//! The object is a sequence of records, and every operation tells something of its length at one point
//! between call and return: an append at offset k happens when the length is k, and an end of e is seen when
//! it is e. So all comes down to one counter that only grows:
//!
//! 1. `evidence`: which record lies where. Two answers that contradict each other are a violation by themselves.
//! 2. `bounds`: of each operation, an upper bound U of the length at its call, and a lower bound W at its return.
//! 3. `sweep`: for each offset g, the latest call that saw it unfilled (U <= g) must come before the earliest
//!    return that saw it filled (W > g).
//!
//! **Theorem.** If each offset below the greatest W has a known record, the history is linearizable if and only
//! if the evidence is consistent and no operation with lower bound W returned before the call of one with an
//! upper bound U < W. *Proof.* Let T(g) be the instant at which g is filled. U <= g forces T(g) to be after the
//! call, W > g forces it to be before the return; so a pair as in the theorem contradicts itself. Otherwise let
//! A(g) be the latest call with U <= g, and B(g) the earliest return with W > g: both only grow with g, and
//! A(g) < B(g). Fill g just after max(A(g), T(g - 1)). An append at k has U = k, so its call is not after A(k),
//! and W = k + 1, so its return is not before B(k): T(k) is within its interval. What only looks needs an
//! instant within its interval after T(W - 1) and before T(U): T(W - 1) < B(W - 1), which is not after its
//! return; its call is not after A(U) < T(U); and T(W - 1) < T(U). Appends that nobody saw never happened.
//!
//! Offsets that are proved to be filled, but whose record nobody told, are *holes*: each is filled by one of the
//! appends of unknown place, chosen by the earliest deadline. Where an append of one value is exchanged for one
//! with an earlier return, every later hole can still be filled by the other, as B only grows.

mod axis;
mod bounds;
mod certificate;
mod evidence;
mod extent;
mod history;
mod jobs;
mod ladder;
mod replay;
mod stream;
mod sweep;
mod witness;

#[cfg(test)]
mod tests;

pub use history::{Arena, LogAction, LogHistory, ReadMode, Record, Records, ValueId, Values};
pub use ladder::{Level, Rung, Staleness, ladder, ladder_by};
pub use replay::{LogModel, lengths, replay};
pub use stream::LogStream;

use super::{Answer, Exhausted};
use crate::ids::Offset;
use sweep::{Loose, Sweep, Uppers};
use witness::Stop;

/// What kind of log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The offset of the first record of a log without gaps.
    pub base: Offset,
    /// Whether there are offsets without a record.
    pub gaps: Gaps,
    /// Whether one append may leave its value at several offsets, as one that is sent again without
    /// idempotence does. Each further copy may appear at any time after the call.
    pub duplicates: bool,
    /// Whether a read that begins beyond the end returns nothing, instead of being refused. If so, a read that
    /// returned nothing does not prove that the log reaches up to it.
    pub reads_past_end: bool,
    /// Whether a positive answer bears its certificate. It takes a third of the time.
    pub certificate: bool,
}

/// Which offsets may hold no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gaps {
    /// None: where the log is long enough, every offset has a record, and it must be explained where nobody
    /// told which.
    #[default]
    None,
    /// Any, by design, such as those of transaction markers. A record stays where it is: a read that goes
    /// over an offset proves that there never is one.
    Internal,
    /// Any, and records vanish, by retention or compaction: a read that goes over an offset, or finds
    /// nothing more, proves nothing.
    Removed,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            base: Offset(0),
            gaps: Gaps::None,
            duplicates: false,
            reads_past_end: false,
            certificate: true,
        }
    }
}

impl LogSettings {
    /// The least offset that can be.
    fn start(&self) -> i64 {
        if self.gaps == Gaps::None { self.base.0.max(0) } else { 0 }
    }
}

/// Checks the history of one partition.
///
/// The answer is exact. It is unknown only for what the check does not cover, and says so: values that are
/// not unique, holes that batches of unknown place could have filled.
///
/// ```
/// use highwater_checkers::ids::{Interval, Moment, Offset};
/// use highwater_checkers::linearizability::Answer;
/// use highwater_checkers::linearizability::log::{LogAction, LogHistory, LogSettings, ValueId, check};
///
/// let between = |call, ret| Interval { call: Moment(call), ret: Moment(ret) };
/// let mut history = LogHistory::default();
/// history.push(between(0, 1), LogAction::AppendOk { value: ValueId(0), offset: Some(Offset(0)) });
/// history.push(between(2, 3), LogAction::End(Offset(0)));
/// let Answer::Violation(witness) = check(&history, LogSettings::default()) else { panic!() };
/// assert_eq!(witness.kind, "lost append");
/// ```
pub fn check(history: &LogHistory, settings: LogSettings) -> Answer {
    match try_check(history, settings) {
        Ok(certificate) => Answer::Linearizable(certificate),
        Err(Stop::Violation(witness)) => Answer::Violation(witness),
        Err(Stop::Unknown(reason)) => {
            Answer::Unknown(Exhausted { reason, steps: history.ops.len() as u64, cache: 0, depth: 0 })
        }
    }
}

fn try_check(history: &LogHistory, settings: LogSettings) -> Result<super::Certificate, Stop> {
    let evidence = evidence::collect(history, settings)?;
    let filled = real_time(&evidence, Uppers::All, settings.certificate)?;
    Ok(filled.map(|filled| certificate::order(&evidence, &filled)).unwrap_or_default())
}

/// Whether all instants can be put in real time; the fillings of the slots, if wanted.
fn real_time(
    evidence: &evidence::Evidence<'_>,
    uppers: Uppers,
    certificate: bool,
) -> Result<Option<sweep::Filled>, Stop> {
    let strict = Sweep::new(evidence, uppers, Loose::Strict)?;
    if strict.is_exact() {
        return strict.run(certificate);
    }
    // Where batches of unknown place belong is a packing problem. If it works out with all of them behind the
    // known records it does work out, and if it does not though they were cut into pieces it never does. So it
    // is with copies of an acknowledged append, any of which may be the one that was acknowledged.
    match strict.run(certificate) {
        Err(Stop::Violation(_)) => match Sweep::new(evidence, uppers, Loose::Relaxed)?.run(false) {
            Ok(_) => Err(Stop::unknown(
                "appends of unknown place may or may not fit in: read the partition once from its start to its end",
            )),
            Err(stop) => Err(stop),
        },
        answer => answer,
    }
}
