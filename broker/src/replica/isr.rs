//! Questions to the controller: which ISR holds (`AlterPartition`, KIP-497).
//!
//! One request at a time carries all open questions of the broker. A question is open until the controller
//! has answered it definitely or the metadata log has overtaken it, and is asked again until then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k::alter_partition_request::{BrokerState, PartitionData, TopicData};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as k;
use tokio::time::sleep;
use uuid::Uuid;

use super::manager::ReplicaManager;
use super::partition::{IsrAnswer, IsrRequest, Partition};
use crate::controller::ControllerChannel;
use crate::env::Env;
use crate::ids::{BrokerId, LeaderEpoch, PartitionEpoch, TopicPartition};

/// How long to rest before an unanswered question is asked again.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Asks for ever.
pub(super) async fn ask<E: Env>(manager: Arc<ReplicaManager<E>>, mut channel: ControllerChannel<E>) {
    let context = manager.context();
    loop {
        let questions = context.questions().await;
        let Some((request, asked)) = request(&manager, &questions).await else { continue };
        let answer = match channel.call(&request).await {
            Ok(answer) => ResponseError::try_from_code(answer.error_code).map_or(Ok(answer), Err),
            Err(_) => Err(ResponseError::RequestTimedOut),
        };
        match answer {
            Ok(answer) => {
                for topic in answer.topics {
                    for data in topic.partitions {
                        if let Some((partition, question)) =
                            asked.get(&(topic.topic_id, data.partition_index))
                        {
                            settle(partition, question, &data).await;
                        }
                    }
                }
            }
            // Also a controller that was deposed while it decided says no more than that it is none.
            Err(_) => {
                for (partition, question) in asked.values() {
                    partition.isr_answered(question, &IsrAnswer::None).await;
                }
                sleep(BACK_OFF).await;
            }
        }
    }
}

type AskedBy<E> = BTreeMap<(Uuid, i32), (Arc<Partition<E>>, IsrRequest)>;

async fn request<E: Env>(
    manager: &ReplicaManager<E>,
    questions: &BTreeSet<TopicPartition>,
) -> Option<(k::AlterPartitionRequest, AskedBy<E>)> {
    let context = manager.context();
    let mut topics: BTreeMap<Uuid, Vec<PartitionData>> = BTreeMap::new();
    let mut asked = AskedBy::new();
    for tp in questions {
        let Some(partition) = manager.partition(tp) else { continue };
        let Some(question) = partition.isr_request().await else { continue };
        let isr = question
            .isr
            .iter()
            .map(|(id, epoch)| BrokerState::default().with_broker_id(id.0.into()).with_broker_epoch(epoch.0));
        topics.entry(question.topic_id).or_default().push(
            PartitionData::default()
                .with_partition_index(tp.partition)
                .with_leader_epoch(question.epoch.0)
                .with_partition_epoch(question.partition_epoch.0)
                .with_new_isr_with_epochs(isr.collect()),
        );
        asked.insert((question.topic_id, tp.partition), (partition, question));
    }
    if asked.is_empty() {
        return None;
    }
    let topics = topics
        .into_iter()
        .map(|(id, partitions)| TopicData::default().with_topic_id(id).with_partitions(partitions));
    let request = k::AlterPartitionRequest::default()
        .with_broker_id(context.config.id.0.into())
        .with_broker_epoch(context.broker_epoch()?.0)
        .with_topics(topics.collect());
    Some((request, asked))
}

async fn settle<E: Env>(
    partition: &Partition<E>,
    question: &IsrRequest,
    data: &k::alter_partition_response::PartitionData,
) {
    let answer = match ResponseError::try_from_code(data.error_code) {
        None => IsrAnswer::Committed {
            epoch: LeaderEpoch(data.leader_epoch),
            partition_epoch: PartitionEpoch(data.partition_epoch),
            isr: data.isr.iter().map(|id| BrokerId(id.0)).collect(),
        },
        Some(ResponseError::IneligibleReplica) => IsrAnswer::Ineligible,
        Some(_) => IsrAnswer::Superseded,
    };
    partition.isr_answered(question, &answer).await;
}
