//! The formats in which histories come.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::edn::Parser;
use super::error::{Fault, Problem, ReadError, excerpt, text_of};
use super::{History, edn, jepsen_log, json, knossos};

/// A format in which histories come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Jepsen's maps of EDN, one after the other or in one vector or list. Porcupine's key-value lines are
    /// these too.
    Edn,
    /// The same as objects of JSON.
    Json,
    /// Lines of Jepsen's log.
    JepsenLog,
    /// Knossos' tuples, `[process type f value]`.
    Knossos,
}

/// A name that is no [`Format`]'s.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no format of histories; known are edn, json, jepsen-log, knossos")]
pub struct UnknownFormat(pub String);

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Edn, Self::Json, Self::JepsenLog, Self::Knossos];

    /// Its name, as [`FromStr`] takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edn => "edn",
            Self::Json => "json",
            Self::JepsenLog => "jepsen-log",
            Self::Knossos => "knossos",
        }
    }

    /// The format of an input, by how it begins. What is empty is EDN.
    ///
    /// # Errors
    /// If it looks like none of them.
    pub fn recognise(input: &[u8]) -> Result<Self, ReadError> {
        let text = text_of(input)?;
        if let Some(format) = by_brackets(text) {
            return Ok(format);
        }
        if jepsen_log::is_log(text) {
            return Ok(Self::JepsenLog);
        }
        let begin = text.len() - text.trim_start().len();
        let found = excerpt(&text[begin..]);
        Err(Fault::new(begin, Problem::Unrecognised { found }).in_text(text.as_bytes()))
    }

    /// The history in an input of this format. What is empty is the empty history.
    ///
    /// # Errors
    /// If it is not of this format, or not whole.
    pub fn read(self, input: &[u8]) -> Result<History, ReadError> {
        let text = text_of(input)?;
        let history = match self {
            Self::Edn => edn::read(text),
            Self::Json => json::read(text),
            Self::JepsenLog => jepsen_log::read(text),
            Self::Knossos => knossos::read(text),
        };
        history.map_err(|fault| fault.in_text(text.as_bytes()))
    }
}

impl History {
    /// The history in an input whose format is recognised.
    ///
    /// # Errors
    /// If it is of no known format, or not whole.
    pub fn read(input: &[u8]) -> Result<Self, ReadError> {
        Format::recognise(input)?.read(input)
    }
}

/// The format that the first brackets tell.
fn by_brackets(text: &str) -> Option<Format> {
    let mut parser = Parser::new(text);
    parser.blank().ok()?;
    match parser.peek() {
        None => Some(Format::Edn),
        Some(b'[' | b'(') => {
            parser.bump();
            parser.blank().ok()?;
            match parser.peek() {
                None | Some(b']' | b')') => Some(Format::Edn),
                Some(b'[' | b'(') => Some(Format::Knossos),
                Some(byte) => map(&mut parser, byte).or_else(|| {
                    parser.value().ok()?;
                    parser.blank().ok()?;
                    (parser.peek() == Some(b':')).then_some(Format::Knossos)
                }),
            }
        }
        Some(byte) => map(&mut parser, byte),
    }
}

/// The format of a map that begins with this byte.
fn map(parser: &mut Parser<'_>, byte: u8) -> Option<Format> {
    match byte {
        b'{' => {
            parser.bump();
            parser.blank().ok()?;
            Some(if parser.peek() == Some(b'"') { Format::Json } else { Format::Edn })
        }
        b'#' | b'^' => {
            let behind = parser.text()[parser.at() + 1..].chars().next()?;
            (behind.is_alphabetic() || matches!(behind, ':' | '{')).then_some(Format::Edn)
        }
        _ => None,
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let format = Self::ALL.into_iter().find(|format| format.name() == name);
        format.ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}
