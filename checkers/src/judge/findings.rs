//! Sorts sightings by the contract, and gathers them into findings.

use std::collections::BTreeMap;

use crate::contract::Contract;
use crate::ids::TopicPartition;
use crate::log::Sighting;
use crate::verdict::{Anomaly, Finding, Severity};

/// The findings of a run, while they are gathered.
pub(super) struct Findings<'c> {
    contract: &'c Contract,
    /// Violations come first.
    groups: BTreeMap<(bool, Anomaly, TopicPartition, Severity), Finding>,
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
    pub(super) fn new(contract: &'c Contract) -> Self {
        Self { contract, groups: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, sighting: Sighting) {
        let severity = self.contract.severity(&sighting);
        let permitted = severity != Severity::Violation;
        let key = (permitted, sighting.anomaly, sighting.partition.clone(), severity);
        let finding =
            self.groups.entry(key).or_insert_with_key(|(_, anomaly, partition, severity)| Finding {
                anomaly: *anomaly,
                severity: severity.clone(),
                partition: Some(partition.clone()),
                what: sighting.sentence(),
                count: 0,
                secondary: false,
                evidence: Vec::new(),
            });
        finding.count += 1;
        // Secondary is what follows from contradicting offsets, not the contradiction itself.
        finding.secondary |= sighting.secondary && follows_from_order(sighting.anomaly);
        if finding.evidence.len() < Finding::EVIDENCE_MAX {
            finding.evidence.push(sighting.evidence);
        }
    }

    pub(super) fn finish(self) -> (Vec<Finding>, Totals) {
        let mut totals = Totals::default();
        let mut findings: Vec<Finding> = self.groups.into_values().collect();
        for finding in &mut findings {
            let (violations, permitted) = totals.0.entry(finding.anomaly).or_default();
            *(if finding.is_violation() { violations } else { permitted }) += finding.count;
            if finding.count > 1 {
                finding.what = format!("{} (and {} more)", finding.what, finding.count - 1);
            }
            if finding.secondary {
                finding.what.push_str("; secondary, since the partition's offsets contradict each other");
            }
        }
        (findings, totals)
    }
}

fn follows_from_order(anomaly: Anomaly) -> bool {
    matches!(
        anomaly,
        Anomaly::PollSkip | Anomaly::NonmonotonicPoll | Anomaly::IntPollSkip | Anomaly::IntNonmonotonicPoll
    )
}
