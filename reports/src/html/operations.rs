//! The operations of a recording as columns: invocations paired with completions, clients spread over lanes.

use std::collections::{BTreeMap, BTreeSet};

use highwater_checkers::ids::{ClientId, Offset, OperationIndex, Process, Time, TopicPartition, Value};
use highwater_checkers::operation::{Body, Operation, Outcome, PartitionRead, Phase, Record, Send};

use super::columns::{Data, Number, Ops};

/// Follows a history.
#[derive(Default)]
pub(super) struct Operations<'a> {
    ops: Vec<Op<'a>>,
    /// The operation of each of its events.
    by_event: BTreeMap<OperationIndex, usize>,
    /// What each is called on the page, where that is not its place.
    numbers: Vec<usize>,
    open: BTreeMap<Process, usize>,
    lanes: Lanes,
    /// Every event in its order: the lane of a return, and none for a call.
    events: Vec<Option<usize>>,
    /// A return belongs to no call.
    is_torn: bool,
}

/// An operation: its invocation, and its completion if there is one.
struct Op<'a> {
    lane: usize,
    invocation: &'a Operation,
    completion: Option<&'a Operation>,
}

/// A read of an operation: what was returned of one partition.
pub(super) struct Read<'a> {
    pub(super) op: usize,
    pub(super) part: usize,
    pub(super) records: &'a [Record],
    pub(super) phase: Phase,
}

/// A send of an operation.
pub(super) struct Sent<'a> {
    pub(super) op: usize,
    pub(super) part: usize,
    pub(super) send: &'a Send,
    pub(super) outcome: Outcome,
}

/// Rows for clients: a process that ended in `info` leaves its lane to its successor.
#[derive(Default)]
struct Lanes {
    of: BTreeMap<Process, usize>,
    free: BTreeMap<ClientId, Vec<usize>>,
    owners: Vec<(ClientId, &'static str)>,
}

impl Lanes {
    fn lane(&mut self, operation: &Operation) -> usize {
        if let Some(lane) = self.of.get(&operation.process) {
            return *lane;
        }
        let free = self.free.entry(operation.client).or_default();
        let lane = free.pop().unwrap_or_else(|| {
            let kind = match &operation.body {
                Body::Send(_) => "producer",
                Body::Txn(_) if operation.body.function() == "send" => "producer",
                Body::FinalRead(_) => "final reader",
                _ if operation.phase == Phase::Final => "final reader",
                _ => "consumer",
            };
            self.owners.push((operation.client, kind));
            self.owners.len() - 1
        });
        self.of.insert(operation.process, lane);
        lane
    }

    fn close(&mut self, operation: &Operation) {
        if let Some(lane) = self.of.remove(&operation.process) {
            self.free.entry(operation.client).or_default().push(lane);
        }
    }
}

impl<'a> Operations<'a> {
    pub(super) fn take(&mut self, operation: &'a Operation) {
        if operation.outcome == Outcome::Invoke {
            let lane = self.lanes.lane(operation);
            self.open.insert(operation.process, self.ops.len());
            self.by_event.insert(operation.index, self.ops.len());
            self.ops.push(Op { lane, invocation: operation, completion: None });
            self.events.push(None);
            return;
        }
        if let Some(op) = self.open.remove(&operation.process) {
            self.by_event.insert(operation.index, op);
            self.ops[op].completion = Some(operation);
            self.events.push(Some(self.ops[op].lane));
        } else {
            self.is_torn = true;
        }
        if operation.outcome == Outcome::Info {
            self.lanes.close(operation);
        }
    }

    /// Numbers operations as a page does that has others beside them: by the events of their invocations.
    pub(super) fn renumber(&mut self, number: impl Fn(OperationIndex) -> Option<usize>) {
        let number = |(place, it): (usize, &Op<'_>)| number(it.invocation.index).unwrap_or(place);
        self.numbers = self.ops.iter().enumerate().map(number).collect();
    }

    fn number(&self, place: usize) -> usize {
        self.numbers.get(place).copied().unwrap_or(place)
    }

    /// The partitions that operations name, sorted.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        let mut named = BTreeSet::new();
        for Op { invocation, completion, .. } in &self.ops {
            for body in [Some(&invocation.body), completion.map(|it| &it.body)].into_iter().flatten() {
                let mut name = |partition: &TopicPartition| {
                    if !named.contains(partition) {
                        named.insert(partition.clone());
                    }
                };
                body.sends().for_each(|send| name(&send.partition));
                body.reads().for_each(|read| name(&read.partition));
            }
        }
        named.into_iter().collect()
    }

