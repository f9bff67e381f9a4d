//! Reads the entries of `faults`: what happens, to whom, and when.

use std::num::NonZeroU32;
use std::time::Duration;

use super::reader::{Accepted, Fields, Reader, shown, suggestion};
use super::selectors::{self, Reach};
use super::source::Node;
use crate::duration;
use crate::scenario::vocabulary::Scope;
use crate::scenario::{
    Action, Delay, Direction, Fault, InFlight, Mode, Run, Schedule, Selector, Shape, Trigger, Unsynced,
};

pub(super) const FAULT: Accepted = Accepted {
    section: "fault",
    fields: &[
        "kind",
        "at",
        "every",
        "times",
        "jitter",
        "when",
        "duration",
        "selector",
        "target",
        "direction",
        "groups",
        "preset",
        "in_flight",
        "delay",
        "unsynced",
        "restart_after",
        "may_miss",
    ],
};
pub(super) const WHEN: Accepted =
    Accepted { section: "when", fields: &["event", "topic", "partition", "after"] };
pub(super) const DELAY: Accepted = Accepted { section: "delay", fields: &["latency", "jitter"] };

/// A kind of fault, for catalogues.
#[derive(Clone, Copy, Debug)]
pub struct FaultKind {
    /// Its name in `kind`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// The fields that it takes beside those of every fault.
    pub fields: &'static [&'static str],
    make: fn(&mut Reader<'_>, &Fields<'_>) -> Option<Action>,
}

/// The fields of every fault.
const COMMON: [&str; 7] = ["kind", "at", "every", "times", "jitter", "when", "may_miss"];

/// Every kind of fault.
pub const KINDS: &[FaultKind] = &[
    FaultKind {
        name: "network-partition",
        summary: "cuts links between hosts, both ways or one way",
        fields: &["groups", "preset", "selector", "target", "direction", "in_flight", "duration"],
        make: network_partition,
    },
    FaultKind {
        name: "network-delay",
        summary: "delays messages between hosts",
        fields: &["selector", "target", "direction", "delay", "duration"],
        make: network_delay,
    },
    FaultKind {
        name: "process-kill",
        summary: "kills processes; their disks keep what the page cache had",
        fields: &["selector", "restart_after"],
        make: process_kill,
    },
    FaultKind {
        name: "process-terminate",
        summary: "shuts processes down in an orderly manner",
        fields: &["selector", "restart_after"],
        make: process_terminate,
    },
    FaultKind {
        name: "process-pause",
        summary: "stops processes as SIGSTOP does, while the network goes on accepting",
        fields: &["selector", "duration"],
        make: process_pause,
    },
    FaultKind {
        name: "power-loss",
        summary: "cuts the power of machines, whose disks may lose what was not synced",
        fields: &["selector", "unsynced", "restart_after"],
        make: power_loss,
    },
];

const FAULTS_MAX: usize = 100;
/// How often one entry may begin.
const OCCURRENCES_MAX: u64 = 1_000;

/// Reads all entries. Later parts of the scenario know nothing of them, so that one bad entry hides no other.
pub(super) fn faults(reader: &mut Reader<'_>, node: &Node, run: &Run) -> Vec<Fault> {
    reader.list(node, "faults", FAULTS_MAX).iter().filter_map(|item| fault(reader, item, run)).collect()
}

fn fault(reader: &mut Reader<'_>, node: &Node, run: &Run) -> Option<Fault> {
    let fields = reader.fields(node, &FAULT)?;
    let kind = reader.required(&fields, "kind").and_then(|node| {
        let name = reader.word(node, "fault kind", KINDS.iter().map(|kind| kind.name))?;
        KINDS.iter().find(|kind| kind.name == name)
    });
    let longest = Duration::from_millis(1)..=duration::LONGEST;
    let duration = fields.get("duration").and_then(|node| reader.duration(node, &longest));
    let jitters = Duration::ZERO..=duration::LONGEST;
    let jitter = fields.get("jitter").and_then(|node| reader.duration(node, &jitters)).unwrap_or_default();
    let schedule = schedule(reader, &fields, jitter, run);
    let may_miss = fields.get("may_miss").and_then(|node| reader.boolean(node)).unwrap_or(false);
    let Some(kind) = kind else {
        values(reader, &fields);
        return None;
    };
    for (key, _) in fields.iter() {
        let name = key.name.as_str();
        if FAULT.fields.contains(&name) && !COMMON.contains(&name) && !kind.fields.contains(&name) {
            let help = match name {
                "duration" => "say with `restart_after` when it starts again".to_owned(),
                _ => format!("it takes {}", kind.fields.join(", ")),
            };
            reader.helped(key.span, format!("`{name}` does not apply to `{}`", kind.name), help);
        }
    }
    let action = (kind.make)(reader, &fields);
    if let Some(Schedule::At { every: Some(every), .. }) = &schedule {
        repeats(reader, &fields, kind, *every, duration, jitter);
    }
    let stream = format!("{}-{:016x}", kind.name, node.fingerprint());
    Some(Fault {
        span: fields.span.start(),
        stream,
        schedule: schedule?,
        jitter,
        duration,
        action: action?,
        may_miss,
    })
}

