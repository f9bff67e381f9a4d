//! A counter: every read must lie between the least and the greatest sum that the additions allow.

use super::Validity;
use super::shape::{ObjectError, integer, place, wrong_function};
use crate::history::{Event, Outcome, spans};

/// A read that no sum explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Where its completion stands among the events.
    pub event: usize,
    /// What was read.
    pub value: i64,
    /// The least possible sum.
    pub lower: i128,
    /// The greatest possible sum.
    pub upper: i128,
}

impl OutOfBounds {
    /// How far the value is outside.
    pub fn distance(&self) -> u128 {
        let value = i128::from(self.value);
        if value < self.lower { value.abs_diff(self.lower) } else { value.abs_diff(self.upper) }
    }
}

/// What came out of checking a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterReport {
    /// Whether every read was possible.
    pub validity: Validity,
    /// One sentence without a full stop.
    pub verdict: String,
    /// Additions that were attempted.
    pub attempts: u64,
    /// Additions that were acknowledged.
    pub acknowledged: u64,
    /// Reads that returned.
    pub reads: u64,
    /// How many of them are out of bounds.
    pub errors: u64,
    /// The first that are; at most [`CounterReport::ERRORS_MAX`].
    pub first: Vec<OutOfBounds>,
    /// The one that is furthest outside.
    pub worst: Option<OutOfBounds>,
}

impl CounterReport {
    /// How many reads a report shows; `errors` says how many there are.
    pub const ERRORS_MAX: usize = 32;
}

/// Checks a counter that begins at 0: `:add` adds an integer, which may be negative, and `:read` returns the
/// sum.
///
/// What was acknowledged before a read began is in its sum; what was called before it returned may be, and
/// what is indeterminate may be for ever; what failed never is. Beyond Jepsen's, negative additions are
/// understood. As with Jepsen's, a counter that nobody read is valid.
///
/// # Errors
/// If the history is none of a counter.
pub fn counter(events: &[Event]) -> Result<CounterReport, ObjectError> {
    let mut report = CounterReport {
        validity: Validity::Valid,
        verdict: String::new(),
        attempts: 0,
        acknowledged: 0,
        reads: 0,
        errors: 0,
        first: Vec::new(),
        worst: None,
    };
    // By place among the events: what happens to the sums there.
    let mut turns = vec![Turn::None; events.len()];
    for span in spans(events)? {
        let invocation = &events[span.invocation];
        match &*invocation.function {
            "add" => {
                let delta = i128::from(integer(invocation)?);
                report.attempts += 1;
                if span.outcome == Outcome::Fail {
                    continue;
                }
                turns[span.invocation] = Turn::Called(delta);
                if let Some(completion) = span.completion.filter(|_| span.outcome == Outcome::Ok) {
                    report.acknowledged += 1;
                    turns[completion] = Turn::Returned(delta);
                }
            }
            "read" => {
                if let Some(completion) = span.completion.filter(|_| span.outcome == Outcome::Ok) {
                    let value = integer(&events[completion])?;
                    turns[span.invocation] = Turn::ReadCalled;
                    turns[completion] = Turn::Read { invocation: span.invocation, value };
                }
            }
            _ => return Err(wrong_function(invocation, "counter", "add or read")),
        }
    }
    sweep(&mut turns, &mut report);
    report.verdict = verdict(&report, events);
    Ok(report)
}

/// What happens at an event.
#[derive(Clone, Copy)]
enum Turn {
    None,
    Called(i128),
    Returned(i128),
    ReadCalled,
    /// A read was called: the sums of what had returned by then, of increments and of decrements.
    Since(Sums),
    Read {
        invocation: usize,
        value: i64,
    },
}

/// Sums of increments, and of decrements.
#[derive(Clone, Copy, Default)]
struct Sums {
    up: i128,
    down: i128,
}

impl Sums {
    fn add(&mut self, delta: i128) {
        if delta > 0 { self.up += delta } else { self.down += delta }
    }
}

fn sweep(turns: &mut [Turn], report: &mut CounterReport) {
    let (mut called, mut returned) = (Sums::default(), Sums::default());
    for event in 0..turns.len() {
        match turns[event] {
            Turn::None | Turn::Since(_) => {}
            Turn::Called(delta) => called.add(delta),
            Turn::Returned(delta) => returned.add(delta),
            Turn::ReadCalled => turns[event] = Turn::Since(returned),
            Turn::Read { invocation, value } => {
                let Turn::Since(certain) = turns[invocation] else { continue };
                // Of what is not certain, either all decrements or all increments happened.
                let (lower, upper) = (certain.up + called.down, called.up + certain.down);
                report.reads += 1;
                if (lower..=upper).contains(&value.into()) {
                    continue;
                }
                let error = OutOfBounds { event, value, lower, upper };
                report.errors += 1;
                report.validity = Validity::Invalid;
                if report.first.len() < CounterReport::ERRORS_MAX {
                    report.first.push(error.clone());
                }
                if report.worst.as_ref().is_none_or(|worst| worst.distance() < error.distance()) {
                    report.worst = Some(error);
                }
            }
        }
    }
}

fn verdict(report: &CounterReport, events: &[Event]) -> String {
    match report.first.first() {
        Some(OutOfBounds { event, value, lower, upper }) => format!(
            "{} of {} reads are out of bounds: the first, at {}, returned {value}, where only {lower} to {upper} is \
             possible",
            report.errors,
            report.reads,
            place(&events[*event])
        ),
        None if report.reads == 0 => {
            "nobody ever read the counter, so that nothing contradicts it".to_owned()
        }
        None => format!("all {} reads are within the bounds of {} additions", report.reads, report.attempts),
    }
}
