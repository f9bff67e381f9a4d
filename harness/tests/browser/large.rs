//! A history of 100,000 operations over ten virtual minutes, made up: six partitions, ten producers, four consumers.

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_checkers::fault::{Effect, FaultEvent, FaultPhase, Occurrence, Target, YamlPosition};
use highwater_checkers::ids::{
    BrokerId, ClientId, ControllerEpoch, LeaderEpoch, Offset, OperationIndex, PartitionEpoch, Process, Time,
    TopicPartition, Value,
};
use highwater_checkers::operation::{
    Acks, Body, Operation, Outcome, PartitionRead, Phase, Poll, Record, Seen, Send,
};
use highwater_checkers::recording::{
    Ending, Event, Footer, Header, Mark, Recording, Stage, TraceHash, VERSION,
};
use highwater_checkers::trace::{Change, TraceEvent};
use highwater_reports::RunSummary;
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::runs;

const PARTITIONS: u64 = 6;
const PRODUCERS: u64 = 10;
const LANES: u64 = 2;
const SENDS: u64 = 80_000;
const CONSUMERS: u64 = 4;
const POLLS: u64 = 20_000;
const END: Time = Time::from_millis(600_000);
/// When faults go on, in milliseconds.
const FAULTS: [(&str, i32, u64, u64); 3] = [
    ("network-partition", 1, 100_000, 112_000),
    ("process-pause", 2, 250_000, 262_000),
    ("power-loss", 3, 400_000, 409_000),
];

/// A poll before it is told as events.
struct Polled {
    client: u64,
    call: u64,
    done: u64,
    phase: Phase,
    asked: Vec<PartitionRead>,
    reads: Vec<PartitionRead>,
}

/// The history, and how many records its reads returned.
pub(crate) struct Large {
    pub(crate) recording: Recording,
    pub(crate) summary: RunSummary,
    pub(crate) operations: usize,
    pub(crate) records: usize,
}

/// A send before it is told as events.
struct Sent {
    client: u64,
    process: u64,
    call: u64,
    appended: u64,
    done: u64,
    outcome: Outcome,
    part: u64,
    value: Value,
    offset: Option<Offset>,
}

pub(crate) fn large() -> Large {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut sends = sends(&mut random);
    let logs = append(&mut sends);
    // By time, and at equal times in the order in which they were made.
    let mut events: BTreeMap<(u64, usize), Event> = BTreeMap::new();
    let mut put = |time: u64, event: Event| {
        let place = events.len();
        events.insert((time, place), event);
    };
    for sent in &sends {
        let body = |offset| {
            Body::Send(Send { partition: partition(sent.part), value: sent.value, offset, acks: Acks::All })
        };
        put(
            sent.call,
            operation(sent.call, sent.process, sent.client, Outcome::Invoke, Phase::Load, body(None)),
        );
        put(
            sent.done,
            operation(sent.done, sent.process, sent.client, sent.outcome, Phase::Load, body(sent.offset)),
        );
    }
    let mut records = 0;
    for Polled { client, call, done, phase, asked, reads } in polls(&logs, &mut random) {
        records += reads.iter().map(|read| read.records.len()).sum::<usize>();
        for (time, outcome, reads) in [(call, Outcome::Invoke, asked), (done, Outcome::Ok, reads)] {
            let body = Body::Poll(Poll { reads: reads.into() });
            put(time, operation(time, 100_000 + client, client, outcome, phase, body));
        }
    }
    cluster(&logs, &mut put);
    let mut index = 0;
    let mut operations = 0;
    let mut ordered: Vec<Event> = events.into_values().collect();
    for event in &mut ordered {
        if let Event::Operation(operation) = event {
            operation.index = OperationIndex(index);
            index += 1;
            operations += usize::from(operation.outcome == Outcome::Invoke);
        }
    }
    let footer = Footer {
        end: END,
        events: ordered.len() as u64,
        hash: TraceHash::default(),
        counters: BTreeMap::new(),
    };
    let header = Header {
        version: VERSION,
        scenario: "large".to_owned(),
        scenario_hash: String::new(),
        seed: 7,
        build: "made up".to_owned(),
        plan: serde_json::Value::Null,
    };
    let recording = Recording { header, events: ordered, ending: Ending::Complete(footer) };
    let summary = runs::judged(&recording);
    Large { recording, summary, operations, records }
}

