//! Reads the tree of a file into a scenario: typed values, the fields of each section, and every mistake.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::diagnostics::{Diagnostic, Span, nearest};
use super::source::{Key, Node, START, Value};
use super::vocabulary::Vocabulary;
use super::{
    Cluster, Latency, Network, Run, Scenario, Topic, clients, cluster, expectations, faults, selectors,
};
use crate::duration::{self, DurationError};
use crate::names::TopicPartition;

/// The fields of one section of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The section's name, as mistakes tell it.
    pub section: &'static str,
    /// Its fields.
    pub fields: &'static [&'static str],
}

const SCENARIO: Accepted = Accepted {
    section: "scenario",
    fields: &[
        "version",
        "name",
        "description",
        "system",
        "cluster",
        "topics",
        "clients",
        "network",
        "steady_state",
        "faults",
        "recovery",
        "guarantee",
        "expect",
        "run",
    ],
};
const NETWORK: Accepted = Accepted { section: "network", fields: &["latency"] };
const LATENCY: Accepted = Accepted { section: "latency", fields: &["min", "max"] };
const RUN: Accepted = Accepted { section: "run", fields: &["duration", "seeds"] };

/// Every field of the language by section, but for configuration keys, which the vocabulary gives.
pub const ACCEPTED: &[Accepted] = &[
    SCENARIO,
    cluster::CLUSTER,
    cluster::TOPIC,
    clients::CLIENT,
    clients::PRODUCER,
    clients::CONSUMER,
    NETWORK,
    LATENCY,
    clients::STEADY_STATE,
    faults::FAULT,
    faults::WHEN,
    faults::DELAY,
    selectors::SELECTOR,
    expectations::RECOVERY,
    expectations::HEAL,
    expectations::EXPECT,
    RUN,
];

/// The version of the language that is read.
const VERSION: u64 = 1;
/// Longer texts help nobody in a report.
const NAME_MAX: usize = 100;
const DESCRIPTION_MAX: usize = 1_000;
const RUN_MAX: Duration = Duration::from_secs(24 * 3_600);
const SEEDS_MAX: u64 = 1_000_000;

/// Reads a scenario, or tells every mistake that it holds.
pub(super) fn read(text: &str, vocabulary: &Vocabulary) -> Result<Scenario, Vec<Diagnostic>> {
    let root = Node::parse(text).map_err(|mistake| vec![mistake])?;
    let mut reader = Reader { vocabulary, mistakes: Vec::new(), cluster: None, topics: None };
    let scenario = scenario(&mut reader, &root);
    match scenario {
        Some(scenario) if reader.mistakes.is_empty() => Ok(scenario),
        _ => {
            assert!(!reader.mistakes.is_empty(), "a scenario was refused without a mistake");
            Err(reader.mistakes)
        }
    }
}

fn scenario(reader: &mut Reader<'_>, root: &Node) -> Option<Scenario> {
    if matches!(root.value, Value::Null) {
        reader.helped(START, "the file is empty", "a scenario begins with `version: 1` and `name:`");
        return None;
    }
    let fields = reader.fields(root, &SCENARIO)?;
    let version = reader.required(&fields, "version").and_then(|node| version(reader, node));
    let name = reader.required(&fields, "name").and_then(|node| name(reader, node));
    let description = fields.get("description").and_then(|node| description(reader, node));
    if let Some(node) = fields.get("system") {
        let system = reader.vocabulary.system.clone();
        reader.word(node, "system", [system.as_str()]);
    }
    let cluster = cluster::cluster(reader, fields.get("cluster"));
    let topics = reader.required(&fields, "topics").map(|node| cluster::topics(reader, node, &cluster));
    let clients = reader.required(&fields, "clients").map(|node| clients::clients(reader, node));
    let network = fields.get("network").map_or(NETWORK_DEFAULT, |node| network(reader, node));
    let steady_state = clients::steady_state(reader, fields.get("steady_state"));
    let run = fields.get("run").map_or(RUN_DEFAULT, |node| run(reader, node));
    let faults = fields.get("faults").map_or_else(Vec::new, |node| faults::faults(reader, node, &run));
    let recovery = expectations::recovery(reader, fields.get("recovery"));
    let guarantee =
        expectations::guarantee(reader, fields.get("guarantee"), clients.as_deref().unwrap_or_default());
    let expect = expectations::expect(reader, fields.get("expect"));
    Some(Scenario {
        version: version?,
        name: name?,
        description,
        system: reader.vocabulary.system.clone(),
        cluster,
        topics: topics?,
        clients: clients?,
        network,
        steady_state,
        faults,
        recovery,
        guarantee,
        expect,
        run,
    })
}

