//! The partitions of a history by their names.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::operations::PartitionId;
use crate::ids::TopicPartition;

/// How many partitions are found without hashing their topic's name.
const RECENT_MAX: usize = 64;

/// The partitions that the history names.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: HashMap<TopicPartition, PartitionId, FxBuildHasher>,
    /// The last one that was asked for, by its number within the topic.
    recent: Vec<Option<(TopicPartition, PartitionId)>>,
}

impl Names {
    /// The partition of this name, and whether the name is new.
    pub(super) fn id(&mut self, name: &TopicPartition) -> (PartitionId, bool) {
        let slot = name.partition as usize % RECENT_MAX;
        if let Some(Some((known, id))) = self.recent.get(slot)
            && known == name
        {
            return (*id, false);
        }
        let (id, is_new) = match self.ids.get(name) {
            Some(id) => (*id, false),
            None => {
                let id = PartitionId(u32::try_from(self.ids.len()).unwrap_or(u32::MAX));
                self.ids.insert(name.clone(), id);
                (id, true)
            }
        };
        if self.recent.len() <= slot {
            self.recent.resize(slot + 1, None);
        }
        self.recent[slot] = Some((name.clone(), id));
        (id, is_new)
    }

    /// The partition of this name, if the history named it before.
    pub(super) fn known(&self, name: &TopicPartition) -> Option<PartitionId> {
        self.ids.get(name).copied()
    }

    /// The partitions in the order of their names.
    pub(super) fn in_order(self) -> Vec<PartitionId> {
        let mut by_name: Vec<_> = self.ids.into_iter().collect();
        by_name.sort_unstable();
        by_name.into_iter().map(|(_, id)| id).collect()
    }
}
