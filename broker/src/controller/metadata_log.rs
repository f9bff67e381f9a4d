//! The decided metadata log on a voter: the quorum's state machine.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::command::Proposal;
use super::image::Image;
use super::outcome::Outcome;
use super::state::{ClusterState, MetadataOffset};
use crate::ids::{BrokerId, ControllerEpoch};
use crate::mutant::{Mutant, Mutants};
use crate::quorum::Entry;
use crate::quorum::driver::StateMachine;
use crate::watch;

/// How many decided entries are kept for brokers that follow; one further behind gets the whole state.
const ENTRIES_KEPT: usize = 4096;

/// How many entries one answer to a follower holds at most.
const ENTRIES_PER_BATCH: usize = 256;

/// How many proposals may wait for their outcome.
const WAITING_MAX: usize = 1024;

/// A part of the metadata log, for a node that follows it.
#[derive(Clone, Debug)]
pub enum MetadataBatch {
    /// Decided entries, the first of them at the offset that was asked for; empty at the log's end.
    Entries(Vec<Entry>),
    /// The state as of [`ClusterState::offset`], for one whose next entries are no longer kept.
    Snapshot(Arc<ClusterState>),
}

/// The state, the last entries that made it, and who waits for the outcome of which.
pub(super) struct MetadataLog {
    image: Image,
    /// The entries up to the state's offset, without gaps.
    entries: VecDeque<Entry>,
    /// By the epoch and sequence of the proposal.
    waiting: BTreeMap<(ControllerEpoch, u64), oneshot::Sender<Outcome>>,
    next_sequence: u64,
}

impl MetadataLog {
    pub(super) fn new(node: BrokerId, mutants: Mutants) -> Self {
        let (entries, waiting) = (VecDeque::new(), BTreeMap::new());
        Self { image: Image::new(node, mutants), entries, waiting, next_sequence: 0 }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<ClusterState>> {
        self.image.subscribe()
    }

    /// Gives the next proposal of `epoch` its sequence, and a channel for its outcome, which closes when
    /// the outcome can no longer be known here. `None` when too many wait already.
    pub(super) fn expect_outcome(
        &mut self,
        epoch: ControllerEpoch,
    ) -> Option<(u64, oneshot::Receiver<Outcome>)> {
        // Those whose caller has stopped waiting are still in the map.
        self.waiting.retain(|_, waiting| !waiting.is_closed());
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert((epoch, sequence), sender);
        Some((sequence, receiver))
    }

    /// Applies a proposal of `epoch` that is about to be proposed, as if the quorum had decided it:
    /// [`Mutant::ZombieController`].
    pub(super) fn apply_undecided(&mut self, epoch: ControllerEpoch, proposal: &Proposal) {
        let next = self.image.state().offset.next();
        let index = next.0.try_into().expect("offsets are not negative");
        self.take(&Entry { index, epoch: epoch.0, command: proposal.encode() });
    }

    /// What follows from the entry at `from` on.
    pub(super) fn read(&self, from: MetadataOffset) -> MetadataBatch {
        let state = self.image.state();
        let kept = i64::try_from(self.entries.len()).expect("few entries are kept");
        let missing = from.0 - (state.offset.0 - kept + 1);
        match usize::try_from(missing) {
            Ok(skipped) => MetadataBatch::Entries(
                self.entries.iter().skip(skipped).take(ENTRIES_PER_BATCH).cloned().collect(),
            ),
            Err(_) => MetadataBatch::Snapshot(state),
        }
    }
}

impl MetadataLog {
    fn take(&mut self, entry: &Entry) {
        let (proposal, outcome) = self.image.apply(entry);
        if self.entries.len() == ENTRIES_KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry.clone());
        if let Some(proposal) = proposal
            && let Some(waiting) = self.waiting.remove(&(proposal.controller_epoch, proposal.sequence))
        {
            // Its caller may have given up: the outcome stands in the log all the same.
            let _ = waiting.send(outcome);
        }
        // A later term has begun: what was proposed in a former one and is not here by now is lost, or
        // will be dropped.
        self.waiting = self.waiting.split_off(&(ControllerEpoch(entry.epoch), 0));
    }
}

impl StateMachine for MetadataLog {
    fn apply(&mut self, entry: &Entry) {
        let state = self.image.state();
        // What was applied before it was decided stays, whatever was decided.
        let anticipated = u64::try_from(state.offset.0).is_ok_and(|applied| entry.index <= applied);
        if !(state.mutants.has(Mutant::ZombieController) && anticipated) {
            self.take(entry);
        }
    }

    fn snapshot(&self) -> Bytes {
        self.image.state().snapshot()
    }

