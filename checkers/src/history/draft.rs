//! Puts an event together from its keys, whatever format they come from.

use std::sync::Arc;

use super::edn::edn_text;
use super::error::{Fault, Parsed, Problem, excerpt};
use super::{Actor, Datum, Event, Float, Outcome};

/// The keys of an event that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Index,
    Time,
    Process,
    Type,
    F,
    Object,
    Value,
    Error,
}

impl Key {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Time => "time",
            Self::Process => "process",
            Self::Type => "type",
            Self::F => "f",
            Self::Object => "key",
            Self::Value => "value",
            Self::Error => "error",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name {
            "index" => Some(Self::Index),
            "time" => Some(Self::Time),
            "process" => Some(Self::Process),
            "type" => Some(Self::Type),
            "f" => Some(Self::F),
            "key" => Some(Self::Object),
            "value" => Some(Self::Value),
            "error" => Some(Self::Error),
            _ => None,
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Index => "the event's number, from 0",
            Self::Time => "nanoseconds, a whole number",
            Self::Process => "a whole number, or a name like nemesis",
            Self::Type => "invoke, ok, fail or info",
            Self::F => "the name of what is done, like read",
            Self::Object | Self::Value | Self::Error => "any value",
        }
    }
}

/// An event of which some keys are known.
#[derive(Default)]
pub(super) struct Draft {
    /// Which keys stood there, by their bits.
    seen: u16,
    index: Option<u64>,
    time: Option<i64>,
    process: Option<Actor>,
    outcome: Option<Outcome>,
    function: Option<Arc<str>>,
    key: Option<Datum>,
    value: Datum,
    error: Option<Datum>,
    extra: Vec<(Datum, Datum)>,
}

impl Draft {
    /// Takes what stands under a key that begins at `at`.
    pub(super) fn set(&mut self, key: Key, value: Datum, at: usize) -> Parsed<()> {
        let bit = 1 << key as u16;
        if self.seen & bit != 0 {
            return Err(Fault::new(at, Problem::Twice { key: key.name() }));
        }
        self.seen |= bit;
        let wrong = |value: &Datum| {
            let (key, expected) = (key.name(), key.expected());
            Fault::new(at, Problem::Wrong { key, found: excerpt(&edn_text(value)), expected })
        };
        match key {
            Key::Value => self.value = value,
            Key::Error => self.error = Some(value).filter(|error| *error != Datum::Nil),
            Key::Object => self.key = Some(value).filter(|key| *key != Datum::Nil),
            Key::Process => self.process = Some(actor(&value).ok_or_else(|| wrong(&value))?),
            Key::Type => self.outcome = Some(outcome(&value).ok_or_else(|| wrong(&value))?),
            Key::F => self.function = function(value),
            // Jepsen writes -1 for an event that has no number yet.
            Key::Index if matches!(value, Datum::Nil | Datum::Int(-1)) => {}
            Key::Index => self.index = Some(index(&value).ok_or_else(|| wrong(&value))?),
            Key::Time if value == Datum::Nil => {}
            Key::Time => self.time = Some(integer(&value).ok_or_else(|| wrong(&value))?),
        }
        Ok(())
    }

    /// Takes a key that is none of [`Key`], and what stands under it.
    pub(super) fn keep(&mut self, key: Datum, value: Datum) {
        if self.extra.len() == self.extra.capacity() {
            // Most events have one or two, if any: room for four would be most of the memory.
            self.extra.reserve_exact(self.extra.len().max(1));
        }
        self.extra.push((key, value));
    }

    /// Whether the process has a name, as the nemesis does.
    pub(super) fn is_named(&self) -> bool {
        matches!(self.process, Some(Actor::Named(_)))
    }

    /// The event, which began at `at` on `line` and has `place` others before it.
    pub(super) fn finish(self, at: usize, line: u32, place: usize) -> Parsed<Event> {
        let missing =
            |key: Key| Fault::new(at, Problem::Missing { key: key.name(), expected: key.expected() });
        Ok(Event {
            index: self.index.unwrap_or(place as u64),
            line,
            time: self.time,
            process: self.process.ok_or_else(|| missing(Key::Process))?,
            outcome: self.outcome.ok_or_else(|| missing(Key::Type))?,
            function: self.function.ok_or_else(|| missing(Key::F))?,
            key: self.key,
            value: self.value,
            error: self.error,
            extra: self.extra,
        })
    }
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Invoke, Self::Ok, Self::Fail, Self::Info];

    /// Its name as the `type` of an event.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// A name that stands alone, whichever way the format writes one.
fn name(value: &Datum) -> Option<&Arc<str>> {
    match value {
        Datum::Keyword(name) | Datum::String(name) | Datum::Symbol(name) => Some(name),
        _ => None,
    }
}

fn outcome(value: &Datum) -> Option<Outcome> {
    Outcome::of_name(name(value)?)
}

/// A number in quotes is a number too: taken for a name, its operations would silently not be checked.
fn actor(value: &Datum) -> Option<Actor> {
    match name(value) {
        Some(name) => Some(name.parse().map_or_else(|_| Actor::Named(Arc::clone(name)), Actor::Process)),
        None => integer(value).map(Actor::Process),
    }
}

/// A function that is no name, as some nemeses have, is named by its text.
fn function(value: Datum) -> Option<Arc<str>> {
    match value {
        Datum::Nil => None,
        Datum::Keyword(name) | Datum::String(name) | Datum::Symbol(name) => Some(name),
        other => Some(edn_text(&other).into()),
    }
}

fn index(value: &Datum) -> Option<u64> {
    match value {
        Datum::Number(digits) => digits.parse().ok(),
        _ => integer(value)?.try_into().ok(),
    }
}

/// A whole number; some writers of JSON have no other numbers than doubles.
fn integer(value: &Datum) -> Option<i64> {
    /// Up to here every whole number is a double.
    const EXACT_MAX: f64 = (1_u64 << 53) as f64;
    match value {
        Datum::Int(int) => Some(*int),
        Datum::Float(Float(float)) if float.fract() == 0.0 && float.abs() <= EXACT_MAX => Some(*float as i64),
        _ => None,
    }
}
