//! What the history says of the log: whether it can be judged, how much there was, and all that is wrong.

use super::anomalies::{self, Scene};
use super::groups::Groups;
use super::operations::{Operations, PartitionId};
use super::partition::PartitionHistory;
use super::timeline::Timeline;
use super::{Precommitted, SendOrder, Sighting, transactions};
use crate::ids::TopicPartition;
use crate::verdict::{Anomaly, LoadCounts};

/// What the history says of the log.
#[derive(Debug, Default)]
pub struct LogReport {
    pub(super) not_checkable: Option<String>,
    pub(super) order: SendOrder,
    pub(super) timeline: Timeline,
    pub(super) partitions: Vec<PartitionHistory>,
    /// The partitions in the order of their names.
    pub(super) by_name: Vec<PartitionId>,
    pub(super) operations: Operations,
    pub(super) groups: Groups,
    pub(super) precommitted: Vec<Precommitted>,
}

/// How many records there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Acknowledged.
    pub acknowledged: u64,
    /// Read by anyone.
    pub read: u64,
    /// Indeterminate, and read later.
    pub info_read: u64,
    /// Those sent while the load ran.
    pub under_load: LoadCounts,
}

impl LogReport {
    /// Which precondition the history breaks, so that nothing can be said of it.
    pub fn not_checkable(&self) -> Option<&str> {
        self.not_checkable.as_deref()
    }

    /// The partitions of which no final read tells what was lost, each with the reason. Those without an
    /// acknowledged or read record are not among them.
    pub fn without_final_read(&self) -> impl Iterator<Item = (&TopicPartition, &str)> {
        let partitions = self.in_order().map(|(_, history)| history).filter(|history| history.has_records());
        partitions.filter_map(|history| Some((&history.name, history.no_final_read()?)))
    }

    /// Whether the history tells what this anomaly is judged by.
    pub fn judges(&self, anomaly: Anomaly) -> bool {
        match anomaly {
            Anomaly::DivergentReplica => self.partitions.iter().any(|it| it.givers.is_told()),
            Anomaly::EndOffsetRegression => self.partitions.iter().any(|it| it.ends.is_told()),
            Anomaly::CommittedOffsetRegression => self.groups.tells_commits(),
            Anomaly::TwoOwners => self.groups.tells_owners(),
            _ => true,
        }
    }

    /// Whether some operation sent several records, which take effect together.
    pub fn has_transactions(&self) -> bool {
        self.operations.iter().any(|(_, done)| done.send_count() > 1)
    }

    /// How many records there were.
    pub fn counts(&self) -> RecordCounts {
        self.partitions.iter().fold(RecordCounts::default(), |sum, history| {
            let counts = history.counts();
            RecordCounts {
                acknowledged: sum.acknowledged + counts.acknowledged,
                read: sum.read + counts.read,
                info_read: sum.info_read + counts.info_read,
                under_load: sum.under_load.plus(counts.under_load),
            }
        })
    }

    /// Hands every instance of every anomaly to `sink`; none of a history that is not checkable.
    pub fn sightings(&self, sink: &mut dyn FnMut(Sighting)) {
        if self.not_checkable.is_some() {
            return;
        }
        for (_, history) in self.in_order() {
            anomalies::find(&Scene { history, timeline: &self.timeline, order: self.order }, sink);
        }
        transactions::find(self, sink);
        self.groups.find(&self.timeline, sink);
    }

    pub(super) fn in_order(&self) -> impl Iterator<Item = (PartitionId, &PartitionHistory)> {
        self.by_name.iter().map(|id| (*id, self.partition(*id)))
    }

    pub(super) fn partition(&self, id: PartitionId) -> &PartitionHistory {
        &self.partitions[id.0 as usize]
    }
}
