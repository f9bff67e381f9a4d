//! The reference broker's mutants, and the suites that corner them.

use highwater_broker::mutant::Mutant as Defect;

use crate::system::Mutant;

/// Every mutant of the broker.
pub(super) fn mutants() -> Vec<Mutant> {
    let told = |defect: &Defect| Mutant {
        id: defect.id(),
        origin: defect.origin(),
        removes: defect.removes(),
        suites: suites(*defect),
    };
    Defect::ALL.iter().map(told).collect()
}

/// Where a mutant is looked for.
fn suites(defect: Defect) -> &'static [&'static str] {
    match defect {
        Defect::TruncToHw | Defect::TruncToHwDiverge => &["lagging-hw-failover"],
        Defect::No279Loop => &["fast-failover"],
        Defect::SkipMissedEpochs | Defect::NoFetchFencing => &["stale-follower"],
        Defect::NoPersistEpoch | Defect::Epoch0Lost | Defect::TwoFetchers => &["leader-kill"],
        Defect::EpochCacheNotTruncated => &["kill-after-isr-join", "fast-failover"],
        Defect::HwBeforeTruncate => &["pause-leader"],
        Defect::AckBeforeHw | Defect::ExposeUncommitted | Defect::ShrinkOptimistic => &["quick"],
        Defect::MinIsrIgnored | Defect::HwUnderMinIsr => &["isolate-leader-from-followers-only"],
        Defect::HwMinOfIsrOnly => &["leader-cut-from-controller"],
        Defect::IsrJoinNoEpochStart => &["kill-after-isr-join"],
        Defect::BrokerEpochUnchecked => &["fast-reincarnation"],
        Defect::IsrRetryAsReincarnated => &["isr-retry-reincarnated"],
        Defect::UncleanDefault => &["isolate-leader-from-followers-only"],
        Defect::PreferredNotInIsr => &["quick"],
        Defect::StaleLeaderIsr => &["delayed-isr-answer"],
        Defect::ZombieController => &["pause-controller"],
        Defect::AppendAfterIoError => &["disk-error-leader"],
        Defect::DiskFullPartial => &["disk-full-leader"],
        Defect::CrcSkip => &["bitflip-one-replica"],
        Defect::NoFsyncCorrelated => &["power-loss-synced"],
        Defect::CleanShutdownFlag => &["torn-write-restart", "torn-write-survivor"],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use highwater_workloads::{scenario, suites};

    use super::*;
    use crate::system::System;
    use crate::system::kafka::KafkaReference;

    #[test]
    fn every_mutant_of_the_vocabulary_is_told_once() {
        let told: Vec<_> = mutants().iter().map(|mutant| mutant.id.to_owned()).collect();
        let ids: BTreeSet<_> = told.iter().cloned().collect();
        assert_eq!((ids.len(), ids), (told.len(), KafkaReference.vocabulary().mutants));
    }

    #[test]
    fn every_mutant_is_looked_for_in_shipped_suites_that_expect_no_violation() {
        for mutant in mutants() {
            assert!(!mutant.suites.is_empty(), "{}", mutant.id);
            for suite in mutant.suites {
                let text = suites::find(suite).expect(suite);
                let scenario = scenario::parse(suite, text, &KafkaReference.vocabulary()).expect(suite);
                assert!(scenario.expect.violation.is_empty(), "{suite}");
                assert!(scenario.cluster.mutants.is_empty(), "{suite}");
            }
        }
    }
}