fn sends(random: &mut ChaCha8Rng) -> Vec<Sent> {
    let mut sends = Vec::new();
    let mut processes = 0;
    for lane in 0..PRODUCERS * LANES {
        let count = SENDS / (PRODUCERS * LANES);
        let apart = (END.0 - 12_000_000_000) / 1_000_000 / count;
        let mut now = 1_000_000 + random.next_u64() % 50_000_000;
        processes += 1;
        for place in 0..count {
            let troubled =
                FAULTS.iter().any(|(_, _, from, to)| (from * 1_000_000..to * 1_000_000).contains(&now));
            let draw = random.next_u64() % 1_000;
            let (outcome, lasts) = match draw {
                0..200 if troubled => (Outcome::Info, 2_000_000_000),
                997.. => (Outcome::Fail, 3_000_000),
                _ => (Outcome::Ok, 2_000_000 + random.next_u64() % 12_000_000),
            };
            let sequence = u32::try_from(lane % LANES * count + place).expect("it is small");
            sends.push(Sent {
                client: 1 + lane / LANES,
                process: processes,
                call: now,
                appended: now + lasts / 2,
                done: now + lasts,
                outcome,
                part: random.next_u64() % PARTITIONS,
                value: Value::packed(u16::try_from(1 + lane / LANES).expect("it is small"), sequence, 0),
                offset: None,
            });
            // What is late makes up for it, so that all lanes end at about the same time.
            let due = (place + 1) * apart * 1_000_000 + random.next_u64() % 40_000_000;
            now = due.max(now + lasts + 1_000_000);
            if outcome == Outcome::Info {
                processes += 1;
            }
        }
    }
    sends
}

/// What each partition holds: when it was appended, and what.
fn append(sends: &mut [Sent]) -> Vec<Vec<(u64, Value)>> {
    let mut order: Vec<usize> = (0..sends.len()).collect();
    order.sort_by_key(|place| sends[*place].appended);
    let mut logs = vec![Vec::new(); PARTITIONS as usize];
    for place in order {
        let sent = &mut sends[place];
        // Of what nobody knows, every second one took effect.
        if sent.outcome == Outcome::Fail || (sent.outcome == Outcome::Info && place % 2 == 0) {
            continue;
        }
        let log: &mut Vec<_> = &mut logs[sent.part as usize];
        if sent.outcome == Outcome::Ok {
            sent.offset = Some(Offset(log.len() as i64));
        }
        log.push((sent.appended, sent.value));
    }
    logs
}

/// Every consumer reads every partition, and at the end a final reader all of it.
fn polls(logs: &[Vec<(u64, Value)>], random: &mut ChaCha8Rng) -> Vec<Polled> {
    let mut polls = Vec::new();
    for consumer in 0..CONSUMERS {
        let client = PRODUCERS + 1 + consumer;
        let count = POLLS / CONSUMERS;
        let mut positions = vec![0_usize; logs.len()];
        for place in 0..count {
            let call = (place + 1) * (END.0 - 10_000_000_000) / count + random.next_u64() % 20_000_000;
            let done = call + 2_000_000 + random.next_u64() % 80_000_000;
            let mut reads = Vec::new();
            for (part, log) in logs.iter().enumerate() {
                let from = positions[part];
                let to = log.partition_point(|(appended, _)| *appended < call);
                if to > from {
                    reads.push(read(part, log, from, to));
                }
                positions[part] = to.max(from);
            }
            let asked = (0..logs.len()).map(|part| read(part, &logs[part], 0, 0)).collect();
            polls.push(Polled { client, call, done, phase: Phase::Load, asked, reads });
        }
    }
    let client = PRODUCERS + CONSUMERS + 1;
    let mut now = END.0 - 5_000_000_000;
    for (part, log) in logs.iter().enumerate() {
        for from in (0..log.len()).step_by(500) {
            let reads = vec![read(part, log, from, log.len().min(from + 500))];
            let asked = vec![read(part, log, 0, 0)];
            polls.push(Polled {
                client,
                call: now,
                done: now + 4_000_000,
                phase: Phase::Final,
                asked,
                reads,
            });
            now += 5_000_000;
        }
    }
    polls
}

