//! Recordings from which events are missing: an explanation copes with whatever is left.

use std::sync::LazyLock;

use highwater_checkers::ids::{Offset, TopicPartition};
use highwater_checkers::recording::Recording;
use highwater_reports::RunSummary;
use highwater_reports::explain::{Explanation, explain, explain_record};
use highwater_reports::summary::RunEnding;
use proptest::prelude::*;

use crate::runs::caught;

static CAUGHT: LazyLock<(Recording, RunSummary)> = LazyLock::new(|| caught("trunc-to-hw"));

/// The summary with one finding alone.
fn only(summary: &RunSummary, index: usize) -> RunSummary {
    let mut summary = summary.clone();
    if let RunEnding::Judged(verdict) = &mut summary.ending {
        let finding = verdict.findings[index % verdict.findings.len()].clone();
        verdict.findings = vec![finding];
    }
    summary
}

fn is_plain(explanation: &Explanation) -> bool {
    let mut texts = explanation.story.iter().map(|told| &told.text).chain([&explanation.sentence]);
    texts.all(|text| !text.is_empty() && !text.contains(char::is_control))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_missing_it_is_explained_in_plain_text(
        seed: u64,
        // One event in so many is missing, beside all from an event on.
        one_in in 2..200_u64,
        end in 0..20_000_usize,
        finding: usize,
        offset in 0..120_i64,
    ) {
        let (recording, summary) = &*CAUGHT;
        let mut torn = recording.clone();
        torn.events.truncate(end);
        let mut state = seed;
        torn.events.retain(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            !(state >> 33).is_multiple_of(one_in)
        });
        let summary = only(summary, finding);
        prop_assert!(is_plain(&explain(&torn, &summary)));
        let partition = TopicPartition::new("orders", 0);
        if let Some(told) = explain_record(&torn, &summary, &partition, Offset(offset)) {
            prop_assert!(is_plain(&told));
        }
    }
}

#[test]
fn what_others_wrote_cannot_disturb_a_terminal() {
    use highwater_checkers::operation::{Body, MicroOp};
    use highwater_checkers::recording::Event;
    let (recording, summary) = &*CAUGHT;
    let hostile = |partition: &mut TopicPartition| partition.topic = "a\x1b[31m\n\u{9b}<script>".into();
    let mut recording = recording.clone();
    for event in &mut recording.events {
        let Event::Operation(operation) = event else { continue };
        match &mut operation.body {
            Body::Send(send) => hostile(&mut send.partition),
            Body::Poll(poll) => poll.reads.iter_mut().for_each(|read| hostile(&mut read.partition)),
            Body::Txn(steps) => steps.iter_mut().for_each(|step| match step {
                MicroOp::Send(send) => hostile(&mut send.partition),
                MicroOp::Poll(poll) => poll.reads.iter_mut().for_each(|read| hostile(&mut read.partition)),
            }),
            _ => {}
        }
        operation.error = Some("a\x07b\n".into());
    }
    let mut summary = summary.clone();
    let RunEnding::Judged(verdict) = &mut summary.ending else { panic!("it was judged") };
    for finding in &mut verdict.findings {
        finding.partition.as_mut().map(hostile);
        finding.what = format!("\x1b[2J{}", finding.what);
    }
    for index in 0..verdict.findings.len() {
        let told = explain(&recording, &only(&summary, index));
        assert!(is_plain(&told), "{told:?}");
    }
}
