//! One replica of one partition: its log, its high watermark, its role, and what it does in that role.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::context::Context;
use super::leader::{Leader, Term};
use super::waiters::{WaitFor, Waiters};
use crate::env::Env;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch, TopicPartition};
use crate::log::{Appended, Log, LogError};
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

/// A reader of the log and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadRequest {
    /// The follower and its incarnation; none for a consumer.
    pub(crate) follower: Option<(BrokerId, Option<BrokerEpoch>)>,
    /// The epoch in which the reader believes the leader to be; none skips the check.
    pub(crate) epoch: Option<LeaderEpoch>,
    /// The first record wanted.
    pub(crate) from: Offset,
    /// The epoch of the reader's last record, where it asks to be told of a divergence.
    pub(crate) last_fetched_epoch: Option<LeaderEpoch>,
    /// How much to read at most; one batch is read however long it is.
    pub(crate) max_bytes: usize,
}

/// What a read gave.
#[derive(Debug)]
pub(crate) struct ReadAnswer {
    pub(crate) records: Bytes,
    pub(crate) hw: Offset,
    pub(crate) log_start: Offset,
    /// Where the reader's log leaves this one; then there are no records.
    pub(crate) diverging: Option<(LeaderEpoch, Offset)>,
}

/// An answer to the controller question which ISR holds.
#[derive(Debug)]
pub(super) struct IsrRequest {
    pub(super) topic_id: Uuid,
    pub(super) epoch: LeaderEpoch,
    pub(super) partition_epoch: PartitionEpoch,
    pub(super) isr: Vec<(BrokerId, BrokerEpoch)>,
}

/// How a proposed ISR fared.
#[derive(Debug)]
pub(super) enum IsrAnswer {
    Committed {
        epoch: LeaderEpoch,
        partition_epoch: PartitionEpoch,
        isr: BTreeSet<BrokerId>,
    },
    /// A proposed member may not be in: the one refusal after which nothing can have changed.
    Ineligible,
    /// Refused, because the controller knows more; the metadata log will tell.
    Superseded,
    /// Whether it took effect is unknown: the same is asked again, under the same partition epoch.
    None,
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

    /// Appends a producer's records. With `acks_all` the ISR must be large enough beforehand.
    ///
    /// Returns what was appended and the epoch to wait in.
    pub(crate) async fn produce(
        &self,
        records: Bytes,
        acks_all: bool,
    ) -> Result<(Appended, LeaderEpoch), ReplicaError> {
        let mut state = self.state.lock().await;
        let State { log, role, epoch, .. } = &mut *state;
        let epoch = *epoch;
        let Role::Leader(leader) = role else {
            return Err(ResponseError::NotLeaderOrFollower.into());
        };
        if acks_all && !leader.has_min_isr() {
            return Err(ResponseError::NotEnoughReplicas.into());
        }
        let known = log.latest_epoch();
        let appended = log.append_as_leader(records, epoch).await?;
        self.trace_epochs(log, known);
        for batch in &appended.batches {
            trace::appended(self.context.config.id, &self.tp, batch, true);
        }
        self.advance_high_watermark(&mut state);
        drop(state);
        self.waiters.wake(WaitFor::LogEnd);
        Ok((appended, epoch))
    }

    /// Waits until everything up to and with `last` is below the high watermark, in `epoch`.
    pub(crate) async fn replicated(
        &self,
        epoch: LeaderEpoch,
        last: Offset,
        deadline: Instant,
    ) -> Result<(), ResponseError> {
        let waiter = Arc::new(Notify::new());
        loop {
            self.waiters.enter(WaitFor::HighWatermark, Arc::clone(&waiter));
            {
                let state = self.state.lock().await;
                match &state.role {
                    Role::Leader(leader) if leader.epoch == epoch => {
                        if state.hw > last {
                            // The ISR may have shrunk since the append: the records are written, and yet
                            // the promise of min.insync.replicas is not kept.
                            return match leader.has_maximal_min_isr() {
                                true => Ok(()),
                                false => Err(ResponseError::NotEnoughReplicasAfterAppend),
                            };
                        }
                    }
                    _ => return Err(ResponseError::NotLeaderOrFollower),
                }
            }
            if timeout_at(deadline, waiter.notified()).await.is_err() {
                return Err(ResponseError::RequestTimedOut);
            }
        }
    }

