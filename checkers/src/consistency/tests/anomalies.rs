//! The ladder and the anomalies of the same history agree: what corresponds to what is in `docs/recording.md`.

use std::collections::BTreeMap;

use super::histories::{history, partition};
use crate::consistency::ConsistencyMonitor;
use crate::linearizability::log::Level;
use crate::linearizability::rule;
use crate::log::{LogMonitor, LogReport};
use crate::monitor::Monitor;
use crate::random::histories;
use crate::recording::Event;
use crate::verdict::{Anomaly, Consistency};

/// Each of them is a contradiction that no one log explains, and there is no other.
const DIVERGENCES: [Anomaly; 9] = [
    Anomaly::Unseen,
    Anomaly::ReadThenLost,
    Anomaly::Phantom,
    Anomaly::AbortedRead,
    Anomaly::InconsistentOffsets,
    Anomaly::Duplicate,
    Anomaly::PollSkip,
    Anomaly::IntPollSkip,
    Anomaly::EndOffsetRegression,
];

fn found(report: &LogReport) -> BTreeMap<Anomaly, u64> {
    let mut found = BTreeMap::new();
    report.sightings(&mut |sighting| {
        if sighting.legal.is_none() {
            *found.entry(sighting.anomaly).or_default() += 1;
        }
    });
    found
}

fn level(events: &[Event]) -> Consistency {
    let mut levels = ConsistencyMonitor::default().fold(events).levels(|_| None, None);
    levels.remove(&partition()).unwrap_or_default()
}

/// Why the two do not agree, if they do not.
fn mismatch(events: &[Event]) -> Option<String> {
    let report = LogMonitor::default().fold(events);
    assert_eq!(report.not_checkable(), None);
    let (found, consistency) = (found(&report), level(events));
    let Some(level) = consistency.level else {
        return (!found.is_empty()).then(|| format!("{consistency:?}"));
    };
    let diverges = DIVERGENCES.iter().any(|anomaly| found.contains_key(anomaly));
    // What a failed poll gives of a failed send is none of Jepsen's.
    let of_failed_poll = consistency.broken.as_ref().is_some_and(|broken| broken.kind == "aborted read");
    if diverges != (level == Level::Diverged) && !(level == Level::Diverged && of_failed_poll) {
        return Some(format!("found {found:?}, and {consistency:?}"));
    }
    let out_of_order = found.contains_key(&Anomaly::NonmonotonicSend);
    (out_of_order && level >= Level::LinearizableWrites).then(|| format!("{found:?}, and {consistency:?}"))
}

fn show(events: &[Event]) -> String {
    events.iter().map(|event| format!("{event:?}\n")).collect()
}

#[test]
fn the_ladder_and_the_anomalies_agree() {
    let mut seen: BTreeMap<Anomaly, u64> = BTreeMap::new();
    let mut levels: BTreeMap<Option<Level>, u64> = BTreeMap::new();
    let count = histories(20_000);
    for seed in 0..count {
        let events = history(seed);
        if let Some(why) = mismatch(&events) {
            panic!("seed {seed}: {why}\n{}", show(&events));
        }
        for anomaly in found(&LogMonitor::default().fold(&events)).into_keys() {
            *seen.entry(anomaly).or_default() += 1;
        }
        *levels.entry(level(&events).level).or_default() += 1;
    }
    println!("{levels:?}, {seen:?}");
    for anomaly in DIVERGENCES {
        let times = seen.get(&anomaly).copied().unwrap_or(0);
        assert!(times > count / 1_000, "{anomaly} was seen {times} times");
    }
    for level in [Level::Diverged, Level::Sequential, Level::LinearizableWrites, Level::Linearizable] {
        let times = levels.get(&Some(level)).copied().unwrap_or(0);
        assert!(times > count / 1_000, "{level:?} was met {times} times");
    }
}

#[test]
fn a_rule_that_is_missing_is_noticed() {
    for rule in ["position", "whole is firm", "phantom", "aborted", "divergent", "moved", "skipped"] {
        let noticed = (0..2_000).find(|seed| {
            let events = history(*seed);
            rule::without(rule, || mismatch(&events)).is_some()
        });
        println!("{rule}: {noticed:?}");
        assert!(noticed.is_some(), "nothing notices that `{rule}` is missing");
    }
}
