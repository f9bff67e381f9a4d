//! A replicated log: its anomalies, and how consistent each partition is. Jepsen's kafka workload.
//!
//! [`operations`] reads the events, [`final_read`] finds out which partitions were read to their ends,
//! [`LogMonitor`] finds the anomalies, and [`levels`] asks the exact check of each partition.

mod final_read;
mod findings;
mod levels;
mod operations;
mod steps;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::course::Course;
use super::report::{CheckReport, Counts, KeyReport, Tally, Verdict};
use super::{CheckError, Object, Options};
use crate::history::{History, NotCheckable, Span, spans};
use crate::ids::TopicPartition;
use crate::log::{LogMonitor, LogReport};
use crate::monitor::Monitor;
use crate::operation::Operation;
use findings::Findings;
use operations::LogOperations;

/// So many keys does a sentence name.
const NAMED_MAX: usize = 5;

pub(super) fn check(history: &History, options: &Options) -> Result<CheckReport, CheckError> {
    let events = &history.events;
    let spans = spans(events)?;
    let mut log = LogOperations::of(events, &spans)?;
    let unfinished = final_read::close(&mut log);
    let mut monitor = LogMonitor::default();
    for operation in &log.operations {
        monitor.operation(operation);
    }
    let seen = monitor.finish();
    if let Some(reason) = seen.not_checkable() {
        return Err(NotCheckable(reason.trim_start_matches("not checkable: ").to_owned()).into());
    }
    let mut findings = Findings::new(&log, &spans, options);
    seen.sightings(&mut |sighting| findings.add(&sighting));
    let (findings, legal) = findings.finish();
    let not_read = not_read(&seen, &unfinished);

    let mut report =
        CheckReport { findings, legal, details: details(&seen), ..CheckReport::new(Object::Log) };
    let checked = spans.iter().filter(|span| log.is_checked(span)).count() as u64;
    report.counts = Counts { checked, ..Counts::of(events, &spans) };
    report.steps = checked;
    let mut levels = levels::of(&log, &spans);
    for (partition, operations) in concerned(&log, &spans) {
        let key = log.key(&partition).cloned();
        let verdict = if report.findings.iter().any(|finding| finding.key == key) {
            Verdict::Violation
        } else if not_read.contains_key(&partition) {
            Verdict::Unknown
        } else {
            Verdict::Holds
        };
        report.verdict = report.verdict.max(verdict);
        let consistency = levels.remove(&partition);
        report.keys.push(KeyReport { key, operations, verdict, steps: operations, consistency });
    }
    report.unknown = unknown(&log, &not_read);
    Ok(report)
}

/// In which order the operations on each partition can have taken effect.
pub(super) fn courses(history: &History) -> Result<Vec<Course>, CheckError> {
    let spans = spans(&history.events)?;
    let mut log = LogOperations::of(&history.events, &spans)?;
    final_read::close(&mut log);
    let mut courses = levels::courses(&log, &spans);
    let of = |partition: &TopicPartition| {
        let course = courses.remove(partition)?;
        Some(Course { key: log.key(partition).cloned(), ..course })
    };
    Ok(log.partitions().filter_map(of).collect())
}

/// The operations of a log in the terms of our own, each with the place of its event as its index.
///
/// # Errors
/// If the history is none of a log.
pub fn operations(history: &History) -> Result<Vec<Operation>, CheckError> {
    let spans = spans(&history.events)?;
    let mut log = LogOperations::of(&history.events, &spans)?;
    final_read::close(&mut log);
    Ok(log.operations)
}

/// How many operations concern each partition, in the order in which the history names them.
fn concerned(log: &LogOperations<'_>, spans: &[Span]) -> IndexMap<TopicPartition, u64, FxBuildHasher> {
    let mut counts: IndexMap<TopicPartition, u64, FxBuildHasher> =
        log.partitions().map(|partition| (partition.clone(), 0)).collect();
    for span in spans {
        let mut concerned: Vec<&TopicPartition> = Vec::new();
        for operation in log.of_span(span) {
            concerned.extend(operation.body.sends().map(|send| &send.partition));
            concerned.extend(operation.body.reads().map(|read| &read.partition));
        }
        concerned.sort_unstable();
        concerned.dedup();
        for partition in concerned {
            *counts.entry(partition.clone()).or_default() += 1;
        }
    }
    counts
}

/// The partitions whose content at the end nobody knows, and why.
fn not_read(
    seen: &LogReport,
    unfinished: &BTreeMap<TopicPartition, String>,
) -> BTreeMap<TopicPartition, String> {
    let without = seen.without_final_read();
    without
        .map(|(partition, why)| {
            (partition.clone(), unfinished.get(partition).cloned().unwrap_or_else(|| why.to_owned()))
        })
        .collect()
}

/// Of which keys it is not known what they lost.
fn unknown(log: &LogOperations<'_>, not_read: &BTreeMap<TopicPartition, String>) -> Option<String> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (partition, why) in not_read {
        by_reason.entry(why).or_default().push(log.key_name(partition));
    }
    let sentences: Vec<_> = by_reason
        .into_iter()
        .map(|(why, keys)| {
            let named = keys.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = match keys.len().saturating_sub(NAMED_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("lost and unseen records of {named}{more} are unknown: {why}")
        })
        .collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

fn details(seen: &LogReport) -> Vec<Tally> {
    let counts = seen.counts();
    let tally = |name, count| Tally { name, count, shown: None };
    vec![
        tally("records acknowledged", counts.acknowledged),
        tally("records read", counts.read),
        tally("indeterminate records read", counts.info_read),
    ]
}
