//! Reads the faults of disks: which calls of which files, and what becomes of them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::faults::{required_selector, restart_after};
use super::reader::{Fields, Reader, shown};
use super::selectors::Reach;
use crate::duration;
use crate::names::Host;
use crate::paths::PathPattern;
use crate::scenario::quantity::parse_bytes;
use crate::scenario::{Action, DiskFault, DiskMethod, Errno, Probability, Selector, Who};

const EVERY_METHOD: [DiskMethod; 3] = [DiskMethod::Read, DiskMethod::Write, DiskMethod::Sync];

/// What a fault does to a voter's promises.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// A call fails or takes its time, and the voter knows.
    Open,
    /// What was promised to be on the disk is not, which no quorum of fixed voters survives.
    TakesBack,
}

pub(super) fn latency(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let methods = methods(reader, fields, &EVERY_METHOD);
    let range = Duration::from_millis(1)..=Duration::from_secs(300);
    let latency = reader.required(fields, "latency").and_then(|node| reader.duration(node, &range));
    let action = action(reader, fields, Harm::Open);
    action?.of(DiskFault::Latency { methods: methods?, latency: latency? })
}

pub(super) fn stall(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let methods = methods(reader, fields, &[DiskMethod::Sync]);
    action(reader, fields, Harm::Open)?.of(DiskFault::Stall { methods: methods? })
}

pub(super) fn error(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let methods = methods(reader, fields, &EVERY_METHOD);
    let errno = errno(reader, fields);
    let probability = probability(reader, fields);
    action(reader, fields, Harm::Open)?.of(DiskFault::Error { methods: methods?, errno, probability })
}

pub(super) fn full(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let capacity = bytes(reader, fields, "capacity", 0);
    action(reader, fields, Harm::Open)?.of(DiskFault::Full { capacity })
}

pub(super) fn lose_unsynced(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let probability = probability(reader, fields);
    action(reader, fields, Harm::TakesBack)?.of(DiskFault::LoseUnsynced { probability })
}

pub(super) fn torn_write(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    let bytes = bytes(reader, fields, "bytes", 1);
    damage(reader, fields)?.of(DiskFault::TornWrite { bytes })
}

pub(super) fn bitflip(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    damage(reader, fields)?.of(DiskFault::Bitflip)
}

