//! How consistent a log is, where it is not linearizable: the strongest level that its history satisfies.
//!
//! Each level is less than the one before, and each is a statement on the same bounds (see the module above):
//!
//! - *Linearizable writes*: the upper bounds of what only looks are dropped in real time, as if it had looked at
//!   the past, and kept within each process: who saw a record goes on seeing it. Fill the slots as in the
//!   theorem, by the remaining bounds, and let each look at the greatest lower bound of its process so far: that
//!   is at most its upper bound, and was reached before its return.
//! - *Sequential*: real time is dropped altogether. The slots are filled in their order, and each process goes
//!   through them in its own: an operation happens where the greatest lower bound of its process so far is, and
//!   an append at its slot. It fails only where one has a lower bound above the upper bound of a later one in
//!   the same process. Holes are filled by appends of unknown place within what their processes saw before and
//!   after them, by the earliest deadline, now counted in slots.
//! - *Consistent prefix*: the evidence is consistent, and there are as many appends of unknown place as holes.
//!
//! What claims to have seen the whole log when nothing was left to arrive ([`LogAction::Whole`]) binds at each level as
//! an append does: what had returned before its call is in it.
//!
//! An acknowledged append of unknown place binds the later looks of its process in a sequential log alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::bounds::Bounds;
use super::evidence::{self, Evidence, NOWHERE, UNTOLD};
use super::history::{LogAction, LogHistory};
use super::jobs::{self, Job, Jobs};
use super::sweep::Uppers;
use super::witness::{self, Stop};
use super::{Gaps, LogSettings, real_time};
use crate::ids::Moment;
use crate::linearizability::rule;
use crate::linearizability::{Exhausted, Op, OpId, Witness};

/// How consistent a log is, from the weakest level to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// There is no one log that all saw.
    Diverged,
    /// There is one log, of which everybody saw a part.
    ConsistentPrefix,
    /// And each process went through it in its own order.
    Sequential,
    /// And appends took effect in real time; only what looked may have looked at the past.
    LinearizableWrites,
    /// All took effect between its call and its return.
    Linearizable,
}

impl Level {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Diverged => "diverged",
            Self::ConsistentPrefix => "consistent prefix",
            Self::Sequential => "sequential",
            Self::LinearizableWrites => "linearizable writes with stale reads",
            Self::Linearizable => "linearizable",
        }
    }
}

/// Where a history stands on the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The strongest level that it satisfies.
    pub level: Level,
    /// What breaks the next one.
    pub broken: Option<Witness>,
    /// How stale what looked was, where real time is all that is wrong.
    pub staleness: Option<Staleness>,
    /// Records beyond the first of their value.
    pub duplicates: u64,
}

/// How stale reads and ends were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staleness {
    /// How many were stale.
    pub operations: u64,
    /// The most records that were there at the call and that one missed, and which one it was.
    pub records: (u64, OpId),
    /// The longest time between the return that proved a record to be there and the call of one that missed
    /// it, and which one it was: in events of the history, or on the clock of [`ladder_by`].
    pub time: (u64, OpId),
}

/// Finds the strongest level of consistency that the history of a partition satisfies.
///
/// # Errors
/// If the check does not cover the history, for a reason that [`check`](super::check) gives as well.
pub fn ladder(history: &LogHistory, settings: LogSettings) -> Result<Rung, Exhausted> {
    ladder_by(history, settings, |moment| u64::from(moment.0))
}

/// The same, where staleness is measured on a clock.
///
/// # Errors
/// As for [`ladder`].
pub fn ladder_by(
    history: &LogHistory,
    settings: LogSettings,
    clock: impl Fn(Moment) -> u64,
) -> Result<Rung, Exhausted> {
    climb(history, settings, &clock).map_err(|reason| Exhausted {
        reason,
        steps: history.ops.len() as u64,
        cache: 0,
        depth: 0,
    })
}

