//! Whether a Kafka cluster is at rest: what its brokers say of it must agree, and every log must be committed
//! to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use highwater_checkers::ids::{LeaderEpoch, Offset, TopicPartition};
use kafka_protocol::messages as k;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};

use super::client::text;
use super::metadata::{Address, Metadata};
use super::outcome;

/// The timestamp that asks for the latest offset.
const LATEST: i64 = -1;

/// The partitions of one leader, with their leader epochs.
pub(super) type Led = BTreeMap<TopicPartition, LeaderEpoch>;

/// As whom offsets are asked for: the protocol's replica id.
#[derive(Clone, Copy)]
pub(super) enum Reader {
    /// Is told the high watermark as the end.
    Consumer = -1,
    /// Is told the log end offset (Kafka's `ListOffsetsRequest.DEBUGGING_REPLICA_ID`).
    Debugger = -2,
}

/// The leaders of `partitions`, if all brokers list each other and describe each partition alike, with every
/// replica in sync; else what is wrong.
pub(super) fn agreed_leaders(
    described: &[(Address, Metadata)],
    partitions: &BTreeSet<TopicPartition>,
) -> Result<BTreeMap<Address, Led>, Arc<str>> {
    for (broker, metadata) in described {
        if let Some((absent, _)) = described.iter().find(|(peer, _)| !metadata.lists(peer)) {
            return Err(format!("{broker} does not know {absent} as a broker that serves").into());
        }
    }
    let mut leaders: BTreeMap<Address, Led> = BTreeMap::new();
    for id in partitions {
        let Some((first, reference)) = described.first() else { return Err("no broker was asked".into()) };
        for (broker, metadata) in described {
            if metadata.partitions.get(id) != reference.partitions.get(id) {
                return Err(format!("{first} and {broker} describe {id} differently").into());
            }
        }
        let Some((address, partition)) = reference.leader(id) else {
            return Err(format!("{id} has no leader").into());
        };
        let replicas: BTreeSet<_> = partition.replicas.iter().collect();
        if !replicas.iter().copied().eq(&partition.isr) {
            let (isr, all) = (partition.isr.len(), replicas.len());
            return Err(format!("{id} has {isr} of {all} replicas in sync").into());
        }
        leaders.entry(address.clone()).or_default().insert(id.clone(), partition.leader_epoch);
    }
    Ok(leaders)
}

/// Asks a leader for the ends of its partitions, and to refuse where its epoch is another.
pub(super) fn list_offsets(reader: Reader, partitions: &Led) -> k::ListOffsetsRequest {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (id, epoch) in partitions {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(id.partition)
            .with_current_leader_epoch(epoch.0)
            .with_timestamp(LATEST);
        topics.entry(&id.topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(name, partitions)| {
        ListOffsetsTopic::default().with_name(k::TopicName(text(name))).with_partitions(partitions)
    });
    k::ListOffsetsRequest::default().with_replica_id(k::BrokerId(reader as i32)).with_topics(topics.collect())
}

/// The offsets in an answer, all of which must be there.
pub(super) fn offsets(
    response: &k::ListOffsetsResponse,
) -> Result<BTreeMap<TopicPartition, Offset>, Arc<str>> {
    let mut offsets = BTreeMap::new();
    for topic in &response.topics {
        for partition in &topic.partitions {
            let id = TopicPartition::new(topic.name.as_str(), partition.partition_index);
            if partition.error_code != 0 {
                return Err(format!("no end of {id}: {}", outcome::name(partition.error_code)).into());
            }
            offsets.insert(id, Offset(partition.offset));
        }
    }
    Ok(offsets)
}

/// The ends of a leader's partitions, where the high watermark is the log's end.
pub(super) fn ends(
    partitions: &Led,
    high_watermarks: &BTreeMap<TopicPartition, Offset>,
    log_ends: &BTreeMap<TopicPartition, Offset>,
) -> Result<BTreeMap<TopicPartition, (LeaderEpoch, Offset)>, Arc<str>> {
    let mut ends = BTreeMap::new();
    for (id, epoch) in partitions {
        let (Some(high_watermark), Some(log_end)) = (high_watermarks.get(id), log_ends.get(id)) else {
            return Err(format!("the leader of {id} leaves it out").into());
        };
        if high_watermark != log_end {
            return Err(format!("{id} is committed up to {high_watermark} of {log_end}").into());
        }
        ends.insert(id.clone(), (*epoch, *log_end));
    }
    Ok(ends)
}
