//! Goes through the log from its start to its end, and fills each slot as early as it can be.

use super::Gaps;
use super::bounds::Bounds;
use super::evidence::{Evidence, INTERNAL, NOWHERE, UNTOLD};
use super::history::LogAction;
use super::jobs::{self, Job, Jobs};
use super::witness::{self, Stop};
use crate::linearizability::OpId;
use crate::linearizability::rule;

/// Whose upper bounds hold in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uppers {
    All,
    /// Those of appends, and of what saw the whole log: what else only looks may have looked at the past.
    Firm,
}

impl Uppers {
    pub(super) fn count(self, bounds: Bounds) -> bool {
        self == Self::All || bounds.firm
    }
}

/// How to treat what is not exact: batches of unknown place, and copies of appends that were acknowledged
/// without an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loose {
    /// Batches that must be somewhere come after all known records, and the first known copy is the one that
    /// was acknowledged: works out less often than it could.
    Strict,
    /// Each record of a batch is placed for itself, and any time may be that of the acknowledged copy: works
    /// out more often than it should.
    Relaxed,
}

/// Stands for an operation where a slot is passed over and stays without a record.
pub(super) const NOBODY: OpId = OpId(NOWHERE);

/// The operations that filled slots, in order, each with the instant: just after that call.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) by: Vec<(u32, OpId)>,
    /// By slot: how many of these filled slots before it.
    pub(super) before: Vec<u32>,
}

impl Filled {
    fn push(&mut self, wanted: bool, instant: u32, op: OpId) {
        if wanted {
            self.by.push((instant, op));
        }
    }
}

/// What is known of when each slot was filled.
#[derive(Debug)]
pub(super) struct Sweep<'e> {
    evidence: &'e Evidence<'e>,
    uppers: Uppers,
    loose: Loose,
    exact: bool,
    /// Whether the log was seen to be exactly as long as is required, so that no batch reaches beyond.
    seen_end: bool,
    /// By slot: after this call, by the upper bound of exactly this slot.
    after: Vec<u32>,
    /// The same for records alone; empty if no operation makes that difference.
    record_after: Vec<u32>,
    /// By slot: before this return.
    before: Vec<u32>,
    jobs: Vec<Job>,
    batches: Vec<(Job, u32)>,
    /// The append that was called first: with duplicates, one that can fill any hole.
    earliest: Option<Job>,
}

impl<'e> Sweep<'e> {
    pub(super) fn new(evidence: &'e Evidence<'e>, uppers: Uppers, loose: Loose) -> Result<Self, Stop> {
        let slots = evidence.at.len();
        let history = evidence.history;
        let mut after = vec![0; slots];
        let mut before = vec![NOWHERE; slots];
        let mut record_after = Vec::new();
        if evidence.settings.gaps == Gaps::Internal {
            record_after = vec![0; slots];
        }
        let mut placed = 0;
        let mut exact = true;
        let mut seen_end = false;
        for (place, op) in history.ops.iter().enumerate() {
            let Some(mut bounds) = evidence.bounds(op) else { continue };
            if evidence.settings.duplicates && matches!(op.action, LogAction::AppendOk { offset: None, .. }) {
                exact = false;
                bounds.lower = if loose == Loose::Relaxed { 0 } else { bounds.lower };
            }
            evidence.plausible(OpId(place as u32), bounds)?;
            seen_end |=
                !bounds.append && bounds.lower == evidence.required && bounds.upper == evidence.required;
            placed += usize::from(bounds.append);
            if uppers.count(bounds) {
                let call = op.interval.call.0;
                if let Some(after) = after.get_mut(bounds.upper as usize) {
                    *after = call.max(*after);
                }
                if let Some(after) = record_after.get_mut(bounds.record_upper as usize) {
                    *after = call.max(*after);
                }
            }
            if let Some(before) = bounds.lower.checked_sub(1).and_then(|slot| before.get_mut(slot as usize)) {
                *before = history.returned(op).min(*before);
            }
        }
        let mut earliest_return = NOWHERE;
        for before in before.iter_mut().rev() {
            earliest_return = earliest_return.min(*before);
            *before = earliest_return;
        }
        let (mut jobs, mut batches) = (Vec::new(), Vec::new());
        if placed < evidence.owner.len() {
            (jobs, batches) = jobs::loose(evidence);
        }
        exact &= batches.is_empty();
        let mut sweep = Self {
            evidence,
            uppers,
            loose,
            exact,
            seen_end,
            after,
            record_after,
            before,
            jobs,
            batches,
            earliest: None,
        };
        if evidence.settings.duplicates {
            sweep.earliest = sweep.earliest_append();
        }
        Ok(sweep)
    }

    fn earliest_append(&self) -> Option<Job> {
        let history = self.evidence.history;
        let mut earliest: Option<Job> = None;
        for (place, op) in history.ops.iter().enumerate() {
            let appends = history.arena.appended(&op.action);
            if appends.is_some_and(|append| append.fate != super::history::Fate::Failed) {
                let job = Job { from: op.interval.call.0, until: NOWHERE, op: OpId(place as u32) };
                if earliest.is_none_or(|other| job.from < other.from) {
                    earliest = Some(job);
                }
            }
        }
        earliest
    }

