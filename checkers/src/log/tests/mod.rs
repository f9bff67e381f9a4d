//! The fixtures of the anomalies, and what must not trip.

mod metamorphic;
mod random;
mod reference;
mod rules;

use super::*;
use crate::ids::{OperationIndex, Process};
use crate::operation::{Acks, Outcome, Phase};
use crate::script::Script;
use crate::verdict::{Anomaly, LoadCounts};

/// What is found, as `name partition values @ offsets`. Values that are polled and nowhere sent in the text
/// count as sent, so that the fixtures need not spell them out.
fn found(text: &str) -> Vec<String> {
    found_in(&with_senders(text))
}

fn found_in(script: &Script) -> Vec<String> {
    let report = LogMonitor::default().fold(&script.events);
    assert_eq!(report.not_checkable(), None);
    let mut found = Vec::new();
    report.sightings(&mut |sighting| found.push(line(&sighting)));
    found
}

/// All but what is legal under any contract.
fn illegal(text: &str) -> Vec<String> {
    found(text).into_iter().filter(|line| !line.ends_with(LEGAL)).collect()
}

/// What lines of legal sightings end with.
const LEGAL: &str = " (legal)";

fn line(sighting: &Sighting) -> String {
    let letter = |value: &Value| match u8::try_from(value.0) {
        Ok(byte) if byte.is_ascii_lowercase() => char::from(byte).to_string(),
        _ => value.to_string(),
    };
    let values: Vec<_> = sighting.evidence.values.iter().map(letter).collect();
    let offsets: Vec<_> = sighting.evidence.offsets.iter().map(ToString::to_string).collect();
    let topic = &sighting.partition.topic;
    let legal = if sighting.legal.is_some() { LEGAL } else { "" };
    format!("{} {topic} {} @ {}{legal}", sighting.anomaly, values.join(","), offsets.join(","))
}

fn with_senders(text: &str) -> Script {
    let sent: Vec<_> = Script::of(text)
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Operation(operation) => Some(operation.clone()),
            _ => None,
        })
        .collect();
    let is_sent = |partition: &TopicPartition, value| {
        sent.iter()
            .flat_map(|operation| operation.body.sends())
            .any(|send| send.partition == *partition && send.value == value)
    };
    let mut script = Script::default();
    let mut known = std::collections::BTreeSet::new();
    for read in sent.iter().flat_map(|operation| operation.body.reads()) {
        for record in &read.records {
            let key = (read.partition.clone(), record.value);
            if !is_sent(&read.partition, record.value) && known.insert(key) {
                script.run(&format!("p99 I {}={}", read.partition.topic, record.value));
            }
        }
    }
    script.run(text);
    script
}

#[track_caller]
fn assert_found(text: &str, expected: &[&str]) {
    assert_eq!(illegal(text), expected, "{text}");
}

#[test]
fn inconsistent_offsets() {
    assert_found("p0 S x:0=a ; p1 S x:0=b", &["inconsistent-offsets x a,b @ 0"]);
    assert_found("p0 R x:0=a ; p1 R x:0=b", &["inconsistent-offsets x a,b @ 0"]);
    // An indeterminate operation says nothing until some of it is read.
    assert_found("p0 I x:0=a y=a ; p1 S x:0=b", &[]);
    assert_found("p0 I x:0=a y=a ; p1 S x:0=b ; p2 R y:5=a", &["inconsistent-offsets x a,b @ 0"]);
}

#[test]
fn duplicates() {
    assert_found("p0 S x:1=a ; p2 R x:2=b x:3=a", &["duplicate x a @ 1,3"]);
    assert_found("p0 R x:2=a ; p1 R x:2=a", &[]);
    // A failed send has no offset to speak of, but a failed poll is trusted.
    assert_found("p0 S x:1=0 ; p0 F x:2=1 ; p1 RF x:11=0 x:12=1", &["duplicate x 0 @ 1,11"]);
}

#[test]
fn aborted_reads() {
    assert_found("p0 F x=a ; p1 R x:0=a", &["G1a x a @ 0"]);
    assert_found("p0 F x=a ; p1 RF x:0=a", &[]);
}

#[test]
fn lost_writes() {
    let text = "p0 S x:0=a ; p0 S x:1=b x:3=d ; p1 I x=c ; p0 R x:2=c";
    assert_found(text, &["lost-write x a @ 0,2", "lost-write x b @ 1,2"]);
    let atomic = "p0 I x=a y:0=b ; p1 I y=c ; p2 R x:0=a ; p3 R y:1=c";
    assert_found(atomic, &["lost-write y b @ 0,1"]);
    assert_found("p0 I x=a y:0=b ; p1 I y=c ; p3 R y:1=c", &[]);
    // An operation that failed commits nothing, even if some of it is read.
    assert_found("p0 F x=a y:0=b ; p1 I y=c ; p2 R x:0=a ; p3 R y:1=c", &["G1a x a @ 0"]);
    // At the highest offset itself another value was read.
    let replaced = "p0 S x:0=a ; p1 R x:0=b";
    assert_found(replaced, &["inconsistent-offsets x b,a @ 0", "lost-write x a @ 0,0"]);
}

