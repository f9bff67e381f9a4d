//! Where a consumer stands in each of its partitions, and what it read in the final phase.

use std::collections::BTreeMap;

use super::partition::{PartitionHistory, Step, Witness};
use crate::ids::{Offset, OperationIndex, TopicPartition, Value};
use crate::operation::{Operation, PartitionPosition, PartitionRead, Phase};

/// A consumer, as its polls show it.
#[derive(Debug, Default)]
pub(super) struct Consumer {
    /// The last record of the last `ok` poll.
    last: BTreeMap<TopicPartition, (Offset, OperationIndex)>,
    /// All that it read since it assigned a partition at offset 0 in the final phase.
    whole: BTreeMap<TopicPartition, (Witness, BTreeMap<Offset, Value>)>,
}

/// The last record that one operation read of each partition so far.
pub(super) type LastHere = Vec<(TopicPartition, Offset)>;

impl Consumer {
    /// Keeps track of the partitions that are still listed and not sought elsewhere.
    pub(super) fn assign(&mut self, operation: &Operation, positions: &[PartitionPosition]) {
        let mut kept = BTreeMap::new();
        self.whole.clear();
        for PartitionPosition { partition, offset } in positions {
            if let Some((partition, last)) = self.last.remove_entry(partition)
                && offset.is_none_or(|offset| offset == last.0.plus(1))
            {
                kept.insert(partition, last);
            }
            if operation.phase == Phase::Final && *offset == Some(Offset(0)) {
                self.whole.insert(partition.clone(), (Witness::of(operation), BTreeMap::new()));
            }
        }
        self.last = kept;
    }

    /// Notes every step of a poll that did not go straight to the next offset. A poll that failed is
    /// compared too, but does not move the consumer.
    pub(super) fn read(
        &self,
        operation: &Operation,
        read: &PartitionRead,
        history: &mut PartitionHistory,
        last_here: &mut LastHere,
    ) {
        let here = last_here.iter().position(|(partition, _)| *partition == read.partition);
        let mut from = match here {
            Some(index) => Some((true, (last_here[index].1, operation.index))),
            None => self.last.get(&read.partition).map(|last| (false, *last)),
        };
        for record in &read.records {
            if let Some((internal, from)) = from
                && record.offset != from.0.plus(1)
            {
                let to = (record.offset, Witness::of(operation));
                history.steps.push(Step { internal, from, to });
            }
            from = Some((true, (record.offset, operation.index)));
        }
        let Some((_, (last, _))) = from else { return };
        match here {
            Some(index) => last_here[index].1 = last,
            None => last_here.push((read.partition.clone(), last)),
        }
    }

    /// Moves on to where an `ok` operation ended.
    pub(super) fn advance(&mut self, operation: &Operation, last_here: LastHere) {
        for (partition, offset) in last_here {
            self.last.insert(partition, (offset, operation.index));
        }
    }

    /// Keeps what is read in the final phase, if it is read from the start.
    pub(super) fn collect(&mut self, read: &PartitionRead) {
        if let Some((_, content)) = self.whole.get_mut(&read.partition) {
            content.extend(read.records.iter().map(|record| (record.offset, record.value)));
        }
    }

    /// Hands out what was read of a partition since it was assigned at offset 0, and when that was.
    pub(super) fn whole_read(
        &mut self,
        partition: &TopicPartition,
    ) -> Option<(Witness, BTreeMap<Offset, Value>)> {
        self.whole.remove(partition)
    }
}
