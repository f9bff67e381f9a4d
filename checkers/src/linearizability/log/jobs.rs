//! Appends whose place nobody told, in the order in which they can fill holes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::evidence::{Evidence, NOWHERE};
use super::history::Fate;
use crate::linearizability::OpId;

/// An append of unknown place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// It fills no slot before.
    pub(super) from: u32,
    /// It fills one by then; [`NOWHERE`] if it need not.
    pub(super) until: u32,
    pub(super) op: OpId,
}

impl Job {
    pub(super) fn is_mandatory(self) -> bool {
        self.until != NOWHERE
    }
}

/// The jobs that wait: first those that began, by the earliest deadline.
#[derive(Debug)]
pub(super) struct Jobs {
    /// By `from`.
    jobs: Vec<Job>,
    next: usize,
    ready: BinaryHeap<Reverse<(u32, u32, OpId)>>,
}

impl Jobs {
    pub(super) fn new(mut jobs: Vec<Job>) -> Self {
        jobs.sort_unstable_by_key(|job| (job.from, job.op));
        Self { jobs, next: 0, ready: BinaryHeap::new() }
    }

    /// Takes the one with the earliest deadline of all that may begin by then.
    pub(super) fn take(&mut self, by: u32, mandatory: bool) -> Option<Job> {
        while let Some(job) = self.jobs.get(self.next).filter(|job| job.from <= by) {
            self.ready.push(Reverse((job.until, job.from, job.op)));
            self.next += 1;
        }
        let Reverse((until, from, op)) = *self.ready.peek()?;
        let job = Job { from, until, op };
        if mandatory && !job.is_mandatory() {
            return None;
        }
        self.ready.pop();
        Some(job)
    }
}

/// All appends of unknown place: those of one value, and the batches.
pub(super) fn loose(evidence: &Evidence<'_>) -> (Vec<Job>, Vec<(Job, u32)>) {
    let history = evidence.history;
    let (mut jobs, mut batches) = (Vec::new(), Vec::new());
    for (place, op) in history.ops.iter().enumerate() {
        let Some(append) = history.arena.appended(&op.action) else { continue };
        let placed = append.values.first().map(|value| evidence.place[value.0 as usize] != NOWHERE);
        if placed != Some(false) || append.fate == Fate::Failed {
            continue;
        }
        let job = Job { from: op.interval.call.0, until: history.returned(op), op: OpId(place as u32) };
        match append.values.len() {
            1 => jobs.push(job),
            count => batches.push((job, count as u32)),
        }
    }
    (jobs, batches)
}
