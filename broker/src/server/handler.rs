//! Answers requests: which API goes where.

use std::sync::Arc;

use crate::watch;
use bytes::BytesMut;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::protocol::{Encodable, HeaderVersion};

use crate::controller::{ClusterState, Controller};
use crate::env::Env;
use crate::replica::{Context, ReplicaError, ReplicaManager};
use crate::wire::{APIS, Header, RequestBody, encode_response};

/// What the connections of a broker share.
pub(super) struct Handler<E: Env> {
    pub(super) context: Arc<Context<E>>,
    pub(super) replicas: Arc<ReplicaManager<E>>,
    /// The controller on this node, if it is one.
    pub(super) controller: Option<Arc<Controller<E>>>,
    pub(super) cluster: watch::Receiver<Arc<ClusterState>>,
}

impl<E: Env> Handler<E> {
    /// The answer to a request as a frame; none where the protocol has none.
    pub(super) async fn answer(&self, header: Header, body: RequestBody) -> Option<BytesMut> {
        let Header { version, correlation_id, .. } = header;
        let frame = |response: &dyn Frame| Some(response.encode_as(correlation_id, version));
        match body {
            RequestBody::UnknownApiVersions => {
                // KIP-35: in version 0, so that the client can read which versions there are.
                let response = api_versions().with_error_code(ResponseError::UnsupportedVersion.code());
                Some(encode_response(correlation_id, 0, &response))
            }
            RequestBody::ApiVersions(_) => frame(&api_versions()),
            RequestBody::Produce(request) => {
                let response = self.produce(request).await?;
                frame(&response)
            }
            RequestBody::Fetch(request) => frame(&self.fetch(request).await),
            RequestBody::ListOffsets(request) => frame(&self.list_offsets(request).await),
            RequestBody::OffsetForLeaderEpoch(request) => frame(&self.offset_for_leader_epoch(request).await),
            RequestBody::Metadata(request) => frame(&self.metadata(&request)),
            RequestBody::CreateTopics(request) => match &self.controller {
                Some(controller) => frame(&controller.create_topics(request).await),
                None => frame(&super::metadata::create_topics_elsewhere(&request)),
            },
            RequestBody::DeleteTopics(request) => match &self.controller {
                Some(controller) => frame(&controller.delete_topics(request).await),
                None => frame(&super::metadata::delete_topics_elsewhere(&request)),
            },
            RequestBody::AlterPartition(request) => match &self.controller {
                Some(controller) => frame(&controller.alter_partition(request).await),
                None => frame(&k::AlterPartitionResponse::default().with_error_code(NOT_CONTROLLER)),
            },
            RequestBody::BrokerRegistration(request) => match &self.controller {
                Some(controller) => frame(&controller.broker_registration(request).await),
                None => frame(&k::BrokerRegistrationResponse::default().with_error_code(NOT_CONTROLLER)),
            },
            RequestBody::BrokerHeartbeat(request) => match &self.controller {
                Some(controller) => frame(&controller.broker_heartbeat(request).await),
                None => frame(&k::BrokerHeartbeatResponse::default().with_error_code(NOT_CONTROLLER)),
            },
        }
    }

    /// The error code for a replica's error. A broken log ends the broker.
    pub(super) fn code_of(&self, tp: &crate::ids::TopicPartition, error: ReplicaError) -> i16 {
        match error {
            ReplicaError::Refused(refusal) => refusal.code(),
            ReplicaError::Log(broken) => {
                self.context.log_failed(tp, &broken);
                ResponseError::KafkaStorageError.code()
            }
        }
    }
}

pub(super) const NOT_CONTROLLER: i16 = ResponseError::NotController.code();

/// A response that can be framed.
trait Frame: Sync {
    fn encode_as(&self, correlation_id: i32, version: i16) -> BytesMut;
}

impl<R: Encodable + HeaderVersion + Sync> Frame for R {
    fn encode_as(&self, correlation_id: i32, version: i16) -> BytesMut {
        encode_response(correlation_id, version, self)
    }
}

fn api_versions() -> k::ApiVersionsResponse {
    // No tagged fields: librdkafka 2.0.2 misreads them.
    let version = |&(key, min, max): &(i16, i16, i16)| {
        k::api_versions_response::ApiVersion::default()
            .with_api_key(key)
            .with_min_version(min)
            .with_max_version(max)
    };
    k::ApiVersionsResponse::default().with_api_keys(APIS.iter().map(version).collect())
}
