//! Why an input is no history: where, what is wrong, and what was expected.

use thiserror::Error;

/// How deep values may be nested.
pub(super) const NESTING_MAX: u32 = 128;

/// How much of the input an error shows, in characters.
const EXCERPT_MAX: usize = 40;

/// Why an input is no history.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ReadError {
    /// The line, from 1.
    pub line: u32,
    /// The character within the line, from 1.
    pub column: u32,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong at a place of an input.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The bytes are no text.
    #[error("this is not UTF-8; expected a text file: is it compressed, or binary?")]
    NotText,
    /// No format fits.
    #[error(
        "`{found}` begins no history; expected an event like `{{:process 0, :type :invoke, :f :read, :value nil}}`, \
         the same in JSON, a tuple like `[0 :invoke :read nil]`, or lines of a Jepsen log"
    )]
    Unrecognised {
        /// How the input begins.
        found: String,
    },
    /// A log of which no line tells an event.
    #[error(
        "no line of this log tells an operation; expected some like `INFO  jepsen.util - 4<TAB>:invoke<TAB>:write<TAB>3`, \
         but it begins with `{found}`"
    )]
    NoOperation {
        /// How the input begins.
        found: String,
    },
    /// Something else stands where it cannot.
    #[error("found {found}, expected {expected}")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What could stand there.
        expected: String,
    },
    /// The input ends within this.
    #[error("this {what} is never closed; expected `{close}` before the end")]
    Unclosed {
        /// What began here.
        what: &'static str,
        /// What would end it.
        close: char,
    },
    /// A number, a character, or the like that is none.
    #[error("`{found}` is no {wanted}")]
    Malformed {
        /// What stands there.
        found: String,
        /// What it is meant to be.
        wanted: &'static str,
    },
    /// Deeper than any history's values are.
    #[error("nested more than {NESTING_MAX} levels deep; expected fewer: is something never closed?")]
    TooDeep,
    /// An event lacks a key.
    #[error("an event without `{key}`; expected {expected}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What its value should be.
        expected: &'static str,
    },
    /// An event has a key twice.
    #[error("`{key}` stands twice in one event; expected it once")]
    Twice {
        /// The key.
        key: &'static str,
    },
    /// The value of one of an event's keys cannot be that.
    #[error("`{key}` is {found}; expected {expected}")]
    Wrong {
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What its value should be.
        expected: &'static str,
    },
}

/// A problem, at a byte of the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: Problem,
}

/// What reading yields. Boxed, because results are passed on at every value.
pub(super) type Parsed<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(super) fn new(at: usize, problem: Problem) -> Box<Self> {
        Box::new(Self { at, problem })
    }

    /// What stands at `at` in `text` is not what was expected.
    pub(super) fn unexpected(text: &str, at: usize, expected: impl Into<String>) -> Box<Self> {
        let found = match text[at..].chars().next() {
            None => "the end".to_owned(),
            Some('\n') => "the end of the line".to_owned(),
            Some(_) => format!("`{}`", excerpt(&text[at..])),
        };
        Self::new(at, Problem::Unexpected { found, expected: expected.into() })
    }

    pub(super) fn malformed(at: usize, found: &str, wanted: &'static str) -> Box<Self> {
        Self::new(at, Problem::Malformed { found: excerpt(found), wanted })
    }

    /// The error for the reader of the text.
    pub(super) fn in_text(self, text: &[u8]) -> ReadError {
        let before = &text[..self.at.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        // Bytes that continue a character do not count.
        let column = before[line_start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        ReadError {
            line: small(line_feeds(before)).saturating_add(1),
            column: small(column).saturating_add(1),
            problem: self.problem,
        }
    }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn line_feeds(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// How a text begins, up to the end of its first line.
pub(super) fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    let mut excerpt: String = line.chars().take(EXCERPT_MAX).collect();
    if excerpt.len() < line.len() {
        excerpt.push('…');
    }
    excerpt
}

/// Counts lines along with a reader that goes through a text once.
#[derive(Default)]
pub(super) struct Lines {
    counted: usize,
    line: u32,
}

impl Lines {
    /// The line of a byte, from 1. Asked for bytes further and further on.
    pub(super) fn at(&mut self, text: &[u8], at: usize) -> u32 {
        let more = small(line_feeds(&text[self.counted..at]));
        self.counted = at;
        self.line = self.line.saturating_add(more);
        self.line.saturating_add(1)
    }
}

/// The bytes as a text, without a byte order mark.
///
/// # Errors
/// If they are not UTF-8.
pub(super) fn text_of(input: &[u8]) -> Result<&str, ReadError> {
    let input = input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input);
    std::str::from_utf8(input)
        .map_err(|error| Fault::new(error.valid_up_to(), Problem::NotText).in_text(input))
}
