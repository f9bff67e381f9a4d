//! `ListOffsets` and `OffsetForLeaderEpoch`: where logs begin and end.

use std::sync::Arc;

use k::list_offsets_request::ListOffsetsPartition;
use k::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use k::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use k::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as k;

use super::handler::Handler;
use crate::env::Env;
use crate::ids::{LeaderEpoch, Offset, TopicPartition};

/// The timestamps that stand for the log's end and its begin.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
/// The replica id of a consumer that debugs: it is told the log's end and not the high watermark.
const DEBUGGING_CONSUMER: i32 = -2;

impl<E: Env> Handler<E> {
    pub(super) async fn list_offsets(&self, request: k::ListOffsetsRequest) -> k::ListOffsetsResponse {
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in request.topics {
            let name: Arc<str> = topic.name.as_str().into();
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for asked in topic.partitions {
                let tp = TopicPartition::new(Arc::clone(&name), asked.partition_index);
                let answer =
                    ListOffsetsPartitionResponse::default().with_partition_index(asked.partition_index);
                partitions.push(match self.list_offset(&tp, &asked, request.replica_id.0).await {
                    Ok((offset, epoch)) => {
                        answer.with_offset(offset.0).with_leader_epoch(epoch.0).with_timestamp(-1)
                    }
                    Err(error) => answer.with_error_code(error.code()).with_offset(-1).with_timestamp(-1),
                });
            }
            topics
                .push(ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions));
        }
        k::ListOffsetsResponse::default().with_topics(topics)
    }

    async fn list_offset(
        &self,
        tp: &TopicPartition,
        asked: &ListOffsetsPartition,
        replica_id: i32,
    ) -> Result<(Offset, LeaderEpoch), ResponseError> {
        let partition = self.replicas.partition(tp).ok_or_else(|| self.not_hosted(tp))?;
        let believed = (asked.current_leader_epoch >= 0).then_some(LeaderEpoch(asked.current_leader_epoch));
        let (start, hw, end, epoch) = partition.offsets(believed).await?;
        match asked.timestamp {
            EARLIEST => Ok((start, epoch)),
            LATEST if replica_id == DEBUGGING_CONSUMER => Ok((end, epoch)),
            LATEST => Ok((hw, epoch)),
            // Records are not indexed by time.
            _ => Err(ResponseError::UnsupportedForMessageFormat),
        }
    }

    pub(super) async fn offset_for_leader_epoch(
        &self,
        request: k::OffsetForLeaderEpochRequest,
    ) -> k::OffsetForLeaderEpochResponse {
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in request.topics {
            let name: Arc<str> = topic.topic.as_str().into();
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for asked in topic.partitions {
                let tp = TopicPartition::new(Arc::clone(&name), asked.partition);
                let answer = EpochEndOffset::default().with_partition(asked.partition);
                partitions.push(match self.epoch_end(&tp, &asked).await {
                    Ok(Some((epoch, end))) => answer.with_leader_epoch(epoch.0).with_end_offset(end.0),
                    Ok(None) => answer.with_leader_epoch(-1).with_end_offset(-1),
                    Err(error) => {
                        answer.with_error_code(error.code()).with_leader_epoch(-1).with_end_offset(-1)
                    }
                });
            }
            topics.push(
                OffsetForLeaderTopicResult::default().with_topic(topic.topic).with_partitions(partitions),
            );
        }
        k::OffsetForLeaderEpochResponse::default().with_topics(topics)
    }

    async fn epoch_end(
        &self,
        tp: &TopicPartition,
        asked: &OffsetForLeaderPartition,
    ) -> Result<Option<(LeaderEpoch, Offset)>, ResponseError> {
        let partition = self.replicas.partition(tp).ok_or_else(|| self.not_hosted(tp))?;
        let believed = (asked.current_leader_epoch >= 0).then_some(LeaderEpoch(asked.current_leader_epoch));
        partition.epoch_end(believed, LeaderEpoch(asked.leader_epoch)).await
    }
}
