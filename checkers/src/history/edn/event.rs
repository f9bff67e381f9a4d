//! A history of maps.

use super::Parser;
use super::parser::Nesting;
use crate::history::draft::{Draft, Key};
use crate::history::error::{Fault, Lines, Parsed};
use crate::history::{Datum, Event, History};

/// The history in a text of EDN.
pub(in crate::history) fn read(text: &str) -> Parsed<History> {
    let mut parser = Parser::new(text);
    let mut lines = Lines::default();
    let mut history = History::default();
    let mut enclosing: Option<Nesting> = None;
    loop {
        parser.blank()?;
        match (parser.peek(), &enclosing) {
            (None, None) => return Ok(history),
            (None, Some(nesting)) => return Err(nesting.unclosed()),
            (Some(b'{' | b'#' | b'^'), _) => {
                let event = event(&mut parser, &mut lines, history.events.len())?;
                history.events.push(event);
            }
            (Some(b'[' | b'('), None) => enclosing = Some(parser.open()),
            (Some(byte), Some(nesting)) if byte == nesting.close() => {
                parser.bump();
                enclosing = None;
            }
            _ => return Err(parser.unexpected("an event like `{:process 0, :type :invoke, …}`")),
        }
    }
}

fn event(parser: &mut Parser<'_>, lines: &mut Lines, place: usize) -> Parsed<Event> {
    parser.prefixes()?;
    let opened = parser.at();
    if parser.peek() != Some(b'{') {
        return Err(parser.unexpected("an event like `{:process 0, :type :invoke, …}`"));
    }
    let nesting = parser.open();
    let mut draft = Draft::default();
    while parser.next_in(&nesting)? {
        let at = parser.at();
        // All but a few keys are these, so that they are not worth a datum.
        if let Some(key) = parser.keyword_if(Key::of_name) {
            draft.set(key, parser.value()?, at)?;
            continue;
        }
        let name = parser.value()?;
        let value = parser.value()?;
        // Metadata may stand before one of these.
        let key = if let Datum::Keyword(name) = &name { Key::of_name(name) } else { None };
        match key {
            Some(key) => draft.set(key, value, at)?,
            None => draft.keep(name, value),
        }
    }
    draft.finish(opened, lines.at(parser.bytes(), opened), place)
}

impl Parser<'_> {
    /// Passes over the tags and the metadata before an event.
    fn prefixes(&mut self) -> Parsed<()> {
        loop {
            match self.peek() {
                Some(b'#') => {
                    self.tag()?;
                }
                Some(b'^') => self.metadata()?,
                _ => return Ok(()),
            }
            self.blank()?;
        }
    }

    pub(in crate::history) fn unexpected(&self, expected: &str) -> Box<Fault> {
        Fault::unexpected(self.text(), self.at(), expected)
    }
}
