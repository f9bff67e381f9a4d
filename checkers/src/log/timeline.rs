//! When everything happened: the history's events by their place in it.

use crate::ids::{Moment, OperationIndex, Time};
use crate::operation::Operation;

/// The events of a history, in their order.
#[derive(Debug, Default)]
pub(super) struct Timeline(Vec<(OperationIndex, Time)>);

impl Timeline {
    /// Takes the next event. After 2^32 - 2 of them no moment is left, and all the rest share the last.
    pub(super) fn note(&mut self, operation: &Operation) -> Moment {
        let place = u32::try_from(self.0.len()).unwrap_or(u32::MAX).min(u32::MAX - 1);
        if place < u32::MAX - 1 {
            self.0.push((operation.index, operation.time));
        }
        Moment(place)
    }

    /// Whether there are more events than moments.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= (u32::MAX - 1) as usize
    }

    /// What evidence points at.
    pub(super) fn index(&self, moment: Moment) -> OperationIndex {
        self.0.get(moment.0 as usize).map_or(OperationIndex::default(), |(index, _)| *index)
    }

    /// When it was.
    pub(super) fn time(&self, moment: Moment) -> Time {
        self.0.get(moment.0 as usize).map_or(Time::default(), |(_, time)| *time)
    }
}
