//! When the high watermark moves, and who is let into the ISR and taken out of it.

use super::*;

const LAG: Duration = Duration::from_secs(3);

fn ids<const N: usize>(ids: [i32; N]) -> BTreeSet<BrokerId> {
    ids.into_iter().map(BrokerId).collect()
}

fn leader(isr: BTreeSet<BrokerId>, min_isr: usize, log_end: i64) -> (Leader, Instant) {
    leader_with(Mutants::NONE, isr, min_isr, log_end)
}

fn leader_with(mutants: Mutants, isr: BTreeSet<BrokerId>, min_isr: usize, log_end: i64) -> (Leader, Instant) {
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
    assert_eq!(l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now), Some(Offset(10)));
}

#[test]
fn a_pending_member_counts_and_a_member_pending_removal_still_does() {
    let (mut l, now) = leader(ids([1, 2]), 1, 0);
    fetch(&mut l, 2, 10, 10, now);
    fetch(&mut l, 3, 5, 10, now);
    l.propose(&ids([1, 2, 3]));
    assert_eq!(l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now), Some(Offset(5)));
    assert!(l.ineligible(), "the proposal is settled");
    l.propose(&ids([1]));
    let late = now + LAG * 2;
    fetch(&mut l, 2, 8, 10, late);
    assert_eq!(l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, late), Some(Offset(8)));
}

#[test]
fn a_follower_about_to_join_is_waited_for_and_a_fenced_one_is_not() {
    let (mut l, now) = leader(ids([1, 2]), 1, 0);
    fetch(&mut l, 2, 10, 10, now);
    fetch(&mut l, 3, 4, 4, now);
    assert_eq!(l.next_high_watermark((Offset(0), Offset(10)), &all_eligible(), LAG, now), Some(Offset(4)));
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