fn version(reader: &mut Reader<'_>, node: &Node) -> Option<u32> {
    let version = reader.count(node, "version", 0..=u64::from(u32::MAX))?;
    if version != VERSION {
        let message = format!("version {version} of the language is not known");
        reader.helped(node.span, message, format!("this build reads version {VERSION}"));
        return None;
    }
    u32::try_from(version).ok()
}

fn name(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.scalar(node, "a name")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_MAX || name.starts_with('.') || !name.chars().all(is_plain) {
        reader.helped(
            node.span,
            "the name cannot serve as the name of a folder",
            format!("use up to {NAME_MAX} letters, digits, `-`, `_` and `.`, as in `isolate-leader`"),
        );
        return None;
    }
    Some(name.to_owned())
}

fn description(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.scalar(node, "a sentence")?;
    if text.chars().count() > DESCRIPTION_MAX {
        reader.mistake(node.span, format!("the description is longer than {DESCRIPTION_MAX} characters"));
        return None;
    }
    Some(text.trim_end().to_owned())
}

const NETWORK_DEFAULT: Network =
    Network { latency: Latency { min: Duration::from_millis(1), max: Duration::from_millis(5) } };

fn network(reader: &mut Reader<'_>, node: &Node) -> Network {
    let mut network = NETWORK_DEFAULT;
    let latency = reader.fields(node, &NETWORK).and_then(|fields| fields.get("latency"));
    if let Some((node, fields)) = latency.and_then(|node| Some((node, reader.fields(node, &LATENCY)?))) {
        let bounds = Duration::ZERO..=Duration::from_secs(60);
        let min = reader.required(&fields, "min").and_then(|node| reader.duration(node, &bounds));
        let max = reader.required(&fields, "max").and_then(|node| reader.duration(node, &bounds));
        if let (Some(min), Some(max)) = (min, max) {
            if min > max {
                reader.mistake(node.span, "the least latency is greater than the most");
            }
            network.latency = Latency { min, max };
        }
    }
    network
}

const RUN_DEFAULT: Run = Run { duration: Duration::from_secs(30), seeds: 20 };

fn run(reader: &mut Reader<'_>, node: &Node) -> Run {
    let mut run = RUN_DEFAULT;
    if let Some(fields) = reader.fields(node, &RUN) {
        let bounds = Duration::from_secs(1)..=RUN_MAX;
        if let Some(duration) = fields.get("duration").and_then(|node| reader.duration(node, &bounds)) {
            run.duration = duration;
        }
        if let Some(seeds) = fields.get("seeds").and_then(|node| reader.count(node, "seeds", 1..=SEEDS_MAX)) {
            run.seeds = seeds as u32;
        }
    }
    run
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
    mistakes: Vec<Diagnostic>,
    /// The cluster, unless it has mistakes: then nothing is told of hosts that may not exist.
    pub(super) cluster: Option<Cluster>,
    /// The topics, unless they have mistakes.
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
            _ => {
                self.mistake(node.span, format!("expected a list of {what}, found {}", described(node)));
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

    /// The value that one of the words stands for.
    pub(super) fn choice<T: Copy>(&mut self, node: &Node, what: &str, choices: &[(&str, T)]) -> Option<T> {
        let word = self.word(node, what, choices.iter().map(|(word, _)| *word))?;
        choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
    }

    /// The names of a list, each of them known.
    pub(super) fn names(&mut self, node: &Node, what: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
        let items = self.list(node, what, 100);
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

fn described(node: &Node) -> impl Display {
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Scalar(text) => format!("`{}`", shown(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}
