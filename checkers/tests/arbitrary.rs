//! No history and no file, however malformed, makes a checker or the reader panic.

use highwater_checkers::fault::{Effect, FaultEvent, FaultPhase, Occurrence, Target, YamlPosition};
use highwater_checkers::ids::{
    BrokerEpoch, BrokerId, ClientId, ControllerEpoch, LeaderEpoch, Offset, OperationIndex, PartitionEpoch,
    Process, Time, TopicPartition, Value,
};
use highwater_checkers::judge::{Expectations, Feature, FlushPolicy, Judge, JudgeConfig, Shown};
use highwater_checkers::monitor::Monitor;
use highwater_checkers::operation::{
    Acks, Body, GroupOffsets, Membership, MicroOp, Operation, Outcome, PartitionPosition, PartitionRead,
    Phase, Poll, Record, Seen, Send,
};
use highwater_checkers::recording::{Event, Header, Mark, Recording, RecordingWriter, Stage, VERSION};
use highwater_checkers::trace::{Batch, Change, EpochStart, TraceEvent};
use highwater_checkers::verdict::{Anomaly, Finding, Verdict};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn partition() -> impl Strategy<Value = TopicPartition> {
    (select(&["x", "y"][..]), 0..2_i32).prop_map(|(topic, number)| TopicPartition::new(topic, number))
}

