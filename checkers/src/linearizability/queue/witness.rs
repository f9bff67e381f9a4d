//! Says in a sentence, and by few operations, why a history is none of a queue.

use super::super::scene::{Scene, list};
use super::super::{Op, OpId, ValueId, Witness};
use super::evidence::Evidence;
use super::sweep::Contradiction;
use super::{QueueAction, holds};
use crate::ids::Moment;

/// So many values of a witness are tried without each of them, to find a smaller one.
const SHRUNK_MAX: usize = 24;
type Queue<'a> = Scene<'a, QueueAction, Evidence>;

pub(super) fn witness(contradiction: Contradiction, scene: &Queue<'_>) -> Witness {
    match contradiction {
        Contradiction::Phantom { dequeue, value } => {
            let name = scene.name(value);
            Witness {
                kind: "phantom",
                operations: vec![dequeue],
                what: format!("dequeue {name} took {name}, which nobody ever enqueued"),
            }
        }
        Contradiction::Early { dequeue, enqueue, value } => {
            let name = scene.name(value);
            Witness {
                kind: "dequeue from the future",
                operations: vec![dequeue, enqueue],
                what: format!("dequeue {name} had returned before enqueue {name} was called"),
            }
        }
        Contradiction::Repeated { first, second } => Witness {
            kind: "duplicate dequeue",
            operations: vec![first, second],
            what: format!(
                "{} was dequeued twice, and enqueued once at most",
                scene.value_of(first).map(scene.names).unwrap_or_default()
            ),
        },
        Contradiction::Order { first, second } => scene.order(first, second),
        Contradiction::Full { dequeue } => scene.full(dequeue),
    }
}

impl Queue<'_> {
    fn value_of(&self, operation: OpId) -> Option<ValueId> {
        match self.action(operation) {
            QueueAction::Enqueue(value) | QueueAction::Dequeue(value) => Some(value),
            QueueAction::DequeueEmpty | QueueAction::DequeueUnknown => None,
        }
    }

    fn enqueue(&self, value: ValueId) -> OpId {
        self.evidence.of_value(value).enqueue().unwrap_or_default()
    }

    /// The operation that is known to have dequeued it.
    fn dequeue(&self, value: ValueId) -> Option<OpId> {
        self.evidence.of_value(value).dequeue().filter(|operation| self.value_of(*operation).is_some())
    }

    fn order(&self, first: ValueId, second: ValueId) -> Witness {
        let (enqueue, overtaking) = (self.enqueue(first), self.enqueue(second));
        let overtaken = self.dequeue(second).unwrap_or_default();
        let [one, other] = [first, second].map(self.names);
        if let Some(dequeue) = self.dequeue(first) {
            let what = format!(
                "enqueue {one} had returned before enqueue {other} was called, but dequeue {other} before dequeue {one} \
                 was called"
            );
            let operations = vec![enqueue, overtaking, overtaken, dequeue];
            return Witness { kind: "out of order", operations, what };
        }
        // Each dequeue without a known result that was called in time may have taken one such value away.
        let until = self.interval(overtaken).ret;
        let excuses = self.called_before(until);
        let skipped = &self.evidence.left[..=excuses.min(self.evidence.left.len() - 1)];
        let mut operations: Vec<OpId> = skipped.iter().map(|value| self.enqueue(*value)).collect();
        operations.extend([overtaking, overtaken]);
        let enqueues = list(skipped.iter().map(|value| format!("enqueue {}", self.name(*value))));
        let begin = format!(
            "{enqueues} had returned before enqueue {other} was called, and dequeue {other} returned"
        );
        let unknown = "without a known result can have taken any of them before";
        let what = match excuses {
            0 => format!("{begin}, but no dequeue took {one}"),
            1 => format!("{begin}, but only one dequeue {unknown}"),
            _ => format!("{begin}, but only {excuses} dequeues {unknown}"),
        };
        Witness { kind: "skipped value", operations, what }
    }

    fn called_before(&self, moment: Moment) -> usize {
        let early = |operation: &OpId| self.interval(*operation).call < moment;
        self.evidence.pending.partition_point(early)
    }

    fn full(&self, empty: OpId) -> Witness {
        let mut values = self.covering(empty);
        // A value that a dequeue without a known result may have taken is only certain to be there together
        // with those that are taken before it.
        let place = |value: &ValueId| self.evidence.left.iter().position(|left| left == value);
        let known = |value: &ValueId| self.dequeue(*value).is_some();
        if let Some(last) = values.iter().filter(|value| !known(value)).filter_map(place).max() {
            values.retain(known);
            values.extend(&self.evidence.left[..=last]);
            self.shrink(empty, &mut values);
        }
        let mut operations = vec![empty];
        for value in &values {
            operations.push(self.enqueue(*value));
            operations.extend(self.dequeue(*value));
        }
        let what = match values[..] {
            [value] => {
                let name = self.name(value);
                let until = match self.dequeue(value) {
                    Some(_) => format!("it returned before dequeue {name} was called"),
                    None => format!("no dequeue had taken {name} when it returned"),
                };
                format!(
                    "a dequeue that found the queue empty was called after enqueue {name} had returned, and {until}"
                )
            }
            _ => format!(
                "a dequeue found the queue empty, but at every moment from its call to its return one of {} values \
                 was in it: {}",
                values.len(),
                list(values.iter().map(|value| self.name(*value)))
            ),
        };
        Witness { kind: "false empty", operations, what }
    }

    /// The fewest values of which at each moment of the operation one must be in the queue.
    fn covering(&self, empty: OpId) -> Vec<ValueId> {
        let interval = self.interval(empty);
        let mut present: Vec<(Moment, Moment, ValueId)> = Vec::new();
        for (life, value) in self.evidence.lives.iter().zip(0..) {
            let (from, until) = (life.enqueued.ret, life.dequeued.call);
            if from < until && from < interval.ret && interval.call < until {
                present.push((from, until, ValueId(value)));
            }
        }
        present.sort_unstable();
        let mut covering = Vec::new();
        let mut covered = interval.call;
        let mut rest = &present[..];
        while covered < interval.ret {
            let reaching = rest.partition_point(|(from, _, _)| *from <= covered);
            let (candidates, later) = rest.split_at(reaching);
            let furthest = candidates.iter().max_by_key(|(_, until, _)| *until);
            let Some((_, until, value)) = furthest.filter(|(_, until, _)| *until > covered) else { break };
            covering.push(*value);
            covered = *until;
            rest = later;
        }
        covering
    }

    /// Takes out what the contradiction can do without.
    fn shrink(&self, empty: OpId, values: &mut Vec<ValueId>) {
        if values.len() > SHRUNK_MAX {
            return;
        }
        for place in (0..values.len()).rev() {
            let value = values.remove(place);
            if self.holds_for(empty, values) {
                values.insert(place, value);
            }
        }
    }

    /// Whether these values alone leave room for the queue to be found empty.
    fn holds_for(&self, empty: OpId, values: &[ValueId]) -> bool {
        let op = |operation: OpId| self.ops[operation.0 as usize];
        let mut ops = vec![op(empty)];
        ops.extend(self.evidence.pending.iter().map(|operation| op(*operation)));
        for (value, number) in values.iter().zip(0..) {
            let enqueue = Op { action: QueueAction::Enqueue(ValueId(number)), ..op(self.enqueue(*value)) };
            ops.push(enqueue);
            let dequeue = |operation| Op { action: QueueAction::Dequeue(ValueId(number)), ..op(operation) };
            ops.extend(self.dequeue(*value).map(dequeue));
        }
        holds(&ops).unwrap_or(true)
    }
}
