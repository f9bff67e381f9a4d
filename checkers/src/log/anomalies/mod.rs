//! The rules: what in a partition's history is an anomaly.

mod order;
mod records;
mod sends;

use super::SendOrder;
use super::partition::PartitionHistory;
use super::sighting::{Legal, Sighting};
use super::timeline::Timeline;
use crate::ids::{Moment, Offset, Value};
use crate::linearizability::rule;
use crate::operation::Acks;
use crate::verdict::{Anomaly, Evidence};

/// What is gone through: one partition.
pub(super) struct Scene<'a> {
    pub(super) history: &'a PartitionHistory,
    pub(super) timeline: &'a Timeline,
    pub(super) order: SendOrder,
}

/// Hands every anomaly of the partition to `sink`.
pub(super) fn find(scene: &Scene<'_>, sink: &mut dyn FnMut(Sighting)) {
    let secondary = !scene.history.slots.others().is_empty();
    let mut sink = |sighting| sink(Sighting { secondary, ..sighting });
    scene.unseen(&mut sink);
    scene.inconsistent_offsets(&mut sink);
    scene.duplicates(&mut sink);
    scene.phantoms(&mut sink);
    scene.aborted_reads(&mut sink);
    scene.lost_writes(&mut sink);
    scene.read_then_lost(&mut sink);
    scene.poll_order(&mut sink);
    scene.send_order(&mut sink);
    scene.divergent_replicas(&mut sink);
    scene.ends(&mut sink);
}

/// Takes what is found.
type Sink<'a> = dyn FnMut(Sighting) + 'a;

impl Scene<'_> {
    fn sighting(&self, anomaly: Anomaly, evidence: Evidence) -> Sighting {
        Sighting::new(anomaly, self.history.name.clone(), evidence)
    }

    fn evidence(
        &self,
        moments: &[Moment],
        values: impl IntoIterator<Item = Value>,
        offsets: impl IntoIterator<Item = Offset>,
    ) -> Evidence {
        Evidence {
            time: moments.iter().map(|moment| self.timeline.time(*moment)).max().unwrap_or_default(),
            operations: moments.iter().map(|moment| self.timeline.index(*moment)).collect(),
            values: values.into_iter().collect(),
            offsets: offsets.into_iter().collect(),
            ..Evidence::default()
        }
    }

    /// A broker's consumers saw a value, and another's were given what lies after it and never the value.
    fn divergent_replicas(&self, sink: &mut Sink<'_>) {
        for found in self.history.givers.divergences() {
            let ((giver, gave), (other, passed)) = (found.gave, found.passed);
            let mut evidence = self.evidence(&[gave, passed], [found.value], [found.offset]);
            evidence.brokers = vec![giver, other];
            let what = format!(
                "{giver} gave value {} at offset {} of {} ({}), and {other} never gave it, though it was read there and beyond ({})",
                found.value,
                found.offset,
                self.history.name,
                self.timeline.index(gave),
                self.timeline.index(passed)
            );
            sink(Sighting { what: Some(what), ..self.sighting(Anomaly::DivergentReplica, evidence) });
        }
    }

    /// The partition's end stepped back. A high watermark may, after a change of leaders; the end that all
    /// replicas agree on may not.
    fn ends(&self, sink: &mut Sink<'_>) {
        let ends = &self.history.ends;
        let backs = ends
            .backs
            .iter()
            .copied()
            .map(|back| (back, rule::applies("new-leader").then_some(Legal::NewLeader)));
        for (back, legal) in backs.chain(ends.shrunk().map(|back| (back, None))) {
            let ((from, first), (to, then)) = (back.from, back.to);
            let evidence = self.evidence(&[first, then], [], [from, to]);
            sink(Sighting { legal, ..self.sighting(Anomaly::EndOffsetRegression, evidence) });
        }
    }
}

/// Acks that promise less than all.
fn weak(acks: Acks) -> Option<Acks> {
    (acks != Acks::All).then_some(acks)
}
