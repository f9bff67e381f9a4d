//! Histories for tests, written as the fixtures of the literature are.
//!
//! `p0 S x:1=a ; p2 R x:2=b x:3=a`: the client 0 sends value a, acknowledged at offset 1 of x/0; the client
//! 2 polls b and a. Statements are separated by `;` or line breaks. `p0.1` is a second lane of client 0. The verbs:
//! `S` send ok, `S1` the same with acks=1, `F` send failed, `I` send indeterminate, `I0` with acks=0, `O` send
//! without completion, and `X` its completion, ok; `R` poll ok, `RF` failed, `RI` indeterminate; `A` assign (`x` read
//! on, `x:5` from 5), `AF` the same in the final phase, `U` subscribe; `E` the final read of these partitions ran,
//! `EF` it could not. Of a poll `x^9` is the high watermark, `x!7` a position that was refused, and `x:1=a@b2` the
//! broker that answered.
//! `T` a transaction, `TF`, `TI`, `TO` and `TX` as for sends: `T +x:0=a y:1=b` sends a and polls b.
//! Groups: `C g x:5` commits, `CF`, `CI`, `CO`, `CX` as for sends; `K g x:5` fetches what is committed (`KO`, `KX` in two
//! events); `J g:3 x y` is given x and y in generation 3.

mod replicas;

use std::collections::BTreeMap;

use crate::fault::{Effect, FaultEvent, FaultPhase, Occurrence, Target, YamlPosition};
use crate::ids::{
    BrokerEpoch, BrokerId, ClientId, ControllerEpoch, LeaderEpoch, Offset, OperationIndex, PartitionEpoch,
    Process, Time, TopicPartition, Value,
};
use crate::operation::{
    Acks, Body, GroupOffsets, Membership, MicroOp, Operation, Outcome, PartitionPosition, PartitionRead,
    Phase, Poll, Record, Seen, Send,
};
use crate::recording::{Event, Mark, Stage};
use crate::trace::{Change, TraceEvent};

/// Events as they are put together; each is a millisecond after the one before.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) events: Vec<Event>,
    now: u64,
    index: u64,
    processes: BTreeMap<(u32, u64), u64>,
    lane: u64,
    replicas: replicas::Replicas,
}

/// `x` for a partition alone, `x:3` with an offset, `x=a` with a value, `x:3=a` with both.
struct Item {
    is_send: bool,
    partition: TopicPartition,
    offset: Option<Offset>,
    value: Value,
    seen: Seen,
}

impl Script {
    pub(crate) fn of(text: &str) -> Self {
        let mut script = Self::default();
        script.run(text);
        script
    }

    /// Sets the time of the next event, in milliseconds.
    pub(crate) fn at(&mut self, millis: u64) -> &mut Self {
        self.now = millis;
        self
    }

    pub(crate) fn run(&mut self, text: &str) -> &mut Self {
        for statement in text.split([';', '\n']).map(str::trim).filter(|statement| !statement.is_empty()) {
            self.statement(statement);
        }
        self
    }

    fn statement(&mut self, statement: &str) {
        let mut words = statement.split_whitespace();
        let process = words.next().and_then(|word| word.strip_prefix('p')).expect(statement);
        let (client, lane) = process.split_once('.').unwrap_or((process, "0"));
        let client = client.parse().expect(statement);
        self.lane = lane.parse().expect(statement);
        let verb = words.next().expect(statement);
        let group = if "CKJ".contains(&verb[..1]) { words.next().expect(statement) } else { "" };
        let items: Vec<Item> = words.map(item).collect();
        let acks = match verb {
            "S1" => Acks::Leader,
            "I0" => Acks::None,
            _ => Acks::All,
        };
        let (outcome, phase) = match verb {
            "S" | "S1" | "R" | "A" | "U" | "T" | "C" | "K" | "J" | "X" | "TX" | "CX" | "KX" => {
                (Some(Outcome::Ok), Phase::Load)
            }
            "F" | "RF" | "TF" | "CF" => (Some(Outcome::Fail), Phase::Load),
            "I" | "I0" | "RI" | "TI" | "CI" => (Some(Outcome::Info), Phase::Load),
            "O" | "TO" | "CO" | "KO" => (None, Phase::Load),
            "AF" | "RR" | "E" => (Some(Outcome::Ok), Phase::Final),
            "EF" => (Some(Outcome::Fail), Phase::Final),
            other => panic!("no verb {other}"),
        };
        let (asked, answered) = match verb.as_bytes()[0] {
            b'R' => (Body::Poll(Poll::default()), Body::Poll(Poll { reads: reads(&items) })),
            b'A' => (Body::Assign(positions(&items)), Body::Assign(positions(&items))),
            b'E' => (Body::FinalRead(positions(&items)), Body::FinalRead(positions(&items))),
            b'U' => (Body::Subscribe(partitions(&items)), Body::Subscribe(partitions(&items))),
            b'T' => (steps(&items, acks, false), steps(&items, acks, true)),
            b'C' => (Body::Commit(offsets(group, &items)), Body::Commit(offsets(group, &items))),
            b'K' => {
                (Body::FetchCommitted(offsets(group, &items)), Body::FetchCommitted(offsets(group, &items)))
            }
            b'J' => (joined(group, &items), joined(group, &items)),
            _ => (sends(&items, acks, false), sends(&items, acks, true)),
        };
        if !verb.ends_with('X') {
            self.operation(client, Outcome::Invoke, phase, asked);
        }
        if let Some(outcome) = outcome {
            self.operation(client, outcome, phase, answered);
        }
    }

