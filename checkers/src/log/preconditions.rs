//! What a history must hold to before anything can be concluded from it.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::operations::OpId;
use crate::ids::{Offset, OperationIndex, Process};
use crate::operation::{Body, MicroOp, Operation, Outcome, PartitionPosition, Poll};

/// Checks the shape of a history, and keeps the first thing that is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Preconditions {
    lanes: HashMap<Process, Lane, FxBuildHasher>,
    broken: Option<String>,
}

/// What a process is at, and its last send or poll.
#[derive(Clone, Copy, Debug)]
struct Lane {
    state: State,
    last: Option<OpId>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// The invocation at this index has no completion yet; if it sends or polls, it is this operation.
    Busy(OperationIndex, Option<OpId>),
    /// The operation at this index ended in `info`.
    Closed(OperationIndex),
}

impl Preconditions {
    /// Checks the order of a process' events, and the offsets. `begins` is the operation that an invocation
    /// begins. Returns for an invocation the process' operation before it, and for a completion the one
    /// that it completes.
    pub(super) fn check(&mut self, operation: &Operation, begins: Option<OpId>) -> Option<OpId> {
        let (process, index) = (operation.process, operation.index);
        let lane = self.lanes.entry(process).or_insert(Lane { state: State::Idle, last: None });
        let (state, last) = (lane.state, lane.last);
        let mut concerns = None;
        match (operation.outcome, state) {
            (Outcome::Invoke, State::Idle) => {
                concerns = last;
                *lane = Lane { state: State::Busy(index, begins), last: begins.or(last) };
            }
            (Outcome::Ok | Outcome::Fail, State::Busy(_, op)) => {
                concerns = op;
                lane.state = State::Idle;
            }
            (Outcome::Info, State::Busy(_, op)) => {
                concerns = op;
                lane.state = State::Closed(index);
            }
            (Outcome::Invoke, State::Busy(first, _)) => {
                self.breaks(|| format!("{process} has two operations outstanding at {index}, since {first}"));
            }
            (_, State::Closed(end)) => {
                self.breaks(|| format!("{process} goes on at {index} after its info at {end}"));
            }
            (_, State::Idle) => {
                self.breaks(|| format!("{process} completes at {index} what it never began"));
            }
        }
        self.check_offsets(operation);
        concerns
    }

    fn check_offsets(&mut self, operation: &Operation) {
        let below_0 = match &operation.body {
            Body::Send(send) => send.offset.filter(|offset| offset.0 < 0),
            Body::Poll(poll) => read_below_0(poll),
            Body::Txn(steps) => steps.iter().find_map(|step| match step {
                MicroOp::Send(send) => send.offset.filter(|offset| offset.0 < 0),
                MicroOp::Poll(poll) => read_below_0(poll),
            }),
            Body::Assign(positions) | Body::FinalRead(positions) => position_below_0(positions),
            Body::Commit(group) | Body::FetchCommitted(group) => position_below_0(&group.offsets),
            Body::Subscribe(_) | Body::Join(_) => None,
        };
        if let Some(offset) = below_0 {
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

fn read_below_0(poll: &Poll) -> Option<Offset> {
    let records = poll.reads.iter().map(|read| &read.records);
    records.into_iter().find_map(|records| records.iter().find(|it| it.offset.0 < 0)).map(|it| it.offset)
}

fn position_below_0(positions: &[PartitionPosition]) -> Option<Offset> {
    positions.iter().filter_map(|position| position.offset).find(|offset| offset.0 < 0)
}
