//! What can go wrong with a log, and whose fault it is.

use std::io;

use super::batch::BatchError;
use crate::ids::Offset;

/// Why a call on a log failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refused a call, or an earlier call failed half-way and left the log's end unknown.
    #[error("cannot {action} {path}; restart the broker to recover the log")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: String,
        /// The disk's own word.
        source: io::Error,
    },
    /// Bytes that were written whole are no longer what they were.
    #[error(
        "{path} is corrupt at byte {position}; restart the broker to cut it there and replicate the rest anew"
    )]
    Corrupt {
        /// The segment's file.
        path: String,
        /// Where the bad batch begins, in bytes.
        position: u64,
        /// The rule that it breaks.
        source: BatchError,
    },
    /// The records handed in break a rule; nothing was written.
    #[error("the batch at byte {position} of the records is refused")]
    Invalid {
        /// Where the bad batch begins, in bytes.
        position: usize,
        /// The rule that it breaks.
        source: BatchError,
    },
    /// A batch handed in is larger than the configuration allows; nothing was written.
    #[error(
        "a batch of {size} bytes exceeds the limit of {limit} bytes; send smaller ones or raise the limit"
    )]
    TooLarge {
        /// The batch's size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The offset asked for is not in the log.
    #[error("offset {offset} is outside of the log, which reaches from {start} to {end}")]
    OutOfRange {
        /// The offset asked for.
        offset: Offset,
        /// The log's first offset.
        start: Offset,
        /// The log's end offset.
        end: Offset,
    },
}

impl LogError {
    /// Whether the request is at fault and is to be refused. Otherwise the log is, and the broker must
    /// stop itself: going on after a failed write is how logs diverge (KAFKA-10778).
    pub fn is_callers_fault(&self) -> bool {
        match self {
            Self::Invalid { .. } | Self::TooLarge { .. } | Self::OutOfRange { .. } => true,
            Self::Io { .. } | Self::Corrupt { .. } => false,
        }
    }

    /// Names what was tried, for `map_err` on a call of the disk.
    pub(super) fn io(action: &'static str, path: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
