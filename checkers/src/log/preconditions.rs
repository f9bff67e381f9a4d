//! What a history must hold to before anything can be concluded from it.

use std::collections::BTreeMap;

use crate::ids::{OperationIndex, Process};
use crate::operation::{Body, Operation, Outcome};

/// Checks the shape of a history, and keeps the first thing that is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Preconditions {
    lanes: BTreeMap<Process, Lane>,
    broken: Option<String>,
}

/// What a process is at.
#[derive(Clone, Copy, Debug)]
enum Lane {
    Idle,
    /// The invocation at this index has no completion yet.
    Busy(OperationIndex),
    /// The operation at this index ended in `info`.
    Closed(OperationIndex),
}

impl Preconditions {
    /// Checks the order of a process' events, and the offsets.
    pub(super) fn check(&mut self, operation: &Operation) {
        let (process, index) = (operation.process, operation.index);
        let lane = self.lanes.get(&process).copied().unwrap_or(Lane::Idle);
        let next = match (operation.outcome, lane) {
            (Outcome::Invoke, Lane::Idle) => Lane::Busy(index),
            (Outcome::Ok | Outcome::Fail, Lane::Busy(_)) => Lane::Idle,
            (Outcome::Info, Lane::Busy(_)) => Lane::Closed(index),
            (Outcome::Invoke, Lane::Busy(first)) => {
                self.breaks(|| format!("{process} has two operations outstanding at {index}, since {first}"));
                lane
            }
            (_, Lane::Closed(end)) => {
                self.breaks(|| format!("{process} goes on at {index} after its info at {end}"));
                lane
            }
            (_, Lane::Idle) => {
                self.breaks(|| format!("{process} completes at {index} what it never began"));
                lane
            }
        };
        self.lanes.insert(process, next);
        self.check_offsets(operation);
    }

    fn check_offsets(&mut self, operation: &Operation) {
        let sent = operation.body.sends().filter_map(|send| send.offset);
        let read = operation.body.reads().flat_map(|read| read.records.iter().map(|record| record.offset));
        let assigned = match &operation.body {
            Body::Assign(positions) | Body::FinalRead(positions) => &positions[..],
            _ => &[],
        };
        let assigned = assigned.iter().filter_map(|position| position.offset);
        if let Some(offset) = sent.chain(read).chain(assigned).find(|offset| offset.0 < 0) {
            let index = operation.index;
            self.breaks(|| format!("the offset {offset} at {index} is below 0"));
        }
    }

    /// Notes that the history is not checkable.
    pub(super) fn breaks(&mut self, reason: impl FnOnce() -> String) {
        if self.broken.is_none() {
            self.broken = Some(reason());
        }
    }

    /// What is wrong, if anything is. Operations still outstanding are not.
    pub(super) fn finish(self) -> Option<String> {
        self.broken.map(|reason| format!("not checkable: {reason}"))
    }
}
