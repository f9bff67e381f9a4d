//! Replication: the leader's entries reach the followers, and the high watermark follows.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::log::Entry;
use super::message::{Body, VoterId};
use super::{ProposeError, Quorum, Role};

/// What a leader knows of its epoch and of the voters.
#[derive(Debug)]
pub(super) struct Reign {
    /// The index of the epoch's first entry.
    pub(super) first_index: u64,
    /// All voters, the leader too: its own log counts as far as it is synced.
    progress: BTreeMap<VoterId, Progress>,
}

/// How far one voter is.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// Up to here its synced log is the leader's.
    match_index: u64,
    /// What to send next.
    pub(super) next_index: u64,
    pub(super) flow: Flow,
    /// An answer is due before more is sent; a heartbeat gives up on it. Not used in `Flow::Pipeline`.
    pub(super) waiting: bool,
    /// The high watermark that it was last told.
    told: u64,
    /// Ticks since it was last heard.
    silent_ticks: u32,
}

/// How entries are sent to a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// One request at a time, until it is known where the logs agree.
    Probe,
    /// Requests follow each other unanswered, up to the window. A loss shows at the next request or
    /// heartbeat, which the follower refuses.
    Pipeline,
    /// The snapshot of `index` is sent piece by piece; `position` is the next one's, in bytes.
    Snapshot { index: u64, position: u64 },
}

impl Reign {
    pub(super) fn new(voters: &BTreeSet<VoterId>, first_index: u64) -> Self {
        let progress = Progress {
            match_index: 0,
            next_index: first_index,
            flow: Flow::Probe,
            waiting: false,
            told: 0,
            silent_ticks: 0,
        };
        Self { first_index, progress: voters.iter().map(|&voter| (voter, progress.clone())).collect() }
    }

    /// Counts a tick; gives how many voters, `own` among them, were heard less than `ticks_max` ago.
    pub(super) fn count_silence(&mut self, ticks_max: u32, own: VoterId) -> usize {
        self.progress.values_mut().for_each(|progress| progress.silent_ticks += 1);
        let heard =
            |(voter, progress): &(&VoterId, &Progress)| **voter == own || progress.silent_ticks < ticks_max;
        self.progress.iter().filter(heard).count()
    }

    /// The greatest index that `majority` voters have synced.
    fn synced_by(&self, majority: usize) -> u64 {
        let mut indexes: Vec<u64> = self.progress.values().map(|progress| progress.match_index).collect();
        indexes.sort_unstable_by(|a, b| b.cmp(a));
        indexes[majority - 1]
    }
}

impl Quorum {
    pub(super) fn propose(&mut self, command: Bytes) -> Result<u64, ProposeError> {
        if !matches!(self.role, Role::Leader(_)) {
            return Err(ProposeError::NotLeader { leader: self.leader() });
        }
        if command.len() > self.config.message_bytes_max {
            return Err(ProposeError::TooLarge { bytes_max: self.config.message_bytes_max });
        }
        if self.log.last_index() - self.high_watermark >= self.config.undecided_max {
            return Err(ProposeError::Full);
        }
        Ok(self.append(command))
    }

    /// Appends to the leader's log and sends it on.
    pub(super) fn append(&mut self, command: Bytes) -> u64 {
        let index = self.log.last_index() + 1;
        self.log.push(Entry { index, epoch: self.epoch, command });
        self.replicate_to_all(false);
        // Its own copy counts like any other: once it is synced.
        self.send(self.config.id, Body::AppendAccepted { match_index: index });
        index
    }

    pub(super) fn replicate_to_all(&mut self, heartbeat: bool) {
        for voter in self.peers() {
            self.replicate(voter, heartbeat);
        }
    }

