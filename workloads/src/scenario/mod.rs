//! A scenario: what a user writes down about a cluster, its load, its faults, and what must come of it.
//!
//! [`parse`] reads one from YAML. The types here are what is left when every word has been checked against the
//! [`Vocabulary`], every default filled in and every reference found. `docs/scenarios.md` is the language's
//! reference.

mod diagnostics;
mod disk;
mod fault;
mod read;
mod vocabulary;

pub mod config;
pub mod quantity;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use config::{Config, ConfigValue};
pub use diagnostics::{Diagnostic, Diagnostics, Span};
pub use disk::{DiskFault, DiskMethod, Errno};
pub use fault::{
    Action, Delay, Direction, Fault, InFlight, Mode, Schedule, Selector, Shape, Trigger, Unsynced, Who,
};
pub use quantity::{Bound, Comparison, Probability, Rate};
pub use read::{ACCEPTED, Accepted, FaultKind, KINDS};
pub use vocabulary::{ConfigKind, FileLayout, Role, Scope, Vocabulary};

use crate::duration;
use crate::names::{Host, TopicPartition};

/// One scenario, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The version of the language: 1.
    pub version: u32,
    /// The scenario's name, as reports show it.
    pub name: String,
    /// What it is about, in a sentence.
    pub description: Option<String>,
    /// The system under test.
    pub system: String,
    /// The cluster.
    pub cluster: Cluster,
    /// The topics, at least one.
    pub topics: Vec<Topic>,
    /// The clients, with at least one producer among them.
    pub clients: Vec<Client>,
    /// The network.
    pub network: Network,
    /// What must hold before the first fault.
    pub steady_state: SteadyState,
    /// The faults, in the file's order.
    pub faults: Vec<Fault>,
    /// The calm phase after the load.
    pub recovery: Recovery,
    /// The contract about duplicates and order.
    pub guarantee: Guarantee,
    /// What must come of it.
    pub expect: Expect,
    /// How long and how often it runs.
    pub run: Run,
    /// The finding of somebody else that it repeats.
    pub published: Option<Published>,
}

/// The cluster that a scenario asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// How many brokers: `b1` to `bN`.
    pub brokers: u32,
    /// How many voters of the controller quorum.
    pub controllers: u32,
    /// Whether the first brokers vote too; else the voters have hosts of their own, `c1` to `cN`.
    pub combined: bool,
    /// The step of the simulated clock.
    #[serde(with = "duration::text")]
    pub tick: Duration,
    /// The brokers' configuration: the keys that were given.
    pub config: Config,
    /// The seeded defects that are switched on.
    pub mutants: BTreeSet<String>,
}

impl Cluster {
    /// Every host of the cluster: the brokers, then the controllers that have hosts of their own.
    pub fn hosts(&self) -> impl Iterator<Item = Host> + use<> {
        let controllers = if self.combined { 0 } else { self.controllers };
        (1..=self.brokers).map(Host::Broker).chain((1..=controllers).map(Host::Controller))
    }
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many replicas each partition has.
    pub replication: u32,
    /// Its configuration: the keys that were given.
    pub config: Config,
}

impl Topic {
    /// Every partition of the topic.
    pub fn topic_partitions(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        (0..self.partitions).map(|partition| TopicPartition { topic: self.name.clone(), partition })
    }
}

/// A group of clients that do the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// They send.
    Producer(Producer),
    /// They read.
    Consumer(Consumer),
}

/// Producers that share a rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    /// How many of them.
    pub count: u32,
    /// Where they send to: every partition in turn.
    pub topic: String,
    /// When a send is acknowledged.
    pub acks: Acks,
    /// Whether the broker drops what it has already appended.
    pub idempotent: bool,
    /// How many records all of them send together, one record a send.
    pub rate: Rate,
    /// How many records all of them send together under load; none: as many as there is time for.
    pub records: Option<u64>,
    /// How many sends of each may be outstanding.
    pub in_flight: u32,
    /// After what time a send without an answer is given up.
    pub timeout: Duration,
}

/// Consumers, each of which reads every partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// How many of them.
    pub count: u32,
    /// What they read.
    pub topic: String,
}

/// When a broker acknowledges a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acks {
    /// Never: the producer does not wait.
    #[serde(rename = "0")]
    None,
    /// Once the leader has appended it.
    #[serde(rename = "1")]
    Leader,
    /// Once every in-sync replica has it.
    #[serde(rename = "all")]
    All,
}

