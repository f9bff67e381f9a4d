//! What brokers and disks tell of themselves: the trace vocabulary.
//!
//! A broker emits `tracing` events of the target `highwater::replica`, a disk of `highwater::disk`, with the
//! event's name in the field `event` and plain fields beside it. [`TraceEvent::from_fields`] and
//! [`TraceEvent::fields`] are the two ways across. `docs/trace-events.md` describes every field; a broker
//! that emits the same events gets the same checks.

mod fields;
mod lists;

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use fields::{FieldValue, TraceError};
pub use lists::{Batch, EpochStart};

use crate::ids::{
    BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, Offset, PartitionEpoch, Time, TopicPartition,
};
use crate::operation::Acks;
use fields::{Field, Fields};

/// The target of the `tracing` events that brokers emit.
pub const REPLICA_TARGET: &str = "highwater::replica";
/// The target of the `tracing` events that disks emit.
pub const DISK_TARGET: &str = "highwater::disk";

/// One change of a broker's inner state, told in the moment in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// When.
    pub time: Time,
    /// Who tells it.
    pub broker: BrokerId,
    /// What changed.
    pub change: Change,
}

macro_rules! vocabulary {
    ($(
        $(#[$doc:meta])*
        $name:literal $variant:ident { $( $(#[$field_doc:meta])* $field:ident: $type:ty ),* $(,)? }
    )+) => {
        /// What a trace event tells. The name of a variant in snake case is the event's name.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Change {
            $( $(#[$doc])* $variant { $( $(#[$field_doc])* $field: $type, )* }, )+
        }

        impl Change {
            /// The names of all events.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The event's name.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $name, )+ }
            }

            fn take<'a>(
                event: &str,
                fields: Vec<(&'a str, FieldValue<'a>)>,
            ) -> Result<(BrokerId, Self), TraceError> {
                match event {
                    $( $name => {
                        let mut fields = Fields::new($name, fields);
                        let broker = fields.take("broker")?;
                        $( let $field = fields.take(stringify!($field))?; )*
                        fields.finish()?;
                        Ok((broker, Self::$variant { $($field),* }))
                    } )+
                    other => Err(TraceError::UnknownEvent(other.to_owned())),
                }
            }

            fn put<'a>(&'a self, fields: &mut Vec<(&'static str, FieldValue<'a>)>) {
                match self {
                    $( Self::$variant { $($field),* } => { $( $field.put(stringify!($field), fields); )* } )+
                }
            }
        }
    };
}

vocabulary! {
    /// A broker's process began.
    "broker_started" BrokerStarted {
        /// A number that no other life of the broker has.
        incarnation: u64,
    }
    /// A broker's process ends, of its own will.
    "broker_stopped" BrokerStopped {
        /// Why.
        why: Arc<str>,
    }
    /// A broker learned that its registration was accepted.
    "registered" Registered {
        /// Its epoch from now on.
        broker_epoch: BrokerEpoch,
    }
    /// A replica's log was read from the disk at start.
    "recovered" Recovered {
        /// Of which partition.
        partition: TopicPartition,
        /// The log's end.
        leo: Offset,
        /// The high watermark, from its checkpoint.
        hw: Offset,
        /// How many bytes of a torn or bad tail were cut.
        cut_bytes: u64,
        /// The leader-epoch cache.
        epochs: Box<[EpochStart]>,
        /// All that the log holds.
        batches: Box<[Batch]>,
    }
    /// A batch was appended to a replica's log.
    "appended" Appended {
        /// Of which partition.
        partition: TopicPartition,
        /// The first record's offset.
        base: Offset,
        /// How many records.
        count: u32,
        /// The leader epoch in the batch.
        epoch: LeaderEpoch,
        /// CRC-32C over the bytes as they were written, not the one in the header.
        crc: u32,
        /// Whether the replica appended as leader.
        leader: bool,
    }
    /// A replica's leader-epoch cache took in a new epoch; told before what was appended because of it.
    "epoch_cache" EpochCache {
        /// Of which partition.
        partition: TopicPartition,
        /// The whole cache as it is now.
        epochs: Box<[EpochStart]>,
    }
    /// A replica's log was made durable.
    "synced" Synced {
        /// Of which partition.
        partition: TopicPartition,
        /// All below it is durable.
        leo: Offset,
    }
    /// A replica moved its high watermark.
    "high_watermark" HighWatermark {
        /// Of which partition.
        partition: TopicPartition,
        /// The high watermark: the first offset that is not known to be fully replicated.
        hw: Offset,
        /// The leader epoch that the replica is in.
        epoch: LeaderEpoch,
        /// Whether the replica leads.
        leader: bool,
    }
    /// A replica cut its log.
    "truncated" Truncated {
        /// Of which partition.
        partition: TopicPartition,
        /// The log's end before.
        from: Offset,
        /// The log's end now.
        to: Offset,
        /// Why.
        why: Arc<str>,
        /// The leader-epoch cache as it is now.
        epochs: Box<[EpochStart]>,
    }
    /// A replica began to lead.
    "became_leader" BecameLeader {
        /// Of which partition.
        partition: TopicPartition,
        /// In which leader epoch.
        epoch: LeaderEpoch,
        /// Where the epoch starts in its log.
        start: Offset,
        /// The in-sync replicas that it was given.
        isr: Box<[BrokerId]>,
        /// The partition epoch that it was given.
        partition_epoch: PartitionEpoch,
    }
    /// A replica began to follow.
    "became_follower" BecameFollower {
        /// Of which partition.
        partition: TopicPartition,
        /// In which leader epoch.
        epoch: LeaderEpoch,
        /// Whom, if there is a leader.
        leader: Option<BrokerId>,
        /// Its log's end.
        leo: Offset,
        /// Its high watermark.
        hw: Offset,
        /// The partition epoch that it was given.
        partition_epoch: PartitionEpoch,
    }
    /// A follower began to pull from a leader.
    "fetcher_started" FetcherStarted {
        /// Of which partition.
        partition: TopicPartition,
        /// From whom.
        leader: BrokerId,
        /// In which leader epoch.
        epoch: LeaderEpoch,
    }
    /// A follower pulls no longer from a leader.
    "fetcher_stopped" FetcherStopped {
        /// Of which partition.
        partition: TopicPartition,
        /// From whom.
        leader: BrokerId,
        /// In which leader epoch.
        epoch: LeaderEpoch,
    }
    /// A leader asks the controller for other in-sync replicas.
    "isr_proposed" IsrProposed {
        /// Of which partition.
        partition: TopicPartition,
        /// In which leader epoch.
        epoch: LeaderEpoch,
        /// What it asks for.
        isr: Box<[BrokerId]>,
        /// What it reckons with until it has an answer: the union with the present ones (KIP-497).
        maximal: Box<[BrokerId]>,
        /// The partition epoch that it knows.
        partition_epoch: PartitionEpoch,
    }
    /// A leader applied the in-sync replicas that the controller decided.
    "isr_applied" IsrApplied {
        /// Of which partition.
        partition: TopicPartition,
        /// In which leader epoch.
        epoch: LeaderEpoch,
        /// The in-sync replicas.
        isr: Box<[BrokerId]>,
        /// The partition epoch of the decision.
        partition_epoch: PartitionEpoch,
    }
    /// A leader acknowledged a batch to its producer.
    "acknowledged" Acknowledged {
        /// Of which partition.
        partition: TopicPartition,
        /// The first record's offset.
        base: Offset,
        /// The last record's offset.
        last: Offset,
        /// In which leader epoch.
        epoch: LeaderEpoch,
        /// What the acknowledgement promises.
        acks: Acks,
    }
    /// A leader served records.
    "served" Served {
        /// Of which partition.
        partition: TopicPartition,
        /// The first offset served.
        from: Offset,
        /// The offset after the last one served.
        until: Offset,
        /// The high watermark in the reply.
        hw: Offset,
        /// In which leader epoch.
        epoch: LeaderEpoch,
        /// To which follower; to a consumer if none.
        reader: Option<BrokerId>,
    }
    /// A node applied the metadata log's entry by which a controller took over.
    "became_controller" BecameController {
        /// The controller's epoch.
        controller_epoch: ControllerEpoch,
        /// The entry's place in the metadata log.
        offset: Offset,
    }
    /// A node applied a metadata log's entry on a broker: registered, fenced or unfenced.
    "broker_changed" BrokerChanged {
        /// The entry's place in the metadata log.
        offset: Offset,
        /// The broker that the entry is about.
        subject: BrokerId,
        /// Its epoch.
        broker_epoch: BrokerEpoch,
        /// Whether it may serve nothing.
        fenced: bool,
    }
    /// A node applied a metadata log's entry on a partition.
    "partition_changed" PartitionChanged {
        /// The entry's place in the metadata log.
        offset: Offset,
        /// The partition that the entry is about.
        partition: TopicPartition,
        /// Its leader, if it has one.
        leader: Option<BrokerId>,
        /// Its leader epoch.
        leader_epoch: LeaderEpoch,
        /// Its partition epoch.
        partition_epoch: PartitionEpoch,
        /// Its in-sync replicas.
        isr: Box<[BrokerId]>,
        /// Its replicas, in the order of assignment.
        replicas: Box<[BrokerId]>,
        /// How many replicas have to be in sync for acks=all (`min.insync.replicas`).
        min_isr: u32,
        /// Whether the leader was elected from outside the in-sync replicas.
        unclean: bool,
        /// The epoch of the controller that decided it.
        controller_epoch: ControllerEpoch,
    }
    /// A disk lost unsynced bytes of a file by power loss.
    "lost" Lost {
        /// The file's path on the broker's disk, like `orders-0/00000000000000000000.log`.
        file: Arc<str>,
        /// The first byte that is gone.
        from: u64,
    }
    /// Bytes on a disk, durable or said to be, are not what was written.
    "damaged" Damaged {
        /// The file's path on the broker's disk.
        file: Arc<str>,
        /// The first byte that is another, or gone.
        from: u64,
        /// What was done to it.
        why: Arc<str>,
    }
}

impl Change {
    /// The partition that it is about, if it is about one.
    pub fn partition(&self) -> Option<&TopicPartition> {
        match self {
            Self::BrokerStarted { .. }
            | Self::BrokerStopped { .. }
            | Self::Registered { .. }
            | Self::BecameController { .. }
            | Self::BrokerChanged { .. }
            | Self::Lost { .. }
            | Self::Damaged { .. } => None,
            Self::Recovered { partition, .. }
            | Self::Appended { partition, .. }
            | Self::EpochCache { partition, .. }
            | Self::Synced { partition, .. }
            | Self::HighWatermark { partition, .. }
            | Self::Truncated { partition, .. }
            | Self::BecameLeader { partition, .. }
            | Self::BecameFollower { partition, .. }
            | Self::FetcherStarted { partition, .. }
            | Self::FetcherStopped { partition, .. }
            | Self::IsrProposed { partition, .. }
            | Self::IsrApplied { partition, .. }
            | Self::Acknowledged { partition, .. }
            | Self::Served { partition, .. }
            | Self::PartitionChanged { partition, .. } => Some(partition),
        }
    }
}

impl TraceEvent {
    /// The event called `name` that these fields make.
    ///
    /// # Errors
    /// If there is no such event, or a field is missing, unknown, or of the wrong kind.
    pub fn from_fields<'a>(
        time: Time,
        name: &str,
        fields: impl IntoIterator<Item = (&'a str, FieldValue<'a>)>,
    ) -> Result<Self, TraceError> {
        let (broker, change) = Change::take(name, fields.into_iter().collect())?;
        Ok(Self { time, broker, change })
    }

    /// The event's fields, `broker` first; with its name, the inverse of [`TraceEvent::from_fields`].
    pub fn fields(&self) -> Vec<(&'static str, FieldValue<'_>)> {
        let mut fields = Vec::with_capacity(12);
        fields.push(("broker", FieldValue::Int(self.broker.0.into())));
        self.change.put(&mut fields);
        fields
    }
}

/// As one JSON object: `event`, `time`, then the fields under their names.
impl Serialize for TraceEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", self.change.name())?;
        map.serialize_entry("time", &self.time)?;
        for (name, value) in self.fields() {
            match value {
                FieldValue::Int(number) => map.serialize_entry(name, &number)?,
                FieldValue::Uint(number) => map.serialize_entry(name, &number)?,
                FieldValue::Bool(truth) => map.serialize_entry(name, &truth)?,
                FieldValue::Str(text) => map.serialize_entry(name, &text)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for TraceEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EventVisitor;
        impl<'de> Visitor<'de> for EventVisitor {
            type Value = TraceEvent;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a trace event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TraceEvent, A::Error> {
                let (mut name, mut time) = (None, None);
                let mut fields: Vec<(Cow<'de, str>, FieldValue<'de>)> = Vec::with_capacity(12);
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match &*key {
                        "event" => name = Some(map.next_value::<Cow<'de, str>>()?),
                        "time" => time = Some(map.next_value()?),
                        _ => fields.push((key, map.next_value()?)),
                    }
                }
                let name = name.ok_or_else(|| de::Error::missing_field("event"))?;
                let time = time.ok_or_else(|| de::Error::missing_field("time"))?;
                let fields = fields.iter().map(|(name, value)| (&**name, value.clone()));
                TraceEvent::from_fields(time, &name, fields).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_map(EventVisitor)
    }
}

impl<'de> Deserialize<'de> for FieldValue<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;
        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = FieldValue<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, true, false or a text")
            }

            fn visit_i64<E>(self, number: i64) -> Result<FieldValue<'de>, E> {
                Ok(FieldValue::Int(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<FieldValue<'de>, E> {
                Ok(FieldValue::Uint(number))
            }

            fn visit_bool<E>(self, truth: bool) -> Result<FieldValue<'de>, E> {
                Ok(FieldValue::Bool(truth))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<FieldValue<'de>, E> {
                Ok(FieldValue::Str(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<FieldValue<'de>, E> {
                Ok(FieldValue::Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(ValueVisitor)
    }
}

#[cfg(test)]
mod tests;
