//! Puts the operations of a linearizable history in an order.
//!
//! Every dequeue that found nothing cuts the time in two, at a moment when nothing need have been in the
//! queue: each value is enqueued and dequeued on one side of it. Between two cuts, values leave in any order
//! that both the enqueues and the dequeues permit; given that order, each operation takes effect as early as
//! it can.

use super::super::rule;
use super::super::{Certificate, OpId, ValueId};
use super::evidence::{Evidence, Life};
use super::sweep::{Empty, Walk, WindowEnds};
use crate::ids::{Interval, Moment};

pub(super) fn certificate(evidence: &Evidence, walk: Walk, operations: usize) -> Certificate {
    let Walk { empties, ends } = walk;
    let segments = Segments::of(evidence, &empties);
    let values = fifo(evidence, ends, &segments);
    let mut output = Output { evidence, order: Vec::with_capacity(operations), enqueued: Moment(0) };
    let mut waiting = Waiting::default();
    let mut empties = empties.iter().peekable();
    for segment in 0..segments.count() {
        let values = values.get(segments.range(segment)).unwrap_or_default();
        waiting.start();
        for value in values {
            output.enqueue(*value, values, &mut waiting);
        }
        let cut = segments.cuts.get(segment);
        if cut.is_none() {
            for value in evidence.never_dequeued() {
                output.enqueue(*value, values, &mut waiting);
            }
        }
        output.dequeue(values, &mut waiting, None);
        while let Some(empty) = empties.next_if(|empty| Some(&empty.after) == cut) {
            output.order.push(empty.dequeue);
        }
    }
    // Without its rule nothing cuts.
    output.order.extend(empties.map(|empty| empty.dequeue));
    Certificate { order: output.order }
}

/// The stretches of time between the moments at which the queue is empty, and the values of each.
struct Segments {
    /// Each right after one call or return.
    cuts: Vec<Moment>,
    /// By value, where there is a cut at all.
    of_value: Vec<u32>,
    /// Where the values of each segment begin, if values are sorted by segment, and where the last ends.
    bounds: Vec<usize>,
}

impl Segments {
    fn of(evidence: &Evidence, empties: &[Empty]) -> Self {
        let mut cuts: Vec<Moment> = Vec::new();
        if rule::applies("queue: cut where it is empty") {
            cuts.extend(empties.iter().map(|empty| empty.after));
            cuts.dedup();
        }
        let mut segments = Self { bounds: vec![0; cuts.len() + 2], of_value: Vec::new(), cuts };
        if !segments.cuts.is_empty() {
            segments.of_value = evidence.lives.iter().map(|life| segments.locate(life)).collect();
        }
        for (place, life) in evidence.lives.iter().enumerate() {
            if life.is_dequeued() {
                let segment = segments.segment(ValueId(place as u32));
                segments.bounds[segment + 1] += 1;
            }
        }
        for segment in 1..segments.bounds.len() {
            segments.bounds[segment] += segments.bounds[segment - 1];
        }
        segments
    }

    /// The segment that meets both windows of a value: where the first of them ends or both have begun.
    fn locate(&self, life: &Life) -> u32 {
        let met = life.enqueued.ret.min(life.dequeue_window().call);
        self.cuts.partition_point(|cut| *cut < met) as u32
    }

    fn segment(&self, value: ValueId) -> usize {
        self.of_value.get(value.0 as usize).map_or(0, |segment| *segment as usize)
    }

    fn count(&self) -> usize {
        self.cuts.len() + 1
    }

    /// The values segment by segment, and those of one segment in the order in which they are given.
    fn sort(&self, mut values: Vec<ValueId>) -> Vec<ValueId> {
        let count = self.bounds.last().copied().unwrap_or(0);
        if self.cuts.is_empty() {
            // Without their rules some may be missing.
            values.resize(count, ValueId(u32::MAX));
            return values;
        }
        let mut next = self.bounds.clone();
        let mut sorted = vec![ValueId(u32::MAX); count];
        for value in values {
            let place = &mut next[self.segment(value)];
            if let Some(slot) = sorted.get_mut(*place) {
                *slot = value;
            }
            *place += 1;
        }
        sorted
    }

    fn range(&self, segment: usize) -> std::ops::Range<usize> {
        self.bounds[segment]..self.bounds[segment + 1]
    }
}

