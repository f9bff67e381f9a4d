//! Values of a history, as a report shows them.

use std::fmt;

use crate::history::{Datum, Limits, print_within};

/// A value that is shown as EDN, its depth and its length bounded.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Shown(pub(super) Datum);

/// What is told of a value.
const LIMITS: Limits = Limits { depth_max: 7, elements_max: 24 };

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_within(LIMITS, &self.0, f)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_within(LIMITS, &self.0, f)
    }
}
