//! One replica of one partition: its log, its high watermark, its role, and how the role changes.

mod following;
mod leading;
mod requests;

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;
use uuid::Uuid;

pub(super) use requests::{IsrAnswer, IsrRequest};
pub(crate) use requests::{ReadAnswer, ReadRequest, ReplicaError};

use super::context::Context;
use super::leader::{Leader, Term};
use super::waiters::{WaitFor, Waiters};
use crate::env::Env;
use crate::ids::{BrokerId, LeaderEpoch, Offset, PartitionEpoch, TopicPartition};
use crate::log::{Log, LogError};
use crate::mutant::{Mutant, Mutants};
use crate::trace;

/// A hosted replica.
pub(crate) struct Partition<E: Env> {
    /// Which partition.
    pub(crate) tp: TopicPartition,
    /// The topic's id: a topic created anew under the same name is another.
    pub(crate) topic_id: Uuid,
    context: Arc<Context<E>>,
    state: Mutex<State<E>>,
    waiters: Waiters,
}

struct State<E: Env> {
    log: Log<E::Disk>,
    hw: Offset,
    epoch: LeaderEpoch,
    partition_epoch: PartitionEpoch,
    role: Role,
}

enum Role {
    /// Nobody has told this replica yet what it is.
    Idle,
    Leader(Leader),
    Follower {
        leader: Option<BrokerId>,
    },
}

/// What the controller's log says of a partition, as one of its replicas needs it.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) leader: Option<BrokerId>,
    pub(super) term: Term,
}

impl<E: Env> Partition<E> {
    /// A replica whose log was opened; it has no role yet.
    pub(super) fn new(
        context: Arc<Context<E>>,
        tp: TopicPartition,
        topic_id: Uuid,
        log: Log<E::Disk>,
        hw: Offset,
    ) -> Self {
        assert!(hw <= log.end_offset(), "a high watermark above the log's end");
        let state =
            State { log, hw, epoch: LeaderEpoch(-1), partition_epoch: PartitionEpoch(-1), role: Role::Idle };
        Self { tp, topic_id, context, state: Mutex::new(state), waiters: Waiters::default() }
    }

    /// Takes the role that the controller's log gives. Older news than what is known changes nothing.
    pub(super) async fn assign(&self, assignment: &Assignment) -> Result<(), LogError> {
        let (me, term) = (self.context.config.id, &assignment.term);
        let mut state = self.state.lock().await;
        if term.partition_epoch <= state.partition_epoch {
            // Another broker's standing may have changed, for which the high watermark was waiting.
            self.advance_high_watermark(&mut state);
            return Ok(());
        }
        state.partition_epoch = term.partition_epoch;
        let same_epoch = term.epoch == state.epoch && !matches!(state.role, Role::Idle);
        if same_epoch {
            if let Role::Leader(leader) = &mut state.role
                && leader.commit(term.partition_epoch, &term.isr)
            {
                self.trace_isr(leader);
                self.advance_high_watermark(&mut state);
            }
            return Ok(());
        }

        state.epoch = term.epoch;
        if assignment.leader == Some(me) {
            // The epoch's start is on disk before the first record of the epoch can be.
            let known = state.log.latest_epoch();
            if !self.mutants().has(Mutant::NoPersistEpoch) {
                state.log.start_epoch(term.epoch).await?;
            }
            self.trace_epochs(&state.log, known);
            let start = state.log.end_offset();
            state.role = Role::Leader(Leader::new(me, term, start, Instant::now(), self.mutants()));
            let isr = trace::join(&term.isr);
            trace::became_leader(me, &self.tp, term.epoch, start, &isr, term.partition_epoch);
            self.advance_high_watermark(&mut state);
        } else {
            state.role = Role::Follower { leader: assignment.leader };
            let ends = (state.log.end_offset(), state.hw);
            trace::became_follower(me, &self.tp, term.epoch, assignment.leader, ends, term.partition_epoch);
            if self.mutants().has(Mutant::TruncToHw) {
                let hw = state.hw;
                self.truncate(&mut state, hw, "it became a follower").await?;
            }
        }
        drop(state);
        self.waiters.wake_all();
        Ok(())
    }

    /// Has `waiter` woken once when there may be more to read.
    pub(crate) fn wait(&self, what: WaitFor, waiter: &Arc<Notify>) {
        self.waiters.enter(what, Arc::clone(waiter));
    }

    /// Syncs the log, for the flush policy `interval` and for a shutdown.
    pub(super) async fn sync(&self) -> Result<(), LogError> {
        self.state.lock().await.log.sync().await
    }

    /// The high watermark, for the checkpoint.
    pub(super) async fn high_watermark(&self) -> Offset {
        self.state.lock().await.hw
    }

    /// Ends the replica and removes its log: the topic was deleted.
    pub(super) async fn delete(&self) -> Result<(), LogError> {
        let mut state = self.state.lock().await;
        state.role = Role::Idle;
        state.log.delete().await?;
        drop(state);
        self.waiters.wake_all();
        Ok(())
    }

    fn mutants(&self) -> Mutants {
        self.context.config.mutants
    }

    /// Tells the epoch cache, if it has taken in an epoch since `known` was its latest.
    fn trace_epochs(&self, log: &Log<E::Disk>, known: Option<LeaderEpoch>) {
        if log.latest_epoch() != known {
            trace::epoch_cache(self.context.config.id, &self.tp, log.epochs());
        }
    }
}

impl<E: Env> State<E> {
    /// The epoch in which this replica leads, if the other side believes in the same (KIP-320).
    fn leading(&self, believed: Option<LeaderEpoch>) -> Result<LeaderEpoch, ResponseError> {
        match believed {
            Some(epoch) if epoch < self.epoch => Err(ResponseError::FencedLeaderEpoch),
            Some(epoch) if epoch > self.epoch => Err(ResponseError::UnknownLeaderEpoch),
            _ => match &self.role {
                Role::Leader(leader) => Ok(leader.epoch),
                Role::Idle | Role::Follower { .. } => Err(ResponseError::NotLeaderOrFollower),
            },
        }
    }

    fn follows(&self, epoch: LeaderEpoch) -> bool {
        self.epoch == epoch && matches!(self.role, Role::Follower { leader: Some(_) })
    }

    /// Where the log of a reader whose last record, before `from`, is of epoch `last` leaves this one.
    fn divergence(
        &self,
        last: LeaderEpoch,
        from: Offset,
    ) -> Result<Option<(LeaderEpoch, Offset)>, ResponseError> {
        match self.log.end_offset_for(last) {
            Some((epoch, end)) if epoch == last && end >= from => Ok(None),
            Some(diverging) => Ok(Some(diverging)),
            None => Err(ResponseError::OffsetOutOfRange),
        }
    }
}
