//! The fold of a recording into the life of one record.

use highwater_checkers::fault::FaultPhase;
use highwater_checkers::ids::{BrokerId, LeaderEpoch, Offset, Time};
use highwater_checkers::recording::Event;
use highwater_checkers::state::{Cluster, Cut, Partition, Replica, Role, Step as Folded, Whereabouts};
use highwater_checkers::trace::{Batch, Change, TraceEvent};

use super::clients::client_steps;
use super::{AtLast, Election, Life, Lost, Place, Record, Step, What, election, holds};

/// A life, while it is folded.
pub(super) struct Fold<'a> {
    record: &'a Record,
    batch: Option<Batch>,
    cluster: Cluster,
    steps: Vec<Step>,
    election: Option<Election>,
}

impl<'a> Fold<'a> {
    pub(super) fn new(record: &'a Record, batch: Option<Batch>) -> Self {
        Self { record, batch, cluster: Cluster::default(), steps: Vec::new(), election: None }
    }

    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::Operation(operation) => {
                for what in client_steps(operation, self.record) {
                    self.push(operation.time, what);
                }
            }
            Event::Trace(trace) => self.trace(trace, event),
            Event::Fault(fault) => {
                self.cluster.observe(event);
                if let FaultPhase::Injected { .. } = fault.phase {
                    self.push(fault.time, What::Struck(fault.occurrence));
                }
            }
            Event::Mark(_) | Event::Sample(_) => {}
        }
    }

    fn push(&mut self, time: Time, what: What) {
        self.steps.push(Step { time, what });
    }

    fn fold(&self) -> Option<&Partition> {
        self.cluster.partition(&self.record.partition)
    }

    /// Whether a broker's log has it; false where nobody can tell.
    fn has(&self, broker: BrokerId) -> bool {
        let log = self.fold().and_then(|fold| fold.replica(broker)?.log());
        log.zip(self.batch).is_some_and(|(log, batch)| log.holds(&batch))
    }

    fn high_watermark(&self, broker: BrokerId) -> Offset {
        self.fold().and_then(|fold| fold.replica(broker)).map_or(Offset(0), |it| it.high_watermark())
    }

    /// Those whose logs have it.
    fn having(&self) -> Vec<BrokerId> {
        let replicas = self.fold().into_iter().flat_map(Partition::replicas);
        replicas.map(|(broker, _)| broker).filter(|broker| self.has(*broker)).collect()
    }

    fn trace(&mut self, trace: &TraceEvent, event: &Event) {
        let TraceEvent { time, broker, change } = trace;
        let is_ours = change.partition() == Some(&self.record.partition);
        if !is_ours && change.partition().is_some() {
            // What the cluster makes of other partitions is much work, and no part of this life.
            return;
        }
        let had = is_ours && self.has(*broker);
        let hw_before = if is_ours { self.high_watermark(*broker) } else { Offset(0) };
        let step = self.cluster.observe(event);
        match change {
            Change::BrokerStarted { .. } => return self.push(*time, What::Started(*broker)),
            Change::BrokerStopped { why, .. } => {
                return self.push(*time, What::Stopped(*broker, why.clone()));
            }
            _ if !is_ours => return,
            _ => {}
        }
        if let Folded::Decided { before } = step {
            let Some(after) = self.cluster.metadata().partition(&self.record.partition) else { return };
            self.election = election(*time, before.as_deref(), after).or(self.election);
            let after = Box::new(after.clone());
            return self.push(*time, What::Decided { before, after });
        }
        let Some(batch) = self.batch else { return };
        let what = match change {
            Change::Appended { base, count, epoch, crc, leader, .. } => {
                let appended = Batch { base: *base, count: *count, epoch: *epoch, crc: *crc };
                let was_there = self.steps.iter().any(|step| matches!(step.what, What::Appended { .. }));
                if appended == batch {
                    let replaced = self.election.filter(|it| *leader && it.epoch > *epoch);
                    What::Appended { broker: *broker, epoch: *epoch, leads: *leader, replaced }
                } else if *leader && was_there && holds(&appended, self.record.offset) {
                    What::Replaced { broker: *broker, epoch: *epoch }
                } else {
                    return;
                }
            }
            Change::HighWatermark { hw, leader, .. }
                if had && *hw >= batch.end() && hw_before < batch.end() =>
            {
                What::Committed { broker: *broker, hw: *hw, leads: *leader }
            }
            Change::Acknowledged { base, last, acks, .. }
                if had && *base <= self.record.offset && self.record.offset <= *last =>
            {
                let have = self.having();
                What::Acknowledged { broker: *broker, acks: *acks, have }
            }
            Change::Served { from, until, hw, reader: None, .. }
                if had
                    && *from <= self.record.offset
                    && self.record.offset < *until
                    && *hw <= self.record.offset =>
            {
                What::Exposed { broker: *broker, hw: *hw }
            }
            Change::BecameLeader { epoch, .. } if !had && self.lived() && self.knows(*broker) => {
                What::LedWithout { broker: *broker, epoch: *epoch, instead: self.instead(*broker) }
            }
            Change::Recovered { .. } | Change::Truncated { .. } => match (step, self.has(*broker)) {
                (Folded::Lost, false) => match self.last_cut(*broker, &batch) {
                    Some(cut) => What::Cut { broker: *broker, cut, left: self.having() },
                    None => return,
                },
                (_, true) if !had && self.lived() && !self.knew(*broker) => What::Found { broker: *broker },
                _ => return,
            },
            _ => return,
        };
        self.push(*time, what);
    }

    /// The epoch of what a broker's log has at its offset.
    fn instead(&self, broker: BrokerId) -> Option<LeaderEpoch> {
        let log = self.fold()?.replica(broker)?.log()?;
        log.at(self.record.offset).map(|batch| batch.epoch)
    }

    /// Whether any log ever took it in.
    fn lived(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.what, What::Appended { .. } | What::Found { .. }))
    }

    /// Whether a broker's log is known.
    fn knows(&self, broker: BrokerId) -> bool {
        self.fold().and_then(|fold| fold.replica(broker)?.log()).is_some()
    }

    /// Whether it was told before that a broker's log has it.
    fn knew(&self, broker: BrokerId) -> bool {
        self.steps.iter().any(|step| match &step.what {
            What::Appended { broker: by, .. } | What::Found { broker: by } => *by == broker,
            _ => false,
        })
    }

    /// What a broker's log lost just now, if the record is of it.
    fn last_cut(&self, broker: BrokerId, batch: &Batch) -> Option<Lost> {
        let Cut { how, from, batches, .. } = self.fold()?.replica(broker)?.cuts().last()?;
        batches.contains(batch).then(|| Lost { how: how.clone(), to: *from })
    }

    pub(super) fn finish(self, at_last: AtLast) -> Life {
        let Self { record, batch, cluster, steps, .. } = self;
        let fold = cluster.partition(&record.partition);
        let places = fold.zip(batch).map(|(fold, batch)| {
            let place = |place| match place {
                Whereabouts::Committed => Place::Committed,
                Whereabouts::Uncommitted => Place::Uncommitted,
                Whereabouts::Cut(_) => Place::Lost,
                Whereabouts::Never => Place::Never,
                Whereabouts::Unknown => Place::Unknown,
            };
            fold.whereabouts(&batch).map(|(broker, it)| (broker, place(it))).collect()
        });
        let committed = cluster.metadata().partition(&record.partition);
        let decided = committed.and_then(|it| Some((it.leader?, it.leader_epoch)));
        // A system that tells of no decisions tells of its leaders.
        let believed = || {
            let leads = |(broker, replica): (BrokerId, &Replica)| {
                matches!(replica.role(), Role::Leader(_)).then_some((broker, replica.epoch()?))
            };
            fold?.replicas().filter_map(leads).max_by_key(|(_, epoch)| *epoch)
        };
        let leader = if committed.is_some() { decided } else { believed() };
        let record = record.clone();
        Life { record, batch, steps, places: places.unwrap_or_default(), leader, at_last }
    }
}
