//! Small histories at random, from a seed.

use crate::ids::{ClientId, Offset, OperationIndex, Process, Time, TopicPartition, Value};
use crate::operation::{
    Acks, Body, MicroOp, Operation, Outcome, PartitionPosition, PartitionRead, Phase, Poll, Record, Seen,
    Send,
};
use crate::recording::Event;

/// The next of a stream of random numbers (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

struct Generator {
    random: Random,
    events: Vec<Event>,
    lives: [u64; 4],
    /// What is in the log of each of two partitions, in truth.
    logs: [Vec<Value>; 2],
    positions: [[usize; 2]; 4],
    values: u64,
}

/// A well-formed history of at most `count` operations of four clients on two partitions, in which much goes
/// wrong.
pub(super) fn history(seed: u64, count: u64) -> Vec<Event> {
    let mut generator = Generator {
        random: Random(seed),
        events: Vec::new(),
        lives: [0; 4],
        logs: [Vec::new(), Vec::new()],
        positions: [[0; 2]; 4],
        values: 10,
    };
    let mut outstanding: Vec<(u64, Body, Outcome)> = Vec::new();
    for _ in 0..count {
        let client = generator.random.below(4);
        if let Some(at) = outstanding.iter().position(|(busy, ..)| *busy == client) {
            let (client, body, outcome) = outstanding.remove(at);
            generator.event(client, outcome, body);
            continue;
        }
        let (asked, answered, outcome) = generator.operation(client);
        generator.event(client, Outcome::Invoke, asked);
        if generator.random.chance(40) {
            outstanding.push((client, answered, outcome));
        } else {
            generator.event(client, outcome, answered);
        }
    }
    for (client, body, outcome) in outstanding {
        if generator.random.chance(80) {
            generator.event(client, outcome, body);
        }
    }
    generator.events
}

/// Up to six transactions of as many clients, in two partitions. Each took effect at some moment; now and then one
/// polls of the future, or writes into the past.
pub(super) fn transactions(seed: u64) -> Vec<Event> {
    let mut random = Random(seed);
    let count = 2 + random.below(5);
    // When each is called, takes effect, and returns.
    let mut times: Vec<[u64; 3]> = Vec::new();
    for _ in 0..count {
        let mut moments = [random.below(1_000), random.below(1_000), random.below(1_000)];
        moments.sort_unstable();
        times.push(moments);
    }
    let mut sends: Vec<Vec<(usize, Value)>> = Vec::new();
    let mut logs: [Vec<(u64, u64, Value)>; 2] = [Vec::new(), Vec::new()];
    for (client, [_, effect, _]) in (0..).zip(&times) {
        let mut own = Vec::new();
        for partition in 0..2 {
            if random.chance(60) {
                let at = if random.chance(10) { random.below(1_000) } else { *effect };
                let value = Value(10 * (client + 1) + partition);
                logs[partition as usize].push((at, client, value));
                own.push((partition as usize, value));
            }
        }
        sends.push(own);
    }
    logs.iter_mut().for_each(|log| log.sort_unstable());
    let mut events = Vec::new();
    for (client, [call, effect, end]) in (0..).zip(times) {
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        for (partition, value) in &sends[client as usize] {
            let offset = logs[*partition].iter().position(|(.., other)| other == value);
            let offset = offset.map(|offset| Offset(offset as i64));
            let send = Send { partition: name(*partition), value: *value, offset: None, acks: Acks::All };
            asked.push(MicroOp::Send(send.clone()));
            answered.push(MicroOp::Send(Send { offset, ..send }));
        }
        let mut reads = Vec::new();
        for (partition, log) in logs.iter().enumerate() {
            let until = effect + if random.chance(15) { 400 } else { 0 };
            let records =
                log.iter().enumerate().filter(|(_, (at, other, _))| *at < until && *other != client);
            let record = |(offset, (.., value)): (usize, &(u64, u64, Value))| Record {
                offset: Offset(offset as i64),
                value: *value,
            };
            let records: Box<[Record]> = records.map(record).collect();
            if random.chance(50) {
                reads.push(PartitionRead { partition: name(partition), records, seen: Seen::default() });
            }
        }
        answered.push(MicroOp::Poll(Poll { reads: reads.into() }));
        asked.push(MicroOp::Poll(Poll::default()));
        let outcome = if random.chance(15) { Outcome::Info } else { Outcome::Ok };
        events.push((call, client, Outcome::Invoke, Body::Txn(asked.into())));
        events.push((end, client, outcome, Body::Txn(answered.into())));
    }
    // The call stands before the return.
    events.sort_by_key(|(at, ..)| *at);
    let event = |(place, (_, client, outcome, body)): (usize, (u64, u64, Outcome, Body))| {
        Event::Operation(Operation {
            index: OperationIndex(place as u64),
            time: Time(place as u64),
            process: Process(client),
            client: ClientId(client as u32),
            outcome,
            phase: Phase::Load,
            body,
            error: None,
        })
    };
    events.into_iter().enumerate().map(event).collect()
}

