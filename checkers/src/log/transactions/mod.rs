//! Transactions: what they polled of their own, what is left of them, and the circles of their dependencies.
//!
//! Every operation counts as a transaction that took effect: an `ok` one, or one of which something was read.

mod cycles;
mod edges;
mod order;
mod shortest;

use super::operations::{OpId, PartitionId};
use super::sighting::Sighting;
use super::slots::Place;
use super::writes::{Write, WriteId};
use super::{LogReport, Precommitted};
use crate::ids::{Moment, Offset, Value};
use crate::linearizability::rule;
use crate::operation::{Acks, Outcome};
use crate::verdict::{Anomaly, Evidence};

/// Hands every anomaly of transactions to `sink`.
pub(super) fn find(report: &LogReport, sink: &mut dyn FnMut(Sighting)) {
    precommitted_reads(report, sink);
    torn(report, sink);
    cycles::find(report, sink);
}

/// Whether the dependencies and time agree on an order of all operations.
#[cfg(test)]
pub(super) fn are_in_order(report: &LogReport) -> bool {
    order::exists(report)
}

fn evidence(
    report: &LogReport,
    moments: &[Moment],
    values: impl IntoIterator<Item = Value>,
    offsets: impl IntoIterator<Item = Offset>,
) -> Evidence {
    Evidence {
        time: moments.iter().map(|moment| report.timeline.time(*moment)).max().unwrap_or_default(),
        operations: moments.iter().map(|moment| report.timeline.index(*moment)).collect(),
        values: values.into_iter().collect(),
        offsets: offsets.into_iter().collect(),
        ..Evidence::default()
    }
}

fn precommitted_reads(report: &LogReport, sink: &mut dyn FnMut(Sighting)) {
    for Precommitted { partition, value, offset, at } in &report.precommitted {
        let name = report.partition(*partition).name.clone();
        let evidence = evidence(report, &[*at], [*value], [*offset]);
        sink(Sighting::new(Anomaly::PrecommittedRead, name, evidence));
    }
}

/// Some sends of an operation are visible, and others never: a final read that began when the operation was
/// known to have taken effect does not have them.
fn torn(report: &LogReport, sink: &mut dyn FnMut(Sighting)) {
    for (op, done) in report.operations.iter().filter(|(_, done)| done.send_count() > 1) {
        if !report.operations.is_committed(op) {
            continue;
        }
        let sends = report.operations.sends(op);
        let write = |(partition, id): &(PartitionId, WriteId)| report.partition(*partition).write(*id);
        // The first of its records that anybody read.
        let seen = sends.iter().filter_map(|send| Some((write(send), write(send).read()?.1)));
        let Some((visible, read)) = seen.min_by_key(|(_, at)| *at) else { continue };
        let ended = (done.outcome == Some(Outcome::Ok)).then_some(done.completed);
        let known = ended.map_or(read, |ended| ended.min(read));
        for send in sends {
            let missing: &Write = write(send);
            let history = report.partition(send.0);
            let Some(final_read) = &history.final_read else { continue };
            let in_time = known < final_read.began || !rule::applies("torn-in-time");
            if in_time && !missing.kept && missing.read().is_none() {
                let moments = [done.told(), read, final_read.ended];
                let values = [missing.value, visible.value];
                let weak_acks = (missing.acks != Acks::All).then_some(missing.acks);
                let evidence = evidence(report, &moments, values, missing.offset());
                let sighting = Sighting::new(Anomaly::TornTxn, history.name.clone(), evidence);
                sink(Sighting { weak_acks, ..sighting });
            }
        }
    }
}

/// The operation that sent what lies somewhere, if it took effect.
fn writer(report: &LogReport, place: &Place) -> Option<OpId> {
    place.write?;
    report.operations.is_committed(place.op).then_some(place.op)
}
