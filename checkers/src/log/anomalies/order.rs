//! Consumers that skip records or step back.

use super::{Scene, Sink};
use crate::linearizability::rule;
use crate::log::sighting::{Legal, Sighting};
use crate::log::slots::seek;
use crate::verdict::Anomaly;

impl Scene<'_> {
    /// A consumer stepped back, or past an offset at which something is known to lie. Gaps of the log itself
    /// are legal, so that only what is known counts.
    pub(super) fn poll_order(&self, sink: &mut Sink<'_>) {
        let firsts = self.history.slots.firsts();
        let mut near = 0;
        for step in &self.history.steps {
            let ((from, before), (to, at)) = (step.from, step.to);
            let legal = (step.subscribed && rule::applies("subscribed")).then_some(Legal::Subscribed);
            if to <= from {
                let anomaly =
                    if step.internal { Anomaly::IntNonmonotonicPoll } else { Anomaly::NonmonotonicPoll };
                let mut evidence = self.evidence(&[before, at], [], [from, to]);
                evidence.time = self.timeline.time(at);
                sink(Sighting { legal, ..self.sighting(anomaly, evidence) });
                continue;
            }
            near = match seek(firsts, from, near) {
                Ok(at) => at + 1,
                Err(at) => at,
            };
            let skipped = firsts.get(near).filter(|skipped| skipped.offset < to);
            if !rule::applies("known-offsets") {
                // Without it every gap is a skip.
                let evidence = self.evidence(&[before, at], [], [from, to]);
                sink(self.sighting(Anomaly::PollSkip, evidence));
            } else if let Some(skipped) = skipped {
                let anomaly = if step.internal { Anomaly::IntPollSkip } else { Anomaly::PollSkip };
                let offsets = [from, skipped.offset, to];
                let mut evidence = self.evidence(&[before, at], [skipped.value], offsets);
                evidence.time = self.timeline.time(at);
                sink(Sighting { legal, ..self.sighting(anomaly, evidence) });
            }
        }
    }
}