fn name(partition: usize) -> TopicPartition {
    TopicPartition::new("t", i32::try_from(partition).expect("is small"))
}

impl Generator {
    fn operation(&mut self, client: u64) -> (Body, Body, Outcome) {
        let outcome = match self.random.below(10) {
            0 | 1 => Outcome::Info,
            2 => Outcome::Fail,
            _ => Outcome::Ok,
        };
        match self.random.below(20) {
            0 => {
                let assign: Box<[PartitionPosition]> = [PartitionPosition {
                    partition: name(self.random.below(2) as usize),
                    offset: self.random.chance(50).then(|| Offset(self.random.below(6) as i64)),
                }]
                .into();
                (Body::Assign(assign.clone()), Body::Assign(assign), outcome)
            }
            1 => {
                let body = Body::Subscribe([name(self.random.below(2) as usize)].into());
                (body.clone(), body, outcome)
            }
            2..9 => {
                let poll = self.poll(client);
                (Body::Poll(Poll::default()), Body::Poll(poll), outcome)
            }
            9..16 => {
                let send = self.send(outcome);
                (Body::Send(Send { offset: None, ..send.clone() }), Body::Send(send), outcome)
            }
            _ => {
                let (mut asked, mut answered) = (Vec::new(), Vec::new());
                for _ in 0..=self.random.below(3) {
                    if self.random.chance(60) {
                        let send = self.send(outcome);
                        asked.push(MicroOp::Send(Send { offset: None, ..send.clone() }));
                        answered.push(MicroOp::Send(send));
                    } else {
                        asked.push(MicroOp::Poll(Poll::default()));
                        answered.push(MicroOp::Poll(self.poll(client)));
                    }
                }
                (Body::Txn(asked.into()), Body::Txn(answered.into()), outcome)
            }
        }
    }

    fn send(&mut self, outcome: Outcome) -> Send {
        let partition = self.random.below(2) as usize;
        self.values += 1 + self.random.below(3);
        let value = Value(self.values);
        let log = &mut self.logs[partition];
        let mut offset = log.len();
        if outcome != Outcome::Fail || self.random.chance(20) {
            let lost = self.random.chance(10);
            let elsewhere = self.random.chance(10) && !log.is_empty();
            match (lost, elsewhere) {
                (true, _) => {}
                (_, true) => {
                    offset = self.random.below(log.len() as u64) as usize;
                    log[offset] = value;
                }
                _ => log.push(value),
            }
        }
        let told = match outcome {
            Outcome::Ok => self.random.chance(85),
            _ => self.random.chance(20),
        };
        let offset = told.then_some(Offset(offset as i64));
        Send { partition: name(partition), value, offset, acks: Acks::All }
    }

    fn poll(&mut self, client: u64) -> Poll {
        let mut reads = Vec::new();
        for partition in 0..2 {
            if self.random.chance(30) {
                continue;
            }
            let mut at = self.positions[client as usize][partition];
            if self.random.chance(15) {
                at = self.random.below(6) as usize;
            }
            let mut records = Vec::new();
            for _ in 0..self.random.below(4) {
                if let Some(value) = self.logs[partition].get(at).copied() {
                    let value = if self.random.chance(4) { Value(self.random.below(12)) } else { value };
                    records.push(Record { offset: Offset(at as i64), value });
                }
                at += if self.random.chance(10) { 2 } else { 1 };
            }
            at = at.min(self.logs[partition].len());
            self.positions[client as usize][partition] = at;
            let seen = Seen::default();
            reads.push(PartitionRead { partition: name(partition), records: records.into(), seen });
        }
        Poll { reads: reads.into() }
    }

    fn event(&mut self, client: u64, outcome: Outcome, body: Body) {
        let life = &mut self.lives[client as usize];
        let process = Process(client + 4 * *life);
        *life += u64::from(outcome == Outcome::Info);
        let place = self.events.len() as u64;
        self.events.push(Event::Operation(Operation {
            index: OperationIndex(place),
            time: Time(place * 1_000),
            process,
            client: ClientId(client as u32),
            outcome,
            phase: Phase::Load,
            body,
            error: None,
        }));
    }
}