    fn restore(&mut self, snapshot: &[u8], index: u64) {
        let state = ClusterState::from_snapshot(snapshot).expect("a stored snapshot is of this version");
        assert_eq!(u64::try_from(state.offset.0), Ok(index), "a snapshot is of the index that it names");
        self.entries.clear();
        self.waiting.clear();
        self.image.restore(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::command::Command;
    use crate::controller::outcome::{Answer, Rejection};

    fn entry(index: u64, epoch: i32, proposal: Option<&Proposal>) -> Entry {
        Entry { index, epoch, command: proposal.map_or_else(Bytes::new, Proposal::encode) }
    }

    fn become_controller(epoch: i32, sequence: u64) -> Proposal {
        let command = Command::BecomeController { node: BrokerId(1) };
        Proposal { controller_epoch: ControllerEpoch(epoch), sequence, command }
    }

    fn log_of(entries: u64) -> MetadataLog {
        let mut log = MetadataLog::new(BrokerId(1), Mutants::NONE);
        (1..=entries).for_each(|index| log.apply(&entry(index, 1, None)));
        log
    }

    fn indices(batch: &MetadataBatch) -> Vec<u64> {
        match batch {
            MetadataBatch::Entries(entries) => entries.iter().map(|entry| entry.index).collect(),
            MetadataBatch::Snapshot(state) => panic!("the state at {} instead of entries", state.offset),
        }
    }

    #[test]
    fn the_outcome_goes_to_its_proposer() {
        let mut log = MetadataLog::new(BrokerId(1), Mutants::NONE);
        let (sequence, mut outcome) = log.expect_outcome(ControllerEpoch(1)).expect("nobody waits");
        let (other, mut unrelated) = log.expect_outcome(ControllerEpoch(1)).expect("one waits");
        assert_ne!(sequence, other);
        log.apply(&entry(1, 1, Some(&become_controller(1, sequence))));
        assert_eq!(outcome.try_recv().expect("it was applied").answer, Ok(Answer::Done));
        assert!(unrelated.try_recv().is_err());

        log.apply(&entry(2, 1, Some(&become_controller(0, other))));
        assert!(unrelated.try_recv().is_err(), "another proposer's, of the same sequence");
        let stale = Proposal {
            command: Command::DeleteTopic { id: uuid::Uuid::nil() },
            ..become_controller(1, other)
        };
        log.apply(&entry(3, 1, Some(&stale)));
        assert_eq!(unrelated.try_recv().expect("it was applied").answer, Err(Rejection::UnknownTopicId));
    }

    #[test]
    fn the_zombies_own_view_stands_against_what_was_decided() {
        let zombie = Mutants::NONE.with(Mutant::ZombieController);
        let mut log = MetadataLog::new(BrokerId(1), zombie);
        log.apply(&entry(1, 1, Some(&become_controller(1, 0))));
        let (sequence, mut outcome) = log.expect_outcome(ControllerEpoch(1)).expect("nobody waits");
        let delete = Command::DeleteTopic { id: uuid::Uuid::nil() };
        let proposal = Proposal { command: delete, ..become_controller(1, sequence) };
        log.apply_undecided(ControllerEpoch(1), &proposal);
        assert_eq!(outcome.try_recv().expect("it is answered").answer, Err(Rejection::UnknownTopicId));
        log.apply(&entry(2, 2, Some(&become_controller(2, 0))));
        assert_eq!(log.image.state().controller_epoch, ControllerEpoch(1), "another was decided");
        log.apply(&entry(3, 2, None));
        assert_eq!(indices(&log.read(MetadataOffset(1))), [1, 2, 3]);
    }

    #[test]
    fn a_later_term_ends_the_wait() {
        let mut log = MetadataLog::new(BrokerId(1), Mutants::NONE);
        let (_, mut waiting) = log.expect_outcome(ControllerEpoch(1)).expect("nobody waits");
        log.apply(&entry(1, 1, None));
        assert_eq!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        log.apply(&entry(2, 2, None));
        assert_eq!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn proposals_without_an_outcome_are_bounded() {
        let mut log = MetadataLog::new(BrokerId(1), Mutants::NONE);
        let mut waiting: Vec<_> = std::iter::from_fn(|| log.expect_outcome(ControllerEpoch(1))).collect();
        assert_eq!(waiting.len(), WAITING_MAX);
        waiting.pop();
        assert!(log.expect_outcome(ControllerEpoch(1)).is_some(), "one gave up");
    }

    #[test]
    fn followers_read_on_from_where_they_are() {
        let log = log_of(5);
        assert_eq!(indices(&log.read(MetadataOffset(1))), [1, 2, 3, 4, 5]);
        assert_eq!(indices(&log.read(MetadataOffset(5))), [5]);
        assert_eq!(indices(&log.read(MetadataOffset(6))), [0u64; 0]);
        assert_eq!(indices(&log.read(MetadataOffset(9))), [0u64; 0], "one that is ahead of this voter");
    }

    #[test]
    fn a_follower_behind_the_kept_entries_gets_the_state() {
        let entries = ENTRIES_KEPT as u64 + 10;
        let log = log_of(entries);
        assert_eq!(indices(&log.read(MetadataOffset(11))).len(), ENTRIES_PER_BATCH);
        let MetadataBatch::Snapshot(state) = log.read(MetadataOffset(10)) else {
            panic!("entry 10 is no longer kept")
        };
        assert_eq!(u64::try_from(state.offset.0), Ok(entries));
    }

    #[test]
    fn a_restored_log_goes_on_after_its_snapshot() {
        let mut log = MetadataLog::new(BrokerId(1), Mutants::NONE);
        log.restore(&log_of(7).snapshot(), 7);
        assert_eq!(indices(&log.read(MetadataOffset(8))), [0u64; 0]);
        assert!(matches!(log.read(MetadataOffset(7)), MetadataBatch::Snapshot(_)));
        log.apply(&entry(8, 1, None));
        assert_eq!(indices(&log.read(MetadataOffset(8))), [8]);
    }
}
