//! A voter's log in memory: a snapshot of the decided past, and the entries after it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One command in the quorum's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its position, from 1.
    pub index: u64,
    /// The epoch of the leader that appended it: the controller's epoch.
    pub epoch: i32,
    /// The state machine's command; empty for the first entry of a leader's epoch.
    pub command: Bytes,
}

/// The state machine's state after the entry at `index`; index 0 is the empty state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last index that it covers.
    pub index: u64,
    /// The epoch of the entry there.
    pub epoch: i32,
    /// The state machine's bytes.
    pub data: Bytes,
}

/// The log, and what of it was not yet handed to storage.
#[derive(Debug)]
pub(super) struct Log {
    snapshot: Snapshot,
    /// `entries[0]` has index `snapshot.index + 1`.
    entries: Vec<Entry>,
    /// Entries from here on are not in any write yet.
    unsaved_from: u64,
    snapshot_unsaved: bool,
}

impl Log {
    /// A log as it was stored.
    pub(super) fn new(snapshot: Snapshot, entries: Vec<Entry>) -> Self {
        let unsaved_from = snapshot.index + entries.len() as u64 + 1;
        Self { snapshot, entries, unsaved_from, snapshot_unsaved: false }
    }

    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(super) fn last_index(&self) -> u64 {
        self.snapshot.index + self.entries.len() as u64
    }

    pub(super) fn last_epoch(&self) -> i32 {
        self.entries.last().map_or(self.snapshot.epoch, |entry| entry.epoch)
    }

    /// The epoch of the entry at `index`, where that is known.
    pub(super) fn epoch_at(&self, index: u64) -> Option<i32> {
        if index == self.snapshot.index {
            return Some(self.snapshot.epoch);
        }
        self.entries.get(self.slot(index)?).map(|entry| entry.epoch)
    }

    /// The greatest index below `index` whose epoch is at most `epoch`: no entry above it can agree with
    /// a log that has `epoch` at `index`.
    pub(super) fn agree_below(&self, index: u64, epoch: i32) -> u64 {
        let below = self.slot(index).map_or(0, |slot| slot.min(self.entries.len()));
        let agreeing = self.entries[..below].partition_point(|entry| entry.epoch <= epoch);
        self.snapshot.index + agreeing as u64
    }

    /// Up to `count_max` entries from `index` on, whose commands have up to `bytes_max` bytes together; at
    /// least one where there is one.
    pub(super) fn read(&self, index: u64, count_max: u64, bytes_max: usize) -> Vec<Entry> {
        let slot = self.slot(index).expect("the caller sends a snapshot for what is no longer in the log");
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.command.len();
            bytes <= bytes_max || bytes == entry.command.len()
        };
        self.entries[slot.min(self.entries.len())..]
            .iter()
            .take(usize::try_from(count_max).unwrap_or(usize::MAX))
            .take_while(fits)
            .cloned()
            .collect()
    }

    /// The entries after `applied`, up to and with `high_watermark`.
    pub(super) fn decided(&self, applied: u64, high_watermark: u64) -> &[Entry] {
        let base = self.snapshot.index;
        assert!(base <= applied && applied <= high_watermark && high_watermark <= self.last_index());
        &self.entries[(applied - base) as usize..(high_watermark - base) as usize]
    }

    pub(super) fn push(&mut self, entry: Entry) {
        assert_eq!(entry.index, self.last_index() + 1, "the log has no gaps");
        assert!(entry.epoch >= self.last_epoch(), "epochs never fall along the log");
        self.entries.push(entry);
    }

    /// Drops the entry at `index` and all after it. An entry is pushed in its place within the same step:
    /// a write truncates from its first entry.
    pub(super) fn truncate(&mut self, index: u64) {
        let slot = self.slot(index).expect("what is decided is never truncated");
        self.entries.truncate(slot);
        self.unsaved_from = self.unsaved_from.min(index);
    }

    /// Puts `snapshot` in place of all that it covers. Entries beyond it stay if they follow on from it.
    pub(super) fn install(&mut self, snapshot: Snapshot) {
        assert!(snapshot.index > self.snapshot.index, "a snapshot only moves on");
        if self.epoch_at(snapshot.index) == Some(snapshot.epoch) {
            self.entries.drain(..(snapshot.index - self.snapshot.index) as usize);
        } else {
            self.entries.clear();
        }
        self.snapshot = snapshot;
        self.snapshot_unsaved = true;
    }

    pub(super) fn is_saved(&self) -> bool {
        !self.snapshot_unsaved && self.unsaved_from > self.last_index()
    }

    /// What the next write must hold: a new snapshot with all entries after it, or just the new entries.
    pub(super) fn take_unsaved(&mut self) -> (Option<Snapshot>, Vec<Entry>) {
        let snapshot = std::mem::take(&mut self.snapshot_unsaved).then(|| self.snapshot.clone());
        let from = if snapshot.is_some() { self.snapshot.index + 1 } else { self.unsaved_from };
        self.unsaved_from = self.last_index() + 1;
        (snapshot, self.read(from, u64::MAX, usize::MAX))
    }

    /// The position in `entries` that `index` has or would have; none for what the snapshot covers.
    fn slot(&self, index: u64) -> Option<usize> {
        index.checked_sub(self.snapshot.index + 1).map(|slot| slot as usize)
    }
}
