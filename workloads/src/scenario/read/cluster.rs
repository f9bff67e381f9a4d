//! Reads `cluster` and `topics`, with their configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::reader::{Accepted, Fields, Reader, shown, suggestion};
use super::source::Node;
use crate::duration;
use crate::scenario::config::{Config, ConfigValue};
use crate::scenario::vocabulary::ConfigKind;
use crate::scenario::{Cluster, Topic};

pub(super) const CLUSTER: Accepted =
    Accepted { section: "cluster", fields: &["brokers", "controllers", "combined", "tick", "config"] };
pub(super) const TOPIC: Accepted =
    Accepted { section: "topic", fields: &["name", "partitions", "replication", "config"] };

const BROKERS_MAX: u64 = 32;
const CONTROLLERS_MAX: u64 = 7;
const TOPICS_MAX: usize = 100;
/// Of all topics together.
const PARTITIONS_MAX: u32 = 1_000;
/// Kafka's limit for a topic's name.
const TOPIC_NAME_MAX: usize = 249;
const TICK_DEFAULT: Duration = Duration::from_millis(2);

/// The key that relates to the replication factor.
const MIN_IN_SYNC: &str = "min.insync.replicas";

/// Reads the cluster, and remembers it for later sections if its hosts are known.
pub(super) fn cluster(reader: &mut Reader<'_>, node: Option<&Node>) -> Cluster {
    let told = reader.told();
    let fields = node.and_then(|node| reader.fields(node, &CLUSTER));
    let get = |name| fields.as_ref().and_then(|fields| fields.get(name));
    let brokers = get("brokers").and_then(|node| reader.count(node, "brokers", 1..=BROKERS_MAX)).unwrap_or(3);
    let combined = get("combined").and_then(|node| reader.boolean(node)).unwrap_or(true);
    let hosts_are_known = reader.told() == told;
    let (voters_max, voters_default) =
        if combined { (brokers, brokers.min(3)) } else { (CONTROLLERS_MAX, 3) };
    // A quorum of two loses its majority with either: one alone does better.
    let voters_default = if voters_default == 2 { 1 } else { voters_default };
    let controllers = get("controllers")
        .and_then(|node| reader.count(node, "controllers", 1..=voters_max.min(CONTROLLERS_MAX)))
        .unwrap_or(voters_default);
    let ticks = Duration::from_millis(1)..=Duration::from_millis(100);
    let tick = get("tick").and_then(|node| reader.duration(node, &ticks)).unwrap_or(TICK_DEFAULT);
    let (config, mutants) = get("config").map(|node| broker_config(reader, node)).unwrap_or_default();
    let cluster =
        Cluster { brokers: brokers as u32, controllers: controllers as u32, combined, tick, config, mutants };
    reader.cluster = hosts_are_known.then(|| cluster.clone());
    cluster
}

/// The brokers' keys; `mutants` stands among them and is kept apart, since it configures the test.
fn broker_config(reader: &mut Reader<'_>, node: &Node) -> (Config, BTreeSet<String>) {
    let vocabulary = reader.vocabulary;
    let Some(fields) = reader.entries(node, "config") else { return Default::default() };
    let mutants = fields.get("mutants").map(|node| reader.names(node, "mutant", &vocabulary.mutants));
    let config = config(reader, &fields, &vocabulary.broker_config, &["mutants"]);
    (config, mutants.unwrap_or_default())
}

fn config(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    known: &BTreeMap<String, ConfigKind>,
    read_elsewhere: &[&str],
) -> Config {
    let mut config = Config::default();
    for (key, node) in fields.iter() {
        let name = key.name.as_str();
        if let Some(kind) = known.get(name) {
            if let Some(value) = config_value(reader, node, name, kind) {
                config.0.insert(name.to_owned(), value);
            }
        } else if !read_elsewhere.contains(&name) {
            let known: Vec<&str> =
                known.keys().map(String::as_str).chain(read_elsewhere.iter().copied()).collect();
            let help = suggestion(name, known.iter().copied());
            reader.helped(key.span, format!("unknown configuration key `{}`", shown(name)), help);
        }
    }
    config
}

fn config_value(reader: &mut Reader<'_>, node: &Node, key: &str, kind: &ConfigKind) -> Option<ConfigValue> {
    match kind {
        ConfigKind::Boolean => reader.boolean(node).map(ConfigValue::Boolean),
        ConfigKind::Count { min, max } => reader.count(node, key, *min..=*max).map(ConfigValue::Count),
        ConfigKind::Milliseconds => milliseconds(reader, node, key).map(ConfigValue::Duration),
        ConfigKind::Word(words) => {
            let choices: Vec<_> = words.iter().map(|word| (word.as_str(), word)).collect();
            Some(ConfigValue::Word(reader.choice(node, key, &choices)?.clone()))
        }
        ConfigKind::WordOrDuration(words) => {
            let text = reader.scalar(node, "a word or a duration")?;
            if text.starts_with(|c: char| c.is_ascii_digit()) {
                let range = Duration::from_millis(1)..=duration::LONGEST;
                return reader.duration(node, &range).map(ConfigValue::Duration);
            }
            if words.iter().any(|word| word == text) {
                return Some(ConfigValue::Word(text.to_owned()));
            }
            let help =
                format!("{}, or a duration such as `5s`", suggestion(text, words.iter().map(String::as_str)));
            reader.helped(node.span, format!("`{key}` cannot be `{}`", shown(text)), help);
            None
        }
    }
}

