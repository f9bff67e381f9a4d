//! Reads the tree of a file into a scenario, section by section, and tells every mistake.

mod clients;
mod cluster;
mod disk;
mod expectations;
mod faults;
mod network;
mod reader;
mod selectors;
mod source;

use std::time::Duration;

pub use faults::{FaultKind, KINDS};
pub use reader::Accepted;
pub(super) use source::{SIZE_MAX, START};

use reader::Reader;
use source::{Node, Value};

use super::diagnostics::Diagnostic;
use super::{Latency, Network, Run, Scenario, Vocabulary};

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
        "published",
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
    expectations::PUBLISHED,
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
    let published = fields.get("published").and_then(|node| expectations::published(reader, node));
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
        published,
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