fn read(part: usize, log: &[(u64, Value)], from: usize, to: usize) -> PartitionRead {
    let record = |place: usize| Record { offset: Offset(place as i64), value: log[place].1 };
    PartitionRead {
        partition: partition(part as u64),
        records: (from..to).map(record).collect(),
        seen: Seen { position: Some(Offset(from as i64)), ..Seen::default() },
    }
}

/// What the brokers and the nemesis tell.
fn cluster(logs: &[Vec<(u64, Value)>], put: &mut impl FnMut(u64, Event)) {
    let brokers = [BrokerId(1), BrokerId(2), BrokerId(3)];
    let trace = |time: u64, broker: BrokerId, change: Change| {
        (time, Event::Trace(TraceEvent { time: Time(time), broker, change }))
    };
    let mut told = Vec::new();
    for broker in brokers {
        told.push(trace(0, broker, Change::BrokerStarted { incarnation: 1 }));
    }
    told.push((500_000, Event::Mark(Mark { stage: Stage::Steady, time: Time(500_000), note: None })));
    // The power comes back.
    let (_, broker, _, to) = FAULTS[2];
    told.push(trace(to * 1_000_000, BrokerId(broker), Change::BrokerStarted { incarnation: 2 }));
    for (part, log) in logs.iter().enumerate() {
        let mut epoch = 0;
        let mut change = |time: u64, leader: BrokerId, isr: &[BrokerId]| {
            epoch += 1;
            trace(
                time,
                brokers[0],
                Change::PartitionChanged {
                    offset: Offset(i64::from(epoch)),
                    partition: partition(part as u64),
                    leader: Some(leader),
                    leader_epoch: LeaderEpoch(epoch),
                    partition_epoch: PartitionEpoch(epoch),
                    isr: isr.into(),
                    replicas: brokers.into(),
                    min_isr: 2,
                    unclean: false,
                    controller_epoch: ControllerEpoch(1),
                },
            )
        };
        told.push(change(400_000, brokers[part % 3], &brokers));
        for (_, broker, from, to) in FAULTS {
            let rest: Vec<_> = brokers.into_iter().filter(|id| id.0 != broker).collect();
            told.push(change((from + 2_000) * 1_000_000, rest[part % 2], &rest));
            told.push(change((to + 1_000) * 1_000_000, rest[part % 2], &brokers));
        }
        for (place, (appended, _)) in log.iter().enumerate() {
            let hw = Change::HighWatermark {
                partition: partition(part as u64),
                hw: Offset(place as i64 + 1),
                epoch: LeaderEpoch(1),
                leader: true,
            };
            told.push(trace(appended + 1_000_000, brokers[part % 3], hw));
        }
    }
    for (place, (kind, broker, from, to)) in FAULTS.iter().enumerate() {
        let occurrence = Occurrence { entry: place as u32, repetition: 0 };
        let fault = |time: u64, phase: FaultPhase| {
            let time = time * 1_000_000;
            (time, Event::Fault(FaultEvent { occurrence, time: Time(time), phase }))
        };
        let yaml = YamlPosition { line: 10 + place as u32, column: 5 };
        let at = Some(Time::from_millis(*from));
        told.push(fault(0, FaultPhase::Planned { kind: Arc::from(*kind), yaml, at, may_miss: false }));
        let targets = [Target::Broker(BrokerId(*broker))].into();
        told.push(fault(*from, FaultPhase::Injected { targets }));
        told.push(fault(*to, FaultPhase::Healed));
        let counters = [(Arc::from("dropped"), 20)].into();
        told.push(fault(*to, FaultPhase::Effect(Effect { bit: true, counters })));
    }
    for (time, event) in told {
        put(time, event);
    }
}

fn operation(time: u64, process: u64, client: u64, outcome: Outcome, phase: Phase, body: Body) -> Event {
    Event::Operation(Operation {
        index: OperationIndex(0),
        time: Time(time),
        process: Process(process),
        client: ClientId(u32::try_from(client).expect("it is small")),
        outcome,
        phase,
        body,
        error: (outcome == Outcome::Info).then(|| Arc::from("the request timed out")),
    })
}

fn partition(part: u64) -> TopicPartition {
    TopicPartition::new("orders", i32::try_from(part).expect("it is small"))
}
