//! What a replica does while it follows: it appends what its leader sends, and truncates to where the logs agree.

use bytes::Bytes;

use super::{Partition, State};
use crate::env::Env;
use crate::ids::{LeaderEpoch, Offset};
use crate::log::LogError;
use crate::mutant::Mutant;
use crate::trace;

impl<E: Env> Partition<E> {
    /// Where a follower's log ends and its last epoch, if it follows in `epoch`.
    pub(in crate::replica) async fn follower_position(
        &self,
        epoch: LeaderEpoch,
    ) -> Option<(Offset, Option<LeaderEpoch>)> {
        let state = self.state.lock().await;
        state.follows(epoch).then(|| (state.log.end_offset(), state.log.latest_epoch()))
    }

    /// Appends what a follower fetched from `from` in `epoch`, and takes over the leader's high watermark.
    /// An answer that was overtaken by a change of role or by a truncation changes nothing.
    pub(in crate::replica) async fn follow(
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

    /// A follower's step towards its leader's log, from the leader's answer to where `asked`, the follower's
    /// last epoch, ends (KIP-101, KIP-279). Returns whether the logs agree now; else it has to ask again.
    pub(in crate::replica) async fn truncate_to_epoch_end(
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
    pub(in crate::replica) async fn truncate_to_high_watermark(
        &self,
        epoch: LeaderEpoch,
    ) -> Result<(), LogError> {
        let mut state = self.state.lock().await;
        if !state.follows(epoch) {
            return Ok(());
        }
        let hw = state.hw;
        self.truncate(&mut state, hw, "above the high watermark").await
    }

    /// A follower's step towards its leader's log, from the divergence that the answer to a fetch told
    /// (KIP-595).
    pub(in crate::replica) async fn truncate_to_divergence(
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

    /// Takes over the leader's high watermark, as far as the log reaches.
    fn take_over(&self, state: &mut State<E>, leader_hw: Offset) {
        let hw = leader_hw.min(state.log.end_offset());
        if hw > state.hw {
            state.hw = hw;
            trace::high_watermark(self.context.config.id, &self.tp, hw, state.epoch, false);
        }
    }

    pub(super) async fn truncate(&self, state: &mut State<E>, to: Offset, why: &str) -> Result<(), LogError> {
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
}
