//! What lies where in one partition, as clients saw it.
//!
//! Kept sorted by offset. Consumers mostly go up the log together, so that a record is either the next one
//! above all or near the place where its consumer read last; nothing is indexed by an offset.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::operations::OpId;
use super::writes::WriteId;
use crate::ids::{Moment, Offset, Value};

/// A value at an offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) offset: Offset,
    pub(super) value: Value,
    /// When it was first seen there.
    pub(super) first: Moment,
    /// When an `ok` poll first saw it there; [`Moment::NEVER`] if none did.
    pub(super) by_ok: Moment,
    /// Whether it was read there; else it is its producer's word.
    pub(super) is_read: bool,
    /// The send of the value, once that is looked up; `None` if nobody sent it.
    pub(super) write: Option<WriteId>,
    /// The operation that sent it, if there is such a send; kept here since dependencies are many.
    pub(super) op: OpId,
    /// Its producer was told that it lies here.
    pub(super) is_told: bool,
}

/// What lies where.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// The first value that was seen at each offset, by offset.
    sorted: Vec<Place>,
    /// Those of them that came below offsets that were known already, until [`Slots::settle`].
    late: Vec<Place>,
    late_at: HashMap<Offset, u32, FxBuildHasher>,
    /// Further values, where there should be none.
    others: Vec<Place>,
    other_at: HashMap<(Offset, Value), u32, FxBuildHasher>,
}

impl Slots {
    /// Takes in what a poll returned. `near` is where its consumer was last, and is moved on. Returns whether
    /// it is the first value that was seen at that offset.
    pub(super) fn see(
        &mut self,
        (offset, value): (Offset, Value),
        moment: Moment,
        is_ok: bool,
        near: &mut usize,
    ) -> bool {
        let new = || {
            let by_ok = if is_ok { moment } else { Moment::NEVER };
            Place {
                offset,
                value,
                first: moment,
                by_ok,
                is_read: true,
                write: None,
                op: OpId(0),
                is_told: false,
            }
        };
        let place = match seek(&self.sorted, offset, *near) {
            Ok(at) => {
                *near = at + 1;
                &mut self.sorted[at]
            }
            Err(at) if at == self.sorted.len() => {
                self.sorted.push(new());
                *near = at + 1;
                return true;
            }
            Err(at) => {
                *near = at;
                let next = u32::try_from(self.late.len()).unwrap_or(u32::MAX);
                let known = *self.late_at.entry(offset).or_insert(next);
                if known == next {
                    self.late.push(new());
                    return true;
                }
                &mut self.late[known as usize]
            }
        };
        let is_first = place.value == value;
        let place = if is_first { place } else { other(&mut self.others, &mut self.other_at, new()) };
        if is_ok && !place.by_ok.is_some() {
            place.by_ok = moment;
        }
        is_first
    }

    /// Puts everything in order, once all was seen.
    pub(super) fn settle(&mut self) {
        let late = std::mem::take(&mut self.late);
        self.late_at = HashMap::default();
        self.merge(late);
        self.order_others();
    }

    /// Puts committed sends, by their offsets, beside what was read, once that is settled. Of the further values it
    /// only matters here which are known; they have moved.
    pub(super) fn put(&mut self, sends: impl Iterator<Item = Place>) {
        let mut new: Vec<Place> = Vec::new();
        let mut near = 0;
        for send in sends {
            match seek(&self.sorted, send.offset, near) {
                Ok(at) => {
                    near = at + 1;
                    if self.sorted[at].value != send.value {
                        other(&mut self.others, &mut self.other_at, send);
                    }
                }
                Err(at) => {
                    near = at;
                    match new.last() {
                        Some(last) if last.offset == send.offset && last.value != send.value => {
                            other(&mut self.others, &mut self.other_at, send);
                        }
                        Some(last) if last.offset == send.offset => {}
                        _ => new.push(send),
                    }
                }
            }
        }
        self.other_at = HashMap::default();
        self.merge(new);
        self.order_others();
    }

    fn order_others(&mut self) {
        self.others.sort_by_key(|place| (place.offset, place.first));
    }

    fn merge(&mut self, more: Vec<Place>) {
        if !more.is_empty() {
            self.sorted.extend(more);
            // Two runs that are mostly in order: the stable sort finds and merges them.
            self.sorted.sort_by_key(|place| place.offset);
        }
    }

    /// The first value at each offset, by offset.
    pub(super) fn firsts(&self) -> &[Place] {
        &self.sorted
    }

    /// The further values, by offset.
    pub(super) fn others(&self) -> &[Place] {
        &self.others
    }

    pub(super) fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.sorted.iter_mut().chain(&mut self.others)
    }

    /// The further values at an offset.
    pub(super) fn others_at(&self, offset: Offset) -> &[Place] {
        let from = self.others.partition_point(|place| place.offset < offset);
        let count = self.others[from..].partition_point(|place| place.offset == offset);
        &self.others[from..from + count]
    }
}

fn other<'p>(
    others: &'p mut Vec<Place>,
    other_at: &mut HashMap<(Offset, Value), u32, FxBuildHasher>,
    place: Place,
) -> &'p mut Place {
    let next = u32::try_from(others.len()).unwrap_or(u32::MAX);
    let known = *other_at.entry((place.offset, place.value)).or_insert(next);
    if known == next {
        others.push(place);
    }
    &mut others[known as usize]
}

/// Where `offset` is among places that are sorted by it, or where it would be. Quick if that is at `near` or
/// not far from it.
#[inline]
pub(super) fn seek(sorted: &[Place], offset: Offset, near: usize) -> Result<usize, usize> {
    match sorted.get(near) {
        Some(place) if place.offset == offset => Ok(near),
        None if sorted.last().is_none_or(|last| last.offset < offset) => Err(sorted.len()),
        _ => seek_from(sorted, offset, near),
    }
}

fn seek_from(sorted: &[Place], offset: Offset, near: usize) -> Result<usize, usize> {
    let near = near.min(sorted.len().saturating_sub(1));
    let is_below = |at: usize| sorted.get(at).is_some_and(|place| place.offset < offset);
    // All below `low` is below the offset, and nothing from `high` on.
    let mut stride = 1;
    let (low, high) = if is_below(near) {
        let mut low = near + 1;
        while is_below(low + stride) {
            low += stride + 1;
            stride *= 2;
        }
        (low.min(sorted.len()), sorted.len().min(low + stride))
    } else {
        let mut high = near;
        while high > stride && !is_below(high - stride) {
            high -= stride;
            stride *= 2;
        }
        (high.saturating_sub(stride), high)
    };
    sorted[low..high].binary_search_by_key(&offset, |place| place.offset).map_or_else(
        |at| {
            let at = low + at;
            if sorted.get(at).is_some_and(|place| place.offset == offset) { Ok(at) } else { Err(at) }
        },
        |at| Ok(low + at),
    )
}
