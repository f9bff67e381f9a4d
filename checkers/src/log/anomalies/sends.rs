//! Producers whose records lie in another order than they were sent, or apart.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::{Scene, Sink, weak};
use crate::ids::{ClientId, Moment, Offset};
use crate::linearizability::rule;
use crate::log::SendOrder;
use crate::log::sighting::{Legal, Sighting};
use crate::log::slots::seek;
use crate::log::writes::Write;
use crate::operation::Acks;
use crate::verdict::Anomaly;

/// An acknowledged send, and where it lies.
#[derive(Clone, Copy)]
struct Placed<'a> {
    write: &'a Write,
    at: Offset,
}

impl Scene<'_> {
    /// A producer's later record lies before an earlier one.
    ///
    /// Sends that were in flight together may lie in any order, unless the protocol promises more. After a step
    /// back only what was sent from there on is compared, so that one step is told once.
    pub(super) fn send_order(&self, sink: &mut Sink<'_>) {
        self.inside_operations(sink);
        if self.sends_go_up() {
            return;
        }
        let mut producers: BTreeMap<ClientId, Vec<Placed<'_>>> = BTreeMap::new();
        for send in self.placed() {
            producers.entry(send.write.client).or_default().push(send);
        }
        for sends in producers.values() {
            self.order_of(sends, sink);
        }
    }

    /// The acknowledged sends that lie somewhere, in the order in which they were sent.
    fn placed(&self) -> impl Iterator<Item = Placed<'_>> {
        let acknowledged = self.history.writes.iter().filter(|write| write.acknowledged().is_some());
        acknowledged.filter_map(|write| Some(Placed { write, at: write.place()? }))
    }

    /// Whether each record lies above all of its producer that count before it: the quick check that mostly settles
    /// it, without a list a producer.
    fn sends_go_up(&self) -> bool {
        let all_count = self.order == SendOrder::Always || !rule::applies("one-by-one");
        let history = self.history;
        let mut highest: HashMap<ClientId, Offset, FxBuildHasher> = HashMap::default();
        let mut completed = history.completions.iter().map(|id| history.write(*id)).peekable();
        for Placed { write, at } in self.placed() {
            while let Some(other) = completed.next_if(|other| other.completed < write.invoked) {
                let at = other.acknowledged().and_then(|_| other.place());
                if let Some(at) = at.filter(|_| !all_count) {
                    let highest = highest.entry(other.client).or_insert(at);
                    *highest = at.max(*highest);
                }
            }
            if highest.get(&write.client).is_some_and(|highest| at <= *highest) {
                return false;
            }
            if all_count {
                highest.insert(write.client, at);
            }
        }
        true
    }

    /// The order of the sends of different operations of one producer.
    fn order_of(&self, sends: &[Placed<'_>], sink: &mut Sink<'_>) {
        let in_flight_too = self.order == SendOrder::Always && rule::applies("in-flight-order");
        // From when on a later send has to lie above this one.
        let counts_from = |send: &Placed<'_>| {
            let together = in_flight_too || !rule::applies("one-by-one");
            if together { send.write.invoked } else { send.write.completed }
        };
        let mut earlier = sends.to_vec();
        earlier.sort_by_key(|send| (counts_from(send), send.write.invoked));
        let mut earlier = earlier.into_iter().peekable();
        // The highest one before this, among those sent since the last step back.
        let (mut highest, mut since): (Option<Placed<'_>>, Moment) = (None, Moment(0));
        for send in sends.iter().copied() {
            let begins = send.write.invoked;
            while let Some(other) = earlier.next_if(|other| counts_from(other) < begins) {
                let counts = other.write.invoked >= since || !rule::applies("told-once");
                if counts && highest.is_none_or(|it| it.at <= other.at) {
                    highest = Some(other);
                }
            }
            if let Some(earlier) = highest.filter(|it| send.at <= it.at) {
                self.step_back(Anomaly::NonmonotonicSend, earlier, send, sink);
                (highest, since) = (None, begins);
            }
        }
    }

    /// The order of the sends of one operation, and what lies between them.
    fn inside_operations(&self, sink: &mut Sink<'_>) {
        let firsts = self.history.slots.firsts();
        let mut sends = self.placed();
        let Some(mut last) = sends.next() else { return };
        let mut near = 0;
        for next in sends {
            let one = std::mem::replace(&mut last, next);
            if one.write.op != next.write.op {
                continue;
            }
            if next.at <= one.at {
                self.step_back(Anomaly::IntNonmonotonicSend, one, next, sink);
                continue;
            }
            near = match seek(firsts, one.at, near) {
                Ok(at) => at + 1,
                Err(at) => at,
            };
            if let Some(between) = firsts.get(near).filter(|between| between.offset < next.at) {
                let values = [one.write.value, between.value, next.write.value];
                let offsets = [one.at, between.offset, next.at];
                let evidence = self.evidence(&[one.write.told()], values, offsets);
                let legal = rule::applies("send-skips").then_some(Legal::Unisolated);
                sink(Sighting { legal, ..self.sighting(Anomaly::IntSendSkip, evidence) });
            }
        }
    }

    fn step_back(&self, anomaly: Anomaly, earlier: Placed<'_>, later: Placed<'_>, sink: &mut Sink<'_>) {
        let (one, other) = (earlier.write, later.write);
        let moments = [one.told(), other.told()];
        let evidence = self.evidence(&moments, [one.value, other.value], [earlier.at, later.at]);
        // If one of them may be lost, its place is free again.
        let weak_acks: Option<Acks> = weak(one.acks).into_iter().chain(weak(other.acks)).min();
        sink(Sighting { weak_acks, ..self.sighting(anomaly, evidence) });
    }
}
