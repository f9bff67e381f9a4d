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
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_secs(3);

    fn ids<const N: usize>(ids: [i32; N]) -> BTreeSet<BrokerId> {
        ids.into_iter().map(BrokerId).collect()
    }

    fn leader(isr: BTreeSet<BrokerId>, min_isr: usize, log_end: i64) -> (Leader, Instant) {
        leader_with(Mutants::NONE, isr, min_isr, log_end)
    }

    fn leader_with(
        mutants: Mutants,
        isr: BTreeSet<BrokerId>,
        min_isr: usize,
        log_end: i64,
    ) -> (Leader, Instant) {
        let now = Instant::now();
        let term = Term {
            epoch: LeaderEpoch(4),
            partition_epoch: PartitionEpoch(9),
            replicas: vec![BrokerId(1), BrokerId(2), BrokerId(3)],
            isr,
            min_isr,
        };
        (Leader::new(BrokerId(1), &term, Offset(log_end), now, mutants), now)
    }

    fn all_eligible() -> Standings {
        (1..=3)
            .map(|id| (BrokerId(id), Standing { broker_epoch: BrokerEpoch(i64::from(id)), eligible: true }))
            .collect()
    }

    fn fetch(leader: &mut Leader, id: i32, from: i64, log_end: i64, now: Instant) {
        leader.fetched(BrokerId(id), Some(BrokerEpoch(i64::from(id))), Offset(from), Offset(log_end), now);
    }

    #[test]
    fn the_high_watermark_waits_for_every_member_of_the_isr() {
        let (mut l, now) = leader(ids([1, 2, 3]), 2, 0);
        let next = |l: &Leader| l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now);
        assert_eq!(next(&l), None, "nobody has fetched yet");
        fetch(&mut l, 2, 10, 10, now);
        assert_eq!(next(&l), None, "b3 has not");
        fetch(&mut l, 3, 7, 10, now);
        assert_eq!(next(&l), Some(Offset(7)));
    }

    #[test]
    fn the_high_watermark_never_moves_under_min_isr() {
        let (l, now) = leader(ids([1]), 2, 0);
        assert_eq!(l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now), None);
        let (l, now) = leader(ids([1]), 1, 0);
        assert_eq!(
            l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now),
            Some(Offset(10))
        );
    }

    #[test]
    fn a_pending_member_counts_and_a_member_pending_removal_still_does() {
        let (mut l, now) = leader(ids([1, 2]), 1, 0);
        fetch(&mut l, 2, 10, 10, now);
        fetch(&mut l, 3, 5, 10, now);
        l.propose(&ids([1, 2, 3]));
        assert_eq!(
            l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now),
            Some(Offset(5))
        );
        assert!(l.ineligible(), "the proposal is settled");
        l.propose(&ids([1]));
        let late = now + LAG * 2;
        fetch(&mut l, 2, 8, 10, late);
        assert_eq!(
            l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, late),
            Some(Offset(8))
        );
    }

    #[test]
    fn a_follower_about_to_join_is_waited_for_and_a_fenced_one_is_not() {
        let (mut l, now) = leader(ids([1, 2]), 1, 0);
        fetch(&mut l, 2, 10, 10, now);
        fetch(&mut l, 3, 4, 4, now);
        assert_eq!(
            l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now),
            Some(Offset(4))
        );
        let mut standings = all_eligible();
        standings.get_mut(&BrokerId(3)).unwrap().eligible = false;
        assert_eq!(l.next_high_watermark((Offset(0), Offset(10)), &standings, LAG, now), Some(Offset(10)));
    }

    #[test]
    fn joining_takes_the_high_watermark_the_epochs_start_and_the_current_incarnation() {
        let (mut l, now) = leader(ids([1, 2]), 1, 6);
        let standings = all_eligible();
        let joins = |l: &Leader, hw| l.expansion(BrokerId(3), Offset(hw), &standings);
        assert_eq!(joins(&l, 0), None, "it never fetched");
        fetch(&mut l, 3, 5, 10, now);
        assert_eq!(joins(&l, 4), None, "below the start of the leader's epoch (KAFKA-7128)");
        fetch(&mut l, 3, 6, 10, now);
        assert_eq!(joins(&l, 7), None, "below the high watermark");
        assert_eq!(joins(&l, 6), Some(ids([1, 2, 3])));
        l.fetched(BrokerId(3), Some(BrokerEpoch(99)), Offset(6), Offset(10), now);
        assert_eq!(joins(&l, 6), None, "another incarnation fetched (KIP-903)");
    }

    #[test]
    fn one_change_of_the_isr_at_a_time() {
        let (mut l, now) = leader(ids([1, 2]), 1, 0);
        fetch(&mut l, 3, 0, 0, now);
        l.propose(&ids([1]));
        assert_eq!(l.expansion(BrokerId(3), Offset(0), &all_eligible()), None);
        assert_eq!(l.shrink(Offset(5), LAG, now + LAG * 2), None);
    }

    #[test]
    fn a_laggard_leaves_and_one_with_nothing_new_to_fetch_stays() {
        let (mut l, now) = leader(ids([1, 2, 3]), 1, 0);
        let late = now + LAG + Duration::from_millis(1);
        assert_eq!(l.shrink(Offset(5), LAG, now + LAG), None, "the lag time is not over");
        fetch(&mut l, 2, 5, 5, now);
        assert_eq!(l.shrink(Offset(5), LAG, late), Some(ids([1, 2])), "b2 has all there is (KAFKA-7152)");
    }

    #[test]
    fn always_one_fetch_behind_is_caught_up_as_of_the_fetch_before() {
        let (mut l, now) = leader(ids([1, 2, 3]), 1, 0);
        let second = now + Duration::from_secs(2);
        fetch(&mut l, 2, 0, 4, now);
        fetch(&mut l, 2, 4, 8, second);
        fetch(&mut l, 3, 8, 8, second);
        assert_eq!(l.shrink(Offset(9), LAG, now + LAG), None);
        assert_eq!(l.shrink(Offset(9), LAG, now + LAG + Duration::from_millis(1)), Some(ids([1, 3])));
    }

    #[test]
    fn an_older_partition_epoch_changes_nothing() {
        let (mut l, _) = leader(ids([1, 2]), 1, 0);
        l.propose(&ids([1]));
        assert!(!l.commit(PartitionEpoch(9), &ids([1])));
        assert!(asked(&l).is_some());
        assert!(l.commit(PartitionEpoch(10), &ids([1])));
        assert_eq!((l.isr.clone(), asked(&l)), (ids([1]), None));
    }

    #[test]
    fn a_refusal_settles_nothing_while_an_earlier_attempt_may_still_arrive() {
        let (mut l, _) = leader(ids([1, 2]), 1, 0);
        l.propose(&ids([1, 2, 3]));
        l.unanswered();
        assert!(!l.ineligible());
        assert_eq!(asked(&l), Some(ids([1, 2])), "the committed ISR is to be confirmed");
        assert_eq!(l.maximal_isr(), ids([1, 2, 3]), "b3 may yet be let in");
        assert!(l.commit(PartitionEpoch(10), &ids([1, 2])));
        assert_eq!(l.maximal_isr(), ids([1, 2]));
    }

    /// The ISR that is asked for.
    fn asked(l: &Leader) -> Option<BTreeSet<BrokerId>> {
        Some(l.asked(BrokerEpoch(1))?.into_iter().map(|(id, _)| id).collect())
    }

    #[test]
    fn a_question_names_the_incarnations_of_the_time_when_it_was_asked_first() {
        let rejoining = |mutants| {
            let (mut l, now) = leader_with(mutants, ids([1, 2]), 1, 0);
            fetch(&mut l, 3, 10, 10, now);
            l.propose(&ids([1, 2, 3]));
            let first = l.asked(BrokerEpoch(1));
            // Back with an empty disk, while the first attempt has no answer.
            l.fetched(BrokerId(3), Some(BrokerEpoch(99)), Offset(0), Offset(10), now);
            l.unanswered();
            assert_eq!(l.maximal_isr(), ids([1, 2, 3]), "it is waited for");
            (first, l.asked(BrokerEpoch(1)))
        };
        let named =
            |third| Some([(1, 1), (2, -1), (3, third)].map(|(id, e)| (BrokerId(id), BrokerEpoch(e))).into());
        let ((first, again), (right_first, right_again)) = both(Mutant::IsrRetryAsReincarnated, rejoining);
        assert_eq!((right_first, right_again), (named(3), named(3)));
        assert_eq!((first, again), (named(3), named(99)));
    }

    /// What a mutant is told, and what the broker as it should be says to the same.
    fn both<T>(mutant: Mutant, say: impl Fn(Mutants) -> T) -> (T, T) {
        (say(Mutants::NONE.with(mutant)), say(Mutants::NONE))
    }

    #[test]
    fn each_mutant_of_the_high_watermark_moves_it_where_its_guard_holds_it() {
        let alone = |mutants| {
            let (l, now) = leader_with(mutants, ids([1]), 2, 0);
            let next = l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now);
            (next.map(|hw| hw.0), l.has_min_isr())
        };
        assert_eq!(both(Mutant::HwUnderMinIsr, alone), ((Some(10), false), (None, false)));
        assert_eq!(both(Mutant::MinIsrIgnored, alone), ((Some(10), true), (None, false)));

        let joining = |mutants| {
            let (mut l, now) = leader_with(mutants, ids([1, 2]), 1, 0);
            fetch(&mut l, 2, 10, 10, now);
            fetch(&mut l, 3, 5, 5, now);
            let next = |l: &Leader| l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now);
            let before = next(&l);
            l.propose(&ids([1, 2, 3]));
            (before.map(|hw| hw.0), next(&l).map(|hw| hw.0))
        };
        assert_eq!(both(Mutant::HwMinOfIsrOnly, joining), ((Some(10), Some(10)), (Some(5), Some(5))));

        let leaving = |mutants| {
            let (mut l, now) = leader_with(mutants, ids([1, 2]), 1, 0);
            fetch(&mut l, 2, 5, 10, now);
            l.propose(&ids([1]));
            let late = now + LAG * 2;
            l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, late).map(|hw| hw.0)
        };
        assert_eq!(both(Mutant::ShrinkOptimistic, leaving), (Some(10), Some(5)));
    }

    #[test]
    fn each_mutant_of_the_isr_takes_what_its_guard_refuses() {
        let below_the_start = |mutants| {
            let (mut l, now) = leader_with(mutants, ids([1, 2]), 1, 6);
            fetch(&mut l, 3, 5, 10, now);
            l.expansion(BrokerId(3), Offset(4), &all_eligible())
        };
        assert_eq!(both(Mutant::IsrJoinNoEpochStart, below_the_start), (Some(ids([1, 2, 3])), None));
        let older = |mutants| {
            let (mut l, _) = leader_with(mutants, ids([1, 2]), 1, 0);
            l.commit(PartitionEpoch(8), &ids([1]))
        };
        assert_eq!(both(Mutant::StaleLeaderIsr, older), (true, false));
    }
}
