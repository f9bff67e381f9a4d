//! Reads values of EDN, one pass over the bytes.

use std::sync::Arc;

use super::token::{self, is_tag, is_token_byte};
use crate::history::error::{Fault, NESTING_MAX, Parsed, Problem};
use crate::history::names::Names;
use crate::history::{Datum, Float};

/// How long the shared namespace of a map's keys may be: each of them gets a copy.
const NAMESPACE_MAX: usize = 256;

/// A place in a text, and what is needed to read on from there.
pub(in crate::history) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    names: Names,
    /// The elements of the sequences that are open, the innermost last.
    elements: Vec<Datum>,
    /// The same for maps.
    entries: Vec<(Datum, Datum)>,
    /// A string while its escapes are resolved.
    unescaped: String,
}

/// A bracket that was opened.
#[derive(Clone, Copy)]
pub(in crate::history) struct Nesting {
    opened: usize,
    what: &'static str,
    close: u8,
}

impl Nesting {
    pub(in crate::history) fn close(self) -> u8 {
        self.close
    }

    /// The input ended before the bracket was closed.
    pub(in crate::history) fn unclosed(self) -> Box<Fault> {
        Fault::new(self.opened, Problem::Unclosed { what: self.what, close: char::from(self.close) })
    }
}

impl<'a> Parser<'a> {
    pub(in crate::history) fn new(text: &'a str) -> Self {
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

    pub(in crate::history) fn text(&self) -> &'a str {
        self.text
    }

    pub(in crate::history) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    pub(in crate::history) fn at(&self) -> usize {
        self.at
    }

    /// Goes on at `from` in `text`, which begins as the text so far does.
    pub(in crate::history) fn go_on(&mut self, text: &'a str, from: usize) {
        (self.text, self.at, self.depth) = (text, from, 0);
        self.elements.clear();
        self.entries.clear();
    }

    /// The next byte.
    pub(in crate::history) fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// Passes over a byte of ASCII.
    pub(in crate::history) fn bump(&mut self) {
        self.at += 1;
    }

