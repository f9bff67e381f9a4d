//! What a voter keeps on disk: a fold over its atomic writes.

use serde::{Deserialize, Serialize};

use super::log::{Entry, Snapshot};
use super::message::VoterId;

/// What a voter may never forget apart from its log (KRaft's `quorum-state` file).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumState {
    /// The highest epoch that it has seen.
    pub epoch: i32,
    /// Whom it has voted for in that epoch.
    pub voted_for: Option<VoterId>,
    /// Entries up to here are decided. It may lag: no write is made for it alone.
    pub high_watermark: u64,
}

/// All that one step changes of the stored state: on disk either whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Counts the writes of one life, from 1; storage reports it back when the write is synced.
    #[serde(skip)]
    pub id: u64,
    /// Takes the place of the stored one.
    pub state: QuorumState,
    /// If there is one, this write takes the place of everything stored before it.
    pub snapshot: Option<Snapshot>,
    /// Appended, after all stored entries from the first one's index on are cut.
    pub entries: Vec<Entry>,
}

/// The stored state of a voter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Epoch, vote and high watermark.
    pub state: QuorumState,
    /// The newest snapshot.
    pub snapshot: Snapshot,
    /// The entries after it.
    pub entries: Vec<Entry>,
}

impl Stored {
    /// Adds one write.
    pub fn apply(&mut self, write: Write) {
        self.state = write.state;
        if let Some(snapshot) = write.snapshot {
            self.snapshot = snapshot;
            self.entries.clear();
        }
        if let Some(first) = write.entries.first() {
            let kept =
                first.index.checked_sub(self.snapshot.index + 1).expect("a write follows its snapshot");
            assert!(kept <= self.entries.len() as u64, "a write leaves no gap");
            self.entries.truncate(kept as usize);
        }
        self.entries.extend(write.entries);
    }
}
