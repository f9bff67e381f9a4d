//! Elections: time-outs, pre-vote, votes, and a leader that nobody hears steps down.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use rand::RngExt;

use super::message::{Body, VoterId};
use super::replication::Reign;
use super::{Quorum, Role};

impl Quorum {
    pub(super) fn tick(&mut self) {
        self.elapsed += 1;
        match &mut self.role {
            Role::Leader(reign) => {
                if reign.count_silence(self.config.election_ticks, self.config.id) < self.majority() {
                    // Check-quorum: those who do not hear it have perhaps elected another.
                    self.follow(self.epoch, None);
                } else if self.elapsed >= self.config.heartbeat_ticks {
                    self.elapsed = 0;
                    self.replicate_to_all(true);
                }
            }
            _ if self.elapsed >= self.time_out => self.campaign(),
            _ => {}
        }
    }

    /// Becomes a follower in `epoch`, of `leader` where it is known.
    pub(super) fn follow(&mut self, epoch: i32, leader: Option<VoterId>) {
        assert!(epoch >= self.epoch, "epochs never fall");
        if epoch > self.epoch {
            self.epoch = epoch;
            self.voted_for = None;
            self.state_unsaved = true;
            self.incoming = None;
        }
        self.role = Role::Follower { leader };
        self.wait(self.config.election_ticks..2 * self.config.election_ticks);
    }

    /// Hears from the leader of this epoch.
    pub(super) fn follow_leader(&mut self, leader: VoterId) {
        match self.role {
            Role::Leader(_) => panic!("{} and {leader} both lead epoch {}", self.config.id, self.epoch),
            Role::Follower { leader: Some(known) } => assert_eq!(known, leader, "an epoch has one leader"),
            _ => {}
        }
        self.candidacies = 0;
        self.follow(self.epoch, Some(leader));
    }

    /// Asks whether an election could be won. The epoch stays as it is, so that a voter that comes back
    /// from a cut deposes nobody.
    fn campaign(&mut self) {
        self.role = Role::Prospective { granted: BTreeSet::new() };
        self.wait_for_votes(1);
        self.request_votes(true);
        self.count_vote(self.config.id, true);
    }

    fn stand(&mut self) {
        self.epoch += 1;
        self.voted_for = Some(self.config.id);
        self.state_unsaved = true;
        self.incoming = None;
        self.role = Role::Candidate { granted: BTreeSet::new() };
        self.wait_for_votes(1 << self.candidacies.min(3));
        self.candidacies += 1;
        self.request_votes(false);
        // Its own vote counts like any other: once it is synced.
        self.send(self.config.id, Body::VoteResponse { pre_vote: false, granted: true });
    }

    fn request_votes(&mut self, pre_vote: bool) {
        let (last_index, last_epoch) = (self.log.last_index(), self.log.last_epoch());
        for voter in self.peers() {
            self.send(voter, Body::VoteRequest { pre_vote, last_index, last_epoch });
        }
    }

    pub(super) fn on_vote_request(&mut self, from: VoterId, pre_vote: bool, last: (i32, u64)) {
        let up_to_date = last >= (self.log.last_epoch(), self.log.last_index());
        let granted = up_to_date
            && if pre_vote {
                !self.hears_a_leader()
            } else {
                self.voted_for.is_none_or(|voted_for| voted_for == from)
            };
        if granted && !pre_vote {
            assert!(!matches!(self.role, Role::Leader(_)), "a leader has voted for itself");
            self.voted_for = Some(from);
            self.state_unsaved = true;
            self.follow(self.epoch, None);
        }
        self.send(from, Body::VoteResponse { pre_vote, granted });
    }

    pub(super) fn on_vote_response(&mut self, from: VoterId, pre_vote: bool, granted: bool) {
        if granted {
            self.count_vote(from, pre_vote);
        }
    }

    fn count_vote(&mut self, from: VoterId, pre_vote: bool) {
        let majority = self.majority();
        match &mut self.role {
            Role::Prospective { granted } if pre_vote => {
                granted.insert(from);
                if granted.len() >= majority {
                    self.stand();
                }
            }
            Role::Candidate { granted } if !pre_vote => {
                granted.insert(from);
                if granted.len() >= majority {
                    self.lead();
                }
            }
            _ => {}
        }
    }

    fn lead(&mut self) {
        let first_index = self.log.last_index() + 1;
        self.role = Role::Leader(Reign::new(&self.config.voters, first_index));
        self.elapsed = 0;
        self.candidacies = 0;
        // What earlier epochs left behind is decided only along with an entry of this one.
        self.append(Bytes::new());
    }

    fn hears_a_leader(&self) -> bool {
        match self.role {
            Role::Leader(_) => true,
            Role::Follower { leader: Some(_) } => self.elapsed < self.config.election_ticks,
            _ => false,
        }
    }

    /// A campaign that comes to nothing is soon repeated, after a time that tells rivals apart; `factor`
    /// grows with each that failed only because the votes came late, or went to a rival.
    fn wait_for_votes(&mut self, factor: u32) {
        let quarter = self.config.election_ticks.div_ceil(4);
        self.wait(factor * quarter..factor * quarter * 3 + 1);
    }

    fn wait(&mut self, ticks: Range<u32>) {
        self.elapsed = 0;
        self.time_out = self.rng.random_range(ticks);
    }
}
