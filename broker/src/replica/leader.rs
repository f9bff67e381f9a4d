//! What a leader knows of its followers, and the rules it draws from that: ISR, high watermark, who may join.
//!
//! Pure: no clock, no disk, no network. The rules are Kafka's `Partition` (KIP-497, KIP-903, KAFKA-15583).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch};
use crate::mutant::{Mutant, Mutants};

/// A leader's view of its partition, within one leader epoch.
#[derive(Debug)]
pub(super) struct Leader {
    me: BrokerId,
    /// The epoch in which this replica leads.
    pub(super) epoch: LeaderEpoch,
    /// Where the epoch begins: the log's end when this replica was elected.
    pub(super) epoch_start: Offset,
    /// The partition epoch of the committed ISR.
    pub(super) partition_epoch: PartitionEpoch,
    /// The ISR that the controller has committed.
    pub(super) isr: BTreeSet<BrokerId>,
    /// An ISR that was asked for, and may have been committed or not.
    pending: Option<Pending>,
    followers: BTreeMap<BrokerId, Follower>,
    min_isr: usize,
    mutants: Mutants,
}

/// A follower as its fetches show it.
#[derive(Debug)]
struct Follower {
    /// The log end that it proved by fetching from there; none before its first fetch in this epoch.
    log_end: Option<Offset>,
    /// When it last had everything that the leader had at that time.
    caught_up_at: Option<Instant>,
    /// When it last fetched, and where the leader's log ended then.
    last_fetch: Option<(Instant, Offset)>,
    /// The incarnation that fetched (KIP-903).
    broker_epoch: Option<BrokerEpoch>,
}

/// A question to the controller that is not settled.
#[derive(Debug)]
struct Pending {
    /// The ISR that is asked for now: each member as the incarnation that it was then, none for one that has not
    /// fetched in this epoch. However often the question is repeated, it is the one that was found to be in sync
    /// who joins, and not whoever has fetched under its name since (KIP-903).
    asked: BTreeMap<BrokerId, Option<BrokerEpoch>>,
    /// All that was asked for since the committed state: any of it may be the ISR by now.
    possible: BTreeSet<BrokerId>,
    /// An attempt had no answer: it may still be under way, and be carried out at any time.
    unanswered: bool,
}

/// What the controller says of another broker, as far as the ISR depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// The current incarnation.
    pub(super) broker_epoch: BrokerEpoch,
    /// Registered, unfenced and not shutting down.
    pub(super) eligible: bool,
}

/// Answers for every broker that is registered.
pub(super) type Standings = BTreeMap<BrokerId, Standing>;

/// A leadership as the controller's log tells it.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) epoch: LeaderEpoch,
    pub(super) partition_epoch: PartitionEpoch,
    pub(super) replicas: Vec<BrokerId>,
    pub(super) isr: BTreeSet<BrokerId>,
    pub(super) min_isr: usize,
}

impl Leader {
    /// `me` begins to lead at `now`, with a log that ends at `log_end`.
    pub(super) fn new(me: BrokerId, term: &Term, log_end: Offset, now: Instant, mutants: Mutants) -> Self {
        assert!(term.replicas.contains(&me), "a leader is one of the replicas");
        let followers = term.replicas.iter().filter(|id| **id != me).map(|id| {
            // A member of the ISR gets the whole lag time before it is taken out.
            let caught_up_at = term.isr.contains(id).then_some(now);
            (*id, Follower { log_end: None, caught_up_at, last_fetch: None, broker_epoch: None })
        });
        Self {
            me,
            epoch: term.epoch,
            epoch_start: log_end,
            partition_epoch: term.partition_epoch,
            isr: term.isr.clone(),
            pending: None,
            followers: followers.collect(),
            min_isr: match mutants.has(Mutant::MinIsrIgnored) {
                // More than there are replicas can never be in sync.
                false => term.min_isr.min(term.replicas.len()),
                true => 1,
            },
            mutants,
        }
    }

    /// Takes over a newer committed ISR of the same leader epoch. Returns whether it was newer.
    pub(super) fn commit(&mut self, partition_epoch: PartitionEpoch, isr: &BTreeSet<BrokerId>) -> bool {
        if !self.mutants.has(Mutant::StaleLeaderIsr) && partition_epoch <= self.partition_epoch {
            return false;
        }
        self.partition_epoch = partition_epoch;
        self.isr.clone_from(isr);
        self.pending = None;
        true
    }

    /// The committed ISR together with one that may have been committed. What is counted with it holds
    /// whichever of the two the controller has (KIP-497).
    pub(super) fn maximal_isr(&self) -> BTreeSet<BrokerId> {
        match &self.pending {
            Some(pending) if self.mutants.has(Mutant::ShrinkOptimistic) => {
                pending.asked.keys().copied().collect()
            }
            Some(pending) => self.isr.union(&pending.possible).copied().collect(),
            None => self.isr.clone(),
        }
    }

    /// Asks for `isr` from here on.
    pub(super) fn propose(&mut self, isr: &BTreeSet<BrokerId>) {
        let possible = self.maximal_isr().union(isr).copied().collect();
        self.pending = Some(Pending { asked: self.as_they_are(isr), possible, unanswered: false });
    }

    /// The ISR that is asked for, if one is, each member with its incarnation; this replica's own is `mine`
    /// (KIP-903).
    pub(super) fn asked(&self, mine: BrokerEpoch) -> Option<Vec<(BrokerId, BrokerEpoch)>> {
        let mut asked = self.pending.as_ref()?.asked.clone();
        if self.mutants.has(Mutant::IsrRetryAsReincarnated) {
            asked = self.as_they_are(&asked.into_keys().collect());
        }
        // A member without one has not fetched in this epoch yet. The controller takes -1 for "whichever is
        // current": it is in the committed ISR already.
        let epoch_of =
            |id, epoch: Option<_>| if id == self.me { mine } else { epoch.unwrap_or(BrokerEpoch(-1)) };
        Some(asked.into_iter().map(|(id, epoch)| (id, epoch_of(id, epoch))).collect())
    }

