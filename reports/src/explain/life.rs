//! The life of one record: who sent it, which logs took it in and lost it, who acknowledged it and who read it,
//! and who led its partition meanwhile.
//!
//! It is folded from the recording by [`Cluster`], which is what the checkers judge: nothing is guessed here. The
//! history and the trace meet where a broker told of having acknowledged or served what a client was told.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_checkers::ids::{
    BrokerId, ClientId, LeaderEpoch, Offset, OperationIndex, Time, TopicPartition, Value,
};
use highwater_checkers::operation::{Acks, Body, Operation, Outcome, Phase};
use highwater_checkers::recording::{Event, Recording};
use highwater_checkers::state::{
    Cluster, CommittedPartition, Cut, CutBy, Partition, Role, Step as Folded, Whereabouts,
};
use highwater_checkers::trace::{Batch, Change, TraceEvent};

/// A record: what lay at an offset, and which of the values that were seen there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) partition: TopicPartition,
    pub(super) offset: Offset,
    /// None where only the brokers told of it.
    pub(super) value: Option<Value>,
}

/// Everything that happened to a record, in order.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) record: Record,
    /// As it lay in the logs, if a broker told of it.
    pub(super) batch: Option<Batch>,
    pub(super) steps: Vec<Step>,
    /// Where it is at the end, replica by replica.
    pub(super) places: Vec<(BrokerId, Place)>,
    /// Who leads at the end, and in which epoch.
    pub(super) leader: Option<(BrokerId, LeaderEpoch)>,
    pub(super) at_last: AtLast,
}

/// What the final read says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtLast {
    /// There was none.
    Unread,
    /// It is where it was.
    There,
    /// It is at another offset.
    Elsewhere(Offset),
    /// It is absent, and this is in its place, if anything is.
    Absent(Option<Value>),
}

/// Where a record is, as one replica has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In its log, below its high watermark.
    Committed,
    /// In its log, at or above its high watermark.
    Uncommitted,
    /// Not there any more.
    Lost,
    /// It never was there.
    Never,
    /// Nobody can tell.
    Unknown,
}

/// One step of a life.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) time: Time,
    pub(super) what: What,
}

/// What happened to a record, or to its partition while it lived.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A producer sent it.
    Sent { client: ClientId, operation: OperationIndex, acks: Acks },
    /// What the producer was told.
    Answered { outcome: Outcome, operation: OperationIndex, offset: Option<Offset>, error: Option<Arc<str>> },
    /// A log took it in.
    Appended { broker: BrokerId, epoch: LeaderEpoch, leads: bool, replaced: Option<Election> },
    /// A replica found it in its log as it started, and nobody had known that.
    Found { broker: BrokerId },
    /// The high watermark of a replica that has it passed it.
    Committed { broker: BrokerId, hw: Offset, leads: bool },
    /// A broker acknowledged it.
    Acknowledged { broker: BrokerId, epoch: LeaderEpoch, acks: Acks, have: Vec<BrokerId> },
    /// A broker handed it out though it was above the high watermark.
    Exposed { broker: BrokerId, hw: Offset },
    /// A consumer was given it.
    Read { client: ClientId, operation: OperationIndex, from: Option<BrokerId>, phase: Phase },
    /// A log lost it.
    Cut { broker: BrokerId, cut: Lost, left: Vec<BrokerId> },
    /// The controllers decided on the partition.
    Decided { before: Option<Box<CommittedPartition>>, after: Box<CommittedPartition> },
    /// A replica leads that does not have it.
    LedWithout { broker: BrokerId, epoch: LeaderEpoch },
    /// A leader put another batch in its place.
    Replaced { broker: BrokerId, epoch: LeaderEpoch },
    /// A process began or ended.
    Started(BrokerId),
    /// A process ended of its own will.
    Stopped(BrokerId, Arc<str>),
}

/// How a log lost a record.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub(super) how: CutBy,
    /// The log's end after it.
    pub(super) to: Offset,
}

/// Who was elected, and when the controllers decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Election {
    pub(super) time: Time,
    pub(super) leader: BrokerId,
    pub(super) epoch: LeaderEpoch,
    /// Whether it had been out of the in-sync replicas.
    pub(super) unclean: bool,
}

impl Life {
    /// The life of a record as a recording tells it.
    pub(super) fn of(recording: &Recording, record: &Record) -> Self {
        let told = history(recording, record);
        let batch = batch_of(recording, record, &told);
        let mut fold = Fold { record, batch, cluster: Cluster::default(), steps: Vec::new(), election: None };
        for event in &recording.events {
            fold.observe(event);
        }
        fold.finish(at_last(recording, record))
    }

