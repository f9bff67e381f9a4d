//! Histories of a replicated log for benches: many producers and consumers at once, from a fixed seed.

use std::collections::BTreeMap;

use highwater_checkers::ids::{ClientId, Offset, OperationIndex, Process, Time, TopicPartition, Value};
use highwater_checkers::operation::{
    Acks, Body, MicroOp, Operation, Outcome, PartitionPosition, PartitionRead, Phase, Poll, Record, Seen,
    Send,
};
use highwater_checkers::recording::Event;

use super::Random;

/// How many partitions there are.
pub(crate) const PARTITIONS: usize = 16;
const PRODUCERS: u64 = 8;
const LANES: u64 = 3;
const CONSUMERS: u64 = 4;
/// The most records that a consumer gets of one partition at once.
const POLL_MAX: usize = 20;

/// What is wrong with a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// In the middle a partition loses a thousand records that were acknowledged, and goes on below them.
    Truncated,
}

/// What is measured: so many operations, of which so much is wrong. With `HIGHWATER_LONG` ten million as well, which
/// take 8 GB, most of them for the history.
pub(crate) fn measured() -> Vec<(u64, Fault)> {
    let mut rows = vec![(100_000, Fault::None), (1_000_000, Fault::None), (1_000_000, Fault::Truncated)];
    if std::env::var_os("HIGHWATER_LONG").is_some() {
        rows.push((10_000_000, Fault::None));
    }
    rows
}

/// A client's lane, with what it is about.
struct Lane {
    client: u64,
    process: u64,
    asked: Option<Body>,
}

struct World {
    random: Random,
    events: Vec<Event>,
    names: Vec<TopicPartition>,
    logs: Vec<Vec<Value>>,
    /// How far each consumer has read.
    positions: Vec<Vec<usize>>,
    processes: u64,
    values: u64,
}

/// A history of `count` sends and polls, with a final read at its end.
pub(crate) fn history(count: u64, fault: Fault) -> Vec<Event> {
    let lanes = PRODUCERS * LANES + CONSUMERS;
    let mut world = World {
        random: Random(0x2545_f491_4f6c_dd1d),
        events: Vec::with_capacity(2 * count as usize + 100_000),
        names: (0..PARTITIONS).map(|id| TopicPartition::new("orders", id as i32)).collect(),
        logs: vec![Vec::new(); PARTITIONS],
        positions: vec![vec![0; PARTITIONS]; CONSUMERS as usize],
        processes: lanes,
        values: 0,
    };
    let mut lanes: Vec<Lane> = (0..lanes)
        .map(|id| {
            let client = if id < CONSUMERS { id } else { CONSUMERS + (id - CONSUMERS) / LANES };
            Lane { client, process: id, asked: None }
        })
        .collect();
    let mut begun = 0;
    while begun < count {
        // Two of five operations are polls.
        let lane = if world.random.below(5) < 2 {
            world.random.below(CONSUMERS)
        } else {
            CONSUMERS + world.random.below(PRODUCERS * LANES)
        };
        let lane = &mut lanes[lane as usize];
        match lane.asked.take() {
            None => {
                begun += 1;
                if fault == Fault::Truncated && begun == count / 2 {
                    let kept = world.logs[0].len().saturating_sub(1_000);
                    world.logs[0].truncate(kept);
                    for positions in &mut world.positions {
                        positions[0] = positions[0].min(kept);
                    }
                }
                let body = world.ask(lane.client);
                world.event((lane.process, lane.client), Outcome::Invoke, Phase::Load, body.clone());
                lane.asked = Some(body);
            }
            Some(asked) => world.answer(lane, asked),
        }
    }
    for lane in &mut lanes {
        if let Some(asked) = lane.asked.take() {
            world.answer(lane, asked);
        }
    }
    world.final_read();
    world.events
}

impl World {
    fn event(&mut self, (process, client): (u64, u64), outcome: Outcome, phase: Phase, body: Body) {
        let place = self.events.len() as u64;
        self.events.push(Event::Operation(Operation {
            index: OperationIndex(place),
            time: Time(place * 10_000),
            process: Process(process),
            client: ClientId(client as u32),
            outcome,
            phase,
            body,
            error: None,
        }));
    }

    fn send(&mut self) -> Send {
        self.values += 1;
        let partition = self.random.below(PARTITIONS as u64) as usize;
        let partition = self.names[partition].clone();
        Send { partition, value: Value(self.values), offset: None, acks: Acks::All }
    }

