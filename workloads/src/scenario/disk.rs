//! What can be done to a disk: words that scenarios, plans and worlds share.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quantity::Probability;
use crate::duration;

/// What a fault does to a disk, or to what is on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskFault {
    /// Calls take longer.
    Latency {
        /// Which calls.
        methods: BTreeSet<DiskMethod>,
        /// How much longer.
        #[serde(with = "duration::text")]
        latency: Duration,
    },
    /// Calls do not return before the heal.
    Stall {
        /// Which calls.
        methods: BTreeSet<DiskMethod>,
    },
    /// Calls fail.
    Error {
        /// Which calls.
        methods: BTreeSet<DiskMethod>,
        /// With which error.
        errno: Errno,
        /// How likely each of them is to.
        probability: Probability,
    },
    /// Writes beyond a capacity fail, after as much as still fits.
    Full {
        /// How many bytes the files may hold; none: those that they hold when it begins, and up to 511 more.
        capacity: Option<u64>,
    },
    /// Syncs say that they are done, and make nothing durable.
    LoseUnsynced {
        /// How likely each of them is to lie.
        probability: Probability,
    },
    /// The end of a file is torn, as by a write that was under way when the node died.
    TornWrite {
        /// How many bytes; none: drawn.
        bytes: Option<u64>,
    },
    /// One bit is another.
    Bitflip,
    /// The disk is replaced by an empty one.
    Wipe,
}

impl DiskFault {
    /// The fault's kind, as a scenario names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "disk-latency",
            Self::Stall { .. } => "disk-stall",
            Self::Error { .. } => "disk-error",
            Self::Full { .. } => "disk-full",
            Self::LoseUnsynced { .. } => "disk-lose-unsynced",
            Self::TornWrite { .. } => "disk-torn-write",
            Self::Bitflip => "disk-bitflip",
            Self::Wipe => "disk-wipe",
        }
    }
}

/// A group of a disk's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskMethod {
    /// What looks: reads, sizes, lists of folders, opening a file that is there.
    Read,
    /// What changes: appends, truncations, new files, new names, removals.
    Write,
    /// What makes durable: syncs of files and folders.
    Sync,
}

impl DiskMethod {
    /// All of them, with their names.
    pub const ALL: [(&str, Self); 3] = [("read", Self::Read), ("write", Self::Write), ("sync", Self::Sync)];
}

/// The error of a call that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errno {
    /// The device failed.
    #[serde(rename = "EIO")]
    Io,
    /// There is no space left.
    #[serde(rename = "ENOSPC")]
    NoSpace,
}
