//! What applying a command came to: the answer for its proposer, and what changed.

use kafka_protocol::ResponseError;
use thiserror::Error;

use super::state::PartitionRecord;
use crate::ids::BrokerId;
use crate::ids::{BrokerEpoch, TopicPartition};

/// What one applied entry came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The answer to the proposer.
    pub answer: Result<Answer, Rejection>,
    /// What is different now, in the order in which it changed; empty for a rejected or repeated command.
    pub changes: Vec<Change>,
}

/// The answer to a command that was carried out, now or earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It holds now.
    Done,
    /// The broker is registered under this epoch.
    Registered(BrokerEpoch),
    /// The partitions as they are now, or why one was left alone; in the order of the alterations.
    Altered(Vec<Result<PartitionRecord, Rejection>>),
}

/// One thing that an entry changed. What it is now stands in the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is a new controller.
    Controller,
    /// A broker's registration.
    Broker(BrokerId),
    /// A partition's leader, ISR or recovery, or the partition is new.
    Partition {
        /// Which one.
        partition: TopicPartition,
        /// Whether an unclean election made it so.
        unclean: bool,
    },
}

/// Why a command was not carried out. It certainly had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The proposer is no longer the controller.
    #[error("the proposer's controller epoch is not the current one")]
    StaleController,
    /// The broker has registered anew, or never did.
    #[error("the broker epoch is not that of the broker's registration")]
    StaleBrokerEpoch,
    /// No such topic.
    #[error("no topic has this id")]
    UnknownTopicId,
    /// No such partition of the topic.
    #[error("the topic has no such partition")]
    UnknownPartition,
    /// The request knows of a newer epoch than the log does: it was meant for a later controller.
    #[error("the request is ahead of this controller")]
    AheadOfController,
    /// The partition has had another leader since.
    #[error("the leader epoch is older than the partition's")]
    FencedLeaderEpoch,
    /// The broker does not lead the partition.
    #[error("the broker is not the partition's leader")]
    NotLeader,
    /// The partition has changed since. The request itself may have done so, if an answer was lost.
    #[error("the partition epoch is older than the partition's")]
    InvalidUpdateVersion,
    /// The new ISR is empty, is without its leader, or names a broker without a replica.
    #[error("the new isr must hold the leader, and replicas of the partition only")]
    InvalidIsr,
    /// A member of the new ISR is fenced, shutting down, or has registered anew. The only definite refusal
    /// among those of an ISR change (KIP-903), and definite of this request alone: an earlier one for the
    /// same change whose answer was lost may still be on its way.
    #[error("a member of the new isr is fenced, shutting down or has registered anew")]
    IneligibleReplica,
    /// The name is taken.
    #[error("a topic of this name exists")]
    TopicExists,
    /// Too few brokers are registered, or none of those that would hold a partition is alive.
    #[error("too few brokers are registered and alive for this replication factor")]
    InvalidReplicationFactor,
    /// No partition, or more than a topic may have.
    #[error("the number of partitions must be from 1 to {}", super::placement::PARTITIONS_MAX)]
    InvalidPartitions,
}

impl Rejection {
    /// The error of the Kafka protocol that says so.
    pub fn kafka(self) -> ResponseError {
        match self {
            Self::StaleController | Self::AheadOfController => ResponseError::NotController,
            Self::StaleBrokerEpoch => ResponseError::StaleBrokerEpoch,
            Self::UnknownTopicId => ResponseError::UnknownTopicId,
            Self::UnknownPartition => ResponseError::UnknownTopicOrPartition,
            Self::FencedLeaderEpoch => ResponseError::FencedLeaderEpoch,
            Self::NotLeader => ResponseError::NotLeaderOrFollower,
            Self::InvalidUpdateVersion => ResponseError::InvalidUpdateVersion,
            Self::InvalidIsr => ResponseError::InvalidRequest,
            Self::IneligibleReplica => ResponseError::IneligibleReplica,
            Self::TopicExists => ResponseError::TopicAlreadyExists,
            Self::InvalidReplicationFactor => ResponseError::InvalidReplicationFactor,
            Self::InvalidPartitions => ResponseError::InvalidPartitions,
        }
    }
}