    pub(crate) fn operation(&mut self, client: u32, outcome: Outcome, phase: Phase, body: Body) -> &mut Self {
        let life = self.processes.entry((client, self.lane)).or_default();
        let process = Process(u64::from(client) + 1000 * *life + 1_000_000 * self.lane);
        // A process is closed by an indeterminate operation, and its client goes on as another.
        *life += u64::from(outcome == Outcome::Info);
        let index = OperationIndex(self.index);
        self.index += 1;
        let client = ClientId(client);
        let error = (outcome == Outcome::Fail).then(|| "LOST".into());
        self.push(|time| {
            Event::Operation(Operation { index, time, process, client, outcome, phase, body, error })
        })
    }

    pub(crate) fn trace(&mut self, broker: i32, change: Change) -> &mut Self {
        self.push(|time| Event::Trace(TraceEvent { time, broker: BrokerId(broker), change }))
    }

    /// The controllers decide on x/0; the partition epoch follows the offset.
    pub(crate) fn decide(&mut self, offset: i64, leader: i32, isr: &[i32], replicas: &[i32]) -> &mut Self {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
        self.trace(
            1,
            Change::PartitionChanged {
                offset: Offset(offset),
                partition: TopicPartition::new("x", 0),
                leader: (leader >= 0).then_some(BrokerId(leader)),
                leader_epoch: LeaderEpoch(0),
                partition_epoch: PartitionEpoch(i32::try_from(offset).expect("is small")),
                isr: ids(isr),
                replicas: ids(replicas),
                min_isr: 1,
                unclean: false,
                controller_epoch: ControllerEpoch(1),
            },
        )
    }

    pub(crate) fn lost(&mut self, broker: i32, file: &str) -> &mut Self {
        self.trace(broker, Change::Lost { file: file.into(), from: 61 })
    }

    pub(crate) fn damaged(&mut self, broker: i32, file: &str, why: &str) -> &mut Self {
        self.trace(broker, Change::Damaged { file: file.into(), from: 61, why: why.into() })
    }

    /// The controllers say which incarnation of `subject` is registered.
    pub(crate) fn registered(&mut self, offset: i64, subject: i32, epoch: i64) -> &mut Self {
        let (offset, subject) = (Offset(offset), BrokerId(subject));
        let broker_epoch = BrokerEpoch(epoch);
        self.trace(1, Change::BrokerChanged { offset, subject, broker_epoch, fenced: false })
    }

    pub(crate) fn planned(&mut self, entry: u32, kind: &str, may_miss: bool) -> &mut Self {
        let yaml = YamlPosition { line: 10 + entry, column: 5 };
        self.fault(entry, FaultPhase::Planned { kind: kind.into(), yaml, at: None, may_miss })
    }

    pub(crate) fn injected(&mut self, entry: u32, targets: &[&str]) -> &mut Self {
        let target = |text: &&str| text.parse::<Target>().expect("is a target");
        self.fault(entry, FaultPhase::Injected { targets: targets.iter().map(target).collect() })
    }

    pub(crate) fn healed(&mut self, entry: u32) -> &mut Self {
        self.fault(entry, FaultPhase::Healed)
    }