    /// Passes over white space, commas, comments and what is discarded.
    pub(in crate::history) fn blank(&mut self) -> Parsed<()> {
        let bytes = self.bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b',' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C) => self.at += 1,
                Some(b';') => {
                    let rest = &bytes[self.at..];
                    self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                }
                Some(b'#') if bytes.get(self.at + 1) == Some(&b'_') => {
                    self.enter()?;
                    self.at += 2;
                    self.value()?;
                    self.depth -= 1;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Opens the bracket that is next.
    pub(in crate::history) fn open(&mut self) -> Nesting {
        let opened = self.at;
        let (what, close) = match self.peek() {
            Some(b'(') => ("list", b')'),
            Some(b'[') => ("vector", b']'),
            _ => ("map", b'}'),
        };
        self.at += 1;
        Nesting { opened, what, close }
    }

    /// Whether something comes before the bracket is closed; passes over the closing one.
    pub(in crate::history) fn next_in(&mut self, nesting: &Nesting) -> Parsed<bool> {
        self.blank()?;
        match self.peek() {
            None => Err(nesting.unclosed()),
            Some(byte) if byte == nesting.close => {
                self.at += 1;
                Ok(false)
            }
            Some(b')' | b']' | b'}') => {
                let close = char::from(nesting.close);
                Err(self.unexpected(&format!("`{close}`, which ends this {}", nesting.what)))
            }
            Some(_) => Ok(true),
        }
    }

    /// The next value.
    pub(in crate::history) fn value(&mut self) -> Parsed<Datum> {
        self.blank()?;
        let start = self.at;
        let Some(byte) = self.peek() else { return Err(self.unexpected("a value")) };
        match byte {
            b'0'..=b'9' => self.number(),
            b'-' | b'+' if self.bytes().get(start + 1).is_some_and(u8::is_ascii_digit) => self.number(),
            b'"' => Ok(Datum::String(self.string()?)),
            b':' => {
                let name = self.keyword()?;
                Ok(self.keyword_of(name))
            }
            b'[' | b'(' => {
                let nesting = self.open();
                let elements = self.elements(&nesting)?;
                Ok(if byte == b'[' { Datum::Vector(elements) } else { Datum::List(elements) })
            }
            b'{' => {
                let nesting = self.open();
                Ok(Datum::Map(self.entries(&nesting, None)?))
            }
            b'#' => self.dispatch(),
            b'^' => {
                self.enter()?;
                self.at += 1;
                self.value()?;
                let value = self.value()?;
                self.depth -= 1;
                Ok(value)
            }
            b'\\' => self.character(),
            _ if is_token_byte(byte) => Ok(match self.token() {
                "nil" => Datum::Nil,
                "true" => Datum::Bool(true),
                "false" => Datum::Bool(false),
                name => Datum::Symbol(self.names.share(name)),
            }),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > NESTING_MAX { Err(Fault::new(self.at, Problem::TooDeep)) } else { Ok(()) }
    }

    fn elements(&mut self, nesting: &Nesting) -> Parsed<Arc<[Datum]>> {
        self.enter()?;
        let base = self.elements.len();
        while self.next_in(nesting)? {
            let element = self.value()?;
            self.elements.push(element);
        }
        self.depth -= 1;
        Ok(self.elements.drain(base..).collect())
    }

    /// The entries of a map, whose names belong to `namespace` if they have none.
    fn entries(&mut self, nesting: &Nesting, namespace: Option<&str>) -> Parsed<Arc<[(Datum, Datum)]>> {
        self.enter()?;
        let base = self.entries.len();
        while self.next_in(nesting)? {
            let mut key = self.value()?;
            if let Some(namespace) = namespace {
                key = token::in_namespace(key, namespace);
            }
            let value = self.value()?;
            self.entries.push((key, value));
        }
        self.depth -= 1;
        Ok(self.entries.drain(base..).collect())
    }

    /// What follows a `#`: a set, a tag, a number that is none, or a map whose keys share a namespace.
    fn dispatch(&mut self) -> Parsed<Datum> {
        let start = self.at;
        match self.bytes().get(start + 1) {
            Some(b'{') => {
                self.at += 2;
                let nesting = Nesting { opened: start, what: "set", close: b'}' };
                Ok(Datum::Set(self.elements(&nesting)?))
            }
            Some(b'#') => {
                self.at += 2;
                match self.token() {
                    "Inf" => Ok(Datum::Float(Float(f64::INFINITY))),
                    "-Inf" => Ok(Datum::Float(Float(f64::NEG_INFINITY))),
                    "NaN" => Ok(Datum::Float(Float(f64::NAN))),
                    _ => {
                        let found = &self.text[start..self.at];
                        Err(Fault::malformed(start, found, "number; known are ##Inf, ##-Inf and ##NaN"))
                    }
                }
            }
            Some(b':') => {
                self.at += 1;
                let namespace = self.keyword()?;
                if namespace.len() > NAMESPACE_MAX {
                    return Err(Fault::malformed(start, namespace, "namespace: it is too long"));
                }
                self.blank()?;
                if self.peek() != Some(b'{') {
                    return Err(self.unexpected("a map, whose keys have this namespace"));
                }
                let nesting = self.open();
                Ok(Datum::Map(self.entries(&nesting, Some(namespace))?))
            }
            _ => {
                let tag = self.tag()?;
                let tag = self.names.share(tag);
                self.enter()?;
                let value = self.value()?;
                self.depth -= 1;
                Ok(Datum::Tagged(tag, Arc::new(value)))
            }
        }
    }

    /// The name of a tag, which begins with a `#`.
    pub(super) fn tag(&mut self) -> Parsed<&'a str> {
        let start = self.at;
        self.at += 1;
        let tag = self.token();
        if is_tag(tag) { Ok(tag) } else { Err(Fault::unexpected(self.text, start, "a tag like `#inst`")) }
    }

    /// Passes over metadata, which begin with a `^`.
    pub(super) fn metadata(&mut self) -> Parsed<()> {
        self.enter()?;
        self.at += 1;
        self.value()?;
        self.depth -= 1;
        Ok(())
    }

    /// All up to the next byte that no name holds.
    fn token(&mut self) -> &'a str {
        let start = self.at;
        let length = self.bytes()[start..].iter().position(|byte| !is_token_byte(*byte));
        self.at = length.map_or(self.text.len(), |length| start + length);
        &self.text[start..self.at]
    }