    /// The operation that an event of the history belongs to.
    pub(super) fn of_event(&self, event: OperationIndex) -> Option<usize> {
        self.by_event.get(&event).copied()
    }

    pub(super) fn sends<'s>(
        &'s self,
        part: impl Fn(&TopicPartition) -> usize + 's,
    ) -> impl Iterator<Item = Sent<'a>> + 's {
        self.ops.iter().enumerate().flat_map(move |(op, it)| {
            let told = it.completion.unwrap_or(it.invocation);
            let sent = |send: &'a Send| {
                let outcome = it.completion.map_or(Outcome::Info, |completion| completion.outcome);
                Sent { op: self.number(op), part: part(&send.partition), send, outcome }
            };
            told.body.sends().map(sent).collect::<Vec<_>>()
        })
    }

    pub(super) fn reads<'s>(
        &'s self,
        part: impl Fn(&TopicPartition) -> usize + 's,
    ) -> impl Iterator<Item = Read<'a>> + 's {
        self.ops.iter().enumerate().flat_map(move |(op, it)| {
            let read = |read: &'a PartitionRead| Read {
                op: self.number(op),
                part: part(&read.partition),
                records: &read.records,
                phase: it.completion.unwrap_or(it.invocation).phase,
            };
            let reads = it.completion.into_iter().flat_map(|completion| completion.body.reads());
            reads.map(read).collect::<Vec<_>>()
        })
    }

    /// Fills the columns of operations. Rows of one client stand together, producers first.
    pub(super) fn put(&self, data: &mut Data, ticks: impl Fn(Time) -> u64) {
        let mut order: Vec<usize> = (0..self.lanes.owners.len()).collect();
        order.sort_by_key(|lane| {
            let (client, kind) = self.lanes.owners[*lane];
            (kind != "producer", kind, client, *lane)
        });
        let mut row = vec![0; order.len()];
        for (place, lane) in order.iter().enumerate() {
            row[*lane] = place;
            let (client, kind) = self.lanes.owners[*lane];
            data.lanes.push(format!("{kind} {client}"));
        }
        let mut ops = Ops::default();
        let mut before = 0;
        for (place, Op { lane, invocation, completion }) in self.ops.iter().enumerate() {
            let call = ticks(invocation.time);
            ops.lane.push(row[*lane]);
            ops.call.push(call - before);
            before = call;
            ops.len.push(completion.map_or(-1, |it| (ticks(it.time) - call).cast_signed()));
            ops.out.push(match completion.map(|it| it.outcome) {
                Some(Outcome::Ok) => 'o',
                Some(Outcome::Fail) => 'f',
                _ => 'i',
            });
            let name = completion.unwrap_or(invocation).body.function();
            let known = data.fns.iter().position(|known| *known == name).unwrap_or_else(|| {
                data.fns.push(name);
                data.fns.len() - 1
            });
            ops.function.push(char::from(b'A' + known as u8));
            if let Some(error) = completion.and_then(|it| it.error.as_deref()) {
                data.errors.insert(place, error.to_owned());
            }
        }
        if !self.is_torn {
            ops.events = self.events.iter().map(|lane| lane.map_or(0, |lane| row[lane] + 1)).collect();
        }
        data.ops = ops;
    }
}

/// The values that were sent, each by the number of its first send, and behind them those that nobody sent.
#[derive(Default)]
pub(super) struct Values {
    numbers: BTreeMap<Value, usize>,
    sent: usize,
    pub(super) foreign: Vec<String>,
}

impl Values {
    pub(super) fn of(sends: &[Sent<'_>]) -> Self {
        let mut numbers = BTreeMap::new();
        for (place, sent) in sends.iter().enumerate() {
            numbers.entry(sent.send.value).or_insert(place);
        }
        Self { numbers, sent: sends.len(), foreign: Vec::new() }
    }

    pub(super) fn number(&mut self, value: Value) -> usize {
        let next = self.sent + self.foreign.len();
        let number = *self.numbers.entry(value).or_insert(next);
        if number == next {
            self.foreign.push(value.to_string());
        }
        number
    }
}

/// Fills the column of sends.
pub(super) fn put_sends(data: &mut Data, sends: &[Sent<'_>]) {
    let mut before = 0;
    for Sent { op, part, send, .. } in sends {
        data.sends.op.push(op - before);
        before = *op;
        data.sends.part.push(*part);
        data.sends.value.push(Number::from(send.value.0));
        data.sends.offset.push(send.offset.map_or(-1, |Offset(offset)| offset));
    }
}
