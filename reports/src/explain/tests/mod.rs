//! Lives of records in small runs, and what is said of them.

mod run;

use std::collections::BTreeSet;

use highwater_checkers::ids::BrokerId;
use highwater_checkers::operation::Outcome;
use highwater_checkers::trace::Change;
use highwater_checkers::verdict::{Anomaly, Evidence, Finding, RunOutcome, RunVerdict, Severity};

use super::*;
use crate::event::RunId;
use crate::summary::RunEnding;
use run::{Run, batch, partition, value};

/// What a run amounts to with this finding, or with none.
fn summary(finding: Option<Finding>) -> RunSummary {
    let outcome = finding.as_ref().map_or(RunOutcome::Pass, |finding| match finding.severity {
        Severity::Violation => RunOutcome::Violation,
        Severity::Permitted(_) => RunOutcome::Pass,
    });
    let verdict = RunVerdict {
        outcome,
        checkers: [].into(),
        findings: finding.into_iter().collect(),
        expectations: Vec::new(),
        inconclusive: Vec::new(),
        counts: highwater_checkers::verdict::Counts::default(),
        availability: [].into(),
        consistency: [].into(),
        worst_unavailability: std::time::Duration::ZERO,
        recovery: None,
    };
    RunSummary {
        id: RunId { scenario: "s".into(), seed: 0 },
        source: "s.yaml".into(),
        ending: RunEnding::Judged(Box::new(verdict)),
        expected: BTreeSet::new(),
        interrupted: false,
        timeline: None,
        faults: Vec::new(),
        measures: None,
        hash: None,
        recording: None,
        reproduce: String::new(),
    }
}

/// A finding on the record 1/7 at offset 0.
fn finding(anomaly: Anomaly, time: u64) -> Finding {
    Finding {
        anomaly,
        severity: Severity::Violation,
        partition: Some(partition()),
        what: "x/0 lost value 1: absent".into(),
        count: 1,
        secondary: false,
        fates: [].into(),
        evidence: vec![Evidence {
            time: Time::from_millis(time),
            values: vec![value(7)],
            offsets: vec![Offset(0)],
            ..Evidence::default()
        }],
    }
}

fn lost(run: &Run) -> Explanation {
    explain(&run.recording(), &summary(Some(finding(Anomaly::Unseen, 9_000))))
}

fn texts(explanation: &Explanation) -> Vec<String> {
    let line = |told: &Told| match told.time {
        Some(time) => format!("{time} {}", told.text),
        None => told.text.clone(),
    };
    explanation.story.iter().map(line).collect()
}

/// b1 is killed, b3 is elected without the record, and b1 and b2 follow it.
fn truncated() -> Run {
    let mut run = Run::with_record(&[2]);
    run.fault("process-kill", 2_000, 4_000, &["b1"]);
    run.decide(3_000, Some(3), 1, &[2, 3]).leads(3_001, 3, 1, 0);
    run.follows(3_010, 2, 3, 1).truncate(3_011, 2, 1, 0);
    run.start(4_001, 1, &[batch(0, 0, 7)]).follows(4_100, 1, 3, 1).truncate(4_101, 1, 1, 0);
    run.append(5_000, 3, batch(0, 1, 8), true).send(4_990, 8, Outcome::Ok, Some(0));
    run.final_read(9_000, &[(0, 8)]);
    run
}

