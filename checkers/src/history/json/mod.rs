//! Histories in JSON: one object an event, on lines of their own or in one enclosing array.
//!
//! Read by hand, as serde_json cannot do it: it rounds integers beyond 64 bits (its `arbitrary_precision` would
//! change the numbers of every crate in the build), and of something that is never closed it names the end of
//! the text instead of where that began.

mod parser;

pub(super) use parser::is_number;
use parser::{Opened, Parser};

use super::draft::{Draft, Key};
use super::error::{Fault, Lines, Parsed};
use super::{Datum, Event, History};

const EVENT: &str = "an event like `{\"process\": 0, \"type\": \"invoke\", …}`";

/// The history in a text of JSON.
pub(super) fn read(text: &str) -> Parsed<History> {
    let mut parser = Parser::new(text);
    let mut lines = Lines::default();
    let mut history = History::default();
    loop {
        parser.blank();
        match parser.peek() {
            None => return Ok(history),
            Some(b'[') => array(&mut parser, &mut lines, &mut history)?,
            _ => history.events.push(event(&mut parser, &mut lines, history.events.len())?),
        }
    }
}

fn array(parser: &mut Parser<'_>, lines: &mut Lines, history: &mut History) -> Parsed<()> {
    let opened = Opened { at: parser.at(), what: "array", close: ']' };
    parser.bump();
    let mut first = true;
    while parser.next_in(first, opened)? {
        history.events.push(event(parser, lines, history.events.len())?);
        first = false;
    }
    Ok(())
}

fn event(parser: &mut Parser<'_>, lines: &mut Lines, place: usize) -> Parsed<Event> {
    let opened = Opened { at: parser.at(), what: "object", close: '}' };
    if parser.peek() != Some(b'{') {
        return Err(Fault::unexpected(parser.text(), opened.at, EVENT));
    }
    parser.bump();
    let mut draft = Draft::default();
    let mut first = true;
    while parser.next_in(first, opened)? {
        let at = parser.at();
        let name = parser.name()?;
        match Key::of_name(parser.read(&name)) {
            Some(key) => draft.set(key, parser.value()?, at)?,
            None => {
                let name = Datum::String(parser.share(&name));
                draft.keep(name, parser.value()?);
            }
        }
        first = false;
    }
    draft.finish(opened.at, lines.at(parser.text().as_bytes(), opened.at), place)
}