fn climb(history: &LogHistory, settings: LogSettings, clock: &dyn Fn(Moment) -> u64) -> Result<Rung, String> {
    let rung = |level, broken| Rung { level, broken, staleness: None, duplicates: 0 };
    let evidence = match evidence::collect(history, settings) {
        Ok(evidence) => evidence,
        Err(Stop::Violation(witness)) => return Ok(rung(Level::Diverged, Some(witness))),
        Err(Stop::Unknown(reason)) => return Err(reason),
    };
    let duplicates = evidence.duplicates;
    let mut broken = None;
    for level in [Level::Linearizable, Level::LinearizableWrites, Level::Sequential, Level::ConsistentPrefix]
    {
        match holds(&evidence, level) {
            Ok(()) => {
                let stale = level == Level::LinearizableWrites;
                let staleness = if stale { staleness(&evidence, clock) } else { None };
                let broken =
                    broken.map(|witness| if stale { witness::stale(history, witness) } else { witness });
                return Ok(Rung { level, broken, staleness, duplicates });
            }
            Err(Stop::Violation(witness)) => broken = Some(witness),
            Err(Stop::Unknown(reason)) => return Err(reason),
        }
    }
    Ok(Rung { duplicates, ..rung(Level::Diverged, broken) })
}

fn holds(evidence: &Evidence<'_>, level: Level) -> Result<(), Stop> {
    match level {
        Level::Linearizable => real_time(evidence, Uppers::All, false).map(drop),
        Level::LinearizableWrites => {
            real_time(evidence, Uppers::Firm, false)?;
            Sessions::new(evidence).check()
        }
        Level::Sequential => {
            all_plausible(evidence)?;
            let sessions = Sessions::new(evidence);
            sessions.check()?;
            fill_holes(evidence, settled(evidence, sessions.windows())?)
        }
        Level::ConsistentPrefix => {
            all_plausible(evidence)?;
            let anywhere = |job: Job| Job { from: 0, until: NOWHERE, ..job };
            fill_holes(evidence, settled(evidence, loose(evidence)?.into_iter().map(anywhere).collect())?)
        }
        Level::Diverged => Ok(()),
    }
}

/// What had returned before the whole log was seen is in what was seen.
fn settled(evidence: &Evidence<'_>, mut windows: Vec<Job>) -> Result<Vec<Job>, Stop> {
    let history = evidence.history;
    let is_whole = |op: &&Op<LogAction>| {
        matches!(op.action, LogAction::Whole { .. })
            && op.interval.ret.is_some()
            && rule::applies("whole is firm")
    };
    // By call: up to which slot the log reached, then or later.
    let mut ends: Vec<(u32, u32, OpId)> = Vec::new();
    for (place, op) in history.ops.iter().enumerate().filter(|(_, op)| is_whole(op)) {
        let Some(bounds) = evidence.bounds(op) else { continue };
        ends.push((op.interval.call.0, bounds.upper, OpId(place as u32)));
    }
    if ends.is_empty() {
        return Ok(windows);
    }
    ends.sort_unstable();
    for later in (1..ends.len()).rev() {
        if ends[later].1 < ends[later - 1].1 {
            (ends[later - 1].1, ends[later - 1].2) = (ends[later].1, ends[later].2);
        }
    }
    let after = |ret: u32| ends.get(ends.partition_point(|(call, ..)| *call < ret));
    for (place, op) in history.ops.iter().enumerate() {
        let Some(bounds) = evidence.bounds(op) else { continue };
        if let Some((_, end, whole)) = after(history.returned(op))
            && bounds.lower > *end
        {
            let id = OpId(place as u32);
            let witness = witness::contradiction(evidence, id, *whole, "had returned before", "was called");
            return Err(Stop::Violation(witness));
        }
    }
    // Those that never returned come before none.
    for window in &mut windows {
        if let Some((_, end, _)) = after(history.returned(&history.ops[window.op.0 as usize])) {
            window.until = window.until.min(*end);
        }
    }
    Ok(windows)
}