#[test]
fn a_truncated_record_is_followed_to_the_election_and_its_fault() {
    let told = lost(&truncated());
    assert_eq!(
        told.sentence,
        "x/0@0 (record 1/7), acknowledged at 1.010s, was lost: b3 was elected in epoch 1 at 3s without it, and b1, \
         the last to have it, truncated to 0 at 4.101s to follow b3 in epoch 1; set off by process-kill of b1 at 2s"
    );
    assert_eq!(told.record, Some((partition(), Offset(0))));
    assert_eq!(
        texts(&told),
        [
            "the life of x/0@0 (record 1/7):",
            "1s client 1 sends record 1/7 to x/0 with acks=all (#0)",
            "1.002s b1, which leads in epoch 0, appends it at offset 0",
            "1.004s b2 replicates it (epoch 0)",
            "1.006s the high watermark of b1, which leads, passes it: 1",
            "1.006s b1 acknowledges it (acks=all); b1 and b2 have it",
            "1.010s the producer is told that it is safe at offset 0 (#1)",
            "2s fault: process-kill at 2s on b1 until 4s",
            "3s the controllers make b3 the leader of x/0 in epoch 1; in sync: b2 and b3",
            "3.001s b3 begins to lead in epoch 1, and does not have it",
            "3.011s b2 truncates its log to 0 to follow b3 in epoch 1 (diverged), and loses it; b1 still has it",
            "4.001s b1 starts",
            "4.101s b1 truncates its log to 0 to follow b3 in epoch 1 (diverged), and loses it; no log has it any more",
            "5s b3, which leads in epoch 1, puts another record at offset 0",
            "at the end x/0@0 (record 1/7) is: lost by b1 and b2, never on b3; the final read has record 1/8 in its place",
        ]
    );
}

#[test]
fn only_the_faults_that_the_chain_leads_to_are_named() {
    let mut run = truncated();
    // After the loss, and on a broker that had nothing to do with it when that mattered.
    run.fault("process-pause", 8_000, 8_500, &["b1"]);
    run.fault("network-delay", 100, 200, &["b2->b3"]);
    assert!(
        lost(&run).sentence.ends_with("; set off by process-kill of b1 at 2s"),
        "{}",
        lost(&run).sentence
    );
    // What kept the record from b3 is part of it.
    run.fault("network-partition", 900, 2_500, &["b1->b3", "b3->b1"]);
    let sentence = lost(&run).sentence;
    assert!(
        sentence
            .ends_with("; set off by network-partition of b1 from b3 at 0.900s and process-kill of b1 at 2s"),
        "{sentence}"
    );
}

#[test]
fn where_no_fault_explains_it_none_is_blamed() {
    let mut run = Run::with_record(&[2]);
    run.decide(3_000, Some(3), 1, &[2, 3]).leads(3_001, 3, 1, 0);
    run.follows(3_010, 2, 3, 1).truncate(3_011, 2, 1, 0).follows(3_010, 1, 3, 1).truncate(3_012, 1, 1, 0);
    run.final_read(9_000, &[]);
    assert!(lost(&run).sentence.ends_with(" in epoch 1, with no fault before it"), "{}", lost(&run).sentence);
    let mut other = Run::default();
    other.fault("process-pause", 500, 600, &["b2"]);
    let mut recording = other.recording();
    recording.events.extend(run.recording().events);
    let told = explain(&recording, &summary(Some(finding(Anomaly::Unseen, 9_000))));
    let expected = "; the last fault before it was process-pause of b2 at 0.500s";
    assert!(told.sentence.ends_with(expected), "{}", told.sentence);
}

#[test]
fn a_disk_that_forgot_it_is_blamed() {
    let mut run = Run::with_record(&[2, 3]);
    run.fault("power-loss", 2_000, 4_000, &["b1", "b2", "b3"]);
    run.start(4_001, 1, &[]).start(4_002, 2, &[]).start(4_003, 3, &[]);
    run.decide(4_500, Some(2), 1, &[2]).leads(4_501, 2, 1, 0);
    run.final_read(9_000, &[]);
    assert_eq!(
        lost(&run).sentence,
        "x/0@0 (record 1/7), acknowledged at 1.010s, was lost: b3, the last to have it, did not find it on its disk \
         when it started at 4.003s, and b2 was elected in epoch 1 at 4.500s without it, not having found it on its \
         disk at 4.002s; set off by power-loss of b1, b2 and b3 at 2s"
    );
}

