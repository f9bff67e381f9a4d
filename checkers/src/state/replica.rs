//! One replica as its broker tells of it: its log, its high watermark, its role, and what it has cut.

use std::sync::Arc;

use super::log::ReplicaLog;
use crate::ids::{BrokerId, LeaderEpoch, Offset, PartitionEpoch, Time};
use crate::trace::{Batch, EpochStart};

/// A replica, dead or alive.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    pub(super) alive: bool,
    pub(super) log: Option<ReplicaLog>,
    pub(super) uncertain: bool,
    pub(super) hw: Offset,
    pub(super) epochs: Option<Box<[EpochStart]>>,
    pub(super) epoch: Option<LeaderEpoch>,
    pub(super) partition_epoch: Option<PartitionEpoch>,
    pub(super) role: Role,
    pub(super) fetchers: Vec<(BrokerId, LeaderEpoch)>,
    pub(super) cuts: Vec<Cut>,
}

/// What a replica believes to be. Nobody has a role whose process is down.
#[derive(Clone, Debug, Default)]
pub enum Role {
    /// Nobody has told it yet.
    #[default]
    Idle,
    /// It leads.
    Leader(Leadership),
    /// It follows.
    Follower {
        /// Whom, if there is a leader.
        leader: Option<BrokerId>,
        /// Since when.
        since: Time,
    },
}

/// What a leader reckons with.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// Where its epoch starts.
    pub start: Offset,
    /// The in-sync replicas that it was given.
    pub isr: Arc<[BrokerId]>,
    /// Those together with all that may be in sync because it asked for them; equal to `isr` if nothing is
    /// pending.
    pub maximal: Arc<[BrokerId]>,
    /// Whether it has asked for others, and does not know yet what was decided.
    pub pending: bool,
}

/// A piece of a log that is there no longer.
#[derive(Clone, Debug)]
pub struct Cut {
    /// When it went, or was found to be gone.
    pub time: Time,
    /// How.
    pub how: CutBy,
    /// The first offset that went.
    pub from: Offset,
    /// What went. Part of it may have been fetched again since.
    pub batches: Vec<Batch>,
}

/// How a piece of a log went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutBy {
    /// The replica itself truncated it.
    Truncation {
        /// Why, in its own words.
        why: Arc<str>,
        /// In which leader epoch.
        epoch: Option<LeaderEpoch>,
        /// Whom it followed.
        leader: Option<BrokerId>,
    },
    /// A restart did not find it on the disk.
    Recovery,
}

impl Replica {
    /// Whether its broker's process runs.
    pub fn is_alive(&self) -> bool {
        self.alive
    }

    /// Its log; `None` if it is not known: it was never told, or power loss took something that nobody can
    /// tell before the next start.
    pub fn log(&self) -> Option<&ReplicaLog> {
        self.log.as_ref().filter(|_| !self.uncertain)
    }

    /// Its log as it was known last, perhaps before power loss took something of it.
    pub fn last_known_log(&self) -> Option<&ReplicaLog> {
        self.log.as_ref()
    }

    /// The high watermark as it knows it.
    pub fn high_watermark(&self) -> Offset {
        self.hw
    }

    /// Its leader-epoch cache, if it was told.
    pub fn epochs(&self) -> Option<&[EpochStart]> {
        self.epochs.as_deref()
    }

    /// The leader epoch that it believes in.
    pub fn epoch(&self) -> Option<LeaderEpoch> {
        self.epoch
    }

    /// The partition epoch that it has applied.
    pub fn partition_epoch(&self) -> Option<PartitionEpoch> {
        self.partition_epoch
    }

    /// What it believes to be.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// What it reckons with, and in which epoch, if it believes that it leads.
    pub fn leadership(&self) -> Option<(LeaderEpoch, &Leadership)> {
        match &self.role {
            Role::Leader(leadership) => Some((self.epoch?, leadership)),
            Role::Idle | Role::Follower { .. } => None,
        }
    }

    /// From whom it pulls, and in which epochs.
    pub fn fetchers(&self) -> &[(BrokerId, LeaderEpoch)] {
        &self.fetchers
    }

    /// All that its log ever lost.
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// Its process begins, or is gone.
    pub(super) fn lives(&mut self, alive: bool) {
        self.alive = alive;
        self.role = Role::Idle;
        (self.epoch, self.partition_epoch) = (None, None);
        self.fetchers.clear();
    }

    pub(super) fn leads(&mut self) -> Option<&mut Leadership> {
        match &mut self.role {
            Role::Leader(leadership) => Some(leadership),
            Role::Idle | Role::Follower { .. } => None,
        }
    }

    pub(super) fn append(&mut self, batch: Batch) {
        // A log that was never told from its beginning on is not known.
        if batch.base <= Offset(0) {
            self.log.get_or_insert_default();
        }
        if let Some(log) = &mut self.log {
            log.append(batch);
        }
    }

    /// Whether that took anything.
    pub(super) fn truncate(&mut self, time: Time, to: Offset, why: Arc<str>) -> bool {
        let leader = match &self.role {
            Role::Follower { leader, .. } => *leader,
            Role::Idle | Role::Leader(_) => None,
        };
        let Some(log) = &mut self.log else { return false };
        let batches = log.truncate(to);
        let how = CutBy::Truncation { why, epoch: self.epoch, leader };
        self.note_cut(Cut { time, how, from: to, batches })
    }

    /// The log is this from now on. Whether anything of the former one is gone.
    pub(super) fn recover(&mut self, time: Time, batches: &[Batch]) -> bool {
        let found = ReplicaLog::of(batches);
        self.uncertain = false;
        let Some(mut before) = self.log.replace(found.clone()) else { return false };
        let from = before.parts_from(&found);
        let batches = before.truncate(from);
        self.note_cut(Cut { time, how: CutBy::Recovery, from, batches })
    }

    fn note_cut(&mut self, cut: Cut) -> bool {
        let any = !cut.batches.is_empty();
        if any {
            self.cuts.push(cut);
        }
        any
    }
}
