//! An operation as one JSON object, with Jepsen's names: `index`, `process`, `type`, `f`, `value`, `time`,
//! `error`; and further keys of our own: `client`, `phase`, `at`.
//!
//! Written by hand rather than derived: the value's shape is Jepsen's (`["send", k, [offset, value]]`,
//! `["poll", {k: [[offset, value], …]}]`; what we add to a step stands behind that), and a run writes tens
//! of thousands of these.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{self, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Acks, Body, GroupOffsets, Membership, MicroOp, Operation, PartitionPosition, PartitionRead, Phase, Poll,
    Record, Seen, Send,
};
use crate::ids::{BrokerId, Offset, TopicPartition, Value};

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("process", &self.process)?;
        map.serialize_entry("client", &self.client)?;
        map.serialize_entry("type", &self.outcome)?;
        if self.phase != Phase::Load {
            map.serialize_entry("phase", &self.phase)?;
        }
        map.serialize_entry("f", self.body.function())?;
        match &self.body {
            Body::Send(send) => map.serialize_entry("value", &[SendStep(send)])?,
            Body::Poll(poll) => map.serialize_entry("value", &[PollStep(poll)])?,
            Body::Txn(steps) => map.serialize_entry("value", steps)?,
            Body::Assign(positions) | Body::FinalRead(positions) => write_positions(&mut map, positions)?,
            Body::Subscribe(partitions) => map.serialize_entry("value", partitions)?,
            Body::Commit(GroupOffsets { group, offsets })
            | Body::FetchCommitted(GroupOffsets { group, offsets }) => {
                map.serialize_entry("group", &**group)?;
                write_positions(&mut map, offsets)?;
            }
            Body::Join(Membership { group, generation, partitions }) => {
                map.serialize_entry("group", &**group)?;
                map.serialize_entry("generation", generation)?;
                map.serialize_entry("value", partitions)?;
            }
        }
        if let Some(error) = &self.error {
            map.serialize_entry("error", error.as_ref())?;
        }
        map.end()
    }
}

fn write_positions<M: SerializeMap>(map: &mut M, positions: &[PartitionPosition]) -> Result<(), M::Error> {
    map.serialize_entry("value", &Partitions(positions))?;
    if positions.iter().any(|position| position.offset.is_some()) {
        map.serialize_entry("at", &Offsets(positions))?;
    }
    Ok(())
}

struct SendStep<'a>(&'a Send);
struct PollStep<'a>(&'a Poll);
struct Reads<'a>(&'a [PartitionRead]);
struct Records<'a>(&'a [Record]);
struct Marks<'a>(&'a [PartitionRead]);
struct Partitions<'a>(&'a [PartitionPosition]);
struct Offsets<'a>(&'a [PartitionPosition]);

impl Serialize for MicroOp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Send(send) => SendStep(send).serialize(serializer),
            Self::Poll(poll) => PollStep(poll).serialize(serializer),
        }
    }
}

impl Serialize for SendStep<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(send) = self;
        let acks = Some(send.acks).filter(|acks| *acks != Acks::All).map(Acks::number);
        let mut step = serializer.serialize_seq(None)?;
        step.serialize_element("send")?;
        step.serialize_element(&send.partition)?;
        match send.offset {
            Some(offset) => step.serialize_element(&(offset, send.value))?,
            None => step.serialize_element(&send.value)?,
        }
        if let Some(acks) = acks {
            step.serialize_element(&acks)?;
        }
        step.end()
    }
}

impl Serialize for PollStep<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reads = &self.0.reads;
        if reads.is_empty() {
            ["poll"].serialize(serializer)
        } else if reads.iter().all(|read| read.seen == Seen::default()) {
            ("poll", Reads(reads)).serialize(serializer)
        } else {
            ("poll", Reads(reads), Marks(reads)).serialize(serializer)
        }
    }
}

impl Serialize for Reads<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|read| (&read.partition, Records(&read.records))))
    }
}

impl Serialize for Records<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|record| (record.offset, record.value)))
    }
}

