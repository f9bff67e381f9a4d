//! Every invariant on traces that trip it and near misses that do not, what suspends it, and what a breach
//! says. The traces are written as [`crate::script`] explains.

mod cases;

use std::collections::BTreeSet;

use cases::{CASES, Case};

use super::*;
use crate::judge::{FlushPolicy, Judge};
use crate::script::Script;
use crate::verdict::{RunOutcome, Verdict};

/// Three replicas in sync with b1, two records that all have, and that are acknowledged and read.
const SETTLED: &str = "
    b1 up ; b2 up ; b3 up ; c 1 e0 p0
    b1 found ; b2 found ; b3 found ; b1 leads e0 p0
    b2 follows 1 e0 p0 ; b3 follows 1 e0 p0 ; b2 pulls 1 e0 ; b3 pulls 1 e0
    b1 + a@0 b@0 ; b2 + a@0 b@0 ; b3 + a@0 b@0
    b1 hw 2 ; b2 hw 2 ; b3 hw 2 ; b1 acks 0-1 ; b1 serves 0-2
";

fn broken_by(config: &JudgeConfig, script: &Script) -> BTreeSet<Anomaly> {
    let report = InvariantMonitor::new(config).fold(&script.events);
    report.findings.iter().map(|finding| finding.anomaly).collect()
}

fn settled(then: &str) -> Script {
    let mut script = Script::default();
    script.replicas(SETTLED).replicas(then);
    script
}

