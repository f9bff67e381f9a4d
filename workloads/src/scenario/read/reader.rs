//! Reads typed values from the tree of a file, and collects every mistake in them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::source::{Key, Node, Value};
use crate::duration::{self, DurationError};
use crate::names::TopicPartition;
use crate::scenario::diagnostics::{Diagnostic, Span, nearest};
use crate::scenario::{Cluster, Topic, Vocabulary};

/// The fields of one section of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The section's name, as mistakes tell it.
    pub section: &'static str,
    /// Its fields.
    pub fields: &'static [&'static str],
}

/// The entries of one mapping, each field at most once.
pub(super) struct Fields<'n> {
    section: &'static str,
    pub(super) span: Span,
    entries: Vec<(&'n Key, &'n Node)>,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The field with its name's place, for mistakes about its being there at all.
    pub(super) fn entry(&self, name: &str) -> Option<(Span, &'n Node)> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, node)| (key.span, *node))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'n Key, &'n Node)> + '_ {
        self.entries.iter().copied()
    }
}

/// Collects mistakes, and knows what later sections refer to.
///
/// Readers of values return `None` once they have told a mistake; the caller goes on with a default, since
/// nothing is built from a file with mistakes.
pub(super) struct Reader<'v> {
    pub(super) vocabulary: &'v Vocabulary,
    pub(super) mistakes: Vec<Diagnostic>,
    /// The cluster, if its hosts are known: else nothing is told of hosts that may not exist.
    pub(super) cluster: Option<Cluster>,
    /// The topics, if each has a name: else nothing is told of topics that may not exist.
    pub(super) topics: Option<Vec<Topic>>,
}