    /// When it was sent.
    pub(super) fn sent(&self) -> Option<(Time, ClientId, OperationIndex)> {
        self.steps.iter().find_map(|step| match step.what {
            What::Sent { client, operation, .. } => Some((step.time, client, operation)),
            _ => None,
        })
    }

    /// When its producer was told that it is safe, and by which operation.
    pub(super) fn acknowledged(&self) -> Option<(Time, OperationIndex)> {
        self.steps.iter().find_map(|step| match step.what {
            What::Answered { outcome: Outcome::Ok, operation, .. } => Some((step.time, operation)),
            _ => None,
        })
    }

    /// The first time that a consumer was given it.
    pub(super) fn read(&self) -> Option<(&Step, OperationIndex)> {
        self.steps.iter().find_map(|step| match step.what {
            What::Read { operation, .. } => Some((step, operation)),
            _ => None,
        })
    }

    /// The brokers whose logs have it at the end.
    pub(super) fn holders(&self) -> impl Iterator<Item = BrokerId> {
        let holds = |place: &Place| matches!(place, Place::Committed | Place::Uncommitted);
        self.places.iter().filter(move |(_, place)| holds(place)).map(|(broker, _)| *broker)
    }

    /// Where the leader has it at the end.
    pub(super) fn place_at_leader(&self) -> Option<(BrokerId, Place)> {
        let (leader, _) = self.leader?;
        self.places.iter().copied().find(|(broker, _)| *broker == leader)
    }

    /// How `leader` came to lead in `epoch`, by the controllers' decision.
    pub(super) fn election(&self, leader: BrokerId, epoch: LeaderEpoch) -> Option<Election> {
        elections(&self.steps).find(|it| (it.leader, it.epoch) == (leader, epoch))
    }

    /// The decision by which the leader before this election lost its place, and who that was.
    pub(super) fn deposed(&self, election: &Election) -> Option<(Time, BrokerId)> {
        let mut last = None;
        for step in &self.steps {
            let What::Decided { before, after } = &step.what else { continue };
            if let Some(former) = before.as_ref().and_then(|before| before.leader)
                && after.leader != Some(former)
            {
                last = Some((step.time, former));
            }
            if (after.leader, after.leader_epoch) == (Some(election.leader), election.epoch) {
                break;
            }
        }
        last
    }
}

/// The leaders that the controllers elected.
fn elections(steps: &[Step]) -> impl Iterator<Item = Election> {
    steps.iter().filter_map(|step| match &step.what {
        What::Decided { before, after } => election(step.time, before.as_deref(), after),
        _ => None,
    })
}

/// The election that a decision is, if it is one.
fn election(
    time: Time,
    before: Option<&CommittedPartition>,
    after: &CommittedPartition,
) -> Option<Election> {
    let leader = after.leader?;
    let known = before.is_some_and(|it| (it.leader, it.leader_epoch) == (Some(leader), after.leader_epoch));
    let unclean = before.is_some_and(|before| !before.isr.contains(&leader));
    (!known).then_some(Election { time, leader, epoch: after.leader_epoch, unclean })
}

/// What clients were told of a record, and when: by whom it was given if the client knows.
struct ToldOf {
    acknowledged: Option<Time>,
    read: Option<(Time, Option<BrokerId>)>,
}

fn history(recording: &Recording, record: &Record) -> ToldOf {
    let mut told = ToldOf { acknowledged: None, read: None };
    for operation in recording.operations() {
        for what in client_steps(operation, record) {
            match what {
                What::Answered { outcome: Outcome::Ok, offset: Some(_), .. } => {
                    told.acknowledged.get_or_insert(operation.time);
                }
                What::Read { from, .. } => {
                    told.read.get_or_insert((operation.time, from));
                }
                _ => {}
            }
        }
    }
    told
}

/// What an operation has to do with a record.
fn client_steps(operation: &Operation, record: &Record) -> Vec<What> {
    let Operation { index, client, outcome, phase, body, error, .. } = operation;
    let mut steps = Vec::new();
    let is_meant =
        |send: &&highwater_checkers::operation::Send| Some(send.value) == record.value && send.partition == record.partition;
    for send in body.sends().filter(is_meant) {
        steps.push(match outcome {
            Outcome::Invoke => What::Sent { client: *client, operation: *index, acks: send.acks },
            outcome => What::Answered {
                outcome: *outcome,
                operation: *index,
                offset: send.offset,
                error: error.clone(),
            },
        });
    }
    if *outcome == Outcome::Invoke {
        return steps;
    }
    for read in body.reads().filter(|read| read.partition == record.partition) {
        let is_it = |it: &highwater_checkers::operation::Record| {
            it.offset == record.offset && Some(it.value) == record.value
        };
        if read.records.iter().any(is_it) {
            let from = read.seen.from;
            steps.push(What::Read { client: *client, operation: *index, from, phase: *phase });
        }
    }
    steps
}

