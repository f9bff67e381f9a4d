//! The metadata feed: how a host that does not vote follows the decided log.
//!
//! It fetches the topic `__cluster_metadata` from the active controller, as brokers of Kafka do (KIP-500),
//! and applies what it gets. A voter needs no feed: its quorum node has the log.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use thiserror::Error;
use tokio::time::sleep;

use super::active::Controller;
use super::channel::{ChannelConfig, ControllerChannel};
use super::image::Image;
use super::records::{self, Item, METADATA_TOPIC_ID, MalformedRecords};
use super::state::{ClusterState, MetadataOffset};
use crate::env::{Env, Task};
use crate::ids::BrokerId;
use crate::mutant::Mutants;
use crate::watch;
use crate::wire::RpcError;

/// The longest that a controller lets a follower wait.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How much a follower takes at once. A controller does not split an entry or a snapshot.
const FETCH_BYTES_MAX: i32 = 1 << 20;

/// How a host follows the metadata log.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// The host.
    pub node: BrokerId,
    /// How the controllers are reached. A fetch may take `max_wait` longer than other calls.
    pub channel: ChannelConfig,
    /// How long the controller holds a fetch open until there is a new entry. Also about how long it takes
    /// to notice that a connection has died.
    pub max_wait: Duration,
    /// The seeded defects.
    pub mutants: Mutants,
}

/// Starts to follow the log from its beginning, until the task is dropped.
pub fn start<E: Env>(env: &E, config: FeedConfig) -> (watch::Receiver<Arc<ClusterState>>, Task) {
    let FeedConfig { node, mut channel, max_wait, mutants } = config;
    channel.timeout += max_wait;
    let image = Image::new(node, mutants);
    let state = image.subscribe();
    let channel = ControllerChannel::new(env, channel, state.clone());
    (state, env.spawn(Feed { node, image, channel, max_wait }.follow()))
}

/// Whether a fetch asks for the metadata log: it is the controller's to answer, with
/// [`Controller::fetch`].
pub fn is_metadata_fetch(request: &k::FetchRequest) -> bool {
    request.topics.iter().any(|topic| topic.topic_id == METADATA_TOPIC_ID)
}

struct Feed<E: Env> {
    node: BrokerId,
    image: Image,
    channel: ControllerChannel<E>,
    max_wait: Duration,
}

/// Why a fetch brought nothing to apply.
#[derive(Debug, Error)]
enum FeedError {
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error(transparent)]
    Records(#[from] MalformedRecords),
    #[error("the controller refused with {0}")]
    Refused(ResponseError),
    #[error("entry {got} came where {wanted} was next")]
    Gap { got: u64, wanted: MetadataOffset },
}

impl<E: Env> Feed<E> {
    async fn follow(mut self) {
        loop {
            match self.fetch().await {
                Ok(()) => (),
                // The channel pauses by itself before it tries elsewhere.
                Err(FeedError::Rpc(_) | FeedError::Refused(ResponseError::NotController)) => (),
                Err(error) => {
                    tracing::warn!(node = self.node.0, %error, "the metadata feed brings nothing to apply");
                    sleep(self.max_wait).await;
                }
            }
        }
    }

    async fn fetch(&mut self) -> Result<(), FeedError> {
        let from = self.image.state().offset.next();
        let response = self.channel.call(&request(self.node, from, self.max_wait)).await?;
        if let Some(error) = ResponseError::try_from_code(response.error_code) {
            return Err(FeedError::Refused(error));
        }
        let partitions = response.responses.into_iter().flat_map(|topic| topic.partitions);
        for records in partitions.filter_map(|partition| partition.records) {
            for item in records::decode(records)? {
                self.take(item)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, item: Item) -> Result<(), FeedError> {
        let state = self.image.state();
        match item {
            Item::Snapshot(snapshot) if snapshot.offset > state.offset => self.image.restore(snapshot),
            Item::Snapshot(_) => (),
            Item::Entry(entry) => {
                let wanted = state.offset.next();
                if u64::try_from(wanted.0) != Ok(entry.index) {
                    return Err(FeedError::Gap { got: entry.index, wanted });
                }
                self.image.apply(&entry);
            }
        }
        Ok(())
    }
}

fn request(node: BrokerId, from: MetadataOffset, max_wait: Duration) -> k::FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(from.0)
        .with_partition_max_bytes(FETCH_BYTES_MAX);
    let topic = FetchTopic::default().with_topic_id(METADATA_TOPIC_ID).with_partitions(vec![partition]);
    k::FetchRequest::default()
        .with_replica_state(ReplicaState::default().with_replica_id(node.0.into()))
        .with_max_wait_ms(i32::try_from(max_wait.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(1)
        .with_max_bytes(FETCH_BYTES_MAX)
        .with_topics(vec![topic])
}

impl<E: Env> Controller<E> {
    /// Answers a fetch of `__cluster_metadata`: with decided entries from the offset that it names on, or
    /// with the whole state if those are no longer kept. Waits as long as the request allows for the first.
    pub async fn fetch(&self, request: k::FetchRequest) -> k::FetchResponse {
        let response = k::FetchResponse::default();
        let asked = request.topics.iter().find(|topic| topic.topic_id == METADATA_TOPIC_ID);
        let Some(partition) = asked.and_then(|topic| topic.partitions.first()) else {
            return response.with_error_code(ResponseError::UnknownTopicId.code());
        };
        let from = MetadataOffset(partition.fetch_offset);
        let max_wait = Duration::from_millis(request.max_wait_ms.try_into().unwrap_or(0)).min(WAIT_MAX);
        let Some(batch) = self.fetch_metadata(from, max_wait).await else {
            return response.with_error_code(ResponseError::NotController.code());
        };
        let end = self.state().borrow().offset.next().0;
        let data = PartitionData::default()
            .with_partition_index(partition.partition)
            .with_high_watermark(end)
            .with_last_stable_offset(end)
            .with_log_start_offset(0)
            .with_records(Some(records::encode(&batch)));
        let topic =
            FetchableTopicResponse::default().with_topic_id(METADATA_TOPIC_ID).with_partitions(vec![data]);
        response.with_responses(vec![topic])
    }
}