    /// Reads for a follower (to the log's end) or a consumer (below the high watermark). A follower's
    /// request also tells how far it is, which moves the ISR and the high watermark.
    pub(crate) async fn read(&self, request: &ReadRequest) -> Result<ReadAnswer, ReplicaError> {
        let me = self.context.config.id;
        let mut state = self.state.lock().await;
        let believed = request.epoch.filter(|_| !self.mutants().has(Mutant::NoFetchFencing));
        let epoch = state.leading(believed)?;
        let (log_start, log_end) = (state.log.start_offset(), state.log.end_offset());

        if let Some(last) = request.last_fetched_epoch
            && let Some(diverging) = state.divergence(last, request.from)?
        {
            return Ok(ReadAnswer {
                records: Bytes::new(),
                hw: state.hw,
                log_start,
                diverging: Some(diverging),
            });
        }
        if request.from < log_start || request.from > log_end {
            return Err(ResponseError::OffsetOutOfRange.into());
        }
        if let Some((id, broker_epoch)) = request.follower {
            self.follower_is_at(&mut state, (id, broker_epoch), request.from)?;
        }
        let to_the_end = request.follower.is_some() || self.mutants().has(Mutant::ExposeUncommitted);
        let until = if to_the_end { log_end } else { state.hw };
        let records = if request.from < until {
            state.log.read(request.from, until, request.max_bytes).await?
        } else {
            Bytes::new()
        };
        if !records.is_empty() {
            let reader = request.follower.map(|(id, _)| id);
            trace::served(me, &self.tp, request.from, &records, state.hw, epoch, reader);
        }
        Ok(ReadAnswer { records, hw: state.hw, log_start, diverging: None })
    }

    /// Has `waiter` woken once when there may be more to read.
    pub(crate) fn wait(&self, what: WaitFor, waiter: &Arc<Notify>) {
        self.waiters.enter(what, Arc::clone(waiter));
    }

    /// The log's first offset, the high watermark and the log's end, if this replica leads in `epoch`.
    pub(crate) async fn offsets(
        &self,
        epoch: Option<LeaderEpoch>,
    ) -> Result<(Offset, Offset, Offset, LeaderEpoch), ResponseError> {
        let state = self.state.lock().await;
        let epoch = state.leading(epoch)?;
        Ok((state.log.start_offset(), state.hw, state.log.end_offset(), epoch))
    }

    /// Where `epoch` ends in the leader's log (KIP-101); none where the leader does not know.
    pub(crate) async fn epoch_end(
        &self,
        current: Option<LeaderEpoch>,
        epoch: LeaderEpoch,
    ) -> Result<Option<(LeaderEpoch, Offset)>, ResponseError> {
        let state = self.state.lock().await;
        state.leading(current)?;
        Ok(state.log.end_offset_for(epoch))
    }

    /// Syncs the log, for the flush policy `interval` and for a shutdown.
    pub(super) async fn sync(&self) -> Result<(), LogError> {
        self.state.lock().await.log.sync().await
    }

    /// The high watermark, for the checkpoint.
    pub(super) async fn high_watermark(&self) -> Offset {
        self.state.lock().await.hw
    }

    /// Takes members that lag behind out of the ISR: proposes it, if it is time.
    pub(super) async fn check_isr(&self, now: Instant) {
        let mut state = self.state.lock().await;
        let log_end = state.log.end_offset();
        let lag_max = self.context.config.replica_lag_time_max;
        // A follower that was waited for because it was about to join may have fallen back since.
        self.advance_high_watermark(&mut state);
        let Role::Leader(leader) = &mut state.role else { return };
        if let Some(isr) = leader.shrink(log_end, lag_max, now) {
            self.propose(leader, &isr);
        }
    }

    /// The open question to the controller, if there is one.
    pub(super) async fn isr_request(&self) -> Option<IsrRequest> {
        let state = self.state.lock().await;
        let Role::Leader(leader) = &state.role else { return None };
        let isr = leader.asked(self.context.broker_epoch()?)?;
        let (epoch, partition_epoch) = (leader.epoch, leader.partition_epoch);
        Some(IsrRequest { topic_id: self.topic_id, epoch, partition_epoch, isr })
    }

