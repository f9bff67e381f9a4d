//! The white-box invariants: what must hold inside of the cluster at every step, judged over the trace.
//!
//! The names W1 to W27 are those of the design; each [`Anomaly`] of that name says what its breach is. W15, W19,
//! W20 and W23 to W26 are left out: they are about eligible leader replicas, groups, transactions and policies,
//! which the broker does not have.
//!
//! Nothing is looked at twice: a step is judged at the partition that it touched, by what it can have
//! changed, and logs are compared by the hash of their prefix ([`crate::state::ReplicaLog`]). A breach is
//! reported where it begins, with the step that made it, and again only after it was mended.
//!
//! A partition that is forfeit ([`ContractMonitor::forfeit`]) is not judged by what rests on durability; nothing
//! else is ever left out.

mod breaches;
mod epochs;
mod fetchers;
mod leader;
mod logs;
mod members;
mod metadata;
mod reads;
mod scene;

use std::collections::BTreeMap;

use crate::contract::{Contract, ContractMonitor};
use crate::ids::{BrokerId, Offset, Time, TopicPartition};
use crate::judge::JudgeConfig;
use crate::monitor::Monitor;
use crate::operation::Acks;
use crate::recording::{Event, Stage};
use crate::state::{Cluster, Partition, Step};
use crate::trace::{Batch, Change, TraceEvent};
use crate::verdict::{Anomaly, Finding};
use breaches::{Breach, Breaches};
use epochs::{Epochs, StepBack};
use logs::Unwritten;
use reads::Exposed;
use scene::{Before, Moment, Scene, Summary};

/// Judges every step of a run by the invariants.
#[derive(Debug)]
pub struct InvariantMonitor {
    contract: ContractMonitor,
    cluster: Cluster,
    epochs: Epochs,
    exposed: BTreeMap<TopicPartition, Exposed>,
    breaches: Breaches,
    /// What the system tells of at all.
    told: Told,
    /// How many events there were.
    position: u64,
}

/// What a system tells of: it is not judged by what it does not tell.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    decisions: bool,
    replicas: bool,
    fetchers: bool,
}

/// What there is to say at the end.
#[derive(Debug, Default)]
pub struct InvariantReport {
    /// The breaches, one finding for each invariant and partition.
    pub findings: Vec<Finding>,
    /// What the contract came to.
    pub contract: Contract,
    /// The cluster as it was in the end.
    pub cluster: Cluster,
    told: Told,
}

impl InvariantReport {
    /// Whether the run told what this invariant is judged by; of other anomalies it says nothing.
    pub fn judges(&self, anomaly: Anomaly) -> bool {
        match anomaly {
            Anomaly::LeaderInIsr | Anomaly::IsrWithinReplicas | Anomaly::IsrNotEmpty => self.told.decisions,
            Anomaly::OneLeaderPerEpoch | Anomaly::MonotonicEpochs => {
                self.told.decisions || self.told.replicas
            }
            Anomaly::FetcherValidity => self.told.fetchers,
            _ => self.told.replicas,
        }
    }
}

impl InvariantMonitor {
    /// Judges by this configuration: it decides what is forfeit.
    pub fn new(config: &JudgeConfig) -> Self {
        Self {
            contract: ContractMonitor::new(config),
            cluster: Cluster::default(),
            epochs: Epochs::default(),
            exposed: BTreeMap::new(),
            breaches: Breaches::new(config.shown),
            told: Told::default(),
            position: 0,
        }
    }

