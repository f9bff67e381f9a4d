//! How a scenario names the hosts of a cluster and the partitions of a topic.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One host of the cluster under test. Stored and written as `b1`, `c1` or `clients`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Host {
    /// A broker, from 1; it votes too where controllers are combined with brokers.
    Broker(u32),
    /// A controller on a host of its own, from 1 (`combined: false`).
    Controller(u32),
    /// The host that all clients share.
    Clients,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(id) => write!(f, "b{id}"),
            Self::Controller(id) => write!(f, "c{id}"),
            Self::Clients => f.write_str("clients"),
        }
    }
}

/// The text names neither a host nor a partition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {expected}")]
pub struct NameError {
    text: String,
    expected: &'static str,
}

impl FromStr for Host {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError { text: text.to_owned(), expected: "host, as `b1`, `c1` or `clients`" };
        if text == "clients" {
            return Ok(Self::Clients);
        }
        let id = |digits| canonical_number(digits).filter(|id| *id > 0).ok_or_else(error);
        match (text.strip_prefix('b'), text.strip_prefix('c')) {
            (Some(digits), _) => id(digits).map(Self::Broker),
            (_, Some(digits)) => id(digits).map(Self::Controller),
            _ => Err(error()),
        }
    }
}

impl TryFrom<String> for Host {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.to_string()
    }
}

/// One partition of one topic. Stored and written as `orders/0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number within the topic, from 0.
    pub partition: u32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl FromStr for TopicPartition {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.rsplit_once('/')
            .and_then(|(topic, digits)| Some((topic, canonical_number(digits)?)))
            .filter(|(topic, _)| !topic.is_empty())
            .map(|(topic, partition)| Self { topic: topic.to_owned(), partition })
            .ok_or_else(|| NameError { text: text.to_owned(), expected: "partition, as `orders/0`" })
    }
}

impl TryFrom<String> for TopicPartition {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<TopicPartition> for String {
    fn from(partition: TopicPartition) -> Self {
        partition.to_string()
    }
}

/// The number that these decimal digits spell, if they are how it would be printed: one name, one spelling.
fn canonical_number(digits: &str) -> Option<u32> {
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_partitions_are_written_as_they_are_read() {
        for text in ["b1", "b32", "c3", "clients"] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        for text in ["b0", "b", "b01", "b+1", "x1", "", "client", "b99999999999"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
        for text in ["orders/0", "a.b-c_d/999"] {
            assert_eq!(text.parse::<TopicPartition>().unwrap().to_string(), text);
        }
        for text in ["orders", "orders/", "/1", "orders/-1", "orders/01"] {
            assert!(text.parse::<TopicPartition>().is_err(), "{text}");
        }
    }
}
