//! Where the replicas of a new topic go.

use crate::ids::BrokerId;

/// The most partitions that a topic may have.
pub(super) const PARTITIONS_MAX: u32 = 10_000;

/// Spreads `partitions` of `replication` replicas each over `brokers`: partition `i` is led first by broker
/// `i mod n`, and its other replicas are on the next ones. `None` when there are too few brokers.
///
/// The order of a partition's replicas is the order in which they are preferred as its leader.
pub(super) fn assign(brokers: &[BrokerId], partitions: u32, replication: u32) -> Option<Vec<Vec<BrokerId>>> {
    let (count, replication) = (brokers.len(), replication as usize);
    if replication == 0 || replication > count {
        return None;
    }
    let replicas =
        |first: usize| (first..first + replication).map(|position| brokers[position % count]).collect();
    Some((0..partitions as usize).map(replicas).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[i32]) -> Vec<BrokerId> {
        ids.iter().copied().map(BrokerId).collect()
    }

    #[test]
    fn partition_i_is_led_by_broker_i_mod_n() {
        let assigned = assign(&ids(&[1, 2, 3]), 4, 2).expect("three brokers hold two replicas");
        assert_eq!(assigned, [ids(&[1, 2]), ids(&[2, 3]), ids(&[3, 1]), ids(&[1, 2])]);
    }

    #[test]
    fn replicas_and_leaderships_are_spread_evenly() {
        let assigned = assign(&ids(&[2, 5, 7, 9]), 12, 3).expect("four brokers hold three replicas");
        for broker in ids(&[2, 5, 7, 9]) {
            assert_eq!(assigned.iter().filter(|replicas| replicas[0] == broker).count(), 3);
            assert_eq!(assigned.iter().filter(|replicas| replicas.contains(&broker)).count(), 9);
        }
    }

    #[test]
    fn too_few_brokers_or_no_replica_is_refused() {
        assert_eq!(assign(&ids(&[1, 2]), 1, 3), None);
        assert_eq!(assign(&ids(&[1, 2]), 1, 0), None);
        assert_eq!(assign(&[], 1, 1), None);
    }
}
