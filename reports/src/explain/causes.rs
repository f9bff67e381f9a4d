//! From what went wrong back to the faults that set it off: who led without the record, why that one did not have
//! it, and what had struck whom by then.
//!
//! A fault is named only where the chain leads to the broker that it struck: the leader that was replaced, the
//! replica that did not have the record, the log that lost it. Where it leads nowhere, a sentence may say what the
//! last fault was, as no more than that.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_checkers::fault::{FaultRecord, Host, Occurrence, Target};
use highwater_checkers::ids::{BrokerId, Offset, Time, TopicPartition};
use highwater_checkers::recording::{Event, Recording};
use highwater_checkers::state::{CutBy, partition_of};
use highwater_checkers::trace::{Batch, Change, TraceEvent};

use super::life::{Election, Life, Lost, Place, Step, What};
use super::words;

/// So long after its end a fault still explains what the cluster did about it: sessions have to run out first.
const AFTERMATH: Duration = Duration::from_secs(4);
/// So long before a breach an election may lie whose fault explains it.
const AFTER_ELECTION: Duration = Duration::from_secs(6);

/// The faults that were applied, in the order of time.
pub(super) struct Faults(Vec<FaultRecord>);

impl Faults {
    pub(super) fn of(recording: &Recording) -> Self {
        let log = recording.faults();
        let mut faults: Vec<FaultRecord> =
            log.records().filter(|fault| fault.injected.is_some()).cloned().collect();
        faults.sort_by_key(injected);
        Self(faults)
    }

    pub(super) fn all(&self) -> &[FaultRecord] {
        &self.0
    }

    pub(super) fn get(&self, occurrence: Occurrence) -> Option<&FaultRecord> {
        self.0.iter().find(|fault| fault.occurrence == occurrence)
    }

    /// The last one that struck a broker and was there at a moment, or had ended shortly before it. One that ends
    /// processes or takes the network away explains more than one that only delays.
    pub(super) fn on(&self, broker: BrokerId, at: Time) -> Option<&FaultRecord> {
        self.there(at, |fault| strikes(fault, broker))
    }

    /// The same of a broker's disk, whatever it met there: damage stays until it is read.
    pub(super) fn on_disk(&self, broker: BrokerId, from: Time, until: Time) -> Option<&FaultRecord> {
        let was_there = |fault: &FaultRecord| {
            injected(fault) <= until
                && (fault.healed.is_none_or(|healed| healed >= from) || injected(fault) >= from)
        };
        let strikes_disk = |fault: &FaultRecord| fault.kind.starts_with("disk-") && strikes(fault, broker);
        self.0.iter().rfind(|fault| strikes_disk(fault) && was_there(fault))
    }

    /// The last one that kept two brokers apart at a moment.
    fn between(&self, one: BrokerId, other: BrokerId, at: Time) -> Option<&FaultRecord> {
        let (one, other) = (Host::Broker(one), Host::Broker(other));
        self.there(at, |fault| {
            targets(fault).iter().any(|target| match target {
                Target::Link { from, to } => (from == &one && to == &other) || (from == &other && to == &one),
                _ => false,
            })
        })
    }

    fn there(&self, at: Time, is_meant: impl Fn(&FaultRecord) -> bool) -> Option<&FaultRecord> {
        // What only delays has no consequences once it is over.
        let aftermath = |fault: &FaultRecord| if is_severe(fault) { AFTERMATH } else { Duration::ZERO };
        let was_there = |fault: &FaultRecord| {
            injected(fault) <= at && fault.healed.is_none_or(|healed| at.since(healed) <= aftermath(fault))
        };
        let there = || self.0.iter().filter(|fault| was_there(fault) && is_meant(fault));
        there().rfind(|fault| is_severe(fault)).or_else(|| there().next_back())
    }

    /// The last one that ever struck a broker.
    pub(super) fn last_on(&self, broker: BrokerId) -> Option<&FaultRecord> {
        let struck = || self.0.iter().filter(|fault| strikes(fault, broker));
        struck().rfind(|fault| is_severe(fault)).or_else(|| struck().next_back())
    }

