//! What is known of each value: who wrote it, who replaced it, and who saw it.

use super::super::rule;
use super::super::timeline::Timeline;
use super::super::{Op, OpId, Outside, ValueId};
use super::RegisterAction;
use super::blocks::Contradiction;
use crate::ids::Moment;

/// No operation.
const NONE: OpId = OpId(u32::MAX);
/// No value: there are at most two for each operation.
const NO_VALUE: ValueId = ValueId(u32::MAX);

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
    /// The value that the writer replaced by it, if it is a compare-and-set.
    from: ValueId,
    /// The value that the replacer put in its place.
    to: ValueId,
    /// The read that was called first, if there was any.
    first_called: OpId,
    /// The read that returned first.
    pub(super) first_read: At,
    /// The read that was called last.
    pub(super) last_read: At,
}

impl Trail {
    const UNKNOWN: Self = Self {
        writer: NONE,
        replacer: NONE,
        from: NO_VALUE,
        to: NO_VALUE,
        first_called: NONE,
        first_read: At::NEVER,
        last_read: At::BEFORE,
    };

    /// The write or compare-and-set that brought it in, whether or not it returned.
    pub(super) fn writer(&self) -> Option<OpId> {
        (self.writer != NONE).then_some(self.writer)
    }

    /// The compare-and-set that took part and replaced it.
    pub(super) fn replacer(&self) -> Option<OpId> {
        (self.replacer != NONE).then_some(self.replacer)
    }

    /// The same, with what it put in its place.
    pub(super) fn replaced(&self) -> Option<(OpId, ValueId)> {
        (self.replacer != NONE).then_some((self.replacer, self.to))
    }

    /// Whether a write brought it in, and no compare-and-set.
    pub(super) fn is_written(&self) -> bool {
        self.writer != NONE && self.from == NO_VALUE
    }

    pub(super) fn is_read(&self) -> bool {
        self.first_called != NONE
    }
}

/// What is known of each value.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) initial: ValueId,
    /// By value.
    pub(super) trails: Vec<Trail>,
    /// By operation: whether it must have taken effect. Reads are left out.
    pub(super) needed: Vec<bool>,
    /// By operation, if it is a read that returned: the one of the same value that was called next.
    next_read: Vec<OpId>,
    /// How many compare-and-sets must have taken effect.
    pub(super) replacements: usize,
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
        let mut evidence = Self {
            initial,
            trails: Vec::with_capacity(ops.len()),
            needed: vec![false; ops.len()],
            next_read: vec![NONE; ops.len()],
            replacements: 0,
            phantom: None,
            forked: None,
        };
        for operation in timeline.calls() {
            evidence.take(operation, ops[operation.0 as usize].action, timeline, ops.len())?;
        }
        evidence.need(ops);
        Ok(evidence)
    }

    /// Operations come by their calls.
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
        let returned = interval.ret.is_some();
        let (from, written) = match Effect::of(action) {
            Effect::Read(_) if !returned => return Ok(()),
            Effect::Read(value) => {
                let trail = self.trail(operation, value, operations)?;
                if trail.first_read.moment > interval.ret {
                    trail.first_read = At { moment: interval.ret, operation };
                }
                let previous =
                    std::mem::replace(&mut trail.last_read, At { moment: interval.call, operation });
                if trail.first_called == NONE {
                    trail.first_called = operation;
                } else {
                    self.next_read[previous.operation.0 as usize] = operation;
                }
                return Ok(());
            }
            Effect::Write(value) => (NO_VALUE, value),
            Effect::Cas { from, to } => {
                self.trail(operation, from, operations)?;
                (from, to)
            }
        };
        let initial = self.initial;
        let trail = self.trail(operation, written, operations)?;
        if trail.writer != NONE || written == initial {
            return Err(Outside::NotUnique { operation, value: written });
        }
        trail.writer = operation;
        trail.from = from;
        let idle = rule::applies("register: unseen compare-and-sets need not happen");
        if returned || from != NO_VALUE && !idle {
            self.happened(operation, from, written);
        }
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

    /// Notes that a write or compare-and-set took effect.
    fn happened(&mut self, operation: OpId, from: ValueId, to: ValueId) {
        self.needed[operation.0 as usize] = true;
        if from == NO_VALUE {
            return;
        }
        self.replacements += 1;
        let trail = &mut self.trails[from.0 as usize];
        if trail.replacer == NONE {
            trail.replacer = operation;
            trail.to = to;
        } else if rule::applies("register: replaced once") {
            let first = trail.replacer;
            let forked = Contradiction::Forked { first, second: operation, value: from };
            self.forked.get_or_insert((first, forked));
        }
    }

    /// Finds out which operations that never returned must have taken effect: those whose values were needed.
    fn need(&mut self, ops: &[Op<RegisterAction>]) {
        for value in 0..self.trails.len() {
            let trail = &self.trails[value];
            let observer = if trail.is_read() { trail.first_read.operation } else { trail.replacer };
            let known = trail.writer != NONE && self.needed[trail.writer.0 as usize];
            if observer != NONE && !known {
                self.need_value(ValueId(value as u32), observer, ops);
            }
        }
    }

    /// Follows compare-and-sets back to a write.
    fn need_value(&mut self, value: ValueId, observer: OpId, ops: &[Op<RegisterAction>]) {
        let mut value = value;
        while value != self.initial {
            let Trail { writer, from, .. } = self.trails[value.0 as usize];
            if writer == NONE {
                if rule::applies("register: written at all") {
                    self.phantom.get_or_insert(Contradiction::Phantom { observer, value });
                }
                return;
            }
            let returned = ops[writer.0 as usize].interval.ret.is_some();
            let seen = returned || rule::applies("register: seen writes happened");
            if self.needed[writer.0 as usize] || !seen {
                return;
            }
            self.happened(writer, from, value);
            if from == NO_VALUE {
                return;
            }
            value = from;
        }
    }

    /// The reads of a value that returned, by their calls.
    pub(super) fn reads(&self, value: ValueId) -> impl Iterator<Item = OpId> {
        let first = self.of_value(value).map_or(NONE, |trail| trail.first_called);
        let some = |operation: OpId| (operation != NONE).then_some(operation);
        std::iter::successors(some(first), move |operation| some(self.next_read[operation.0 as usize]))
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