#[test]
fn a_leader_that_had_been_replaced_is_told_of() {
    let mut run = Run::begun();
    run.fault("network-partition", 500, 4_000, &["b1->b2", "b2->b1", "b1->b3", "b3->b1"]);
    run.decide(900, Some(2), 1, &[2, 3]).leads(901, 2, 1, 0);
    run.append(1_002, 1, batch(0, 0, 7), true).acknowledge(1_003, 1, 0, 0).send(
        1_000,
        7,
        Outcome::Ok,
        Some(0),
    );
    run.follows(4_100, 1, 2, 1).truncate(4_101, 1, 1, 0).final_read(9_000, &[]);
    assert_eq!(
        lost(&run).sentence,
        "x/0@0 (record 1/7), acknowledged at 1.010s when b1 alone had it, was lost: b1 wrote it though b2 led since \
         0.900s in epoch 1, and b1, the last to have it, truncated to 0 at 4.101s to follow b2 in epoch 1; set off by \
         network-partition of b1 from b2 and b3 at 0.500s"
    );
}

#[test]
fn what_a_follower_still_has_is_said() {
    let mut run = Run::with_record(&[2]);
    run.fault("process-kill", 2_000, 9_999, &["b1"]);
    run.decide(3_000, Some(3), 1, &[2, 3]).leads(3_001, 3, 1, 0).final_read(9_000, &[]);
    assert_eq!(
        lost(&run).sentence,
        "x/0@0 (record 1/7), acknowledged at 1.010s, was lost: b3 was elected in epoch 1 at 3s without it, and b1 and \
         b2 still have it; set off by process-kill of b1 at 2s"
    );
}

#[test]
fn a_record_that_the_final_read_has_is_not_called_lost() {
    let mut run = truncated();
    run.final_read(9_500, &[(3, 7)]);
    let told = explain(&run.recording(), &summary(Some(finding(Anomaly::ReadThenLost, 9_500))));
    assert!(told.sentence.contains(", was moved to offset 3: b3 was elected"), "{}", told.sentence);
    let mut run = truncated();
    run.final_read(9_500, &[(0, 7)]);
    let told = explain(&run.recording(), &summary(Some(finding(Anomaly::LeaderCompleteness, 3_001))));
    assert!(told.sentence.contains(", was missing for a time: b3 was elected"), "{}", told.sentence);
}

#[test]
fn a_leader_that_does_not_deliver_it_is_told_of() {
    let mut run = Run::with_record(&[2, 3]);
    run.final_read(9_000, &[]);
    let sentence = lost(&run).sentence;
    assert!(sentence.contains("was lost: b1 leads, has it and did not deliver it"), "{sentence}");
}

#[test]
fn a_system_that_tells_nothing_of_itself_is_explained_by_its_clients() {
    let mut run = Run::default();
    run.fault("process-kill", 2_000, 4_000, &["b1"]);
    run.send(1_000, 7, Outcome::Ok, Some(0)).read(1_500, 0, 7).final_read(9_000, &[(0, 8)]);
    let told = lost(&run);
    assert_eq!(
        told.sentence,
        "x/0@0 (record 1/7), acknowledged at 1.010s, was lost: the final read has record 1/8 in its place; the last \
         fault before it was process-kill of b1 at 2s"
    );
    assert_eq!(told.operations, [OperationIndex(0), OperationIndex(1), OperationIndex(2)]);
}