#[test]
fn poll_skips() {
    let skip = &["poll-skip x c @ 2,3,4"][..];
    assert_found("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 R x:4=d", skip);
    assert_found("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A y ; p0 R x:4=d", &[]);
    assert_found("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A x y ; p0 R x:4=d", skip);
    // To seek is no skip, unless it goes where the consumer stands anyway.
    assert_found("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A x:4 ; p0 R x:4=d", &[]);
    assert_found("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A x:3 ; p0 R x:4=d", skip);
    // The log's own gaps are legal.
    assert_found("p0 R x:1=a x:2=b ; p0 R x:4=d", &[]);
    // Both against the last poll that was ok.
    assert_found(
        "p1 R x:0=a ; p1 RF x:1=b x:2=c ; p1 RF x:3=d x:4=e ; p1 R x:5=f",
        &["poll-skip x b @ 0,1,3", "poll-skip x b @ 0,1,5"],
    );
    assert_found("p1 R x:0=a ; p1 RF x:1=b x:2=c ; p1 RI x:1=b x:2=c ; p1 R x:1=b x:2=c", &[]);
    assert_found("p0 R x:1=a x:4=d ; p1 R x:2=b", &["int-poll-skip x b @ 1,2,4"]);
}

#[test]
fn nonmonotonic_polls() {
    assert_found("p0 R x:1=a x:2=b x:3=c ; p0 R x:2=b x:3=c x:4=d", &["nonmonotonic-poll x  @ 3,2"]);
    assert_found("p0 R x:1=a x:2=b x:1=a", &["int-nonmonotonic-poll x  @ 2,1"]);
    // Even where nothing can follow.
    let end = "p0 R x:9223372036854775807=a";
    let back = "nonmonotonic-poll x  @ 9223372036854775807,9223372036854775807";
    assert_found(&format!("{end} ; {end}"), &[back]);
    // Another consumer may be behind.
    assert_found("p0 R x:1=a x:2=b ; p1 R x:1=a", &[]);
}

#[test]
fn unseen() {
    let sends = "p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ;";
    assert_found(&format!("{sends} p1 RR x:0=a ; p1 E x:1"), &["unseen x b @ 1"]);
    assert_found(&format!("{sends} p1 RR x:0=a ; p1 RR x:1=b ; p1 E x:2"), &[]);
    assert_found(&format!("{sends} p1 RR ; p1 E x:0"), &["unseen x a @ 0", "unseen x b @ 1"]);
    // What is acknowledged while the final read runs need not be in it.
    assert_found(&format!("{sends} p0 S x:2=c ; p1 RR x:0=a x:1=b ; p1 E x:2"), &[]);
    // A final read that did not end, or did not begin at 0, proves nothing; one that is read again does.
    assert_found(&format!("{sends} p1 RR x:0=a ; p1 EF x"), &[]);
    assert_found("p0 S x:0=a ; p0 S x:1=b ; p1 AF x:2 ; p1 RR ; p1 E x:2", &[]);
    let again = format!("{sends} p1 EF x ; p1 AF x:0 ; p1 RR x:0=a x:1=b ; p1 E x:2");
    assert_found(&again, &[]);
}

#[test]
fn read_then_lost() {
    let text = "p0 R x:7=a ; p1 AF x:0 ; p1 RR x:0=b ; p1 E x:1";
    assert_found(text, &["read-then-lost x a @ 7"]);
    let moved = "p0 R x:7=a ; p1 AF x:0 ; p1 RR x:6=a ; p1 E x:7";
    assert_found(moved, &["duplicate x a @ 7,6", "read-then-lost x a @ 7,6"]);
    assert_found("p0 R x:7=a ; p1 AF x:0 ; p1 RR x:7=a ; p1 E x:8", &[]);
    // Even a poll that failed gave it to somebody.
    assert_found("p0 RF x:7=a ; p1 AF x:0 ; p1 RR ; p1 E x:0", &["read-then-lost x a @ 7"]);
}

#[test]
fn phantoms() {
    assert_eq!(found_in(&Script::of("p0 R x:0=z")), ["phantom x z @ 0"]);
    // Sent to another partition is not sent to this one.
    assert_eq!(found_in(&Script::of("p0 S y:0=z ; p1 R x:0=z")), ["phantom x z @ 0"]);
}

