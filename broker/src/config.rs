//! A broker's configuration: typed fields, and the Kafka keys that set them.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::ids::BrokerId;
use crate::log::FlushPolicy;
use crate::mutant::Mutants;
use crate::wire::BROKER_PORT;

/// How a follower finds out where its log leaves the leader's. One at a time: with both, one would repair
/// what the other gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// `OffsetForLeaderEpoch` before fetching, asked again until it agrees (KIP-101, KIP-279).
    EpochRequest,
    /// `diverging_epoch` in the answer to a fetch that tells its last fetched epoch (KIP-595).
    OnFetch,
}

/// Everything a broker is told before it starts.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// This broker.
    pub id: BrokerId,
    /// The name under which the others reach it.
    pub host: String,
    /// The port of the Kafka protocol.
    pub port: u16,
    /// The controllers: host, Kafka port and quorum port of each.
    pub voters: BTreeMap<BrokerId, VoterAddress>,
    /// Whether this node is a broker; a node that is only a controller votes and serves metadata.
    pub is_broker: bool,
    /// `replica.lag.time.max.ms`: a follower that has not caught up for longer leaves the ISR.
    pub replica_lag_time_max: Duration,
    /// `replica.fetch.wait.max.ms`: how long a leader holds back an empty answer to a follower.
    pub replica_fetch_wait_max: Duration,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub high_watermark_checkpoint_interval: Duration,
    /// `broker.heartbeat.interval.ms`.
    pub heartbeat_interval: Duration,
    /// `broker.session.timeout.ms`: the controller fences a broker it has not heard of for longer.
    pub session_timeout: Duration,
    /// `request.timeout.ms` between brokers, and from brokers to controllers.
    pub request_timeout: Duration,
    /// `min.insync.replicas` of topics that do not say.
    pub min_insync_replicas: i32,
    /// `unclean.leader.election.enable` of topics that do not say.
    pub unclean_leader_election: bool,
    /// `flush`: when a log is synced.
    pub flush: FlushPolicy,
    /// `truncation`: how a follower finds out where its log leaves the leader's.
    pub truncation: Truncation,
    /// `log.segment.bytes`.
    pub segment_bytes: u64,
    /// `message.max.bytes`: the longest batch.
    pub message_max_bytes: usize,
    /// `mutants`: the defects that are seeded, to show that tests would find them.
    pub mutants: Mutants,
}

/// Where a controller is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterAddress {
    /// The host's name.
    pub host: String,
    /// The port of the Kafka protocol.
    pub port: u16,
    /// The port of the consensus.
    pub quorum_port: u16,
}

/// A key or value that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No such key.
    #[error("unknown broker key `{key}`")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The key does not take this value.
    #[error("`{key}: {value}` makes no sense: it takes {wants}")]
    BadValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What the key takes.
        wants: &'static str,
    },
}

/// A key: its name, what it takes, its default, what it is for.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    /// The name, as in Kafka where Kafka has it.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// Its value when nobody sets it.
    pub default: &'static str,
    /// What it does, as a sentence fragment.
    pub about: &'static str,
}

const MILLISECONDS: &str = "a number of milliseconds above 0";

macro_rules! keys {
    ($($name:literal, $takes:expr, $default:literal, $about:literal;)*) => {
        /// Every key that [`BrokerConfig::set`] knows.
        pub const KEYS: &[ConfigKey] = &[
            $(ConfigKey { name: $name, takes: $takes, default: $default, about: $about }),*
        ];
    };
}

keys! {
    "replica.lag.time.max.ms", MILLISECONDS, "30000", "a follower behind for longer leaves the ISR";
    "replica.fetch.wait.max.ms", MILLISECONDS, "500", "how long a leader holds back an empty answer to a follower";
    "replica.high.watermark.checkpoint.interval.ms", MILLISECONDS, "5000", "how often high watermarks are written down";
    "broker.heartbeat.interval.ms", MILLISECONDS, "2000", "how often a broker tells the controller that it lives";
    "broker.session.timeout.ms", MILLISECONDS, "9000", "a broker silent for longer is fenced";
    "request.timeout.ms", MILLISECONDS, "2000", "how long brokers wait for each other's answers";
    "min.insync.replicas", "a number above 0", "1", "how many replicas must be in sync for acks=all, unless the topic says";
    "unclean.leader.election.enable", "true or false", "false", "whether a replica outside the ISR may lead, unless the topic says";
    "flush", "never, every-batch, or a duration such as 100ms", "never", "when a log is synced to its disk";
    "truncation", "epoch-request or on-fetch", "epoch-request", "how a follower finds where its log leaves the leader's";
    "log.segment.bytes", "a number of bytes from 1024", "1073741824", "when a log begins a new file";
    "message.max.bytes", "a number of bytes from 1024", "1048588", "the longest batch that is taken";
    "mutants", "none, or ids of mutants with commas between them", "none", "defects that are seeded on purpose, to be found by tests";
}

