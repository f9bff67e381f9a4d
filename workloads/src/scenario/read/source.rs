//! YAML as a tree of values that know their places, within limits.
//!
//! The language is validated by hand over this tree and not by derived deserialisation, which would stop at
//! the first mistake of a file.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Error, Location, MessageFormatter, Spanned, UserMessageFormatter};

use crate::randomness::fnv1a;
use crate::scenario::diagnostics::{Diagnostic, Span};

/// The largest file that is read, in bytes.
pub(crate) const SIZE_MAX: usize = 1 << 20;
/// How deep lists and mappings may nest; the language needs six.
const DEPTH_MAX: usize = 32;
/// How many values a file may hold, those that aliases repeat included.
const NODES_MAX: usize = 50_000;

/// One value of the file.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing was written.
    Null,
    /// A word, number or text, as it stands in the file.
    Scalar(String),
    List(Vec<Node>),
    /// The entries in the file's order, duplicates included.
    Map(Vec<(Key, Node)>),
}

/// The name of a mapping's entry.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) span: Span,
    pub(crate) name: String,
}

impl Node {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The text is no YAML, is more than one document, or goes beyond a limit: one mistake, since nothing
    /// after it can be read.
    pub(crate) fn parse(text: &str) -> Result<Self, Diagnostic> {
        if text.len() > SIZE_MAX {
            let message = format!("the file is {} bytes long, over the limit of {SIZE_MAX}", text.len());
            return Err(Diagnostic { span: START, message, help: None });
        }
        let options = serde_yaml::options! {
            budget: serde_yaml::budget! {
                max_depth: DEPTH_MAX,
                flow_nesting_limit: DEPTH_MAX,
                max_nodes: NODES_MAX,
                max_events: 4 * NODES_MAX,
                max_recorded_anchor_events: 4 * NODES_MAX,
                max_total_scalar_bytes: 4 * SIZE_MAX,
            },
            alias_limits: serde_yaml::alias_limits! {
                max_total_replayed_events: 4 * NODES_MAX,
            },
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            non_finite_float_policy: NonFiniteFloatPolicy::AsString,
            strict_booleans: true,
            with_snippet: false,
        };
        serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options)
            .map(|raw| resolve(raw, text))
            .map_err(|error| refusal(&error))
    }
}

impl Node {
    /// A number for what the value says, whatever the order and the layout of its fields.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut canonical = String::new();
        self.write_canonical(&mut canonical);
        fnv1a(canonical.bytes())
    }

    fn write_canonical(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push('~'),
            // The length before the text keeps any two values apart without escapes.
            Value::Scalar(text) => *out += &format!("{}:{text}", text.len()),
            Value::List(items) => {
                out.push('[');
                for item in items {
                    item.write_canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Value::Map(entries) => {
                let mut sorted: Vec<_> = entries.iter().collect();
                sorted.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
                out.push('{');
                for (key, value) in sorted {
                    *out += &format!("{}:{}=", key.name.len(), key.name);
                    value.write_canonical(out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }
}

/// Where a mistake of the whole file is shown.
pub(crate) const START: Span = Span { line: 1, column: 1, length: 0 };

fn refusal(error: &Error) -> Diagnostic {
    let span = error.location().map_or(START, |location| place(location, None));
    let (message, help) = match error {
        Error::MultipleDocuments { .. } => {
            ("a second document starts here".to_owned(), Some("one file holds one scenario".to_owned()))
        }
        Error::AliasError { error, .. } => return Diagnostic { span, ..refusal(error) },
        Error::Budget { breach, .. } => (
            "the file is too deep or too large once its aliases are expanded".to_owned(),
            Some(format!("at most {DEPTH_MAX} levels and {NODES_MAX} values are read ({breach:?})")),
        ),
        Error::AliasReplayLimitExceeded { .. } => (
            "the file is too large once its aliases are expanded".to_owned(),
            Some(format!("at most {NODES_MAX} values are read")),
        ),
        error => (format!("not valid YAML: {}", UserMessageFormatter.format_message(error)), None),
    };
    Diagnostic {
        span,
        message: message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        help,
    }
}

/// A value before its text is taken from the source: numbers arrive without their spelling.
enum Raw {
    Null,
    Spelled,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Spelled)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn resolve(raw: Spanned<Raw>, text: &str) -> Node {
    let spelled = spelling(raw.defined, text);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Spelled => Value::Scalar(spelled.unwrap_or_default().to_owned()),
        Raw::Text(text) => Value::Scalar(text),
        Raw::List(items) => Value::List(items.into_iter().map(|item| resolve(item, text)).collect()),
        Raw::Map(entries) => {
            let entry = |(key, value): (Spanned<String>, Spanned<Raw>)| {
                let span = place(key.referenced, spelling(key.referenced, text));
                (Key { span, name: key.value }, resolve(value, text))
            };
            Value::Map(entries.into_iter().map(entry).collect())
        }
    };
    Node { span: place(raw.referenced, spelling(raw.referenced, text)), value }
}

/// The characters of the source at a location; none for lists and mappings, whose end is not known.
fn spelling(location: Location, text: &str) -> Option<&str> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let length = usize::try_from(location.span().byte_len()?).ok()?;
    text.get(start..start.checked_add(length)?)
}

fn place(location: Location, spelled: Option<&str>) -> Span {
    let first_line = spelled.and_then(|text| text.lines().next()).unwrap_or_default();
    Span {
        line: u32::try_from(location.line()).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(location.column()).unwrap_or(u32::MAX).max(1),
        length: u32::try_from(first_line.chars().count()).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(node: &Node) -> &[(Key, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn places_and_spellings_are_kept() {
        let node = Node::parse("a: 010\nb: { c: [x, 'y z'], a: true }\nb: 1e3\n").unwrap();
        let root = entries(&node);
        assert_eq!(root.iter().map(|(key, _)| key.name.as_str()).collect::<Vec<_>>(), ["a", "b", "b"]);
        assert!(matches!(&root[0].1.value, Value::Scalar(text) if text == "010"));
        assert!(matches!(&root[2].1.value, Value::Scalar(text) if text == "1e3"));
        let inner = entries(&root[1].1);
        assert_eq!(inner[1].0.span, Span { line: 2, column: 21, length: 1 });
        let Value::List(items) = &inner[0].1.value else { panic!("{inner:?}") };
        assert_eq!(items[1].span, Span { line: 2, column: 13, length: 5 });
    }

    #[test]
    fn an_alias_stands_where_it_is_used_with_what_was_defined() {
        let node = Node::parse("a: &n 12\nb: *n\n").unwrap();
        let (_, used) = &entries(&node)[1];
        assert_eq!(used.span.line, 2);
        assert!(matches!(&used.value, Value::Scalar(text) if text == "12"));
    }

    #[test]
    fn what_goes_beyond_a_limit_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "));
        }
        let nested: String = (0..300).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        for text in [bomb, nested, "[".repeat(100_000), "- ".repeat(50_000), "x".repeat(SIZE_MAX + 1)] {
            let refused = Node::parse(&text).unwrap_err();
            assert!(refused.message.len() < 200, "{refused:?}");
        }
    }
}
