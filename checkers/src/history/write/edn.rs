//! An event as a map of EDN.

use std::fmt::Write;

use crate::history::edn::{is_name, is_number, is_symbol, is_tag, print};
use crate::history::{Actor, Datum, Event};

pub(super) fn event(event: &Event, text: &mut String) -> Result<(), String> {
    super::check(event, |key| match key {
        Datum::Keyword(name) => Some(name),
        _ => None,
    })?;
    // A string takes all that is written to it.
    let _ = write!(text, "{{:index {}, ", event.index);
    if let Some(time) = event.time {
        let _ = write!(text, ":time {time}, ");
    }
    match &event.process {
        Actor::Process(process) => {
            let _ = write!(text, ":process {process}");
        }
        Actor::Named(name) => {
            text.push_str(":process ");
            named(name, text)?;
        }
    }
    let _ = write!(text, ", :type :{}, :f ", event.outcome.name());
    named(&event.function, text)?;
    if let Some(key) = &event.key {
        text.push_str(", :key ");
        value(key, text)?;
    }
    text.push_str(", :value ");
    value(&event.value, text)?;
    if let Some(error) = &event.error {
        text.push_str(", :error ");
        value(error, text)?;
    }
    for (key, of_key) in &event.extra {
        text.push_str(", ");
        value(key, text)?;
        text.push(' ');
        value(of_key, text)?;
    }
    text.push('}');
    Ok(())
}

/// A name as a keyword, or in quotes where no keyword can hold it.
fn named(name: &str, text: &mut String) -> Result<(), String> {
    value(&if is_name(name) { Datum::Keyword(name.into()) } else { Datum::String(name.into()) }, text)
}

fn value(value: &Datum, text: &mut String) -> Result<(), String> {
    check(value)?;
    let _ = print(value, text);
    Ok(())
}

/// Whether the text of the value is read as the value.
fn check(value: &Datum) -> Result<(), String> {
    match value {
        Datum::Number(digits) => written(is_number(digits), digits, "number"),
        Datum::Keyword(name) => written(is_name(name), name, "keyword"),
        Datum::Symbol(name) => written(is_symbol(name), name, "symbol"),
        Datum::List(elements) | Datum::Vector(elements) | Datum::Set(elements) => {
            elements.iter().try_for_each(check)
        }
        Datum::Map(entries) => {
            entries.iter().try_for_each(|(key, value)| check(key).and_then(|()| check(value)))
        }
        Datum::Tagged(tag, value) => written(is_tag(tag), tag, "tag").and_then(|()| check(value)),
        Datum::Nil | Datum::Bool(_) | Datum::Int(_) | Datum::Float(_) | Datum::Char(_) | Datum::String(_) => {
            Ok(())
        }
    }
}

fn written(can: bool, text: &str, what: &str) -> Result<(), String> {
    if can { Ok(()) } else { Err(format!("`{text}` as a {what} would be read as something else in EDN")) }
}