/// Reads the fields of an entry whose kind is not known, for the mistakes in them alone.
fn values(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    for name in ["selector", "target"] {
        if let Some(node) = fields.get(name) {
            selectors::selector(reader, node, Reach::Links, Mode::One);
        }
    }
    if let Some(node) = fields.get("groups") {
        groups(reader, node);
    }
    if let Some(node) = fields.get("delay") {
        delay(reader, node);
    }
    restart_after(reader, fields);
    direction(reader, fields);
    in_flight(reader, fields);
    unsynced(reader, fields);
}

/// What repeats must have ended before it begins anew.
fn repeats(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    kind: &FaultKind,
    every: Duration,
    duration: Option<Duration>,
    jitter: Duration,
) {
    let Some((_, every_node)) = fields.entry("every") else { return };
    match duration {
        Some(duration) if duration.saturating_add(jitter) >= every => {
            let lasts = if jitter.is_zero() { "`duration`" } else { "`duration` and `jitter`" };
            let message =
                format!("{lasts} must be shorter than `every`: it would begin again before it ends");
            reader.mistake(every_node.span, message);
        }
        None if jitter >= every => {
            reader.mistake(every_node.span, "`jitter` must be shorter than `every`");
        }
        None if kind.fields.contains(&"duration") && fields.get("duration").is_none() => {
            let message = format!("a `{}` that repeats needs a `duration`", kind.name);
            reader.helped(fields.span, message, "without one it lasts until the calm phase");
        }
        _ => {}
    }
}

fn schedule(reader: &mut Reader<'_>, fields: &Fields<'_>, jitter: Duration, run: &Run) -> Option<Schedule> {
    let times = fields.get("times").and_then(|node| reader.count(node, "times", 1..=OCCURRENCES_MAX));
    let times = times.and_then(|times| NonZeroU32::new(times as u32));
    if let Some((_, node)) = fields.entry("when") {
        for name in ["at", "every"] {
            if let Some((span, _)) = fields.entry(name) {
                reader.helped(
                    span,
                    format!("`{name}` beside `when`"),
                    "a fault begins at times or at events, not both",
                );
            }
        }
        let trigger = trigger(reader, node)?;
        return Some(Schedule::When { trigger, times: times.unwrap_or(NonZeroU32::MIN) });
    }
    let range = Duration::ZERO..=duration::LONGEST;
    let at = fields.get("at").and_then(|node| Some((node.span, reader.duration(node, &range)?)));
    let intervals = Duration::from_millis(1)..=duration::LONGEST;
    let every = fields.get("every").and_then(|node| Some((node.span, reader.duration(node, &intervals)?)));
    let named = fields.get("at").is_some() || fields.get("every").is_some();
    if !named {
        let help = "add `at: 5s`, `every: 10s`, or `when: { event: … }`";
        reader.helped(fields.span, "nothing says when the fault begins", help);
    }
    let (span, first) = at.or(every)?;
    let latest = first.saturating_add(jitter);
    if first >= run.duration || latest > run.duration {
        let (latest, end) = (duration::format(latest), duration::format(run.duration));
        let message = format!("it would begin at up to {latest}, when the load has ended");
        reader.helped(span, message, format!("`run.duration` is {end}"));
    }
    if let Some((span, every)) = every {
        let room = run.duration.saturating_sub(first).as_nanos() / every.as_nanos() + 1;
        let most = times.map_or(u128::MAX, |times| u128::from(times.get()));
        if room.min(most) > u128::from(OCCURRENCES_MAX) {
            let message =
                format!("it would begin {} times, over the limit of {OCCURRENCES_MAX}", room.min(most));
            reader.helped(span, message, "limit it with `times`");
        }
    } else if let Some((span, _)) = fields.entry("times").filter(|_| fields.get("every").is_none()) {
        reader.mistake(span, "`times` without `every` or `when`: an `at` alone happens once");
    }
    Some(Schedule::At { at: first, every: every.map(|(_, every)| every), times })
}

