//! The rules: what in a partition's history is an anomaly.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::partition::{FinalRead, PartitionHistory, Reads, Slot, Step, Witness};
use super::sighting::Sighting;
use crate::ids::{Offset, OperationIndex, Time, TopicPartition, Value};
use crate::operation::Acks;
use crate::verdict::{Anomaly, Evidence};

/// Hands every anomaly of the partition to `sink`.
pub(super) fn find(partition: &TopicPartition, history: &PartitionHistory, sink: &mut dyn FnMut(Sighting)) {
    let secondary = history.slots.values().any(|slot| !slot.others.is_empty());
    let mut sighted = |anomaly, weak_acks, acknowledged, evidence| {
        let partition = partition.clone();
        sink(Sighting { anomaly, partition, evidence, weak_acks, acknowledged, secondary });
    };
    if let Some(final_read) = &history.final_read {
        unseen(history, final_read, &mut |acks, told, evidence| {
            sighted(Anomaly::Unseen, acks, Some(told), evidence);
        });
    }
    let mut sight = |anomaly, weak_acks, evidence| sighted(anomaly, weak_acks, None, evidence);
    inconsistent_offsets(history, &mut sight);
    duplicates(history, &mut sight);
    for (value, reads) in &history.reads {
        phantom_or_aborted(history, *value, reads, &mut sight);
    }
    lost_writes(history, &mut sight);
    if let Some(final_read) = &history.final_read {
        read_then_lost(history, final_read, &mut sight);
    }
    for step in &history.steps {
        order(history, step, &mut sight);
    }
}

/// Takes an anomaly, the acks that may excuse it, and its evidence.
type Sight<'a> = dyn FnMut(Anomaly, Option<Acks>, Evidence) + 'a;

fn evidence(
    witnesses: &[Witness],
    values: impl Into<Vec<Value>>,
    offsets: impl IntoIterator<Item = Offset>,
) -> Evidence {
    Evidence {
        time: witnesses.iter().map(|witness| witness.time).max().unwrap_or_default(),
        operations: witnesses.iter().map(|witness| witness.operation).collect(),
        values: values.into(),
        offsets: offsets.into_iter().collect(),
        ..Evidence::default()
    }
}

/// Acks that promise less than all.
fn weak(acks: Acks) -> Option<Acks> {
    (acks != Acks::All).then_some(acks)
}

/// One offset was seen with two values.
fn inconsistent_offsets(history: &PartitionHistory, sight: &mut Sight<'_>) {
    for (offset, slot) in history.slots.iter().filter(|(_, slot)| !slot.others.is_empty()) {
        let (value, witness) = slot.first;
        let mut values = vec![value];
        values.extend(slot.others.iter().map(|(value, _)| *value));
        let witnesses: Vec<_> =
            std::iter::once(witness).chain(slot.others.iter().map(|(_, witness)| *witness)).collect();
        sight(
            Anomaly::InconsistentOffsets,
            weak_acks_of(history, slot),
            evidence(&witnesses, values, [*offset]),
        );
    }
}

/// The weakest acks among a slot's values, if without the weakly acknowledged ones they agree.
fn weak_acks_of(history: &PartitionHistory, slot: &Slot) -> Option<Acks> {
    let values = std::iter::once(slot.first.0).chain(slot.others.iter().map(|(value, _)| *value));
    let acks = values.map(|value| history.writes.get(&value).and_then(|write| weak(write.acks)));
    let (weak, strong): (Vec<_>, Vec<_>) = acks.partition(Option::is_some);
    if strong.len() <= 1 { weak.into_iter().flatten().min() } else { None }
}

/// One value lies at two offsets. To read one offset again is none.
fn duplicates(history: &PartitionHistory, sight: &mut Sight<'_>) {
    for (value, reads) in &history.reads {
        let sent = history.writes.get(value).filter(|write| write.committed);
        let sent = sent.and_then(|write| Some((write.offset?, write.witness())));
        let (at, by) = sent.unwrap_or(reads.first);
        for (offset, witness) in reads.places().filter(|(offset, _)| *offset != at) {
            sight(Anomaly::Duplicate, None, evidence(&[by, witness], [*value], [at, offset]));
        }
    }
}

