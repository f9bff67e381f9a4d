//! What a configuration permits: which replicas were damaged, which partitions are forfeit, and so whether
//! an anomaly breaks the contract.
//!
//! What is damaged derives from the configuration, the fault log and the disks' own word; what is forfeit
//! from that and the controllers' committed log. What a broker claims of itself changes nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fault::{FaultEvent, FaultLog, FaultPhase, Target};
use crate::ids::{BrokerEpoch, BrokerId, Time, TopicPartition};
use crate::judge::{FlushPolicy, Guarantee, JudgeConfig};
use crate::log::Sighting;
use crate::monitor::Monitor;
use crate::operation::Acks;
use crate::recording::Event;
use crate::state::{ClusterState, PartitionDecision, partition_of};
use crate::trace::{Change, TraceEvent};
use crate::verdict::{Anomaly, Severity};

/// The faults that damage a replica as they are injected, under any flush policy.
const DAMAGING: &[&str] = &[
    "disk-bitflip",
    "disk-corrupt",
    "disk-corrupt-record",
    "disk-snapshot-restore",
    "disk-torn-write",
    "disk-truncate-tail",
    "disk-wipe",
];

/// Follows which replicas are damaged and which partitions become forfeit.
#[derive(Debug)]
pub struct ContractMonitor {
    flush: FlushPolicy,
    unclean_allowed: BTreeSet<Arc<str>>,
    guarantee: Option<Guarantee>,
    cluster: ClusterState,
    faults: FaultLog,
    damage: Damage,
    forfeits: BTreeMap<TopicPartition, Forfeit>,
}

/// The damaged replicas.
#[derive(Debug, Default)]
struct Damage(BTreeMap<(TopicPartition, BrokerId), Damaged>);

#[derive(Debug)]
struct Damaged {
    /// What was done to it.
    why: String,
    /// The incarnation that was registered when it was last damaged, if there was one.
    incarnation: Option<BrokerEpoch>,
}

/// From when, and why, a partition's durability is forfeit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forfeit {
    /// From when.
    pub since: Time,
    /// Why.
    pub reason: String,
}

/// What the contract comes to at the end of a run.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    guarantee: Option<Guarantee>,
    forfeits: BTreeMap<TopicPartition, Forfeit>,
}

impl ContractMonitor {
    /// Judges by this configuration.
    pub fn new(config: &JudgeConfig) -> Self {
        Self {
            flush: config.flush,
            unclean_allowed: config.unclean_allowed.clone(),
            guarantee: config.guarantee,
            cluster: ClusterState::default(),
            faults: FaultLog::default(),
            damage: Damage::default(),
            forfeits: BTreeMap::new(),
        }
    }

    /// Why a partition's durability is forfeit as of now; `None` if it is not.
    pub fn forfeit(&self, partition: &TopicPartition) -> Option<&Forfeit> {
        self.forfeits.get(partition)
    }

    /// Whether a replica was damaged, and has not joined the ISR since.
    pub fn is_damaged(&self, partition: &TopicPartition, broker: BrokerId) -> bool {
        // Mostly nothing is, and then there is no key to make.
        !self.damage.0.is_empty() && self.damage.0.contains_key(&(partition.clone(), broker))
    }

    fn trace(&mut self, event: &TraceEvent) {
        match &event.change {
            Change::Lost { file, from } => {
                if let Some(partition) = partition_of(file)
                    && self.flush != FlushPolicy::EveryBatch
                {
                    let why = format!("power loss took {file} from byte {from} at {}", event.time);
                    self.damage(event.time, event.broker, &partition, &why);
                }
                return;
            }
            // The disk's own word, under any flush policy: only it knows which of its syncs were lies.
            Change::Damaged { file, from, why } => {
                if let Some(partition) = partition_of(file) {
                    let why = format!("{file} from byte {from} at {}: {why}", event.time);
                    self.damage(event.time, event.broker, &partition, &why);
                }
                return;
            }
            _ => {}
        }
        let Self { unclean_allowed, cluster, damage, forfeits, .. } = self;
        cluster.observe(event, |cluster, decision| {
            for joined in decision.joined() {
                let incarnation = cluster.broker(joined).map(|broker| broker.epoch);
                damage.mend(decision.partition, joined, incarnation);
            }
            let allowed = unclean_allowed.contains(&decision.partition.topic);
            let reason = unclean_reason(&decision)
                .filter(|_| allowed)
                .or_else(|| damage.of_all(decision.partition, &decision.after.isr));
            if let Some(reason) = reason {
                forfeit(forfeits, decision.partition, event.time, reason);
            }
        });
    }

    fn fault(&mut self, event: &FaultEvent) {
        self.faults.observe(event);
        let FaultPhase::Injected { targets } = &event.phase else { return };
        let Some(kind) = self.faults.get(event.occurrence).map(|record| record.kind.clone()) else { return };
        for target in targets {
            let (broker, only) = match target {
                Target::Broker(broker) => (*broker, None),
                Target::Replica(broker, partition) => (*broker, Some(partition.clone())),
                Target::Link { .. } | Target::Host(_) => continue,
            };
            if DAMAGING.contains(&&*kind) {
                let why = format!("{kind} at {}", event.time);
                let struck = match only {
                    Some(partition) => vec![partition],
                    None => self.hosted_by(broker),
                };
                for partition in struck {
                    self.damage(event.time, broker, &partition, &why);
                }
            }
        }
    }

    fn hosted_by(&self, broker: BrokerId) -> Vec<TopicPartition> {
        let hosted = self.cluster.partitions().filter(|(_, state)| state.replicas.contains(&broker));
        hosted.map(|(partition, _)| partition.clone()).collect()
    }