impl Serialize for Marks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|read| (&read.partition, read.seen)))
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let marks = (self.position, self.high_watermark, self.reset);
        match self.from {
            None => marks.serialize(serializer),
            Some(from) => (marks.0, marks.1, marks.2, from).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeenVisitor;
        impl<'de> Visitor<'de> for SeenVisitor {
            type Value = Seen;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[position, high watermark, reset], and perhaps the broker's id")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Seen, A::Error> {
                let mut mark = |n| seq.next_element()?.ok_or_else(|| A::Error::invalid_length(n, &self));
                let (position, high_watermark, reset) = (mark(0)?, mark(1)?, mark(2)?);
                let from = seq.next_element::<Option<BrokerId>>()?.flatten();
                Ok(Seen { position, high_watermark, reset, from })
            }
        }
        deserializer.deserialize_seq(SeenVisitor)
    }
}

impl Serialize for Partitions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|position| &position.partition))
    }
}

impl Serialize for Offsets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut offsets = serializer.serialize_seq(Some(self.0.len()))?;
        for position in self.0 {
            offsets.serialize_element(&position.offset)?;
        }
        offsets.end()
    }
}

/// The keys of an operation, before it is known what they add up to.
#[derive(Deserialize)]
struct Line<'a> {
    index: crate::ids::OperationIndex,
    time: crate::ids::Time,
    process: crate::ids::Process,
    client: Option<crate::ids::ClientId>,
    #[serde(rename = "type")]
    outcome: super::Outcome,
    #[serde(default)]
    phase: Phase,
    #[serde(borrow)]
    f: Cow<'a, str>,
    #[serde(default)]
    value: Vec<Item>,
    at: Option<Vec<Option<Offset>>>,
    group: Option<Arc<str>>,
    generation: Option<i32>,
    error: Option<Arc<str>>,
}

/// One element of an operation's value.
enum Item {
    Partition(TopicPartition),
    Step(MicroOp),
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = Line::deserialize(deserializer)?;
        let client = match line.client {
            Some(client) => client,
            // A history that knows no clients has one a process.
            None => crate::ids::ClientId(u32::try_from(line.process.0).map_err(D::Error::custom)?),
        };
        let body = match &*line.f {
            "assign" => Body::Assign(positions(line.value, line.at)?),
            "final-read" => Body::FinalRead(positions(line.value, line.at)?),
            "subscribe" => Body::Subscribe(partitions(line.value)?),
            "commit" => Body::Commit(group_offsets(line.group, line.value, line.at)?),
            "fetch-committed" => Body::FetchCommitted(group_offsets(line.group, line.value, line.at)?),
            "join" => Body::Join(Membership {
                group: named(line.group)?,
                generation: line.generation.unwrap_or_default(),
                partitions: partitions(line.value)?,
            }),
            "send" | "poll" | "txn" => Body::of_steps(steps(line.value)?, &line.f),
            other => {
                let known = "send, poll, txn, assign, subscribe, commit, fetch-committed, join, final-read";
                return Err(D::Error::custom(format_args!("unknown f `{other}`; known are {known}")));
            }
        };
        Ok(Self {
            index: line.index,
            time: line.time,
            process: line.process,
            client,
            outcome: line.outcome,
            phase: line.phase,
            body,
            error: line.error,
        })
    }
}

impl Body {
    fn of_steps(mut steps: Vec<MicroOp>, function: &str) -> Self {
        if function != "txn" && steps.len() == 1 {
            match steps.pop() {
                Some(MicroOp::Send(send)) => return Self::Send(send),
                Some(MicroOp::Poll(poll)) => return Self::Poll(poll),
                None => {}
            }
        }
        Self::Txn(steps.into())
    }
}

fn steps<E: de::Error>(items: Vec<Item>) -> Result<Vec<MicroOp>, E> {
    let step = |item| match item {
        Item::Step(step) => Ok(step),
        Item::Partition(partition) => {
            Err(E::custom(format_args!("a bare partition, {partition}, in `value`")))
        }
    };
    items.into_iter().map(step).collect()
}

