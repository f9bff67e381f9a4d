//! Small random histories of our own clients, in which much goes wrong.

use crate::ids::{ClientId, Offset, OperationIndex, Process, Time, TopicPartition, Value};
use crate::operation::{
    Acks, Body, Operation, Outcome, PartitionPosition, PartitionRead, Phase, Poll, Record, Seen, Send,
};
use crate::random::Stream;
use crate::recording::Event;

pub(super) fn partition() -> TopicPartition {
    TopicPartition::new("x", 0)
}

struct World {
    random: Stream,
    events: Vec<Event>,
    /// What is there, in truth.
    log: Vec<Value>,
    values: u64,
    /// How far each client has read.
    positions: [usize; 4],
    /// Each client's lives.
    lives: [u64; 4],
    /// How often, in percent, anything goes wrong.
    wrong: u64,
}

/// A client's operation between its call and its return.
type Open = (u32, Outcome, Body);

/// At most ten operations of two producers and two consumers, and now and then a final read.
pub(super) fn history(seed: u64) -> Vec<Event> {
    let random = Stream(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut world = World {
        random,
        events: Vec::new(),
        log: Vec::new(),
        values: 0,
        positions: [0; 4],
        lives: [0; 4],
        wrong: 0,
    };
    world.wrong = [0, 5, 20][world.below(3) as usize];
    let mut open: Vec<Open> = Vec::new();
    for _ in 0..2 + world.below(9) {
        let client = world.below(4) as u32;
        if let Some(at) = open.iter().position(|(busy, ..)| *busy == client) {
            let done = open.remove(at);
            world.returns(done);
        }
        let begun = if client < 2 { world.send(client) } else { world.poll(client) };
        if world.percent(40) { open.push(begun) } else { world.returns(begun) }
    }
    for done in open {
        world.returns(done);
    }
    if world.percent(70) {
        world.final_read();
    }
    world.events
}

impl World {
    fn below(&mut self, sides: u64) -> u64 {
        self.random.next() % sides
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn goes_wrong(&mut self) -> bool {
        let wrong = self.wrong;
        self.percent(wrong)
    }

    fn event(&mut self, client: u32, outcome: Outcome, phase: Phase, body: Body) {
        let place = self.events.len() as u64;
        let lives = self.lives.get_mut(client as usize);
        let process = Process(u64::from(client) + 100 * lives.as_ref().map_or(0, |lives| **lives));
        if let Some(lives) = lives.filter(|_| outcome == Outcome::Info) {
            *lives += 1;
        }
        self.events.push(Event::Operation(Operation {
            index: OperationIndex(place),
            time: Time::from_millis(place),
            process,
            client: ClientId(client),
            outcome,
            phase,
            body,
            error: None,
        }));
    }

    fn returns(&mut self, (client, outcome, body): Open) {
        self.event(client, outcome, Phase::Load, body);
    }

    fn send(&mut self, client: u32) -> Open {
        self.values += 1;
        let value = Value(self.values);
        let asked = Send { partition: partition(), value, offset: None, acks: Acks::All };
        self.event(client, Outcome::Invoke, Phase::Load, Body::Send(asked.clone()));
        let outcome = match self.below(10) {
            0..=1 => Outcome::Info,
            2 => Outcome::Fail,
            _ => Outcome::Ok,
        };
        let arrives = match outcome {
            Outcome::Fail => self.goes_wrong(),
            Outcome::Info => self.percent(50),
            _ => !self.goes_wrong(),
        };
        let mut offset = self.log.len();
        if arrives && self.goes_wrong() && offset > 0 {
            // In the place of another.
            offset = self.below(offset as u64) as usize;
            self.log[offset] = value;
        } else if arrives {
            self.log.push(value);
            if self.goes_wrong() {
                self.log.push(value);
            }
        }
        if self.goes_wrong() {
            offset += 1;
        }
        let told = outcome == Outcome::Ok && self.percent(90);
        let offset = told.then_some(Offset(offset as i64));
        (client, outcome, Body::Send(Send { offset, ..asked }))
    }

    fn poll(&mut self, client: u32) -> Open {
        self.event(client, Outcome::Invoke, Phase::Load, Body::Poll(Poll::default()));
        if self.goes_wrong() && !self.log.is_empty() {
            // The end is cut off.
            self.log.pop();
        }
        let from = self.positions[client as usize];
        let mut records: Vec<Record> = Vec::new();
        for at in from..self.log.len() {
            let value = if self.goes_wrong() { Value(self.below(12)) } else { self.log[at] };
            let skipped = self.goes_wrong() && at > 0;
            if !skipped {
                records.push(Record { offset: Offset(at as i64), value });
            }
        }
        records.truncate(self.below(4) as usize + 1);
        let outcome = if self.percent(85) { Outcome::Ok } else { Outcome::Fail };
        if let Some(last) = records.last().filter(|_| outcome == Outcome::Ok) {
            self.positions[client as usize] = last.offset.0 as usize + 1;
        }
        let lag = if self.percent(20) { self.below(3) as i64 } else { 0 };
        let hw = Offset((self.log.len() as i64 - lag).max(0));
        let told = self.percent(60);
        let seen = Seen {
            position: Some(Offset(from as i64)),
            high_watermark: told.then_some(hw),
            ..Seen::default()
        };
        let read = PartitionRead { partition: partition(), records: records.into(), seen };
        (client, outcome, Body::Poll(Poll { reads: [read].into() }))
    }

    fn final_read(&mut self) {
        if self.goes_wrong() {
            self.log.pop();
        }
        let claim = |offset| [PartitionPosition { partition: partition(), offset: Some(offset) }].into();
        let end = Offset(self.log.len() as i64);
        for outcome in [Outcome::Invoke, Outcome::Ok] {
            self.event(9, outcome, Phase::Final, Body::Assign(claim(Offset(0))));
        }
        let records =
            (0..).map(Offset).zip(&self.log).map(|(offset, value)| Record { offset, value: *value });
        let seen = Seen { position: Some(Offset(0)), ..Seen::default() };
        let mut records: Vec<Record> = records.collect();
        if self.goes_wrong() && records.len() > 1 {
            let place = 1 + self.below(records.len() as u64 - 1) as usize;
            records.remove(place);
        }
        let read = PartitionRead { partition: partition(), records: records.into(), seen };
        self.event(9, Outcome::Invoke, Phase::Final, Body::Poll(Poll::default()));
        self.event(9, Outcome::Ok, Phase::Final, Body::Poll(Poll { reads: [read].into() }));
        for outcome in [Outcome::Invoke, Outcome::Ok] {
            self.event(9, outcome, Phase::Final, Body::FinalRead(claim(end)));
        }
    }
}
