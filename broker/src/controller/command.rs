//! What the controllers decide on: commands, in the form in which they stand in the metadata log.
//!
//! An entry is a command, not its effect: every node validates it at apply time, against the same state,
//! and comes to the same outcome. Entries are JSON, so that a log can be read by eye.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::state::TopicConfig;
use crate::ids::{BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch};

/// A command and who proposes it: the payload of one entry of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The proposer's term as the controller. A command of another term than the current one is dropped.
    pub controller_epoch: ControllerEpoch,
    /// Counts the proposals of the proposer's present life. With the epoch, in which nobody else proposes,
    /// it names a proposal for good, so that the proposer recognises its own when it is applied.
    pub sequence: u64,
    /// What is asked for.
    pub command: Command,
}

/// One change of the cluster's metadata. Every command may be applied twice with no further effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The first command of a controller's term: from here on commands of lower terms are dropped.
    BecomeController {
        /// The quorum node that leads.
        node: BrokerId,
    },
    /// A process of a broker asks to belong to the cluster. Its broker epoch is the entry's offset.
    RegisterBroker {
        /// Which broker.
        broker: BrokerId,
        /// Tells this process of the broker from its former ones.
        incarnation: Uuid,
        /// Where clients and other brokers reach it.
        host: String,
        /// Its port for the Kafka protocol.
        port: u16,
    },
    /// A registered broker has caught up with the metadata log and may lead and join ISRs.
    UnfenceBroker {
        /// Which broker.
        broker: BrokerId,
        /// Its registration.
        broker_epoch: BrokerEpoch,
    },
    /// A broker's session timed out.
    FenceBroker {
        /// Which broker.
        broker: BrokerId,
        /// Its registration.
        broker_epoch: BrokerEpoch,
    },
    /// A broker is about to stop, and hands its leaderships on.
    BeginShutdown {
        /// Which broker.
        broker: BrokerId,
        /// Its registration.
        broker_epoch: BrokerEpoch,
    },
    /// A leader changes the ISRs of partitions that it leads (KIP-497). Each change stands alone.
    AlterPartition {
        /// The leader.
        broker: BrokerId,
        /// Its registration.
        broker_epoch: BrokerEpoch,
        /// The changes, in the order of the request.
        alterations: Vec<Alteration>,
    },
    /// Creates a topic, its replicas spread evenly over the registered brokers.
    CreateTopic {
        /// The topic's name.
        name: Arc<str>,
        /// Its id, new for every topic.
        id: Uuid,
        /// How many partitions.
        partitions: u32,
        /// How many replicas each partition has.
        replication: u32,
        /// Its configuration.
        config: TopicConfig,
    },
    /// Deletes a topic.
    DeleteTopic {
        /// The topic's id.
        id: Uuid,
    },
}

/// A new ISR for one partition, as its leader asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alteration {
    /// The topic's id.
    pub topic_id: Uuid,
    /// The partition's number.
    pub partition: i32,
    /// The epoch in which the leader leads.
    pub leader_epoch: LeaderEpoch,
    /// The partition state that the change starts from.
    pub partition_epoch: PartitionEpoch,
    /// The members of the new ISR, each with the registration that the leader knows of it (KIP-903).
    pub new_isr: Vec<(BrokerId, BrokerEpoch)>,
}

impl Proposal {
    /// The bytes of the entry.
    pub fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("a proposal has string keys only and encodes to JSON").into()
    }

    /// Reads an entry. `None` is the empty entry with which a quorum leader opens its term.
    pub fn decode(entry: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        if entry.is_empty() { Ok(None) } else { serde_json::from_slice(entry).map(Some) }
    }
}
