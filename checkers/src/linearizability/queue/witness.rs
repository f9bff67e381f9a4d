//! Says in a sentence, and by few operations, why a history is none of a queue.

use super::super::timeline::Timeline;
use super::super::{Op, OpId, ValueId, Witness};
use super::evidence::Evidence;
use super::sweep::Contradiction;
use super::{QueueAction, holds};
use crate::ids::Moment;

/// So many values of a witness are tried without each of them, to find a smaller one.
const SHRUNK_MAX: usize = 24;
/// So many values does a sentence name.
const NAMED_MAX: usize = 4;

/// What a history is, and how its values are called.
struct Scene<'a> {
    ops: &'a [Op<QueueAction>],
    timeline: &'a Timeline,
    evidence: &'a Evidence,
    name: &'a dyn Fn(ValueId) -> String,
}

pub(super) fn witness(
    contradiction: Contradiction,
    ops: &[Op<QueueAction>],
    timeline: &Timeline,
    evidence: &Evidence,
    name: &dyn Fn(ValueId) -> String,
) -> Witness {
    let scene = Scene { ops, timeline, evidence, name };
    match contradiction {
        Contradiction::Phantom { dequeue, value } => Witness {
            kind: "phantom",
            operations: vec![dequeue],
            what: format!("operation {} dequeued {}, which nobody ever enqueued", dequeue.0, name(value)),
        },
        Contradiction::Early { dequeue, enqueue, value } => Witness {
            kind: "dequeue from the future",
            operations: vec![dequeue, enqueue],
            what: format!(
                "operation {} had dequeued {} before operation {} began to enqueue it",
                dequeue.0,
                name(value),
                enqueue.0
            ),
        },
        Contradiction::Repeated { first, second } => Witness {
            kind: "duplicate dequeue",
            operations: vec![first, second],
            what: format!(
                "operations {} and {} both dequeued {}, which was enqueued once at most",
                first.0,
                second.0,
                scene.value_of(first).map(name).unwrap_or_default()
            ),
        },
        Contradiction::Order { first, second } => scene.order(first, second),
        Contradiction::Full { dequeue } => scene.full(dequeue),
    }
}

impl Scene<'_> {
    fn value_of(&self, operation: OpId) -> Option<ValueId> {
        match self.ops[operation.0 as usize].action {
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
        let [first_name, second_name] = [first, second].map(self.name);
        if let Some(dequeue) = self.dequeue(first) {
            let what = format!(
                "operation {} had enqueued {first_name} before operation {} began to enqueue {second_name}, yet \
                 operation {} had dequeued {second_name} before operation {} began to dequeue {first_name}",
                enqueue.0, overtaking.0, overtaken.0, dequeue.0
            );
            let operations = vec![enqueue, overtaking, overtaken, dequeue];
            return Witness { kind: "out of order", operations, what };
        }
        // Each dequeue without a known result that was called in time may have taken one such value away.
        let until = self.timeline.interval(overtaken).ret;
        let excuses = self.called_before(until);
        let skipped = &self.evidence.left[..=excuses.min(self.evidence.left.len() - 1)];
        let mut operations: Vec<OpId> = skipped.iter().map(|value| self.enqueue(*value)).collect();
        operations.extend([overtaking, overtaken]);
        let names = self.names(skipped);
        let rest = format!(
            "before operation {} began to enqueue {second_name}, which operation {} dequeued",
            overtaking.0, overtaken.0
        );
        let what = match excuses {
            0 => format!(
                "operation {} had enqueued {names} {rest}, but nobody dequeued {names}",
                operations[0].0
            ),
            _ => format!(
                "{} values ({names}) had been enqueued {rest}; none of them was seen again, and only {excuses} \
                 dequeues without a known result were called in time to have taken one",
                skipped.len()
            ),
        };
        Witness { kind: "skipped value", operations, what }
    }

    fn called_before(&self, moment: Moment) -> usize {
        let early = |operation: &OpId| self.timeline.interval(*operation).call < moment;
        self.evidence.pending.partition_point(early)
    }

    fn names(&self, values: &[ValueId]) -> String {
        let mut names: Vec<String> = values.iter().take(NAMED_MAX).map(|value| (self.name)(*value)).collect();
        if values.len() > NAMED_MAX {
            names.push(format!("{} more", values.len() - NAMED_MAX));
        }
        names.join(", ")
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
                let until = self.dequeue(value).map_or_else(
                    || "nobody dequeued it".to_owned(),
                    |dequeue| format!("operation {}, which dequeued it, had not begun", dequeue.0),
                );
                format!(
                    "operation {} found the queue empty, but {} was in it all the while: operation {} had \
                     enqueued it, and {until}",
                    empty.0,
                    (self.name)(value),
                    operations[1].0
                )
            }
            _ => format!(
                "operation {} found the queue empty, but at every moment of it some of {} values was in it: {}",
                empty.0,
                values.len(),
                self.names(&values)
            ),
        };
        Witness { kind: "false empty", operations, what }
    }

    /// The fewest values of which at each moment of the operation one must be in the queue.
    fn covering(&self, empty: OpId) -> Vec<ValueId> {
        let interval = self.timeline.interval(empty);
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
