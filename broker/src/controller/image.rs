//! A node's copy of the cluster's state, published to the rest of the node as the log is applied.

use std::sync::Arc;

use super::command::Proposal;
use super::outcome::Outcome;
use super::state::{ClusterState, MetadataOffset};
use super::trace;
use crate::ids::{BrokerId, ControllerEpoch};
use crate::mutant::Mutants;
use crate::quorum::Entry;
use crate::watch;

/// The one place of a node where entries become state, trace events and news.
pub(super) struct Image {
    node: BrokerId,
    state: watch::Sender<Arc<ClusterState>>,
}

impl Image {
    /// The image of a node that has seen no entry.
    pub(super) fn new(node: BrokerId, mutants: Mutants) -> Self {
        let state = ClusterState { mutants, ..ClusterState::default() };
        Self { node, state: watch::Sender::new(Arc::new(state)) }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<ClusterState>> {
        self.state.subscribe()
    }

    pub(super) fn state(&self) -> Arc<ClusterState> {
        Arc::clone(&self.state.borrow())
    }

    /// Applies the next decided entry, tells what it changed, and then publishes the new state.
    pub(super) fn apply(&mut self, entry: &Entry) -> (Option<Proposal>, Outcome) {
        let offset = MetadataOffset(entry.index.try_into().expect("offsets stay below 2^63"));
        // A node that skipped what it cannot read would silently differ from those that can.
        let proposal =
            Proposal::decode(&entry.command).expect("a decided entry is a proposal of this version");
        let mut state = ClusterState::clone(&self.state.borrow());
        let outcome = state.apply(offset, ControllerEpoch(entry.epoch), proposal.as_ref());
        trace::applied(self.node, &state, &outcome.changes);
        self.state.send_replace(Arc::new(state));
        (proposal, outcome)
    }

    /// Takes a snapshot's state in place of the present one. No event tells of it: each entry that it
    /// covers was told by the nodes that applied it.
    pub(super) fn restore(&mut self, state: ClusterState) {
        let mutants = self.state.borrow().mutants;
        self.state.send_replace(Arc::new(ClusterState { mutants, ..state }));
    }
}
