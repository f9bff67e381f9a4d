//! From the events of a history to our own operations on a log, with what makes them uncheckable named.

use hashbrown::HashMap;
use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;

use super::super::report::Place;
use super::super::shown::Shown;
use super::super::{CheckError, Object};
use super::steps;
use crate::history::{Actor, Datum, Event, NotCheckable, Outcome, Span};
use crate::ids::{ClientId, Offset, OperationIndex, Process, Time, TopicPartition, Value};
use crate::log::Naming;
use crate::operation::{Body, GroupOffsets, Membership, Operation, PartitionPosition, Phase};

/// Values that are no small numbers are numbered from here on.
const NUMBERED_FROM: u64 = 1 << 62;

/// The partition number of a key that is neither a number nor a text like `orders/0`.
const NO_NUMBER: i32 = -1;

/// The operations of a log, and what their values and keys were called.
pub(super) struct LogOperations<'h> {
    pub(super) events: &'h [Event],
    /// Each bears the place of its event as its index.
    pub(super) operations: Vec<Operation>,
    /// By event: the place of its operation; [`u32::MAX`] for none.
    at: Vec<u32>,
    /// By event: the place of its span; [`u32::MAX`] for none.
    span_of: Vec<u32>,
    names: NamesOf,
    clients: IndexSet<(bool, i64), FxBuildHasher>,
    /// Who sent each value, and whether that was completed.
    sent: HashMap<(TopicPartition, Value), Sent, FxBuildHasher>,
}

struct Sent {
    invocation: usize,
    completed: bool,
}

/// What values and keys were called.
#[derive(Default)]
pub(super) struct NamesOf {
    values: IndexSet<Datum, FxBuildHasher>,
    partitions: IndexMap<Datum, TopicPartition, FxBuildHasher>,
    keys: HashMap<TopicPartition, Datum, FxBuildHasher>,
}

impl<'h> LogOperations<'h> {
    /// Of a history. What the nemesis did is left out, and so is what clients did beside the log.
    ///
    /// # Errors
    /// If an operation is none of a log, its value has another shape, or the history is not checkable.
    pub(super) fn of(events: &'h [Event], spans: &[Span]) -> Result<Self, CheckError> {
        let mut log = Self {
            events,
            operations: Vec::with_capacity(events.len()),
            at: vec![u32::MAX; events.len()],
            span_of: vec![u32::MAX; events.len()],
            names: NamesOf::default(),
            clients: IndexSet::default(),
            sent: HashMap::default(),
        };
        for (number, span) in (0..).zip(spans) {
            for place in [Some(span.invocation), span.completion].into_iter().flatten() {
                log.span_of[place] = number;
            }
        }
        for (place, event) in events.iter().enumerate() {
            let Actor::Process(process) = event.process else { continue };
            let Some(body) = log.body(event)? else { continue };
            let span = spans.get(log.span_of[place] as usize);
            log.check(place, span.map_or(place, |span| span.invocation), &body)?;
            log.at[place] = log.operations.len() as u32;
            let operation = Operation {
                index: OperationIndex(place as u64),
                time: Time(event.time.and_then(|time| u64::try_from(time).ok()).unwrap_or(0)),
                process: Process(process.cast_unsigned()),
                client: log.client(event, process),
                outcome: event.outcome,
                phase: phase(event),
                body,
                error: event.error.as_ref().map(|error| Shown(error.clone()).to_string().into()),
            };
            log.operations.push(operation);
        }
        Ok(log)
    }

