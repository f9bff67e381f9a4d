//! The sends and polls of all clients: each operation from its invocation to its completion.

use super::writes::WriteId;
use crate::ids::Moment;
use crate::operation::Outcome;

/// The place of an operation among all sends, polls and transactions, in the order of their invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct OpId(pub(super) u32);

/// The place of a partition among all, in the order in which the history names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PartitionId(pub(super) u32);

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) invoked: Moment,
    /// [`Moment::NEVER`] while it is outstanding.
    pub(super) completed: Moment,
    /// How it ended; `None` while it is outstanding.
    pub(super) outcome: Option<Outcome>,
    /// What its process did before.
    pub(super) previous: Option<OpId>,
    /// Where its sends begin and end among those of all.
    sends: (u32, u32),
}

/// All operations.
#[derive(Debug, Default)]
pub(super) struct Operations {
    all: Vec<Done>,
    /// Which of them took effect: those that were `ok`, or of which something was read. Apart from all else, since
    /// every dependency asks for it.
    committed: Vec<bool>,
    sends: Vec<(PartitionId, WriteId)>,
}

impl Operations {
    /// Takes the next invocation. There are no more of them than moments.
    pub(super) fn begin(&mut self, invoked: Moment) -> OpId {
        let id = OpId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        let sends = self.sends.len() as u32;
        self.all.push(Done {
            invoked,
            completed: Moment::NEVER,
            outcome: None,
            previous: None,
            sends: (sends, sends),
        });
        self.committed.push(false);
        id
    }

    /// Takes what its process did before it.
    pub(super) fn follows(&mut self, id: OpId, previous: Option<OpId>) {
        if let Some(done) = self.all.get_mut(id.0 as usize) {
            done.previous = previous;
        }
    }

    /// Takes the next send of the operation that was invoked last.
    pub(super) fn send(&mut self, partition: PartitionId, write: WriteId) {
        self.sends.push((partition, write));
        if let Some(last) = self.all.last_mut() {
            last.sends.1 = self.sends.len() as u32;
        }
    }

    /// Takes a completion.
    pub(super) fn complete(&mut self, id: OpId, completed: Moment, outcome: Outcome) {
        if let Some(done) = self.all.get_mut(id.0 as usize) {
            (done.completed, done.outcome) = (completed, Some(outcome));
            self.committed[id.0 as usize] = outcome == Outcome::Ok;
        }
    }

    /// Something that it sent was read: unless it certainly failed, it took effect. Whether that is news.
    pub(super) fn commit(&mut self, id: OpId) -> bool {
        let news = !self.is_committed(id) && self.get(id).outcome != Some(Outcome::Fail);
        self.committed[id.0 as usize] |= news;
        news
    }

    /// Whether it took effect.
    pub(super) fn is_committed(&self, id: OpId) -> bool {
        self.committed[id.0 as usize]
    }

    pub(super) fn get(&self, id: OpId) -> &Done {
        &self.all[id.0 as usize]
    }

    /// What it sent, in order.
    pub(super) fn sends(&self, id: OpId) -> &[(PartitionId, WriteId)] {
        let (from, to) = self.get(id).sends;
        &self.sends[from as usize..to as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (OpId, &Done)> {
        (0..).map(OpId).zip(&self.all)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

impl Done {
    /// The event that evidence points at: the completion, or the invocation if there is none.
    pub(super) fn told(&self) -> Moment {
        if self.completed.is_some() { self.completed } else { self.invoked }
    }

    /// How many records it sent.
    pub(super) fn send_count(&self) -> u32 {
        self.sends.1 - self.sends.0
    }
}
