//! Replicas of partitions: leaders, followers, ISR, high watermark.
//!
//! [`manager::ReplicaManager`] hosts them and gives them their roles from the controller's log; a
//! [`partition::Partition`] keeps the rules; a [`fetcher`] pulls for the followers, one task a leader.

mod context;
mod fetcher;
mod isr;
mod leader;
mod manager;
mod partition;
mod waiters;

pub(crate) use context::Context;
pub(crate) use manager::ReplicaManager;
pub(crate) use partition::{Partition, ReadAnswer, ReadRequest, ReplicaError};
pub(crate) use waiters::WaitFor;
