//! Objects that are counted rather than put in order: Jepsen's sets, queues and counters.

use std::collections::BTreeMap;

use super::report::{CheckReport, Counts, Finding, KeyReport, Tally, Verdict};
use super::shown::Shown;
use super::{CheckError, Object, Options};
use crate::history::{Datum, Event, History, Span, spans};
use crate::objects::{
    self, Examples, Latencies, SetFullReport, Validity, counter, independent, set, set_full, total_queue,
};

/// What was counted of one object.
struct Counted {
    validity: Validity,
    sentence: String,
    details: Vec<Tally>,
}

/// Counts the object, or each of those that have keys.
pub(super) fn check(object: Object, history: &History, options: &Options) -> Result<CheckReport, CheckError> {
    let events = &history.events;
    let operations = spans(events)?;
    let counts = Counts::of(events, &operations);
    let mut report = CheckReport { counts, ..CheckReport::new(object) };
    let has_key = |span: &Span| events[span.invocation].key.is_some();
    let by_key: BTreeMap<Option<Datum>, Vec<Event>> = if operations.iter().any(has_key) {
        by_key(events, &operations)
    } else if options.independent {
        independent(events)?.into_iter().map(|(key, events)| (Some(key), events)).collect()
    } else {
        add(&mut report, None, operations.len() as u64, count(object, events)?);
        return Ok(report);
    };
    for (key, events) in by_key {
        let operations = spans(&events)?.len() as u64;
        add(&mut report, key, operations, count(object, &events)?);
    }
    Ok(report)
}

/// The events of each key that stands beside the value: that of the invocation, which counts for both.
fn by_key(events: &[Event], operations: &[Span]) -> BTreeMap<Option<Datum>, Vec<Event>> {
    let mut places: BTreeMap<&Option<Datum>, Vec<usize>> = BTreeMap::new();
    for span in operations {
        let of_key = places.entry(&events[span.invocation].key).or_default();
        of_key.push(span.invocation);
        of_key.extend(span.completion);
    }
    places
        .into_iter()
        .map(|(key, mut places)| {
            places.sort_unstable();
            (key.clone(), places.into_iter().map(|place| events[place].clone()).collect())
        })
        .collect()
}

fn add(report: &mut CheckReport, key: Option<Datum>, operations: u64, counted: Counted) {
    let verdict = match counted.validity {
        Validity::Valid => Verdict::Holds,
        Validity::Unknown => Verdict::Unknown,
        Validity::Invalid => Verdict::Violation,
    };
    report.counts.checked += operations;
    report.keys.push(KeyReport {
        key: key.clone(),
        operations,
        verdict,
        steps: operations,
        consistency: None,
    });
    report.steps += operations;
    // The first of the worst is told.
    if verdict > report.verdict || report.details.is_empty() {
        report.verdict = verdict;
        report.details = counted.details;
        let is_wrong = verdict == Verdict::Violation;
        report.findings.extend(is_wrong.then(|| Finding {
            kind: "invalid",
            what: counted.sentence.clone(),
            key,
            operations: Vec::new(),
            stuck: None,
            count: 1,
            more: Vec::new(),
        }));
        report.unknown = (verdict == Verdict::Unknown).then_some(counted.sentence);
    }
}

fn count(object: Object, events: &[Event]) -> Result<Counted, objects::ObjectError> {
    Ok(match object {
        Object::SetFull => of_set_full(set_full(events, objects::Staleness::Permitted)?),
        Object::TotalQueue => {
            let report = total_queue(events)?;
            Counted {
                validity: report.validity,
                sentence: report.verdict,
                details: vec![
                    number("attempts", report.attempts),
                    number("acknowledged", report.acknowledged),
                    number("ok", report.ok),
                    examples("lost", &report.lost),
                    examples("unexpected", &report.unexpected),
                    examples("aborted", &report.aborted),
                    examples("duplicated", &report.duplicated),
                    examples("recovered", &report.recovered),
                ],
            }
        }
        Object::Counter => {
            let report = counter(events)?;
            Counted {
                validity: report.validity,
                sentence: report.verdict,
                details: vec![
                    number("attempts", report.attempts),
                    number("acknowledged", report.acknowledged),
                    number("reads", report.reads),
                    number("out of bounds", report.errors),
                ],
            }
        }
        _ => {
            let report = set(events)?;
            Counted {
                validity: report.validity,
                sentence: report.verdict,
                details: vec![
                    number("attempts", report.attempts),
                    number("acknowledged", report.acknowledged),
                    number("ok", report.ok),
                    number("final reads", report.final_reads),
                    examples("lost", &report.lost),
                    examples("divergent", &report.divergent),
                    examples("unexpected", &report.unexpected),
                    examples("aborted", &report.aborted),
                    examples("recovered", &report.recovered),
                ],
            }
        }
    })
}

fn of_set_full(report: SetFullReport) -> Counted {
    let mut details = vec![
        number("attempts", report.attempts),
        number("reads", report.reads),
        number("stable", report.stable),
        examples("lost", &report.lost),
        examples("never read", &report.never_read),
        examples("stale", &report.stale),
        examples("duplicated", &report.duplicated),
        examples("unexpected", &report.unexpected),
        examples("aborted", &report.aborted),
    ];
    details.extend(report.stable_latencies.map(|latencies| quantiles("stable after", &latencies)));
    details.extend(report.lost_latencies.map(|latencies| quantiles("lost after", &latencies)));
    Counted { validity: report.validity, sentence: report.verdict, details }
}

fn number(name: &'static str, count: u64) -> Tally {
    Tally { name, count, shown: None }
}

/// How many, and the first of them.
fn examples(name: &'static str, examples: &Examples) -> Tally {
    let first: Vec<_> = examples.first.iter().map(|element| Shown(element.clone()).to_string()).collect();
    let more = if examples.count > examples.first.len() as u64 { " …" } else { "" };
    let shown = (!first.is_empty()).then(|| format!("{}{more}", first.join(" ")));
    Tally { name, count: examples.count, shown }
}

/// In milliseconds.
fn quantiles(name: &'static str, latencies: &Latencies) -> Tally {
    let millis = |nanos: u64| nanos / 1_000_000;
    let Latencies { min, median, p95, p99, max } = *latencies;
    let quantiles = [("min", min), ("median", median), ("p95", p95), ("p99", p99), ("max", max)];
    let told: Vec<_> =
        quantiles.iter().map(|(name, nanos)| format!("{name} {} ms", millis(*nanos))).collect();
    Tally { name, count: millis(max), shown: Some(told.join(", ")) }
}
