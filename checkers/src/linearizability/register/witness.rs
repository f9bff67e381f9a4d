//! Says in a sentence, and by few operations, why a history is none of a register.

use super::super::timeline::Timeline;
use super::super::{Op, OpId, ValueId, Witness};
use super::RegisterAction;
use super::blocks::{Block, Contradiction};
use super::evidence::{Effect, Evidence, Trail};

impl Block {
    /// Operations of which the first returned early, and the second was called late.
    fn pairs(&self) -> [(OpId, OpId); 3] {
        let (low, high) = (self.low.operation, self.high.operation);
        [(low, high), (low, low), (high, high)]
    }
}

/// So many operations of a circle does a witness show.
const CIRCLE_MAX: usize = 4;

/// What a history is, and how its values are called.
struct Scene<'a> {
    ops: &'a [Op<RegisterAction>],
    timeline: &'a Timeline,
    evidence: &'a Evidence,
    name: &'a dyn Fn(ValueId) -> String,
}

pub(super) fn witness(
    contradiction: Contradiction,
    ops: &[Op<RegisterAction>],
    timeline: &Timeline,
    evidence: &Evidence,
    name: &dyn Fn(ValueId) -> String,
) -> Witness {
    let scene = Scene { ops, timeline, evidence, name };
    match contradiction {
        Contradiction::Phantom { observer, value } => scene.phantom(observer, value),
        Contradiction::Forked { first, second, value } => scene.forked(first, second, value),
        Contradiction::Circle { operation } => scene.circle(operation),
        Contradiction::Within { early, late } => scene.within(early, late),
        Contradiction::Between { one, other } => scene.between(&one, &other),
        Contradiction::Initial { block, observer } => scene.initial(&block, observer),
    }
}

