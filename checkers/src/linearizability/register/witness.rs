//! Says in a sentence, and by few operations, why a history is none of a register.

use super::super::scene::{Scene, list};
use super::super::{OpId, ValueId, Witness};
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

type Register<'a> = Scene<'a, RegisterAction, Evidence>;

pub(super) fn witness(contradiction: Contradiction, scene: &Register<'_>) -> Witness {
    match contradiction {
        Contradiction::Phantom { observer, value } => scene.phantom(observer, value),
        Contradiction::Forked { first, second, value } => scene.forked(first, second, value),
        Contradiction::Circle { operation } => scene.circle(operation),
        Contradiction::Within { early, late } => scene.within(early, late),
        Contradiction::Between { one, other } => scene.between(&one, &other),
        Contradiction::Initial { block, observer } => scene.initial(&block, observer),
    }
}

impl Register<'_> {
    fn effect(&self, operation: OpId) -> Effect {
        Effect::of(self.action(operation))
    }

    /// `read 5`.
    fn describe(&self, operation: OpId) -> String {
        match self.effect(operation) {
            Effect::Read(value) => format!("read {}", self.name(value)),
            Effect::Write(value) => format!("write {}", self.name(value)),
            Effect::Cas { from, to } => format!("cas {} to {}", self.name(from), self.name(to)),
        }
    }

    /// The value that an operation found there, or put there.
    fn value(&self, operation: OpId) -> String {
        match self.effect(operation) {
            Effect::Read(value) | Effect::Write(value) | Effect::Cas { from: value, .. } => self.name(value),
        }
    }

    fn phantom(&self, observer: OpId, value: ValueId) -> Witness {
        let name = self.name(value);
        let found = match self.effect(observer) {
            Effect::Read(seen) | Effect::Cas { from: seen, .. } if seen == value => "found",
            _ => "came of",
        };
        Witness {
            kind: "phantom",
            operations: vec![observer],
            what: format!("{} {found} {name}, which nobody ever wrote", self.describe(observer)),
        }
    }

    fn forked(&self, first: OpId, second: OpId, value: ValueId) -> Witness {
        for cas in [first, second] {
            let observer = self.observer(cas);
            if self.precedes(observer, cas) {
                return self.within(observer, cas);
            }
        }
        let mut operations = vec![first, second];
        let proofs = self.prove_all(&mut operations);
        let what = format!(
            "{} and {} both replaced {}, which was there once{proofs}",
            self.describe(first),
            self.describe(second),
            self.name(value)
        );
        Witness { kind: "forked value", operations, what }
    }

    /// An operation that returned and could not have without this one; itself, if it returned.
    fn observer(&self, operation: OpId) -> OpId {
        let mut operation = operation;
        for _ in 0..self.ops.len() {
            if self.returned(operation) {
                break;
            }
            let (Effect::Cas { to, .. } | Effect::Write(to)) = self.effect(operation) else { break };
            let Some(trail) = self.evidence.of_value(to) else { break };
            let next = if trail.is_read() { Some(trail.first_read.operation) } else { trail.replacer() };
            let Some(next) = next else { break };
            operation = next;
        }
        operation
    }

    /// Adds to operations that never returned those that show that they happened nevertheless, and says so.
    fn prove_all(&self, operations: &mut Vec<OpId>) -> String {
        let mut proofs = String::new();
        for place in 0..operations.len() {
            let operation = operations[place];
            if operations.iter().any(|other| self.needs(*other, operation)) {
                continue;
            }
            let observer = self.observer(operation);
            operations.push(observer);
            let (seen, by) = (self.describe(operation), self.describe(observer));
            proofs += &format!("; {seen} never returned, but happened, since {by} came of it");
        }
        proofs
    }

    /// Whether an operation returned and cannot have without the other one, or is that.
    fn needs(&self, operation: OpId, other: OpId) -> bool {
        let mut needed = match self.effect(operation) {
            _ if !self.returned(operation) => return false,
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
        let mut at = inside;
        while let Some(previous) = self.evidence.previous(at, self.ops).filter(|previous| *previous != inside)
        {
            at = previous;
            circle.push(at);
        }
        circle.reverse();
        let mut what = format!(
            "{} replaced each other's values in a circle, and no write leads into it",
            list(circle.iter().map(|operation| self.describe(*operation)))
        );
        circle.truncate(CIRCLE_MAX);
        let observer = self.observer(operation);
        if !circle.contains(&observer) {
            what += &format!("; they happened, since {} came of them", self.describe(observer));
            circle.push(observer);
        }
        Witness { kind: "circle", operations: circle, what }
    }

    fn within(&self, early: OpId, late: OpId) -> Witness {
        let stale = matches!(self.effect(late), Effect::Read(_));
        let (kind, why) = if stale {
            ("stale read", format!(": {} was gone by then", self.value(late)))
        } else {
            ("read from the future", ", without which it cannot be".to_owned())
        };
        let what =
            format!("{} had returned before {} was called{why}", self.describe(early), self.describe(late));
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
                    what = self.crossing([before, after], [replaced, last]);
                }
            }
        }
        what += &self.prove_all(&mut operations);
        Witness { kind: self.staleness(stale.high.operation), operations, what }
    }

    /// Says that of each pair the first returned before the second was called, where the outer two belong to one
    /// block and the inner two to another.
    fn crossing(&self, [before, after]: [OpId; 2], [replaced, last]: [OpId; 2]) -> String {
        let begin =
            format!("{} had returned before {} was called", self.describe(before), self.describe(after));
        let end = format!("{} before {} was called", self.describe(replaced), self.describe(last));
        let gone = after == replaced && before != last && !matches!(self.effect(last), Effect::Write(_));
        if gone {
            format!("{begin}, and {end}: {} was gone by then", self.value(last))
        } else {
            let (one, other) = (self.value(last), self.value(after));
            format!("{begin}, and {end}: neither {one} nor {other} can have been there first")
        }
    }

    fn initial(&self, block: &Block, observer: OpId) -> Witness {
        let replaced = block.low.operation;
        let mut operations = vec![replaced, observer];
        let mut what = format!(
            "{} had returned before {} was called: the initial value was gone by then",
            self.describe(replaced),
            self.describe(observer)
        );
        what += &self.prove_all(&mut operations);
        Witness { kind: self.staleness(observer), operations, what }
    }

    fn staleness(&self, operation: OpId) -> &'static str {
        match self.effect(operation) {
            Effect::Read(_) => "stale read",
            Effect::Write(_) | Effect::Cas { .. } => "stale compare-and-set",
        }
    }
}