fn offset() -> impl Strategy<Value = Offset> {
    prop_oneof![
        8 => (0..6_i64).prop_map(Offset),
        1 => any::<i64>().prop_map(Offset),
        1 => select(&[i64::MAX, i64::MAX - 1, i64::MIN, -1, 1 << 62][..]).prop_map(Offset),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    (0..12_u64).prop_map(Value)
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![9 => (0..100_u64).prop_map(Time), 1 => any::<u64>().prop_map(Time)]
}

fn send() -> impl Strategy<Value = Send> {
    let acks = select(&[Acks::None, Acks::Leader, Acks::All][..]);
    (partition(), value(), option::of(offset()), acks).prop_map(|(partition, value, offset, acks)| Send {
        partition,
        value,
        offset,
        acks,
    })
}

fn poll() -> impl Strategy<Value = Poll> {
    let record = (offset(), value()).prop_map(|(offset, value)| Record { offset, value });
    let from = option::of((1..4_i32).prop_map(BrokerId));
    let seen = (option::of(offset()), option::of(offset()), option::of(offset()), from)
        .prop_map(|(position, high_watermark, reset, from)| Seen { position, high_watermark, reset, from });
    let read = (partition(), vec(record, 0..4), seen).prop_map(|(partition, records, seen)| PartitionRead {
        partition,
        records: records.into(),
        seen,
    });
    vec(read, 0..3).prop_map(|reads| Poll { reads: reads.into() })
}

fn body() -> impl Strategy<Value = Body> {
    let positions = || {
        let position = (partition(), option::of(offset()))
            .prop_map(|(partition, offset)| PartitionPosition { partition, offset });
        vec(position, 0..3).prop_map(Into::into)
    };
    let step = prop_oneof![send().prop_map(MicroOp::Send), poll().prop_map(MicroOp::Poll)];
    prop_oneof![
        send().prop_map(Body::Send),
        poll().prop_map(Body::Poll),
        vec(step, 0..4).prop_map(|steps| Body::Txn(steps.into())),
        positions().prop_map(Body::Assign),
        positions().prop_map(Body::FinalRead),
        vec(partition(), 0..3).prop_map(|partitions| Body::Subscribe(partitions.into())),
        positions().prop_map(|offsets| Body::Commit(GroupOffsets { group: "g".into(), offsets })),
        positions().prop_map(|offsets| Body::FetchCommitted(GroupOffsets { group: "g".into(), offsets })),
        (0..2_i32, vec(partition(), 0..3)).prop_map(|(generation, partitions)| {
            Body::Join(Membership { group: "g".into(), generation, partitions: partitions.into() })
        }),
    ]
}

fn operation() -> impl Strategy<Value = Event> {
    let outcome = select(&[Outcome::Invoke, Outcome::Ok, Outcome::Fail, Outcome::Info][..]);
    let phase = select(&[Phase::Load, Phase::Recovery, Phase::Final][..]);
    let ids = (0..40_u64, time(), 0..4_u64, 0..3_u32);
    (ids, outcome, phase, body(), option::of(Just("LOST".into()))).prop_map(
        |((index, time, process, client), outcome, phase, body, error)| {
            Event::Operation(Operation {
                index: OperationIndex(index),
                time,
                process: Process(process),
                client: ClientId(client),
                outcome,
                phase,
                body,
                error,
            })
        },
    )
}

fn fault() -> impl Strategy<Value = Event> {
    let target = select(&["b1", "b2->clients", "b1:x/0", "clients"][..])
        .prop_map(|text| text.parse::<Target>().expect("is a target"));
    let kind = select(&["disk-wipe", "disk-lose-unsynced", "process-kill"][..]);
    let phase = prop_oneof![
        (kind, any::<bool>()).prop_map(|(kind, may_miss)| FaultPhase::Planned {
            kind: kind.into(),
            yaml: YamlPosition::default(),
            at: None,
            may_miss
        }),
        vec(target, 0..3).prop_map(|targets| FaultPhase::Injected { targets: targets.into() }),
        Just(FaultPhase::Healed),
        Just(FaultPhase::Skipped { reason: "dead".into() }),
        any::<bool>().prop_map(|bit| FaultPhase::Effect(Effect { bit, ..Effect::default() })),
    ];
    (0..2_u32, 0..2_u32, time(), phase).prop_map(|(entry, repetition, time, phase)| {
        Event::Fault(FaultEvent { occurrence: Occurrence { entry, repetition }, time, phase })
    })
}

fn change() -> impl Strategy<Value = Change> {
    let brokers = || vec((1..4_i32).prop_map(BrokerId), 0..4).prop_map(Box::<[BrokerId]>::from);
    let broker = || (1..4_i32).prop_map(BrokerId);
    let epoch = || prop_oneof![9 => 0..3_i32, 1 => any::<i32>()].prop_map(LeaderEpoch);
    let partition_epoch = || prop_oneof![9 => 0..4_i32, 1 => any::<i32>()].prop_map(PartitionEpoch);
    let count = || prop_oneof![9 => 0..3_u32, 1 => any::<u32>()];
    let epochs = || {
        let entry = (epoch(), offset()).prop_map(|(epoch, start)| EpochStart { epoch, start });
        vec(entry, 0..3).prop_map(Box::<[EpochStart]>::from)
    };
    let batches = || {
        let batch = (offset(), count(), epoch(), 0..2_u32).prop_map(|(base, count, epoch, crc)| Batch {
            base,
            count,
            epoch,
            crc,
        });
        vec(batch, 0..4).prop_map(Box::<[Batch]>::from)
    };
    let file = select(&["x-0/0.log", "x-0", "-", "/", "x-/0", "a/x-1/0.log", ""][..]);
    let decided = (
        (offset(), partition(), option::of(broker()), epoch(), partition_epoch()),
        (brokers(), brokers(), 0..3_u32, any::<bool>(), 0..3_i32),
    );
    let decided = decided.prop_map(|((offset, partition, leader, leader_epoch, partition_epoch), rest)| {
        let (isr, replicas, min_isr, unclean, controller) = rest;
        let controller_epoch = ControllerEpoch(controller);
        Change::PartitionChanged {
            offset,
            partition,
            leader,
            leader_epoch,
            partition_epoch,
            isr,
            replicas,
            min_isr,
            unclean,
            controller_epoch,
        }
    });
    let of_life = prop_oneof![
        any::<u64>().prop_map(|incarnation| Change::BrokerStarted { incarnation }),
        Just(Change::BrokerStopped { why: "".into() }),
        (0..3_i64).prop_map(|epoch| Change::Registered { broker_epoch: BrokerEpoch(epoch) }),
        (offset(), broker(), 0..3_i64, any::<bool>()).prop_map(|(offset, subject, epoch, fenced)| {
            Change::BrokerChanged { offset, subject, broker_epoch: BrokerEpoch(epoch), fenced }
        }),
        (0..3_i32, offset()).prop_map(|(epoch, offset)| {
            Change::BecameController { controller_epoch: ControllerEpoch(epoch), offset }
        }),
        file.clone().prop_map(|file| Change::Lost { file: file.into(), from: 0 }),
        file.prop_map(|file| Change::Damaged { file: file.into(), from: 0, why: "".into() }),
    ];
    let of_log = prop_oneof![
        2 => (partition(), offset(), offset(), epochs(), batches()).prop_map(
            |(partition, leo, hw, epochs, batches)| Change::Recovered {
                partition, leo, hw, cut_bytes: 0, epochs, batches
            }
        ),
        6 => (partition(), offset(), count(), epoch(), 0..2_u32, any::<bool>()).prop_map(
            |(partition, base, count, epoch, crc, leader)| Change::Appended {
                partition, base, count, epoch, crc, leader
            }
        ),
        1 => (partition(), epochs()).prop_map(|(partition, epochs)| Change::EpochCache { partition, epochs }),
        1 => (partition(), offset()).prop_map(|(partition, leo)| Change::Synced { partition, leo }),
        4 => (partition(), offset(), epoch(), any::<bool>()).prop_map(|(partition, hw, epoch, leader)| {
            Change::HighWatermark { partition, hw, epoch, leader }
        }),
        2 => (partition(), offset(), offset(), epochs()).prop_map(|(partition, from, to, epochs)| {
            Change::Truncated { partition, from, to, why: "".into(), epochs }
        }),
    ];
    let of_role = prop_oneof![
        3 => (partition(), epoch(), offset(), brokers(), partition_epoch()).prop_map(
            |(partition, epoch, start, isr, partition_epoch)| Change::BecameLeader {
                partition, epoch, start, isr, partition_epoch
            }
        ),
        2 => (partition(), epoch(), option::of(broker()), offset(), offset(), partition_epoch()).prop_map(
            |(partition, epoch, leader, leo, hw, partition_epoch)| Change::BecameFollower {
                partition, epoch, leader, leo, hw, partition_epoch
            }
        ),
        1 => (partition(), broker(), epoch()).prop_map(|(partition, leader, epoch)| {
            Change::FetcherStarted { partition, leader, epoch }
        }),
        1 => (partition(), broker(), epoch()).prop_map(|(partition, leader, epoch)| {
            Change::FetcherStopped { partition, leader, epoch }
        }),
        1 => (partition(), epoch(), brokers(), brokers(), partition_epoch()).prop_map(
            |(partition, epoch, isr, maximal, partition_epoch)| Change::IsrProposed {
                partition, epoch, isr, maximal, partition_epoch
            }
        ),
        1 => (partition(), epoch(), brokers(), partition_epoch()).prop_map(
            |(partition, epoch, isr, partition_epoch)| Change::IsrApplied {
                partition, epoch, isr, partition_epoch
            }
        ),
    ];
    let acks = select(&[Acks::None, Acks::Leader, Acks::All][..]);
    let of_clients = prop_oneof![
        (partition(), offset(), offset(), epoch(), acks).prop_map(|(partition, base, last, epoch, acks)| {
            Change::Acknowledged { partition, base, last, epoch, acks }
        }),
        (partition(), offset(), offset(), offset(), epoch(), option::of(broker())).prop_map(
            |(partition, from, until, hw, epoch, reader)| Change::Served {
                partition,
                from,
                until,
                hw,
                epoch,
                reader
            }
        ),
    ];
    prop_oneof![3 => decided, 2 => of_life, 5 => of_log, 3 => of_role, 3 => of_clients]
}

fn trace() -> impl Strategy<Value = Event> {
    (time(), 1..4_i32, change()).prop_map(|(time, broker, change)| {
        Event::Trace(TraceEvent { time, broker: BrokerId(broker), change })
    })
}

fn event() -> impl Strategy<Value = Event> {
    let stages = &[
        Stage::Steady,
        Stage::NotSteady,
        Stage::Calm,
        Stage::FinalRead,
        Stage::NoFinalRead,
        Stage::Stopped,
        Stage::Crashed,
    ];
    let mark =
        (time(), select(&stages[..])).prop_map(|(time, stage)| Event::Mark(Mark { stage, time, note: None }));
    prop_oneof![6 => operation(), 2 => fault(), 12 => trace(), 1 => mark]
}

fn configs() -> Vec<JudgeConfig> {
    let expect = Expectations {
        violation: Anomaly::ALL.to_vec(),
        permitted: Anomaly::ALL.to_vec(),
        unavailable: [TopicPartition::new("x", 0)].into(),
        available: [TopicPartition::new("y", 0)].into(),
        sometimes: Feature::ALL.to_vec(),
        unavailability_max: Some(std::time::Duration::from_nanos(5)),
        duplicates_max: Some(0),
        ..Expectations::default()
    };
    vec![
        JudgeConfig::default(),
        JudgeConfig {
            flush: FlushPolicy::EveryBatch,
            unclean_allowed: ["x".into()].into(),
            recovery_within: Some(std::time::Duration::MAX),
            left_broken: [BrokerId(3)].into(),
            shown: Shown::All,
            expect,
            ..JudgeConfig::default()
        },
    ]
}

const OPTIONAL: &[Anomaly] = &[
    Anomaly::DivergentReplica,
    Anomaly::EndOffsetRegression,
    Anomaly::CommittedOffsetRegression,
    Anomaly::TwoOwners,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_gets_a_verdict(events in vec(event(), 0..40)) {
        for config in configs() {
            let verdict = Judge::new(&config).fold(&events);
            // Of what not every history tells nothing is said where it is not told.
            let clients = Anomaly::ALL.iter().filter(|anomaly| !anomaly.is_invariant() && !OPTIONAL.contains(anomaly));
            prop_assert!(clients.into_iter().all(|anomaly| verdict.checkers.contains_key(anomaly.name())));
            for finding in &verdict.findings {
                prop_assert!(finding.count > 0 && !finding.what.is_empty());
                let most = if config.shown == Shown::All { usize::MAX } else { Finding::EVIDENCE_MAX };
                prop_assert_eq!(finding.evidence.len(), (finding.count as usize).min(most));
                let says = &verdict.checkers[finding.anomaly.name()];
                prop_assert!(*says != Verdict::Pass, "{} was found and passes", finding.anomaly);
            }
        }
    }

    #[test]
    fn any_sequence_of_events_is_stored_and_read_back(events in vec(event(), 0..20)) {
        let header = Header {
            version: VERSION,
            scenario: "any".into(),
            scenario_hash: String::new(),
            seed: 0,
            build: String::new(),
            plan: serde_json::Value::Null,
        };
        let mut writer = RecordingWriter::new(Vec::new(), &header).expect("a vector takes all");
        for event in &events {
            writer.event(event).expect("a vector takes all");
        }
        let (bytes, _) = writer.finish(Time(0), Default::default()).expect("a vector takes all");
        let stored = Recording::read(&*bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(stored.events, events);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), lines in "[0-9a-f {}\":\n]{0,200}") {
        prop_assert!(Recording::read(&*bytes).is_err());
        prop_assert!(Recording::read(lines.as_bytes()).is_err());
    }
}
