//! What is asked of a replica and what it answers.

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch};
use crate::log::LogError;

/// A reader of the log and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadRequest {
    /// The follower and its incarnation; none for a consumer.
    pub(crate) follower: Option<(BrokerId, Option<BrokerEpoch>)>,
    /// The epoch in which the reader believes the leader to be; none skips the check.
    pub(crate) epoch: Option<LeaderEpoch>,
    /// The first record wanted.
    pub(crate) from: Offset,
    /// The epoch of the reader's last record, where it asks to be told of a divergence.
    pub(crate) last_fetched_epoch: Option<LeaderEpoch>,
    /// How much to read at most; one batch is read however long it is.
    pub(crate) max_bytes: usize,
}

/// What a read gave.
#[derive(Debug)]
pub(crate) struct ReadAnswer {
    pub(crate) records: Bytes,
    pub(crate) hw: Offset,
    pub(crate) log_start: Offset,
    /// Where the reader's log leaves this one; then there are no records.
    pub(crate) diverging: Option<(LeaderEpoch, Offset)>,
}

/// An answer to the controller question which ISR holds.
#[derive(Debug)]
pub(in crate::replica) struct IsrRequest {
    pub(in crate::replica) topic_id: Uuid,
    pub(in crate::replica) epoch: LeaderEpoch,
    pub(in crate::replica) partition_epoch: PartitionEpoch,
    pub(in crate::replica) isr: Vec<(BrokerId, BrokerEpoch)>,
}

/// How a proposed ISR fared.
#[derive(Debug)]
pub(in crate::replica) enum IsrAnswer {
    Committed {
        epoch: LeaderEpoch,
        partition_epoch: PartitionEpoch,
        isr: BTreeSet<BrokerId>,
    },
    /// A proposed member may not be in: the one refusal after which nothing can have changed.
    Ineligible,
    /// Refused, because the controller knows more; the metadata log will tell.
    Superseded,
    /// Whether it took effect is unknown: the same is asked again, under the same partition epoch.
    None,
}

/// Why a replica did not do what was asked.
#[derive(Debug)]
pub(crate) enum ReplicaError {
    /// The other side is told so; nothing is wrong here.
    Refused(ResponseError),
    /// The log cannot be trusted any longer: the broker has to stop itself.
    Log(LogError),
}

impl From<ResponseError> for ReplicaError {
    fn from(error: ResponseError) -> Self {
        Self::Refused(error)
    }
}

impl From<LogError> for ReplicaError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::TooLarge { .. } => Self::Refused(ResponseError::MessageTooLarge),
            error if error.is_callers_fault() => Self::Refused(ResponseError::CorruptMessage),
            error => Self::Log(error),
        }
    }
}
