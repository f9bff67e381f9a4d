//! What only the system under test knows, handed in by whoever drives it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::paths::PathPattern;

/// The words of one system: a scenario may use these and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// The system's name, as in `system: kafka`.
    pub system: String,
    /// The keys of `cluster.config`, but for `mutants`.
    pub broker_config: BTreeMap<String, ConfigKind>,
    /// The keys of a topic's `config`.
    pub topic_config: BTreeMap<String, ConfigKind>,
    /// The roles that a selector may name.
    pub roles: BTreeMap<String, Role>,
    /// The events that a fault may wait for.
    pub events: BTreeMap<String, Scope>,
    /// The seeded defects that `cluster.config.mutants` may switch on.
    pub mutants: BTreeSet<String>,
    /// The findings that `expect.violation` and `expect.permitted` may name.
    pub findings: BTreeSet<String>,
    /// What `expect.lost_as` may name: what became of a lost record.
    pub fates: BTreeSet<String>,
    /// What `expect.sometimes` may ask for.
    pub probes: BTreeSet<String>,
    /// Whether producers can be idempotent; without that, no scenario can ask for exactly-once.
    pub idempotent_producers: bool,
    /// Where a node keeps what on its disk.
    pub files: FileLayout,
}

/// Where a system's nodes keep what on their disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLayout {
    /// The files that hold the records of a partition's replica, with `{topic}` and `{partition}` where its name
    /// stands: what damage hits unless a scenario says otherwise.
    pub records: PathPattern,
    /// The controllers' own files, if there are any. They outlive nothing that takes back what a voter has
    /// promised, so that no fault of that kind may touch them.
    pub controllers: Option<PathPattern>,
}

impl Default for FileLayout {
    /// Nothing is known: any file may hold records.
    fn default() -> Self {
        let records = "**".parse().expect("it is a pattern");
        Self { records, controllers: None }
    }
}

/// What a configuration key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number from `min` to `max`.
    Count {
        /// The least that is accepted.
        min: u64,
        /// The most that is accepted.
        max: u64,
    },
    /// A time span, written as a whole number of milliseconds: what a key that ends in `.ms` holds.
    Milliseconds,
    /// One of these words.
    Word(Vec<String>),
    /// One of these words, or a time span such as `5s`.
    WordOrDuration(Vec<String>),
}

/// What a role or an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One partition of a topic: `topic` and `partition` may narrow it.
    Partition,
    /// The cluster as a whole.
    Cluster,
}

/// Whom a role selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// What it is a role of.
    pub scope: Scope,
    /// Whether it is held by clients and not by nodes of the cluster: only links to them can be cut or slowed.
    pub client: bool,
}
