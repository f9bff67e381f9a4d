//! The one log that all voters must agree on, and the checks that every apply goes through.

use std::collections::BTreeMap;

use highwater_broker::quorum::{Entry, Snapshot, Status, VoterId};

/// What must never happen, and did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Violation {
    /// Voters disagree, or one of them noticed that something is wrong.
    #[error("unsafe: {0}")]
    Unsafe(String),
    /// Nothing is decided though nothing hinders it.
    #[error("stuck: {0}")]
    Stuck(String),
}

/// Everything that was ever applied anywhere.
#[derive(Default)]
pub(crate) struct Oracle {
    log: Vec<Entry>,
    /// `digests[i]` is the state machines' state after entry `i`.
    digests: Vec<u64>,
    leaders: BTreeMap<i32, VoterId>,
}

impl Oracle {
    pub(crate) fn len(&self) -> u64 {
        self.log.len() as u64
    }

    /// The digest after `index`, if that was applied anywhere.
    pub(crate) fn digest(&self, index: u64) -> Option<u64> {
        match index.checked_sub(1) {
            None => Some(0),
            Some(slot) => self.digests.get(slot as usize).copied(),
        }
    }

    pub(crate) fn epochs_led(&self) -> usize {
        self.leaders.len()
    }

    /// The command at `index`.
    pub(crate) fn command(&self, index: u64) -> Option<&[u8]> {
        self.log.get(index.checked_sub(1)? as usize).map(|entry| &entry.command[..])
    }

    /// Checks an entry that a voter applies, and gives the state machine's digest after it.
    pub(crate) fn apply(&mut self, by: VoterId, applied: u64, entry: &Entry) -> Result<u64, Violation> {
        if entry.index != applied + 1 {
            return Err(Violation::Unsafe(format!("{by} applies {} after {applied}", entry.index)));
        }
        if entry.index == self.len() + 1 {
            let before = self.digests.last().copied().unwrap_or(0);
            self.log.push(entry.clone());
            self.digests.push(digest(before, entry));
        }
        let known = &self.log[entry.index as usize - 1];
        if known != entry {
            return Err(Violation::Unsafe(format!(
                "{by} applies another entry at {} (epoch {}) than was applied before (epoch {})",
                entry.index, entry.epoch, known.epoch
            )));
        }
        Ok(self.digests[entry.index as usize - 1])
    }

    /// Checks a snapshot that a voter restores.
    pub(crate) fn restore(&self, by: VoterId, applied: u64, snapshot: &Snapshot) -> Result<u64, Violation> {
        let digest = snapshot.data.first_chunk().map(|digest| u64::from_le_bytes(*digest));
        let length_right = snapshot.data.len() == 8 + padding(snapshot.index);
        if snapshot.index <= applied || digest != self.digest(snapshot.index) || !length_right {
            return Err(Violation::Unsafe(format!(
                "{by} at {applied} restores a wrong snapshot of {}",
                snapshot.index
            )));
        }
        Ok(self.digests[snapshot.index as usize - 1])
    }

    /// Checks that all who know an epoch's leader know the same.
    pub(crate) fn leads(&mut self, by: VoterId, status: Status) -> Result<(), Violation> {
        let Some(leader) = status.leader else { return Ok(()) };
        let known = *self.leaders.entry(status.epoch).or_insert(leader);
        if known != leader {
            let epoch = status.epoch;
            return Err(Violation::Unsafe(format!(
                "{by} takes {leader} for the leader of epoch {epoch}, others {known}"
            )));
        }
        Ok(())
    }
}

/// The bytes by which a snapshot of `index` is made longer, so that it takes one to several pieces.
pub(crate) fn padding(index: u64) -> usize {
    (index as usize * 97) % 1500
}

fn digest(before: u64, entry: &Entry) -> u64 {
    let mut hash = before ^ entry.index ^ (entry.epoch as u64).rotate_left(32);
    for byte in &entry.command[..entry.command.len().min(8)] {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.rotate_left(17)
}