fn all_plausible(evidence: &Evidence<'_>) -> Result<(), Stop> {
    for (place, op) in evidence.history.ops.iter().enumerate() {
        if let Some(bounds) = evidence.bounds(op) {
            evidence.plausible(OpId(place as u32), bounds)?;
        }
    }
    Ok(())
}

/// The operations of each process, in the order of their calls.
struct Sessions<'e> {
    evidence: &'e Evidence<'e>,
    by_call: Vec<u32>,
    /// By slot: the first from there on that holds a record. Empty if no operation asks.
    next_record: Vec<u32>,
}

impl<'e> Sessions<'e> {
    fn new(evidence: &'e Evidence<'e>) -> Self {
        let ops = &evidence.history.ops;
        let mut by_call: Vec<u32> = (0..ops.len() as u32).collect();
        by_call.sort_by_key(|place| ops[*place as usize].interval.call);
        let mut next_record = Vec::new();
        if evidence.settings.gaps == Gaps::Internal {
            next_record = vec![NOWHERE; evidence.at.len()];
            let mut next = NOWHERE;
            for slot in (0..evidence.at.len() as u32).rev() {
                next = if evidence.is_record(slot) { slot } else { next };
                next_record[slot as usize] = next;
            }
        }
        Self { evidence, by_call, next_record }
    }

    fn process(&self, place: u32) -> Option<u32> {
        let process = self.evidence.history.processes.get(place as usize).copied();
        process.filter(|process| *process != LogHistory::NO_PROCESS)
    }

    fn bounds(&self, place: u32) -> Option<Bounds> {
        self.evidence.bounds(&self.evidence.history.ops[place as usize])
    }

    /// Nobody sees less than it saw before.
    fn check(&self) -> Result<(), Stop> {
        // By process: how far it saw, and by which operation.
        let mut seen: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
        for place in self.by_call.iter().copied() {
            let (Some(process), Some(bounds)) = (self.process(place), self.bounds(place)) else { continue };
            let (length, by) = seen.entry(process).or_insert((0, place));
            let next = self.next_record.get(bounds.record_upper as usize).copied().unwrap_or(NOWHERE);
            let upper = bounds.upper.min(next);
            if upper < *length && rule::applies("session") {
                return Err(Stop::Violation(witness::contradiction(
                    self.evidence,
                    OpId(*by),
                    OpId(place),
                    "came before",
                    "in the same process",
                )));
            }
            if bounds.lower > *length {
                (*length, *by) = (bounds.lower, place);
            }
        }
        Ok(())
    }

    /// The slots that each append of unknown place could fill, by what its process saw.
    fn windows(&self) -> Vec<Job> {
        let mut jobs = loose(self.evidence).unwrap_or_default();
        jobs.sort_unstable_by_key(|job| (job.from, job.op));
        let mut windows: BTreeMap<OpId, Job> = BTreeMap::new();
        for job in jobs {
            let until = if job.is_mandatory() { NOWHERE - 1 } else { NOWHERE };
            windows.insert(job.op, Job { from: 0, until, ..job });
        }
        let mut lengths: BTreeMap<u32, u32> = BTreeMap::new();
        for place in self.by_call.iter().copied() {
            let Some(process) = self.process(place) else { continue };
            let length = lengths.entry(process).or_insert(0);
            if let Some(window) = windows.get_mut(&OpId(place)) {
                window.from = *length;
            }
            *length = self.bounds(place).map_or(0, |bounds| bounds.lower).max(*length);
        }
        let mut limits: BTreeMap<u32, u32> = BTreeMap::new();
        for place in self.by_call.iter().rev().copied() {
            let Some(process) = self.process(place) else { continue };
            let limit = limits.entry(process).or_insert(NOWHERE);
            match windows.get_mut(&OpId(place)) {
                Some(window) if window.is_mandatory() => window.until = window.until.min(*limit),
                _ => {}
            }
            let upper = self.bounds(place).map_or(NOWHERE, |bounds| bounds.upper.min(bounds.record_upper));
            *limit = upper.min(*limit);
        }
        windows.into_values().collect()
    }
}