    fn damage(&mut self, time: Time, broker: BrokerId, partition: &TopicPartition, why: &str) {
        let incarnation = self.cluster.broker(broker).map(|broker| broker.epoch);
        let damaged = self.damage.0.entry((partition.clone(), broker));
        damaged
            .and_modify(|damaged| damaged.incarnation = incarnation)
            .or_insert_with(|| Damaged { why: why.to_owned(), incarnation });
        let isr = self.cluster.partition(partition).map(|state| &state.isr);
        if let Some(reason) = isr.and_then(|isr| self.damage.of_all(partition, isr)) {
            forfeit(&mut self.forfeits, partition, time, reason);
        }
    }
}

impl Damage {
    /// A replica that joins the in-sync set is whole again, if its broker has recovered its log since the damage.
    ///
    /// The incarnation that was registered then has not: a bit that flipped below its log's end stays flipped
    /// however much it fetches, and a dead broker that is let in by the last request of its former self has none
    /// of what that had. Where nobody tells of incarnations, joining is enough.
    fn mend(&mut self, partition: &TopicPartition, broker: BrokerId, incarnation: Option<BrokerEpoch>) {
        let replica = (partition.clone(), broker);
        let is_later = |damaged: &Damaged| incarnation.is_none() || damaged.incarnation < incarnation;
        if self.0.get(&replica).is_some_and(is_later) {
            self.0.remove(&replica);
        }
    }

    /// What was done to all of the in-sync replicas, if each of them is damaged.
    fn of_all(&self, partition: &TopicPartition, isr: &[BrokerId]) -> Option<String> {
        let damaged = |broker: &BrokerId| {
            let damaged = self.0.get(&(partition.clone(), *broker))?;
            Some(format!("{broker} ({})", damaged.why))
        };
        let all: Vec<String> = isr.iter().map(damaged).collect::<Option<_>>()?;
        (!all.is_empty()).then(|| format!("every in-sync replica is damaged: {}", all.join(", ")))
    }
}

fn unclean_reason(decision: &PartitionDecision<'_>) -> Option<String> {
    let leader = decision.unclean_leader()?;
    Some(format!("unclean election of {leader} (metadata offset {})", decision.after.offset))
}

/// A partition stays forfeit for the reason that made it so first.
fn forfeit(
    forfeits: &mut BTreeMap<TopicPartition, Forfeit>,
    partition: &TopicPartition,
    since: Time,
    reason: String,
) {
    if !forfeits.contains_key(partition) {
        forfeits.insert(partition.clone(), Forfeit { since, reason });
    }
}

impl Monitor for ContractMonitor {
    type Report = Contract;

    fn observe(&mut self, event: &Event) {
        match event {
            Event::Trace(trace) => self.trace(trace),
            Event::Fault(fault) => self.fault(fault),
            Event::Operation(_) | Event::Mark(_) | Event::Sample(_) => {}
        }
    }

    fn finish(self) -> Contract {
        Contract { guarantee: self.guarantee, forfeits: self.forfeits }
    }
}

impl Contract {
    /// Why, and from when, a partition's durability is forfeit; `None` if it is not.
    pub fn forfeit(&self, partition: &TopicPartition) -> Option<&Forfeit> {
        self.forfeits.get(partition)
    }

    /// Whether what was sighted breaks the contract.
    pub fn severity(&self, sighting: &Sighting) -> Severity {
        let anomaly = sighting.anomaly;
        if let Some(legal) = sighting.legal {
            return Severity::Permitted(legal.reason().into());
        }
        if anomaly == Anomaly::Duplicate && self.guarantee == Some(Guarantee::AtLeastOnce) {
            return Severity::Permitted("the guarantee is at-least-once".into());
        }
        if let Some(acks) = sighting.weak_acks.filter(|_| acks_excuse(anomaly)) {
            debug_assert_ne!(acks, Acks::All, "acks=all is no excuse");
            return Severity::Permitted(format!("sent with acks={acks}"));
        }
        if forfeit_excuses(anomaly)
            && let Some(forfeit) = self.forfeit(&sighting.partition)
            && forfeit.since <= sighting.evidence.time
        {
            return Severity::Permitted(format!("forfeit since {}: {}", forfeit.since, forfeit.reason));
        }
        Severity::Violation
    }
}

/// What a forfeit partition may show.
fn forfeit_excuses(anomaly: Anomaly) -> bool {
    matches!(
        anomaly,
        Anomaly::Unseen
            | Anomaly::LostWrite
            | Anomaly::ReadThenLost
            | Anomaly::InconsistentOffsets
            | Anomaly::PollSkip
            | Anomaly::NonmonotonicPoll
            | Anomaly::DivergentReplica
            | Anomaly::EndOffsetRegression
            // A log that was cut takes the next record lower down, and may lack a part of an operation.
            | Anomaly::NonmonotonicSend
            | Anomaly::IntNonmonotonicSend
            | Anomaly::TornTxn
    )
}

/// What may happen to a record that was sent with acks 0 or 1: it may be lost, and then its place is taken by
/// another, and its operation lacks it.
fn acks_excuse(anomaly: Anomaly) -> bool {
    matches!(
        anomaly,
        Anomaly::Unseen
            | Anomaly::LostWrite
            | Anomaly::InconsistentOffsets
            | Anomaly::NonmonotonicSend
            | Anomaly::IntNonmonotonicSend
            | Anomaly::TornTxn
    )
}

#[cfg(test)]
mod tests;