/// A value was read that nobody sent, or whose send had failed.
fn phantom_or_aborted(history: &PartitionHistory, value: Value, reads: &Reads, sight: &mut Sight<'_>) {
    match history.writes.get(&value) {
        None => {
            let (offset, witness) = reads.first;
            sight(Anomaly::Phantom, None, evidence(&[witness], [value], [offset]));
        }
        Some(write) => {
            if let (Some(failed), Some((offset, witness))) = (write.failed(), reads.by_ok) {
                sight(Anomaly::AbortedRead, None, evidence(&[failed, witness], [value], [offset]));
            }
        }
    }
}

/// A committed value lies at or below the highest offset that was ever read, and was read by nobody.
fn lost_writes(history: &PartitionHistory, sight: &mut Sight<'_>) {
    let places = history.reads.values().flat_map(Reads::places);
    let Some((highest, reader)) = places.max_by_key(|(offset, _)| *offset) else { return };
    for (value, write) in history.writes.iter().filter(|(_, write)| write.committed) {
        if let Some(offset) = write.offset.filter(|offset| *offset <= highest)
            && !history.was_read(*value)
        {
            let witnesses = [write.witness(), reader];
            let mut evidence = evidence(&witnesses, [*value], [offset, highest]);
            // It is lost only when the run is over: until then somebody might still read it.
            evidence.time = history.last_time.max(evidence.time);
            sight(Anomaly::LostWrite, weak(write.acks), evidence);
        }
    }
}

/// A value was acknowledged before the final read began, and is absent from it.
fn unseen(
    history: &PartitionHistory,
    final_read: &FinalRead,
    lost: &mut dyn FnMut(Option<Acks>, Time, Evidence),
) {
    let kept: BTreeSet<Value> = final_read.content.values().copied().collect();
    for (value, write) in &history.writes {
        let acknowledged = write.acknowledged().filter(|ack| ack.operation < final_read.began.operation);
        if let Some(ack) = acknowledged.filter(|_| !kept.contains(value)) {
            let witnesses = [write.invoked, ack, final_read.ended];
            lost(weak(write.acks), ack.time, evidence(&witnesses, [*value], write.offset));
        }
    }
}

/// A value was given to a consumer, and is absent from the final read, or elsewhere in it.
fn read_then_lost(history: &PartitionHistory, final_read: &FinalRead, sight: &mut Sight<'_>) {
    let kept: BTreeMap<Value, Offset> =
        final_read.content.iter().map(|(offset, value)| (*value, *offset)).collect();
    for (value, reads) in &history.reads {
        let lost = reads.places().find(|(offset, _)| final_read.content.get(offset) != Some(value));
        if let Some((offset, reader)) = lost {
            let offsets = std::iter::once(offset).chain(kept.get(value).copied());
            let witnesses = [reader, final_read.ended];
            sight(Anomaly::ReadThenLost, None, evidence(&witnesses, [*value], offsets));
        }
    }
}

/// A consumer stepped back, or past an offset at which something is known to lie. Gaps of the log itself
/// are legal, so that only what is known counts.
fn order(history: &PartitionHistory, step: &Step, sight: &mut Sight<'_>) {
    let (from, from_operation) = step.from;
    let (to, witness) = step.to;
    let operations: Vec<OperationIndex> = vec![from_operation, witness.operation];
    let evidence =
        |values, offsets| Evidence { time: witness.time, operations, values, offsets, ..Evidence::default() };
    if to <= from {
        let anomaly = if step.internal { Anomaly::IntNonmonotonicPoll } else { Anomaly::NonmonotonicPoll };
        sight(anomaly, None, evidence(Vec::new(), vec![from, to]));
        return;
    }
    let between = (Bound::Excluded(from), Bound::Excluded(to));
    if let Some((skipped, slot)) = history.slots.range(between).next() {
        let anomaly = if step.internal { Anomaly::IntPollSkip } else { Anomaly::PollSkip };
        sight(anomaly, None, evidence(vec![slot.first.0], vec![from, *skipped, to]));
    }
}
