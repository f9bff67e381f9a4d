//! Who leads a partition: Kafka's rules of election, clean and unclean.

use super::state::PartitionRecord;
use crate::ids::{BrokerId, LeaderEpoch, PartitionEpoch};
#[cfg(doc)]
use crate::mutant::Mutant;

/// What an election may rest on.
pub(super) struct Candidates<'a> {
    /// Whether a broker is registered, unfenced and not shutting down.
    pub(super) alive: &'a dyn Fn(BrokerId) -> bool,
    /// Whether a replica outside the ISR may lead when no other can (`unclean.leader.election.enable`).
    pub(super) unclean: bool,
    /// Whether the preferred replica may lead though it is not in the ISR: [`Mutant::PreferredNotInIsr`].
    pub(super) preferred_anyway: bool,
}

/// How a partition came to its present state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// By the rules, with nothing lost.
    Clean,
    /// By an unclean election: what the new leader does not have is lost.
    Unclean,
}

impl PartitionRecord {
    /// The record of a new partition, led by the first of its replicas that is alive. `None` when none is.
    pub(super) fn create(replicas: Vec<BrokerId>, alive: &dyn Fn(BrokerId) -> bool) -> Option<Self> {
        let leader = replicas.iter().copied().find(|replica| alive(*replica))?;
        let mut isr: Vec<BrokerId> = replicas.iter().copied().filter(|replica| alive(*replica)).collect();
        isr.sort_unstable();
        Some(Self {
            replicas,
            isr,
            leader: Some(leader),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            recovering: false,
        })
    }

    /// Takes `leaving` out of the ISR, unless it is the last member, and elects a leader if the present one
    /// is not alive in that ISR. `None` when nothing is different afterwards.
    ///
    /// The last member stays although it is fenced: it alone is known to have all that was committed.
    pub(super) fn settle(
        &mut self,
        leaving: Option<BrokerId>,
        candidates: &Candidates<'_>,
    ) -> Option<Settled> {
        let mut isr = self.isr.clone();
        if isr.len() > 1 {
            isr.retain(|member| Some(*member) != leaving);
        }
        let alive = candidates.alive;
        let in_sync = isr.clone();
        let electable = |replica: &BrokerId| in_sync.contains(replica) && alive(*replica);
        let in_order = || self.replicas.iter().copied();
        let preferred = in_order().next().filter(|replica| candidates.preferred_anyway && alive(*replica));
        let clean = self.leader.filter(electable).or(preferred).or_else(|| in_order().find(electable));
        if let Some(elected) = clean {
            if !isr.contains(&elected) {
                isr.push(elected);
                isr.sort_unstable();
            }
            return self.move_to(clean, isr, self.recovering).then_some(Settled::Clean);
        }
        match in_order().find(|replica| candidates.unclean && alive(*replica)) {
            Some(survivor) => {
                let changed = self.move_to(Some(survivor), vec![survivor], true);
                assert!(changed, "an unclean leader was not in the isr before");
                Some(Settled::Unclean)
            }
            None => self.move_to(None, isr, self.recovering).then_some(Settled::Clean),
        }
    }

