//! `Fetch`, for followers and consumers: read, and wait a while where there is nothing yet.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as k;
use k::fetch_response::{EpochEndOffset, FetchableTopicResponse, PartitionData};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::handler::Handler;
use crate::controller::is_metadata_fetch;
use crate::env::Env;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, TopicPartition};
use crate::replica::{Partition, ReadAnswer, ReadRequest, WaitFor};

/// The longest that a request may wait, and the most that an answer carries.
const WAIT_MAX: Duration = Duration::from_secs(30);
const BYTES_MAX: usize = 8 << 20;

/// One partition of a request, resolved.
struct Asked<E: Env> {
    topic_id: Uuid,
    index: i32,
    partition: Result<Arc<Partition<E>>, ResponseError>,
    read: ReadRequest,
}

impl<E: Env> Handler<E> {
    pub(super) async fn fetch(&self, request: k::FetchRequest) -> k::FetchResponse {
        if is_metadata_fetch(&request) {
            return match &self.controller {
                Some(controller) => controller.fetch(request).await,
                None => k::FetchResponse::default().with_error_code(super::handler::NOT_CONTROLLER),
            };
        }
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(WAIT_MAX);
        let deadline = Instant::now() + wait;
        let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(BYTES_MAX);
        let (asked, wait_for) = self.resolve(request);

        let waiter = Arc::new(Notify::new());
        loop {
            // Entering before reading: what comes in between leaves a permit behind.
            for asked in &asked {
                if let Ok(partition) = &asked.partition {
                    partition.wait(wait_for, &waiter);
                }
            }
            let (topics, answers_now) = self.read_all(&asked, bytes_max).await;
            if answers_now || timeout_at(deadline, waiter.notified()).await.is_err() {
                return k::FetchResponse::default().with_responses(topics);
            }
        }
    }

    fn resolve(&self, request: k::FetchRequest) -> (Vec<Asked<E>>, WaitFor) {
        let cluster = self.cluster.borrow().clone();
        let replica = request.replica_state;
        let follower = (replica.replica_id.0 >= 0).then(|| {
            let epoch = (replica.replica_epoch >= 0).then_some(BrokerEpoch(replica.replica_epoch));
            (BrokerId(replica.replica_id.0), epoch)
        });
        let mut asked = Vec::new();
        for topic in request.topics {
            let name = cluster.topics.iter().find(|(_, known)| known.id == topic.topic_id).map(|(name, _)| name);
            for partition in topic.partitions {
                let hosted = match name {
                    None => Err(ResponseError::UnknownTopicId),
                    Some(name) => {
                        let tp = TopicPartition::new(Arc::clone(name), partition.partition);
                        let hosted = self.replicas.partition(&tp).filter(|p| p.topic_id == topic.topic_id);
                        hosted.ok_or_else(|| self.not_hosted(&tp))
                    }
                };
                let epoch = |epoch: i32| (epoch >= 0).then_some(LeaderEpoch(epoch));
                let read = ReadRequest {
                    follower,
                    epoch: epoch(partition.current_leader_epoch),
                    from: Offset(partition.fetch_offset),
                    last_fetched_epoch: epoch(partition.last_fetched_epoch),
                    max_bytes: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
                };
                asked.push(Asked {
                    topic_id: topic.topic_id,
                    index: partition.partition,
                    partition: hosted,
                    read,
                });
            }
        }
        let wait_for = if follower.is_some() { WaitFor::LogEnd } else { WaitFor::HighWatermark };
        (asked, wait_for)
    }

    /// Reads all partitions. Returns the answer so far and whether it is worth sending before the deadline.
    async fn read_all(&self, asked: &[Asked<E>], bytes_max: usize) -> (Vec<FetchableTopicResponse>, bool) {
        let mut topics: Vec<FetchableTopicResponse> = Vec::new();
        let mut left = bytes_max;
        let mut answers_now = asked.is_empty();
        for asked in asked {
            let data = self.read(asked, left).await;
            let records = data.records.as_ref().map_or(0, Bytes::len);
            left = left.saturating_sub(records);
            answers_now |= records > 0 || data.error_code != 0 || data.diverging_epoch.end_offset >= 0;
            match topics.last_mut() {
                Some(topic) if topic.topic_id == asked.topic_id => topic.partitions.push(data),
                _ => topics.push(
                    FetchableTopicResponse::default()
                        .with_topic_id(asked.topic_id)
                        .with_partitions(vec![data]),
                ),
            }
        }
        (topics, answers_now)
    }

    async fn read(&self, asked: &Asked<E>, left: usize) -> PartitionData {
        let data = PartitionData::default().with_partition_index(asked.index).with_high_watermark(-1);
        let partition = match &asked.partition {
            Ok(partition) => partition,
            Err(error) => return data.with_error_code(error.code()),
        };
        let mut read = asked.read;
        read.max_bytes = read.max_bytes.min(left);
        match partition.read(&read).await {
            Ok(ReadAnswer { records, hw, log_start, diverging }) => {
                let data = data
                    .with_high_watermark(hw.0)
                    .with_last_stable_offset(hw.0)
                    .with_log_start_offset(log_start.0)
                    .with_records(Some(records));
                match diverging {
                    None => data,
                    Some((epoch, end)) => data.with_diverging_epoch(
                        EpochEndOffset::default().with_epoch(epoch.0).with_end_offset(end.0),
                    ),
                }
            }
            Err(error) => data.with_error_code(self.code_of(&partition.tp, error)),
        }
    }
}