    pub(crate) fn effect(&mut self, entry: u32, bit: bool) -> &mut Self {
        self.fault(entry, FaultPhase::Effect(Effect { bit, ..Effect::default() }))
    }

    fn fault(&mut self, entry: u32, phase: FaultPhase) -> &mut Self {
        let occurrence = Occurrence { entry, repetition: 0 };
        self.push(|time| Event::Fault(FaultEvent { occurrence, time, phase }))
    }

    pub(crate) fn mark(&mut self, stage: Stage) -> &mut Self {
        self.push(|time| Event::Mark(Mark { stage, time, note: None }))
    }

    fn push(&mut self, event: impl FnOnce(Time) -> Event) -> &mut Self {
        self.events.push(event(Time::from_millis(self.now)));
        self.now += 1;
        self
    }
}

fn item(text: &str) -> Item {
    let (is_send, text) = text.strip_prefix('+').map_or((false, text), |text| (true, text));
    let (text, from) = text.split_once('@').map_or((text, None), |(text, from)| (text, Some(from)));
    let (text, hw) = text.split_once('^').map_or((text, None), |(text, hw)| (text, Some(hw)));
    let (text, refused) = text.split_once('!').map_or((text, None), |(text, at)| (text, Some(at)));
    let offset = |text: &str| Offset(text.parse().expect("an offset"));
    let seen = Seen {
        position: refused.map(offset),
        high_watermark: hw.map(offset),
        reset: refused.map(|_| Offset(0)),
        from: from.map(|from| from.parse().expect("a broker")),
    };
    let (place, value) = text.split_once('=').unwrap_or((text, "0"));
    let (topic, offset) =
        place.split_once(':').map_or((place, None), |(topic, offset)| (topic, Some(offset)));
    Item {
        is_send,
        partition: TopicPartition::new(topic, 0),
        offset: offset.map(|offset| Offset(offset.parse().expect("an offset"))),
        value: Value(value.parse().unwrap_or_else(|_| u64::from(value.as_bytes()[0]))),
        seen,
    }
}

fn steps(items: &[Item], acks: Acks, answered: bool) -> Body {
    let chunks = items.chunk_by(|one, other| !one.is_send && !other.is_send);
    let step = |chunk: &[Item]| match chunk {
        [send] if send.is_send => MicroOp::Send(Send {
            partition: send.partition.clone(),
            value: send.value,
            offset: send.offset.filter(|_| answered),
            acks,
        }),
        polled if answered => MicroOp::Poll(Poll { reads: reads(polled) }),
        _ => MicroOp::Poll(Poll::default()),
    };
    Body::Txn(chunks.map(step).collect())
}

fn offsets(group: &str, items: &[Item]) -> GroupOffsets {
    GroupOffsets { group: group.into(), offsets: positions(items) }
}

fn joined(group: &str, items: &[Item]) -> Body {
    let (group, generation) = group.split_once(':').expect("a generation");
    let generation = generation.parse().expect("a generation");
    Body::Join(Membership { group: group.into(), generation, partitions: partitions(items) })
}

fn partitions(items: &[Item]) -> Box<[TopicPartition]> {
    items.iter().map(|item| item.partition.clone()).collect()
}

fn sends(items: &[Item], acks: Acks, answered: bool) -> Body {
    let send = |item: &Item| Send {
        partition: item.partition.clone(),
        value: item.value,
        offset: item.offset.filter(|_| answered),
        acks,
    };
    match items {
        [single] => Body::Send(send(single)),
        several => Body::Txn(several.iter().map(|item| MicroOp::Send(send(item))).collect()),
    }
}

fn reads(items: &[Item]) -> Box<[PartitionRead]> {
    let mut reads: Vec<PartitionRead> = Vec::new();
    for item in items {
        let records: Vec<Record> =
            item.offset.map(|offset| Record { offset, value: item.value }).into_iter().collect();
        match reads.iter_mut().rfind(|read| read.partition == item.partition) {
            Some(read) if read.seen == item.seen => {
                read.records = [&read.records[..], &records[..]].concat().into();
            }
            _ => reads.push(PartitionRead {
                partition: item.partition.clone(),
                records: records.into(),
                seen: item.seen,
            }),
        }
    }
    reads.into()
}

fn positions(items: &[Item]) -> Box<[PartitionPosition]> {
    let position = |item: &Item| PartitionPosition { partition: item.partition.clone(), offset: item.offset };
    items.iter().map(position).collect()
}
