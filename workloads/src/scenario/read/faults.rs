//! Reads the entries of `faults`: what happens, to whom, and when.

use std::num::NonZeroU32;
use std::time::Duration;

use super::reader::{Accepted, Fields, Reader};
use super::selectors::{self, Reach};
use super::source::Node;
use super::{disk, network};
use crate::duration;
use crate::scenario::vocabulary::Scope;
use crate::scenario::{Action, Fault, Mode, Run, Schedule, Selector, Trigger, Unsynced};

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
        "path",
        "methods",
        "latency",
        "errno",
        "probability",
        "capacity",
        "bytes",
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
        make: network::partition,
    },
    FaultKind {
        name: "network-delay",
        summary: "delays messages between hosts",
        fields: &["selector", "target", "direction", "delay", "duration"],
        make: network::delay_messages,
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
    FaultKind {
        name: "disk-latency",
        summary: "slows calls of disks down",
        fields: &["selector", "path", "methods", "latency", "duration"],
        make: disk::latency,
    },
    FaultKind {
        name: "disk-stall",
        summary: "lets calls of disks hang, syncs unless others are named",
        fields: &["selector", "path", "methods", "duration"],
        make: disk::stall,
    },
    FaultKind {
        name: "disk-error",
        summary: "makes calls of disks fail; a write that fails may be there in part",
        fields: &["selector", "path", "methods", "errno", "probability", "duration", "restart_after"],
        make: disk::error,
    },
    FaultKind {
        name: "disk-full",
        summary: "fills disks up: of a write, what still fits is written, and the call fails",
        fields: &["selector", "path", "capacity", "duration", "restart_after"],
        make: disk::full,
    },
    FaultKind {
        name: "disk-lose-unsynced",
        summary: "makes syncs lie: what they call durable is lost with the power",
        fields: &["selector", "path", "probability", "duration"],
        make: disk::lose_unsynced,
    },
    FaultKind {
        name: "disk-torn-write",
        summary: "kills processes and tears the end of a file, cut off or zeros",
        fields: &["selector", "path", "bytes", "restart_after"],
        make: disk::torn_write,
    },
    FaultKind {
        name: "disk-bitflip",
        summary: "flips a bit in a file, of records unless others are named",
        fields: &["selector", "path", "restart_after"],
        make: disk::bitflip,
    },
    FaultKind {
        name: "disk-wipe",
        summary: "kills processes and gives them empty disks under the same ids",
        fields: &["selector", "restart_after"],
        make: disk::wipe,
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
        network::groups(reader, node);
    }
    if let Some(node) = fields.get("delay") {
        network::delay(reader, node);
    }
    restart_after(reader, fields);
    network::direction(reader, fields);
    network::in_flight(reader, fields);
    unsynced(reader, fields);
    disk::values(reader, fields);
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

pub(super) fn required_selector(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    reach: Reach,
) -> Option<Selector> {
    let node = reader.required(fields, "selector")?;
    selectors::selector(reader, node, reach, Mode::One)
}

pub(super) fn restart_after(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Duration> {
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
