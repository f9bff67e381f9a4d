//! Reads the faults of the network: which links, which way, and what becomes of messages.

use std::time::Duration;

use super::faults::{DELAY, required_selector};
use super::reader::{Fields, Reader, shown, suggestion};
use super::selectors::{self, Reach};
use super::source::Node;
use crate::scenario::{Action, Delay, Direction, InFlight, Mode, Selector, Shape};

fn optional_target(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Selector> {
    fields.get("target").and_then(|node| selectors::selector(reader, node, Reach::Links, Mode::All))
}

pub(super) fn in_flight(reader: &mut Reader<'_>, fields: &Fields<'_>) -> InFlight {
    const CHOICES: [(&str, InFlight); 2] = [("dropped", InFlight::Dropped), ("held", InFlight::Held)];
    let in_flight = fields.get("in_flight").and_then(|node| reader.choice(node, "in_flight", &CHOICES));
    in_flight.unwrap_or(InFlight::Dropped)
}

pub(super) fn direction(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Direction {
    const CHOICES: [(&str, Direction); 3] =
        [("to", Direction::To), ("from", Direction::From), ("both", Direction::Both)];
    let direction = fields.get("direction").and_then(|node| reader.choice(node, "direction", &CHOICES));
    direction.unwrap_or(Direction::Both)
}

pub(super) fn delay_messages(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let selector = required_selector(reader, fields, Reach::Links);
    let target = optional_target(reader, fields);
    let direction = direction(reader, fields);
    let delay = reader.required(fields, "delay").and_then(|node| delay(reader, node));
    Some(Action::NetworkDelay { selector: selector?, target, direction, delay: delay? })
}

pub(super) fn delay(reader: &mut Reader<'_>, node: &Node) -> Option<Delay> {
    let fields = reader.fields(node, &DELAY)?;
    let range = Duration::ZERO..=Duration::from_secs(300);
    let latency = reader.required(&fields, "latency").and_then(|node| reader.duration(node, &range));
    let jitter = fields.get("jitter").and_then(|node| reader.duration(node, &range)).unwrap_or_default();
    let latency = latency?;
    if jitter > latency {
        reader.mistake(
            node.span,
            "`jitter` must not be greater than `latency`: no message arrives before it is sent",
        );
    }
    Some(Delay { latency, jitter })
}

pub(super) fn partition(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let direction = direction(reader, fields);
    let in_flight = in_flight(reader, fields);
    let shape = shape(reader, fields);
    if direction != Direction::Both
        && let Some((_, node)) = fields.entry("direction")
    {
        if in_flight == InFlight::Held {
            let help = "leave `direction` out, or write `in_flight: dropped`";
            reader.helped(node.span, "messages can be held in both directions only", help);
        }
        if let Some(
            Shape::Groups(_) | Shape::Halves | Shape::MajorityMinority | Shape::Ring | Shape::Bridge,
        ) = shape
        {
            let help = "use `selector` and `target` for a cut of one direction";
            reader.helped(node.span, "a direction needs a `selector` to be seen from", help);
        }
    }
    Some(Action::NetworkPartition { shape: shape?, direction, in_flight })
}

fn shape(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Shape> {
    match (fields.get("groups"), fields.get("preset"), fields.get("selector")) {
        (Some(groups), None, None) => self::groups(reader, groups),
        (None, Some(preset), selector) => self::preset(reader, fields, preset, selector),
        (None, None, Some(_)) => {
            let selector = required_selector(reader, fields, Reach::Links);
            let target = optional_target(reader, fields);
            if fields.get("target").is_none() {
                let help = "add `target: { role: … }`, or `preset: isolate` to cut it off from everybody";
                reader.helped(fields.span, "nothing says from whom the selected are cut off", help);
            }
            Some(Shape::Between { selector: selector?, target: target? })
        }
        (None, None, None) => {
            let help = "add `groups`, a `preset`, or a `selector` with a `target`";
            reader.helped(fields.span, "nothing says which links are cut", help);
            None
        }
        _ => {
            let message = "`groups`, `preset` and `selector` each say which links are cut";
            reader.helped(fields.span, message, "keep one of them");
            None
        }
    }
}

pub(super) fn groups(reader: &mut Reader<'_>, node: &Node) -> Option<Shape> {
    let told = reader.told();
    let items = reader.list(node, "groups", 32);
    let groups: Vec<_> =
        items.iter().filter_map(|item| selectors::hosts(reader, item, Reach::Links)).collect();
    if reader.told() > told {
        return None;
    }
    if groups.len() < 2 {
        reader.helped(node.span, "a partition needs two groups at least", "as in `[[b1], [b2, b3]]`");
        return None;
    }
    for (index, group) in groups.iter().enumerate() {
        if let Some(host) = group.iter().find(|host| groups[..index].iter().any(|other| other.contains(host)))
        {
            reader.helped(
                items[index].span,
                format!("`{host}` is in two groups"),
                "for one that sees both sides, leave it out of the groups",
            );
        }
    }
    Some(Shape::Groups(groups))
}

fn preset(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    node: &Node,
    selector: Option<&Node>,
) -> Option<Shape> {
    const PRESETS: [&str; 5] = ["isolate", "halves", "majority-minority", "ring", "bridge"];
    let name = reader.word(node, "preset", PRESETS)?;
    if let Some((span, _)) = fields.entry("target") {
        reader.mistake(span, "a `preset` takes no `target`");
    }
    if name == "isolate" {
        if selector.is_none() {
            let help = "add `selector: { role: leader }`";
            reader.helped(node.span, "`preset: isolate` needs a `selector`", help);
        }
        return selector.and_then(|_| required_selector(reader, fields, Reach::Links)).map(Shape::Isolate);
    }
    if let Some((span, _)) = fields.entry("selector") {
        let help = suggestion("isolate", ["isolate"]);
        reader.helped(
            span,
            format!("`preset: {}` draws its sides and takes no `selector`", shown(name)),
            help,
        );
    }
    let (shape, least) = match name {
        "halves" => (Shape::Halves, 2),
        "majority-minority" => (Shape::MajorityMinority, 3),
        "ring" => (Shape::Ring, 4),
        _ => (Shape::Bridge, 3),
    };
    if let Some(cluster) = &reader.cluster {
        let hosts = cluster.hosts().count();
        if hosts < least {
            let message =
                format!("`preset: {name}` needs {least} hosts at least, and the cluster has {hosts}");
            reader.mistake(node.span, message);
        }
    }
    Some(shape)
}
