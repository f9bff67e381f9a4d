//! Which broker gave what, where clients know who answered them.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{BrokerId, Moment, Offset, Value};
use crate::linearizability::rule;
use crate::operation::Record;

/// What each broker gave of a partition.
#[derive(Debug, Default)]
pub(super) struct Givers(BTreeMap<BrokerId, Gave>);

/// What one broker gave.
#[derive(Debug, Default)]
struct Gave {
    records: Vec<(Offset, Value, Moment)>,
    /// What was read from it without a break: from an offset to another, both included.
    spans: Vec<(Offset, Offset, Moment)>,
}

/// A record that one broker gave, and another did not though it was read past it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divergence {
    pub(super) offset: Offset,
    pub(super) value: Value,
    pub(super) gave: (BrokerId, Moment),
    pub(super) passed: (BrokerId, Moment),
}

impl Givers {
    /// A broker answered a poll.
    pub(super) fn gave(
        &mut self,
        broker: BrokerId,
        position: Option<Offset>,
        records: &[Record],
        at: Moment,
    ) {
        let gave = self.0.entry(broker).or_default();
        let offsets = || records.iter().map(|record| record.offset);
        if let Some((lowest, highest)) = offsets().min().zip(offsets().max()) {
            let from = position.map_or(lowest, |position| position.min(lowest));
            gave.spans.push((from, highest, at));
        }
        gave.records.extend(records.iter().map(|record| (record.offset, record.value, at)));
    }

    /// Whether anybody told who answered.
    pub(super) fn is_told(&self) -> bool {
        !self.0.is_empty()
    }

    /// All divergences, by offset.
    pub(super) fn divergences(&self) -> Vec<Divergence> {
        let mut found = Vec::new();
        if self.0.len() < 2 {
            return found;
        }
        let known: Vec<_> = self
            .0
            .iter()
            .map(|(broker, gave)| {
                let mut records = gave.records.clone();
                records.sort_unstable();
                records.dedup_by_key(|(offset, value, _)| (*offset, *value));
                let values: BTreeSet<Value> = records.iter().map(|(_, value, _)| *value).collect();
                (*broker, records, values, union(&gave.spans))
            })
            .collect();
        for (giver, records, ..) in &known {
            for (other, _, values, spans) in known.iter().filter(|(other, ..)| other != giver) {
                for (offset, value, at) in records.iter().filter(|(_, value, _)| !values.contains(value)) {
                    let after = spans.partition_point(|(_, to, _)| to < offset);
                    let passed = spans.get(after).filter(|(from, ..)| from <= offset);
                    let anywhere = spans.first().filter(|_| !rule::applies("read-past"));
                    if let Some((_, _, by)) = passed.or(anywhere) {
                        let (gave, passed) = ((*giver, *at), (*other, *by));
                        found.push(Divergence { offset: *offset, value: *value, gave, passed });
                    }
                }
            }
        }
        found.sort_unstable_by_key(|it| (it.offset, it.value, it.gave.0, it.passed.0));
        found
    }
}

/// Spans that overlap as one, in order, with the first moment of each.
fn union(spans: &[(Offset, Offset, Moment)]) -> Vec<(Offset, Offset, Moment)> {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    let mut whole: Vec<(Offset, Offset, Moment)> = Vec::new();
    for (from, to, at) in spans {
        match whole.last_mut() {
            Some((_, until, _)) if from <= *until => *until = to.max(*until),
            _ => whole.push((from, to, at)),
        }
    }
    whole
}
