//! Producers whose records lie in another order than they were sent, or apart; and torn transactions are in
//! [`super::super::transactions`].

use std::collections::BTreeMap;

use super::{Scene, Sink, weak};
use crate::ids::{ClientId, Moment, Offset};
use crate::linearizability::rule;
use crate::log::SendOrder;
use crate::log::partition::Write;
use crate::log::sighting::{Legal, Sighting};
use crate::log::slots::seek;
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
        let mut producers: BTreeMap<ClientId, Vec<Placed<'_>>> = BTreeMap::new();
        // They are in the order in which they were sent.
        for write in self.history.writes.iter().filter(|write| write.acknowledged().is_some()) {
            if let Some(at) = write.place() {
                producers.entry(write.client).or_default().push(Placed { write, at });
            }
        }
        for sends in producers.values() {
            self.order_of(sends, sink);
            self.inside_operations(sends, sink);
        }
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
    fn inside_operations(&self, sends: &[Placed<'_>], sink: &mut Sink<'_>) {
        let firsts = self.history.slots.firsts();
        for pair in sends.windows(2).filter(|pair| pair[0].write.op == pair[1].write.op) {
            let (one, next) = (pair[0], pair[1]);
            if next.at <= one.at {
                self.step_back(Anomaly::IntNonmonotonicSend, one, next, sink);
                continue;
            }
            let after = match seek(firsts, one.at, 0) {
                Ok(at) => at + 1,
                Err(at) => at,
            };
            if let Some(between) = firsts.get(after).filter(|between| between.offset < next.at) {
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