#[test]
fn a_spoiled_copy_is_followed_to_the_disk_that_spoiled_it() {
    let spoiled = batch(0, 0, 99);
    let mut run = Run::with_record(&[2, 3]);
    run.fault("disk-bitflip", 2_000, 2_000, &["b2:x/0"]);
    run.fault("process-kill", 3_000, 4_000, &["b2"]);
    run.trace(2_000, 2, Change::Damaged { file: "x-0/00.log".into(), from: 3, why: "bit flip".into() });
    run.start(4_001, 2, &[spoiled]).follows(4_100, 2, 1, 0).high_watermark(4_200, 2, 1, false);
    let mut found = finding(Anomaly::LogMatching, 4_200);
    found.what =
        "x/0 breaks W4 LogMatching: b2 and b1 differ at offset 0: 1 records of epoch 0 (crc 1) against none"
            .into();
    found.evidence[0].brokers = vec![BrokerId(2), BrokerId(1)];
    assert_eq!(
        explain(&run.recording(), &summary(Some(found))).sentence,
        "x/0@0 (record 1/7) at 4.200s: b2 and b1 differ at offset 0 (W4 LogMatching); b2 found a spoiled copy on its \
         disk at 4.001s; set off by disk-bitflip of b2:x/0 at 2s"
    );
}

#[test]
fn two_records_of_one_offset_have_two_lives() {
    let recording = truncated().recording();
    let told = explain_record(&recording, &summary(None), &partition(), Offset(0)).expect("both are told");
    let lives = texts(&told).into_iter().filter(|text| text.starts_with("the life of"));
    assert_eq!(
        lives.collect::<Vec<_>>(),
        ["the life of x/0@0 (record 1/7):", "the life of x/0@0 (record 1/8):"]
    );
    assert!(texts(&told).iter().any(|text| text.ends_with("; the final read has it")), "{told:?}");
    assert_eq!(explain_record(&recording, &summary(None), &partition(), Offset(1)), None);
    let elsewhere = TopicPartition::new("y", 0);
    assert_eq!(explain_record(&recording, &summary(None), &elsewhere, Offset(0)), None);
}

#[test]
fn a_record_that_failed_is_no_loss() {
    let mut run = Run::begun();
    run.send(1_000, 7, Outcome::Fail, None).read(1_500, 0, 7).final_read(9_000, &[]);
    let mut found = finding(Anomaly::AbortedRead, 1_500);
    found.evidence[0].operations = vec![OperationIndex(1), OperationIndex(2)];
    assert_eq!(
        explain(&run.recording(), &summary(Some(found))).sentence,
        "x/0@0 (record 1/7) was read at 1.500s, though its send had failed at 1.010s, with no fault before it"
    );
}

#[test]
fn what_is_permitted_says_so_and_a_pass_is_one() {
    let mut found = finding(Anomaly::Unseen, 9_000);
    found.severity = Severity::Permitted("the partition is forfeit".into());
    let told = explain(&truncated().recording(), &summary(Some(found)));
    assert!(told.sentence.starts_with("permitted: x/0@0 (record 1/7), "), "{}", told.sentence);
    assert!(texts(&told).contains(&"it is permitted, since the partition is forfeit".to_owned()));
    let mut missed = summary(None);
    let RunEnding::Judged(verdict) = &mut missed.ending else { panic!("it was judged") };
    verdict.outcome = RunOutcome::Inconclusive;
    verdict.inconclusive = vec!["a fault never bit".into()];
    assert_eq!(explain(&truncated().recording(), &missed).sentence, "a fault never bit");
    let told = explain(&truncated().recording(), &summary(None));
    assert_eq!(told.sentence, "as expected: 0 records acknowledged under 0 faults, and none lost");
    assert_eq!(texts(&told), ["2s fault: process-kill at 2s on b1 until 4s"]);
}

#[test]
fn a_sentence_keeps_to_its_length() {
    let mut run = truncated();
    run.fault(&format!("a-fault-{}", "of-a-long-name-".repeat(6)), 950, 4_000, &["b3"]);
    let sentence = lost(&run).sentence;
    assert!(sentence.contains(" without it") && !sentence.contains("the last to have it"), "{sentence}");
    assert!(
        sentence.chars().count() <= 300 && sentence.ends_with("and process-kill of b1 at 2s"),
        "{sentence}"
    );
}
