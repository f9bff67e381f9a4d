//! What the values of operations must look like.

use thiserror::Error;

use crate::history::{Datum, Event, NotCheckable};

/// Why a history is none of the object.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ObjectError {
    /// Its invocations and completions do not pair.
    #[error(transparent)]
    NotCheckable(#[from] NotCheckable),
    /// An operation does what the object cannot.
    #[error("`{function}` is no operation of a {object}, at {place}: expected {expected}")]
    Function {
        /// Which event: its index, and its line if it has one.
        place: String,
        /// What it does.
        function: String,
        /// What the object is.
        object: &'static str,
        /// What can be done to it.
        expected: &'static str,
    },
    /// The value of an operation is of another kind than it must be.
    #[error("the value of `{function}` is {found}, at {place}: expected {expected}")]
    Value {
        /// Which event: its index, and its line if it has one.
        place: String,
        /// What it does.
        function: String,
        /// What kind of value it has.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// `index 7, line 8`.
pub(super) fn place(event: &Event) -> String {
    let line = if event.line > 0 { format!(", line {}", event.line) } else { String::new() };
    format!("index {}{line}", event.index)
}

pub(super) fn wrong_function(event: &Event, object: &'static str, expected: &'static str) -> ObjectError {
    ObjectError::Function { place: place(event), function: event.function.to_string(), object, expected }
}

pub(super) fn wrong_value(event: &Event, expected: &'static str) -> ObjectError {
    let found = match &event.value {
        Datum::Int(number) => format!("the number {number}"),
        other => kind(other).to_owned(),
    };
    ObjectError::Value { place: place(event), function: event.function.to_string(), found, expected }
}

fn kind(value: &Datum) -> &'static str {
    match value {
        Datum::Nil => "nil",
        Datum::Bool(_) => "a boolean",
        Datum::Int(_) | Datum::Number(_) | Datum::Float(_) => "a number",
        Datum::Char(_) => "a character",
        Datum::String(_) => "a string",
        Datum::Keyword(_) => "a keyword",
        Datum::Symbol(_) => "a symbol",
        Datum::List(_) => "a list",
        Datum::Vector(_) => "a vector",
        Datum::Set(_) => "a set",
        Datum::Map(_) => "a map",
        Datum::Tagged(_, _) => "a tagged value",
    }
}

/// The elements that an operation returned.
pub(super) fn collection(event: &Event) -> Result<&[Datum], ObjectError> {
    match &event.value {
        Datum::Vector(elements) | Datum::List(elements) | Datum::Set(elements) => Ok(elements),
        // Some writers tag a set that is sorted.
        Datum::Tagged(_, inner) => match &**inner {
            Datum::Vector(elements) | Datum::List(elements) | Datum::Set(elements) => Ok(elements),
            _ => Err(wrong_value(event, "a vector, list or set of the elements")),
        },
        _ => Err(wrong_value(event, "a vector, list or set of the elements")),
    }
}

/// The number that an operation adds or returned.
pub(super) fn integer(event: &Event) -> Result<i64, ObjectError> {
    match event.value {
        Datum::Int(number) => Ok(number),
        _ => Err(wrong_value(event, "an integer below 2^63")),
    }
}