    /// The last one that was applied by then.
    pub(super) fn last_before(&self, at: Time) -> Option<&FaultRecord> {
        self.0.iter().rfind(|fault| injected(fault) <= at)
    }
}

/// When a fault was applied.
pub(super) fn injected(fault: &FaultRecord) -> Time {
    fault.injected.as_ref().map_or(Time(u64::MAX), |(time, _)| *time)
}

fn targets(fault: &FaultRecord) -> &[Target] {
    fault.injected.as_ref().map_or(&[], |(_, targets)| targets)
}

fn strikes(fault: &FaultRecord, broker: BrokerId) -> bool {
    words::brokers_struck(targets(fault)).contains(&broker)
}

fn is_severe(fault: &FaultRecord) -> bool {
    !matches!(&*fault.kind, "network-delay" | "clock-skew" | "disk-slow")
}

/// How a record was lost, or that it was not.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    /// It was written by one who had been replaced as the leader already, and by this one.
    pub(super) zombie: Option<(BrokerId, Election)>,
    /// The first leader without it, and why it did not have it.
    pub(super) without: Option<(Election, Lack)>,
    /// Who lost the last copy.
    pub(super) last_cut: Option<(Time, BrokerId, Lost)>,
    /// Who has it at the end.
    pub(super) holders: Vec<BrokerId>,
}

/// Why a leader did not have a record.
#[derive(Clone, Debug)]
pub(super) enum Lack {
    /// It never had it.
    Never,
    /// It had lost it.
    Lost(Time, Lost),
}

impl Loss {
    pub(super) fn of(life: &Life) -> Self {
        let zombie = life.steps.iter().find_map(|step| match step.what {
            What::Appended { broker, leads: true, replaced: Some(by), .. } => Some((broker, by)),
            _ => None,
        });
        let without = life.steps.iter().enumerate().find_map(|(at, step)| match step.what {
            What::LedWithout { broker, epoch, .. } => {
                let told = Election { time: step.time, leader: broker, epoch, unclean: false };
                let election = life.election(broker, epoch).unwrap_or(told);
                Some((election, lack(&life.steps[..at], broker)))
            }
            _ => None,
        });
        let holders: Vec<BrokerId> = life.holders().collect();
        let is_gone = holders.is_empty() && life.places.iter().all(|(_, place)| *place != Place::Unknown);
        let last_cut = life.steps.iter().rev().find_map(|step| match &step.what {
            What::Cut { broker, cut, .. } => Some((step.time, *broker, cut.clone())),
            _ => None,
        });
        Self { zombie, without, last_cut: last_cut.filter(|_| is_gone), holders }
    }

    /// Whether anything is known of how it went.
    pub(super) fn is_told(&self) -> bool {
        self.zombie.is_some() || self.without.is_some() || self.last_cut.is_some()
    }

    /// When it was decided.
    pub(super) fn time(&self) -> Option<Time> {
        let cut = self.last_cut.as_ref().map(|(time, ..)| *time);
        let without = self.without.as_ref().map(|(election, _)| election.time);
        without.or(cut).or(self.zombie.map(|(_, by)| by.time))
    }

    /// The faults that set it off, in the order of time.
    pub(super) fn faults<'f>(&self, life: &Life, faults: &'f Faults) -> Vec<&'f FaultRecord> {
        let mut named: Vec<&FaultRecord> = Vec::new();
        if let Some((broker, by)) = &self.zombie {
            named.extend(faults.on(*broker, by.time));
        }
        if let Some((election, lack)) = &self.without {
            named.extend(of_election(life, election, faults));
            match lack {
                Lack::Never => named.extend(of_absence(life, election.leader, faults)),
                Lack::Lost(time, lost) => named.extend(of_cut(life, (*time, election.leader, lost), faults)),
            }
        }
        if let Some((time, broker, lost)) = &self.last_cut
            && (named.is_empty() || lost.how == CutBy::Recovery)
        {
            named.extend(of_cut(life, (*time, *broker, lost), faults));
        }
        in_order(named)
    }
}

fn in_order(mut named: Vec<&FaultRecord>) -> Vec<&FaultRecord> {
    named.sort_by_key(|fault| (injected(fault), fault.occurrence));
    named.dedup_by_key(|fault| fault.occurrence);
    named
}