    /// The controller's answer to `asked`, or that there was none.
    pub(super) async fn isr_answered(&self, asked: &IsrRequest, answer: &IsrAnswer) {
        let mut state = self.state.lock().await;
        let Role::Leader(leader) = &mut state.role else { return };
        let overtaken = leader.partition_epoch != asked.partition_epoch;
        if leader.epoch != asked.epoch || (overtaken && !self.mutants().has(Mutant::StaleLeaderIsr)) {
            return;
        }
        match answer {
            IsrAnswer::Committed { epoch, partition_epoch, isr } => {
                if *epoch == leader.epoch && leader.commit(*partition_epoch, isr) {
                    self.trace_isr(leader);
                    state.partition_epoch = *partition_epoch;
                    self.advance_high_watermark(&mut state);
                }
            }
            IsrAnswer::Ineligible => {
                if leader.ineligible() {
                    self.trace_isr(leader);
                    self.advance_high_watermark(&mut state);
                } else {
                    self.context.ask_controller(&self.tp);
                }
            }
            IsrAnswer::None => {
                leader.unanswered();
                self.context.ask_controller(&self.tp);
            }
            // The proposal may or may not be in the committed state: count with both until it is known.
            IsrAnswer::Superseded => {}
        }
    }

    /// Where a follower's log ends and its last epoch, if it follows in `epoch`.
    pub(super) async fn follower_position(
        &self,
        epoch: LeaderEpoch,
    ) -> Option<(Offset, Option<LeaderEpoch>)> {
        let state = self.state.lock().await;
        state.follows(epoch).then(|| (state.log.end_offset(), state.log.latest_epoch()))
    }

    /// Appends what a follower fetched from `from` in `epoch`, and takes over the leader's high watermark.
    /// An answer that was overtaken by a change of role or by a truncation changes nothing.
    pub(super) async fn follow(
        &self,
        epoch: LeaderEpoch,
        from: Offset,
        records: Bytes,
        leader_hw: Offset,
    ) -> Result<(), LogError> {
        let me = self.context.config.id;
        let mut state = self.state.lock().await;
        if !state.follows(epoch) || state.log.end_offset() != from {
            return Ok(());
        }
        if !records.is_empty() {
            let known = state.log.latest_epoch();
            let appended = state.log.append_as_follower(records).await?;
            self.trace_epochs(&state.log, known);
            for batch in &appended.batches {
                trace::appended(me, &self.tp, batch, false);
            }
        }
        self.take_over(&mut state, leader_hw);
        Ok(())
    }

    /// Takes over the leader's high watermark, as far as the log reaches.
    fn take_over(&self, state: &mut State<E>, leader_hw: Offset) {
        let hw = leader_hw.min(state.log.end_offset());
        if hw > state.hw {
            state.hw = hw;
            trace::high_watermark(self.context.config.id, &self.tp, hw, state.epoch, false);
        }
    }

    /// A follower's step towards its leader's log, from the leader's answer to where `asked`, the follower's
    /// last epoch, ends (KIP-101, KIP-279). Returns whether the logs agree now; else it has to ask again.
    pub(super) async fn truncate_to_epoch_end(
        &self,
        epoch: LeaderEpoch,
        answer: Option<(LeaderEpoch, Offset)>,
    ) -> Result<bool, LogError> {
        let mut state = self.state.lock().await;
        if !state.follows(epoch) {
            return Ok(false);
        }
        let log_end = state.log.end_offset();
        let Some((leader_epoch, leader_end)) = answer else {
            // The leader knows nothing of the epoch: only what is below the high watermark is certain.
            let hw = state.hw;
            self.truncate(&mut state, hw, "epoch unknown to the leader").await?;
            return Ok(true);
        };
        match state.log.end_offset_for(leader_epoch) {
            Some((own_epoch, own_end)) if own_epoch == leader_epoch => {
                let to = own_end.min(leader_end).min(log_end);
                self.truncate(&mut state, to, "diverged from the leader").await?;
                Ok(true)
            }
            Some(_) if self.mutants().has(Mutant::No279Loop) => {
                self.truncate(&mut state, leader_end.min(log_end), "epoch unknown here").await?;
                Ok(true)
            }
            Some((_, own_end)) => {
                // This log has no record of the leader's epoch: cut to its own largest epoch below, and ask
                // about that one.
                self.truncate(&mut state, own_end.min(log_end), "epoch unknown here").await?;
                Ok(false)
            }
            None => {
                let start = state.log.start_offset();
                self.truncate(&mut state, start, "no epoch in common").await?;
                Ok(true)
            }
        }
    }

    /// What stands in for asking the leader under [`Mutant::TruncToHwDiverge`].
    pub(super) async fn truncate_to_high_watermark(&self, epoch: LeaderEpoch) -> Result<(), LogError> {
        let mut state = self.state.lock().await;
        if !state.follows(epoch) {
            return Ok(());
        }
        let hw = state.hw;
        self.truncate(&mut state, hw, "above the high watermark").await
    }