    /// The partitions, in the order in which the history names them.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.names.partitions.values()
    }

    pub(super) fn key(&self, partition: &TopicPartition) -> Option<&Datum> {
        self.names.keys.get(partition)
    }

    /// `key x`, as sentences name it.
    pub(super) fn key_name(&self, partition: &TopicPartition) -> String {
        let shown = self.key(partition).map(|key| Shown(key.clone()).to_string());
        format!("key {}", shown.unwrap_or_else(|| partition.to_string()))
    }

    /// Whether an operation of the history has to do with the log.
    pub(super) fn is_checked(&self, span: &Span) -> bool {
        self.at[span.invocation] != u32::MAX
    }

    /// What came of the event at a place.
    pub(super) fn of_event(&self, place: usize) -> Option<&Operation> {
        self.operations.get(*self.at.get(place)? as usize)
    }

    /// The invocation and the completion.
    pub(super) fn of_span(&self, span: &Span) -> impl Iterator<Item = &Operation> {
        [Some(span.invocation), span.completion]
            .into_iter()
            .flatten()
            .filter_map(|place| self.of_event(place))
    }

    /// The span of the event that an operation bears the place of.
    pub(super) fn span_of(&self, index: OperationIndex) -> Option<u32> {
        let place = usize::try_from(index.0).ok()?;
        self.span_of.get(place).copied().filter(|span| *span != u32::MAX)
    }

    /// Puts more operations in, each behind the one at that place; both ascend.
    pub(super) fn insert(&mut self, more: Vec<(usize, Operation)>) {
        if more.is_empty() {
            return;
        }
        let mut more = more.into_iter().peekable();
        let mut all = Vec::with_capacity(self.operations.len());
        for (place, operation) in std::mem::take(&mut self.operations).into_iter().enumerate() {
            if let Some(at) = self.at.get_mut(operation.index.0 as usize) {
                *at = all.len() as u32;
            }
            all.push(operation);
            while let Some((_, operation)) = more.next_if(|(behind, _)| *behind == place) {
                all.push(operation);
            }
        }
        self.operations = all;
    }

    /// A client has one process after the other; where the history does not name clients, each process is one.
    fn client(&mut self, event: &Event, process: i64) -> ClientId {
        let client = match extra(event, "client") {
            Some(Datum::Int(client)) => (true, *client),
            _ => (false, process),
        };
        ClientId(u32::try_from(self.clients.insert_full(client).0).unwrap_or(u32::MAX))
    }

    fn body(&mut self, event: &Event) -> Result<Option<Body>, CheckError> {
        Ok(Some(match &*event.function {
            "send" | "poll" | "txn" => steps::body(event, &mut self.names)?,
            "assign" => Body::Assign(self.positions(event)?),
            "final-read" => Body::FinalRead(self.positions(event)?),
            "subscribe" => Body::Subscribe(self.listed(event)?.into()),
            "commit" => Body::Commit(self.group_offsets(event)?),
            "fetch-committed" => Body::FetchCommitted(self.group_offsets(event)?),
            "join" => Body::Join(Membership {
                group: group(event)?,
                generation: match extra(event, "generation") {
                    Some(Datum::Int(generation)) => i32::try_from(*generation).unwrap_or(i32::MAX),
                    _ => 0,
                },
                partitions: self.listed(event)?.into(),
            }),
            "crash" | "debug-topic-partitions" => return Ok(None),
            function => {
                return Err(CheckError::Function {
                    place: Place::of(event),
                    object: Object::Log,
                    function: function.to_owned(),
                    known: "send, poll, txn, assign, subscribe, crash, debug-topic-partitions, final-read, \
                            commit, fetch-committed and join",
                });
            }
        }))
    }

    /// The keys that an operation lists.
    fn listed(&mut self, event: &Event) -> Result<Vec<TopicPartition>, CheckError> {
        let listed = match &event.value {
            Datum::Nil => &[],
            value => steps::elements(value)
                .ok_or_else(|| super::super::operations::wrong(event, value, "the keys, `[0 1]`"))?,
        };
        Ok(listed.iter().map(|key| self.names.partition(key)).collect())
    }

    /// The same, each with its offset in `at`. Where a consumer seeks to the beginning that is 0.
    fn positions(&mut self, event: &Event) -> Result<Box<[PartitionPosition]>, CheckError> {
        let offsets = extra(event, "at").and_then(steps::elements).unwrap_or(&[]);
        let begin = seeks_to_beginning(event).then_some(Offset(0));
        let listed = self.listed(event)?.into_iter().enumerate();
        let positions = listed.map(|(place, partition)| PartitionPosition {
            partition,
            offset: begin.or(match offsets.get(place) {
                Some(Datum::Int(offset)) => Some(Offset(*offset)),
                _ => None,
            }),
        });
        Ok(positions.collect())
    }

    fn group_offsets(&mut self, event: &Event) -> Result<GroupOffsets, CheckError> {
        Ok(GroupOffsets { group: group(event)?, offsets: self.positions(event)? })
    }

    /// What every history must hold to, beside what its processes do: no value twice, no offset below 0, and
    /// nothing completed that never began.
    fn check(&mut self, place: usize, invocation: usize, body: &Body) -> Result<(), CheckError> {
        let here = |at: usize| Place::of(&self.events[at]);
        let broken =
            |what: String| Err(CheckError::from(NotCheckable(format!("{what}, at {}", here(place)))));
        if let Some((partition, offset)) = offsets(body).find(|(_, offset)| offset.0 < 0) {
            return broken(format!("the offset {offset} of {} is below 0", self.partition(partition)));
        }
        for send in body.sends() {
            let key = (send.partition.clone(), send.value);
            let (value, partition) = (self.value(send.value), self.partition(&send.partition));
            match self.sent.get_mut(&key) {
                None if place == invocation => {
                    self.sent.insert(key, Sent { invocation, completed: false });
                }
                Some(before) if place == invocation => {
                    let before = here(before.invocation);
                    return broken(format!(
                        "value {value} is sent to {partition} a second time, first at {before}; expected are \
                         values that are unique for each key"
                    ));
                }
                Some(sent) if sent.invocation == invocation && !sent.completed => sent.completed = true,
                _ => {
                    let process = match self.events[place].process {
                        Actor::Process(process) => process,
                        Actor::Named(_) => 0,
                    };
                    return broken(format!(
                        "process {process} completes a send of value {value} to {partition} that it did not begin"
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Naming for LogOperations<'_> {
    fn value(&self, value: Value) -> String {
        let place = value.0.checked_sub(NUMBERED_FROM).and_then(|place| usize::try_from(place).ok());
        let datum = place.and_then(|place| self.names.values.get_index(place));
        datum.map_or_else(|| value.to_string(), |datum| Shown(datum.clone()).to_string())
    }

    fn partition(&self, partition: &TopicPartition) -> String {
        self.key_name(partition)
    }

    fn operation(&self, index: OperationIndex) -> String {
        let event = usize::try_from(index.0).ok().and_then(|place| self.events.get(place));
        event.map_or_else(|| index.to_string(), |event| Place::of(event).to_string())
    }
}

impl NamesOf {
    pub(super) fn value(&mut self, value: &Datum) -> Value {
        match value {
            Datum::Int(number) if (0..NUMBERED_FROM.cast_signed()).contains(number) => {
                Value(number.cast_unsigned())
            }
            other => {
                let known = self.values.get_index_of(other);
                let place = known.unwrap_or_else(|| self.values.insert_full(other.clone()).0);
                Value(NUMBERED_FROM + place as u64)
            }
        }
    }

    /// Whether it was named as a value before; numbers are not remembered.
    pub(super) fn is_value(&self, value: &Datum) -> bool {
        self.values.contains(value)
    }

    /// A key is a partition: `orders/0` names it in full, a number is one of a topic without a name.
    pub(super) fn partition(&mut self, key: &Datum) -> TopicPartition {
        if let Some(known) = self.partitions.get(key) {
            return known.clone();
        }
        let named = match key {
            Datum::Int(number) => i32::try_from(*number).ok().map(|number| TopicPartition::new("", number)),
            other => steps::word(other).and_then(|name| name.parse().ok()),
        };
        // Whatever else a key is, it shares no partition with another.
        let named = named.filter(|partition| partition.partition >= 0);
        let partition =
            named.unwrap_or_else(|| TopicPartition::new(Shown(key.clone()).to_string(), NO_NUMBER));
        self.partitions.insert(key.clone(), partition.clone());
        self.keys.entry(partition.clone()).or_insert_with(|| key.clone());
        partition
    }
}

/// What stands under a further key of an event.
pub(super) fn extra<'h>(event: &'h Event, name: &str) -> Option<&'h Datum> {
    let found = event.extra.iter().find(|(key, _)| steps::word(key) == Some(name));
    found.map(|(_, value)| value)
}

/// Jepsen's final polls are preceded by an `:assign` with `:seek-to-beginning? true`.
pub(super) fn seeks_to_beginning(event: &Event) -> bool {
    &*event.function == "assign" && extra(event, "seek-to-beginning?") == Some(&Datum::Bool(true))
}

fn phase(event: &Event) -> Phase {
    match extra(event, "phase").and_then(steps::word) {
        Some("final") => Phase::Final,
        Some("recovery") => Phase::Recovery,
        _ if seeks_to_beginning(event) => Phase::Final,
        _ => Phase::Load,
    }
}

fn group(event: &Event) -> Result<std::sync::Arc<str>, CheckError> {
    let name = extra(event, "group").and_then(steps::word);
    name.map(Into::into).ok_or_else(|| {
        super::super::operations::wrong(event, &event.value, "beside it the group's name, `:group \"g\"`")
    })
}

/// All offsets that an event names, each with its partition.
fn offsets(body: &Body) -> impl Iterator<Item = (&TopicPartition, Offset)> {
    let sent = body.sends().filter_map(|send| Some((&send.partition, send.offset?)));
    let read =
        body.reads().flat_map(|read| read.records.iter().map(|record| (&read.partition, record.offset)));
    let listed = match body {
        Body::Assign(positions) | Body::FinalRead(positions) => &positions[..],
        Body::Commit(group) | Body::FetchCommitted(group) => &group.offsets[..],
        _ => &[],
    };
    let listed = listed.iter().filter_map(|position| Some((&position.partition, position.offset?)));
    sent.chain(read).chain(listed)
}

/// Whether the event is an invocation, whose value says nothing of what comes back.
pub(super) fn is_invocation(event: &Event) -> bool {
    event.outcome == Outcome::Invoke
}
