//! Knossos' tuples: `[process type f value]`, one after the other or in one enclosing vector or list.

use super::draft::{Draft, Key};
use super::edn::Parser;
use super::error::{Fault, Lines, Parsed};
use super::{Event, History};

const TUPLE: &str = "a tuple like `[0 :invoke :read nil]`";

/// What stands in a tuple, in this order; the last two may be absent.
const COLUMNS: [Key; 5] = [Key::Process, Key::Type, Key::F, Key::Value, Key::Error];

/// The history in a text of tuples.
pub(super) fn read(text: &str) -> Parsed<History> {
    let mut parser = Parser::new(text);
    let mut lines = Lines::default();
    let mut history = History::default();
    loop {
        parser.blank()?;
        match parser.peek() {
            None => return Ok(history),
            Some(b'[' | b'(') => {
                let opened = parser.at();
                let nesting = parser.open();
                parser.blank()?;
                if !matches!(parser.peek(), Some(b'[' | b'(' | b']' | b')') | None) {
                    parser.go_on(text, opened);
                    history.events.push(tuple(&mut parser, &mut lines, history.events.len())?);
                    continue;
                }
                while parser.next_in(&nesting)? {
                    history.events.push(tuple(&mut parser, &mut lines, history.events.len())?);
                }
            }
            _ => return Err(parser.unexpected(TUPLE)),
        }
    }
}

fn tuple(parser: &mut Parser<'_>, lines: &mut Lines, place: usize) -> Parsed<Event> {
    let opened = parser.at();
    if !matches!(parser.peek(), Some(b'[' | b'(')) {
        return Err(parser.unexpected(TUPLE));
    }
    let nesting = parser.open();
    let mut draft = Draft::default();
    let mut columns = COLUMNS.into_iter();
    while parser.next_in(&nesting)? {
        let at = parser.at();
        let Some(column) = columns.next() else {
            return Err(Fault::unexpected(
                parser.text(),
                at,
                "the tuple's end: it has five elements already",
            ));
        };
        draft.set(column, parser.value()?, at)?;
    }
    draft.finish(opened, lines.at(parser.bytes(), opened), place)
}
