//! What a replica does for producers, consumers and followers, and with the controller, while it leads.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::super::leader::Leader;
use super::super::waiters::WaitFor;
use super::requests::{IsrAnswer, IsrRequest, ReadAnswer, ReadRequest, ReplicaError};
use super::{Partition, Role, State};
use crate::env::Env;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset};
use crate::log::Appended;
use crate::mutant::Mutant;
use crate::trace;

impl<E: Env> Partition<E> {
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

    /// Takes members that lag behind out of the ISR: proposes it, if it is time.
    pub(in crate::replica) async fn check_isr(&self, now: Instant) {
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
    pub(in crate::replica) async fn isr_request(&self) -> Option<IsrRequest> {
        let state = self.state.lock().await;
        let Role::Leader(leader) = &state.role else { return None };
        let isr = leader.asked(self.context.broker_epoch()?)?;
        let (epoch, partition_epoch) = (leader.epoch, leader.partition_epoch);
        Some(IsrRequest { topic_id: self.topic_id, epoch, partition_epoch, isr })
    }

    /// The controller's answer to `asked`, or that there was none.
    pub(in crate::replica) async fn isr_answered(&self, asked: &IsrRequest, answer: &IsrAnswer) {
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

    pub(super) fn trace_isr(&self, leader: &Leader) {
        let isr = trace::join(&leader.isr);
        trace::isr_applied(self.context.config.id, &self.tp, leader.epoch, &isr, leader.partition_epoch);
    }

    pub(super) fn advance_high_watermark(&self, state: &mut State<E>) {
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
