//! How long partitions were unavailable, and whether they recovered once everything was healed.

use std::collections::BTreeMap;
use std::time::Duration;

use hashbrown::HashMap;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::fault::FaultPhase;
use crate::ids::{OperationIndex, Process, Time, TopicPartition};
use crate::judge::JudgeConfig;
use crate::log::Sighting;
use crate::monitor::Monitor;
use crate::operation::{Acks, Operation, Outcome};
use crate::recording::{Event, Stage};
use crate::state::ClusterState;
use crate::verdict::{Anomaly, Availability, Evidence};

/// For so long after a fault answers still arrive that were under way when it struck, also to a poll that began
/// later: a client keeps its fetch to a broker open from one poll to the next.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// Follows the acknowledgements of every partition, and the heals.
#[derive(Debug)]
pub struct RecoveryMonitor<'c> {
    config: &'c JudgeConfig,
    cluster: ClusterState,
    partitions: Partitions,
    last_heal: Option<Time>,
    /// Producers ran on for as long as there was anything to wait for.
    load_ended: bool,
    /// When each outstanding operation began.
    began: HashMap<Process, Time, FxBuildHasher>,
    /// When the last fault was injected.
    struck: Option<Time>,
    now: Time,
}

/// What is known of each partition's progress, in the order in which they were first named, until the end.
type Partitions = IndexMap<TopicPartition, Progress, FxBuildHasher>;

/// What is known of one partition's progress. Sends with `acks=0` are no part of it: nobody answers them.
#[derive(Debug, Default)]
struct Progress {
    /// Attempts that have no completion yet.
    outstanding: u64,
    /// Since when a producer has been trying in vain.
    trying_since: Option<Time>,
    last_activity: Time,
    worst_gap: Duration,
    /// The first acknowledgement with a full ISR after the last heal.
    recovered: Option<Time>,
    last_ack: Option<(Time, OperationIndex)>,
    tried_since_heal: bool,
    lately: Use,
}

/// What clients could do with a partition, by the operations that they began since the last fault struck, and what
/// was under way then had arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Attempts to send.
    pub attempts: u64,
    /// Acknowledgements.
    pub acks: u64,
    /// Records read.
    pub reads: u64,
}

/// What there is to say of availability and recovery.
#[derive(Debug, Default)]
pub struct RecoveryReport {
    /// How available each partition was that somebody sent to.
    pub availability: BTreeMap<TopicPartition, Availability>,
    /// What clients could do with each partition in the end.
    pub lately: BTreeMap<TopicPartition, Use>,
    /// From the last heal to the last partition's recovery; `None` if some did not recover, or nothing was
    /// healed.
    pub recovery: Option<Duration>,
    /// The partitions that did not recover in time.
    pub stuck: Vec<Sighting>,
    /// Why it cannot be said of some partition whether it recovered.
    pub unknown: Option<String>,
}

impl<'c> RecoveryMonitor<'c> {
    /// Judges by this configuration.
    pub fn new(config: &'c JudgeConfig) -> Self {
        Self {
            config,
            cluster: ClusterState::default(),
            partitions: Partitions::default(),
            last_heal: None,
            load_ended: false,
            began: HashMap::default(),
            struck: None,
            now: Time::default(),
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let began = match operation.outcome {
            Outcome::Invoke => {
                self.began.insert(operation.process, operation.time);
                Some(operation.time)
            }
            _ => self.began.remove(&operation.process),
        };
        let from =
            self.struck.map_or(Time(0), |struck| Time(struck.0.saturating_add(Time::from(UNDER_WAY).0)));
        let lately = began.is_some_and(|began| began >= from);
        for send in operation.body.sends() {
            let full = operation.outcome == Outcome::Ok && self.isr_is_full(&send.partition);
            let progress = entry(&mut self.partitions, &send.partition);
            match operation.outcome {
                Outcome::Invoke if lately => progress.lately.attempts += 1,
                Outcome::Ok if lately => progress.lately.acks += 1,
                _ => {}
            }
            if send.acks != Acks::None {
                progress.attempt(operation, full);
            }
        }
        for read in operation.body.reads().filter(|_| lately) {
            entry(&mut self.partitions, &read.partition).lately.reads += read.records.len() as u64;
        }
    }

    /// Whether all replicas are in sync, but for those that the scenario leaves broken. Of a system that
    /// tells nothing of its ISRs nothing is asked.
    fn isr_is_full(&self, partition: &TopicPartition) -> bool {
        self.cluster.partition(partition).is_none_or(|state| {
            let mut wanted = state.replicas.iter().filter(|id| !self.config.left_broken.contains(id));
            wanted.all(|id| state.isr.contains(id))
        })
    }

    fn healed(&mut self, time: Time) {
        self.last_heal = Some(time);
        for progress in self.partitions.values_mut() {
            progress.recovered = None;
            progress.tried_since_heal = progress.outstanding > 0;
        }
    }

    fn struck(&mut self, time: Time) {
        self.struck = Some(time);
        for progress in self.partitions.values_mut() {
            progress.lately = Use::default();
        }
    }
}

fn entry<'m>(partitions: &'m mut Partitions, partition: &TopicPartition) -> &'m mut Progress {
    let known = partitions.get_index_of(partition);
    let at = known.unwrap_or_else(|| partitions.insert_full(partition.clone(), Progress::default()).0);
    &mut partitions[at]
}