#[test]
fn what_must_not_trip() {
    for text in [
        "",
        "p0 R x",
        "p0 T ; p1 TI ; p2 TF",
        "p0 I x=a ; p1 I x=b ; p2 I0 x=c ; p3 O x=d",
        "p0 S x:0=a ; p1 S y:0=a ; p2 R x:0=a y:0=a",
        "p0 S x:4611686018427387903=a ; p0 S x:4611686018427387904=b
         p1 R x:4611686018427387903=a x:4611686018427387904=b",
        "p0 S x:9223372036854775807=a ; p1 R x:9223372036854775807=a",
        "p0 O x=a ; p1 R x:0=a",
    ] {
        assert_found(text, &[]);
    }
}

#[test]
fn weak_acks_excuse_a_record_where_it_alone_is_concerned() {
    let weak_acks = |text: &str| {
        let report = LogMonitor::default().fold(&Script::of(text).events);
        let mut found = Vec::new();
        report.sightings(&mut |sighting| found.push((sighting.anomaly, sighting.weak_acks)));
        found
    };
    let (all, leader) = (None, Some(Acks::Leader));
    assert_eq!(weak_acks("p0 S x:0=a ; p1 S1 x:0=b"), [(Anomaly::InconsistentOffsets, leader)]);
    assert_eq!(weak_acks("p0 S x:0=a ; p1 S x:0=b ; p2 S1 x:0=c"), [(Anomaly::InconsistentOffsets, all)]);
    let unseen = "p0 S x:0=a ; p1 S1 x:1=b ; p2 AF x:0 ; p2 RR ; p2 E x:0";
    assert_eq!(weak_acks(unseen), [(Anomaly::Unseen, all), (Anomaly::Unseen, leader)]);
    let lost = "p0 S1 x:0=a ; p0 S x:1=b ; p1 R x:1=b";
    assert_eq!(weak_acks(lost), [(Anomaly::LostWrite, leader)]);
    let read = "p0 S1 x:0=a ; p1 R x:0=a ; p2 AF x:0 ; p2 RR ; p2 E x:0";
    assert_eq!(weak_acks(read), [(Anomaly::Unseen, leader), (Anomaly::ReadThenLost, all)]);
}

#[test]
fn order_is_secondary_where_offsets_contradict_each_other() {
    let report = LogMonitor::default().fold(
        &with_senders("p0 S x:0=a ; p1 S x:0=b ; p2 R x:1=c ; p2 R x:1=c ; p3 R y:1=d ; p3 R y:1=d").events,
    );
    let mut found = Vec::new();
    report.sightings(&mut |sighting| found.push((sighting.anomaly, sighting.secondary)));
    assert!(found.contains(&(Anomaly::NonmonotonicPoll, true)), "{found:?}");
    assert!(found.contains(&(Anomaly::NonmonotonicPoll, false)), "{found:?}");
}

#[test]
fn preconditions_are_named() {
    let broken = |script: &Script| {
        let report = LogMonitor::default().fold(&script.events);
        report.sightings(&mut |sighting| panic!("{sighting:?} in a history that is not checkable"));
        report.not_checkable().expect("is broken").to_owned()
    };
    let poll = || Body::Poll(crate::operation::Poll::default());
    let mut two = Script::of("p4 S x:0=a");
    two.operation(4, Outcome::Invoke, Phase::Load, poll()).operation(4, Outcome::Invoke, Phase::Load, poll());
    assert_eq!(broken(&two), "not checkable: p4 has two operations outstanding at #3, since #2");

    let mut never = Script::default();
    never.operation(4, Outcome::Ok, Phase::Load, poll());
    assert_eq!(broken(&never), "not checkable: p4 completes at #0 what it never began");

    let mut closed = Script::of("p4 I x=a ; p4 S x:0=b");
    for event in &mut closed.events {
        if let Event::Operation(operation) = event {
            operation.process = Process(4);
        }
    }
    assert_eq!(broken(&closed), "not checkable: p4 goes on at #2 after its info at #1");

    let twice = Script::of("p0 S x:0=a ; p1 S x:1=a");
    assert_eq!(broken(&twice), "not checkable: value 97 was sent to x/0 twice");

    let below = Script::of("p0 R x:-1=a");
    assert_eq!(broken(&below), "not checkable: the offset -1 at #1 is below 0");

    let mut other = Script::of("p0 O x=a");
    let Some(Event::Operation(sent)) = Script::of("p0 S x:0=b").events.pop() else { unreachable!() };
    other.operation(0, Outcome::Ok, Phase::Load, sent.body);
    assert_eq!(broken(&other), "not checkable: #1 completes a send of value 98 that its process never began");

    for (text, expected) in [
        ("p0 S x:0=a x:1=a", "value 97 was sent to x/0 twice"),
        // Of several the one whose value was sent again first.
        ("p0 S y:0=b ; p0 S x:0=a ; p1 S x:1=a ; p1 S y:1=b", "value 97 was sent to x/0 twice"),
        ("p0 O x=a ; p0 X x:0=a x:1=a", "#1 completes a send of value 97 that its process never began"),
        ("p0 O x=a ; p0 X y:0=a", "#1 completes a send of value 97 that its process never began"),
        ("p0 C g x:-1", "the offset -1 at #0 is below 0"),
        ("p0 A x:-1", "the offset -1 at #0 is below 0"),
        ("p0 T +x:0=a x:-2=b", "the offset -2 at #1 is below 0"),
    ] {
        assert_eq!(broken(&Script::of(text)), format!("not checkable: {expected}"), "{text}");
    }
}

