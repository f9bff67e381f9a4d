//! Each fate of a record that b1 acknowledged, told by its replicas.

use super::*;
use crate::script::Script;

/// What becomes of the record `b` at offset 1, which b1 acknowledged in epoch 0 before `then` came.
fn told(then: &str) -> LostRecord {
    let mut script = Script::default();
    script.replicas(
        "c 1 e0 p0 isr=1,2 of=1,2,3 ; b1 up ; b2 up ; b3 up ; b1 found ; b2 found ; b3 found
         b1 leads e0 p0 isr=1,2 ; b2 follows 1 e0 p0 ; b3 follows 1 e0 p0
         b1 + a@0 b@0 ; b2 + a@0 ; b3 + a@0 ; b1 acks 0-1",
    );
    let acknowledged = script.events.last().expect("it was told").time();
    script.replicas(then);
    let mut cluster = Cluster::default();
    for event in &script.events {
        cluster.observe(event);
    }
    let partition = TopicPartition::new("x", 0);
    fate(&cluster, &partition, Some(Offset(1)), acknowledged).expect("brokers told of x/0")
}

/// b2 leads in epoch 1 without the record.
const ELECTED: &str = "c 2 e1 p1 isr=2 ; b2 leads e1 p1 isr=2 ; ";

#[test]
fn a_truncated_record_is_told_with_who_cut_it_to_follow_whom() {
    let lost = told(&format!("{ELECTED} b1 follows 2 e1 p1 ; b1 cut 1"));
    assert_eq!(lost.fate, Fate::Truncated);
    assert!(lost.how.starts_with("b1 truncated it at "), "{}", lost.how);
    assert!(lost.how.contains(" to follow b2 in epoch 1 ("), "{}", lost.how);
}

#[test]
fn a_record_that_a_disk_lost_is_on_no_replica() {
    let lost = told("b1 stop ; b1 up ; b1 found a@0");
    assert_eq!(lost.fate, Fate::OnNoReplica);
    assert!(lost.how.starts_with("b1 did not find it on its disk when it started at "), "{}", lost.how);
}

#[test]
fn the_last_log_to_lose_it_counts() {
    let lost = told(&format!("b2 + b@0 ; b1 stop ; b1 up ; b1 found a@0 ; {ELECTED} b2 cut 1"));
    assert_eq!(lost.fate, Fate::Truncated, "{}", lost.how);
    assert!(
        lost.how.starts_with("b2 truncated it") && lost.how.ends_with("after b1 had lost it"),
        "{}",
        lost.how
    );
    let elsewhere =
        "c 2 e1 p1 isr=3 ; c 3 e2 p2 isr=3 ; b3 leads e2 p2 isr=3 ; b1 follows 3 e2 p2 ; b1 cut 1";
    let lost = told(&format!("b2 + b@0 ; b2 stop ; b2 up ; b2 found a@0 ; {elsewhere}"));
    assert!(
        lost.how.starts_with("b1 truncated it") && lost.how.ends_with("after b2 had lost it"),
        "{}",
        lost.how
    );
}

#[test]
fn a_record_of_the_leader_is_undelivered_or_above_the_high_watermark() {
    assert_eq!(told("b1 hw 2").fate, Fate::Undelivered);
    assert_eq!(told("b1 hw 1").fate, Fate::AboveHighWatermark);
}

#[test]
fn a_record_that_only_a_follower_has_is_told_with_the_leader_that_lacks_it() {
    let lost = told(ELECTED);
    assert_eq!(
        lost,
        LostRecord { fate: Fate::OnFollower, how: "b1 has it, and b2 leads without it".to_owned() }
    );
}

#[test]
fn another_record_at_the_same_offset_is_not_it() {
    let lost = told(&format!("{ELECTED} b1 follows 2 e1 p1 ; b1 cut 1 ; b2 + z@1 ; b2 acks 1-1 ; b1 + z@1"));
    assert_eq!(lost.fate, Fate::Truncated, "{}", lost.how);
}

#[test]
fn what_nobody_told_is_unknown() {
    let mut script = Script::default();
    script.replicas("b1 up ; b1 found ; b1 + a@0");
    let mut cluster = Cluster::default();
    for event in &script.events {
        cluster.observe(event);
    }
    let fate_of = |topic| fate(&cluster, &TopicPartition::new(topic, 0), Some(Offset(0)), Time(u64::MAX));
    assert_eq!(fate_of("x").map(|lost| lost.fate), Some(Fate::Unknown), "never acknowledged");
    assert_eq!(fate_of("y"), None, "a system that tells nothing");
}