    /// The name of a keyword, which begins with a `:`.
    fn keyword(&mut self) -> Parsed<&'a str> {
        let start = self.at;
        let name = &self.token()[1..];
        if name.is_empty() {
            Err(Fault::unexpected(self.text, start, "a keyword like `:ok`"))
        } else {
            Ok(name)
        }
    }

    /// What `known` says of the keyword that is next; passes over it if that is something.
    pub(super) fn keyword_if<T>(&mut self, known: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let start = self.at;
        let found = (self.peek() == Some(b':')).then(|| self.token()).and_then(|token| known(&token[1..]));
        if found.is_none() {
            self.at = start;
        }
        found
    }

    fn keyword_of(&mut self, name: &str) -> Datum {
        Datum::Keyword(self.names.share(name))
    }

    fn number(&mut self) -> Parsed<Datum> {
        let (bytes, start) = (self.bytes(), self.at);
        let negative = bytes[start] == b'-';
        let digits = start + usize::from(matches!(bytes[start], b'-' | b'+'));
        let mut end = digits;
        let mut sum = Some(0_i64);
        while let Some(byte) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
            let digit = i64::from(byte - b'0');
            let more = sum.and_then(|sum| sum.checked_mul(10));
            // Downwards for negative ones: there is one more of these.
            sum = more.and_then(|sum| if negative { sum.checked_sub(digit) } else { sum.checked_add(digit) });
            end += 1;
        }
        let plain = !bytes.get(end).is_some_and(|byte| is_token_byte(*byte));
        if let Some(int) = sum.filter(|_| plain && (end - digits == 1 || bytes[digits] != b'0')) {
            self.at = end;
            return Ok(Datum::Int(int));
        }
        let text = self.token();
        token::number(text).ok_or_else(|| Fault::malformed(start, text, "number"))
    }

    fn character(&mut self) -> Parsed<Datum> {
        let start = self.at;
        let rest = &self.text[start + 1..];
        let first = rest.chars().next().filter(|char| !char.is_whitespace());
        let Some(first) = first else { return Err(self.unexpected("a character like `\\a`")) };
        // A bracket or a quote is a character too, though no name holds it.
        self.at += 1 + first.len_utf8();
        if first.is_ascii() && is_token_byte(first as u8) {
            self.token();
        }
        let name = &self.text[start + 1..self.at];
        let char = token::character(name).ok_or_else(|| Fault::malformed(start, name, "character"))?;
        Ok(Datum::Char(char))
    }

    fn string(&mut self) -> Parsed<Arc<str>> {
        let opened = self.at;
        let unclosed = || Fault::new(opened, Problem::Unclosed { what: "string", close: '"' });
        self.at += 1;
        let mut from = self.at;
        self.unescaped.clear();
        loop {
            let rest = &self.bytes()[self.at..];
            let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).ok_or_else(unclosed)?;
            self.at += length;
            if self.peek() == Some(b'"') {
                let last = &self.text[from..self.at];
                self.at += 1;
                if self.unescaped.is_empty() {
                    return Ok(self.names.share(last));
                }
                self.unescaped.push_str(last);
                return Ok(self.names.share(&self.unescaped));
            }
            self.unescaped.push_str(&self.text[from..self.at]);
            let escape = &self.text[self.at + 1..];
            if escape.is_empty() {
                return Err(unclosed());
            }
            let (char, length) = token::escape(escape)
                .ok_or_else(|| Fault::malformed(self.at, &self.text[self.at..], "escape in a string"))?;
            self.unescaped.push(char);
            self.at += 1 + length;
            from = self.at;
        }
    }
}
