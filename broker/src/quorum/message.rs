//! What voters say to each other.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::log::Entry;

/// One voter of the quorum. It has the number of its host's [`BrokerId`](crate::ids::BrokerId); shown as `v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VoterId(pub i32);

impl fmt::Display for VoterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// A message from one voter to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The sender's epoch when it made the message. Whoever is behind it moves on to it.
    pub epoch: i32,
    /// What is said.
    pub body: Body,
}

/// The kinds of message. Every request is answered, which is how a sender knows a dead connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Asks for a vote in the message's epoch, or, before that, whether there would be one in the next
    /// (pre-vote, KIP-996).
    VoteRequest {
        /// Whether this only asks.
        pre_vote: bool,
        /// The candidate's last index.
        last_index: u64,
        /// The epoch of the entry there.
        last_epoch: i32,
    },
    /// Answers a `VoteRequest`.
    VoteResponse {
        /// Whether this was only asked.
        pre_vote: bool,
        /// The vote.
        granted: bool,
    },
    /// The leader's entries for one follower; without entries a heartbeat.
    AppendRequest {
        /// The index just before `entries`.
        previous_index: u64,
        /// The epoch of the entry there: the follower must have the same, or it refuses.
        previous_epoch: i32,
        /// What follows.
        entries: Vec<Entry>,
        /// The leader's high watermark.
        high_watermark: u64,
    },
    /// The follower has, synced, what the leader has up to `match_index`.
    AppendAccepted {
        /// The last index known to be the same in both logs.
        match_index: u64,
    },
    /// The follower does not have the entry that the request builds on.
    AppendRefused {
        /// The request's `previous_index`.
        previous_index: u64,
        /// The last index at which the logs may agree, below `previous_index`.
        agree_index: u64,
    },
    /// A piece of the leader's snapshot, for a follower whose next entry is no longer in the leader's log.
    SnapshotRequest {
        /// The last index that the snapshot covers.
        index: u64,
        /// The epoch of the entry there.
        epoch: i32,
        /// The position of `data` in the snapshot, in bytes.
        position: u64,
        /// The snapshot's length in bytes.
        size: u64,
        /// The piece.
        data: Bytes,
    },
    /// The follower has the snapshot's bytes below `position`. The last piece is answered with
    /// `AppendAccepted` instead.
    SnapshotResponse {
        /// Which snapshot.
        index: u64,
        /// The position wanted next, in bytes.
        position: u64,
    },
    /// Answers any request of an older epoch than this message's.
    Fenced,
}

impl Body {
    /// Whether an answer is due.
    pub fn is_request(&self) -> bool {
        matches!(self, Self::VoteRequest { .. } | Self::AppendRequest { .. } | Self::SnapshotRequest { .. })
    }

    /// Whether the sender's disk must hold what the message speaks of before it may be sent. What a leader
    /// sends rests on nothing but its epoch, and that was synced before the leader could be elected.
    pub(super) fn is_promise(&self) -> bool {
        !matches!(self, Self::AppendRequest { .. } | Self::SnapshotRequest { .. })
    }
}
