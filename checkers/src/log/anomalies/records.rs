//! What happened to single records: lost, moved, doubled, never sent.

use std::collections::BTreeMap;

use super::{Scene, Sink, weak};
use crate::ids::{ClientId, Moment, Offset, Value};
use crate::linearizability::rule;
use crate::log::sighting::{Part, Sighting};
use crate::log::slots::{Place, seek};
use crate::log::writes::Write;
use crate::operation::Acks;
use crate::verdict::Anomaly;

impl Scene<'_> {
    /// One offset was seen with two values.
    pub(super) fn inconsistent_offsets(&self, sink: &mut Sink<'_>) {
        let slots = &self.history.slots;
        let mut near = 0;
        for others in slots.others().chunk_by(|one, other| one.offset == other.offset) {
            let offset = others[0].offset;
            let Ok(at) = seek(slots.firsts(), offset, near) else { continue };
            near = at;
            let all = || std::iter::once(&slots.firsts()[at]).chain(others);
            let moments: Vec<Moment> = all().map(|place| place.first).collect();
            let evidence = self.evidence(&moments, all().map(|place| place.value), [offset]);
            let weak_acks = self.weak_acks_of(all());
            sink(Sighting { weak_acks, ..self.sighting(Anomaly::InconsistentOffsets, evidence) });
        }
    }

    /// The weakest acks among a slot's values, if without the weakly acknowledged ones they agree.
    fn weak_acks_of<'p>(&self, places: impl Iterator<Item = &'p Place>) -> Option<Acks> {
        let acks = places.map(|place| place.write.and_then(|id| weak(self.history.write(id).acks)));
        let (weak, strong): (Vec<_>, Vec<_>) = acks.partition(Option::is_some);
        if strong.len() <= 1 { weak.into_iter().flatten().min() } else { None }
    }

    /// One value lies at two offsets. To read one offset again is none.
    pub(super) fn duplicates(&self, sink: &mut Sink<'_>) {
        let history = self.history;
        let mut doubled: Vec<(Value, Moment, Offset)> = history.moved.clone();
        for write in history.writes.iter().filter(|write| write.committed) {
            if let (Some(told), Some((read, at))) = (write.offset(), write.read())
                && told != read
            {
                doubled.push((write.value, at, read));
            }
        }
        doubled.extend(history.unsent.iter().map(|place| (place.value, place.first, place.offset)));
        doubled.sort_unstable();
        doubled.dedup();
        for places in doubled.chunk_by(|one, other| one.0 == other.0) {
            let value = places[0].0;
            let sent = history.write_of(value).filter(|write| write.committed);
            let sent = sent.and_then(|write| Some((write.offset()?, write.told())));
            let (at, by) = sent.unwrap_or((places[0].2, places[0].1));
            for (_, moment, offset) in places.iter().filter(|(_, _, offset)| *offset != at) {
                let evidence = self.evidence(&[by, *moment], [value], [at, *offset]);
                sink(self.sighting(Anomaly::Duplicate, evidence));
            }
        }
    }

    /// A value was read that nobody sent.
    pub(super) fn phantoms(&self, sink: &mut Sink<'_>) {
        for places in self.history.unsent.chunk_by(|one, other| one.value == other.value) {
            let Place { value, first, offset, .. } = places[0];
            let evidence = self.evidence(&[first], [value], [offset]);
            sink(self.sighting(Anomaly::Phantom, evidence));
        }
    }

    /// A value was read whose send had failed.
    pub(super) fn aborted_reads(&self, sink: &mut Sink<'_>) {
        for places in self.history.aborted.chunk_by(|one, other| one.0 == other.0) {
            let (value, read, offset) = places[0];
            if let Some(failed) = self.history.write_of(value).and_then(Write::failed) {
                let evidence = self.evidence(&[failed, read], [value], [offset]);
                sink(self.sighting(Anomaly::AbortedRead, evidence));
            }
        }
    }

    /// A committed value lies at or below the highest offset that was ever read, and was read by nobody.
    pub(super) fn lost_writes(&self, sink: &mut Sink<'_>) {
        let read = |place: &&Place| place.is_read;
        let firsts = self.history.slots.firsts().iter().rev().find(read);
        let others = self.history.slots.others().iter().rev().find(read);
        let Some(highest) = firsts.into_iter().chain(others).max_by_key(|place| place.offset) else { return };
        let (highest, reader) = (highest.offset, highest.first);
        let is_below = |write: &Write| {
            !rule::applies("highest-read") || write.offset().is_some_and(|offset| offset <= highest)
        };
        let lost = |write: &Write| {
            write.committed && write.offset().is_some() && write.read().is_none() && is_below(write)
        };
        for write in self.by_value(lost) {
            let offsets = write.offset().into_iter().chain([highest]);
            let mut evidence = self.evidence(&[write.told(), reader], [write.value], offsets);
            // It is lost only when the run is over: until then somebody might still read it.
            evidence.time = self.history.last_time.max(evidence.time);
            let weak_acks = weak(write.acks);
            sink(Sighting { weak_acks, ..self.sighting(Anomaly::LostWrite, evidence) });
        }
    }

    /// A value was acknowledged before the final read began, and is absent from it.
    pub(super) fn unseen(&self, sink: &mut Sink<'_>) {
        let Some(final_read) = &self.history.final_read else { return };
        let in_time = |ack: Moment| !rule::applies("acknowledged-in-time") || ack < final_read.began;
        let lost = self.by_value(|write| !write.kept && write.acknowledged().is_some_and(in_time));
        if lost.is_empty() {
            return;
        }
        let kept = self.kept_of_producers();
        for write in lost {
            let Some(ack) = write.acknowledged() else { continue };
            let evidence =
                self.evidence(&[write.invoked, ack, final_read.ended], [write.value], write.offset());
            let part = match kept.get(&write.client) {
                Some((_, last)) if write.invoked > *last => Part::End,
                Some((first, _)) if write.invoked > *first => Part::Middle,
                _ => Part::Beginning,
            };
            sink(Sighting {
                weak_acks: weak(write.acks),
                acknowledged: Some(self.timeline.time(ack)),
                part: Some(part),
                ..self.sighting(Anomaly::Unseen, evidence)
            });
        }
    }

    /// When each producer sent the first and the last of its acknowledged records that the final read has.
    fn kept_of_producers(&self) -> BTreeMap<ClientId, (Moment, Moment)> {
        let mut kept: BTreeMap<ClientId, (Moment, Moment)> = BTreeMap::new();
        let is_kept = |write: &&Write| write.kept && write.acknowledged().is_some();
        for write in self.history.writes.iter().filter(is_kept) {
            kept.entry(write.client).or_insert((write.invoked, write.invoked)).1 = write.invoked;
        }
        kept
    }

    /// A value was given to a consumer, and is absent from the final read, or elsewhere in it.
    pub(super) fn read_then_lost(&self, sink: &mut Sink<'_>) {
        let Some(final_read) = &self.history.final_read else { return };
        let slots = &self.history.slots;
        // The first reader of each value that is not where it was read.
        let mut lost: Vec<(Value, Moment, Offset)> = Vec::new();
        for places in [slots.firsts(), slots.others()] {
            let mut content = final_read.content.iter().peekable();
            for place in places {
                while content.next_if(|(offset, _)| *offset < place.offset).is_some() {}
                let is_there = content.peek().is_some_and(|it| **it == (place.offset, place.value));
                // What came after all that the final read speaks of is not lost.
                let is_later = place.first > final_read.began && place.offset >= final_read.end;
                let is_meant = place.is_read && !(is_later && rule::applies("read-later"));
                if !is_there && is_meant {
                    lost.push((place.value, place.first, place.offset));
                }
            }
        }
        lost.sort_unstable();
        lost.dedup_by_key(|(value, ..)| *value);
        // Where the final read has those that it has elsewhere.
        let mut elsewhere: BTreeMap<Value, Offset> = BTreeMap::new();
        let is_lost = |value: &Value| lost.binary_search_by_key(value, |(lost, ..)| *lost).is_ok();
        if !lost.is_empty() {
            let moved = final_read.content.iter().filter(|(_, value)| is_lost(value));
            elsewhere.extend(moved.map(|(offset, value)| (*value, *offset)));
        }
        for (value, reader, offset) in lost.iter().copied() {
            let offsets = std::iter::once(offset).chain(elsewhere.get(&value).copied());
            let evidence = self.evidence(&[reader, final_read.ended], [value], offsets);
            sink(self.sighting(Anomaly::ReadThenLost, evidence));
        }
    }

    /// The sends that are meant, in the order of their values.
    fn by_value(&self, is_meant: impl Fn(&Write) -> bool) -> Vec<&Write> {
        let mut meant: Vec<&Write> = self.history.writes.iter().filter(|write| is_meant(write)).collect();
        meant.sort_unstable_by_key(|write| write.value);
        meant
    }
}