impl BrokerConfig {
    /// Kafka's defaults for broker `id` on `host`.
    pub fn new(id: BrokerId, host: impl Into<String>) -> Self {
        Self {
            id,
            host: host.into(),
            port: BROKER_PORT,
            voters: BTreeMap::new(),
            is_broker: true,
            replica_lag_time_max: Duration::from_secs(30),
            replica_fetch_wait_max: Duration::from_millis(500),
            high_watermark_checkpoint_interval: Duration::from_secs(5),
            heartbeat_interval: Duration::from_secs(2),
            session_timeout: Duration::from_secs(9),
            request_timeout: Duration::from_secs(2),
            min_insync_replicas: 1,
            unclean_leader_election: false,
            flush: FlushPolicy::Never,
            truncation: Truncation::EpochRequest,
            segment_bytes: 1 << 30,
            message_max_bytes: 1_048_588,
            mutants: Mutants::NONE,
        }
    }

    /// The keys that [`BrokerConfig::set`] knows.
    pub fn keys() -> &'static [ConfigKey] {
        KEYS
    }

    /// Sets one key from its text form.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        let known =
            KEYS.iter().find(|k| k.name == key).ok_or_else(|| ConfigError::UnknownKey { key: key.into() })?;
        let bad = || ConfigError::BadValue { key: key.into(), value: value.into(), wants: known.takes };
        let number = || value.parse::<u64>().ok().filter(|n| *n > 0).ok_or_else(bad);
        let milliseconds = || number().map(Duration::from_millis);
        match key {
            "replica.lag.time.max.ms" => self.replica_lag_time_max = milliseconds()?,
            "replica.fetch.wait.max.ms" => self.replica_fetch_wait_max = milliseconds()?,
            "replica.high.watermark.checkpoint.interval.ms" => {
                self.high_watermark_checkpoint_interval = milliseconds()?;
            }
            "broker.heartbeat.interval.ms" => self.heartbeat_interval = milliseconds()?,
            "broker.session.timeout.ms" => self.session_timeout = milliseconds()?,
            "request.timeout.ms" => self.request_timeout = milliseconds()?,
            "min.insync.replicas" => {
                self.min_insync_replicas = number()?.try_into().map_err(|_| bad())?;
            }
            "unclean.leader.election.enable" => {
                self.unclean_leader_election = value.parse().map_err(|_| bad())?;
            }
            "flush" => self.flush = parse_flush(value).ok_or_else(bad)?,
            "truncation" => {
                self.truncation = match value {
                    "epoch-request" => Truncation::EpochRequest,
                    "on-fetch" => Truncation::OnFetch,
                    _ => return Err(bad()),
                };
            }
            "log.segment.bytes" => {
                self.segment_bytes = number()?;
                if self.segment_bytes < 1024 {
                    return Err(bad());
                }
            }
            "message.max.bytes" => {
                self.message_max_bytes = number()?.try_into().map_err(|_| bad())?;
                if self.message_max_bytes < 1024 {
                    return Err(bad());
                }
            }
            "mutants" => self.mutants = value.parse().map_err(|_| bad())?,
            _ => unreachable!("`{key}` is listed and not set"),
        }
        Ok(())
    }
}

fn parse_flush(value: &str) -> Option<FlushPolicy> {
    match value {
        "never" => Some(FlushPolicy::Never),
        "every-batch" => Some(FlushPolicy::EveryBatch),
        _ => {
            let (digits, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit())?);
            let count: u64 = digits.parse().ok().filter(|n| *n > 0)?;
            match unit {
                "ms" => Some(FlushPolicy::Interval(Duration::from_millis(count))),
                "s" => Some(FlushPolicy::Interval(Duration::from_secs(count))),
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_takes_its_own_default_and_refuses_nonsense() {
        for key in KEYS {
            let mut config = BrokerConfig::new(BrokerId(1), "b1");
            config.set(key.name, key.default).expect(key.name);
            let refused = config.set(key.name, "5 parsecs").expect_err(key.name);
            assert!(refused.to_string().contains(key.takes), "{refused}");
        }
    }

    #[test]
    fn the_defaults_listed_are_the_defaults() {
        let untouched = BrokerConfig::new(BrokerId(1), "b1");
        let mut set = untouched.clone();
        for key in KEYS {
            set.set(key.name, key.default).expect(key.name);
        }
        assert_eq!(format!("{set:?}"), format!("{untouched:?}"));
    }

    #[test]
    fn an_interval_is_a_flush_policy() {
        assert_eq!(parse_flush("100ms"), Some(FlushPolicy::Interval(Duration::from_millis(100))));
        assert_eq!(parse_flush("100"), None);
        assert_eq!(parse_flush("0ms"), None);
    }
}
