//! The cluster's metadata: what the controllers decide, and how they decide it.
//!
//! Read in this order: [`command`] (what may be asked for), [`state`] (what it comes to), [`Controller`]
//! (who asks, on the hosts of the quorum), [`feed`] (how the other hosts follow), [`lifecycle`] (how a broker
//! belongs to the cluster).
//!
//! **Invariant:** a broker's leaderships, ISRs and epochs change only by the decided log, and every node
//! folds it with the same [`state::ClusterState::apply`].
//!
//! **Invariant:** a controller answers only in a term whose first command it has applied, and what it
//! answers is the outcome of a command that is decided.

mod active;
pub mod channel;
pub mod command;
mod election;
pub mod feed;
mod handlers;
mod image;
pub mod lifecycle;
mod metadata_log;
pub mod outcome;
mod placement;
mod records;
mod sessions;
pub mod state;
mod trace;

#[cfg(test)]
mod tests;

pub use active::{Controller, ControllerConfig};
pub use channel::{ChannelConfig, ControllerChannel};
pub use feed::{FeedConfig, is_metadata_fetch};
pub use lifecycle::{BrokerStatus, Lifecycle, LifecycleConfig};
pub use metadata_log::MetadataBatch;
pub use records::{METADATA_TOPIC, METADATA_TOPIC_ID};
pub use state::{BrokerRecord, ClusterState, MetadataOffset, PartitionRecord, TopicConfig, TopicRecord};
