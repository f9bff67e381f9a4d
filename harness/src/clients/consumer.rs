//! Consumers: each reads every partition of its topic, from the beginning, for as long as there is load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::ids::{Offset, TopicPartition};
use highwater_checkers::operation::{self, Body, Outcome, PartitionPosition, PartitionRead, Poll, Seen};

use super::history::Lane;
use super::{Phase, Phases};
use crate::system::{Client, PartitionPoll, Polled};

/// How long a poll waits for the first records (Kafka's `fetch.max.wait.ms`).
pub(super) const POLL_MAX_WAIT: Duration = Duration::from_millis(500);

/// Polls from `positions` on until the clients are drained.
pub(super) async fn run(
    mut client: impl Client,
    mut positions: BTreeMap<TopicPartition, Offset>,
    mut lane: Lane,
    phases: Phases,
) {
    assign(&mut lane, phases.now().of_operations(), &positions);
    while phases.now() < Phase::Drain {
        let phase = phases.now().of_operations();
        poll(&mut client, &mut lane, phase, &mut positions).await;
    }
}

/// Records what is read from where from now on.
pub(super) fn assign(lane: &mut Lane, phase: operation::Phase, positions: &BTreeMap<TopicPartition, Offset>) {
    let positions = positions.iter();
    let assigned = positions.map(|(id, at)| PartitionPosition { partition: id.clone(), offset: Some(*at) });
    lane.note(phase, Body::Assign(assigned.collect()));
}

/// One poll; moves `positions` on by what was read.
pub(super) async fn poll(
    client: &mut impl Client,
    lane: &mut Lane,
    phase: operation::Phase,
    positions: &mut BTreeMap<TopicPartition, Offset>,
) {
    lane.invoke(phase, Body::Poll(Poll::default()));
    let polled = client.poll(positions, POLL_MAX_WAIT).await;
    let (reads, error) = take(polled, positions);
    // A poll of which something came is a good one; the partitions that failed are asked again by the next.
    let outcome = if reads.is_empty() && error.is_some() { Outcome::Fail } else { Outcome::Ok };
    let error = error.filter(|_| outcome == Outcome::Fail);
    lane.complete(outcome, Body::Poll(Poll { reads }), error);
}

/// What was read, in the order of partitions, and the first partition's error if there was one.
fn take(
    polled: Polled,
    positions: &mut BTreeMap<TopicPartition, Offset>,
) -> (Box<[PartitionRead]>, Option<Arc<str>>) {
    let mut reads = Vec::new();
    let mut error: Option<Arc<str>> = None;
    for (partition, result) in polled {
        let position = positions.get_mut(&partition).expect("a poll answers what it was asked");
        let asked = Some(*position);
        match result {
            PartitionPoll::Read { records, next, high_watermark } => {
                *position = next;
                let seen = Seen { position: asked, high_watermark, ..Seen::default() };
                reads.push(PartitionRead { partition, records, seen });
            }
            PartitionPoll::OutOfRange => {
                // Everything there is now is read again, so that whatever changed is seen.
                *position = Offset(0);
                let seen = Seen { position: asked, reset: Some(Offset(0)), ..Seen::default() };
                reads.push(PartitionRead { partition, records: Box::default(), seen });
            }
            PartitionPoll::Error(reason) => {
                error.get_or_insert_with(|| format!("{partition}: {reason}").into());
            }
        }
    }
    (reads.into(), error)
}

#[cfg(test)]
mod tests {
    use highwater_checkers::ids::Value;
    use highwater_checkers::operation::Record;

    use super::*;

    fn orders(partition: i32) -> TopicPartition {
        TopicPartition::new("orders", partition)
    }

    #[test]
    fn a_poll_moves_the_positions_and_records_a_reset() {
        let mut positions: BTreeMap<_, _> = (0..4).map(|id| (orders(id), Offset(5))).collect();
        let records: Box<[Record]> = [Record { offset: Offset(6), value: Value(70) }].into();
        let (next, high_watermark) = (Offset(7), Some(Offset(9)));
        let polled = Polled::from([
            (orders(0), PartitionPoll::Read { records: records.clone(), next, high_watermark }),
            (orders(1), PartitionPoll::OutOfRange),
            (orders(2), PartitionPoll::Error("NOT_LEADER_OR_FOLLOWER".into())),
        ]);
        let (reads, error) = take(polled, &mut positions);

        assert_eq!(positions.into_values().collect::<Vec<_>>(), [7, 0, 5, 5].map(Offset));
        assert_eq!(error.as_deref(), Some("orders/2: NOT_LEADER_OR_FOLLOWER"));
        let seen = Seen { position: Some(Offset(5)), high_watermark, ..Seen::default() };
        let read = PartitionRead { partition: orders(0), records, seen };
        let seen = Seen { position: Some(Offset(5)), reset: Some(Offset(0)), ..Seen::default() };
        let reset = PartitionRead { partition: orders(1), records: Box::default(), seen };
        assert_eq!(reads[..], [read, reset]);
    }
}
