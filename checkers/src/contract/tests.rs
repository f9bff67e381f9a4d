//! What is forfeit, from when, and what that permits.

use super::*;
use crate::log::Legal;
use crate::script::Script;
use crate::verdict::Evidence;

const LOG: &str = "x-0/00000000000000000000.log";

fn never_flushed() -> JudgeConfig {
    JudgeConfig { flush: FlushPolicy::Never, ..JudgeConfig::default() }
}

fn forfeit_reason(config: &JudgeConfig, script: &Script) -> Option<String> {
    let contract = ContractMonitor::new(config).fold(&script.events);
    contract
        .forfeit(&TopicPartition::new("x", 0))
        .map(|forfeit| format!("{} {}", forfeit.since, forfeit.reason))
}

#[test]
fn an_unclean_election_forfeits_a_partition_that_allows_it() {
    let mut script = Script::default();
    script.decide(10, 1, &[1], &[1, 2, 3]).decide(11, -1, &[1], &[1, 2, 3]).decide(12, 2, &[2], &[1, 2, 3]);
    let allowed = JudgeConfig { unclean_allowed: ["x".into()].into(), ..JudgeConfig::default() };
    let reason = forfeit_reason(&allowed, &script).expect("is forfeit");
    assert_eq!(reason, "0.002s unclean election of b2 (metadata offset 12)");
    // Where the configuration does not allow it, it is a defect and permits nothing.
    assert_eq!(forfeit_reason(&JudgeConfig::default(), &script), None);
    let mut clean = Script::default();
    clean.decide(10, 1, &[1, 2], &[1, 2, 3]).decide(12, 2, &[2], &[1, 2, 3]);
    assert_eq!(forfeit_reason(&allowed, &clean), None);
}

#[test]
fn the_first_telling_of_a_metadata_offset_counts() {
    let allowed = JudgeConfig { unclean_allowed: ["x".into()].into(), ..JudgeConfig::default() };
    let mut script = Script::default();
    // A node that lags behind tells the old entry again: no election of b1 from outside the ISR.
    script.decide(10, 1, &[1, 2], &[1, 2]).decide(12, 2, &[2], &[1, 2]).decide(10, 1, &[1, 2], &[1, 2]);
    assert_eq!(forfeit_reason(&allowed, &script), None);
}

#[test]
fn damage_to_every_in_sync_replica_forfeits() {
    let mut script = Script::default();
    script.decide(10, 1, &[1, 2], &[1, 2, 3]).lost(1, LOG).lost(3, LOG);
    assert_eq!(forfeit_reason(&never_flushed(), &script), None, "b2 is whole");
    script.lost(2, LOG);
    let reason = forfeit_reason(&never_flushed(), &script).expect("is forfeit");
    assert_eq!(
        reason,
        "0.003s every in-sync replica is damaged: \
         b1 (power loss took x-0/00000000000000000000.log from byte 61 at 0.001s), \
         b2 (power loss took x-0/00000000000000000000.log from byte 61 at 0.003s)"
    );
    // Where every batch is synced first, what power takes was promised to nobody.
    let flushed = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    assert_eq!(forfeit_reason(&flushed, &script), None);
}

#[test]
fn an_isr_that_shrinks_to_the_damaged_forfeits() {
    let mut script = Script::default();
    script.decide(10, 1, &[1, 2], &[1, 2]).lost(2, LOG).decide(11, 2, &[2], &[1, 2]);
    let reason = forfeit_reason(&never_flushed(), &script).expect("is forfeit");
    assert!(reason.starts_with("0.002s every in-sync replica is damaged: b2"), "{reason}");
}

#[test]
fn a_replica_is_whole_again_when_it_joins_the_isr() {
    let mut script = Script::default();
    script.decide(10, 1, &[1, 2], &[1, 2]).lost(2, LOG);
    script.decide(11, 1, &[1], &[1, 2]).decide(12, 1, &[1, 2], &[1, 2]);
    script.lost(1, LOG).decide(13, 2, &[2], &[1, 2]);
    assert_eq!(forfeit_reason(&never_flushed(), &script), None);
}

#[test]
fn files_of_other_partitions_and_of_the_broker_damage_nothing() {
    let mut script = Script::default();
    script.decide(10, 1, &[1], &[1]);
    for file in ["x-1/0.log", "y-0/0.log", "high-watermarks", "x/0.log", "meta/quorum.log", "-0/0.log"] {
        script.lost(1, file);
    }
    assert_eq!(forfeit_reason(&never_flushed(), &script), None);
    script.lost(1, "data/x-0/leader-epochs");
    assert!(forfeit_reason(&never_flushed(), &script).is_some());
}

#[test]
fn disk_faults_damage_under_any_flush_policy() {
    let flushed = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    for (kind, target, forfeits) in [
        ("disk-wipe", "b1", true),
        ("disk-bitflip", "b1:x/0", true),
        ("disk-bitflip", "b1:y/0", false),
        ("disk-wipe", "b2", false),
        ("disk-latency", "b1", false),
        ("network-partition", "b1->b2", false),
    ] {
        let mut script = Script::default();
        script.decide(10, 1, &[1], &[1, 2]).planned(0, kind, false).injected(0, &[target]);
        assert_eq!(forfeit_reason(&flushed, &script).is_some(), forfeits, "{kind} of {target}");
    }
}

