//! What a page shows, in the shape in which its scripts read it.
//!
//! Everything that comes in thousands is a column of numbers, most of them as the difference to the one before, so
//! that an operation costs some 40 bytes and a returned record next to nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::summary::Outcome;

/// A page: the frame in words, and the data.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What it is about, like `leader-kill seed 3`.
    pub title: String,
    /// What it amounts to, in a word or two.
    pub outcome: String,
    /// Whether that is good, bad, or neither.
    pub tone: Tone,
    /// What happened, in one sentence.
    pub sentence: String,
    /// The command that shows the same again.
    pub reproduce: Option<String>,
    pub(super) data: Data,
}

/// How an outcome is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// It must not be.
    Bad,
    /// It is not known, or says nothing.
    #[default]
    Unsure,
}

impl Tone {
    /// Its name in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Unsure => "warn",
        }
    }
}

impl From<Outcome> for Tone {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Good,
            Outcome::Inconclusive => Self::Unsure,
            _ => Self::Bad,
        }
    }
}

/// What the scripts draw.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Data {
    /// Whether there are times; without, the moments are places in the order of events.
    pub(super) timed: bool,
    /// Nanoseconds of one unit of time.
    pub(super) unit: u64,
    /// When it ends.
    pub(super) end: u64,
    pub(super) lanes: Vec<String>,
    pub(super) parts: Vec<String>,
    pub(super) brokers: Vec<String>,
    /// What operations are called; `ops.fn` has a letter for each.
    pub(super) fns: Vec<&'static str>,
    pub(super) texts: Vec<String>,
    pub(super) ops: Ops,
    pub(super) sends: Sends,
    pub(super) reads: Reads,
    /// By read: all its records, where they are not those of the log between its ends.
    pub(super) odd: BTreeMap<usize, Vec<(i64, usize)>>,
    /// By operation.
    pub(super) errors: BTreeMap<usize, String>,
    /// Values that nobody sent; they are numbered behind all sends.
    pub(super) foreign: Vec<String>,
    pub(super) logs: Vec<Log>,
    /// By partition: since, until (or -1), and the broker.
    pub(super) leaders: Vec<Vec<(u64, i64, usize)>>,
    /// By partition: since, and who is in sync.
    pub(super) isr: Vec<Vec<(u64, String)>>,
    /// By partition: the leaders' high watermarks.
    pub(super) hw: Vec<Series>,
    /// By broker: since, until (or -1), and `up` or what it is else.
    pub(super) lives: Vec<Vec<(u64, i64, &'static str)>>,
    pub(super) faults: Vec<Fault>,
    /// When a stage of the run began, and which.
    pub(super) marks: Vec<(u64, String)>,
    pub(super) findings: Vec<Found>,
    /// The operations that prove the sentence.
    pub(super) witness: Vec<usize>,
    pub(super) ladder: Vec<Rung>,
    pub(super) plots: Vec<Plot>,
    /// In which order operations can have taken effect, by partition or key.
    pub(super) courses: Vec<Course>,
    /// What happened to the records that the sentence is about: when (or -1), and what.
    pub(super) story: Vec<(i64, String)>,
    pub(super) facts: Vec<(&'static str, String)>,
}

/// The operations, by their calls.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Ops {
    pub(super) lane: Vec<usize>,
    /// Differences.
    pub(super) call: Vec<u64>,
    /// From call to return; -1 for never.
    pub(super) len: Vec<i64>,
    /// The history's events in their order: 0 for a call, and for a return 1 more than its lane. Empty where it is not
    /// known, or one of them belongs to no operation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<usize>,
    /// A letter each: `o`, `f` or `i`.
    pub(super) out: String,
    /// A letter each, from `A`.
    #[serde(rename = "fn")]
    pub(super) function: String,
    /// What each did, as a place among the texts, where sends and reads do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Vec<usize>>,
}

/// The sends, by their operations.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Sends {
    /// Differences.
    pub(super) op: Vec<usize>,
    pub(super) part: Vec<usize>,
    pub(super) value: Vec<Number>,
    /// -1 where it is not known.
    pub(super) offset: Vec<i64>,
}

/// What polls returned of a partition, by their operations.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Reads {
    /// Differences.
    pub(super) op: Vec<usize>,
    pub(super) part: Vec<usize>,
    /// The first record's offset.
    pub(super) from: Vec<i64>,
    /// The last record's.
    pub(super) last: Vec<i64>,
    pub(super) count: Vec<usize>,
}

/// What lies where in a partition, by offset.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Log {
    /// Differences.
    pub(super) offset: Vec<i64>,
    /// Numbers of values.
    pub(super) value: Vec<usize>,
    /// The operation that sent it, or -1.
    pub(super) op: Vec<i64>,
    /// 1 acknowledged, 2 read, 4 in the final read, 8 odd.
    pub(super) flags: Vec<u8>,
    /// Whether there was a final read.
    #[serde(rename = "final")]
    pub(super) final_read: bool,
}

/// A number over time.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Series {
    /// Differences.
    pub(super) t: Vec<u64>,
    /// Differences.
    pub(super) v: Vec<i64>,
}

/// A fault.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Fault {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) targets: Vec<String>,
    /// -1 if it never was.
    pub(super) from: i64,
    /// -1 if it lasts to the end.
    pub(super) to: i64,
    pub(super) effect: String,
    pub(super) line: u32,
}

/// A finding.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    pub(super) what: String,
    pub(super) count: u64,
    pub(super) ops: Vec<usize>,
}

/// How consistent a partition is.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Rung {
    pub(super) part: String,
    pub(super) level: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) what: Option<String>,
    pub(super) ops: Vec<usize>,
}

/// In which order the operations on a partition or key can have taken effect.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Course {
    pub(super) name: String,
    /// Differences.
    pub(super) op: Vec<i64>,
    /// By step, of a log: the offset of the next record after it, as the difference to that before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) end: Vec<i64>,
    /// By step, of any other object: what it holds then, as a place among the texts; -1 where that is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) state: Vec<i64>,
    /// The operation at whose return every order ends, or -1.
    pub(super) stuck: i64,
}

/// Curves over time.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) series: Vec<Curve>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Curve {
    pub(super) name: String,
    /// Differences.
    pub(super) t: Vec<u64>,
    pub(super) v: Vec<f64>,
}

/// A value of ours: a number as long as a script can hold it, and else its digits.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Number {
    Small(u64),
    Digits(String),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        // Doubles are exact up to 2^53.
        if number < 1 << 53 { Self::Small(number) } else { Self::Digits(number.to_string()) }
    }
}
