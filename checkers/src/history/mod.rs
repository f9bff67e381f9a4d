//! Histories of other systems: events as Jepsen's tools write them, whatever the object under test was.
//!
//! A reader yields a [`History`] of [`Event`]s, whose functions and values are still plain [`Datum`]s; what
//! they mean is up to the model by which the history is checked. [`spans`] pairs invocations with
//! completions, and names what makes a history uncheckable.

mod datum;
mod draft;
mod edn;
mod error;
mod format;
mod jepsen_log;
mod json;
mod knossos;
mod names;
mod spans;
mod write;

use std::sync::Arc;

pub use datum::{Datum, Float};
pub use error::{Problem, ReadError};
pub use format::{Format, UnknownFormat};
pub use spans::{NotCheckable, Span, spans};
pub use write::{write_edn, write_json};

pub(crate) use edn::{Limits, print_within};

pub use crate::operation::Outcome;

/// A history as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Its events, in the order in which they happened: calls and returns of the clients, and what the
    /// nemesis did.
    pub events: Vec<Event>,
    /// How many lines of the input told no event: those of a log that are about other things.
    pub skipped: u64,
}

/// One event of a history: an invocation or a completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its own index if it bears one, else its place among the events, from 0.
    pub index: u64,
    /// The line of the input on which it begins, from 1; 0 for one that was never read from a text.
    pub line: u32,
    /// Nanoseconds since some start, if the history tells times.
    pub time: Option<i64>,
    /// Who.
    pub process: Actor,
    /// Whether it is an invocation, or which completion.
    pub outcome: Outcome,
    /// What is done: Jepsen's `:f`.
    pub function: Arc<str>,
    /// The key of the object, where the history names it beside the value (Porcupine's `:key`).
    pub key: Option<Datum>,
    /// The argument, and in a completion the result.
    pub value: Datum,
    /// Why it failed, or is indeterminate.
    pub error: Option<Datum>,
    /// Every other key, in the order of the input.
    pub extra: Vec<(Datum, Datum)>,
}

/// Who invokes operations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A process: one lane of a client, with at most one outstanding operation.
    Process(i64),
    /// A process with a name, such as the nemesis. Its events belong to no object.
    Named(Arc<str>),
}

impl Event {
    /// How much of a value is told in short.
    const BRIEF: Limits = Limits { depth_max: 7, elements_max: 24 };
    /// How long what is told in short may be, in characters.
    const BRIEF_CHARS_MAX: usize = 100;

    /// What is done, in short: the function, the key if it is named apart, and the value, cut where it is long.
    pub fn brief(&self) -> String {
        let mut brief = self.function.to_string();
        // Writing to a text cannot fail.
        for datum in self.key.iter().chain([&self.value]) {
            brief.push(' ');
            let _ = print_within(Self::BRIEF, datum, &mut brief);
        }
        if let Some((end, _)) = brief.char_indices().nth(Self::BRIEF_CHARS_MAX) {
            brief.truncate(end);
            brief.push('…');
        }
        brief
    }
}

#[cfg(test)]
pub(crate) mod mutations;
#[cfg(test)]
mod tests;
