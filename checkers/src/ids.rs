//! Typed ids, positions and times, so that an offset is never taken for an epoch.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A broker's id in the cluster, from 1; shown as `b1`.
    BrokerId(i32), "b"
);
id!(
    /// The position of a record in a partition's log, from 0.
    Offset(i64), ""
);
id!(
    /// Counts a partition's leaders (KIP-101).
    LeaderEpoch(i32), ""
);
id!(
    /// Counts the changes of a partition's state at the controller (KIP-497).
    PartitionEpoch(i32), ""
);
id!(
    /// One incarnation of a broker: the metadata offset of its registration (KIP-631).
    BrokerEpoch(i64), ""
);
id!(
    /// Counts the controllers: the quorum's term (KIP-595).
    ControllerEpoch(i32), ""
);
id!(
    /// One lane of a client, with at most one outstanding operation; closed by an indeterminate one.
    Process(u64), "p"
);
id!(
    /// A client: a producer with all its lanes, or a consumer. Order is judged per client.
    ClientId(u32), "c"
);
id!(
    /// The position of an event of the history, from 0; what evidence points at.
    OperationIndex(u64), "#"
);

/// The place of a call or a return in the total order of a history's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u32);

impl Moment {
    /// After everything: the return of an operation that never returned.
    pub const NEVER: Self = Self(u32::MAX);

    /// The event at this place, from 0.
    ///
    /// # Panics
    /// If there are 2^32 - 1 events before it.
    pub fn at(place: usize) -> Self {
        let moment = u32::try_from(place).ok().map(Self).filter(|moment| *moment != Self::NEVER);
        moment.expect("a history has fewer than 2^32 - 1 events")
    }

    /// Whether it ever comes.
    pub fn is_some(self) -> bool {
        self != Self::NEVER
    }
}

/// From an operation's call to its return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// When it was called.
    pub call: Moment,
    /// When it returned; [`Moment::NEVER`] if it may still take effect.
    pub ret: Moment,
}

impl Interval {
    /// Whether it returned before the other was called.
    pub fn precedes(self, other: Self) -> bool {
        self.ret < other.call
    }
}

impl Offset {
    /// The position `count` records further on; stays at the end of the range.
    #[must_use]
    pub fn plus(self, count: i64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is no {wanted}")]
pub struct ParseIdError {
    text: String,
    wanted: &'static str,
}

impl ParseIdError {
    pub(crate) fn new(text: &str, wanted: &'static str) -> Self {
        Self { text: text.to_owned(), wanted }
    }
}

impl FromStr for BrokerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let number = text.strip_prefix('b').and_then(|digits| digits.parse().ok());
        number.map(Self).ok_or_else(|| ParseIdError::new(text, "broker like `b1`"))
    }
}

/// One partition of one topic; shown as `orders/0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number within the topic, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl FromStr for TopicPartition {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parts = text.rsplit_once('/').filter(|(topic, _)| !topic.is_empty());
        let parsed = parts.and_then(|(topic, partition)| Some(Self::new(topic, partition.parse().ok()?)));
        parsed.ok_or_else(|| ParseIdError::new(text, "partition like `orders/0`"))
    }
}

/// Serialises as its text, and back.
macro_rules! serde_as_text {
    ($name:ty, $expecting:literal) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}
pub(crate) use serde_as_text;

serde_as_text!(TopicPartition, "a partition like `orders/0`");

/// Nanoseconds of virtual time since the world's start; shown in seconds, like `12.345s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Time {
    fn from(since_start: Duration) -> Self {
        Self(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0 / 1_000;
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        match fraction {
            0 => write!(f, "{seconds}s"),
            _ if fraction % 1_000 == 0 => write!(f, "{seconds}.{:03}s", fraction / 1_000),
            _ => write!(f, "{seconds}.{fraction:06}s"),
        }
    }
}

/// A record's value: unique among all attempts to send to its partition.
///
/// Our own clients pack (producer: 12 bits, sequence: 32, attempt: 8) into the low 52 bits, so that a JSON
/// number, a double, keeps it. Values of foreign histories are numbered as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(pub u64);

impl Value {
    /// The greatest producer that fits into [`Value::packed`].
    pub const PRODUCER_MAX: u16 = (1 << 12) - 1;

    /// The value of attempt `attempt` of the record `sequence` of `producer`.
    ///
    /// # Panics
    /// If `producer` is above [`Value::PRODUCER_MAX`].
    pub fn packed(producer: u16, sequence: u32, attempt: u8) -> Self {
        assert!(producer <= Self::PRODUCER_MAX, "producer {producer} does not fit into 12 bits");
        Self(u64::from(producer) << 40 | u64::from(sequence) << 8 | u64::from(attempt))
    }

    /// The producer of a packed value.
    pub fn producer(self) -> u16 {
        u16::try_from(self.0 >> 40 & u64::from(Self::PRODUCER_MAX)).expect("12 bits fit")
    }

    /// The sequence number of a packed value.
    pub fn sequence(self) -> u32 {
        u32::try_from(self.0 >> 8 & u64::from(u32::MAX)).expect("32 bits fit")
    }

    /// The attempt of a packed value.
    pub fn attempt(self) -> u8 {
        u8::try_from(self.0 & u64::from(u8::MAX)).expect("8 bits fit")
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_values_keep_their_parts_and_stay_exact_as_doubles() {
        let greatest = Value::packed(Value::PRODUCER_MAX, u32::MAX, u8::MAX);
        assert!(greatest.0 < 1 << 53);
        let value = Value::packed(7, 123_456, 3);
        assert_eq!((value.producer(), value.sequence(), value.attempt()), (7, 123_456, 3));
        assert_eq!((greatest.producer(), greatest.sequence(), greatest.attempt()), (4095, u32::MAX, 255));
    }

    #[test]
    fn times_are_shown_in_seconds() {
        assert_eq!(Time::from_millis(12_345).to_string(), "12.345s");
        assert_eq!(Time(5_000_000_000).to_string(), "5s");
        assert_eq!(Time(1_000_250_999).to_string(), "1.000250s");
        assert_eq!(Time(5).since(Time(7)), Duration::ZERO);
    }

    #[test]
    fn ids_are_read_back_from_their_texts() {
        let partition: TopicPartition = "a/b/12".parse().expect("a topic may hold a slash");
        assert_eq!(partition, TopicPartition::new("a/b", 12));
        assert_eq!(serde_json::to_string(&partition).expect("serialises"), r#""a/b/12""#);
        assert_eq!("b3".parse(), Ok(BrokerId(3)));
        for wrong in ["orders", "/0", "orders/x", ""] {
            assert!(wrong.parse::<TopicPartition>().is_err(), "{wrong}");
        }
    }
}
