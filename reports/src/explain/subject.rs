//! What an explanation is about: the finding that is told first, and the records in its evidence.

use std::collections::BTreeSet;

use highwater_checkers::ids::{Offset, OperationIndex, Time, TopicPartition, Value};
use highwater_checkers::operation::{Operation, Outcome};
use highwater_checkers::recording::Recording;
use highwater_checkers::verdict::{Anomaly, Evidence, Finding};

use super::life::Record;
use crate::summary::RunSummary;

/// The finding that a run is explained by: its first violation, or else what was expected, or else what is permitted.
pub(super) fn finding(summary: &RunSummary) -> Option<&Finding> {
    let findings = &summary.verdict()?.findings;
    let expected = || findings.iter().find(|finding| finding.is_violation());
    let lost = || findings.iter().find(|finding| is_loss(finding.anomaly));
    summary.first_violation().or_else(expected).or_else(lost)
}

/// Whether it is about records that clients do not find again.
pub(super) fn is_loss(anomaly: Anomaly) -> bool {
    matches!(
        anomaly,
        Anomaly::Unseen | Anomaly::LostWrite | Anomaly::ReadThenLost | Anomaly::NoCommitLostGlobally
    )
}

/// The record that a piece of evidence is about, if it is about one.
pub(super) fn record(recording: &Recording, finding: &Finding, evidence: &Evidence) -> Option<Record> {
    let partition = finding.partition.clone()?;
    let value = |at: usize| evidence.values.get(at).copied();
    let offset = |at: usize| evidence.offsets.get(at).copied();
    let (offset, value) = match finding.anomaly {
        Anomaly::Unseen
        | Anomaly::LostWrite
        | Anomaly::ReadThenLost
        | Anomaly::Phantom
        | Anomaly::AbortedRead
        | Anomaly::Duplicate
        | Anomaly::NonmonotonicSend
        | Anomaly::IntNonmonotonicSend
        | Anomaly::PrecommittedRead
        | Anomaly::DivergentReplica => (offset(0), value(0)),
        Anomaly::InconsistentOffsets => {
            // The operations are those that first saw each of the values.
            let seen = evidence.operations.iter().zip(&evidence.values);
            (offset(0), seen.min_by_key(|(operation, _)| **operation).map(|(_, value)| *value))
        }
        Anomaly::PollSkip | Anomaly::IntPollSkip => (offset(1), value(0)),
        Anomaly::TornTxn => {
            let value = value(0)?;
            (place_of(recording, &partition, value), Some(value))
        }
        // What was promised there first, and not what a later leader put in its place.
        Anomaly::LeaderCompleteness | Anomaly::ConsistentRead | Anomaly::NoCommitLostGlobally => {
            let offset = offset(0)?;
            (Some(offset), values_at(recording, &partition, offset, Time(u64::MAX)).first().copied())
        }
        Anomaly::LogMatching
        | Anomaly::EpochLogMatching
        | Anomaly::StrongIsr
        | Anomaly::WeakIsr
        | Anomaly::CandidateCompleteness
        | Anomaly::ValidHighWatermark
        | Anomaly::VerifiedHighWatermark
        | Anomaly::AckBelowMinIsr
        | Anomaly::MinIsrHighWatermark => {
            let offset = offset(0)?;
            (Some(offset), value_at(recording, &partition, offset, evidence.time))
        }
        _ => (None, None),
    };
    Some(Record { partition, offset: offset?, value })
}

/// The value that clients were told to lie at an offset last before a moment, or else first after it.
fn value_at(recording: &Recording, partition: &TopicPartition, offset: Offset, time: Time) -> Option<Value> {
    let before = values_at(recording, partition, offset, time).last().copied();
    before.or_else(|| values_at(recording, partition, offset, Time(u64::MAX)).first().copied())
}

/// Where a value was said to lie first.
fn place_of(recording: &Recording, partition: &TopicPartition, value: Value) -> Option<Offset> {
    recording.operations().find_map(|operation| {
        placed(operation, partition).into_iter().find(|(_, it)| *it == value).map(|(offset, _)| offset)
    })
}

/// The values that clients were told to lie at an offset until `time`, in the order in which they were told.
pub(super) fn values_at(
    recording: &Recording,
    partition: &TopicPartition,
    offset: Offset,
    until: Time,
) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::new();
    for operation in recording.operations().take_while(|operation| operation.time <= until) {
        for (at, value) in placed(operation, partition) {
            if at == offset && !values.contains(&value) {
                values.push(value);
            }
        }
    }
    values
}

/// What an operation's completion says of where values lie.
fn placed(operation: &Operation, partition: &TopicPartition) -> Vec<(Offset, Value)> {
    if operation.outcome == Outcome::Invoke {
        return Vec::new();
    }
    let sends = operation.body.sends().filter(|send| send.partition == *partition);
    let reads = operation.body.reads().filter(|read| read.partition == *partition);
    let sent = sends.filter_map(|send| Some((send.offset?, send.value)));
    sent.chain(reads.flat_map(|read| read.records.iter().map(|it| (it.offset, it.value)))).collect()
}

/// The operations that prove a finding, and those of the record's life: two to four of them where there are any.
pub(super) fn witnesses(
    evidence: Option<&Evidence>,
    life: impl IntoIterator<Item = OperationIndex>,
) -> Vec<OperationIndex> {
    const WITNESSES_MAX: usize = 4;
    let proof = evidence.map(|evidence| evidence.operations.as_slice()).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let all = proof.iter().copied().chain(life);
    all.filter(|operation| seen.insert(*operation)).take(WITNESSES_MAX).collect()
}