    /// The cluster as it was told so far.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The breaches so far, one finding for each invariant and partition.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.breaches.findings()
    }

    fn trace(&mut self, event: &TraceEvent) {
        self.told.note(&event.change);
        let before = self.before(event);
        let step = self.cluster.trace(event);
        let before = match &step {
            Step::Decided { before } => Before::Committed(before.clone()),
            Step::Plain | Step::Lost => before,
        };
        let at = Moment { time: event.time, position: self.position, event: Some(event), before };
        match &event.change {
            Change::BrokerStarted { .. } => self.epochs.started(event.broker),
            Change::Registered { broker_epoch } => {
                let back = self.epochs.registered(event.broker, *broker_epoch);
                self.steps_back(&at, back);
            }
            Change::BecameController { controller_epoch, offset } => {
                let back = self.epochs.decided(*offset, *controller_epoch);
                self.steps_back(&at, back);
            }
            Change::BrokerChanged { .. } => self.broker_changed(event, &at),
            change => {
                if let Some(partition) = change.partition() {
                    self.partition_changed(event, partition, &at, &step);
                }
            }
        }
    }

    /// What the replica was that is about to tell something of itself.
    fn before(&self, event: &TraceEvent) -> Before {
        match &event.change {
            // These change nothing.
            Change::Acknowledged { .. } | Change::Served { .. } | Change::Synced { .. } => Before::Unchanged,
            change => {
                let fold = change.partition().and_then(|partition| self.cluster.partition(partition));
                let replica = fold.and_then(|fold| fold.replica(event.broker));
                replica.map_or(Before::Unknown, |it| Before::Replica(Summary::of(event.broker, it)))
            }
        }
    }

    /// A broker was registered, fenced or unfenced: whether its replicas count may have changed.
    fn broker_changed(&mut self, event: &TraceEvent, at: &Moment<'_>) {
        let Change::BrokerChanged { subject, .. } = &event.change else { return };
        let back = self.epochs.seen(event.broker, &event.change);
        self.steps_back(at, back);
        let Self { cluster, contract, breaches, .. } = self;
        for (partition, fold) in cluster.partitions().filter(|(_, fold)| fold.replica(*subject).is_some()) {
            scene(at, (partition, fold), cluster, contract, breaches).members_are_complete();
        }
    }

    fn partition_changed(
        &mut self,
        event: &TraceEvent,
        partition: &TopicPartition,
        at: &Moment<'_>,
        step: &Step,
    ) {
        let Self { cluster, contract, breaches, epochs, exposed, .. } = self;
        let untold = Partition::default();
        let fold = cluster.partition(partition).unwrap_or(&untold);
        let mut scene = scene(at, (partition, fold), cluster, contract, breaches);
        let broker = event.broker;
        match &event.change {
            change @ Change::PartitionChanged { offset, controller_epoch, .. } => {
                let back = epochs.seen(broker, change);
                scene.steps_back(broker, back);
                if let Step::Decided { .. } = step {
                    let back = epochs.decided(*offset, *controller_epoch);
                    scene.steps_back(broker, back);
                    scene.decision_is_sound(broker, epochs);
                    scene.leader_completeness();
                    scene.quorum_superset();
                    scene.members_are_complete();
                    if let Some(exposed) = exposed.get(partition) {
                        scene.reads_are_kept(exposed);
                    }
                }
            }
            Change::Recovered { leo, batches, .. } => {
                scene.recovered_log_is_sound(broker, batches);
                scene.log_ends_at(broker, *leo);
                scene.cache_matches(broker, Unwritten::One);
                scene.high_watermark_within_log(Anomaly::VerifiedHighWatermark, broker);
                scene.recovered_epochs_match(broker);
                scene.logs_match(broker, Offset(i64::MIN));
                if *step == Step::Lost {
                    scene.nothing_is_lost_globally(broker);
                }
                scene.members_are_complete();
            }
            Change::Appended { base, count, epoch, crc, .. } => {
                let batch = Batch { base: *base, count: *count, epoch: *epoch, crc: *crc };
                scene.append_continues(broker, &batch);
                scene.epochs_match(broker, &batch);
            }
            Change::EpochCache { .. } => scene.cache_matches(broker, Unwritten::Any),
            Change::HighWatermark { hw, epoch, leader: true, .. } => {
                scene.leader_moved_high_watermark(broker, *hw, *epoch);
                scene.rose(broker);
                scene.candidates_are_complete();
                if let Some(replica) = fold.replica(broker) {
                    scene.members_follow(broker, replica);
                }
            }
            Change::HighWatermark { .. } => {
                scene.follower_moved_high_watermark(broker);
                scene.rose(broker);
            }
            Change::Truncated { to, .. } => {
                scene.log_ends_at(broker, *to);
                scene.cache_matches(broker, Unwritten::None);
                if *step == Step::Lost {
                    scene.nothing_is_lost_globally(broker);
                }
                scene.leader_completeness();
                scene.members_are_complete();
                if let Some(exposed) = exposed.get(partition) {
                    scene.reads_are_kept(exposed);
                }
            }
            Change::BecameLeader { epoch, start, partition_epoch, .. } => {
                scene.role_is_newer(broker, *epoch, *partition_epoch);
                scene.leads_alone(epochs, *epoch, broker);
                scene.own_epoch_is_cached(broker, *epoch, *start);
                scene.high_watermark_within_log(Anomaly::MonotonicHighWatermark, broker);
                scene.fetchers_are_valid(broker);
                scene.quorum_superset();
                scene.leader_completeness();
                scene.members_are_complete();
                if let Some(exposed) = exposed.get(partition) {
                    scene.reads_are_kept(exposed);
                }
            }
            Change::BecameFollower { epoch, leo, partition_epoch, .. } => {
                scene.role_is_newer(broker, *epoch, *partition_epoch);
                scene.log_ends_at(broker, *leo);
                scene.high_watermark_within_log(Anomaly::VerifiedHighWatermark, broker);
            }
            Change::FetcherStarted { .. } | Change::FetcherStopped { .. } => scene.fetchers_are_valid(broker),
            Change::IsrProposed { .. } => scene.quorum_superset(),
            Change::IsrApplied { epoch, partition_epoch, .. } => {
                scene.role_is_newer(broker, *epoch, *partition_epoch);
                scene.quorum_superset();
                scene.members_are_complete();
            }
            Change::Acknowledged { base, last, acks: Acks::All, .. } => {
                scene.acknowledged(broker, *base, *last);
            }
            Change::Served { from, until, reader: None, .. } => {
                let known = match exposed.get_mut(partition) {
                    Some(known) => known,
                    None => exposed.entry(partition.clone()).or_default(),
                };
                scene.given(known, broker, (*from, *until));
            }
            _ => {}
        }
    }

    /// W13, of what concerns no partition.
    fn steps_back(&mut self, at: &Moment<'_>, back: Option<StepBack>) {
        let (Some((what, from, to)), Some(event)) = (back, at.event) else { return };
        let anomaly = Anomaly::MonotonicEpochs;
        self.breaches.add(Breach {
            anomaly,
            partition: None,
            time: at.time,
            brokers: vec![event.broker],
            offsets: Vec::new(),
            what: format!("breach of {anomaly} {}: {what} goes back from {from} to {to}", anomaly.title()),
            transition: at.transition(format!("{to}")),
        });
    }

    /// All is calm, and about to end.
    fn calm(&mut self, time: Time) {
        if !self.told.fetchers {
            return;
        }
        let Self { cluster, contract, breaches, .. } = self;
        let at = Moment { time, position: self.position, event: None, before: Before::Unchanged };
        for told in cluster.partitions() {
            scene(&at, told, cluster, contract, breaches).followers_have_fetchers();
        }
    }
}

