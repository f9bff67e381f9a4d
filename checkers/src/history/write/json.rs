//! An event as an object of JSON.

use std::borrow::Cow;
use std::fmt::Write;

use crate::history::edn::edn_text;
use crate::history::json::is_number;
use crate::history::{Actor, Datum, Event, Float};

pub(super) fn event(event: &Event, text: &mut String) -> Result<(), String> {
    super::check(event, |key| match key {
        Datum::Keyword(name) | Datum::String(name) | Datum::Symbol(name) => Some(name),
        _ => None,
    })?;
    // A string takes all that is written to it.
    let _ = write!(text, "{{\"index\":{}", event.index);
    if let Some(time) = event.time {
        let _ = write!(text, ",\"time\":{time}");
    }
    text.push_str(",\"process\":");
    match &event.process {
        Actor::Process(process) => {
            let _ = write!(text, "{process}");
        }
        Actor::Named(name) => string(name, text),
    }
    let _ = write!(text, ",\"type\":\"{}\",\"f\":", event.outcome.name());
    string(&event.function, text);
    if let Some(key) = &event.key {
        text.push_str(",\"key\":");
        value(key, text);
    }
    text.push_str(",\"value\":");
    value(&event.value, text);
    if let Some(error) = &event.error {
        text.push_str(",\"error\":");
        value(error, text);
    }
    for (key, of_key) in &event.extra {
        text.push(',');
        string(&name(key), text);
        text.push(':');
        value(of_key, text);
    }
    text.push('}');
    Ok(())
}

fn value(of: &Datum, text: &mut String) {
    match of {
        Datum::Nil => text.push_str("null"),
        Datum::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
        Datum::Int(int) => {
            let _ = write!(text, "{int}");
        }
        Datum::Number(digits) if is_number(digits) => text.push_str(digits),
        Datum::Float(Float(float)) if float.is_finite() => {
            let _ = write!(text, "{float:?}");
        }
        Datum::List(elements) | Datum::Vector(elements) | Datum::Set(elements) => {
            text.push('[');
            for (place, element) in elements.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                value(element, text);
            }
            text.push(']');
        }
        Datum::Map(entries) => {
            text.push('{');
            for (place, (key, of_key)) in entries.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                string(&name(key), text);
                text.push(':');
                value(of_key, text);
            }
            text.push('}');
        }
        Datum::Tagged(_, tagged) => value(tagged, text),
        Datum::Number(_)
        | Datum::Float(_)
        | Datum::Char(_)
        | Datum::String(_)
        | Datum::Keyword(_)
        | Datum::Symbol(_) => string(&name(of), text),
    }
}

/// The value as a string: the text that it is, or its text in EDN.
fn name(of: &Datum) -> Cow<'_, str> {
    match of {
        Datum::String(text) | Datum::Keyword(text) | Datum::Symbol(text) | Datum::Number(text) => {
            Cow::Borrowed(text)
        }
        Datum::Char(char) => Cow::Owned(char.to_string()),
        other => Cow::Owned(edn_text(other)),
    }
}

fn string(of: &str, text: &mut String) {
    text.push('"');
    for char in of.chars() {
        match char {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            _ if char.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(char));
            }
            _ => text.push(char),
        }
    }
    text.push('"');
}