    /// Makes these the leader, the ISR (sorted) and whether the leader recovers. Says whether that is a
    /// change: the leader epoch counts those of the leader, the partition epoch all.
    pub(super) fn move_to(&mut self, leader: Option<BrokerId>, isr: Vec<BrokerId>, recovering: bool) -> bool {
        assert!(!isr.is_empty(), "an isr is never empty");
        assert!(leader.is_none_or(|leader| isr.contains(&leader)), "a leader is in the isr");
        if (leader, &isr, recovering) == (self.leader, &self.isr, self.recovering) {
            return false;
        }
        if leader != self.leader {
            self.leader_epoch.0 += 1;
        }
        self.partition_epoch.0 += 1;
        (self.leader, self.isr, self.recovering) = (leader, isr, recovering);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A partition of replicas 1, 2, 3 that has had some history.
    fn partition(leader: i32, isr: &[i32]) -> PartitionRecord {
        PartitionRecord {
            replicas: vec![BrokerId(2), BrokerId(3), BrokerId(1)],
            isr: isr.iter().copied().map(BrokerId).collect(),
            leader: (leader > 0).then_some(BrokerId(leader)),
            leader_epoch: LeaderEpoch(7),
            partition_epoch: PartitionEpoch(20),
            recovering: false,
        }
    }

    /// Leader (0: none), ISR, and how far leader and partition epoch moved.
    type Expected = (i32, &'static [i32], i32, i32);

    struct Case {
        name: &'static str,
        before: (i32, &'static [i32]),
        leaving: i32,
        alive: &'static [i32],
        unclean: bool,
        settled: Option<Settled>,
        after: Expected,
    }

    const CASES: &[Case] = &[
        Case {
            name: "a valid leader is kept, though another is preferred",
            before: (1, &[1, 2, 3]),
            leaving: 0,
            alive: &[1, 2, 3],
            unclean: true,
            settled: None,
            after: (1, &[1, 2, 3], 0, 0),
        },
        Case {
            name: "a follower leaves the isr: no new leader epoch",
            before: (1, &[1, 2, 3]),
            leaving: 3,
            alive: &[1, 2],
            unclean: false,
            settled: Some(Settled::Clean),
            after: (1, &[1, 2], 0, 1),
        },
        Case {
            name: "the first of the assignment that is in the isr leads next",
            before: (2, &[1, 2, 3]),
            leaving: 2,
            alive: &[1, 3],
            unclean: false,
            settled: Some(Settled::Clean),
            after: (3, &[1, 3], 1, 1),
        },
        Case {
            name: "preferred, but outside the isr",
            before: (3, &[1, 3]),
            leaving: 3,
            alive: &[1, 2],
            unclean: true,
            settled: Some(Settled::Clean),
            after: (1, &[1], 1, 1),
        },
        Case {
            name: "preferred and in the isr, but not alive",
            before: (1, &[1, 2, 3]),
            leaving: 1,
            alive: &[3],
            unclean: false,
            settled: Some(Settled::Clean),
            after: (3, &[2, 3], 1, 1),
        },
        Case {
            name: "the last member stays, with no leader",
            before: (1, &[1]),
            leaving: 1,
            alive: &[2, 3],
            unclean: false,
            settled: Some(Settled::Clean),
            after: (0, &[1], 1, 1),
        },
        Case {
            name: "leaderless, and still nobody of the isr alive",
            before: (0, &[1]),
            leaving: 0,
            alive: &[2, 3],
            unclean: false,
            settled: None,
            after: (0, &[1], 0, 0),
        },
        Case {
            name: "the last member comes back",
            before: (0, &[1]),
            leaving: 0,
            alive: &[1, 2, 3],
            unclean: true,
            settled: Some(Settled::Clean),
            after: (1, &[1], 1, 1),
        },
        Case {
            name: "unclean: the first alive of the assignment, alone in the isr",
            before: (1, &[1]),
            leaving: 1,
            alive: &[2, 3],
            unclean: true,
            settled: Some(Settled::Unclean),
            after: (2, &[2], 1, 1),
        },
        Case {
            name: "unclean, later: a replica outside the isr comes back",
            before: (0, &[1]),
            leaving: 0,
            alive: &[3],
            unclean: true,
            settled: Some(Settled::Unclean),
            after: (3, &[3], 1, 1),
        },
        Case {
            name: "unclean allowed, and nobody alive",
            before: (1, &[1]),
            leaving: 1,
            alive: &[],
            unclean: true,
            settled: Some(Settled::Clean),
            after: (0, &[1], 1, 1),
        },
    ];

    fn candidates(alive: &dyn Fn(BrokerId) -> bool, unclean: bool) -> Candidates<'_> {
        Candidates { alive, unclean, preferred_anyway: false }
    }

    #[test]
    fn the_rules_of_election() {
        for case in CASES {
            let mut settling = partition(case.before.0, case.before.1);
            let alive = |broker: BrokerId| case.alive.contains(&broker.0);
            let leaving = (case.leaving > 0).then_some(BrokerId(case.leaving));
            let settled = settling.settle(leaving, &candidates(&alive, case.unclean));
            let mut expected = partition(case.after.0, case.after.1);
            expected.leader_epoch.0 += case.after.2;
            expected.partition_epoch.0 += case.after.3;
            expected.recovering = case.settled == Some(Settled::Unclean);
            assert_eq!((settled, settling), (case.settled, expected), "{}", case.name);
        }
    }

    #[test]
    fn a_clean_election_does_not_end_a_recovery() {
        let mut recovering = PartitionRecord { recovering: true, ..partition(2, &[2, 3]) };
        let alive = |broker: BrokerId| broker == BrokerId(3);
        recovering.settle(Some(BrokerId(2)), &candidates(&alive, false));
        assert_eq!((recovering.leader, recovering.recovering), (Some(BrokerId(3)), true));
    }

    #[test]
    fn the_mutant_elects_the_preferred_replica_from_outside_the_isr_and_no_other() {
        let mut settling = partition(3, &[1, 3]);
        let alive = |broker: BrokerId| broker != BrokerId(3);
        let as_mutant = Candidates { preferred_anyway: true, ..candidates(&alive, false) };
        assert_eq!(settling.settle(Some(BrokerId(3)), &as_mutant), Some(Settled::Clean));
        assert_eq!((settling.leader, settling.isr), (Some(BrokerId(2)), vec![BrokerId(1), BrokerId(2)]));

        let mut settling = partition(2, &[2, 3]);
        let alive = |broker: BrokerId| broker != BrokerId(2);
        let as_mutant = Candidates { preferred_anyway: true, ..candidates(&alive, false) };
        settling.settle(Some(BrokerId(2)), &as_mutant);
        assert_eq!(settling.leader, Some(BrokerId(3)), "the preferred one is dead");
    }

    #[test]
    fn a_new_partition_starts_with_the_replicas_that_are_alive() {
        let replicas = vec![BrokerId(3), BrokerId(2), BrokerId(1)];
        let created = PartitionRecord::create(replicas.clone(), &|broker| broker != BrokerId(3))
            .expect("two replicas are alive");
        assert_eq!((created.leader, created.isr), (Some(BrokerId(2)), vec![BrokerId(1), BrokerId(2)]));
        assert_eq!(PartitionRecord::create(replicas, &|_| false), None);
    }
}