    /// Whether there is nothing to treat in one way or the other.
    pub(super) fn is_exact(&self) -> bool {
        self.exact
    }

    /// How many holes are side by side at most; no limit for those that reach the end.
    fn longest_hole(&self) -> u64 {
        let (mut longest, mut here) = (0_u64, 0);
        for slot in 0..self.evidence.required {
            let hole = self.evidence.at[slot as usize] == UNTOLD;
            here = if hole { self.evidence.axis.width(slot).saturating_add(here) } else { 0 };
            longest = longest.max(here);
        }
        if here > 0 && !self.seen_end { u64::MAX } else { longest }
    }

    /// Fills all slots.
    pub(super) fn run(mut self, certificate: bool) -> Result<Option<Filled>, Stop> {
        let mut late: Vec<Job> = Vec::new();
        let room = self.longest_hole();
        for (job, count) in std::mem::take(&mut self.batches) {
            match self.loose {
                // One that need not be anywhere, and fits nowhere, is of no use.
                Loose::Relaxed if !job.is_mandatory() && u64::from(count) > room => {}
                Loose::Relaxed => self.jobs.extend((0..count).map(|_| job)),
                Loose::Strict => late.extend(job.is_mandatory().then_some(job)),
            }
        }
        let mut filled = Filled::default();
        let instant = self.fill(certificate, &mut filled)?;
        late.sort_unstable_by_key(|job| (job.from, job.op));
        for job in late {
            if job.until < instant {
                return Err(witness::lost(self.evidence, job.op, instant, self.uppers));
            }
            filled.push(certificate, instant.max(job.from), job.op);
        }
        Ok(certificate.then_some(filled))
    }

    /// Returns the instant at which all are filled.
    fn fill(&mut self, certificate: bool, filled: &mut Filled) -> Result<u32, Stop> {
        let evidence = self.evidence;
        let mut jobs = Jobs::new(std::mem::take(&mut self.jobs));
        let (mut instant, mut record_instant) = (0, 0);
        let mut continued = 0;
        if certificate {
            filled.by.reserve(evidence.owner.len());
            filled.before.reserve(evidence.at.len() + 1);
        }
        for slot in 0..evidence.at.len() {
            let here = slot as u32;
            instant = self.after[slot].max(instant);
            if let Some(after) = self.record_after.get(slot) {
                record_instant = record_instant.max(*after);
            }
            let before = self.before[slot];
            let value = evidence.at[slot];
            let is_record = value != UNTOLD && value != INTERNAL;
            if is_record {
                instant = instant.max(record_instant);
            }
            if before < instant && rule::applies("real time") {
                return Err(witness::pair(evidence, here, self.uppers, instant, before));
            }
            if certificate {
                filled.before.push(filled.by.len() as u32);
            }
            if is_record {
                // A batch fills all its slots at once, at the first.
                if here >= continued {
                    filled.push(certificate, instant, OpId(evidence.owner[value.0 as usize]));
                    if !evidence.index.is_empty() {
                        continued = evidence.block(here + 1).map_or(0, |(_, end)| end);
                    }
                }
                continue;
            }
            let latest = instant.max(record_instant);
            let mut last = None;
            if value == UNTOLD && latest <= before {
                last = self.fill_hole(&mut jobs, here, latest, certificate, filled)?;
            }
            match last {
                Some(last) => instant = last,
                None => filled.push(certificate && evidence.settings.gaps != Gaps::None, instant, NOBODY),
            }
        }
        if certificate {
            filled.before.push(filled.by.len() as u32);
        }
        instant = instant.max(record_instant);
        while let Some(job) = jobs.take(NOWHERE, true) {
            instant = self.place(job, instant, certificate, filled)?;
        }
        Ok(instant)
    }

    /// Puts appends of unknown place into a slot. Returns the instant, if there were any.
    fn fill_hole(
        &self,
        jobs: &mut Jobs,
        slot: u32,
        earliest: u32,
        certificate: bool,
        filled: &mut Filled,
    ) -> Result<Option<u32>, Stop> {
        let evidence = self.evidence;
        let needed = evidence.settings.gaps == Gaps::None && slot < evidence.required;
        let before = self.before[slot as usize];
        let mut instant = None;
        for _ in 0..evidence.axis.width(slot) {
            // A copy fills what need not be filled by one that must be somewhere.
            let copy = self.earliest.filter(|job| needed && job.from <= before);
            let job = match jobs.take(before, !needed || copy.is_some()).or(copy) {
                Some(job) => job,
                None if needed && rule::applies("hole") => return Err(witness::hole(evidence, slot, before)),
                None => break,
            };
            instant = Some(self.place(job, instant.unwrap_or(earliest), certificate, filled)?);
        }
        Ok(instant)
    }

    fn place(&self, job: Job, instant: u32, certificate: bool, filled: &mut Filled) -> Result<u32, Stop> {
        let instant = instant.max(job.from);
        if job.until < instant && rule::applies("lost") {
            return Err(witness::lost(self.evidence, job.op, instant, self.uppers));
        }
        filled.push(certificate, instant, job.op);
        Ok(instant)
    }
}
