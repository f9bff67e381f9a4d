//! The controllers' consensus: a small Raft as a pure state machine, and its driver.
//!
//! [`Quorum`] has no clock, no I/O and no randomness of its own: [`Quorum::step`] takes one [`Input`] and
//! gives an [`Output`] for its caller to carry out. The voters are fixed. Names are KRaft's where it has
//! them: voter, epoch (Raft's term), high watermark (Raft's commit index). What it does is Raft as in Diego
//! Ongaro's dissertation (2014), with pre-vote (section 9.6), check-quorum (6.2) and snapshots (5).
//!
//! **Invariant:** what a message promises is synced before it is sent. The machine itself holds such
//! messages back until the caller reports [`Input::StorageDone`] for the write that they rest on.
//!
//! **Invariant:** all that a step changes is one [`Write`], which storage keeps whole or not at all.

pub mod driver;
mod election;
mod log;
mod message;
mod replication;
mod snapshot;
mod storage;
mod stored;
mod transport;

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

pub use self::driver::QuorumError;
pub use self::log::{Entry, Snapshot};
pub use self::message::{Body, Message, VoterId};
pub use self::stored::{QuorumState, Stored, Write};
use crate::env::Rng;

/// How a voter behaves. All voters are configured alike, but for `id`.
#[derive(Clone, Debug)]
pub struct Config {
    /// This voter.
    pub id: VoterId,
    /// All voters, this one too.
    pub voters: BTreeSet<VoterId>,
    /// A follower that hears no leader campaigns after this many ticks to twice as many, chosen at random;
    /// a leader that hears no majority for this many ticks steps down.
    pub election_ticks: u32,
    /// Ticks between heartbeats; fewer than half of `election_ticks`.
    pub heartbeat_ticks: u32,
    /// The greatest payload of a message, and so of a command, in bytes.
    pub message_bytes_max: usize,
    /// The most entries that a follower is sent ahead of its answers.
    pub in_flight_max: u64,
    /// The most entries in a leader's log that are not decided yet; beyond it proposals are refused.
    pub undecided_max: u64,
    /// Seeded defects.
    pub defects: Defects,
}

/// Defects that tests seed, to show that they would be found. All are off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects {
    /// Messages are sent before what they promise is synced.
    pub send_before_sync: bool,
    /// The vote is not stored.
    pub no_vote_persisted: bool,
    /// A follower takes entries without comparing the epoch of the entry that they build on.
    pub no_epoch_check: bool,
}

/// What happens to a voter.
#[derive(Clone, Debug)]
pub enum Input {
    /// One tick of time has passed.
    Tick,
    /// A message has come.
    Message {
        /// The sender.
        from: VoterId,
        /// The message.
        message: Message,
    },
    /// A client wants a command decided.
    Propose(Bytes),
    /// The write of this id, and all before it, are synced.
    StorageDone(u64),
    /// The state machine's state once the entry at `index` was applied: the log before it may go.
    Compact {
        /// The last index that the state covers.
        index: u64,
        /// The state machine's bytes.
        data: Bytes,
    },
}

/// What a step asks of its caller.
#[derive(Debug, Default)]
pub struct Output {
    /// To be made durable, after all writes before it, and then reported as [`Input::StorageDone`]. If it
    /// fails, the node must stop: whether the write would survive is unknown.
    pub write: Option<Write>,
    /// To be sent, at once. They may be lost, doubled and reordered.
    pub messages: Vec<(VoterId, Message)>,
    /// To take the place of the state machine's state, before `applied`.
    pub restore: Option<Snapshot>,
    /// Decided entries, in order, for the state machine.
    pub applied: Vec<Entry>,
    /// The answer to [`Input::Propose`]: the command's index. A command that was appended is decided or
    /// lost later, and nobody says which: make commands idempotent.
    pub proposed: Option<Result<u64, ProposeError>>,
}