/// The batch in which a record lies: that of the broker who acknowledged it, or handed it out, last before the client
/// was told of it.
fn batch_of(recording: &Recording, record: &Record, told: &ToldOf) -> Option<Batch> {
    let offset = record.offset;
    let mut logs: BTreeMap<BrokerId, Batch> = BTreeMap::new();
    let (mut acknowledged, mut served, mut appended) = (None, None, None);
    let traced = recording.events.iter().filter_map(|event| match event {
        Event::Trace(event) if event.change.partition() == Some(&record.partition) => Some(event),
        _ => None,
    });
    for TraceEvent { time, broker, change } in traced {
        match change {
            Change::Appended { base, count, epoch, crc, leader, .. } => {
                let batch = Batch { base: *base, count: *count, epoch: *epoch, crc: *crc };
                if holds(&batch, offset) {
                    logs.insert(*broker, batch);
                    if *leader {
                        appended.get_or_insert(batch);
                    }
                }
            }
            Change::Recovered { batches, .. } => {
                logs.remove(broker);
                logs.extend(batches.iter().find(|batch| holds(batch, offset)).map(|it| (*broker, *it)));
            }
            Change::Acknowledged { base, last, .. }
                if *base <= offset && offset <= *last && told.acknowledged.is_some_and(|told| *time <= told) =>
            {
                acknowledged = logs.get(broker).copied().or(acknowledged);
            }
            Change::Served { from, until, reader: None, .. }
                if *from <= offset
                    && offset < *until
                    && told.read.is_some_and(|(told, by)| *time <= told && by.is_none_or(|by| by == *broker)) =>
            {
                served = logs.get(broker).copied().or(served);
            }
            _ => {}
        }
    }
    let told_of_nothing = told.acknowledged.is_none() && told.read.is_none();
    acknowledged.or(served).or(appended.filter(|_| told_of_nothing))
}

fn holds(batch: &Batch, offset: Offset) -> bool {
    batch.base <= offset && offset < batch.end()
}

/// What the last final read of the partition says of a record.
fn at_last(recording: &Recording, record: &Record) -> AtLast {
    let mut reading: BTreeMap<ClientId, BTreeMap<Offset, Value>> = BTreeMap::new();
    let mut content = None;
    let is_final = |operation: &&Operation| operation.phase == Phase::Final && operation.outcome == Outcome::Ok;
    for operation in recording.operations().filter(is_final) {
        match &operation.body {
            Body::Assign(partitions) if partitions.iter().any(|it| it.partition == record.partition) => {
                reading.remove(&operation.client);
            }
            Body::FinalRead(partitions) if partitions.iter().any(|it| it.partition == record.partition) => {
                content = Some(reading.get(&operation.client).cloned().unwrap_or_default());
            }
            body => {
                let reads = body.reads().filter(|read| read.partition == record.partition);
                let records = reads.flat_map(|read| read.records.iter().map(|it| (it.offset, it.value)));
                reading.entry(operation.client).or_default().extend(records);
            }
        }
    }
    let Some(content) = content else { return AtLast::Unread };
    let there = content.get(&record.offset).copied();
    if there.is_some() && there == record.value {
        return AtLast::There;
    }
    let elsewhere = content.iter().find(|(_, value)| Some(**value) == record.value);
    elsewhere.map_or(AtLast::Absent(there), |(offset, _)| AtLast::Elsewhere(*offset))
}

/// A life, while it is folded.
struct Fold<'a> {
    record: &'a Record,
    batch: Option<Batch>,
    cluster: Cluster,
    steps: Vec<Step>,
    election: Option<Election>,
}

impl Fold<'_> {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Operation(operation) => {
                for what in client_steps(operation, self.record) {
                    self.push(operation.time, what);
                }
            }
            Event::Trace(trace) => self.trace(trace, event),
            event => drop(self.cluster.observe(event)),
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
            Change::Acknowledged { base, last, epoch, acks, .. }
                if had && *base <= self.record.offset && self.record.offset <= *last =>
            {
                let have = self.having();
                What::Acknowledged { broker: *broker, epoch: *epoch, acks: *acks, have }
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
                What::LedWithout { broker: *broker, epoch: *epoch }
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

    fn finish(self, at_last: AtLast) -> Life {
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
            let leads = |(broker, replica): (BrokerId, &highwater_checkers::state::Replica)| {
                matches!(replica.role(), Role::Leader(_)).then_some((broker, replica.epoch()?))
            };
            fold?.replicas().filter_map(leads).max_by_key(|(_, epoch)| *epoch)
        };
        let leader = if committed.is_some() { decided } else { believed() };
        let record = record.clone();
        Life { record, batch, steps, places: places.unwrap_or_default(), leader, at_last }
    }
}
