//! A set that is read at the end: what was added and is not there, and what is there and was never added.

use super::Validity;
use super::elements::{Elements, Examples};
use super::shape::{ObjectError, collection, wrong_function};
use crate::history::{Datum, Event, Outcome, spans};

/// What came out of checking a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetReport {
    /// Whether the final reads have what they must.
    pub validity: Validity,
    /// One sentence without a full stop.
    pub verdict: String,
    /// Elements that were tried to add.
    pub attempts: u64,
    /// Elements whose addition was acknowledged.
    pub acknowledged: u64,
    /// Elements of the last read that were tried to add.
    pub ok: u64,
    /// How many final reads there are: those that began after every addition had ended, or else the last one.
    pub final_reads: u64,
    /// Acknowledged, and absent from the last read.
    pub lost: Examples,
    /// Acknowledged, in the last read, and absent from another final one.
    pub divergent: Examples,
    /// Read, and never tried to add.
    pub unexpected: Examples,
    /// Read, though every attempt to add it failed.
    pub aborted: Examples,
    /// Read, though it is unknown of each attempt whether it succeeded.
    pub recovered: Examples,
}

/// What is known of an element.
#[derive(Default)]
struct Known {
    attempted: bool,
    acknowledged: bool,
    indeterminate: bool,
    /// How many final reads have it.
    reads: u32,
    /// The number of the last final read that has it, from 1.
    last: u32,
}

/// Checks a set: `:add` adds the element that is its value, and `:read` returns all elements.
///
/// Jepsen's looks at the last read alone, and counts what failed among what was attempted. This one also
/// compares all reads that began after every addition had ended, and holds it against the set when an element
/// is read whose addition failed.
///
/// # Errors
/// If the history is none of a set.
pub fn set(events: &[Event]) -> Result<SetReport, ObjectError> {
    let mut elements: Elements<'_, Known> = Elements::new();
    let mut reads: Vec<(usize, usize, &[Datum])> = Vec::new();
    let mut settled = 0;
    for span in spans(events)? {
        let invocation = &events[span.invocation];
        match &*invocation.function {
            "add" => {
                let known = elements.entry(&invocation.value);
                known.attempted = true;
                known.acknowledged |= span.outcome == Outcome::Ok;
                known.indeterminate |= span.outcome == Outcome::Info;
                settled = settled.max(span.completion.unwrap_or(span.invocation));
            }
            "read" => {
                if let Some(completion) = span.completion.filter(|_| span.outcome == Outcome::Ok) {
                    reads.push((completion, span.invocation, collection(&events[completion])?));
                }
            }
            _ => return Err(wrong_function(invocation, "set", "add or read")),
        }
    }
    reads.sort_unstable_by_key(|(completion, _, _)| *completion);
    let last = reads.last().copied();
    reads.retain(|(_, invocation, _)| *invocation > settled);
    if reads.is_empty() {
        reads.extend(last);
    }
    for ((_, _, read), number) in reads.iter().zip(1..) {
        for element in *read {
            let known = elements.entry(element);
            if known.last != number {
                known.last = number;
                known.reads += 1;
            }
        }
    }
    Ok(report(&elements, reads.len() as u32))
}

fn report(elements: &Elements<'_, Known>, reads: u32) -> SetReport {
    let mut report = SetReport {
        validity: Validity::Valid,
        verdict: String::new(),
        attempts: 0,
        acknowledged: 0,
        ok: 0,
        final_reads: reads.into(),
        lost: Examples::default(),
        divergent: Examples::default(),
        unexpected: Examples::default(),
        aborted: Examples::default(),
        recovered: Examples::default(),
    };
    for (element, known) in elements.iter() {
        report.attempts += u64::from(known.attempted);
        report.acknowledged += u64::from(known.acknowledged);
        report.ok += u64::from(known.attempted && reads > 0 && known.last == reads);
        if reads == 0 {
            continue;
        }
        if known.acknowledged {
            if known.last < reads {
                report.lost.push(element);
            } else if known.reads < reads {
                report.divergent.push(element);
            }
        } else if known.reads > 0 {
            let found = match known {
                Known { attempted: false, .. } => &mut report.unexpected,
                Known { indeterminate: false, .. } => &mut report.aborted,
                _ => &mut report.recovered,
            };
            found.push(element);
        }
    }
    let wrong = [
        (&report.lost, "acknowledged and not in the last read"),
        (&report.divergent, "acknowledged and not in every final read"),
        (&report.unexpected, "read and never added"),
        (&report.aborted, "read though the addition failed"),
    ];
    report.validity = match reads {
        0 => Validity::Unknown,
        _ if wrong.iter().any(|(found, _)| !found.is_empty()) => Validity::Invalid,
        _ => Validity::Valid,
    };
    report.verdict = match report.validity {
        Validity::Unknown => "the set was never read, so nothing is known of it".to_owned(),
        Validity::Invalid => super::elements::sentence(&wrong),
        Validity::Valid => format!("all {} acknowledged elements are there", report.acknowledged),
    };
    report
}