fn trigger(reader: &mut Reader<'_>, node: &Node) -> Option<Trigger> {
    let vocabulary = reader.vocabulary;
    let fields = reader.fields(node, &WHEN)?;
    let event = reader
        .required(&fields, "event")
        .and_then(|node| reader.word(node, "event", vocabulary.events.keys().map(String::as_str)));
    let range = Duration::ZERO..=duration::LONGEST;
    let after = fields.get("after").and_then(|node| reader.duration(node, &range)).unwrap_or_default();
    let event = event?;
    let scope = vocabulary.events[event];
    if scope == Scope::Cluster {
        for name in ["topic", "partition"] {
            if let Some((span, _)) = fields.entry(name) {
                reader.mistake(
                    span,
                    format!("`{name}` says nothing here: `{event}` is an event of the whole cluster"),
                );
            }
        }
        return Some(Trigger { event: event.to_owned(), scope, topic: None, partition: None, after });
    }
    let (topic, partition) = reader.topic_and_partition(&fields);
    Some(Trigger { event: event.to_owned(), scope, topic, partition, after })
}

fn required_selector(reader: &mut Reader<'_>, fields: &Fields<'_>, reach: Reach) -> Option<Selector> {
    let node = reader.required(fields, "selector")?;
    selectors::selector(reader, node, reach, Mode::One)
}

fn optional_target(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Selector> {
    fields.get("target").and_then(|node| selectors::selector(reader, node, Reach::Links, Mode::All))
}

fn restart_after(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Duration> {
    let range = Duration::ZERO..=duration::LONGEST;
    fields.get("restart_after").and_then(|node| reader.duration(node, &range))
}

fn process_kill(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let restart_after = restart_after(reader, fields);
    Some(Action::ProcessKill { selector: required_selector(reader, fields, Reach::Nodes)?, restart_after })
}

fn process_terminate(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let restart_after = restart_after(reader, fields);
    Some(Action::ProcessTerminate {
        selector: required_selector(reader, fields, Reach::Nodes)?,
        restart_after,
    })
}

fn process_pause(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    Some(Action::ProcessPause { selector: required_selector(reader, fields, Reach::Nodes)? })
}

fn power_loss(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let unsynced = unsynced(reader, fields);
    let restart_after = restart_after(reader, fields);
    Some(Action::PowerLoss {
        selector: required_selector(reader, fields, Reach::Nodes)?,
        unsynced,
        restart_after,
    })
}

fn unsynced(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Unsynced {
    const CHOICES: [(&str, Unsynced); 4] = [
        ("lost", Unsynced::Lost),
        ("prefix", Unsynced::Prefix),
        ("sectors", Unsynced::Sectors),
        ("kept", Unsynced::Kept),
    ];
    let unsynced = fields.get("unsynced").and_then(|node| reader.choice(node, "unsynced", &CHOICES));
    unsynced.unwrap_or(Unsynced::Lost)
}

fn in_flight(reader: &mut Reader<'_>, fields: &Fields<'_>) -> InFlight {
    const CHOICES: [(&str, InFlight); 2] = [("dropped", InFlight::Dropped), ("held", InFlight::Held)];
    let in_flight = fields.get("in_flight").and_then(|node| reader.choice(node, "in_flight", &CHOICES));
    in_flight.unwrap_or(InFlight::Dropped)
}

fn direction(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Direction {
    const CHOICES: [(&str, Direction); 3] =
        [("to", Direction::To), ("from", Direction::From), ("both", Direction::Both)];
    let direction = fields.get("direction").and_then(|node| reader.choice(node, "direction", &CHOICES));
    direction.unwrap_or(Direction::Both)
}

fn network_delay(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let selector = required_selector(reader, fields, Reach::Links);
    let target = optional_target(reader, fields);
    let direction = direction(reader, fields);
    let delay = reader.required(fields, "delay").and_then(|node| delay(reader, node));
    Some(Action::NetworkDelay { selector: selector?, target, direction, delay: delay? })
}

fn delay(reader: &mut Reader<'_>, node: &Node) -> Option<Delay> {
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

fn network_partition(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
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

fn groups(reader: &mut Reader<'_>, node: &Node) -> Option<Shape> {
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
