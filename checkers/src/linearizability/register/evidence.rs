//! What is known of each value: who wrote it, who replaced it, and who saw it.

use super::super::rule;
use super::super::timeline::Timeline;
use super::super::{Op, OpId, Outside, ValueId};
use super::RegisterAction;
use super::blocks::Contradiction;
use crate::ids::Moment;

/// No operation.
const NONE: OpId = OpId(u32::MAX);

/// An operation, and when it was called or when it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) moment: Moment,
    pub(super) operation: OpId,
}

impl At {
    /// The return of nothing.
    pub(super) const NEVER: Self = Self { moment: Moment::NEVER, operation: NONE };
    /// The call of nothing.
    pub(super) const BEFORE: Self = Self { moment: Moment(0), operation: NONE };
}

/// What is known of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trail {
    writer: OpId,
    replacer: OpId,
    /// The read that returned first, if there was any.
    pub(super) first_read: At,
    /// The read that was called last.
    pub(super) last_read: At,
    /// How many reads there were.
    pub(super) reads: u32,
}

impl Trail {
    const UNKNOWN: Self =
        Self { writer: NONE, replacer: NONE, first_read: At::NEVER, last_read: At::BEFORE, reads: 0 };

    /// The write or compare-and-set that brought it in, whether or not it returned.
    pub(super) fn writer(&self) -> Option<OpId> {
        (self.writer != NONE).then_some(self.writer)
    }

    /// The compare-and-set that took part and replaced it.
    pub(super) fn replacer(&self) -> Option<OpId> {
        (self.replacer != NONE).then_some(self.replacer)
    }
}

/// What is known of each value.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) initial: ValueId,
    /// By value.
    pub(super) trails: Vec<Trail>,
    /// By operation: whether it must have taken effect.
    pub(super) needed: Vec<bool>,
    /// Something that saw what nobody wrote.
    phantom: Option<Contradiction>,
    /// A value that was replaced twice, and the first operation that did so.
    forked: Option<(OpId, Contradiction)>,
}

/// What an operation does, if it does anything: a compare-and-set of a value to itself is a read.
pub(super) enum Effect {
    Read(ValueId),
    Write(ValueId),
    Cas { from: ValueId, to: ValueId },
}

impl Effect {
    pub(super) fn of(action: RegisterAction) -> Self {
        match action {
            RegisterAction::Read(value) => Self::Read(value),
            RegisterAction::Write(value) => Self::Write(value),
            RegisterAction::Cas { from, to } if from == to => Self::Read(from),
            RegisterAction::Cas { from, to } | RegisterAction::CasFailed { from, to } => {
                Self::Cas { from, to }
            }
        }
    }
}

impl Evidence {
    pub(super) fn of(
        initial: ValueId,
        ops: &[Op<RegisterAction>],
        timeline: &Timeline,
    ) -> Result<Self, Outside> {
        let mut evidence =
            Self { initial, trails: Vec::new(), needed: vec![false; ops.len()], phantom: None, forked: None };
        for (place, op) in ops.iter().enumerate() {
            evidence.take(OpId(place as u32), op.action, timeline, ops.len())?;
        }
        evidence.need(ops);
        Ok(evidence)
    }

    fn take(
        &mut self,
        operation: OpId,
        action: RegisterAction,
        timeline: &Timeline,
        operations: usize,
    ) -> Result<(), Outside> {
        if let RegisterAction::CasFailed { .. } = action {
            return Err(Outside::FailedCas { operation });
        }
        let interval = timeline.interval(operation);
        let written = match Effect::of(action) {
            Effect::Read(_) if !interval.ret.is_some() => return Ok(()),
            Effect::Read(value) => {
                let trail = self.trail(operation, value, operations)?;
                trail.reads += 1;
                if trail.first_read.moment > interval.ret {
                    trail.first_read = At { moment: interval.ret, operation };
                }
                if trail.last_read == At::BEFORE || trail.last_read.moment < interval.call {
                    trail.last_read = At { moment: interval.call, operation };
                }
                return Ok(());
            }
            Effect::Write(value) => value,
            Effect::Cas { from, to } => {
                self.trail(operation, from, operations)?;
                to
            }
        };
        let initial = self.initial;
        let trail = self.trail(operation, written, operations)?;
        if trail.writer != NONE || written == initial {
            return Err(Outside::NotUnique { operation, value: written });
        }
        trail.writer = operation;
        Ok(())
    }

