//! What the monitors of the invariants found: each breach once, where it began, and counted.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{BrokerId, Offset, Time, TopicPartition};
use crate::judge::Shown;
use crate::verdict::{Anomaly, Evidence, Finding, Severity, Transition};

/// The breaches of a run.
#[derive(Debug, Default)]
pub(super) struct Breaches {
    shown: Shown,
    /// The states that are broken now: reported when they broke, and again only once they held in between.
    active: BTreeSet<State>,
    findings: BTreeMap<(Anomaly, Option<TopicPartition>), Finding>,
}

/// A state that an invariant is about: of a partition, and of one or two brokers.
pub(super) type State = (Anomaly, TopicPartition, [BrokerId; 2]);

/// One breach.
pub(super) struct Breach {
    pub(super) anomaly: Anomaly,
    pub(super) partition: Option<TopicPartition>,
    pub(super) time: Time,
    pub(super) brokers: Vec<BrokerId>,
    pub(super) offsets: Vec<Offset>,
    pub(super) what: String,
    pub(super) transition: Transition,
}

impl Breaches {
    pub(super) fn new(shown: Shown) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Notes whether a state is broken now. Returns whether it was not before.
    pub(super) fn breaks(&mut self, broken: bool, state: impl FnOnce() -> State) -> bool {
        if broken {
            return self.active.insert(state());
        }
        // Mostly nothing is broken, and then there is no state to look up.
        if !self.active.is_empty() {
            self.active.remove(&state());
        }
        false
    }

    pub(super) fn add(&mut self, breach: Breach) {
        let Breach { anomaly, partition, time, brokers, offsets, what, transition } = breach;
        let finding =
            self.findings.entry((anomaly, partition)).or_insert_with_key(|(anomaly, partition)| Finding {
                anomaly: *anomaly,
                severity: Severity::Violation,
                partition: partition.clone(),
                what,
                count: 0,
                secondary: false,
                fates: BTreeMap::new(),
                evidence: Vec::new(),
            });
        finding.count += 1;
        if self.shown == Shown::All || finding.evidence.len() < Finding::EVIDENCE_MAX {
            let transition = Some(Box::new(transition));
            finding.evidence.push(Evidence { time, offsets, brokers, transition, ..Evidence::default() });
        }
    }

    /// The invariants that were broken, each in one partition.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values()
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_values().collect()
    }
}