/// The network between all hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// How long a message takes: drawn uniformly for each.
    pub latency: Latency,
}

/// A range of time spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The shortest.
    #[serde(with = "duration::text")]
    pub min: Duration,
    /// The longest.
    #[serde(with = "duration::text")]
    pub max: Duration,
}

/// What must hold before the first fault; else the verdict is inconclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteadyState {
    /// How long it may take to be reached.
    #[serde(with = "duration::text")]
    pub within: Duration,
    /// How many sends must have been acknowledged.
    pub acks: Bound<u64>,
    /// Whether every replica must be in sync.
    pub isr_full: bool,
}

/// The calm phase: everything is healed, and liveness is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The hosts that stay as the faults left them.
    pub except: BTreeSet<Host>,
    /// How long it may take from the last heal until every partition acknowledges with full ISRs.
    #[serde(with = "duration::text")]
    pub within: Duration,
}

/// The contract that decides about duplicates and order; durability derives from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// No record twice.
    AtMostOnce,
    /// A record may be there twice.
    AtLeastOnce,
    /// No record twice, and each producer's in the order in which it sent them.
    ExactlyOnce,
}

/// What must come of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Violations that must be found; any other is red.
    pub violation: BTreeSet<String>,
    /// Permitted findings that must be found.
    pub permitted: BTreeSet<String>,
    /// At which seeds the two must be found.
    pub seen: Seen,
    /// Partitions that must be unwritable and unreadable in the end.
    pub unavailable: BTreeSet<TopicPartition>,
    /// Partitions that must work in the end.
    pub available: BTreeSet<TopicPartition>,
    /// The longest time that a partition may be without an acknowledgement while a producer tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailability_max: Option<Bound<Duration>>,
    /// How many of the records sent under load must be acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Bound<u64>>,
    /// How many of those that were sent under load and acknowledged must be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Bound<u64>>,
    /// What must have become of every lost record; empty: anything.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost_as: BTreeSet<String>,
    /// How many duplicates there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<Bound<u64>>,
    /// What must happen at some seed at least.
    pub sometimes: BTreeSet<String>,
}

/// At which seeds an expected finding must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// At each.
    #[default]
    EverySeed,
    /// At one of an invocation's at least.
    SomeSeed,
}

/// How long and how often a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How long the load lasts, in virtual time.
    pub duration: Duration,
    /// How many seeds are run where the command line does not say, from 0 on.
    pub seeds: u32,
}

/// What somebody else found and published, beside which the figures of a scenario are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Who found it in what, and when.
    pub source: String,
    /// How many records were sent.
    pub sent: Option<u64>,
    /// How many of them were acknowledged.
    pub acknowledged: Option<u64>,
    /// How many of those were lost.
    pub lost: Option<u64>,
}

/// Reads a scenario.
///
/// # Errors
/// Every mistake of the text at once: what is no YAML, unknown or missing fields, wrong values, and what does
/// not make sense together.
pub fn parse(source_name: &str, text: &str, vocabulary: &Vocabulary) -> Result<Scenario, Diagnostics> {
    read::read(text, vocabulary).map_err(|mistakes| Diagnostics::new(source_name, text, mistakes))
}

/// Why a file gave no scenario.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It is no scenario.
    #[error(transparent)]
    Invalid(#[from] Diagnostics),
}

/// Reads a scenario's file, of which no more is taken into memory than the limit of 1 MiB.
///
/// # Errors
/// The file cannot be read, or is no scenario.
pub fn load(path: &Path, vocabulary: &Vocabulary) -> Result<Scenario, LoadError> {
    let name = path.display().to_string();
    let unreadable = |source| LoadError::Unreadable { path: name.clone(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let refused = |message, help: &str| {
        let entry = Diagnostic { span: read::START, message, help: Some(help.to_owned()) };
        LoadError::Invalid(Diagnostics::new(&name, "", vec![entry]))
    };
    let limit = read::SIZE_MAX as u64;
    let too_long = |length| {
        refused(format!("the file is {length} long, over the limit of 1 MiB"), "is this a scenario at all?")
    };
    if length > limit {
        return Err(too_long(format!("{length} bytes")));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(too_long("without end".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        refused(format!("line {line} of the file is not UTF-8"), "a scenario is YAML text in UTF-8")
    })?;
    Ok(parse(&name, &text, vocabulary)?)
}
