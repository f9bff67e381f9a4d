//! Reads selectors: which hosts a fault meets.

use super::reader::{Accepted, Fields, Reader, shown, suggestion};
use super::source::Node;
use crate::names::Host;
use crate::scenario::vocabulary::Scope;
use crate::scenario::{Mode, Selector, Who};

pub(super) const SELECTOR: Accepted =
    Accepted { section: "selector", fields: &["role", "topic", "partition", "brokers", "mode", "value"] };

/// More hosts than a cluster can have.
const HOSTS_MAX: usize = 64;

/// What is done to the selected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Something to the nodes themselves, so that they must belong to the cluster.
    Nodes,
    /// Something to their links, which clients have too.
    Links,
}

/// Reads a selector; `otherwise` is the mode of a role for which none is given.
pub(super) fn selector(
    reader: &mut Reader<'_>,
    node: &Node,
    reach: Reach,
    otherwise: Mode,
) -> Option<Selector> {
    let fields = reader.fields(node, &SELECTOR)?;
    let (who, otherwise) = match (fields.get("role"), fields.get("brokers")) {
        (Some(role), None) => (self::role(reader, &fields, role, reach), otherwise),
        (None, Some(brokers)) => {
            for name in ["topic", "partition"] {
                if let Some((span, _)) = fields.entry(name) {
                    reader.mistake(span, format!("`{name}` narrows a `role`, and there is none"));
                }
            }
            (hosts(reader, brokers, reach).map(Who::Hosts), Mode::All)
        }
        (Some(_), Some(_)) => {
            reader.helped(
                fields.span,
                "a selector has a `role` or `brokers`, not both",
                "leave one of them out",
            );
            (None, otherwise)
        }
        (None, None) => {
            let help = "write `{ role: leader }` or `{ brokers: [b1] }`";
            reader.helped(fields.span, "a selector needs a `role` or `brokers`", help);
            (None, otherwise)
        }
    };
    let mode = mode(reader, &fields, otherwise);
    Some(Selector { who: who?, mode: mode? })
}

fn role(reader: &mut Reader<'_>, fields: &Fields<'_>, node: &Node, reach: Reach) -> Option<Who> {
    let vocabulary = reader.vocabulary;
    let name = reader.word(node, "role", vocabulary.roles.keys().map(String::as_str))?;
    let role = vocabulary.roles[name];
    if role.client && reach == Reach::Nodes {
        reader.mistake(
            node.span,
            format!("`{name}` is no node of the cluster: only its links can be cut or slowed"),
        );
    }
    if role.scope == Scope::Cluster {
        for narrower in ["topic", "partition"] {
            if let Some((span, _)) = fields.entry(narrower) {
                reader.mistake(
                    span,
                    format!("`{narrower}` says nothing here: `{name}` is a role in the whole cluster"),
                );
            }
        }
        return Some(Who::Role(name.to_owned()));
    }
    let (topic, partition) = reader.topic_and_partition(fields);
    Some(Who::PartitionRole { role: name.to_owned(), topic, partition })
}

/// Reads a list of hosts, each at most once.
pub(super) fn hosts(reader: &mut Reader<'_>, node: &Node, reach: Reach) -> Option<Vec<Host>> {
    let items = reader.list(node, "hosts", HOSTS_MAX);
    let mut hosts = Vec::with_capacity(items.len());
    for item in items {
        let Some(host) = host(reader, item, reach) else { continue };
        if hosts.contains(&host) {
            reader.mistake(item.span, format!("`{host}` is named twice"));
        }
        hosts.push(host);
    }
    if items.is_empty() {
        reader.mistake(node.span, "no host is named");
        return None;
    }
    Some(hosts)
}

/// Reads the name of a host that exists.
pub(super) fn host(reader: &mut Reader<'_>, node: &Node, reach: Reach) -> Option<Host> {
    let text = reader.scalar(node, "a host such as `b1`")?;
    let parsed: Option<Host> = text.parse().ok();
    let Some(cluster) = &reader.cluster else { return parsed };
    let mut known: Vec<Host> = cluster.hosts().collect();
    if reach == Reach::Links {
        known.push(Host::Clients);
    }
    let found = parsed.filter(|host| known.contains(host));
    if found.is_none() {
        let message = match parsed {
            Some(Host::Broker(_)) => {
                format!("`{text}` does not exist: the cluster has {} brokers, b1 to b{0}", cluster.brokers)
            }
            Some(Host::Controller(_)) if cluster.combined => {
                format!("`{text}` does not exist: the controllers are on the brokers' hosts")
            }
            Some(Host::Clients) => {
                "`clients` is no node of the cluster: only its links can be cut".to_owned()
            }
            _ => format!("unknown host `{}`", shown(text)),
        };
        let names: Vec<String> = known.iter().map(Host::to_string).collect();
        reader.helped(node.span, message, suggestion(text, names.iter().map(String::as_str)));
    }
    found
}

fn mode(reader: &mut Reader<'_>, fields: &Fields<'_>, otherwise: Mode) -> Option<Mode> {
    const MODES: [&str; 5] = ["one", "all", "fixed", "fixed-percent", "random-max-percent"];
    let value = fields.entry("value");
    let mode = match fields.get("mode") {
        None => otherwise,
        Some(node) => {
            let name = reader.word(node, "mode", MODES)?;
            let make: fn(u32) -> Mode = match name {
                "one" | "all" => {
                    if let Some((span, _)) = value {
                        reader.mistake(span, format!("`mode: {name}` takes no `value`"));
                    }
                    return Some(if name == "one" { Mode::One } else { Mode::All });
                }
                "fixed" => Mode::Fixed,
                "fixed-percent" => Mode::FixedPercent,
                _ => Mode::RandomMaxPercent,
            };
            let Some((_, value)) = value else {
                reader.helped(
                    node.span,
                    format!("`mode: {name}` needs a `value`"),
                    "add it beside: `value: 2`",
                );
                return None;
            };
            let count = if name == "fixed" {
                reader.count(value, "value", 1..=HOSTS_MAX as u64)
            } else {
                percentage(reader, value)
            };
            return count.map(|count| make(count as u32));
        }
    };
    if let Some((span, _)) = value {
        reader.helped(span, "`value` without a `mode` that takes one", "add `mode: fixed` beside it");
    }
    Some(mode)
}

/// Reads `50` or `50%`.
fn percentage(reader: &mut Reader<'_>, node: &Node) -> Option<u64> {
    let text = reader.scalar(node, "a percentage")?;
    let digits = text.strip_suffix('%').unwrap_or(text).trim_end();
    let percentage = digits.parse().ok().filter(|percentage| (1..=100).contains(percentage));
    if percentage.is_none() {
        reader.mistake(node.span, format!("`value` must be from 1 to 100 percent, not `{}`", shown(text)));
    }
    percentage
}
