//! What is known of each value: who enqueued it and who dequeued it, and when.

use super::super::rule;
use super::super::timeline::Timeline;
use super::super::{Op, OpId, Outside, ValueId};
use super::QueueAction;
use super::sweep::Contradiction;
use crate::ids::{Interval, Moment};

/// No operation.
const NONE: OpId = OpId(u32::MAX);
const NEVER: Interval = Interval { call: Moment::NEVER, ret: Moment::NEVER };

/// A value's way through the queue. What never happened never begins either.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) enqueued: Interval,
    pub(super) dequeued: Interval,
    enqueue: OpId,
    dequeue: OpId,
}

impl Life {
    const UNKNOWN: Self = Self { enqueued: NEVER, dequeued: NEVER, enqueue: NONE, dequeue: NONE };

    pub(super) fn enqueue(&self) -> Option<OpId> {
        (self.enqueue != NONE).then_some(self.enqueue)
    }

    /// The operation that dequeued it; one without a known result where that is assumed.
    pub(super) fn dequeue(&self) -> Option<OpId> {
        (self.dequeue != NONE).then_some(self.dequeue)
    }

    #[inline]
    pub(super) fn is_dequeued(&self) -> bool {
        self.dequeue != NONE
    }

    /// When it can have been dequeued, given when it was enqueued.
    #[inline]
    pub(super) fn dequeue_window(&self) -> Interval {
        let enqueued =
            if rule::applies("queue: enqueued, then dequeued") { self.enqueued.call } else { Moment(0) };
        Interval { call: self.dequeued.call.max(enqueued), ret: self.dequeued.ret }
    }
}

/// What is known of each value.
#[derive(Debug)]
pub(super) struct Evidence {
    /// By value.
    pub(super) lives: Vec<Life>,
    /// The values that were certainly enqueued and that no known dequeue took, by the return of their enqueue.
    pub(super) left: Vec<ValueId>,
    /// The dequeues whose result is unknown, by their call: the first of them take the first of those left.
    pub(super) pending: Vec<OpId>,
    repeated: Option<[OpId; 2]>,
}

impl Evidence {
    pub(super) fn of(ops: &[Op<QueueAction>], timeline: &Timeline) -> Result<Self, Outside> {
        let mut evidence = Self {
            lives: Vec::with_capacity(ops.len()),
            left: Vec::new(),
            pending: Vec::new(),
            repeated: None,
        };
        for (place, op) in ops.iter().enumerate() {
            evidence.take(OpId(place as u32), op, timeline.interval(OpId(place as u32)), ops.len())?;
        }
        evidence.pending.sort_unstable_by_key(|operation| timeline.interval(*operation).call);
        evidence.match_pending(timeline);
        Ok(evidence)
    }

    fn take(
        &mut self,
        operation: OpId,
        op: &Op<QueueAction>,
        interval: Interval,
        operations: usize,
    ) -> Result<(), Outside> {
        match op.action {
            QueueAction::Enqueue(value) => {
                let life = self.life(operation, value, operations)?;
                if life.enqueue != NONE {
                    return Err(Outside::NotUnique { operation, value });
                }
                life.enqueue = operation;
                life.enqueued = interval;
            }
            QueueAction::Dequeue(_) if !interval.ret.is_some() => {
                return Err(Outside::NeverReturned { operation });
            }
            QueueAction::Dequeue(value) => {
                let life = self.life(operation, value, operations)?;
                if life.dequeue == NONE {
                    life.dequeue = operation;
                    life.dequeued = interval;
                } else {
                    let first = life.dequeue;
                    self.repeated.get_or_insert([first, operation]);
                }
            }
            QueueAction::DequeueUnknown if interval.ret.is_some() => {
                return Err(Outside::ResultUnknown { operation });
            }
            QueueAction::DequeueUnknown => self.pending.push(operation),
            QueueAction::DequeueEmpty => {}
        }
        Ok(())
    }

    fn life(&mut self, operation: OpId, value: ValueId, operations: usize) -> Result<&mut Life, Outside> {
        let place = value.0 as usize;
        if place >= operations {
            return Err(Outside::NotDense { operation, value });
        }
        if place >= self.lives.len() {
            self.lives.resize(place + 1, Life::UNKNOWN);
        }
        Ok(&mut self.lives[place])
    }

    fn match_pending(&mut self, timeline: &Timeline) {
        for (life, value) in self.lives.iter().zip(0..) {
            if !life.is_dequeued() && life.enqueued.ret.is_some() {
                self.left.push(ValueId(value));
            }
        }
        let lives = &self.lives;
        self.left.sort_unstable_by_key(|value| lives[value.0 as usize].enqueued.ret);
        if !rule::applies("queue: first returned, first taken") {
            self.left.reverse();
        }
        if rule::applies("queue: unknown dequeues take") {
            for (value, operation) in self.left.iter().zip(&self.pending) {
                let life = &mut self.lives[value.0 as usize];
                life.dequeue = *operation;
                life.dequeued = timeline.interval(*operation);
            }
        }
    }

    pub(super) fn of_value(&self, value: ValueId) -> &Life {
        &self.lives[value.0 as usize]
    }

    /// The values that nobody can have dequeued.
    pub(super) fn never_dequeued(&self) -> &[ValueId] {
        &self.left[self.pending.len().min(self.left.len())..]
    }

    /// What already a single value contradicts.
    pub(super) fn contradiction(&self) -> Option<Contradiction> {
        for (life, value) in self.lives.iter().zip(0..) {
            let Some(dequeue) = life.dequeue() else { continue };
            let value = ValueId(value);
            match life.enqueue() {
                None if rule::applies("queue: enqueued at all") => {
                    return Some(Contradiction::Phantom { dequeue, value });
                }
                Some(enqueue)
                    if life.dequeued.precedes(life.enqueued) && rule::applies("queue: enqueued first") =>
                {
                    return Some(Contradiction::Early { dequeue, enqueue, value });
                }
                _ => {}
            }
        }
        if let Some([first, second]) = self.repeated
            && rule::applies("queue: dequeued once")
        {
            return Some(Contradiction::Repeated { first, second });
        }
        None
    }
}
