//! What must hold of a leader: completeness, the set that it reckons with, and its high watermark (W1, W3, W10,
//! W27).

use super::scene::{Before, Listed, Scene};
use crate::ids::{BrokerId, LeaderEpoch, Offset};
use crate::operation::Acks;
use crate::state::{Ack, CutBy, ReplicaLog};
use crate::trace::Batch;
use crate::verdict::Anomaly;

impl Scene<'_> {
    /// W1: the current leader has everything below the true high watermark, and every record acknowledged to
    /// acks=all at its offset.
    pub(super) fn leader_completeness(&mut self) {
        let Some((leader, replica, _)) = self.current_leader() else { return };
        let Some(log) = replica.log().filter(|_| !self.suspended) else { return };
        let short = self.fold.true_high_watermark().filter(|known| log.end() < known.hw);
        let missing = self.missing_ack(log);
        let epoch = replica.epoch().unwrap_or_default();
        let holds = short.is_none() && missing.is_none();
        self.state(Anomaly::LeaderCompleteness, [leader, leader], holds, || match (missing, short) {
            (Some(Ack { batch, by, time, .. }), _) => {
                let instead = match log.at(batch.base) {
                    None => "lacks it".to_owned(),
                    Some(other) => format!("has another record there, of epoch {}", other.epoch),
                };
                let what = format!(
                    "offset {} was acknowledged to acks=all at {time} by {by} (epoch {}), and {leader}, which leads in epoch {epoch}, {instead}",
                    batch.base, batch.epoch
                );
                (what, vec![batch.base])
            }
            (None, Some(known)) => {
                let what = format!(
                    "{leader} leads in epoch {epoch}, and its log ends at {}, below the high watermark {} that {} reached in epoch {} at {}",
                    log.end(), known.hw, known.by, known.epoch, known.since
                );
                (what, vec![log.end(), known.hw])
            }
            (None, None) => (String::new(), Vec::new()),
        });
    }

    /// The first record acknowledged to acks=all that a log lacks.
    fn missing_ack(&self, log: &ReplicaLog) -> Option<Ack> {
        if self
            .fold
            .acked()
            .is_none_or(|acked| log.end() >= acked.end && log.prefix(acked.end) == acked.prefix)
        {
            return None;
        }
        let promised = self.fold.acks_from(Offset(i64::MIN)).filter(|ack| ack.acks == Acks::All);
        promised.into_iter().find(|ack| !log.holds(&ack.batch)).copied()
    }

    /// W1, as a leader acknowledges.
    pub(super) fn acknowledged(&mut self, by: BrokerId, base: Offset, last: Offset) {
        let end = self.fold.replica(by).and_then(|replica| replica.log()).map(ReplicaLog::end);
        let held = end.is_none_or(|end| end > last);
        self.step(Anomaly::LeaderCompleteness, by, held, || {
            let what = format!(
                "{by} acknowledged offsets {base} to {last}, though its log ends at {}",
                end.unwrap_or_default()
            );
            (what, vec![last])
        });
        self.min_isr_have_it(by, base, last);
        // Of its own log an acknowledgement says what is in it: that of another is news.
        if self.current_leader().is_some_and(|(leader, ..)| leader != by) {
            self.leader_completeness();
        }
    }

    /// What is acknowledged to acks=all was on at least min ISR replicas by then. Those count of which nobody can tell,
    /// and those that lost it with their disk's bytes: they had it.
    fn min_isr_have_it(&mut self, by: BrokerId, base: Offset, last: Offset) {
        let Some(committed) = self.committed else { return };
        let Some(log) = self.fold.replica(by).and_then(|replica| replica.log()) else { return };
        let batches: Vec<Batch> = log.range(base, last.plus(1)).collect();
        let needed = usize::try_from(committed.min_isr).unwrap_or(usize::MAX).min(committed.replicas.len());
        let had = |broker: &&BrokerId| {
            let Some(replica) = self.fold.replica(**broker) else { return true };
            let lost = |batch: &Batch| {
                let by_disk = replica.cuts().iter().filter(|cut| cut.how == CutBy::Recovery);
                by_disk.flat_map(|cut| &cut.batches).any(|gone| gone == batch)
            };
            let has = |log: &ReplicaLog| batches.iter().all(|batch| log.holds(batch) || lost(batch));
            replica.log().is_none_or(has) || self.contract.is_damaged(self.partition, **broker)
        };
        let (have, lack): (Vec<BrokerId>, Vec<BrokerId>) =
            committed.replicas.iter().partition(|broker| had(broker));
        self.step(Anomaly::AckBelowMinIsr, by, have.len() >= needed, || {
            let what = format!(
                "{by} acknowledged offsets {base} to {last} to acks=all, which {} have and {} lack, and {needed} replicas have to be in sync",
                Listed(&have), Listed(&lack)
            );
            (what, vec![base, last])
        });
    }

    /// W3: a leader that is not stale reckons with all that the controllers hold to be in sync; with exactly
    /// those once it has applied their decision and nothing is pending.
    pub(super) fn quorum_superset(&mut self) {
        let Some(committed) = self.committed else { return };
        for (leader, replica, leadership) in self.presumed_leaders() {
            let Some(epoch) = replica.epoch().filter(|epoch| !self.is_stale(*epoch)) else { continue };
            let maximal = &leadership.maximal;
            let lacks = committed.isr.iter().find(|member| !maximal.contains(member));
            let settled = !leadership.pending && replica.partition_epoch() == Some(committed.partition_epoch);
            let more = maximal.iter().find(|member| settled && !committed.isr.contains(member));
            self.state(Anomaly::QuorumSuperset, [leader, leader], lacks.or(more).is_none(), || {
                let what = format!(
                    "{leader} leads in epoch {epoch} and reckons with {}, while the controllers have {} in sync (partition epoch {})",
                    Listed(maximal), Listed(&committed.isr), committed.partition_epoch
                );
                (what, Vec::new())
            });
        }
    }

    /// W10 and W27, as a leader moves its high watermark in `epoch`.
    pub(super) fn leader_moved_high_watermark(&mut self, leader: BrokerId, hw: Offset, epoch: LeaderEpoch) {
        let Before::Replica(before) = &self.at.before else { return };
        let was = before.hw;
        let same_epoch = before.leads.is_some() && before.epoch == Some(epoch);
        self.step(Anomaly::MonotonicHighWatermark, leader, !same_epoch || hw >= was, || {
            let what = format!(
                "{leader} leads in epoch {epoch}, and its high watermark goes back from {was} to {hw}"
            );
            (what, vec![was, hw])
        });
        self.high_watermark_within_log(Anomaly::MonotonicHighWatermark, leader);
        if hw > was {
            self.min_isr_is_kept(leader, was, hw);
        }
    }

    /// W27: the high watermark does not advance while the maximal ISR is smaller than min ISR.
    fn min_isr_is_kept(&mut self, leader: BrokerId, was: Offset, hw: Offset) {
        let Some(committed) = self.committed else { return };
        let Some((_, leadership)) = self.fold.replica(leader).and_then(|it| it.leadership()) else { return };
        // More than there are replicas can never be in sync.
        let needed = usize::try_from(committed.min_isr).unwrap_or(usize::MAX).min(committed.replicas.len());
        let maximal = &leadership.maximal;
        self.step(Anomaly::MinIsrHighWatermark, leader, maximal.len() >= needed, || {
            let what = format!(
                "{leader} advances its high watermark from {was} to {hw} while it reckons with {} alone, and {needed} have to be in sync",
                Listed(maximal)
            );
            (what, vec![was, hw])
        });
    }

    /// W10 or W11: a high watermark is not above the log's end.
    pub(super) fn high_watermark_within_log(&mut self, anomaly: Anomaly, broker: BrokerId) {
        let Some(replica) = self.fold.replica(broker) else { return };
        let Some(end) = replica.log().map(ReplicaLog::end) else { return };
        let hw = replica.high_watermark();
        self.state(anomaly, [broker, broker], hw <= end, || {
            (format!("the high watermark of {broker} is {hw}, and its log ends at {end}"), vec![hw, end])
        });
    }
}
