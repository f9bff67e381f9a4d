//! What a client knows of the cluster: where the brokers are, and who leads which partition.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use highwater_checkers::ids::{BrokerId, LeaderEpoch, TopicPartition};
use kafka_protocol::messages::MetadataResponse;
use uuid::Uuid;

/// Where a broker is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) host: Arc<str>,
    pub(super) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A partition as a broker describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) topic_id: Uuid,
    pub(super) leader: Option<BrokerId>,
    pub(super) leader_epoch: LeaderEpoch,
    /// In the order of assignment: the preferred leader first.
    pub(super) replicas: Vec<BrokerId>,
    /// Sorted.
    pub(super) isr: Vec<BrokerId>,
}

/// The cluster as one broker describes it, or as a client has come to know it from several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) brokers: BTreeMap<BrokerId, Address>,
    pub(super) partitions: BTreeMap<TopicPartition, Partition>,
}

impl Metadata {
    /// Reads a broker's answer. Topics and ports that make no sense are left out.
    pub(super) fn from_response(response: &MetadataResponse) -> Self {
        let brokers = response.brokers.iter().filter_map(|broker| {
            let port = u16::try_from(broker.port).ok()?;
            Some((BrokerId(broker.node_id.0), Address { host: broker.host.as_str().into(), port }))
        });
        let mut partitions = BTreeMap::new();
        for topic in response.topics.iter().filter(|topic| topic.error_code == 0) {
            let Some(name) = &topic.name else { continue };
            let name: Arc<str> = name.as_str().into();
            for partition in &topic.partitions {
                let ids = |nodes: &[kafka_protocol::messages::BrokerId]| -> Vec<BrokerId> {
                    nodes.iter().map(|id| BrokerId(id.0)).collect()
                };
                let mut isr = ids(&partition.isr_nodes);
                isr.sort_unstable();
                let described = Partition {
                    topic_id: topic.topic_id,
                    leader: known(partition.leader_id.0),
                    leader_epoch: LeaderEpoch(partition.leader_epoch),
                    replicas: ids(&partition.replica_nodes),
                    isr,
                };
                partitions.insert(TopicPartition::new(name.clone(), partition.partition_index), described);
            }
        }
        Self { brokers: brokers.collect(), partitions }
    }

    /// Takes over what `newer` says. A partition's description by a broker that lags behind, with a lower
    /// leader epoch than is known already, is left aside (KIP-320); a topic made anew counts its epochs anew.
    pub(super) fn learn(&mut self, newer: Self) {
        self.brokers.extend(newer.brokers);
        for (id, described) in newer.partitions {
            let lags = self.partitions.get(&id).is_some_and(|known| {
                known.topic_id == described.topic_id && known.leader_epoch > described.leader_epoch
            });
            if !lags {
                self.partitions.insert(id, described);
            }
        }
    }

    /// Whether there is a broker at `address` that serves.
    pub(super) fn lists(&self, address: &Address) -> bool {
        self.brokers.values().any(|known| known == address)
    }

    /// Where a partition is led, if that is known.
    pub(super) fn leader(&self, partition: &TopicPartition) -> Option<(&Address, &Partition)> {
        let described = self.partitions.get(partition)?;
        Some((self.brokers.get(&described.leader?)?, described))
    }
}

/// The protocol says -1 for no broker.
fn known(id: i32) -> Option<BrokerId> {
    (id >= 0).then_some(BrokerId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led_by(leader: i32, epoch: i32, topic_id: u128) -> Metadata {
        let orders = Partition {
            topic_id: Uuid::from_u128(topic_id),
            leader: known(leader),
            leader_epoch: LeaderEpoch(epoch),
            replicas: vec![BrokerId(1), BrokerId(2)],
            isr: vec![BrokerId(1)],
        };
        let address = |id: i32| Address { host: format!("b{id}").into(), port: 9092 };
        Metadata {
            brokers: [1, 2].map(|id| (BrokerId(id), address(id))).into(),
            partitions: [(TopicPartition::new("orders", 0), orders)].into(),
        }
    }

    fn leader(metadata: &Metadata) -> Option<String> {
        metadata.leader(&TopicPartition::new("orders", 0)).map(|(address, _)| address.to_string())
    }

    #[test]
    fn a_lagging_broker_does_not_bring_back_an_old_leader() {
        let mut metadata = led_by(2, 5, 7);
        metadata.learn(led_by(1, 4, 7));
        assert_eq!(leader(&metadata).as_deref(), Some("b2:9092"));
        metadata.learn(led_by(1, 6, 7));
        assert_eq!(leader(&metadata).as_deref(), Some("b1:9092"));
        metadata.learn(led_by(2, 0, 8));
        assert_eq!(leader(&metadata).as_deref(), Some("b2:9092"), "another topic of the same name");
    }

    #[test]
    fn no_leader_is_a_leader_unknown() {
        let mut metadata = led_by(1, 3, 7);
        metadata.learn(led_by(-1, 4, 7));
        assert_eq!(leader(&metadata), None);
    }
}
