//! How far the clients have come, for the run to look at between two steps of the world.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use highwater_checkers::ids::{Time, TopicPartition};

use super::FinalRead;

/// What the clients have come to. All clones are one.
#[derive(Clone, Default)]
pub struct Progress(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stage: Stage,
    acks: u64,
    last_acks: BTreeMap<TopicPartition, Time>,
}

/// How far the clients have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Topics are being created, and the cluster is to settle; the last reason why it is not so yet.
    Preparing(Arc<str>),
    /// Producers send and consumers read.
    Loading,
    /// They have stopped, and nothing is outstanding.
    Drained,
    /// The final read has ended.
    Finished(FinalRead),
}

impl Default for Stage {
    fn default() -> Self {
        Self::Preparing("the clients have not begun".into())
    }
}

impl Progress {
    /// How far the clients have come.
    pub fn stage(&self) -> Stage {
        self.state().stage.clone()
    }

    /// How many sends were acknowledged so far.
    pub fn acks(&self) -> u64 {
        self.state().acks
    }

    /// When a send to `partition` was last acknowledged.
    pub fn last_ack(&self, partition: &TopicPartition) -> Option<Time> {
        self.state().last_acks.get(partition).copied()
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.state().stage = stage;
    }

    pub(super) fn acknowledged(&self, partition: &TopicPartition, time: Time) {
        let mut state = self.state();
        state.acks += 1;
        state.last_acks.insert(partition.clone(), time);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the lock panics")
    }
}
