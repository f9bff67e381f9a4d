//! Small runs, written event by event.

use std::sync::Arc;

use highwater_checkers::fault::{Effect, FaultEvent, FaultPhase, Occurrence, Target, YamlPosition};
use highwater_checkers::ids::{
    BrokerId, ClientId, ControllerEpoch, LeaderEpoch, Offset, OperationIndex, PartitionEpoch, Process, Time,
    TopicPartition, Value,
};
use highwater_checkers::operation::{
    Acks, Body, Operation, Outcome, PartitionPosition, PartitionRead, Phase, Poll, Record, Seen, Send,
};
use highwater_checkers::recording::{Ending, Event, Header, Recording, VERSION};
use highwater_checkers::trace::{Batch, Change, TraceEvent};

/// The one partition: `x/0`, of b1, b2 and b3.
pub(super) fn partition() -> TopicPartition {
    TopicPartition::new("x", 0)
}

/// The record `sequence` of producer 1.
pub(super) fn value(sequence: u32) -> Value {
    Value::packed(1, sequence, 0)
}

/// A batch of one record.
pub(super) fn batch(offset: i64, epoch: i32, crc: u32) -> Batch {
    Batch { base: Offset(offset), count: 1, epoch: LeaderEpoch(epoch), crc }
}

/// A run, as it is put together.
#[derive(Default)]
pub(super) struct Run {
    events: Vec<Event>,
    operations: u64,
    faults: u32,
    decisions: i64,
}

impl Run {
    pub(super) fn recording(&self) -> Recording {
        let header = Header {
            version: VERSION,
            scenario: "s".into(),
            scenario_hash: String::new(),
            seed: 0,
            build: String::new(),
            plan: serde_json::Value::Null,
        };
        Recording { header, events: self.events.clone(), ending: Ending::Incomplete { line: 1 } }
    }

    pub(super) fn trace(&mut self, millis: u64, broker: i32, change: Change) -> &mut Self {
        let (time, broker) = (Time::from_millis(millis), BrokerId(broker));
        self.events.push(Event::Trace(TraceEvent { time, broker, change }));
        self
    }

    fn operation(
        &mut self,
        millis: u64,
        client: u32,
        outcome: Outcome,
        phase: Phase,
        body: Body,
    ) -> &mut Self {
        let index = OperationIndex(self.operations);
        self.operations += 1;
        self.events.push(Event::Operation(Operation {
            index,
            time: Time::from_millis(millis),
            process: Process(client.into()),
            client: ClientId(client),
            outcome,
            phase,
            body,
            error: None,
        }));
        self
    }

    /// Producer 1 sends a record, and is told after 10 ms.
    pub(super) fn send(
        &mut self,
        millis: u64,
        sequence: u32,
        answer: Outcome,
        offset: Option<i64>,
    ) -> &mut Self {
        let send = |offset: Option<i64>| {
            let (value, offset) = (value(sequence), offset.map(Offset));
            Body::Send(Send { partition: partition(), value, offset, acks: Acks::All })
        };
        self.operation(millis, 1, Outcome::Invoke, Phase::Load, send(None));
        self.operation(millis + 10, 1, answer, Phase::Load, send(offset))
    }

    /// Consumer 2 is given a record.
    pub(super) fn read(&mut self, millis: u64, offset: i64, sequence: u32) -> &mut Self {
        self.poll(millis, 2, Phase::Load, &[(offset, sequence)])
    }

    fn poll(&mut self, millis: u64, client: u32, phase: Phase, found: &[(i64, u32)]) -> &mut Self {
        let record =
            |(offset, sequence): &(i64, u32)| Record { offset: Offset(*offset), value: value(*sequence) };
        let records = found.iter().map(record).collect();
        let read = PartitionRead { partition: partition(), records, seen: Seen::default() };
        self.operation(millis, client, Outcome::Ok, phase, Body::Poll(Poll { reads: [read].into() }))
    }

    /// The final read finds these.
    pub(super) fn final_read(&mut self, millis: u64, found: &[(i64, u32)]) -> &mut Self {
        let whole = |offset| -> Box<[_]> { [PartitionPosition { partition: partition(), offset }].into() };
        self.operation(millis, 9, Outcome::Ok, Phase::Final, Body::Assign(whole(Some(Offset(0)))));
        self.poll(millis, 9, Phase::Final, found);
        self.operation(millis, 9, Outcome::Ok, Phase::Final, Body::FinalRead(whole(Some(Offset(99)))))
    }

    /// The controllers decide who leads in which epoch, and who is in sync.
    pub(super) fn decide(&mut self, millis: u64, leader: Option<i32>, epoch: i32, isr: &[i32]) -> &mut Self {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
        let offset = Offset(self.decisions);
        self.decisions += 1;
        let change = Change::PartitionChanged {
            offset,
            partition: partition(),
            leader: leader.map(BrokerId),
            leader_epoch: LeaderEpoch(epoch),
            partition_epoch: PartitionEpoch(0),
            isr: ids(isr),
            replicas: ids(&[1, 2, 3]),
            min_isr: 2,
            unclean: false,
            controller_epoch: ControllerEpoch(1),
        };
        self.trace(millis, 1, change)
    }