fn scene<'a>(
    at: &'a Moment<'a>,
    (partition, fold): (&'a TopicPartition, &'a Partition),
    cluster: &'a Cluster,
    contract: &'a ContractMonitor,
    breaches: &'a mut Breaches,
) -> Scene<'a> {
    let committed = cluster.metadata().partition(partition);
    let suspended = contract.forfeit(partition).is_some();
    Scene { at, partition, fold, committed, cluster, contract, suspended, breaches }
}

impl Scene<'_> {
    /// W4, as the high watermark of a replica moved.
    fn rose(&mut self, broker: BrokerId) {
        let was = match &self.at.before {
            Before::Replica(before) => before.hw,
            _ => Offset(i64::MIN),
        };
        self.logs_match(broker, was);
    }
}

impl Told {
    fn note(&mut self, change: &Change) {
        match change {
            Change::BrokerStarted { .. } | Change::BrokerStopped { .. } | Change::Lost { .. } => {}
            Change::Registered { .. }
            | Change::BecameController { .. }
            | Change::BrokerChanged { .. }
            | Change::PartitionChanged { .. } => self.decisions = true,
            Change::FetcherStarted { .. } | Change::FetcherStopped { .. } => {
                (self.replicas, self.fetchers) = (true, true);
            }
            _ => self.replicas = true,
        }
    }
}

impl Monitor for InvariantMonitor {
    type Report = InvariantReport;

    fn observe(&mut self, event: &Event) {
        // What is forfeit from this event on is not judged at it.
        self.contract.observe(event);
        match event {
            Event::Trace(event) => self.trace(event),
            Event::Mark(mark) if mark.stage == Stage::FinalRead => self.calm(mark.time),
            event => drop(self.cluster.observe(event)),
        }
        self.position += 1;
    }

    fn finish(self) -> InvariantReport {
        InvariantReport {
            findings: self.breaches.into_findings(),
            contract: self.contract.finish(),
            cluster: self.cluster,
            told: self.told,
        }
    }
}

#[cfg(test)]
mod tests;