    /// Sends a follower what it lacks, as far as the flow to it allows. A `heartbeat` is sent in any case.
    pub(super) fn replicate(&mut self, to: VoterId, heartbeat: bool) {
        let Role::Leader(reign) = &mut self.role else { return };
        let progress = reign.progress.get_mut(&to).expect("messages go to voters");
        if heartbeat {
            progress.waiting = false;
        }
        if progress.waiting {
            return;
        }
        if progress.next_index <= self.log.snapshot().index {
            self.send_snapshot(to);
            return;
        }
        let mut due = heartbeat || progress.flow == Flow::Probe || progress.told < self.high_watermark;
        let mut requests = Vec::new();
        loop {
            let previous_index = progress.next_index - 1;
            let window = match progress.flow {
                Flow::Pipeline => {
                    self.config.in_flight_max.saturating_sub(previous_index - progress.match_index)
                }
                _ => self.config.in_flight_max,
            };
            let entries = self.log.read(progress.next_index, window, self.config.message_bytes_max);
            if entries.is_empty() && !due {
                break;
            }
            due = false;
            progress.told = self.high_watermark;
            if progress.flow == Flow::Pipeline {
                progress.next_index += entries.len() as u64;
            } else {
                progress.waiting = true;
            }
            requests.push(Body::AppendRequest {
                previous_index,
                previous_epoch: self.log.epoch_at(previous_index).expect("the log reaches back to it"),
                entries,
                high_watermark: self.high_watermark,
            });
            if progress.waiting {
                break;
            }
        }
        for request in requests {
            self.send(to, request);
        }
    }

    pub(super) fn on_append_request(
        &mut self,
        from: VoterId,
        (previous_index, previous_epoch): (u64, i32),
        entries: Vec<Entry>,
        high_watermark: u64,
    ) {
        self.follow_leader(from);
        if previous_index < self.high_watermark {
            // An old request: all below the high watermark is the leader's too.
            self.send(from, Body::AppendAccepted { match_index: self.high_watermark });
            return;
        }
        let own_epoch = self.log.epoch_at(previous_index);
        let agrees =
            own_epoch == Some(previous_epoch) || self.config.defects.no_epoch_check && own_epoch.is_some();
        if !agrees {
            let agree_index = self.log.agree_below(previous_index, previous_epoch);
            self.send(from, Body::AppendRefused { previous_index, agree_index });
            return;
        }
        let match_index = previous_index + entries.len() as u64;
        for entry in entries {
            match self.log.epoch_at(entry.index) {
                Some(epoch) if epoch == entry.epoch => continue,
                Some(_) => {
                    assert!(entry.index > self.high_watermark, "what is decided is never truncated");
                    self.log.truncate(entry.index);
                }
                None => {}
            }
            self.log.push(entry);
        }
        self.high_watermark = self.high_watermark.max(high_watermark.min(match_index));
        self.send(from, Body::AppendAccepted { match_index });
    }

    pub(super) fn on_append_accepted(&mut self, from: VoterId, match_index: u64) {
        let Some(progress) = self.heard(from) else { return };
        progress.match_index = progress.match_index.max(match_index);
        progress.next_index = progress.next_index.max(match_index + 1);
        progress.waiting = false;
        if !matches!(progress.flow, Flow::Snapshot { index, .. } if index > match_index) {
            progress.flow = Flow::Pipeline;
        }
        assert!(match_index <= self.log.last_index(), "{from} accepted what was never sent");
        self.advance_high_watermark();
        if from != self.config.id {
            self.replicate(from, false);
        }
    }

    pub(super) fn on_append_refused(&mut self, from: VoterId, previous_index: u64, agree_index: u64) {
        let Some(progress) = self.heard(from) else { return };
        let current = match progress.flow {
            Flow::Probe => previous_index + 1 == progress.next_index,
            Flow::Pipeline => previous_index > progress.match_index,
            Flow::Snapshot { .. } => false,
        };
        let next_index = agree_index.max(progress.match_index) + 1;
        // Only what leads further back is answered at once, so that no exchange goes on for ever.
        if current && next_index < progress.next_index {
            progress.flow = Flow::Probe;
            progress.waiting = false;
            progress.next_index = next_index;
            self.replicate(from, false);
        }
    }

    /// Moves the high watermark to what a majority has synced, if that is of this epoch: an older entry on
    /// a majority may still be overwritten (Raft, section 5.4.2).
    fn advance_high_watermark(&mut self) {
        let Role::Leader(reign) = &self.role else { return };
        let synced = reign.synced_by(self.majority());
        if synced > self.high_watermark && self.log.epoch_at(synced) == Some(self.epoch) {
            self.high_watermark = synced;
            self.replicate_to_all(false);
        }
    }

    /// A voter's progress, if this is the leader.
    pub(super) fn progress(&mut self, voter: VoterId) -> Option<&mut Progress> {
        let Role::Leader(reign) = &mut self.role else { return None };
        reign.progress.get_mut(&voter)
    }

    /// A voter's progress, if this is the leader, which now has heard from it.
    pub(super) fn heard(&mut self, from: VoterId) -> Option<&mut Progress> {
        let progress = self.progress(from)?;
        progress.silent_ticks = 0;
        Some(progress)
    }
}