/// Why a command was not appended. It never takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Another voter leads, or none.
    #[error("not the quorum's leader: {}", leader.map_or("no leader is known".into(), |id| format!("ask {id}")))]
    NotLeader {
        /// The leader, as far as this voter knows.
        leader: Option<VoterId>,
    },
    /// Too many commands wait to be decided.
    #[error("too many commands are undecided: try again later")]
    Full,
    /// The command does not fit into a message.
    #[error("the command is larger than {bytes_max} bytes: split it")]
    TooLarge {
        /// The limit in bytes.
        bytes_max: usize,
    },
    /// This voter has stopped.
    #[error("the voter has stopped: its storage failed, or it is shutting down")]
    Stopped,
}

/// How a voter sees the quorum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Its epoch.
    pub epoch: i32,
    /// That epoch's leader, if it knows one.
    pub leader: Option<VoterId>,
    /// Whether this voter leads and has applied an entry of its own epoch, and so all that was decided
    /// before. It may be deposed without knowing yet: nothing may rest on this but what is then decided.
    pub is_leader: bool,
    /// The last index that was handed to the state machine.
    pub applied: u64,
    /// Whether the voter has stopped for good, as after a storage error.
    pub stopped: bool,
}

/// One voter.
#[derive(Debug)]
pub struct Quorum {
    config: Config,
    rng: Rng,
    epoch: i32,
    voted_for: Option<VoterId>,
    role: Role,
    log: log::Log,
    high_watermark: u64,
    applied: u64,
    /// Ticks since the last heartbeat, sent or heard.
    elapsed: u32,
    /// At this many ticks a voter that does not lead campaigns.
    time_out: u32,
    /// How often it stood for election since there was a leader.
    candidacies: u32,
    incoming: Option<snapshot::Incoming>,

    // What the step at hand will ask for.
    state_unsaved: bool,
    said: Vec<(VoterId, Message)>,
    ready: Vec<(VoterId, Message)>,
    restore: Option<Snapshot>,

    /// The newest write, and the newest that is synced.
    written: u64,
    synced: u64,
    withheld: VecDeque<Withheld>,
}

#[derive(Debug)]
enum Role {
    Follower {
        leader: Option<VoterId>,
    },
    /// Finds out whether it could win (KIP-996's name).
    Prospective {
        granted: BTreeSet<VoterId>,
    },
    Candidate {
        granted: BTreeSet<VoterId>,
    },
    Leader(replication::Reign),
}

/// A message that waits for a write.
#[derive(Debug)]
struct Withheld {
    write: u64,
    to: VoterId,
    message: Message,
}

impl Quorum {
    /// A voter with what it has stored (nothing in its first life), and the first output: the stored
    /// snapshot and the entries known to be decided.
    ///
    /// # Panics
    /// If the configuration contradicts itself.
    pub fn new(config: Config, rng: Rng, stored: Stored) -> (Self, Output) {
        assert!(config.voters.contains(&config.id), "{} is no voter", config.id);
        assert!(config.heartbeat_ticks > 0 && config.heartbeat_ticks * 2 < config.election_ticks);
        assert!(config.message_bytes_max > 0 && config.in_flight_max > 0 && config.undecided_max > 0);
        let Stored { state, snapshot, entries } = stored;
        let mut quorum = Self {
            epoch: state.epoch,
            voted_for: state.voted_for,
            role: Role::Follower { leader: None },
            high_watermark: state.high_watermark.max(snapshot.index),
            applied: snapshot.index,
            elapsed: 0,
            time_out: 0,
            candidacies: 0,
            incoming: None,
            state_unsaved: false,
            said: Vec::new(),
            ready: Vec::new(),
            restore: (snapshot.index > 0).then(|| snapshot.clone()),
            written: 0,
            synced: 0,
            withheld: VecDeque::new(),
            log: log::Log::new(snapshot, entries),
            config,
            rng,
        };
        quorum.follow(quorum.epoch, None);
        let output = quorum.finish();
        (quorum, output)
    }

    /// Takes one input. The caller must carry out all of the output, and should keep few steps ahead of
    /// storage: messages pile up meanwhile.
    ///
    /// # Panics
    /// If a voter breaks the protocol, or storage reports what it was not asked for.
    pub fn step(&mut self, input: Input) -> Output {
        let mut proposed = None;
        match input {
            Input::Tick => self.tick(),
            Input::Message { from, message } => self.receive(from, message),
            Input::Propose(command) => proposed = Some(self.propose(command)),
            Input::StorageDone(write) => self.storage_done(write),
            Input::Compact { index, data } => self.compact(index, data),
        }
        Output { proposed, ..self.finish() }
    }

