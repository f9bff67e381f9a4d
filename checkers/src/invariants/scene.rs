//! What a monitor sees of one step: the event, the partition that it touched as it is now, what it was
//! before, and where to put what is wrong.

use std::fmt;
use std::sync::Arc;

use super::breaches::{Breach, Breaches};
use crate::contract::ContractMonitor;
use crate::ids::{BrokerId, LeaderEpoch, Offset, PartitionEpoch, Time, TopicPartition};
use crate::state::{Cluster, CommittedPartition, Leadership, Partition, Replica, Role};
use crate::trace::TraceEvent;
use crate::verdict::{Anomaly, Transition};

/// One step, at one partition.
pub(super) struct Scene<'a> {
    pub(super) at: &'a Moment<'a>,
    pub(super) partition: &'a TopicPartition,
    pub(super) fold: &'a Partition,
    pub(super) committed: Option<&'a CommittedPartition>,
    pub(super) cluster: &'a Cluster,
    pub(super) contract: &'a ContractMonitor,
    /// The partition is forfeit: what rests on durability is not judged.
    pub(super) suspended: bool,
    pub(super) breaches: &'a mut Breaches,
}

/// An event, with its place and what it replaced.
pub(super) struct Moment<'a> {
    pub(super) time: Time,
    pub(super) position: u64,
    /// `None` where the run itself took a turn.
    pub(super) event: Option<&'a TraceEvent>,
    pub(super) before: Before,
}

/// What the event's subject was before it.
#[derive(Clone, Debug, Default)]
pub(super) enum Before {
    /// Nobody told of it.
    #[default]
    Unknown,
    /// The event tells of something that it does not change.
    Unchanged,
    Replica(Summary),
    Committed(Option<Box<CommittedPartition>>),
}

/// A replica in short.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) broker: BrokerId,
    pub(super) leads: Option<Leads>,
    pub(super) follows: Option<Option<BrokerId>>,
    pub(super) epoch: Option<LeaderEpoch>,
    pub(super) partition_epoch: Option<PartitionEpoch>,
    pub(super) end: Option<Offset>,
    pub(super) last_epoch: Option<LeaderEpoch>,
    pub(super) hw: Offset,
}

/// The sets that a leader reckons with.
#[derive(Clone, Debug)]
pub(super) struct Leads {
    isr: Arc<[BrokerId]>,
    maximal: Arc<[BrokerId]>,
}

impl Summary {
    pub(super) fn of(broker: BrokerId, replica: &Replica) -> Self {
        let leads =
            replica.leadership().map(|(_, it)| Leads { isr: it.isr.clone(), maximal: it.maximal.clone() });
        let follows = match replica.role() {
            Role::Follower { leader, .. } => Some(*leader),
            Role::Idle | Role::Leader(_) => None,
        };
        let log = replica.log();
        Self {
            broker,
            leads,
            follows,
            epoch: replica.epoch(),
            partition_epoch: replica.partition_epoch(),
            end: log.map(|log| log.end()),
            last_epoch: log.and_then(|log| log.last()).map(|batch| batch.epoch),
            hw: replica.high_watermark(),
        }
    }
}

/// Brokers as people list them.
pub(super) struct Listed<'a>(pub(super) &'a [BrokerId]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nobody");
        }
        for (index, broker) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            broker.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.broker)?;
        match (&self.leads, &self.follows) {
            (Some(Leads { isr, maximal }), _) => {
                write!(f, "leads, in sync {}", Listed(isr))?;
                if maximal != isr {
                    write!(f, ", perhaps {}", Listed(maximal))?;
                }
            }
            (None, Some(Some(leader))) => write!(f, "follows {leader}")?,
            (None, Some(None)) => f.write_str("follows nobody")?,
            (None, None) => f.write_str("has no role")?,
        }
        if let Some(epoch) = self.epoch {
            write!(f, ", epoch {epoch}")?;
        }
        if let Some(partition_epoch) = self.partition_epoch {
            write!(f, ", partition epoch {partition_epoch}")?;
        }
        match self.end {
            Some(end) => write!(f, ", log end {end}")?,
            None => f.write_str(", log unknown")?,
        }
        write!(f, ", high watermark {}", self.hw)
    }
}

/// A decision of the controllers as people read it.
struct Decided<'a>(Option<&'a CommittedPartition>);

impl fmt::Display for Decided<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(decided) = self.0 else { return f.write_str("not there") };
        match decided.leader {
            Some(leader) => write!(f, "leader {leader}")?,
            None => f.write_str("no leader")?,
        }
        let (epoch, partition_epoch) = (decided.leader_epoch, decided.partition_epoch);
        write!(f, ", in sync {}, epoch {epoch}, partition epoch {partition_epoch}", Listed(&decided.isr))
    }
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown | Self::Unchanged => f.write_str("unknown"),
            Self::Replica(replica) => replica.fmt(f),
            Self::Committed(decided) => Decided(decided.as_deref()).fmt(f),
        }
    }
}

