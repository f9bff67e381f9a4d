//! Reads `recovery`, `guarantee` and `expect`: what must come of a scenario.

use std::collections::BTreeSet;
use std::time::Duration;

use super::clients::bound;
use super::reader::{Accepted, Reader};
use super::selectors::{self, Reach};
use super::source::{Node, Value};
use crate::names::TopicPartition;
use crate::scenario::quantity::Comparison;
use crate::scenario::{Acks, Client, Expect, Guarantee, Published, Recovery, Seen};

pub(super) const RECOVERY: Accepted = Accepted { section: "recovery", fields: &["heal", "within"] };
pub(super) const HEAL: Accepted = Accepted { section: "heal", fields: &["except"] };
pub(super) const EXPECT: Accepted = Accepted {
    section: "expect",
    fields: &[
        "violation",
        "permitted",
        "seen",
        "unavailable",
        "available",
        "unavailability.max",
        "acknowledged",
        "lost",
        "lost_as",
        "duplicates",
        "sometimes",
    ],
};
pub(super) const PUBLISHED: Accepted =
    Accepted { section: "published", fields: &["source", "sent", "acknowledged", "lost"] };

/// Longer sources help nobody in a report.
const SOURCE_MAX: usize = 200;

/// Reads the calm phase.
pub(super) fn recovery(reader: &mut Reader<'_>, node: Option<&Node>) -> Recovery {
    let mut recovery = Recovery { except: BTreeSet::new(), within: Duration::from_secs(30) };
    let Some(fields) = node.and_then(|node| reader.fields(node, &RECOVERY)) else { return recovery };
    let bounds = Duration::from_millis(100)..=Duration::from_secs(3_600);
    if let Some(within) = fields.get("within").and_then(|node| reader.duration(node, &bounds)) {
        recovery.within = within;
    }
    if let Some(heal) = fields.get("heal") {
        if let Value::Map(_) = heal.value {
            let except = reader.fields(heal, &HEAL).and_then(|fields| reader.required(&fields, "except"));
            let hosts = except.and_then(|node| selectors::hosts(reader, node, Reach::Nodes));
            recovery.except = hosts.unwrap_or_default().into_iter().collect();
        } else {
            reader.choice(heal, "heal", &[("all", ())]);
        }
    }
    recovery
}

/// Reads the contract, and refuses one that the producers cannot give.
pub(super) fn guarantee(reader: &mut Reader<'_>, node: Option<&Node>, clients: &[Client]) -> Guarantee {
    const CHOICES: [(&str, Guarantee); 3] = [
        ("at-most-once", Guarantee::AtMostOnce),
        ("at-least-once", Guarantee::AtLeastOnce),
        ("exactly-once", Guarantee::ExactlyOnce),
    ];
    // No client sends anything twice of itself, so nothing may be there twice unless the scenario allows it.
    let Some(node) = node else { return Guarantee::AtMostOnce };
    let Some(guarantee) = reader.choice(node, "guarantee", &CHOICES) else { return Guarantee::AtMostOnce };
    let mut producers = clients.iter().filter_map(|client| match client {
        Client::Producer(producer) => Some(producer),
        Client::Consumer(_) => None,
    });
    let refusal = match guarantee {
        Guarantee::AtMostOnce => None,
        Guarantee::AtLeastOnce => {
            let weak = producers.any(|producer| producer.acks != Acks::All);
            weak.then_some(("at-least-once", "every producer to have `acks: all`"))
        }
        Guarantee::ExactlyOnce => {
            let weak = producers.any(|producer| producer.acks != Acks::All || !producer.idempotent);
            weak.then_some(("exactly-once", "every producer to have `acks: all` and `idempotent: true`"))
        }
    };
    if let Some((name, needed)) = refusal {
        reader.mistake(node.span, format!("`{name}` needs {needed}"));
    }
    guarantee
}

/// Reads what must come of the scenario.
pub(super) fn expect(reader: &mut Reader<'_>, node: Option<&Node>) -> Expect {
    let vocabulary = reader.vocabulary;
    let mut expect = Expect::default();
    let Some(fields) = node.and_then(|node| reader.fields(node, &EXPECT)) else { return expect };
    if let Some(node) = fields.get("violation") {
        expect.violation = reader.names(node, "finding", &vocabulary.findings);
    }
    if let Some(node) = fields.get("permitted") {
        expect.permitted = reader.names(node, "finding", &vocabulary.findings);
    }
    if let Some((span, node)) = fields.entry("seen") {
        const CHOICES: [(&str, Seen); 2] = [("every-seed", Seen::EverySeed), ("some-seed", Seen::SomeSeed)];
        expect.seen = reader.choice(node, "seen", &CHOICES).unwrap_or_default();
        if fields.get("violation").is_none() && fields.get("permitted").is_none() {
            reader.helped(
                span,
                "`seen` without anything to be seen",
                "add `violation: […]` or `permitted: […]`",
            );
        }
    }
    if let Some(node) = fields.get("unavailable") {
        expect.unavailable = partitions(reader, node);
    }
    if let Some(node) = fields.get("available") {
        expect.available = partitions(reader, node);
        for both in expect.available.intersection(&expect.unavailable) {
            reader.mistake(node.span, format!("`{both}` cannot be available and unavailable"));
        }
    }
    expect.unavailability_max =
        fields.get("unavailability.max").and_then(|node| bound(reader, node, Comparison::AtMost));
    expect.acknowledged =
        fields.get("acknowledged").and_then(|node| bound(reader, node, Comparison::AtLeast));
    expect.lost = fields.get("lost").and_then(|node| bound(reader, node, Comparison::Equal));
    if let Some(node) = fields.get("lost_as") {
        expect.lost_as = reader.names(node, "fate", &vocabulary.fates);
    }
    expect.duplicates = fields.get("duplicates").and_then(|node| bound(reader, node, Comparison::AtMost));
    if let Some(node) = fields.get("sometimes") {
        expect.sometimes = reader.names(node, "probe", &vocabulary.probes);
    }
    expect
}

/// Reads the finding that a scenario repeats.
pub(super) fn published(reader: &mut Reader<'_>, node: &Node) -> Option<Published> {
    let fields = reader.fields(node, &PUBLISHED)?;
    let source = reader.required(&fields, "source").and_then(|node| source(reader, node));
    let mut figure = |name| fields.get(name).and_then(|node| reader.count(node, name, 0..=u64::MAX));
    let (sent, acknowledged, lost) = (figure("sent"), figure("acknowledged"), figure("lost"));
    for (part, of, whole, name) in
        [(acknowledged, "acknowledged", sent, "sent"), (lost, "lost", acknowledged, "acknowledged")]
    {
        if let (Some(part), Some(whole)) = (part, whole)
            && part > whole
        {
            reader.mistake(fields.span, format!("{part} {of} are more than {whole} {name}"));
        }
    }
    Some(Published { source: source?, sent, acknowledged, lost })
}

fn source(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.scalar(node, "who found it in what, and when")?;
    if text.trim().is_empty() || text.chars().count() > SOURCE_MAX {
        reader.mistake(node.span, format!("a source has 1 to {SOURCE_MAX} characters"));
        return None;
    }
    Some(text.trim().to_owned())
}

fn partitions(reader: &mut Reader<'_>, node: &Node) -> BTreeSet<TopicPartition> {
    let items = reader.list(node, "partitions", 1_000);
    items.iter().filter_map(|item| reader.topic_partition(item)).collect()
}