    pub(super) fn leads(&mut self, millis: u64, broker: i32, epoch: i32, start: i64) -> &mut Self {
        let change = Change::BecameLeader {
            partition: partition(),
            epoch: LeaderEpoch(epoch),
            start: Offset(start),
            isr: [BrokerId(1), BrokerId(2), BrokerId(3)].into(),
            partition_epoch: PartitionEpoch(0),
        };
        self.trace(millis, broker, change)
    }

    pub(super) fn follows(&mut self, millis: u64, broker: i32, leader: i32, epoch: i32) -> &mut Self {
        let change = Change::BecameFollower {
            partition: partition(),
            epoch: LeaderEpoch(epoch),
            leader: Some(BrokerId(leader)),
            leo: Offset(0),
            hw: Offset(0),
            partition_epoch: PartitionEpoch(0),
        };
        self.trace(millis, broker, change)
    }

    pub(super) fn append(&mut self, millis: u64, broker: i32, it: Batch, leader: bool) -> &mut Self {
        let Batch { base, count, epoch, crc } = it;
        self.trace(
            millis,
            broker,
            Change::Appended { partition: partition(), base, count, epoch, crc, leader },
        )
    }

    pub(super) fn high_watermark(&mut self, millis: u64, broker: i32, hw: i64, leader: bool) -> &mut Self {
        let (hw, epoch) = (Offset(hw), LeaderEpoch(0));
        self.trace(millis, broker, Change::HighWatermark { partition: partition(), hw, epoch, leader })
    }

    pub(super) fn acknowledge(&mut self, millis: u64, broker: i32, offset: i64, epoch: i32) -> &mut Self {
        let change = Change::Acknowledged {
            partition: partition(),
            base: Offset(offset),
            last: Offset(offset),
            epoch: LeaderEpoch(epoch),
            acks: Acks::All,
        };
        self.trace(millis, broker, change)
    }

    pub(super) fn truncate(&mut self, millis: u64, broker: i32, from: i64, to: i64) -> &mut Self {
        let change = Change::Truncated {
            partition: partition(),
            from: Offset(from),
            to: Offset(to),
            why: "diverged".into(),
            epochs: [].into(),
        };
        self.trace(millis, broker, change)
    }

    /// A broker starts, and finds these on its disk.
    pub(super) fn start(&mut self, millis: u64, broker: i32, found: &[Batch]) -> &mut Self {
        self.trace(millis, broker, Change::BrokerStarted { incarnation: millis });
        let change = Change::Recovered {
            partition: partition(),
            leo: found.last().map_or(Offset(0), Batch::end),
            hw: Offset(0),
            cut_bytes: 0,
            epochs: [].into(),
            batches: found.into(),
        };
        self.trace(millis, broker, change)
    }

    /// A fault that bites.
    pub(super) fn fault(&mut self, kind: &str, millis: u64, healed: u64, targets: &[&str]) -> &mut Self {
        let occurrence = Occurrence { entry: self.faults, repetition: 0 };
        self.faults += 1;
        let kind: Arc<str> = kind.into();
        let planned = FaultPhase::Planned { kind, yaml: YamlPosition::default(), at: None, may_miss: false };
        let targets: Box<[Target]> = targets.iter().map(|target| target.parse().expect(target)).collect();
        let phases = [
            (0, planned),
            (millis, FaultPhase::Injected { targets }),
            (healed, FaultPhase::Healed),
            (healed, FaultPhase::Effect(Effect { bit: true, counters: [].into() })),
        ];
        self.events.extend(phases.map(|(millis, phase)| {
            Event::Fault(FaultEvent { occurrence, time: Time::from_millis(millis), phase })
        }));
        self
    }

    /// b1 leads in epoch 0 from the start, and all are in sync.
    pub(super) fn begun() -> Self {
        let mut run = Self::default();
        for broker in [1, 2, 3] {
            run.start(1, broker, &[]);
        }
        run.decide(2, Some(1), 0, &[1, 2, 3]).leads(3, 1, 0, 0).follows(3, 2, 1, 0).follows(3, 3, 1, 0);
        run
    }

    /// As [`Run::begun`]; then record 1/7 is sent at 1 s, and lies at offset 0 of all logs that are named.
    pub(super) fn with_record(followers: &[i32]) -> Self {
        let mut run = Self::begun();
        run.append(1_002, 1, batch(0, 0, 7), true);
        for follower in followers {
            run.append(1_004, *follower, batch(0, 0, 7), false);
        }
        run.high_watermark(1_006, 1, 1, true).acknowledge(1_006, 1, 0, 0);
        run.send(1_000, 7, Outcome::Ok, Some(0));
        run
    }
}