    /// Members of an ISR as the incarnations that fetched last.
    fn as_they_are(&self, isr: &BTreeSet<BrokerId>) -> BTreeMap<BrokerId, Option<BrokerEpoch>> {
        let epoch_of = |id| self.followers.get(id).and_then(|follower| follower.broker_epoch);
        isr.iter().map(|id| (*id, epoch_of(id))).collect()
    }

    /// An attempt had no answer.
    pub(super) fn unanswered(&mut self) {
        if let Some(pending) = &mut self.pending {
            pending.unanswered = true;
        }
    }

    /// The controller refuses a member: nothing has changed. Returns whether that settles the question.
    ///
    /// It does not where an earlier attempt may still arrive, when the member has become eligible. Then the
    /// committed ISR itself is asked for: confirming it moves the partition epoch on, past that attempt's.
    pub(super) fn ineligible(&mut self) -> bool {
        let committed = self.as_they_are(&self.isr);
        match &mut self.pending {
            Some(pending) if pending.unanswered => {
                pending.asked = committed;
                false
            }
            _ => {
                self.pending = None;
                true
            }
        }
    }

    /// Whether a write with acks=all may be taken at all.
    pub(super) fn has_min_isr(&self) -> bool {
        self.isr.len() >= self.min_isr
    }

    /// Whether a write that all replicas have may be acknowledged.
    pub(super) fn has_maximal_min_isr(&self) -> bool {
        self.maximal_isr().len() >= self.min_isr
    }

    /// Whether `id` is another replica of the partition.
    pub(super) fn is_follower(&self, id: BrokerId) -> bool {
        self.followers.contains_key(&id)
    }

    /// A follower fetched from `from`, and so proved that its log ends there, in this epoch.
    pub(super) fn fetched(
        &mut self,
        id: BrokerId,
        broker_epoch: Option<BrokerEpoch>,
        from: Offset,
        log_end: Offset,
        now: Instant,
    ) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        if from >= log_end {
            follower.caught_up_at = Some(now);
        } else if let Some((at, end_then)) = follower.last_fetch
            && from >= end_then
        {
            follower.caught_up_at = follower.caught_up_at.max(Some(at));
        }
        follower.log_end = Some(from);
        follower.last_fetch = Some((now, log_end));
        follower.broker_epoch = broker_epoch;
    }

    /// The high watermark that the followers' log ends allow; `None` where it may not move.
    pub(super) fn next_high_watermark(
        &self,
        (hw, log_end): (Offset, Offset),
        standings: &Standings,
        lag_max: Duration,
        now: Instant,
    ) -> Option<Offset> {
        if !self.mutants.has(Mutant::HwUnderMinIsr) && !self.has_min_isr() {
            return None;
        }
        let committed_only = self.mutants.has(Mutant::HwMinOfIsrOnly);
        let counted = if committed_only { self.isr.clone() } else { self.maximal_isr() };
        let mut next = log_end;
        for (id, follower) in &self.followers {
            // A follower that is about to join is waited for, or the high watermark would run away from it.
            let about_to_join = || {
                follower.is_caught_up(log_end, lag_max, now)
                    && self.is_eligible(*id, follower.broker_epoch, standings)
            };
            if counted.contains(id) || (!committed_only && about_to_join()) {
                next = next.min(follower.log_end?);
            }
        }
        (next > hw).then_some(next)
    }

    /// The ISR with `id` in it, if it may join.
    pub(super) fn expansion(
        &self,
        id: BrokerId,
        hw: Offset,
        standings: &Standings,
    ) -> Option<BTreeSet<BrokerId>> {
        if self.pending.is_some() || self.isr.contains(&id) {
            return None;
        }
        let follower = self.followers.get(&id)?;
        let log_end = follower.log_end?;
        let joins = log_end >= hw
            && (self.mutants.has(Mutant::IsrJoinNoEpochStart) || log_end >= self.epoch_start)
            && self.is_eligible(id, follower.broker_epoch, standings);
        joins.then(|| self.isr.iter().copied().chain([id]).collect())
    }

    /// The ISR without those that have not caught up for longer than `lag_max`, if there are any.
    pub(super) fn shrink(
        &self,
        log_end: Offset,
        lag_max: Duration,
        now: Instant,
    ) -> Option<BTreeSet<BrokerId>> {
        if self.pending.is_some() {
            return None;
        }
        let stays = |id: &&BrokerId| {
            **id == self.me || self.followers.get(id).is_some_and(|f| f.is_caught_up(log_end, lag_max, now))
        };
        let shrunk: BTreeSet<_> = self.isr.iter().filter(stays).copied().collect();
        (shrunk.len() < self.isr.len()).then_some(shrunk)
    }

    fn is_eligible(&self, id: BrokerId, fetched_as: Option<BrokerEpoch>, standings: &Standings) -> bool {
        standings
            .get(&id)
            .is_some_and(|s| s.eligible && fetched_as.is_none_or(|epoch| epoch == s.broker_epoch))
    }
}

impl Follower {
    fn is_caught_up(&self, leader_end: Offset, lag_max: Duration, now: Instant) -> bool {
        self.log_end == Some(leader_end)
            || self.caught_up_at.is_some_and(|at| now.saturating_duration_since(at) <= lag_max)
    }
}

#[cfg(test)]
mod tests;
