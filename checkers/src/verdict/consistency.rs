//! How consistent what clients saw of a partition was.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::ids::{OperationIndex, Time};
use crate::linearizability::log::Level;

/// How consistent what clients saw of a partition was. It is no finding: the contract permits less than the
/// strongest level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Consistency {
    /// The strongest level that its history satisfies; `None` if it is unknown.
    pub level: Option<Level>,
    /// Why it is unknown.
    pub unknown: Option<String>,
    /// What breaks the next level; `None` at the strongest.
    pub broken: Option<Contradiction>,
    /// How stale it was, where nothing else is wrong.
    pub staleness: Option<Staleness>,
    /// Acknowledgements that promised nothing, and count as if their operations had never returned.
    pub uncounted: Option<Uncounted>,
    /// Whether a final read says what there was in the end. Without it, records at the end may be lost at any
    /// level.
    pub final_read: bool,
}

/// Operations that no log of a level can reconcile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// What it is, in a word or two: `stale read`, `lost append`.
    pub kind: &'static str,
    /// One sentence without a full stop.
    pub what: String,
    /// The operations, in the order in which the sentence names them.
    pub operations: Vec<Cited>,
}

/// An operation, by the event of the history that tells of it: its completion, or its invocation if it never
/// completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cited {
    /// Which event.
    pub operation: OperationIndex,
    /// When it was.
    pub time: Time,
}

/// How stale reads, and ends that readers were told of, were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Staleness {
    /// How many looks were stale.
    pub looks: u64,
    /// The most records that were there and that one look missed.
    pub records_max: u64,
    /// The longest that a record had been there when a look that missed it began.
    pub time_max: Duration,
}

/// Acknowledgements that promised nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uncounted {
    /// How many.
    pub acknowledgements: u64,
    /// Why.
    pub reason: String,
    /// Whether that is since the partition is forfeit, so that no acknowledgement counts.
    #[serde(skip)]
    pub forfeit: bool,
}

impl Consistency {
    /// The name of the level, or `unknown`.
    pub fn name(&self) -> &'static str {
        self.level.map_or("unknown", Level::name)
    }

    /// Whether it is at the strongest level.
    pub fn is_linearizable(&self) -> bool {
        self.level == Some(Level::Linearizable)
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, what, operations } = self;
        write!(f, "{kind}: {what}")?;
        for (place, Cited { operation, time }) in operations.iter().enumerate() {
            write!(f, "{}{operation} at {time}", if place == 0 { " (" } else { ", " })?;
        }
        f.write_str(if operations.is_empty() { "" } else { ")" })
    }
}
