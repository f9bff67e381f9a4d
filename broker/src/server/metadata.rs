//! `Metadata`: the cluster as this broker knows it, from the controller's log.

use k::create_topics_response::CreatableTopicResult;
use k::delete_topics_response::DeletableTopicResult;
use k::metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::protocol::StrBytes;

use super::handler::{Handler, NOT_CONTROLLER};
use crate::controller::{ClusterState, PartitionRecord, TopicRecord};
use crate::env::Env;

impl<E: Env> Handler<E> {
    pub(super) fn metadata(&self, request: &k::MetadataRequest) -> k::MetadataResponse {
        let cluster = self.cluster.borrow().clone();
        let brokers = cluster.brokers.iter().filter(|(_, broker)| broker.is_alive()).map(|(id, broker)| {
            MetadataResponseBroker::default()
                .with_node_id(id.0.into())
                .with_host(text(&broker.host))
                .with_port(i32::from(broker.port))
        });
        let topics = match &request.topics {
            None => cluster.topics.iter().map(|(name, record)| topic(name, record)).collect(),
            Some(asked) => asked.iter().map(|asked| find(&cluster, asked)).collect(),
        };
        k::MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_controller_id(cluster.controller.map_or(-1, |id| id.0).into())
            .with_topics(topics)
    }
}

fn text(s: &str) -> StrBytes {
    StrBytes::from_string(s.to_owned())
}

fn find(cluster: &ClusterState, asked: &k::metadata_request::MetadataRequestTopic) -> MetadataResponseTopic {
    let found = match &asked.name {
        Some(name) => cluster.topics.get_key_value(name.as_str()),
        None => cluster.topics.iter().find(|(_, topic)| topic.id == asked.topic_id),
    };
    match (found, &asked.name) {
        (Some((name, record)), _) => topic(name, record),
        (None, Some(name)) => MetadataResponseTopic::default()
            .with_name(Some(name.clone()))
            .with_error_code(ResponseError::UnknownTopicOrPartition.code()),
        (None, None) => MetadataResponseTopic::default()
            .with_topic_id(asked.topic_id)
            .with_error_code(ResponseError::UnknownTopicId.code()),
    }
}

fn topic(name: &str, record: &TopicRecord) -> MetadataResponseTopic {
    let partitions = record.partitions.iter().enumerate().map(|(index, p)| partition(index, p));
    MetadataResponseTopic::default()
        .with_name(Some(text(name).into()))
        .with_topic_id(record.id)
        .with_partitions(partitions.collect())
}

fn partition(index: usize, record: &PartitionRecord) -> MetadataResponsePartition {
    let ids = |ids: &[crate::ids::BrokerId]| ids.iter().map(|id| id.0.into()).collect::<Vec<_>>();
    let error = if record.leader.is_none() { ResponseError::LeaderNotAvailable.code() } else { 0 };
    MetadataResponsePartition::default()
        .with_error_code(error)
        .with_partition_index(i32::try_from(index).unwrap_or(i32::MAX))
        .with_leader_id(record.leader.map_or(-1, |id| id.0).into())
        .with_leader_epoch(record.leader_epoch.0)
        .with_replica_nodes(ids(&record.replicas))
        .with_isr_nodes(ids(&record.isr))
}

/// The answer of a broker that is no controller.
pub(super) fn create_topics_elsewhere(request: &k::CreateTopicsRequest) -> k::CreateTopicsResponse {
    let refused = |topic: &k::create_topics_request::CreatableTopic| {
        CreatableTopicResult::default().with_name(topic.name.clone()).with_error_code(NOT_CONTROLLER)
    };
    k::CreateTopicsResponse::default().with_topics(request.topics.iter().map(refused).collect())
}

/// The answer of a broker that is no controller.
pub(super) fn delete_topics_elsewhere(request: &k::DeleteTopicsRequest) -> k::DeleteTopicsResponse {
    let refused = |topic: &k::delete_topics_request::DeleteTopicState| {
        DeletableTopicResult::default()
            .with_name(topic.name.clone())
            .with_topic_id(topic.topic_id)
            .with_error_code(NOT_CONTROLLER)
    };
    k::DeleteTopicsResponse::default().with_responses(request.topics.iter().map(refused).collect())
}
