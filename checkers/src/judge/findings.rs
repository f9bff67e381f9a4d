//! Sorts sightings by the contract, and gathers them into findings.

use std::collections::BTreeMap;

use crate::contract::Contract;
use crate::fate::fate;
use crate::ids::TopicPartition;
use crate::judge::Shown;
use crate::log::{Part, Sighting};
use crate::state::Cluster;
use crate::verdict::{Anomaly, Fate, Finding, Severity};

/// The findings of a run, while they are gathered.
pub(super) struct Findings<'c> {
    contract: &'c Contract,
    cluster: &'c Cluster,
    shown: Shown,
    /// Violations come first.
    groups: BTreeMap<Group, Gathered>,
}

/// What makes instances one finding. Violations come first.
type Group = (bool, Anomaly, TopicPartition, Severity);

/// A finding, while it is gathered.
struct Gathered {
    finding: Finding,
    /// Of lost records, how many are of which part of what their producers sent.
    parts: BTreeMap<Part, u64>,
}

/// How many instances of each anomaly there are: violations, and permitted ones.
#[derive(Debug, Default)]
pub(super) struct Totals(BTreeMap<Anomaly, (u64, u64)>);

impl Totals {
    /// All instances of an anomaly.
    pub(super) fn of(&self, anomaly: Anomaly) -> u64 {
        self.0.get(&anomaly).map_or(0, |(violations, permitted)| violations + permitted)
    }

    /// The lost records, and how many of them are permitted to be.
    pub(super) fn lost(&self) -> (u64, u64) {
        (self.of(Anomaly::Unseen), self.0.get(&Anomaly::Unseen).map_or(0, |(_, permitted)| *permitted))
    }
}

impl<'c> Findings<'c> {
    pub(super) fn new(contract: &'c Contract, cluster: &'c Cluster, shown: Shown) -> Self {
        Self { contract, cluster, shown, groups: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, sighting: Sighting) {
        let severity = self.contract.severity(&sighting);
        let permitted = severity != Severity::Violation;
        let key = (permitted, sighting.anomaly, sighting.partition.clone(), severity);
        let Gathered { finding, parts } =
            self.groups.entry(key).or_insert_with_key(|(_, anomaly, partition, severity)| Gathered {
                finding: Finding {
                    anomaly: *anomaly,
                    severity: severity.clone(),
                    partition: Some(partition.clone()),
                    what: sighting.sentence(),
                    count: 0,
                    secondary: false,
                    fates: BTreeMap::new(),
                    evidence: Vec::new(),
                },
                parts: BTreeMap::new(),
            });
        if let Some(part) = sighting.part {
            *parts.entry(part).or_default() += 1;
        }
        let lost = sighting.acknowledged.and_then(|told| {
            fate(self.cluster, &sighting.partition, sighting.evidence.offsets.first().copied(), told)
        });
        if let Some(lost) = lost {
            if finding.count == 0 {
                finding.what = format!("{}; {}", finding.what, lost.how);
            }
            *finding.fates.entry(lost.fate).or_default() += 1;
        }
        finding.count += 1;
        // Secondary is what follows from contradicting offsets, not the contradiction itself.
        finding.secondary |= sighting.follows_from_order();
        if self.shown == Shown::All || finding.evidence.len() < Finding::EVIDENCE_MAX {
            finding.evidence.push(sighting.evidence);
        }
    }

    /// All of them, with the breaches of invariants and the like, which are never permitted, among the violations.
    pub(super) fn finish(self, breaches: Vec<Finding>) -> (Vec<Finding>, Totals) {
        let mut totals = Totals::default();
        let (mut violations, mut permitted) = (Vec::new(), Vec::new());
        let breaches = breaches.into_iter().map(|finding| Gathered { finding, parts: BTreeMap::new() });
        for Gathered { mut finding, parts } in self.groups.into_values().chain(breaches) {
            let (violated, allowed) = totals.0.entry(finding.anomaly).or_default();
            *(if finding.is_violation() { violated } else { allowed }) += finding.count;
            if finding.count > 1 {
                let more = finding.count - 1;
                let (fates, parts) = (all(&finding.fates), of_producers(&parts));
                finding.what = format!("{} (and {more} more{fates}{parts})", finding.what);
            }
            if finding.secondary {
                finding.what.push_str("; secondary, since the partition's offsets contradict each other");
            }
            if finding.is_violation() { &mut violations } else { &mut permitted }.push(finding);
        }
        violations.append(&mut permitted);
        (violations, totals)
    }
}

/// What became of all records of a finding, where that is more than one thing: `; of all, 3 truncated, 5 on-no-replica`.
fn all(fates: &BTreeMap<Fate, u64>) -> String {
    if fates.len() < 2 {
        return String::new();
    }
    let told: Vec<_> = fates.iter().map(|(fate, count)| format!("{count} {fate}")).collect();
    format!("; of all, {}", told.join(", "))
}

/// Where lost records are among what their producers sent: `; 2 at the beginning, 5 in the middle of what their
/// producers sent there`.
fn of_producers(parts: &BTreeMap<Part, u64>) -> String {
    if parts.is_empty() {
        return String::new();
    }
    let told = parts.iter().map(|(part, count)| match part {
        Part::Beginning => format!("{count} at the beginning"),
        Part::Middle => format!("{count} in the middle"),
        Part::End => format!("{count} at the end"),
    });
    format!("; {} of what their producers sent there", told.collect::<Vec<_>>().join(", "))
}
