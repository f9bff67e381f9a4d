//! The sends to one partition: how each ended, and where its record was seen.

use super::operations::OpId;
use crate::ids::{ClientId, Moment, Offset, Value};
use crate::operation::{Acks, Outcome};

/// The place of a send among all to its partition, in the order of their invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WriteId(pub(super) u32);

/// The send of one value. There are as many as records, so that it is kept small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) value: Value,
    pub(super) op: OpId,
    pub(super) client: ClientId,
    pub(super) invoked: Moment,
    /// The completion; [`Moment::NEVER`] while it is outstanding.
    pub(super) completed: Moment,
    /// How it ended; `None` while it is outstanding.
    pub(super) outcome: Option<Outcome>,
    pub(super) acks: Acks,
    /// It took effect: acknowledged, or proven by a read.
    pub(super) committed: bool,
    /// It was sent while the load ran.
    pub(super) under_load: bool,
    /// The final read has it.
    pub(super) kept: bool,
    told: Spot,
    read: Spot,
    read_at: Moment,
}

/// An offset that may not be known, in half the space of an `Option`: none is below 0.
#[derive(Clone, Copy, Debug)]
struct Spot(i64);

impl Spot {
    const NONE: Self = Self(-1);

    fn get(self) -> Option<Offset> {
        (self.0 >= 0).then_some(Offset(self.0))
    }
}

impl Write {
    /// A send that is invoked.
    pub(super) fn new(value: Value, op: OpId, client: ClientId, invoked: Moment, acks: Acks) -> Self {
        Self {
            value,
            op,
            client,
            invoked,
            completed: Moment::NEVER,
            outcome: None,
            acks,
            committed: false,
            under_load: false,
            kept: false,
            told: Spot::NONE,
            read: Spot::NONE,
            read_at: Moment::NEVER,
        }
    }

    /// It ended like this, and its producer was told that its record lies there.
    pub(super) fn ends(&mut self, outcome: Outcome, at: Moment, offset: Option<Offset>) {
        (self.completed, self.outcome) = (at, Some(outcome));
        self.told = offset.map_or(Spot::NONE, |offset| Spot(offset.0));
        self.committed = outcome == Outcome::Ok;
    }

    /// Its record was read there. What was read first counts, and of that what is told first.
    pub(super) fn is_read(&mut self, offset: Offset, at: Moment) {
        if at < self.read_at {
            (self.read, self.read_at) = (Spot(offset.0), at);
        }
    }

    /// Where its producer was told that it lies.
    pub(super) fn offset(&self) -> Option<Offset> {
        self.told.get()
    }

    /// Where it was read first.
    pub(super) fn read(&self) -> Option<(Offset, Moment)> {
        self.read.get().map(|offset| (offset, self.read_at))
    }

    /// When it was acknowledged, if it was.
    pub(super) fn acknowledged(&self) -> Option<Moment> {
        (self.outcome == Some(Outcome::Ok)).then_some(self.completed)
    }

    /// When it failed, if it did.
    pub(super) fn failed(&self) -> Option<Moment> {
        (self.outcome == Some(Outcome::Fail)).then_some(self.completed)
    }

    /// When its place became known.
    pub(super) fn told(&self) -> Moment {
        if self.completed.is_some() { self.completed } else { self.invoked }
    }

    /// Where it lies, by the word of its producer or else of its first reader.
    pub(super) fn place(&self) -> Option<Offset> {
        self.offset().or(self.read.get())
    }
}

/// Who sent which value, once all sends are known. That most of what was read lies where its producer was told
/// is found without it.
#[derive(Debug, Default)]
pub(super) struct Senders(Vec<(Value, WriteId)>);

impl Senders {
    pub(super) fn of(writes: &[Write]) -> Self {
        let mut by_value: Vec<_> = writes.iter().map(|write| write.value).zip((0..).map(WriteId)).collect();
        by_value.sort_unstable();
        Self(by_value)
    }

    pub(super) fn get(&self, value: Value) -> Option<WriteId> {
        let at = self.0.binary_search_by_key(&value, |(known, _)| *known).ok()?;
        Some(self.0[at].1)
    }

    /// The send whose value had been sent before: the first of them.
    pub(super) fn repeated(&self) -> Option<WriteId> {
        let pairs = self.0.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        pairs.map(|pair| pair[1].1).min()
    }
}