impl Scene<'_> {
    fn effect(&self, operation: OpId) -> Effect {
        Effect::of(self.ops[operation.0 as usize].action)
    }

    /// `operation 3, which read 5`.
    fn describe(&self, operation: OpId) -> String {
        let name = self.name;
        let did = match self.effect(operation) {
            Effect::Read(value) => format!("read {}", name(value)),
            Effect::Write(value) => format!("wrote {}", name(value)),
            Effect::Cas { from, to } => format!("replaced {} by {}", name(from), name(to)),
        };
        format!("operation {}, which {did}", operation.0)
    }

    /// The value that an operation found there, or put there.
    fn value(&self, operation: OpId) -> String {
        match self.effect(operation) {
            Effect::Read(value) | Effect::Write(value) | Effect::Cas { from: value, .. } => {
                (self.name)(value)
            }
        }
    }

    fn phantom(&self, observer: OpId, value: ValueId) -> Witness {
        let name = (self.name)(value);
        let found = match self.effect(observer) {
            Effect::Read(seen) | Effect::Cas { from: seen, .. } if seen == value => format!("found {name}"),
            _ => format!("follows from {name}"),
        };
        Witness {
            kind: "phantom",
            operations: vec![observer],
            what: format!("{}, {found}, which nobody ever wrote", self.describe(observer)),
        }
    }

    fn forked(&self, first: OpId, second: OpId, value: ValueId) -> Witness {
        let mut operations = vec![first, second];
        let mut proofs = String::new();
        for cas in [first, second] {
            let observer = self.observer(cas);
            if self.precedes(observer, cas) {
                return self.within(observer, cas);
            }
            if observer != cas {
                operations.push(observer);
                proofs +=
                    &format!("; operation {} happened, since {}, came of it", cas.0, self.describe(observer));
            }
        }
        let what = format!(
            "{}, and {}, both found {}, which was there once{proofs}",
            self.describe(first),
            self.describe(second),
            (self.name)(value)
        );
        Witness { kind: "forked value", operations, what }
    }

    /// An operation that returned and could not have without this one; itself, if it returned.
    fn observer(&self, operation: OpId) -> OpId {
        let mut operation = operation;
        for _ in 0..self.ops.len() {
            if self.ops[operation.0 as usize].interval.ret.is_some() {
                break;
            }
            let (Effect::Cas { to, .. } | Effect::Write(to)) = self.effect(operation) else { break };
            let Some(trail) = self.evidence.of_value(to) else { break };
            let next = if trail.reads > 0 { Some(trail.first_read.operation) } else { trail.replacer() };
            let Some(next) = next else { break };
            operation = next;
        }
        operation
    }

    /// Adds to operations that never returned those that show that they happened nevertheless.
    fn observed(&self, mut operations: Vec<OpId>) -> Vec<OpId> {
        for place in 0..operations.len() {
            let operation = operations[place];
            if !operations.iter().any(|other| self.needs(*other, operation)) {
                operations.push(self.observer(operation));
            }
        }
        operations
    }

    /// Whether an operation returned and cannot have without the other one, or is that.
    fn needs(&self, operation: OpId, other: OpId) -> bool {
        let mut needed = match self.effect(operation) {
            _ if !self.ops[operation.0 as usize].interval.ret.is_some() => return false,
            Effect::Read(value) if operation != other => {
                self.evidence.of_value(value).and_then(Trail::writer)
            }
            Effect::Read(_) | Effect::Write(_) | Effect::Cas { .. } => Some(operation),
        };
        // A chain is no longer than the history.
        for _ in 0..=self.ops.len() {
            match needed {
                Some(found) if found == other => return true,
                Some(found) => needed = self.evidence.previous(found, self.ops),
                None => break,
            }
        }
        false
    }

    fn circle(&self, operation: OpId) -> Witness {
        // Going back from it leads into the circle within as many steps as there are operations.
        let mut inside = operation;
        for _ in 0..self.ops.len() {
            inside = self.evidence.previous(inside, self.ops).unwrap_or(inside);
        }
        let mut circle = vec![inside];
        let mut length = 1;
        let mut at = inside;
        while let Some(previous) = self.evidence.previous(at, self.ops).filter(|previous| *previous != inside)
        {
            length += 1;
            at = previous;
            if circle.len() < CIRCLE_MAX {
                circle.push(at);
            }
        }
        circle.reverse();
        let what = format!(
            "{length} compare-and-sets replaced each other's values in a circle, and no write leads into it: {}",
            self.describe(inside)
        );
        let observer = self.observer(operation);
        if !circle.contains(&observer) {
            circle.push(observer);
        }
        Witness { kind: "circle", operations: circle, what }
    }

    fn within(&self, early: OpId, late: OpId) -> Witness {
        let stale = matches!(self.effect(late), Effect::Read(_));
        let (early_text, late_text) = (self.describe(early), self.describe(late));
        let what = if stale {
            format!("{late_text}, was called after {early_text}, had returned: {} was gone", self.value(late))
        } else {
            format!("{early_text}, had returned before {late_text}, was called, without which it cannot be")
        };
        let kind = if stale { "stale read" } else { "read from the future" };
        Witness { kind, operations: vec![early, late], what }
    }

    fn between(&self, one: &Block, other: &Block) -> Witness {
        let (stale, fresh) = if one.high.moment > other.high.moment { (one, other) } else { (other, one) };
        // Of each block an operation that returned before the other block went on, and one that was called
        // after the other block was there; perhaps a single operation is both.
        let mut operations: Vec<OpId> = Vec::new();
        let mut what = String::new();
        for (before, last) in stale.pairs() {
            for (replaced, after) in fresh.pairs() {
                let mut found = Vec::with_capacity(4);
                for operation in [before, after, replaced, last] {
                    if !found.contains(&operation) {
                        found.push(operation);
                    }
                }
                let fewer = operations.is_empty() || found.len() < operations.len();
                if fewer && self.precedes(before, after) && self.precedes(replaced, last) {
                    operations = found;
                    what = format!(
                        "{}, had returned before {}, was called; but {}, had returned before {}, was called",
                        self.describe(before),
                        self.describe(after),
                        self.describe(replaced),
                        self.describe(last)
                    );
                }
            }
        }
        let kind = match self.effect(stale.high.operation) {
            Effect::Read(_) => "stale read",
            Effect::Write(_) | Effect::Cas { .. } => "stale compare-and-set",
        };
        Witness { kind, operations: self.observed(operations), what }
    }

    fn precedes(&self, one: OpId, other: OpId) -> bool {
        self.timeline.interval(one).precedes(self.timeline.interval(other))
    }

    fn initial(&self, block: &Block, observer: OpId) -> Witness {
        let replaced = block.low.operation;
        let what = format!(
            "{}, was called after {}, had returned: the initial value was gone",
            self.describe(observer),
            self.describe(replaced)
        );
        let kind = match self.effect(observer) {
            Effect::Read(_) => "stale read",
            Effect::Write(_) | Effect::Cas { .. } => "stale compare-and-set",
        };
        Witness { kind, operations: self.observed(vec![replaced, observer]), what }
    }
}
