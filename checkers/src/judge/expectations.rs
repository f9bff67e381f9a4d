//! Whether what a scenario expects did show.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::{Expectations, Seen};
use super::findings::Totals;
use crate::ids::TopicPartition;
use crate::recovery::Use;
use crate::verdict::{Anomaly, ExpectationResult, Fate, Finding, RunVerdict};

/// What came of each expectation, in the order in which [`Expectations`] lists them.
pub(super) fn evaluate(
    expect: &Expectations,
    verdict: &RunVerdict,
    totals: &Totals,
    lately: &BTreeMap<TopicPartition, Use>,
) -> Vec<ExpectationResult> {
    let every_seed = expect.seen == Seen::EverySeed;
    let mut results = Vec::new();
    for (name, anomalies, violation) in
        [("violation", &expect.violation, true), ("permitted", &expect.permitted, false)]
    {
        for anomaly in anomalies {
            let is_meant =
                |finding: &&Finding| finding.anomaly == *anomaly && finding.is_violation() == violation;
            let found: u64 = verdict.findings.iter().filter(is_meant).map(|finding| finding.count).sum();
            results.push(ExpectationResult {
                expectation: format!("{name}: {anomaly}"),
                met: found > 0,
                every_seed,
                found: format!("found {found} times"),
            });
        }
    }
    for partition in &expect.unavailable {
        results.push(used("unavailable", partition, lately, |usage| {
            usage.attempts > 0 && usage.acks == 0 && usage.reads == 0
        }));
    }
    for partition in &expect.available {
        results.push(used("available", partition, lately, |usage| usage.acks > 0 && usage.reads > 0));
    }
    for feature in &expect.sometimes {
        let count = feature.count(&verdict.counts);
        results.push(ExpectationResult {
            expectation: format!("sometimes: {feature}"),
            met: count > 0,
            // As the word says: at some seed, whatever `seen` asks of findings.
            every_seed: false,
            found: format!("counted {count}"),
        });
    }
    if let Some(max) = expect.unavailability_max {
        let worst = verdict.worst_unavailability;
        results.push(ExpectationResult {
            expectation: format!("unavailability.max: {}", at_most(max)),
            met: worst <= max,
            every_seed: true,
            found: format!("the longest gap was {worst:?}"),
        });
    }
    let under_load = verdict.counts.under_load;
    for (name, amount, count) in [
        ("acknowledged", expect.acknowledged, under_load.acknowledged),
        ("lost", expect.lost, under_load.lost),
    ] {
        if let Some(amount) = amount {
            results.push(ExpectationResult {
                expectation: format!("{name}: {amount}"),
                met: amount.contains(count),
                every_seed: true,
                found: format!("{count} of the {} records sent under load", under_load.sent),
            });
        }
    }
    if !expect.lost_as.is_empty() {
        let fates = fates(verdict);
        results.push(ExpectationResult {
            expectation: format!("lost_as: {}", list(&expect.lost_as)),
            met: fates.keys().all(|fate| expect.lost_as.contains(fate)),
            every_seed: true,
            found: match fates.len() {
                0 => "nothing was lost".to_owned(),
                _ => {
                    fates.iter().map(|(fate, count)| format!("{count} {fate}")).collect::<Vec<_>>().join(", ")
                }
            },
        });
    }
    if let Some(max) = expect.duplicates_max {
        let duplicates = totals.of(Anomaly::Duplicate);
        results.push(ExpectationResult {
            expectation: format!("duplicates: {max}"),
            met: duplicates <= max,
            every_seed: true,
            found: format!("found {duplicates}"),
        });
    }
    results
}

/// What became of how many of the lost records.
fn fates(verdict: &RunVerdict) -> BTreeMap<Fate, u64> {
    let mut all: BTreeMap<Fate, u64> = BTreeMap::new();
    for finding in verdict.findings.iter().filter(|finding| finding.anomaly == Anomaly::Unseen) {
        for (fate, count) in &finding.fates {
            *all.entry(*fate).or_default() += count;
        }
        // Of a system that tells nothing of its replicas nobody knows.
        let told: u64 = finding.fates.values().sum();
        if told < finding.count {
            *all.entry(Fate::Unknown).or_default() += finding.count - told;
        }
    }
    all
}

fn list(fates: &[Fate]) -> String {
    fates.iter().map(Fate::to_string).collect::<Vec<_>>().join(", ")
}

/// A bound as a scenario writes it: the greatest time below a whole one stands for that.
fn at_most(max: Duration) -> String {
    let whole = max + Duration::from_nanos(1);
    if whole.subsec_nanos().is_multiple_of(1_000) { format!("< {whole:?}") } else { format!("<= {max:?}") }
}

/// An expectation of what clients can do with a partition after the last fault struck.
fn used(
    name: &str,
    partition: &TopicPartition,
    lately: &BTreeMap<TopicPartition, Use>,
    met: impl Fn(&Use) -> bool,
) -> ExpectationResult {
    let usage = lately.get(partition).copied().unwrap_or_default();
    ExpectationResult {
        expectation: format!("{name}: {partition}"),
        met: met(&usage),
        every_seed: true,
        found: format!(
            "after the last fault {} attempts to send, {} acknowledgements, {} records read",
            usage.attempts, usage.acks, usage.reads
        ),
    }
}
