//! How far a partition reached in its readers' eyes: the high watermark, and the end.

use crate::ids::{Moment, Offset};
use crate::linearizability::rule;

/// What readers saw of a partition's end.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Each time that one reader saw it step back.
    pub(super) backs: Vec<Back>,
    /// The greatest high watermark that anybody was told.
    highest: Option<(Offset, Moment)>,
    /// The end that the last final read found.
    last: Option<(Offset, Moment)>,
}

/// One reader was told of one end, and later of a lower one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Back {
    pub(super) from: (Offset, Moment),
    pub(super) to: (Offset, Moment),
}

/// What one consumer knows of a partition's end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known(Option<(Offset, Moment)>);

impl Ends {
    /// A reader that knows something is told of a high watermark.
    pub(super) fn high_watermark(&mut self, hw: Offset, at: Moment, known: &mut Known) {
        if let Some(from) = known.0.filter(|(from, _)| *from > hw) {
            self.backs.push(Back { from, to: (hw, at) });
        }
        known.0 = Some((hw, at));
        if self.highest.is_none_or(|(highest, _)| highest < hw) {
            self.highest = Some((hw, at));
        }
    }

    /// The current leader's log ends below a reader's position.
    pub(super) fn refused(&mut self, position: Offset, reset: Offset, at: Moment, known: &mut Known) {
        if reset < position {
            let from = known.0.filter(|(hw, _)| *hw >= position).unwrap_or((position, at));
            self.backs.push(Back { from, to: (reset, at) });
        }
        known.0 = None;
    }

    /// A final read went from the beginning to this end, when all replicas agreed on it.
    pub(super) fn final_end(&mut self, end: Option<Offset>, at: Moment) {
        if let Some(end) = end {
            self.last = Some((end, at));
        }
    }

    /// Whether anybody told anything of the end.
    pub(super) fn is_told(&self) -> bool {
        self.highest.is_some() || !self.backs.is_empty()
    }

    /// The final read found an end below the highest high watermark that anybody was told before.
    pub(super) fn shrunk(&self) -> Option<Back> {
        let (from, to) = (self.highest?, self.last?);
        let before = from.1 < to.1 || !rule::applies("final-end-after");
        (to.0 < from.0 && before).then_some(Back { from, to })
    }
}