    /// How this voter sees the quorum.
    pub fn status(&self) -> Status {
        let is_leader = matches!(&self.role, Role::Leader(reign) if self.applied >= reign.first_index);
        Status { epoch: self.epoch, leader: self.leader(), is_leader, applied: self.applied, stopped: false }
    }

    fn leader(&self) -> Option<VoterId> {
        match self.role {
            Role::Leader(_) => Some(self.config.id),
            Role::Follower { leader } => leader,
            Role::Prospective { .. } | Role::Candidate { .. } => None,
        }
    }

    fn majority(&self) -> usize {
        self.config.voters.len() / 2 + 1
    }

    fn peers(&self) -> Vec<VoterId> {
        self.config.voters.iter().copied().filter(|&voter| voter != self.config.id).collect()
    }

    fn receive(&mut self, from: VoterId, Message { epoch, body }: Message) {
        if !self.config.voters.contains(&from) {
            return;
        }
        if epoch < self.epoch {
            if body.is_request() {
                self.send(from, Body::Fenced);
            }
            return;
        }
        if epoch > self.epoch {
            self.follow(epoch, None);
        }
        match body {
            Body::VoteRequest { pre_vote, last_index, last_epoch } => {
                self.on_vote_request(from, pre_vote, (last_epoch, last_index));
            }
            Body::VoteResponse { pre_vote, granted } => self.on_vote_response(from, pre_vote, granted),
            Body::AppendRequest { previous_index, previous_epoch, entries, high_watermark } => {
                self.on_append_request(from, (previous_index, previous_epoch), entries, high_watermark);
            }
            Body::AppendAccepted { match_index } => self.on_append_accepted(from, match_index),
            Body::AppendRefused { previous_index, agree_index } => {
                self.on_append_refused(from, previous_index, agree_index);
            }
            Body::SnapshotRequest { index, epoch, position, size, data } => {
                self.on_snapshot_request(from, snapshot::Piece { index, epoch, position, size, data });
            }
            Body::SnapshotResponse { index, position } => self.on_snapshot_response(from, index, position),
            Body::Fenced => {}
        }
    }

    fn send(&mut self, to: VoterId, body: Body) {
        self.said.push((to, Message { epoch: self.epoch, body }));
    }

    fn storage_done(&mut self, write: u64) {
        assert!(self.synced < write && write <= self.written, "storage reports writes once, in order");
        self.synced = write;
        let count = self.withheld.partition_point(|withheld| withheld.write <= write);
        let released: Vec<Withheld> = self.withheld.drain(..count).collect();
        for Withheld { to, message, .. } in released {
            if to == self.config.id {
                self.receive(to, message);
            } else {
                self.ready.push((to, message));
            }
        }
    }

    /// Gathers what the step has changed and said.
    fn finish(&mut self) -> Output {
        let write = self.take_write();
        for (to, message) in self.said.drain(..) {
            let own = to == self.config.id;
            let promise = own || message.body.is_promise() && !self.config.defects.send_before_sync;
            if promise && self.synced < self.written {
                self.withheld.push_back(Withheld { write: self.written, to, message });
            } else {
                assert!(!own, "what a voter tells itself is about a write of the same step");
                self.ready.push((to, message));
            }
        }
        let applied = self.log.decided(self.applied, self.high_watermark).to_vec();
        self.applied = self.high_watermark;
        let (messages, restore) = (std::mem::take(&mut self.ready), self.restore.take());
        Output { write, messages, restore, applied, proposed: None }
    }

    fn take_write(&mut self) -> Option<Write> {
        if self.log.is_saved() && !self.state_unsaved {
            return None;
        }
        self.state_unsaved = false;
        self.written += 1;
        let voted_for = self.voted_for.filter(|_| !self.config.defects.no_vote_persisted);
        let state = QuorumState { epoch: self.epoch, voted_for, high_watermark: self.high_watermark };
        let (snapshot, entries) = self.log.take_unsaved();
        Some(Write { id: self.written, state, snapshot, entries })
    }
}
