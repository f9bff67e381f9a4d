//! What the fast exact checks do not take on, so that the general search has to.

use thiserror::Error;

use super::{OpId, ValueId};

/// Why a history is outside of what a fast exact check decides. It says nothing of the history: ask the
/// general search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Outside {
    /// It has more operations than places.
    #[error("{operations} operations are too many: a fast check takes fewer than 2^31, so split the history")]
    TooLong {
        /// How many it has.
        operations: usize,
    },
    /// An operation ends before it begins.
    #[error("operation {} returns before it is called: check what gave the history its order", .operation.0)]
    Backwards {
        /// Which.
        operation: OpId,
    },
    /// A value's number is far above the number of operations.
    #[error(
        "operation {} is about value {}, but values are numbered from 0 without gaps: number them anew",
        .operation.0, .value.0
    )]
    NotDense {
        /// The operation that has it.
        operation: OpId,
        /// The value.
        value: ValueId,
    },
    /// A value was put into the object twice, so that who sees it does not tell which of them they see.
    #[error(
        "operation {} brings value {} into being a second time: only the general search can tell such values apart",
        .operation.0, .value.0
    )]
    NotUnique {
        /// The operation that does so again, by its place in the history.
        operation: OpId,
        /// The value.
        value: ValueId,
    },
    /// A compare-and-set failed, which says what the value was not.
    #[error("operation {} is a compare-and-set that failed: only the general search uses what that tells", .operation.0)]
    FailedCas {
        /// Which.
        operation: OpId,
    },
    /// An operation returned, and its result is not known.
    #[error("operation {} returned without its result: only the general search tries all of them", .operation.0)]
    ResultUnknown {
        /// Which.
        operation: OpId,
    },
    /// An operation never returned, and yet its result is known.
    #[error("operation {} has a result but never returned: only the general search uses such a result", .operation.0)]
    NeverReturned {
        /// Which.
        operation: OpId,
    },
}