fn positions<E: de::Error>(
    items: Vec<Item>,
    at: Option<Vec<Option<Offset>>>,
) -> Result<Box<[PartitionPosition]>, E> {
    let at = at.unwrap_or_else(|| vec![None; items.len()]);
    if at.len() != items.len() {
        return Err(E::custom(format_args!("{} partitions, but {} offsets in `at`", items.len(), at.len())));
    }
    let position = |(item, offset)| match item {
        Item::Partition(partition) => Ok(PartitionPosition { partition, offset }),
        Item::Step(_) => Err(E::custom("a send or poll among the partitions in `value`")),
    };
    items.into_iter().zip(at).map(position).collect()
}

fn partitions<E: de::Error>(items: Vec<Item>) -> Result<Box<[TopicPartition]>, E> {
    let positions = positions::<E>(items, None)?;
    Ok(positions.into_iter().map(|position| position.partition).collect())
}

fn named<E: de::Error>(group: Option<Arc<str>>) -> Result<Arc<str>, E> {
    group.ok_or_else(|| E::missing_field("group"))
}

fn group_offsets<E: de::Error>(
    group: Option<Arc<str>>,
    items: Vec<Item>,
    at: Option<Vec<Option<Offset>>>,
) -> Result<GroupOffsets, E> {
    Ok(GroupOffsets { group: named(group)?, offsets: positions(items, at)? })
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemVisitor;
        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a partition, or a step like [\"send\", k, v] or [\"poll\", {…}]")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Item, E> {
                text.parse().map(Item::Partition).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Item, A::Error> {
                let name: Cow<'de, str> =
                    seq.next_element()?.ok_or_else(|| A::Error::custom("a step without a name"))?;
                let step = match &*name {
                    "send" => MicroOp::Send(read_send(&mut seq)?),
                    "poll" => MicroOp::Poll(read_poll(&mut seq)?),
                    other => {
                        return Err(A::Error::custom(format_args!(
                            "unknown step `{other}`; known are send, poll"
                        )));
                    }
                };
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Item::Step(step))
            }
        }
        deserializer.deserialize_any(ItemVisitor)
    }
}

fn read_send<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<Send, A::Error> {
    let partition = seq.next_element()?.ok_or_else(|| A::Error::custom("a send without a partition"))?;
    let Sent { offset, value } =
        seq.next_element()?.ok_or_else(|| A::Error::custom("a send without a value"))?;
    let acks = match seq.next_element()? {
        Some(number) => Acks::from_number(number)
            .ok_or_else(|| A::Error::custom(format_args!("acks is {number}, not 0, 1 or -1")))?,
        None => Acks::All,
    };
    Ok(Send { partition, value, offset, acks })
}

fn read_poll<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<Poll, A::Error> {
    let Some(Entries(reads)) = seq.next_element::<Entries<Vec<(Offset, Value)>>>()? else {
        return Ok(Poll::default());
    };
    let mut reads: Vec<PartitionRead> = reads
        .into_iter()
        .map(|(partition, records)| PartitionRead {
            partition,
            records: records.into_iter().map(|(offset, value)| Record { offset, value }).collect(),
            seen: Seen::default(),
        })
        .collect();
    if let Some(Entries(marks)) = seq.next_element::<Entries<Seen>>()? {
        // Both maps were written in one order.
        for (index, (partition, seen)) in marks.into_iter().enumerate() {
            match reads.get_mut(index).filter(|read| read.partition == partition) {
                Some(read) => read.seen = seen,
                None => return Err(A::Error::custom(format_args!("{partition} has marks, but no records"))),
            }
        }
    }
    Ok(Poll { reads: reads.into() })
}

/// What a send carries: a value alone, or `[offset, value]`.
struct Sent {
    offset: Option<Offset>,
    value: Value,
}

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SentVisitor;
        impl<'de> Visitor<'de> for SentVisitor {
            type Value = Sent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or [offset, value]")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Sent, E> {
                Ok(Sent { offset: None, value: Value(value) })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sent, A::Error> {
                let offset =
                    seq.next_element()?.ok_or_else(|| A::Error::custom("a send without an offset"))?;
                let value = seq.next_element()?.ok_or_else(|| A::Error::custom("a send without a value"))?;
                Ok(Sent { offset, value })
            }
        }
        deserializer.deserialize_any(SentVisitor)
    }
}

/// A map by partition, in the order in which it is written.
struct Entries<T>(Vec<(TopicPartition, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map by partition")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests;
