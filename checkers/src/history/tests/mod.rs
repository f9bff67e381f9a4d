//! Tests of the readers and writers of histories.

mod edn;
mod errors;
mod formats;
mod fuzz;
mod spans;
mod write;

use super::{Actor, Datum, Event, Format, History, Outcome};

/// The history in a text of this format.
#[track_caller]
fn read(format: Format, text: &str) -> History {
    format.read(text.as_bytes()).unwrap_or_else(|error| panic!("{format}: {error}\n{text}"))
}

/// The events of a text whose format is recognised.
#[track_caller]
fn events(text: &str) -> Vec<Event> {
    History::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}")).events
}

/// Process, type, function and value.
type Told = (Actor, Outcome, String, Datum);

fn told(event: &Event) -> Told {
    (event.process.clone(), event.outcome, event.function.to_string(), event.value.clone())
}

fn string(text: &str) -> Datum {
    Datum::String(text.into())
}

fn keyword(name: &str) -> Datum {
    Datum::Keyword(name.into())
}

fn vector(elements: impl IntoIterator<Item = i64>) -> Datum {
    Datum::Vector(elements.into_iter().map(Datum::Int).collect())
}

fn nemesis() -> Actor {
    Actor::Named("nemesis".into())
}