fn milliseconds(reader: &mut Reader<'_>, node: &Node, key: &str) -> Option<Duration> {
    let text = reader.scalar(node, "a whole number of milliseconds")?;
    if text.parse::<u64>().is_err()
        && let Ok(meant) = duration::parse(text)
    {
        let message = format!("`{key}` is a whole number of milliseconds, not `{}`", shown(text));
        reader.helped(node.span, message, format!("did you mean `{}`?", meant.as_millis()));
        return None;
    }
    let most = duration::LONGEST.as_millis() as u64;
    reader.count(node, key, 1..=most).map(Duration::from_millis)
}

/// Reads the topics, and remembers them for later sections if each has a name.
pub(super) fn topics(reader: &mut Reader<'_>, node: &Node, cluster: &Cluster) -> Vec<Topic> {
    let told = reader.told();
    let mut topics: Vec<Topic> = Vec::new();
    let items = reader.list(node, "topics", TOPICS_MAX);
    for item in items {
        let Some(topic) = topic(reader, item, cluster) else { continue };
        if topics.iter().any(|other| other.name == topic.name) {
            reader.mistake(item.span, format!("the topic `{}` is there twice", topic.name));
        }
        topics.push(topic);
    }
    if reader.told() == told {
        let partitions: u32 = topics.iter().map(|topic| topic.partitions).sum();
        if topics.is_empty() {
            reader.mistake(node.span, "a scenario needs at least one topic");
        } else if partitions > PARTITIONS_MAX {
            let message =
                format!("{partitions} partitions are over the limit of {PARTITIONS_MAX} for all topics");
            reader.mistake(node.span, message);
        }
    }
    reader.topics = (!topics.is_empty() && topics.len() == items.len()).then(|| topics.clone());
    topics
}

fn topic(reader: &mut Reader<'_>, node: &Node, cluster: &Cluster) -> Option<Topic> {
    let vocabulary = reader.vocabulary;
    let fields = reader.fields(node, &TOPIC)?;
    let name = reader.required(&fields, "name").and_then(|node| topic_name(reader, node));
    let most = u64::from(PARTITIONS_MAX);
    let partitions = match fields.get("partitions") {
        Some(node) => reader.count(node, "partitions", 1..=most).unwrap_or(most),
        None => 1,
    };
    let replication = match fields.get("replication") {
        Some(node) => replication(reader, node),
        None => cluster.brokers.min(3),
    };
    let config_node = fields.get("config");
    let config = config_node
        .and_then(|node| reader.entries(node, "config"))
        .map(|fields| config(reader, &fields, &vocabulary.topic_config, &[]))
        .unwrap_or_default();
    let min_in_sync = config.count(MIN_IN_SYNC).or_else(|| cluster.config.count(MIN_IN_SYNC)).unwrap_or(1);
    if min_in_sync > u64::from(replication) {
        let span =
            config_node.filter(|_| config.count(MIN_IN_SYNC).is_some()).map_or(node.span, |node| node.span);
        let message = format!("`{MIN_IN_SYNC}` is {min_in_sync}, but there are only {replication} replicas");
        reader.helped(span, message, "no send with `acks: all` could ever be acknowledged");
    }
    Some(Topic { name: name?, partitions: partitions as u32, replication, config })
}

fn replication(reader: &mut Reader<'_>, node: &Node) -> u32 {
    let Some(replication) = reader.count(node, "replication", 1..=BROKERS_MAX) else { return 1 };
    if let Some(cluster) = &reader.cluster
        && replication > u64::from(cluster.brokers)
    {
        let brokers = cluster.brokers;
        let message = format!("{replication} replicas need as many brokers, but there are {brokers}");
        reader.helped(node.span, message, "raise `cluster.brokers`, or lower `replication`");
    }
    replication as u32
}

fn topic_name(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.scalar(node, "a topic's name")?;
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_reserved = name.starts_with("__") || matches!(name, "." | "..");
    if name.is_empty() || name.len() > TOPIC_NAME_MAX || is_reserved || !name.chars().all(is_legal) {
        let help = format!(
            "use up to {TOPIC_NAME_MAX} letters, digits, `-`, `_` and `.`; a name that begins with `__` is internal"
        );
        reader.helped(node.span, format!("`{}` cannot be a topic's name", shown(name)), help);
        return None;
    }
    Some(name.to_owned())
}