/// What is left to durability, and with it not judged of a forfeit partition.
fn rests_on_durability(anomaly: Anomaly) -> bool {
    matches!(
        anomaly,
        Anomaly::LeaderCompleteness
            | Anomaly::CandidateCompleteness
            | Anomaly::LogMatching
            | Anomaly::StrongIsr
            | Anomaly::WeakIsr
            | Anomaly::ValidHighWatermark
            | Anomaly::VerifiedHighWatermark
            | Anomaly::ConsistentRead
            | Anomaly::NoCommitLostGlobally
            | Anomaly::AckBelowMinIsr
    )
}

impl<'a> Scene<'a> {
    /// Judges a state of one or two brokers, which is broken from a step on until it holds again.
    pub(super) fn state(
        &mut self,
        anomaly: Anomaly,
        brokers: [BrokerId; 2],
        holds: bool,
        tell: impl FnOnce() -> (String, Vec<Offset>),
    ) {
        let broken = !(holds || self.suspends(anomaly));
        let partition = self.partition;
        if self.breaches.breaks(broken, || (anomaly, partition.clone(), brokers)) {
            let (what, offsets) = tell();
            self.breach(anomaly, &brokers, &what, offsets);
        }
    }

    /// Judges the step itself.
    pub(super) fn step(
        &mut self,
        anomaly: Anomaly,
        broker: BrokerId,
        holds: bool,
        tell: impl FnOnce() -> (String, Vec<Offset>),
    ) {
        if !(holds || self.suspends(anomaly)) {
            let (what, offsets) = tell();
            self.breach(anomaly, &[broker], &what, offsets);
        }
    }

    fn suspends(&self, anomaly: Anomaly) -> bool {
        self.suspended && rests_on_durability(anomaly)
    }

    fn breach(&mut self, anomaly: Anomaly, brokers: &[BrokerId], what: &str, offsets: Vec<Offset>) {
        let after = match &self.at.before {
            Before::Committed(_) => Decided(self.committed).to_string(),
            Before::Unknown | Before::Unchanged | Before::Replica(_) => {
                let told = self.at.event.and_then(|event| {
                    let replica = self.fold.replica(event.broker)?;
                    Some(Summary::of(event.broker, replica).to_string())
                });
                told.unwrap_or_else(|| Decided(self.committed).to_string())
            }
        };
        let mut brokers = brokers.to_vec();
        brokers.dedup();
        self.breaches.add(Breach {
            anomaly,
            partition: Some(self.partition.clone()),
            time: self.at.time,
            brokers,
            offsets,
            what: format!("{} breaks {anomaly} {}: {what}", self.partition, anomaly.title()),
            transition: self.at.transition(after),
        });
    }

    /// The replica that leads in the epoch that the controllers decided, and knows that it does.
    pub(super) fn current_leader(&self) -> Option<(BrokerId, &'a Replica, &'a Leadership)> {
        let committed = self.committed?;
        let leader = committed.leader?;
        let replica = self.fold.replica(leader)?;
        let (epoch, leadership) = replica.leadership()?;
        (epoch == committed.leader_epoch).then_some((leader, replica, leadership))
    }

    /// All that believe to lead, the stale ones too.
    pub(super) fn presumed_leaders(
        &self,
    ) -> impl Iterator<Item = (BrokerId, &'a Replica, &'a Leadership)> + use<'a> {
        let replicas = self.fold.replicas();
        replicas.filter_map(|(broker, replica)| Some((broker, replica, replica.leadership()?.1)))
    }

    /// Whether the controllers' epoch is higher than this one.
    pub(super) fn is_stale(&self, epoch: LeaderEpoch) -> bool {
        self.committed.is_some_and(|committed| committed.leader_epoch > epoch)
    }

    /// The replica of a broker, if it counts: its present incarnation is registered and unfenced, and it was
    /// not damaged since it joined the ISR.
    pub(super) fn running(&self, broker: BrokerId) -> Option<&'a Replica> {
        let replica = self.fold.replica(broker)?;
        let counts = self.cluster.is_serving(broker) && !self.contract.is_damaged(self.partition, broker);
        counts.then_some(replica)
    }
}

impl Moment<'_> {
    pub(super) fn transition(&self, after: String) -> Transition {
        let before = match &self.before {
            Before::Unchanged => after.clone(),
            before => before.to_string(),
        };
        Transition { position: self.position, event: self.event.cloned(), before, after }
    }
}