#[test]
fn a_healthy_cluster_breaks_nothing() {
    let failover = "
        b1 + c@0 ; b2 + c@0 ; b1 stop ; c 2 e1 p1 isr=2,3 ; b2 drops 1 e0 ; b2 leads e1 p1 isr=2,3
        b3 drops 1 e0 ; b3 follows 2 e1 p1 ; b3 pulls 2 e1 ; b3 + c@0 ; b2 + d@1 ; b3 + d@1 ; b2 hw 4 ; b3 hw 4
        b2 acks 3-3 ; b2 serves 0-4 ; b1 start ; b1 found a@0 b@0 c@0 hw=2 ; b1 register ; b1 unfence
        b1 follows 2 e1 p1 ; b1 pulls 2 e1 ; b1 + d@1 ; b2 asks isr=1,2,3 max=1,2,3 ; c 2 e1 p2
        b2 applies isr=1,2,3 p2 ; b1 hw 4
    ";
    let broken = broken_by(&JudgeConfig::default(), settled(failover).at(9_000).mark(Stage::FinalRead));
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn every_invariant_is_tripped_by_its_breach_and_not_by_a_near_miss() {
    for Case { invariant, trips, holds } in CASES {
        for text in *trips {
            let broken = broken_by(&JudgeConfig::default(), &settled(text));
            assert!(
                broken.contains(invariant),
                "{invariant} is not tripped by `{text}`, which breaks {broken:?}"
            );
        }
        for text in *holds {
            let broken = broken_by(&JudgeConfig::default(), &settled(text));
            assert!(!broken.contains(invariant), "{invariant} is tripped by `{text}`");
        }
    }
    let covered: BTreeSet<Anomaly> = CASES.iter().map(|case| case.invariant).collect();
    let all: BTreeSet<Anomaly> = Anomaly::ALL.iter().copied().filter(|it| it.is_invariant()).collect();
    assert_eq!(covered, all);
}

#[test]
fn a_follower_without_a_fetcher_is_a_breach_once_all_is_calm() {
    let mut script = settled("b2 drops 1 e0");
    assert!(broken_by(&JudgeConfig::default(), &script).is_empty());
    let broken = broken_by(&JudgeConfig::default(), script.at(9_000).mark(Stage::FinalRead));
    assert_eq!(broken, [Anomaly::FetcherValidity].into());
    // It is about to begin.
    let mut late = settled("c 1 e1 p1");
    late.at(8_500).replicas("b2 drops 1 e0 ; b2 follows 1 e1 p1").at(9_000).mark(Stage::FinalRead);
    assert!(broken_by(&JudgeConfig::default(), &late).is_empty());
}

/// The invariants that rest on durability.
const SUSPENDED: [Anomaly; 10] = [
    Anomaly::LeaderCompleteness,
    Anomaly::CandidateCompleteness,
    Anomaly::LogMatching,
    Anomaly::StrongIsr,
    Anomaly::WeakIsr,
    Anomaly::ValidHighWatermark,
    Anomaly::VerifiedHighWatermark,
    Anomaly::ConsistentRead,
    Anomaly::NoCommitLostGlobally,
    Anomaly::AckBelowMinIsr,
];

#[test]
fn a_forfeit_partition_suspends_what_rests_on_durability_and_nothing_else() {
    let allowed = JudgeConfig { unclean_allowed: ["x".into()].into(), ..JudgeConfig::default() };
    // An unclean election in another life of the partition: what follows is that of the settled cluster.
    let forfeit = "c 3 e-3 p-3 isr=3 ; c 1 e-2 p-2 isr=1";
    for Case { invariant, trips, .. } in CASES {
        for text in *trips {
            let mut script = Script::default();
            script.replicas(forfeit).replicas(SETTLED).replicas(text);
            for (config, suspended) in
                [(&allowed, SUSPENDED.contains(invariant)), (&JudgeConfig::default(), false)]
            {
                let broken = broken_by(config, &script).contains(invariant);
                assert_eq!(broken, !suspended, "{invariant} by `{text}`");
            }
        }
    }
}

#[test]
fn a_partition_is_suspended_from_the_moment_when_it_is_forfeit() {
    let allowed = JudgeConfig { unclean_allowed: ["x".into()].into(), ..JudgeConfig::default() };
    let shrunk = "c 1 e0 p1 isr=1 min=1 ; b1 applies isr=1 p1 ; b1 + c@0 ; b1 hw 3 ; b1 acks 2-2 ; b1 stop";
    let after = "c - e1 p2 isr=1 ; c 2 e2 p3 isr=2 ; b2 drops 1 e0 ; b2 leads e2 p3 isr=2";
    assert!(broken_by(&allowed, &settled(&format!("{shrunk} ; {after}"))).is_empty());
    let broken = broken_by(&JudgeConfig::default(), &settled(&format!("{shrunk} ; {after}")));
    assert!(broken.contains(&Anomaly::LeaderCompleteness), "{broken:?}");
    // What was broken before stays so.
    let early = format!("b1 + 2:c@0 ; b1 hw 3 ; {shrunk} ; {after}");
    assert!(broken_by(&allowed, &settled(&early)).contains(&Anomaly::CandidateCompleteness));
}

#[test]
fn a_damaged_member_does_not_count_until_it_joins_again() {
    let never = JudgeConfig { flush: FlushPolicy::Never, ..JudgeConfig::default() };
    let always = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    let file = "x-0/00000000000000000000.log";
    let mut script = settled("");
    script.planned(0, "power-loss", false).injected(0, &["b3"]).lost(3, file);
    // Nobody noticed that it was away; its disk has forgotten what it had promised.
    script.replicas("b3 start ; b3 found a@0 ; b3 register ; b3 unfence");
    assert!(broken_by(&never, &script).is_empty());
    let broken = broken_by(&always, &script);
    let members = [Anomaly::CandidateCompleteness, Anomaly::StrongIsr, Anomaly::WeakIsr];
    assert!(members.iter().all(|member| broken.contains(member)), "{broken:?}");
    script.replicas("c 1 e0 p1 isr=1,2 ; c 1 e0 p2");
    assert!(broken_by(&never, &script).contains(&Anomaly::CandidateCompleteness));
}

#[test]
fn what_power_loss_took_is_nobodys_guess() {
    let mut script = settled("");
    script.planned(0, "power-loss", false).injected(0, &["b1", "b2", "b3"]);
    for broker in [1, 2, 3] {
        script.lost(broker, "x-0/0.log");
    }
    let always = JudgeConfig { flush: FlushPolicy::EveryBatch, ..JudgeConfig::default() };
    script.replicas("b1 start ; b1 found a@0 ; b2 start ; b2 found a@0");
    assert!(broken_by(&always, &script).is_empty(), "b3 may still have it");
    script.replicas("b3 start ; b3 found a@0");
    assert_eq!(broken_by(&always, &script), [Anomaly::NoCommitLostGlobally].into());
    // Where power loss may take it, that is permitted.
    assert!(broken_by(&JudgeConfig::default(), &script).is_empty());
}

#[test]
fn a_breach_says_what_broke_it_and_is_told_once() {
    let script = settled(
        "b1 + c@0 ; b1 acks 2-2 ; c 2 e1 p1 isr=2,3 ; b2 drops 1 e0 ; b2 leads e1 p1 isr=2,3
         b2 + x@1 ; c 2 e1 p2 isr=2 ; b2 applies isr=2 p2",
    );
    let report = InvariantMonitor::new(&JudgeConfig::default()).fold(&script.events);
    let [finding, other] = &report.findings[..] else { panic!("one finding: {:?}", report.findings) };
    assert_eq!((finding.anomaly, finding.count), (Anomaly::LeaderCompleteness, 1));
    assert_eq!(other.anomaly, Anomaly::AckBelowMinIsr);
    assert_eq!(finding.partition, Some(TopicPartition::new("x", 0)));
    assert_eq!(
        finding.what,
        "x/0 breaks W1 LeaderCompleteness: offset 2 was acknowledged to acks=all at 0.036s by b1 (epoch 0), and b2, which leads in epoch 1, lacks it"
    );
    let evidence = &finding.evidence[0];
    let transition = evidence.transition.as_ref().expect("a step broke it");
    assert_eq!(transition.event.as_ref().map(|event| event.change.name()), Some("became_leader"));
    let Some(Event::Trace(told)) = script.events.get(usize::try_from(transition.position).expect("is small"))
    else {
        panic!("a trace event")
    };
    assert_eq!((Some(told), told.time), (transition.event.as_ref(), evidence.time));
    assert_eq!(transition.before, "b2 follows b1, epoch 0, partition epoch 0, log end 2, high watermark 2");
    assert_eq!(
        transition.after,
        "b2 leads, in sync b2,b3, epoch 1, partition epoch 1, log end 2, high watermark 2"
    );
    assert_eq!((&evidence.brokers[..], &evidence.offsets[..]), (&[BrokerId(2)][..], &[Offset(2)][..]));
}

#[test]
fn a_breach_that_was_mended_counts_again() {
    let script = settled(
        "b1 + c@0 d@0 ; b2 + c@0 ; c 1 e0 p1 isr=1,2 ; b1 applies isr=1,2 p1 ; b1 hw 3
         c 1 e0 p2 ; b3 + c@0 ; b1 hw 3 ; c 1 e0 p3 isr=1,2 ; b1 applies isr=1,2 p3 ; b2 + d@0 ; b1 hw 4 ; c 1 e0 p4",
    );
    let report = InvariantMonitor::new(&JudgeConfig::default()).fold(&script.events);
    let of = |anomaly| report.findings.iter().find(|finding| finding.anomaly == anomaly).map(|it| it.count);
    assert_eq!(of(Anomaly::CandidateCompleteness), Some(2));
}

#[test]
fn the_judge_counts_a_breach_as_a_violation_and_stays_silent_of_what_was_not_told() {
    let mut script = settled("b1 hw 1");
    script.run("p0 S x:0=a ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1");
    let config = JudgeConfig::default();
    let verdict = Judge::new(&config).fold(&script.events);
    assert_eq!(verdict.outcome, RunOutcome::Violation);
    assert_eq!(verdict.checkers["W10"], Verdict::Violation);
    assert_eq!(verdict.checkers["W1"], Verdict::Pass);
    let untold = Judge::new(&config).fold(&Script::of("p0 S x:0=a").events);
    assert!(!untold.checkers.keys().any(|name| name.starts_with('W')));
}
