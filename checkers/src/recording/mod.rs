//! A run as it was recorded: what it was, everything that happened, and how it ended.
//!
//! A recording is one file, [`FILE_NAME`], in a folder of its own: one line an event, each with its length
//! and a checksum that runs on from line to line. `docs/recording.md` describes it. [`RecordingWriter`]
//! streams it as the run grows, [`RecordingReader`] reads and verifies it, [`Recording`] holds all of it.

mod hash;
mod reader;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use hash::TraceHash;
pub use reader::RecordingReader;
pub use writer::RecordingWriter;

use crate::fault::{FaultEvent, FaultLog};
use crate::ids::Time;
use crate::operation::Operation;
use crate::trace::TraceEvent;

/// The name of the recording's file in its folder.
pub const FILE_NAME: &str = "recording.log";

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// What was run: the first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format: [`VERSION`].
    #[serde(rename = "highwater")]
    pub version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// A hash of the scenario's text.
    pub scenario_hash: String,
    /// The seed.
    pub seed: u64,
    /// The build that ran it.
    pub build: String,
    /// The plan, opaque here.
    pub plan: serde_json::Value,
}

/// One line between the first and the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client's operation began or ended.
    Operation(Operation),
    /// A fault was planned, injected, healed or skipped.
    Fault(FaultEvent),
    /// A broker or disk told a change.
    Trace(TraceEvent),
    /// The run entered another part.
    Mark(Mark),
    /// The run's own counters, now and then.
    Sample(Sample),
}

impl Event {
    /// When it happened.
    pub fn time(&self) -> Time {
        match self {
            Self::Operation(operation) => operation.time,
            Self::Fault(fault) => fault.time,
            Self::Trace(trace) => trace.time,
            Self::Mark(mark) => mark.time,
            Self::Sample(sample) => sample.time,
        }
    }
}

/// A turn in the course of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which turn.
    #[serde(rename = "mark")]
    pub stage: Stage,
    /// When.
    pub time: Time,
    /// In words, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Arc<str>>,
}

/// The parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The steady state was reached; faults may begin.
    Steady,
    /// The steady state was not reached: the run says nothing.
    NotSteady,
    /// The calm phase begins: everything is healed, and producers run on.
    Calm,
    /// Producers and consumers have stopped; the final read begins.
    FinalRead,
    /// The final read could not run; the note says why.
    NoFinalRead,
    /// The run was stopped before its end; the note says why.
    Stopped,
    /// A node ended by itself, which no fault excuses, and the run with it; the note says which, and how.
    Crashed,
}

/// Counters of the run itself at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// What was counted, like `frames`.
    #[serde(rename = "sample")]
    pub counters: BTreeMap<Arc<str>, u64>,
    /// When.
    pub time: Time,
}

/// How a run ended: the last line. A recording without it is incomplete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footer {
    /// The virtual time at the end.
    pub end: Time,
    /// How many events there are.
    pub events: u64,
    /// The hash of all events, equal for equal runs.
    pub hash: TraceHash,
    /// The run's totals.
    pub counters: BTreeMap<Arc<str>, u64>,
}

/// A whole run in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// What was run.
    pub header: Header,
    /// All that happened, in order.
    pub events: Vec<Event>,
    /// How it ended, or how the file breaks off.
    pub ending: Ending,
}

/// How a recording ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its last line: all of it is here.
    Complete(Footer),
    /// Without: the process that wrote it ended too early.
    Incomplete {
        /// The line that is torn or missing, from 1.
        line: u64,
    },
}

impl Recording {
    /// Reads and verifies a whole recording.
    ///
    /// # Errors
    /// If it cannot be read, or any byte of it was changed. A recording that breaks off is no error, but
    /// [`Ending::Incomplete`].
    pub fn read(input: impl io::BufRead) -> Result<Self, RecordingError> {
        let mut reader = RecordingReader::new(input)?;
        let mut events = Vec::new();
        while let Some(event) = reader.next_event()? {
            events.push(event);
        }
        let (header, ending) = reader.into_parts();
        Ok(Self { header, events, ending })
    }

    /// The last line, if it is there.
    pub fn footer(&self) -> Option<&Footer> {
        match &self.ending {
            Ending::Complete(footer) => Some(footer),
            Ending::Incomplete { .. } => None,
        }
    }

    /// The history alone.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.events.iter().filter_map(|event| match event {
            Event::Operation(operation) => Some(operation),
            _ => None,
        })
    }

    /// The faults, each with all that is known of it.
    pub fn faults(&self) -> FaultLog {
        let mut log = FaultLog::default();
        for event in &self.events {
            if let Event::Fault(fault) = event {
                log.observe(fault);
            }
        }
        log
    }
}

/// Why a recording cannot be read or written. Exit code 74.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The file cannot be read or written.
    #[error("cannot read or write the recording")]
    Io(#[from] io::Error),
    /// A line is not what was written.
    #[error("the recording is damaged at line {line}: {damage}")]
    Damaged {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The recording was written by another version.
    #[error("the recording has version {found}, and this build reads version {VERSION}")]
    Version {
        /// The version that wrote it.
        found: u32,
    },
    /// Not even the first line is whole.
    #[error("the recording breaks off in its first line")]
    NoHeader,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It does not begin with a length and a checksum.
    Frame,
    /// It is longer or shorter than it says.
    Length,
    /// It, or a line before it, was changed, moved or removed.
    Checksum,
    /// It is no event that this build knows.
    Content(String),
    /// It stands after the last line.
    AfterEnd,
    /// The last line counts other events, or another hash.
    Totals,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame => f.write_str("it does not begin with a length and a checksum"),
            Self::Length => f.write_str("it is longer or shorter than it says"),
            Self::Checksum => f.write_str("its checksum does not match"),
            Self::Content(reason) => f.write_str(reason),
            Self::AfterEnd => f.write_str("it stands after the last line"),
            Self::Totals => f.write_str("its totals do not match the events"),
        }
    }
}

#[cfg(test)]
mod tests;
