//! What can be done to a node's disk.

use std::collections::BTreeSet;
use std::time::Duration;

use highwater_workloads::PathPattern;
use highwater_workloads::scenario::{DiskMethod, Errno, Probability};

/// A disk that does not do what it should, until the heal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskBreak {
    /// Which files are met; none: all but those that the world protects.
    pub path: Option<PathPattern>,
    /// What becomes of calls on them.
    pub effect: DiskEffect,
}

/// What a broken disk does with calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskEffect {
    /// They take so much longer.
    Slow {
        /// Which calls.
        methods: BTreeSet<DiskMethod>,
        /// How much longer.
        latency: Duration,
    },
    /// They do not return before the heal.
    Stall {
        /// Which calls.
        methods: BTreeSet<DiskMethod>,
    },
    /// They fail. Of an append that fails, a part drawn from nothing to all may be in the file.
    Fail {
        /// Which calls.
        methods: BTreeSet<DiskMethod>,
        /// With which error.
        errno: Errno,
        /// How likely each of them is to.
        probability: Probability,
    },
    /// Appends fail that make the files larger than this together, after as much as fits.
    Full {
        /// In bytes; none: as much as they hold when this begins, and a drawn part of a sector of 512 bytes more.
        capacity: Option<u64>,
    },
    /// Syncs say that they are done and make nothing durable. Files that the world protects are synced.
    Lie {
        /// How likely each of them is to.
        probability: Probability,
    },
}

/// Damage to what is on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The end of a file is cut off or becomes zeros, which of the two is drawn. The file is drawn too, from
    /// those that are the last of their folder; the process must be dead.
    TornWrite {
        /// Which files may be struck.
        path: PathPattern,
        /// How many bytes; none: drawn, at most 512.
        bytes: Option<u64>,
    },
    /// A bit becomes the other. It is drawn from all bits of all files.
    BitFlip {
        /// Which files may be struck.
        path: PathPattern,
    },
    /// Every file is gone; the process must be dead.
    Wipe,
}

impl Damage {
    /// What it is called where it is told of.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::TornWrite { .. } => "torn write",
            Self::BitFlip { .. } => "bit flip",
            Self::Wipe => "wiped",
        }
    }
}

/// A file that was damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The file's path on the node's disk.
    pub path: String,
    /// The first byte that is not what it was.
    pub from: u64,
    /// How many bytes from there on were struck.
    pub bytes: u64,
}
