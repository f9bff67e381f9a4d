//! A queue that is drained at the end: whatever went in must come out, in any order.

use super::Validity;
use super::elements::{Elements, Examples, sentence};
use super::shape::{ObjectError, collection, wrong_function, wrong_value};
use crate::history::{Datum, Event, Outcome, spans};

/// What came out of checking a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalQueueReport {
    /// Whether what went in came out.
    pub validity: Validity,
    /// One sentence without a full stop.
    pub verdict: String,
    /// Elements that were tried to enqueue, each as often as that.
    pub attempts: u64,
    /// Enqueues that were acknowledged.
    pub acknowledged: u64,
    /// Elements that were dequeued and tried to enqueue, each no more often than that.
    pub ok: u64,
    /// Dequeues and drains of which it is unknown what they took.
    pub unknown_dequeues: u64,
    /// Acknowledged, and never dequeued.
    pub lost: Examples,
    /// Dequeued, and never tried to enqueue.
    pub unexpected: Examples,
    /// Dequeued, though every attempt to enqueue it failed.
    pub aborted: Examples,
    /// Dequeued more often than it can have been enqueued.
    pub duplicated: Examples,
    /// Dequeued, though it is unknown whether it was enqueued.
    pub recovered: Examples,
}

/// How often things happened to an element.
#[derive(Default)]
struct Known {
    attempts: u64,
    acknowledged: u64,
    failed: u64,
    dequeued: u64,
}

/// Checks a queue: `:enqueue` puts in the element that is its value, `:dequeue` returns one, or `nil` where
/// there was none, and `:drain` returns a collection of all that was left.
///
/// As with Jepsen's, what is dequeued too often makes no queue invalid: delivering at least once is what many
/// promise. Unlike it, this one holds it against the queue when an element comes out whose enqueue failed;
/// and a dequeue whose result is unknown may have taken an element that seems lost, so that as long as there
/// are enough of them, nothing is known. A drain whose result is unknown may have taken any number.
///
/// # Errors
/// If the history is none of a queue.
pub fn total_queue(events: &[Event]) -> Result<TotalQueueReport, ObjectError> {
    let mut elements: Elements<'_, Known> = Elements::new();
    let (mut unknown_dequeues, mut unknown_drains) = (0, 0);
    for span in spans(events)? {
        let invocation = &events[span.invocation];
        let result = span.completion.filter(|_| span.outcome == Outcome::Ok).map(|place| &events[place]);
        let unknown = u64::from(span.outcome == Outcome::Info);
        match &*invocation.function {
            "enqueue" if invocation.value == Datum::Nil => {
                return Err(wrong_value(invocation, "the element to put in"));
            }
            "enqueue" => {
                let known = elements.entry(&invocation.value);
                known.attempts += 1;
                known.acknowledged += u64::from(span.outcome == Outcome::Ok);
                known.failed += u64::from(span.outcome == Outcome::Fail);
            }
            "dequeue" => {
                unknown_dequeues += unknown;
                if let Some(event) = result.filter(|event| event.value != Datum::Nil) {
                    elements.entry(&event.value).dequeued += 1;
                }
            }
            "drain" => {
                unknown_drains += unknown;
                if let Some(event) = result {
                    for element in collection(event)? {
                        elements.entry(element).dequeued += 1;
                    }
                }
            }
            _ => return Err(wrong_function(invocation, "queue", "enqueue, dequeue or drain")),
        }
    }
    Ok(report(&elements, unknown_dequeues, unknown_drains))
}

fn report(elements: &Elements<'_, Known>, unknown_dequeues: u64, unknown_drains: u64) -> TotalQueueReport {
    let mut report = TotalQueueReport {
        validity: Validity::Valid,
        verdict: String::new(),
        attempts: 0,
        acknowledged: 0,
        ok: 0,
        unknown_dequeues: unknown_dequeues + unknown_drains,
        lost: Examples::default(),
        unexpected: Examples::default(),
        aborted: Examples::default(),
        duplicated: Examples::default(),
        recovered: Examples::default(),
    };
    for (element, known) in elements.iter() {
        let Known { attempts, acknowledged, failed, dequeued } = *known;
        let ok = dequeued.min(attempts);
        report.attempts += attempts;
        report.acknowledged += acknowledged;
        report.ok += ok;
        report.lost.push_many(element, acknowledged.saturating_sub(dequeued));
        if attempts == 0 {
            report.unexpected.push_many(element, dequeued);
        } else if attempts == failed {
            report.aborted.push_many(element, dequeued);
        } else {
            report.duplicated.push_many(element, dequeued.saturating_sub(attempts));
            report.recovered.push_many(element, ok.saturating_sub(acknowledged));
        }
    }
    let certain = unknown_drains == 0 && report.lost.count > unknown_dequeues;
    let lost = if certain { report.lost.clone() } else { Examples::default() };
    let wrong = [
        (&lost, "enqueued and never dequeued"),
        (&report.unexpected, "dequeued and never enqueued"),
        (&report.aborted, "dequeued though the enqueue failed"),
    ];
    let invalid = wrong.iter().any(|(found, _)| !found.is_empty());
    (report.validity, report.verdict) = if invalid {
        (Validity::Invalid, sentence(&wrong))
    } else if !report.lost.is_empty() {
        let verdict = format!(
            "{} enqueued and never dequeued, but {} dequeues and drains without a known result may have taken them",
            report.lost.count, report.unknown_dequeues
        );
        (Validity::Unknown, verdict)
    } else {
        let verdict = format!("all {} acknowledged elements came out", report.acknowledged);
        (Validity::Valid, verdict)
    };
    report
}