/// Why a broker does not have the record after these steps.
fn lack(steps: &[Step], broker: BrokerId) -> Lack {
    let cut = steps.iter().rev().find_map(|step| match &step.what {
        What::Cut { broker: by, cut, .. } if *by == broker => Some((step.time, cut.clone())),
        _ => None,
    });
    cut.map_or(Lack::Never, |(time, cut)| Lack::Lost(time, cut))
}

/// The leader that wrote the record, and when it counted as written: acknowledged, or else appended.
fn written(life: &Life) -> Option<(BrokerId, Time)> {
    let acknowledged = life.steps.iter().find_map(|step| match step.what {
        What::Acknowledged { broker, .. } => Some((broker, step.time)),
        _ => None,
    });
    let appended = || {
        life.steps.iter().find_map(|step| match step.what {
            What::Appended { broker, leads: true, .. } => Some((broker, step.time)),
            _ => None,
        })
    };
    acknowledged.or_else(appended)
}

/// Why a broker never had the record: what struck it, or the way to it, when the record was written.
fn of_absence<'f>(life: &Life, broker: BrokerId, faults: &'f Faults) -> Option<&'f FaultRecord> {
    let (writer, time) = written(life)?;
    let own = faults.on(broker, time);
    let on_the_way = faults.between(writer, broker, time);
    // What happened last, of two that both would do.
    let severe =
        own.into_iter().chain(on_the_way).filter(|fault| is_severe(fault)).max_by_key(|it| injected(it));
    severe.or(own).or(on_the_way)
}

/// What struck the one that had to be replaced.
fn of_election<'f>(life: &Life, election: &Election, faults: &'f Faults) -> Option<&'f FaultRecord> {
    let (time, former) = life.deposed(election)?;
    faults.on(former, time)
}

/// Why a log lost the record: what struck its disk or process, or the leader before the one that it followed.
fn of_cut<'f>(
    life: &Life,
    (time, broker, lost): (Time, BrokerId, &Lost),
    faults: &'f Faults,
) -> Vec<&'f FaultRecord> {
    match &lost.how {
        CutBy::Recovery => {
            let taken_in = life.steps.iter().find_map(|step| match step.what {
                What::Appended { broker: by, .. } if by == broker => Some(step.time),
                _ => None,
            });
            let disk = taken_in.and_then(|from| faults.on_disk(broker, from, time));
            disk.into_iter().chain(faults.on(broker, time)).collect()
        }
        CutBy::Truncation { epoch, leader, .. } => {
            let election = leader.zip(*epoch).and_then(|(leader, epoch)| life.election(leader, epoch));
            election.and_then(|election| of_election(life, &election, faults)).into_iter().collect()
        }
    }
}

/// What may have set off a breach in a partition at a moment: what struck the leader that was replaced shortly
/// before, and what had struck the brokers that it is about.
pub(super) fn of_breach<'f>(
    life: Option<&Life>,
    brokers: &[BrokerId],
    time: Time,
    faults: &'f Faults,
) -> Vec<&'f FaultRecord> {
    let recent = |election: &Election| time.since(election.time) <= AFTER_ELECTION;
    let of_leader = life.and_then(|life| {
        let election = life.last_election(time).filter(recent)?;
        of_election(life, &election, faults)
    });
    let of_brokers = brokers.iter().find_map(|broker| faults.on(*broker, time));
    in_order(of_leader.into_iter().chain(of_brokers).collect())
}

/// A record that two logs have differently.
pub(super) struct Divergence<'f> {
    /// Where it first was another than the one that a leader wrote in that epoch.
    pub(super) spoiled: Option<Spoiled>,
    /// The faults that set it off.
    pub(super) faults: Vec<&'f FaultRecord>,
}

/// A batch that is not what was written.
pub(super) struct Spoiled {
    /// Who was the first to tell of it.
    pub(super) by: BrokerId,
    /// When.
    pub(super) time: Time,
    /// From whom it had it; none if it was on its own disk.
    pub(super) from: Option<BrokerId>,
}