/// The values that were dequeued, in the order of their dequeues, segment by segment.
fn fifo(evidence: &Evidence, ends: WindowEnds, segments: &Segments) -> Vec<ValueId> {
    let sorted = Sorted::of(evidence, ends, segments);
    let mut order: Vec<ValueId> = Vec::with_capacity(sorted.enqueues.starts.len());
    let mut released = vec![0u8; evidence.lives.len()];
    let mut done = vec![false; evidence.lives.len()];
    for segment in 0..segments.count() {
        let range = segments.range(segment);
        let mut enqueues = sorted.enqueues.front(range.clone(), |life| life.enqueued);
        let mut dequeues = sorted.dequeues.front(range.clone(), Life::dequeue_window);
        for place in range {
            for front in [&mut enqueues, &mut dequeues] {
                front.release(&evidence.lives, &done, |value| {
                    let released = &mut released[value.0 as usize];
                    *released += 1;
                    if *released == 2 {
                        order.push(value);
                    }
                });
            }
            // There always is one: the two orders have no cycle.
            let Some(value) = order.get(place) else { return order };
            done[value.0 as usize] = true;
        }
    }
    order
}

/// Values sorted by where their windows begin and end, segment by segment.
#[derive(Default)]
struct Ends {
    starts: Vec<ValueId>,
    ends: Vec<ValueId>,
}

/// The values that were dequeued, sorted by their windows.
struct Sorted {
    enqueues: Ends,
    dequeues: Ends,
}

impl Sorted {
    fn of(evidence: &Evidence, mut ends: WindowEnds, segments: &Segments) -> Self {
        // What never returned ends last, in any order.
        for (life, value) in evidence.lives.iter().zip(0..).filter(|(life, _)| life.is_dequeued()) {
            if !life.enqueued.ret.is_some() {
                ends.enqueue_ends.push(ValueId(value));
            }
            if !life.dequeued.ret.is_some() {
                ends.dequeue_ends.push(ValueId(value));
            }
        }
        let by_segment = |values| segments.sort(values);
        Self {
            enqueues: Ends { starts: by_segment(ends.enqueue_starts), ends: by_segment(ends.enqueue_ends) },
            dequeues: Ends { starts: by_segment(ends.dequeue_starts), ends: by_segment(ends.dequeue_ends) },
        }
    }
}

impl Ends {
    fn front(&self, range: std::ops::Range<usize>, window: fn(&Life) -> Interval) -> Front<'_> {
        Front { starts: &self.starts[range.clone()], ends: &self.ends[range], window }
    }
}

/// How far an order of intervals has come: a value may come next once nothing else has to come before.
struct Front<'a> {
    starts: &'a [ValueId],
    ends: &'a [ValueId],
    window: fn(&Life) -> Interval,
}

impl Front<'_> {
    #[inline]
    fn release(&mut self, lives: &[Life], done: &[bool], mut release: impl FnMut(ValueId)) {
        while let [first, rest @ ..] = self.ends
            && done.get(first.0 as usize).is_none_or(|done| *done)
        {
            self.ends = rest;
        }
        let window = |value: &ValueId| lives.get(value.0 as usize).map(self.window);
        let until = self.ends.first().and_then(window).map_or(Moment::NEVER, |window| window.ret);
        while let [first, rest @ ..] = self.starts
            && window(first).is_some_and(|window| window.call < until)
        {
            release(*first);
            self.starts = rest;
        }
    }
}

/// The dequeues of a segment that did not take place yet: from which of its values on, and how late the
/// enqueue of the last of them was.
#[derive(Default)]
struct Waiting {
    next: usize,
    enqueued: Moment,
    dequeued: Moment,
}

impl Waiting {
    fn start(&mut self) {
        self.next = 0;
    }
}

/// The order as it grows.
struct Output<'a> {
    evidence: &'a Evidence,
    order: Vec<OpId>,
    /// The call after which the last enqueue took place.
    enqueued: Moment,
}

impl Output<'_> {
    fn enqueue(&mut self, value: ValueId, values: &[ValueId], waiting: &mut Waiting) {
        let life = self.evidence.of_value(value);
        self.enqueued = self.enqueued.max(life.enqueued.call);
        self.dequeue(values, waiting, Some(self.enqueued));
        self.order.extend(life.enqueue());
    }

    /// Lets the dequeues take place that can before this moment, or all.
    fn dequeue(&mut self, values: &[ValueId], waiting: &mut Waiting, before: Option<Moment>) {
        while let Some(value) = values.get(waiting.next) {
            let life = self.evidence.of_value(*value);
            let enqueued = waiting.enqueued.max(life.enqueued.call);
            let dequeued = waiting.dequeued.max(life.dequeued.call).max(enqueued);
            if before.is_some_and(|before| dequeued >= before) {
                break;
            }
            *waiting = Waiting { next: waiting.next + 1, enqueued, dequeued };
            self.order.extend(life.dequeue());
        }
    }
}