    fn ask(&mut self, client: u64) -> Body {
        if client < CONSUMERS {
            return Body::Poll(Poll::default());
        }
        // Three of ten are batches.
        match self.random.below(10) {
            0..3 => {
                let count = 2 + self.random.below(3);
                Body::Txn((0..count).map(|_| MicroOp::Send(self.send())).collect())
            }
            _ => Body::Send(self.send()),
        }
    }

    fn answer(&mut self, lane: &mut Lane, asked: Body) {
        let outcome = if self.random.below(50) == 0 { Outcome::Info } else { Outcome::Ok };
        let takes_effect = outcome == Outcome::Ok || self.random.below(2) == 0;
        let mut place = |mut send: Send| {
            if takes_effect {
                let log = &mut self.logs[send.partition.partition as usize];
                send.offset = (outcome == Outcome::Ok).then_some(Offset(log.len() as i64));
                log.push(send.value);
            }
            send
        };
        let answered = match asked {
            Body::Send(send) => Body::Send(place(send)),
            Body::Txn(steps) => Body::Txn(
                steps
                    .into_iter()
                    .map(|step| match step {
                        MicroOp::Send(send) => MicroOp::Send(place(send)),
                        poll @ MicroOp::Poll(_) => poll,
                    })
                    .collect(),
            ),
            _ if outcome == Outcome::Ok => Body::Poll(self.poll(lane.client as usize)),
            poll => poll,
        };
        self.event((lane.process, lane.client), outcome, Phase::Load, answered);
        if outcome == Outcome::Info {
            lane.process = self.processes;
            self.processes += 1;
        }
    }

    /// Every second consumer reads the same half of the partitions; each poll some of them.
    fn poll(&mut self, consumer: usize) -> Poll {
        let mut reads = Vec::new();
        let first = self.random.below(PARTITIONS as u64) as usize;
        for step in 0..PARTITIONS / 2 {
            let partition = (first + step) % (PARTITIONS / 2) * 2 + consumer % 2;
            let at = self.positions[consumer][partition];
            let log = &self.logs[partition];
            if at >= log.len() || reads.len() == 4 {
                continue;
            }
            let end = log.len().min(at + POLL_MAX);
            let records = (at..end).map(|at| Record { offset: Offset(at as i64), value: log[at] }).collect();
            let high_watermark = Some(Offset(log.len() as i64));
            let seen = Seen { position: Some(Offset(at as i64)), high_watermark, ..Seen::default() };
            reads.push(PartitionRead { partition: self.names[partition].clone(), records, seen });
            self.positions[consumer][partition] = end;
        }
        Poll { reads: reads.into() }
    }

    fn final_read(&mut self) {
        let client = CONSUMERS + PRODUCERS;
        let lane = (self.processes, client);
        let position = |offset: i64, name: &TopicPartition| PartitionPosition {
            partition: name.clone(),
            offset: Some(Offset(offset)),
        };
        let from: Box<[PartitionPosition]> = self.names.iter().map(|name| position(0, name)).collect();
        self.event(lane, Outcome::Invoke, Phase::Final, Body::Assign(from.clone()));
        self.event(lane, Outcome::Ok, Phase::Final, Body::Assign(from));
        let logs: BTreeMap<usize, Vec<Value>> = self.logs.iter().cloned().enumerate().collect();
        for (partition, log) in &logs {
            for (chunk, values) in log.chunks(500).enumerate() {
                let first = 500 * chunk;
                let record = |(at, value): (usize, &Value)| Record {
                    offset: Offset((first + at) as i64),
                    value: *value,
                };
                let records = values.iter().enumerate().map(record).collect();
                let (partition, seen) = (self.names[*partition].clone(), Seen::default());
                let poll = Poll { reads: [PartitionRead { partition, records, seen }].into() };
                self.event(lane, Outcome::Invoke, Phase::Final, Body::Poll(Poll::default()));
                self.event(lane, Outcome::Ok, Phase::Final, Body::Poll(poll));
            }
        }
        let ends = self.names.iter().zip(&self.logs).map(|(name, log)| position(log.len() as i64, name));
        let ends: Box<[PartitionPosition]> = ends.collect();
        self.event(lane, Outcome::Invoke, Phase::Final, Body::FinalRead(ends.clone()));
        self.event(lane, Outcome::Ok, Phase::Final, Body::FinalRead(ends));
    }
}