pub(super) fn wipe(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Action> {
    action(reader, fields, Harm::TakesBack)?.of(DiskFault::Wipe)
}

/// Reads the fields of an entry whose kind is not known, for the mistakes in them alone.
pub(super) fn values(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    path(reader, fields);
    methods(reader, fields, &EVERY_METHOD);
    errno(reader, fields);
    probability(reader, fields);
    bytes(reader, fields, "capacity", 0);
    bytes(reader, fields, "bytes", 1);
    if let Some(node) = fields.get("latency") {
        reader.duration(node, &(Duration::ZERO..=duration::LONGEST));
    }
}

/// What all faults of disks have, before it is known what they do.
struct Struck {
    selector: Selector,
    path: Option<PathPattern>,
    restart_after: Option<Duration>,
}

impl Struck {
    #[expect(clippy::unnecessary_wraps, reason = "it is what the readers of kinds return")]
    fn of(self, fault: DiskFault) -> Option<Action> {
        let Self { selector, path, restart_after } = self;
        Some(Action::Disk { selector, path, fault, restart_after })
    }
}

fn action(reader: &mut Reader<'_>, fields: &Fields<'_>, harm: Harm) -> Option<Struck> {
    let restart_after = restart_after(reader, fields);
    let path = path(reader, fields);
    if harm == Harm::TakesBack
        && let (Some(path), Some(node)) = (&path, fields.get("path"))
        && let Some(controllers) = &reader.vocabulary.files.controllers
        && path.overlaps(controllers)
    {
        let message = format!(
            "`{path}` may be a file of the controllers, `{controllers}`: a voter that forgets what it has \
             promised breaks any quorum"
        );
        let help = "name the folders of replicas, as in `orders-*/*` or `{topic}-{partition}/*`";
        reader.helped(node.span, message, help);
    }
    let selector = required_selector(reader, fields, Reach::Nodes)?;
    if let Who::Hosts(hosts) = &selector.who
        && let Some(host) = hosts.iter().find(|host| matches!(host, Host::Controller(_)))
        && (harm == Harm::TakesBack || path.is_none())
    {
        let message = format!("`{host}` has no files but the controllers' own");
        let help = match harm {
            Harm::TakesBack => "name brokers: a voter must not forget what it has promised",
            Harm::Open => "say with `path` that those are meant",
        };
        reader.helped(fields.get("selector").map_or(fields.span, |node| node.span), message, help);
    }
    Some(Struck { selector, path, restart_after })
}

/// Damage that is done at once hits records, where nothing else is said.
fn damage(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Struck> {
    let records = reader.vocabulary.files.records.clone();
    let struck = action(reader, fields, Harm::TakesBack)?;
    Some(Struck { path: Some(struck.path.unwrap_or(records)), ..struck })
}

fn path(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<PathPattern> {
    let node = fields.get("path")?;
    let text = reader.scalar(node, "a path such as `orders-0/*`")?;
    match text.parse() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let help = "`*` stands for any part of a name, `**` for any part of a path";
            reader.helped(node.span, shown(&format!("{error}")), help);
            None
        }
    }
}

/// `None` where there are mistakes in the list.
fn methods(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    otherwise: &[DiskMethod],
) -> Option<BTreeSet<DiskMethod>> {
    let Some(node) = fields.get("methods") else { return Some(otherwise.iter().copied().collect()) };
    let told = reader.told();
    let items = reader.list(node, "methods", 10);
    if items.is_empty() && reader.told() == told {
        reader.helped(node.span, "no method is named", "leave it out, or name some of read, write, sync");
    }
    let named = items.iter().filter_map(|item| {
        let name = reader.word(item, "method", DiskMethod::ALL.iter().map(|(name, _)| *name))?;
        DiskMethod::ALL.iter().find(|(known, _)| *known == name).map(|(_, method)| *method)
    });
    let methods = named.collect();
    (reader.told() == told).then_some(methods)
}

fn errno(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Errno {
    const CHOICES: [(&str, Errno); 2] = [("EIO", Errno::Io), ("ENOSPC", Errno::NoSpace)];
    let errno = fields.get("errno").and_then(|node| reader.choice(node, "errno", &CHOICES));
    errno.unwrap_or(Errno::Io)
}

fn probability(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Probability {
    let Some(node) = fields.get("probability") else { return Probability::CERTAIN };
    let Some(text) = reader.scalar(node, "a probability such as `0.25` or `25%`") else {
        return Probability::CERTAIN;
    };
    match Probability::parse(text) {
        Some(probability) if !probability.is_never() => probability,
        Some(_) => {
            reader.mistake(node.span, "with a `probability` of 0 nothing ever happens");
            Probability::CERTAIN
        }
        None => {
            let message = format!("`{}` is no probability", shown(text));
            reader.helped(node.span, message, "write a number from 0 to 1, as `0.25`, or `25%`");
            Probability::CERTAIN
        }
    }
}

fn bytes(reader: &mut Reader<'_>, fields: &Fields<'_>, name: &str, least: u64) -> Option<u64> {
    let node = fields.get(name)?;
    let text = reader.scalar(node, "an amount of data such as `64KiB`")?;
    let bytes = parse_bytes(text).filter(|bytes| *bytes >= least);
    if bytes.is_none() {
        let message = format!("`{name}` cannot be `{}`", shown(text));
        reader.helped(node.span, message, "write so many bytes, or so many KiB, MiB or GiB, as in `64KiB`");
    }
    bytes
}