impl Reader<'_> {
    pub(super) fn mistake(&mut self, span: Span, message: impl Into<String>) {
        self.mistakes.push(Diagnostic { span, message: message.into(), help: None });
    }

    pub(super) fn helped(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.mistakes.push(Diagnostic { span, message: message.into(), help: Some(help.into()) });
    }

    /// How many mistakes were told so far: more of them afterwards means that a section has some.
    pub(super) fn told(&self) -> usize {
        self.mistakes.len()
    }

    /// The entries of a mapping of which the section accepts each.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, accepted: &Accepted) -> Option<Fields<'n>> {
        let fields = self.entries(node, accepted.section)?;
        for (key, _) in fields.iter() {
            if !accepted.fields.contains(&key.name.as_str()) {
                let message = format!("unknown field `{}` in `{}`", shown(&key.name), accepted.section);
                let help = suggestion(&key.name, accepted.fields.iter().copied());
                self.helped(key.span, message, help);
            }
        }
        Some(fields)
    }

    /// The entries of a mapping, whatever their names.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, section: &'static str) -> Option<Fields<'n>> {
        let Value::Map(all) = &node.value else {
            let message = format!("expected the fields of `{section}`, found {}", described(node));
            self.mistake(node.span, message);
            return None;
        };
        let mut seen = BTreeSet::new();
        let mut entries = Vec::with_capacity(all.len());
        for (key, value) in all {
            if seen.insert(key.name.as_str()) {
                entries.push((key, value));
            } else {
                self.mistake(key.span, format!("`{}` is given twice", shown(&key.name)));
            }
        }
        Some(Fields { section, span: node.span, entries })
    }

    /// A field that must be there.
    pub(super) fn required<'n>(&mut self, fields: &Fields<'n>, name: &str) -> Option<&'n Node> {
        let node = fields.get(name);
        if node.is_none() {
            self.mistake(fields.span, format!("`{}` lacks the field `{name}`", fields.section));
        }
        node
    }

    /// The items of a list, of which there may be so many.
    pub(super) fn list<'n>(&mut self, node: &'n Node, what: &str, most: usize) -> &'n [Node] {
        match &node.value {
            Value::List(items) if items.len() <= most => items,
            Value::List(items) => {
                let message = format!("{} {what} are over the limit of {most}", items.len());
                self.mistake(node.span, message);
                &[]
            }
            Value::Null => {
                self.helped(
                    node.span,
                    format!("expected a list of {what}, found nothing"),
                    "leave it out, or write `[]`",
                );
                &[]
            }
            Value::Scalar(text) => {
                let message = format!("expected a list of {what}, found `{}`", shown(text));
                self.helped(node.span, message, format!("did you mean `[{}]`?", shown(text)));
                &[]
            }
            Value::Map(_) => {
                self.mistake(node.span, format!("expected a list of {what}, found a mapping"));
                &[]
            }
        }
    }

    /// A word, number or text as it is written.
    pub(super) fn scalar<'n>(&mut self, node: &'n Node, expected: &str) -> Option<&'n str> {
        match &node.value {
            Value::Scalar(text) => Some(text),
            _ => {
                self.mistake(node.span, format!("expected {expected}, found {}", described(node)));
                None
            }
        }
    }

    /// A whole number within a range.
    pub(super) fn count(&mut self, node: &Node, what: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (*range.start(), *range.end());
        let text = self.scalar(node, "a whole number")?;
        match text.parse::<u64>() {
            Ok(count) if range.contains(&count) => Some(count),
            Ok(count) => {
                self.mistake(node.span, format!("`{what}` must be from {least} to {most}, not {count}"));
                None
            }
            Err(_) => {
                let message =
                    format!("`{what}` must be a whole number from {least} to {most}, not `{}`", shown(text));
                self.mistake(node.span, message);
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, node: &Node) -> Option<bool> {
        match self.scalar(node, "`true` or `false`")? {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                self.mistake(node.span, format!("expected `true` or `false`, found `{}`", shown(other)));
                None
            }
        }
    }

    /// A time span within a range.
    pub(super) fn duration(&mut self, node: &Node, range: &RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.scalar(node, "a duration such as `10s`")?;
        let duration = match duration::parse(text) {
            Ok(duration) => duration,
            Err(error) => {
                self.not_a_duration(node.span, text, &error);
                return None;
            }
        };
        if !range.contains(&duration) {
            let (least, most) = (duration::format(*range.start()), duration::format(*range.end()));
            self.mistake(node.span, format!("the duration must be from {least} to {most}, not `{text}`"));
            return None;
        }
        Some(duration)
    }

    pub(super) fn not_a_duration(&mut self, span: Span, text: &str, error: &DurationError) {
        let squeezed: String = text.split_whitespace().collect();
        let help = match error {
            DurationError::NoUnit(number) => format!("did you mean `{}s` or `{0}ms`?", shown(number)),
            DurationError::Malformed(_) if duration::parse(&squeezed).is_ok() => {
                format!("did you mean `{squeezed}`?")
            }
            _ => "units are ns, us, ms, s, m and h, as in `250ms`, `10s` and `1m30s`".to_owned(),
        };
        self.helped(span, shown(&error.to_string()), help);
    }

    /// One of the words that are known.
    pub(super) fn word<'a>(
        &mut self,
        node: &Node,
        what: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Option<&'a str> {
        let text = self.scalar(node, &format!("a {what}"))?;
        let found = known.clone().into_iter().find(|word| *word == text);
        if found.is_none() {
            let help = suggestion(text, known);
            self.helped(node.span, format!("unknown {what} `{}`", shown(text)), help);
        }
        found
    }

    /// The value that one of the words stands for which the field `field` may hold.
    pub(super) fn choice<T: Copy>(&mut self, node: &Node, field: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.scalar(node, "a word")?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let help = suggestion(text, choices.iter().map(|(word, _)| *word));
            self.helped(node.span, format!("`{field}` cannot be `{}`", shown(text)), help);
        }
        found
    }

    /// The names of a list, each of them known.
    pub(super) fn names(&mut self, node: &Node, what: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
        let items = self.list(node, &format!("{what}s"), 100);
        items
            .iter()
            .filter_map(|item| self.word(item, what, known.iter().map(String::as_str)))
            .map(str::to_owned)
            .collect()
    }

    /// The name of a topic of the scenario, with how many partitions that has; `u32::MAX` where the topics have
    /// mistakes of their own.
    pub(super) fn topic(&mut self, node: &Node) -> Option<(String, u32)> {
        let Some(topics) = self.topics.clone() else {
            return self.scalar(node, "a topic").map(|name| (name.to_owned(), u32::MAX));
        };
        let name = self.word(node, "topic", topics.iter().map(|topic| topic.name.as_str()))?;
        topics.iter().find(|topic| topic.name == name).map(|topic| (topic.name.clone(), topic.partitions))
    }

    /// The fields `topic` and `partition`, both optional.
    pub(super) fn topic_and_partition(&mut self, fields: &Fields<'_>) -> (Option<String>, Option<u32>) {
        let topic = fields.get("topic").and_then(|node| self.topic(node));
        let only = || match self.topics.as_deref() {
            Some([only]) => Some((only.name.clone(), only.partitions)),
            Some(_) => None,
            None => Some((String::new(), u32::MAX)),
        };
        let Some((span, node)) = fields.entry("partition") else {
            return (topic.map(|(name, _)| name), None);
        };
        if fields.get("topic").is_none() && only().is_none() {
            self.helped(span, "`partition` without `topic`", "say of which topic: the scenario has several");
            return (None, None);
        }
        let Some((name, partitions)) = topic.or_else(only) else { return (None, None) };
        let partition = self.count(node, "partition", 0..=u64::from(partitions - 1));
        (Some(name), partition.map(|partition| partition as u32))
    }

    /// One partition of a topic of the scenario, as `orders/0`.
    pub(super) fn topic_partition(&mut self, node: &Node) -> Option<TopicPartition> {
        let text = self.scalar(node, "a partition such as `orders/0`")?;
        let partition: TopicPartition = match text.parse() {
            Ok(partition) => partition,
            Err(error) => {
                self.mistake(node.span, shown(&format!("{error}")));
                return None;
            }
        };
        let topics = self.topics.as_ref()?;
        let Some(topic) = topics.iter().find(|topic| topic.name == partition.topic) else {
            let help = suggestion(&partition.topic, topics.iter().map(|topic| topic.name.as_str()));
            self.helped(node.span, format!("unknown topic `{}`", shown(&partition.topic)), help);
            return None;
        };
        if partition.partition >= topic.partitions {
            let last = topic.partitions - 1;
            let message =
                format!("`{partition}` does not exist: `{}` has the partitions 0 to {last}", topic.name);
            self.mistake(node.span, message);
            return None;
        }
        Some(partition)
    }
}

/// What to do about an unknown word: the nearest one, or all of them.
pub(super) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    const LISTED_MAX: usize = 40;
    if let Some(meant) = nearest(word, known.clone()) {
        return format!("did you mean `{meant}`?");
    }
    let mut all: Vec<&str> = known.into_iter().collect();
    let total = all.len();
    all.truncate(LISTED_MAX);
    match all.as_slice() {
        [] => "there is none".to_owned(),
        [only] => format!("only `{only}` is known"),
        all if total > LISTED_MAX => format!("known are {} and others", all.join(", ")),
        all => format!("known are {}", all.join(", ")),
    }
}

/// Text of the file within a message: short, and without what would upset a terminal.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 120;
    let mut chars = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut start: String = chars.by_ref().take(SHOWN_MAX).collect();
    if chars.next().is_some() {
        start.push('…');
    }
    start
}

fn described(node: &Node) -> String {
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Scalar(text) => format!("`{}`", shown(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}
