//! Writes histories: one event a line, in EDN without a loss, or in JSON for tools that read no EDN.

mod edn;
mod json;

use std::io;

use thiserror::Error;

use super::draft::Key;
use super::{Actor, Datum, Event, History};

/// How much text is gathered before it is handed on, in bytes.
const GATHERED_MAX: usize = 1 << 16;

/// Writes the history as Jepsen's maps of EDN. Whatever was read reads back equal, but for the lines.
///
/// # Errors
/// If `out` fails; `InvalidInput` if an event made by hand holds what EDN has no text for, like a keyword with
/// a space, or would be read as another: a process whose name is a number, a further key named `type`.
pub fn write_edn(history: &History, out: impl io::Write) -> io::Result<()> {
    write(history, out, edn::event)
}

/// Writes the history as objects of JSON. Keywords, symbols and characters become strings, lists and sets
/// become arrays; of a tagged value the tag is lost; numbers that JSON has no text for become strings.
///
/// # Errors
/// As [`write_edn`], by the names of JSON.
pub fn write_json(history: &History, out: impl io::Write) -> io::Result<()> {
    write(history, out, json::event)
}

/// Why an event cannot be written.
#[derive(Debug, Error)]
#[error("event {index} cannot be written: {what}")]
struct Unwritable {
    index: u64,
    what: String,
}

fn write(
    history: &History,
    mut out: impl io::Write,
    event: impl Fn(&Event, &mut String) -> Result<(), String>,
) -> io::Result<()> {
    let mut text = String::new();
    for told in &history.events {
        event(told, &mut text).map_err(|what| {
            io::Error::new(io::ErrorKind::InvalidInput, Unwritable { index: told.index, what })
        })?;
        text.push('\n');
        if text.len() >= GATHERED_MAX {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether the process and the further keys would be read as what they are.
fn check(event: &Event, name: impl Fn(&Datum) -> Option<&str>) -> Result<(), String> {
    if let Actor::Named(name) = &event.process
        && name.parse::<i64>().is_ok()
    {
        return Err(format!("a process named `{name}` would be read as the number; expected another name"));
    }
    for (key, _) in &event.extra {
        if let Some(known) = name(key).and_then(Key::of_name) {
            let known = known.name();
            return Err(format!(
                "a further key `{known}` would be read as the event's own; expected another"
            ));
        }
    }
    Ok(())
}