    fn trail(&mut self, operation: OpId, value: ValueId, operations: usize) -> Result<&mut Trail, Outside> {
        let place = value.0 as usize;
        // A compare-and-set brings two.
        if place > 2 * operations {
            return Err(Outside::NotDense { operation, value });
        }
        if place >= self.trails.len() {
            self.trails.resize(place + 1, Trail::UNKNOWN);
        }
        Ok(&mut self.trails[place])
    }

    /// Finds out which operations must have taken effect: those that returned, and those whose values they
    /// needed.
    fn need(&mut self, ops: &[Op<RegisterAction>]) {
        let idle = rule::applies("register: unseen compare-and-sets need not happen");
        for (place, op) in ops.iter().enumerate() {
            let operation = OpId(place as u32);
            let returned = op.interval.ret.is_some();
            match Effect::of(op.action) {
                Effect::Read(value) if returned => self.need_value(value, operation, ops),
                Effect::Write(_) if returned => self.needed[place] = true,
                Effect::Cas { .. } if returned || !idle => self.need_operation(operation, operation, ops),
                _ => {}
            }
        }
    }

    fn need_value(&mut self, value: ValueId, observer: OpId, ops: &[Op<RegisterAction>]) {
        if value == self.initial {
            return;
        }
        match self.of_value(value).and_then(Trail::writer) {
            Some(writer) => self.need_operation(writer, observer, ops),
            None if rule::applies("register: written at all") => {
                self.phantom.get_or_insert(Contradiction::Phantom { observer, value });
            }
            None => {}
        }
    }

    /// Follows compare-and-sets back to a write.
    fn need_operation(&mut self, operation: OpId, observer: OpId, ops: &[Op<RegisterAction>]) {
        let mut operation = operation;
        while !self.needed[operation.0 as usize] {
            let op = &ops[operation.0 as usize];
            if !op.interval.ret.is_some() && !rule::applies("register: seen writes happened") {
                return;
            }
            self.needed[operation.0 as usize] = true;
            let Effect::Cas { from, .. } = Effect::of(op.action) else { return };
            let replacer = self.trails[from.0 as usize].replacer;
            if replacer == NONE {
                self.trails[from.0 as usize].replacer = operation;
            } else if rule::applies("register: replaced once") {
                let forked = Contradiction::Forked { first: replacer, second: operation, value: from };
                self.forked.get_or_insert((replacer, forked));
            }
            if from == self.initial {
                return;
            }
            match self.trails[from.0 as usize].writer() {
                Some(writer) => operation = writer,
                None => return self.need_value(from, observer, ops),
            }
        }
    }

    pub(super) fn of_value(&self, value: ValueId) -> Option<&Trail> {
        self.trails.get(value.0 as usize)
    }

    /// What the values contradict by themselves.
    pub(super) fn contradiction(&self, ops: &[Op<RegisterAction>]) -> Option<Contradiction> {
        let forked = || {
            let (operation, forked) = self.forked?;
            let circle = Contradiction::Circle { operation };
            Some(if self.leads_into_a_circle(operation, ops) { circle } else { forked })
        };
        self.phantom.or_else(forked)
    }

    /// Whether what an operation needs leads nowhere.
    fn leads_into_a_circle(&self, operation: OpId, ops: &[Op<RegisterAction>]) -> bool {
        let mut operation = Some(operation);
        for _ in 0..=ops.len() {
            operation = operation.and_then(|operation| self.previous(operation, ops));
        }
        operation.is_some()
    }

    /// The operation that brought in what this one replaced.
    pub(super) fn previous(&self, operation: OpId, ops: &[Op<RegisterAction>]) -> Option<OpId> {
        match Effect::of(ops[operation.0 as usize].action) {
            Effect::Cas { from, .. } => self.of_value(from).and_then(Trail::writer),
            Effect::Read(_) | Effect::Write(_) => None,
        }
    }
}
