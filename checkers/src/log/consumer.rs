//! Where a consumer stands in each of its partitions, and what it read in the final phase.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::ends::Known;
use super::operations::{OpId, PartitionId};
use super::partition::{PartitionHistory, Step};
use crate::ids::{Moment, Offset, Value};
use crate::linearizability::rule;
use crate::operation::{Operation, Outcome, PartitionRead, Phase};

/// What was read of a partition, and since when.
type Whole = (Moment, Vec<(Offset, Value)>);

/// A consumer, as its polls show it.
#[derive(Debug, Default)]
pub(super) struct Consumer {
    positions: HashMap<PartitionId, Position, FxBuildHasher>,
    /// It reads what its group leaves to it.
    subscribed: bool,
    /// All that it read since it assigned a partition at offset 0 in the final phase.
    whole: HashMap<PartitionId, Whole, FxBuildHasher>,
    /// The partitions of which the running operation read something.
    here: Vec<PartitionId>,
}

/// Where a consumer stands in one partition.
#[derive(Debug, Default)]
struct Position {
    /// The last record of the last `ok` poll since it began to read the partition.
    last: Option<(Offset, Moment)>,
    /// The last record that the running operation read.
    here: Option<Offset>,
    /// Where among the slots it read last.
    near: usize,
    end: Known,
}

impl Consumer {
    /// Keeps track of the partitions that are still listed and not sought elsewhere.
    pub(super) fn assign(&mut self, positions: &[(PartitionId, Option<Offset>)], phase: Phase, at: Moment) {
        self.subscribed = false;
        self.keep(positions);
        self.whole.clear();
        for (partition, offset) in positions {
            let from_start = *offset == Some(Offset(0)) || !rule::applies("final-from-start");
            if phase == Phase::Final && from_start {
                self.whole.insert(*partition, (at, Vec::new()));
            }
        }
    }

    /// From now on its partitions are shared out among its group.
    pub(super) fn subscribe(&mut self, partitions: &[(PartitionId, Option<Offset>)]) {
        self.subscribed = true;
        self.keep(partitions);
        self.whole.clear();
    }

    fn keep(&mut self, listed: &[(PartitionId, Option<Offset>)]) {
        let listed: HashMap<PartitionId, Option<Offset>, FxBuildHasher> = listed.iter().copied().collect();
        for (partition, position) in &mut self.positions {
            let goes_on = |last: &(Offset, Moment)| match listed.get(partition) {
                None => !rule::applies("assign-forgets"),
                Some(sought) => {
                    sought.is_none_or(|offset| offset == last.0.plus(1) || !rule::applies("seeks"))
                }
            };
            position.last = position.last.filter(goes_on);
            if !listed.contains_key(partition) {
                position.end = Known::default();
            }
        }
    }

    /// Takes what an operation read of one partition: notes every step that did not go straight to the next
    /// offset. A poll that failed is compared too, but does not move the consumer.
    pub(super) fn read(
        &mut self,
        operation: &Operation,
        read: &PartitionRead,
        (partition, history): (PartitionId, &mut PartitionHistory),
        op: Option<OpId>,
        at: Moment,
    ) {
        let position = self.positions.entry(partition).or_default();
        let seen = &read.seen;
        if let Some(hw) = seen.high_watermark {
            history.ends.high_watermark(hw, at, &mut position.end);
        }
        if let Some((asked, reset)) = seen.position.zip(seen.reset) {
            history.ends.refused(asked, reset, at, &mut position.end);
        }
        if let Some(giver) = seen.from {
            history.givers.gave(giver, seen.position, &read.records, at);
        }
        if read.records.is_empty() {
            return;
        }
        history.read(operation, &read.records, op, at, &mut position.near);
        let mut from = match position.here {
            Some(last) => Some((true, (last, at))),
            None => position.last.map(|last| (false, last)),
        };
        for record in &read.records {
            if let Some((internal, from)) = from
                && record.offset.0.checked_sub(from.0.0) != Some(1)
            {
                let (subscribed, to) = (self.subscribed && !internal, (record.offset, at));
                history.steps.push(Step { internal, subscribed, from, to });
            }
            from = Some((true, (record.offset, at)));
        }
        if let Some((_, (last, _))) = from
            && position.here.replace(last).is_none()
        {
            self.here.push(partition);
        }
        if operation.phase == Phase::Final
            && let Some((_, content)) = self.whole.get_mut(&partition)
        {
            content.extend(read.records.iter().map(|record| (record.offset, record.value)));
        }
    }

    /// Moves on to where an operation ended, if it was `ok`.
    pub(super) fn end(&mut self, outcome: Outcome, at: Moment) {
        let moves = outcome == Outcome::Ok || !rule::applies("failed-polls-stay");
        for partition in self.here.drain(..) {
            let Some(position) = self.positions.get_mut(&partition) else { continue };
            let here = position.here.take().filter(|_| moves);
            position.last = here.map(|offset| (offset, at)).or(position.last);
        }
    }

    /// Hands out what was read of a partition since it was assigned at offset 0, and when that was.
    pub(super) fn whole_read(&mut self, partition: PartitionId) -> Option<Whole> {
        self.whole.remove(&partition)
    }
}