#[test]
fn a_sync_that_lied_damages_once_the_power_takes_what_it_promised() {
    let flushed = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    let mut script = Script::default();
    script.decide(10, 1, &[1], &[1]).planned(0, "disk-lose-unsynced", false).injected(0, &["b1"]);
    assert_eq!(forfeit_reason(&flushed, &script), None);
    // What was never synced was never promised, whatever else the disk lied about.
    script.lost(1, LOG);
    assert_eq!(forfeit_reason(&flushed, &script), None);
    script.damaged(1, LOG, "a sync had called it durable");
    let reason = forfeit_reason(&flushed, &script).expect("is forfeit");
    assert_eq!(
        reason,
        "0.004s every in-sync replica is damaged: \
         b1 (x-0/00000000000000000000.log from byte 61 at 0.004s: a sync had called it durable)"
    );
}

#[test]
fn a_damaged_replica_that_never_leaves_the_isr_stays_damaged() {
    let flushed = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    let mut script = Script::default();
    script.registered(9, 2, 5).decide(10, 1, &[1, 2], &[1, 2]).damaged(2, LOG, "bit flip");
    script.registered(11, 2, 11).decide(12, 1, &[1, 2], &[1, 2]).decide(13, 2, &[2], &[1, 2]);
    assert!(forfeit_reason(&flushed, &script).is_some());
}

#[test]
fn the_incarnation_that_was_damaged_is_not_whole_again_by_joining() {
    let flushed = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    // It joins as it was, and then alone is left: what lay below the flipped bit is gone with it.
    let joins = |epoch: i64| {
        let mut script = Script::default();
        script.registered(9, 2, 9).decide(10, 1, &[1], &[1, 2]).damaged(2, LOG, "bit flip");
        script.registered(11, 2, epoch).decide(12, 1, &[1, 2], &[1, 2]).decide(13, 2, &[2], &[1, 2]);
        forfeit_reason(&flushed, &script)
    };
    assert!(joins(9).is_some());
    // A later one has recovered its log, cut it at the bit, and fetched the rest anew.
    assert_eq!(joins(11), None);
}

fn sighting(anomaly: Anomaly, millis: u64, weak_acks: Option<Acks>) -> Sighting {
    let evidence = Evidence { time: Time::from_millis(millis), ..Evidence::default() };
    Sighting { weak_acks, ..Sighting::new(anomaly, TopicPartition::new("x", 0), evidence) }
}

#[test]
fn a_forfeit_permits_what_became_evident_after_it_and_never_a_phantom() {
    let forfeit = Forfeit { since: Time::from_millis(10), reason: "of a test".into() };
    let forfeits = [(TopicPartition::new("x", 0), forfeit)].into();
    let contract = Contract { guarantee: None, forfeits };
    let permitted =
        |anomaly, millis| contract.severity(&sighting(anomaly, millis, None)) != Severity::Violation;
    for anomaly in Anomaly::ALL {
        let expected = matches!(
            anomaly.name(),
            "unseen"
                | "lost-write"
                | "read-then-lost"
                | "inconsistent-offsets"
                | "poll-skip"
                | "nonmonotonic-poll"
                | "divergent-replica"
                | "end-offset-regression"
                | "nonmonotonic-send"
                | "int-nonmonotonic-send"
                | "torn-txn"
        );
        assert_eq!(permitted(*anomaly, 10), expected, "{anomaly}");
        assert!(!permitted(*anomaly, 9), "{anomaly} before the forfeit");
    }
    let other = Sighting { partition: TopicPartition::new("x", 1), ..sighting(Anomaly::Unseen, 10, None) };
    assert_eq!(contract.severity(&other), Severity::Violation);
}

#[test]
fn weak_acks_permit_the_loss_of_their_record_alone() {
    let contract = Contract::default();
    for anomaly in Anomaly::ALL {
        let expected = matches!(
            anomaly.name(),
            "unseen"
                | "lost-write"
                | "inconsistent-offsets"
                | "nonmonotonic-send"
                | "int-nonmonotonic-send"
                | "torn-txn"
        );
        let severity = contract.severity(&sighting(*anomaly, 0, Some(Acks::Leader)));
        assert_eq!(severity != Severity::Violation, expected, "{anomaly}");
        assert_eq!(contract.severity(&sighting(*anomaly, 0, None)), Severity::Violation, "{anomaly}");
    }
}

#[test]
fn at_least_once_permits_duplicates() {
    for (guarantee, permitted) in [
        (None, false),
        (Some(Guarantee::AtLeastOnce), true),
        (Some(Guarantee::AtMostOnce), false),
        (Some(Guarantee::ExactlyOnce), false),
    ] {
        let contract = Contract { guarantee, ..Contract::default() };
        let severity = contract.severity(&sighting(Anomaly::Duplicate, 0, None));
        assert_eq!(severity != Severity::Violation, permitted, "{guarantee:?}");
    }
}

#[test]
fn what_is_legal_is_permitted_by_any_contract() {
    let contract = Contract { guarantee: Some(Guarantee::ExactlyOnce), ..Contract::default() };
    for legal in [Legal::Unisolated, Legal::Subscribed, Legal::NewLeader] {
        let sighting = Sighting { legal: Some(legal), ..sighting(Anomaly::PollSkip, 0, None) };
        assert_eq!(contract.severity(&sighting), Severity::Permitted(legal.reason().into()));
    }
}
