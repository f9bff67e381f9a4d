//! Reads values of JSON, one pass over the bytes. Numbers keep their digits where no other reader would.

use std::sync::Arc;

use crate::history::edn::unicode_escape;
use crate::history::error::{Fault, NESTING_MAX, Parsed, Problem};
use crate::history::names::Names;
use crate::history::{Datum, Float};

/// A place in a text, and what is needed to read on from there.
pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    names: Names,
    /// The elements of the arrays that are open, the innermost last.
    elements: Vec<Datum>,
    /// The same for objects.
    entries: Vec<(Datum, Datum)>,
    /// A string while its escapes are resolved.
    unescaped: String,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            names: Names::default(),
            elements: Vec::new(),
            entries: Vec::new(),
            unescaped: String::new(),
        }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over a byte of ASCII.
    pub(super) fn bump(&mut self) {
        self.at += 1;
    }

    /// Passes over white space.
    pub(super) fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &str) -> Box<Fault> {
        Fault::unexpected(self.text, self.at, expected)
    }

    /// Whether something comes before what was opened is closed; passes over the comma before it.
    pub(super) fn next_in(&mut self, first: bool, opened: Opened) -> Parsed<bool> {
        self.blank();
        match self.peek() {
            None => Err(opened.unclosed()),
            Some(byte) if char::from(byte) == opened.close => {
                self.at += 1;
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(b',') => {
                self.at += 1;
                self.blank();
                if self.peek().is_none() { Err(opened.unclosed()) } else { Ok(true) }
            }
            Some(_) => Err(self.unexpected(&format!("`,` or `{}`", opened.close))),
        }
    }

    /// The name of an object's entry, and the colon behind it.
    pub(super) fn name(&mut self) -> Parsed<Text<'a>> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a name in quotes"));
        }
        let name = self.text_in_quotes()?;
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:` behind a name"));
        }
        self.at += 1;
        Ok(name)
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Parsed<Datum> {
        self.blank();
        match self.peek() {
            Some(b'"') => {
                let text = self.text_in_quotes()?;
                Ok(Datum::String(self.share(&text)))
            }
            Some(b'0'..=b'9' | b'-') => self.number(),
            Some(b'[') => self.array(),
            Some(b'{') => self.object(),
            Some(b'n') => self.word("null", Datum::Nil),
            Some(b't') => self.word("true", Datum::Bool(true)),
            Some(b'f') => self.word("false", Datum::Bool(false)),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn word(&mut self, word: &str, value: Datum) -> Parsed<Datum> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn enter(&mut self, what: &'static str, close: char) -> Parsed<Opened> {
        let opened = Opened { at: self.at, what, close };
        self.at += 1;
        self.depth += 1;
        if self.depth > NESTING_MAX { Err(Fault::new(opened.at, Problem::TooDeep)) } else { Ok(opened) }
    }

    fn array(&mut self) -> Parsed<Datum> {
        let opened = self.enter("array", ']')?;
        let base = self.elements.len();
        while self.next_in(self.elements.len() == base, opened)? {
            let element = self.value()?;
            self.elements.push(element);
        }
        self.depth -= 1;
        Ok(Datum::Vector(self.elements.drain(base..).collect()))
    }

    fn object(&mut self) -> Parsed<Datum> {
        let opened = self.enter("object", '}')?;
        let base = self.entries.len();
        while self.next_in(self.entries.len() == base, opened)? {
            let name = self.name()?;
            let name = Datum::String(self.share(&name));
            let value = self.value()?;
            self.entries.push((name, value));
        }
        self.depth -= 1;
        Ok(Datum::Map(self.entries.drain(base..).collect()))
    }

    fn number(&mut self) -> Parsed<Datum> {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest.bytes().position(|byte| !is_number_byte(byte)).unwrap_or(rest.len());
        let text = &rest[..length];
        if !is_number(text) {
            return Err(Fault::malformed(start, text, "number"));
        }
        self.at += length;
        if let Ok(int) = text.parse() {
            return Ok(Datum::Int(int));
        }
        let float = text.parse().ok().filter(|float: &f64| float.is_finite());
        let whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        Ok(float
            .filter(|_| !whole)
            .map_or_else(|| Datum::Number(text.into()), |float| Datum::Float(Float(float))))
    }

    /// The text that was read last.
    pub(super) fn read<'t>(&'t self, text: &Text<'t>) -> &'t str {
        match text {
            Text::Plain(text) => text,
            Text::Unescaped => &self.unescaped,
        }
    }

    pub(super) fn share(&mut self, text: &Text<'_>) -> Arc<str> {
        match text {
            Text::Plain(text) => self.names.share(text),
            Text::Unescaped => self.names.share(&self.unescaped),
        }
    }

    fn text_in_quotes(&mut self) -> Parsed<Text<'a>> {
        let opened = Opened { at: self.at, what: "string", close: '"' };
        self.at += 1;
        let mut from = self.at;
        self.unescaped.clear();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
            self.at += length.ok_or_else(|| opened.unclosed())?;
            match self.peek() {
                Some(b'"') => {
                    let last = &self.text[from..self.at];
                    self.at += 1;
                    if self.unescaped.is_empty() {
                        return Ok(Text::Plain(last));
                    }
                    self.unescaped.push_str(last);
                    return Ok(Text::Unescaped);
                }
                Some(b'\\') => {
                    self.unescaped.push_str(&self.text[from..self.at]);
                    let escape = &self.text[self.at + 1..];
                    if escape.is_empty() {
                        return Err(opened.unclosed());
                    }
                    let (char, length) = unescape(escape).ok_or_else(|| {
                        Fault::malformed(self.at, &self.text[self.at..], "escape in a string")
                    })?;
                    self.unescaped.push(char);
                    self.at += 1 + length;
                    from = self.at;
                }
                _ => return Err(self.unexpected("the end of a string, `\"`, or an escape like `\\n`")),
            }
        }
    }
}

/// A text in quotes: as it stands there, or, until the next one is read, in [`Parser::unescaped`].
pub(super) enum Text<'a> {
    Plain(&'a str),
    Unescaped,
}

/// A bracket or a quote that was opened.
#[derive(Clone, Copy)]
pub(super) struct Opened {
    pub(super) at: usize,
    pub(super) what: &'static str,
    pub(super) close: char,
}

impl Opened {
    fn unclosed(self) -> Box<Fault> {
        Fault::new(self.at, Problem::Unclosed { what: self.what, close: self.close })
    }
}

fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// Whether JSON can write a number so.
pub(in crate::history) fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_digits)
}

/// The character of an escape, whose text begins after the backslash, and how many bytes it is.
fn unescape(text: &str) -> Option<(char, usize)> {
    let char = match text.as_bytes().first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{C}',
        b'u' => return unicode_escape(text),
        _ => return None,
    };
    Some((char, 1))
}