impl Progress {
    /// Takes an event of an attempt that waits for an acknowledgement.
    fn attempt(&mut self, operation: &Operation, isr_is_full: bool) {
        let time = operation.time;
        self.last_activity = time;
        match operation.outcome {
            Outcome::Invoke => {
                self.outstanding += 1;
                self.trying_since.get_or_insert(time);
                self.tried_since_heal = true;
                return;
            }
            Outcome::Ok => {
                self.close_gap(time);
                self.last_ack = Some((time, operation.index));
                if isr_is_full {
                    self.recovered.get_or_insert(time);
                }
            }
            Outcome::Fail | Outcome::Info => {}
        }
        self.outstanding = self.outstanding.saturating_sub(1);
        if operation.outcome == Outcome::Ok {
            // Whoever still waits has been waiting for the next acknowledgement from now on.
            self.trying_since = (self.outstanding > 0).then_some(time);
        }
    }

    fn close_gap(&mut self, time: Time) {
        if let Some(since) = self.trying_since {
            self.worst_gap = self.worst_gap.max(time.since(since));
        }
    }
}

impl Monitor for RecoveryMonitor<'_> {
    type Report = RecoveryReport;

    fn observe(&mut self, event: &Event) {
        self.now = self.now.max(event.time());
        match event {
            Event::Operation(operation) => self.operation(operation),
            Event::Trace(trace) => self.cluster.observe(trace, |_, _| {}),
            Event::Fault(fault) => match fault.phase {
                FaultPhase::Healed => self.healed(fault.time),
                FaultPhase::Injected { .. } => self.struck(fault.time),
                _ => {}
            },
            Event::Mark(mark) => {
                self.load_ended |= matches!(mark.stage, Stage::FinalRead | Stage::NoFinalRead);
            }
            Event::Sample(_) => {}
        }
    }

    fn finish(mut self) -> RecoveryReport {
        let mut report = RecoveryReport::default();
        let mut slowest = Some(Duration::ZERO);
        self.partitions.sort_keys();
        for (partition, progress) in &mut self.partitions {
            progress.close_gap(progress.last_activity);
            report.lately.insert(partition.clone(), progress.lately);
            if progress.last_activity == Time::default() || self.config.expect.unavailable.contains(partition)
            {
                continue;
            }
            let recovery =
                self.last_heal.and_then(|heal| progress.recovered.map(|recovered| recovered.since(heal)));
            slowest = slowest.zip(recovery).map(|(slowest, recovery)| slowest.max(recovery));
            let availability = Availability { worst_gap: progress.worst_gap, recovery };
            report.availability.insert(partition.clone(), availability);
            let Some((heal, within)) = self.last_heal.zip(self.config.recovery_within) else { continue };
            let bound = Time(heal.0.saturating_add(Time::from(within).0));
            if recovery.is_some_and(|recovery| recovery <= within) {
                continue;
            }
            let waited = recovery.is_some() || self.load_ended || self.now >= bound;
            if progress.tried_since_heal && waited {
                report.stuck.push(stuck(partition, progress, bound));
            } else {
                let why = if waited { "nobody sent to it" } else { "the run ended too early" };
                report.unknown =
                    Some(format!("{partition} may not have recovered: {why} after the last heal"));
            }
        }
        report.recovery = slowest.filter(|_| self.last_heal.is_some() && !report.availability.is_empty());
        report
    }
}

fn stuck(partition: &TopicPartition, progress: &Progress, bound: Time) -> Sighting {
    let evidence = Evidence {
        time: bound,
        operations: progress.last_ack.iter().map(|(_, operation)| *operation).collect(),
        ..Evidence::default()
    };
    Sighting::new(Anomaly::Stuck, partition.clone(), evidence)
}

#[cfg(test)]
mod tests;
