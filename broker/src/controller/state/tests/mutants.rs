//! What each seeded defect of the metadata does, beside what the rules say without it.

use super::*;
use crate::mutant::{Mutant, Mutants};

/// What is told of a cluster with the defect, and of one without.
fn both<T>(mutant: Mutant, tell: impl Fn(&mut Cluster) -> T) -> (T, T) {
    let tell_with = |mutants| {
        let mut cluster = Cluster::with_topic(false);
        cluster.state.mutants = mutants;
        tell(&mut cluster)
    };
    (tell_with(Mutants::NONE.with(mutant)), tell_with(Mutants::NONE))
}

#[test]
fn unclean_default_elects_from_outside_the_isr_where_the_topic_forbids_it() {
    let last_one_dies = |cluster: &mut Cluster| {
        cluster.alter(1, cluster.alteration(&[1])).0.expect("it leads");
        cluster.fence(1);
        cluster.summary()
    };
    let expected = ((2, vec![2], 1, 2), (0, vec![1], 1, 2));
    assert_eq!(both(Mutant::UncleanDefault, last_one_dies), expected);
}

#[test]
fn preferred_not_in_isr_elects_it_where_another_is_in_sync() {
    let leader_dies = |cluster: &mut Cluster| {
        cluster.fence(1);
        cluster.unfence(1);
        // b1 is alive and out of sync.
        cluster.fence(2);
        cluster.summary()
    };
    let expected = ((1, vec![1, 3], 2, 2), (3, vec![3], 2, 2));
    assert_eq!(both(Mutant::PreferredNotInIsr, leader_dies), expected);
}

#[test]
fn broker_epoch_unchecked_lets_the_new_incarnation_in_by_the_old_ones_request() {
    let reincarnated = |cluster: &mut Cluster| {
        cluster.alter(1, cluster.alteration(&[1, 2])).0.expect("it leads");
        let mut asked = cluster.alteration(&[1, 2, 3]);
        cluster.register(3, 2);
        cluster.unfence(3);
        asked.partition_epoch = cluster.orders().partition_epoch;
        cluster.alter(1, asked).0.map(|record| record.isr.len())
    };
    let expected = (Ok(3), Err(Rejection::IneligibleReplica));
    assert_eq!(both(Mutant::BrokerEpochUnchecked, reincarnated), expected);
}
