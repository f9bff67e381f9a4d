//! Gaps, recovery, and partitions that stay stuck.

use super::*;
use crate::script::Script;

fn report(config: &JudgeConfig, script: &Script) -> RecoveryReport {
    RecoveryMonitor::new(config).fold(&script.events)
}

fn within(millis: u64) -> JudgeConfig {
    JudgeConfig { recovery_within: Some(Duration::from_millis(millis)), ..JudgeConfig::default() }
}

fn x() -> TopicPartition {
    TopicPartition::new("x", 0)
}

#[track_caller]
fn assert_worst_gap(script: &Script, millis: u64) {
    let worst = report(&JudgeConfig::default(), script).availability[&x()].worst_gap;
    assert_eq!(worst, Duration::from_millis(millis));
}

#[test]
fn a_gap_counts_while_a_producer_tries() {
    // Nobody tries between 10 and 500.
    let mut idle = Script::default();
    idle.at(10).run("p0 S x:0=a").at(500).run("p0 S x:1=b");
    assert_worst_gap(&idle, 1);
    // Somebody tries from 100 on, in vain until 501.
    let mut vain = Script::default();
    vain.at(10).run("p0 S x:0=a").at(100).run("p0 I x=b").at(300).run("p0 F x=c").at(500).run("p0 S x:1=d");
    assert_worst_gap(&vain, 401);
    // Another producer's acknowledgement ends the gap, and begins the next one of who still waits.
    let mut other = Script::default();
    other.at(0).run("p0 O x=a").at(200).run("p1 S x:0=b").at(500).run("p1 S x:1=c");
    assert_worst_gap(&other, 300);
    // No acknowledgement at all: until the last that was heard.
    let mut never = Script::default();
    never.at(100).run("p0 I x=a").at(900).run("p0 I x=b");
    assert_worst_gap(&never, 801);
}

#[test]
fn sends_that_nobody_answers_are_no_measure() {
    assert!(report(&JudgeConfig::default(), &Script::of("p0 I0 x=a")).availability.is_empty());
}

#[test]
fn recovery_is_the_first_acknowledgement_with_a_full_isr_after_the_last_heal() {
    let mut script = Script::default();
    script.decide(1, 1, &[1], &[1, 2]).at(50).healed(0).at(100).run("p0 S x:0=a").at(1000).healed(1);
    script.at(1100).run("p0 S x:1=b").decide(2, 1, &[1, 2], &[1, 2]).at(1499).run("p0 S x:2=c ; p0 S x:3=d");
    let report = report(&within(1000), &script);
    assert_eq!(report.recovery, Some(Duration::from_millis(500)));
    assert_eq!(report.availability[&x()].recovery, Some(Duration::from_millis(500)));
    assert_eq!((report.stuck.len(), report.unknown), (0, None));
}

#[test]
fn brokers_left_broken_are_not_waited_for() {
    let mut script = Script::default();
    script.decide(1, 1, &[1], &[1, 2]).at(1000).healed(0).at(1100).run("p0 S x:0=a").at(9000);
    script.mark(Stage::FinalRead);
    assert_eq!(report(&within(1000), &script).stuck.len(), 1);
    let config = JudgeConfig { left_broken: [crate::ids::BrokerId(2)].into(), ..within(1000) };
    let report = report(&config, &script);
    assert_eq!((report.stuck.len(), report.recovery), (0, Some(Duration::from_millis(101))));
}

#[test]
fn a_partition_that_does_not_recover_in_time_is_stuck() {
    let mut never = Script::default();
    never.at(10).run("p0 S x:0=a").at(1000).healed(0).run("p0 I x=b").at(2500).run("p0 I x=c");
    let stuck = &report(&within(1000), &never).stuck;
    assert_eq!(
        (stuck.len(), stuck[0].anomaly, stuck[0].evidence.time),
        (1, Anomaly::Stuck, Time::from_millis(2000))
    );
    let mut late = Script::default();
    late.at(1000).healed(0).at(2100).run("p0 S x:0=a");
    assert_eq!(report(&within(1000), &late).stuck.len(), 1);
    assert_eq!(report(&within(1200), &late).stuck.len(), 0);
    assert_eq!(report(&JudgeConfig::default(), &late).stuck.len(), 0, "no bound");
}

#[test]
fn what_nobody_waited_for_is_unknown() {
    let mut short = Script::default();
    short.at(10).run("p0 S x:0=a").at(1000).healed(0).run("p0 I x=b");
    let early = report(&within(1000), &short);
    assert_eq!((early.stuck.len(), early.recovery), (0, None));
    let why = early.unknown.expect("is unknown");
    assert_eq!(why, "x/0 may not have recovered: the run ended too early after the last heal");
    let mut silent = Script::default();
    silent.at(10).run("p0 S x:0=a").at(1000).healed(0).at(3000).mark(Stage::FinalRead);
    let silent = report(&within(1000), &silent);
    assert_eq!((silent.stuck.len(), silent.unknown.is_some()), (0, true));
    // Without a heal there is nothing to recover from.
    let calm = report(&within(1000), &Script::of("p0 S x:0=a"));
    assert_eq!((calm.stuck.len(), calm.recovery, calm.unknown), (0, None, None));
}

#[test]
fn partitions_expected_to_be_unavailable_are_exempt() {
    let mut script = Script::of("p0 S y:0=a");
    script.at(10).run("p0 S x:0=a").at(1000).healed(0).run("p0 I x=b ; p0 S y:1=b").at(2500).run("p0 I x=c");
    let mut config = within(1000);
    assert_eq!(report(&config, &script).stuck.len(), 1);
    config.expect.unavailable.insert(x());
    let report = report(&config, &script);
    assert_eq!(report.stuck.len(), 0);
    assert!(report.recovery.is_some() && !report.availability.contains_key(&x()));
}
