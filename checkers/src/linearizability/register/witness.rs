//! Says in a sentence, and by few operations, why a history is none of a register.

use super::super::{Op, OpId, ValueId, Witness};
use super::RegisterAction;
use super::blocks::{Block, Contradiction};
use super::evidence::{Effect, Evidence};

/// So many operations of a circle does a witness show.
const CIRCLE_MAX: usize = 4;

/// What a history is, and how its values are called.
struct Scene<'a> {
    ops: &'a [Op<RegisterAction>],
    evidence: &'a Evidence,
    name: &'a dyn Fn(ValueId) -> String,
}

pub(super) fn witness(
    contradiction: Contradiction,
    ops: &[Op<RegisterAction>],
    evidence: &Evidence,
    name: &dyn Fn(ValueId) -> String,
) -> Witness {
    let scene = Scene { ops, evidence, name };
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
            if observer != cas {
                operations.push(observer);
                proofs +=
                    &format!("; operation {} happened, since {} came of it", cas.0, self.describe(observer));
            }
        }
        let what = format!(
            "{} and {} both found {}, which was there once{proofs}",
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

    fn circle(&self, operation: OpId) -> Witness {
        // Going back from it leads into the circle within as many steps as there are operations.
        let mut inside = operation;
        for _ in 0..self.ops.len() {
            inside = self.previous(inside).unwrap_or(inside);
        }
        let mut circle = vec![inside];
        let mut length = 1;
        let mut at = inside;
        while let Some(previous) = self.previous(at).filter(|previous| *previous != inside) {
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

    fn previous(&self, operation: OpId) -> Option<OpId> {
        match self.effect(operation) {
            Effect::Cas { from, .. } => self.evidence.of_value(from).and_then(|trail| trail.writer()),
            Effect::Read(_) | Effect::Write(_) => None,
        }
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
        let [before, after] = [stale.low.operation, fresh.high.operation];
        let [replaced, last] = [fresh.low.operation, stale.high.operation];
        let what = format!(
            "{}, had returned before {}, was called; but {}, had returned before {}, was called",
            self.describe(before),
            self.describe(after),
            self.describe(replaced),
            self.describe(last)
        );
        let kind = match self.effect(last) {
            Effect::Read(_) => "stale read",
            Effect::Write(_) | Effect::Cas { .. } => "stale compare-and-set",
        };
        let mut operations = Vec::with_capacity(4);
        for operation in [before, after, replaced, last] {
            if !operations.contains(&operation) {
                operations.push(operation);
            }
        }
        Witness { kind, operations, what }
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
        Witness { kind, operations: vec![replaced, observer], what }
    }
}