fn loose(evidence: &Evidence<'_>) -> Result<Vec<Job>, Stop> {
    let (jobs, batches) = jobs::loose(evidence);
    if batches.is_empty() {
        Ok(jobs)
    } else {
        Err(Stop::unknown("batches of unknown place: read the partition once from its start to its end"))
    }
}

/// Fills the holes with appends that each have their slots.
fn fill_holes(evidence: &Evidence<'_>, windows: Vec<Job>) -> Result<(), Stop> {
    // What cannot be cut into single records is not asked for again.
    loose(evidence)?;
    let free = evidence.settings.duplicates && !evidence.owner.is_empty();
    let mut jobs = Jobs::new(windows);
    for slot in 0..evidence.at.len() as u32 {
        if evidence.at[slot as usize] != UNTOLD {
            continue;
        }
        let needed = evidence.settings.gaps == Gaps::None && slot < evidence.required;
        for _ in 0..evidence.axis.width(slot) {
            match jobs.take(slot, !needed || free) {
                Some(job) if job.until <= slot => return Err(witness::unplaced(evidence, job.op)),
                Some(_) => {}
                None if needed && !free => {
                    return Err(witness::hole(evidence, slot, evidence.first_proof(slot)));
                }
                None => break,
            }
        }
    }
    match jobs.take(NOWHERE, true) {
        Some(job) if job.until < NOWHERE - 1 => Err(witness::unplaced(evidence, job.op)),
        _ => Ok(()),
    }
}

impl Evidence<'_> {
    /// The earliest return of an operation that proves a slot to be filled.
    fn first_proof(&self, slot: u32) -> u32 {
        let proofs = self.history.ops.iter().filter(|op| self.bounds(op).is_some_and(|b| b.lower > slot));
        proofs.map(|op| self.history.returned(op)).min().unwrap_or(NOWHERE)
    }

    /// By slot: the earliest return of an operation that proves it to be filled.
    fn proofs(&self) -> Vec<u32> {
        let mut proofs = vec![NOWHERE; self.at.len()];
        for op in &self.history.ops {
            let Some(bounds) = self.bounds(op) else { continue };
            if let Some(proof) = bounds.lower.checked_sub(1).and_then(|slot| proofs.get_mut(slot as usize)) {
                *proof = self.history.returned(op).min(*proof);
            }
        }
        let mut earliest = NOWHERE;
        for proof in proofs.iter_mut().rev() {
            earliest = earliest.min(*proof);
            *proof = earliest;
        }
        proofs
    }
}

/// How stale reads and ends were, by the real time of all that is proved.
fn staleness(evidence: &Evidence<'_>, clock: &dyn Fn(Moment) -> u64) -> Option<Staleness> {
    let history = evidence.history;
    let before = evidence.proofs();
    // By slot: how many records, or offsets of a log without gaps, are before it.
    let mut records = Vec::with_capacity(before.len() + 1);
    let mut count = 0_u64;
    for slot in 0..before.len() as u32 {
        records.push(count);
        count += u64::from(evidence.settings.gaps == Gaps::None || evidence.is_record(slot));
    }
    records.push(count);
    let mut staleness: Option<Staleness> = None;
    for (place, op) in history.ops.iter().enumerate() {
        let Some(bounds) = evidence.bounds(op).filter(|bounds| !bounds.append) else { continue };
        let call = op.interval.call.0;
        let upper = bounds.upper.min(bounds.record_upper) as usize;
        let proved = before.partition_point(|before| *before < call);
        if upper >= proved {
            continue;
        }
        let missed = records[proved] - records[upper];
        let since = clock(op.interval.call).saturating_sub(clock(Moment(before[upper])));
        if missed == 0 && bounds.upper as usize >= proved {
            continue;
        }
        let id = OpId(place as u32);
        let worst = staleness.get_or_insert(Staleness { operations: 0, records: (0, id), time: (0, id) });
        worst.operations += 1;
        if missed > worst.records.0 {
            worst.records = (missed, id);
        }
        if since > worst.time.0 {
            worst.time = (since, id);
        }
    }
    staleness
}
