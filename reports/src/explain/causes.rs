//! From a loss back to the faults that set it off: who led without the record, why that one did not have it, and
//! what had struck whom by then.
//!
//! A fault is named only where the chain leads to the broker that it struck: the leader that was replaced, the
//! replica that did not have the record, the log that lost it.

use std::time::Duration;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{BrokerId, Time};
use highwater_checkers::recording::Recording;
use highwater_checkers::state::CutBy;

use super::life::{Election, Life, Lost, Place, Step, What};
use super::words;

/// So long after its end a fault still explains what the cluster did about it: sessions have to run out first.
const AFTERMATH: Duration = Duration::from_secs(4);

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

    /// The last one that struck a broker and was there at a moment, or had ended shortly before it. One that ends
    /// processes or takes the network away explains more than one that only delays.
    pub(super) fn on(&self, broker: BrokerId, at: Time) -> Option<&FaultRecord> {
        let strikes = |fault: &&FaultRecord| {
            let (time, targets) = fault.injected.as_ref()?;
            let was_there = *time <= at && fault.healed.is_none_or(|healed| at.since(healed) <= AFTERMATH);
            (was_there && words::brokers_struck(targets).contains(&broker)).then_some(())
        };
        let there = || self.0.iter().filter(|fault| strikes(fault).is_some());
        there().filter(|fault| is_severe(fault)).next_back().or_else(|| there().next_back())
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
            What::LedWithout { broker, epoch } => {
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

    /// The faults that set it off, in the order of time.
    pub(super) fn faults<'f>(&self, life: &Life, faults: &'f Faults) -> Vec<&'f FaultRecord> {
        let mut named: Vec<&FaultRecord> = Vec::new();
        if let Some((broker, by)) = &self.zombie {
            named.extend(faults.on(*broker, by.time));
        }
        if let Some((election, lack)) = &self.without {
            named.extend(of_election(life, election, faults));
            named.extend(match lack {
                Lack::Never => appended(life).and_then(|time| faults.on(election.leader, time)),
                Lack::Lost(time, lost) => of_cut(life, (*time, election.leader, lost), faults),
            });
        }
        if let Some((time, broker, lost)) = &self.last_cut
            && (named.is_empty() || lost.how == CutBy::Recovery)
        {
            named.extend(of_cut(life, (*time, *broker, lost), faults));
        }
        named.sort_by_key(|fault| (injected(fault), fault.occurrence));
        named.dedup_by_key(|fault| fault.occurrence);
        named
    }
}

/// Why a broker does not have the record after these steps.
fn lack(steps: &[Step], broker: BrokerId) -> Lack {
    let cut = steps.iter().rev().find_map(|step| match &step.what {
        What::Cut { broker: by, cut, .. } if *by == broker => Some((step.time, cut.clone())),
        _ => None,
    });
    cut.map_or(Lack::Never, |(time, cut)| Lack::Lost(time, cut))
}

/// When the record was first appended.
fn appended(life: &Life) -> Option<Time> {
    let is_append = |step: &&Step| matches!(step.what, What::Appended { .. });
    life.steps.iter().find(is_append).map(|step| step.time)
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
) -> Option<&'f FaultRecord> {
    match &lost.how {
        CutBy::Recovery => faults.on(broker, time),
        CutBy::Truncation { epoch, leader, .. } => {
            let election = life.election((*leader)?, (*epoch)?)?;
            of_election(life, &election, faults)
        }
    }
}