#[test]
fn records_are_counted() {
    let script =
        Script::of("p0 S x:0=a ; p1 I x=b ; p2 I x=c ; p3 F x=d ; p4 O x=e ; p5 R x:1=b x:2=e x:3=z");
    let report = LogMonitor::default().fold(&script.events);
    let under_load = LoadCounts { sent: 5, acknowledged: 1, lost: 0 };
    assert_eq!(report.counts(), RecordCounts { acknowledged: 1, read: 3, info_read: 2, under_load });
}

#[test]
fn a_completion_may_tell_its_sends_in_another_order() {
    let report = |text: &str| LogMonitor::default().fold(&Script::of(text).events);
    for text in ["p0 O x=a y=b ; p0 X x:0=a y:3=b", "p0 O x=a y=b ; p0 X y:3=b x:0=a"] {
        let report = report(&format!("{text} ; p1 S y:3=c"));
        assert_eq!((report.not_checkable(), report.counts().acknowledged), (None, 3), "{text}");
        let mut found = Vec::new();
        report.sightings(&mut |sighting| found.push(line(&sighting)));
        assert_eq!(found, ["inconsistent-offsets y b,c @ 3"], "{text}");
    }
    let some = report("p0 O x=a y=b ; p0 X y:3=b");
    assert_eq!((some.not_checkable(), some.counts().acknowledged), (None, 1));
}

#[test]
fn what_was_sent_under_load_is_counted_apart() {
    let mut script = Script::of("p0 S x:0=a ; p0 S x:1=b ; p1 I x=c");
    let Some(Event::Operation(late)) = Script::of("p2 S x:2=d").events.pop() else { unreachable!() };
    script.operation(2, Outcome::Invoke, Phase::Recovery, late.body.clone());
    script.operation(2, Outcome::Ok, Phase::Recovery, late.body);
    let counts = |script: &Script| LogMonitor::default().fold(&script.events).counts();
    assert_eq!(
        counts(&script).under_load,
        LoadCounts { sent: 3, acknowledged: 2, lost: 0 },
        "nobody knows yet"
    );
    script.run("p3 AF x:0 ; p3 RR x:0=a ; p3 E x");
    assert_eq!(counts(&script).under_load, LoadCounts { sent: 3, acknowledged: 2, lost: 1 }, "d came later");
    assert_eq!(counts(&script).acknowledged, 3);
}

#[test]
fn without_a_final_read_it_is_said_so() {
    let without = |text: &str| {
        let report = LogMonitor::default().fold(&Script::of(text).events);
        let without: Vec<_> = report.without_final_read().map(|(p, why)| format!("{p} {why}")).collect();
        without
    };
    assert_eq!(without("p0 S x:0=a"), ["x/0 the final read never ran"]);
    assert_eq!(without("p0 S x:0=a ; p1 AF x:0 ; p1 EF x"), ["x/0 the final read could not run: LOST"]);
    assert_eq!(
        without("p0 S x:0=a ; p1 AF x:1 ; p1 E x:1"),
        ["x/0 the final read that ends at #5 did not begin at offset 0"]
    );
    assert!(without("p0 S x:0=a ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1").is_empty());
    assert!(without("p0 I x=a").is_empty(), "nothing to lose");
}

#[test]
fn a_long_circle_is_told_in_part() {
    struct Numbers;
    impl Naming for Numbers {}
    let circle: Vec<_> = (0..8).map(|index| (OperationIndex(index), Before::Process)).collect();
    let told = circle::sentence(Anomaly::CircularInformation, &circle, &Numbers);
    assert_eq!(told.matches("is of the same process").count(), 6, "{told}");
    assert!(told.ends_with("; and 2 more until #0 again"), "{told}");
}