/// Why the logs of these brokers differ at an offset: bytes that changed on a disk, or two leaders.
pub(super) fn of_divergence<'f>(
    recording: &Recording,
    life: &Life,
    brokers: &[BrokerId],
    time: Time,
    faults: &'f Faults,
) -> Divergence<'f> {
    let (partition, offset) = (&life.record.partition, life.record.offset);
    let told = tellings(recording, partition, offset, time);
    let mut latest: BTreeMap<BrokerId, Batch> = BTreeMap::new();
    for telling in &told {
        latest.insert(telling.broker, telling.batch);
    }
    let batches: Vec<Batch> = brokers.iter().filter_map(|broker| latest.get(broker)).copied().collect();
    let written = |batch: &Batch| {
        told.iter().find(|it| it.how == How::Led && it.batch.epoch == batch.epoch).map(|it| it.batch)
    };
    let spoiled = batches.iter().find(|batch| written(batch).is_some_and(|written| written != **batch));
    if let Some(spoiled) = spoiled
        && let Some(first) = told.iter().find(|telling| telling.batch == *spoiled)
    {
        let leader = life.last_election(first.time).map(|election| election.leader);
        let from = leader.filter(|leader| first.how == How::Followed && *leader != first.broker);
        let source = from.unwrap_or(first.broker);
        let damaged = damaged(recording, partition, source, first.time);
        let disk = faults.on_disk(source, damaged.unwrap_or_default(), first.time);
        let named = disk.or_else(|| faults.on(source, first.time));
        let spoiled = Some(Spoiled { by: first.broker, time: first.time, from });
        return Divergence { spoiled, faults: named.into_iter().collect() };
    }
    // Two leaders wrote there: the later one had not what the earlier one wrote.
    let later = batches.iter().map(|batch| batch.epoch).max();
    let election = later.and_then(|epoch| {
        let leader = told.iter().find(|it| it.how == How::Led && it.batch.epoch == epoch)?.broker;
        life.election(leader, epoch)
    });
    let named = election.and_then(|election| of_election(life, &election, faults));
    let named = match named {
        Some(fault) => vec![fault],
        None => of_breach(Some(life), brokers, time, faults),
    };
    Divergence { spoiled: None, faults: named }
}

/// What a broker told to lie at an offset.
struct Telling {
    time: Time,
    broker: BrokerId,
    batch: Batch,
    how: How,
}

/// How a broker came to have a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// It wrote it as the leader.
    Led,
    /// It had it from the leader.
    Followed,
    /// It was on its disk as it started.
    Found,
}

/// All that brokers told to lie at an offset until a moment.
fn tellings(recording: &Recording, partition: &TopicPartition, offset: Offset, until: Time) -> Vec<Telling> {
    let holds = |batch: &Batch| batch.base <= offset && offset < batch.end();
    let mut told = Vec::new();
    for event in recording.events.iter().take_while(|event| event.time() <= until) {
        let Event::Trace(TraceEvent { time, broker, change }) = event else { continue };
        if change.partition() != Some(partition) {
            continue;
        }
        let (batch, how) = match change {
            Change::Appended { base, count, epoch, crc, leader, .. } => {
                let batch = Batch { base: *base, count: *count, epoch: *epoch, crc: *crc };
                (Some(batch), if *leader { How::Led } else { How::Followed })
            }
            Change::Recovered { batches, .. } => (batches.iter().copied().find(holds), How::Found),
            _ => continue,
        };
        if let Some(batch) = batch.filter(holds) {
            told.push(Telling { time: *time, broker: *broker, batch, how });
        }
    }
    told
}

/// When a disk told last that bytes of a replica are not what was written.
fn damaged(recording: &Recording, partition: &TopicPartition, broker: BrokerId, until: Time) -> Option<Time> {
    let events = recording.events.iter().take_while(|event| event.time() <= until);
    let damages = events.filter_map(|event| match event {
        Event::Trace(TraceEvent { time, broker: by, change: Change::Damaged { file, .. } })
            if *by == broker && partition_of(file).as_ref() == Some(partition) =>
        {
            Some(*time)
        }
        _ => None,
    });
    damages.last()
}