    /// A follower's step towards its leader's log, from the divergence that the answer to a fetch told
    /// (KIP-595).
    pub(super) async fn truncate_to_divergence(
        &self,
        epoch: LeaderEpoch,
        (leader_epoch, leader_end): (LeaderEpoch, Offset),
        leader_hw: Offset,
    ) -> Result<(), LogError> {
        let mut state = self.state.lock().await;
        if !state.follows(epoch) {
            return Ok(());
        }
        if self.mutants().has(Mutant::HwBeforeTruncate) {
            self.take_over(&mut state, leader_hw);
        }
        let own_end = match state.log.end_offset_for(leader_epoch) {
            Some((_, own_end)) => own_end,
            None => state.log.start_offset(),
        };
        self.truncate(&mut state, own_end.min(leader_end), "diverged from the leader").await
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

    async fn truncate(&self, state: &mut State<E>, to: Offset, why: &str) -> Result<(), LogError> {
        let from = state.log.end_offset();
        if to >= from {
            // No record goes, but an epoch may that this replica led without an append, and of which the
            // leader knows nothing: the follower would ask about it for ever (KAFKA-10706).
            let known = state.log.latest_epoch();
            state.log.truncate_to(from).await?;
            self.trace_epochs(&state.log, known);
            return Ok(());
        }
        state.log.truncate_to(to).await?;
        // The log may end below `to`, where a batch reached across it.
        let to = state.log.end_offset();
        trace::truncated(self.context.config.id, &self.tp, (from, to), why, state.log.epochs());
        if state.hw > to {
            state.hw = to;
            trace::high_watermark(self.context.config.id, &self.tp, to, state.epoch, false);
        }
        Ok(())
    }

    fn follower_is_at(
        &self,
        state: &mut State<E>,
        (id, broker_epoch): (BrokerId, Option<BrokerEpoch>),
        from: Offset,
    ) -> Result<(), ResponseError> {
        let (log_end, hw) = (state.log.end_offset(), state.hw);
        let Role::Leader(leader) = &mut state.role else { unreachable!("it leads: that was checked") };
        if !leader.is_follower(id) {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        leader.fetched(id, broker_epoch, from, log_end, Instant::now());
        if let Some(isr) = leader.expansion(id, hw, &self.context.standings()) {
            self.propose(leader, &isr);
        }
        self.advance_high_watermark(state);
        Ok(())
    }

    fn propose(&self, leader: &mut Leader, isr: &BTreeSet<BrokerId>) {
        let proposed = trace::join(isr);
        leader.propose(isr);
        let maximal = trace::join(&leader.maximal_isr());
        trace::isr_proposed(
            self.context.config.id,
            &self.tp,
            leader.epoch,
            (&proposed, &maximal),
            leader.partition_epoch,
        );
        self.context.ask_controller(&self.tp);
    }

    /// Tells the epoch cache, if it has taken in an epoch since `known` was its latest.
    fn trace_epochs(&self, log: &Log<E::Disk>, known: Option<LeaderEpoch>) {
        if log.latest_epoch() != known {
            trace::epoch_cache(self.context.config.id, &self.tp, log.epochs());
        }
    }

    fn trace_isr(&self, leader: &Leader) {
        let isr = trace::join(&leader.isr);
        trace::isr_applied(self.context.config.id, &self.tp, leader.epoch, &isr, leader.partition_epoch);
    }

    fn advance_high_watermark(&self, state: &mut State<E>) {
        let Role::Leader(leader) = &state.role else { return };
        let ends = (state.hw, state.log.end_offset());
        let lag_max = self.context.config.replica_lag_time_max;
        let next = leader.next_high_watermark(ends, &self.context.standings(), lag_max, Instant::now());
        if let Some(hw) = next {
            let epoch = leader.epoch;
            state.hw = hw;
            trace::high_watermark(self.context.config.id, &self.tp, hw, epoch, true);
            self.waiters.wake(WaitFor::HighWatermark);
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

/// Why a replica did not do what was asked.
#[derive(Debug)]
pub(crate) enum ReplicaError {
    /// The other side is told so; nothing is wrong here.
    Refused(ResponseError),
    /// The log cannot be trusted any longer: the broker has to stop itself.
    Log(LogError),
}

impl From<ResponseError> for ReplicaError {
    fn from(error: ResponseError) -> Self {
        Self::Refused(error)
    }
}

impl From<LogError> for ReplicaError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::TooLarge { .. } => Self::Refused(ResponseError::MessageTooLarge),
            error if error.is_callers_fault() => Self::Refused(ResponseError::CorruptMessage),
            error => Self::Log(error),
        }
    }
}
