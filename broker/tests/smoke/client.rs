//! A client that opens a connection for every request, and tries again until it has what it wants.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use highwater_broker::env::Env;
use highwater_broker::env::tokio::TokioEnv;
use highwater_broker::log::batch;
use highwater_broker::wire::{Api, Connection, RpcError};
use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::protocol::{HeaderVersion, Request, StrBytes};
use uuid::Uuid;

use crate::eventually;

const HOST: &str = "127.0.0.1";
/// How long a broker may take for its answer.
const LIMIT: Duration = Duration::from_secs(5);
const TOPIC: &str = "orders";

/// Speaks to the brokers at these ports, by their ids.
pub(crate) struct Client {
    pub(crate) env: TokioEnv,
    pub(crate) brokers: BTreeMap<i32, u16>,
}

/// The topic's one partition, as a broker describes it.
pub(crate) struct Partition {
    topic_id: Uuid,
    pub(crate) leader: i32,
    pub(crate) isr: BTreeSet<i32>,
}

impl Client {
    /// One request to the broker at `port`.
    pub(crate) async fn ask<R: Api>(&self, port: u16, request: &R) -> Result<R::Response, RpcError>
    where
        <R as Request>::Response: HeaderVersion,
    {
        let mut connection = Connection::open(&self.env, HOST, port, "smoke", LIMIT).await?;
        connection.call(request, LIMIT).await
    }

    /// Creates the topic: one partition on three brokers, of which two must have what is acknowledged.
    pub(crate) async fn create_topic(&self) {
        let two = CreatableTopicConfig::default()
            .with_name(StrBytes::from_static_str("min.insync.replicas"))
            .with_value(Some(StrBytes::from_static_str("2")));
        let topic = CreatableTopic::default()
            .with_name(topic_name())
            .with_num_partitions(1)
            .with_replication_factor(3)
            .with_configs(vec![two]);
        let request = k::CreateTopicsRequest::default().with_timeout_ms(5_000).with_topics(vec![topic]);
        let created = [0, ResponseError::TopicAlreadyExists.code()];
        eventually("create the topic", async || {
            let mut answers = Vec::new();
            // One of them is the active controller; the others refuse.
            for port in self.brokers.values() {
                match self.ask(*port, &request).await {
                    Ok(answer) if created.contains(&answer.topics[0].error_code) => return Ok(()),
                    Ok(answer) => answers.push(refusal(answer.topics[0].error_code)),
                    Err(error) => answers.push(error.to_string()),
                }
            }
            Err(answers.join(", "))
        })
        .await;
    }

    /// The partition as broker `id` describes it.
    pub(crate) async fn describe_at(&self, id: i32) -> Result<Partition, String> {
        let orders = MetadataRequestTopic::default().with_name(Some(topic_name()));
        let request = k::MetadataRequest::default().with_topics(Some(vec![orders]));
        let answer = self.ask(self.brokers[&id], &request).await.map_err(|error| error.to_string())?;
        let topic = &answer.topics[0];
        accepted(topic.error_code)?;
        let partition = &topic.partitions[0];
        accepted(partition.error_code)?;
        Ok(Partition {
            topic_id: topic.topic_id,
            leader: partition.leader_id.0,
            isr: partition.isr_nodes.iter().map(|id| id.0).collect(),
        })
    }

    /// The partition as its leader describes it: one that believes in itself.
    pub(crate) async fn describe(&self) -> Result<Partition, String> {
        let mut failure = String::new();
        for id in self.brokers.keys() {
            match self.describe_at(*id).await {
                Ok(partition) if partition.leader == *id => return Ok(partition),
                Ok(_) => {}
                Err(error) => failure = error,
            }
        }
        Err(format!("no broker leads: {failure}"))
    }

    /// Sends `value` until all replicas in sync have it. Returns its offset.
    pub(crate) async fn produce(&self, value: &str) -> i64 {
        eventually("produce", async || {
            let leader = self.describe().await?.leader;
            let records = batch::encode(&[(None, Bytes::from(value.to_owned()))], self.env.wall_clock());
            let data = PartitionProduceData::default().with_index(0).with_records(Some(records));
            let topic = TopicProduceData::default().with_name(topic_name()).with_partition_data(vec![data]);
            let request = k::ProduceRequest::default()
                .with_acks(-1)
                .with_timeout_ms(2_000)
                .with_topic_data(vec![topic]);
            let answer =
                self.ask(self.brokers[&leader], &request).await.map_err(|error| error.to_string())?;
            let answer = &answer.responses[0].partition_responses[0];
            accepted(answer.error_code)?;
            Ok::<_, String>(answer.base_offset)
        })
        .await
    }

    /// Reads what consumers may see, from the log's begin up to `end`, by offset.
    pub(crate) async fn read(&self, end: i64) -> BTreeMap<i64, String> {
        eventually("read everything", async || {
            let partition = self.describe().await?;
            let mut read = BTreeMap::new();
            let mut next = 0;
            while next < end {
                let records = self.fetch(&partition, next).await?;
                let values = batch::decode_values(records).map_err(|error| error.to_string())?;
                for (offset, value) in values {
                    read.insert(offset.0, String::from_utf8_lossy(&value).into_owned());
                    next = next.max(offset.0 + 1);
                }
            }
            Ok::<_, String>(read)
        })
        .await
    }

    /// The records from `from` on, at least one.
    async fn fetch(&self, partition: &Partition, from: i64) -> Result<Bytes, String> {
        let data = FetchPartition::default()
            .with_partition(0)
            .with_fetch_offset(from)
            .with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default().with_topic_id(partition.topic_id).with_partitions(vec![data]);
        let request =
            k::FetchRequest::default().with_max_wait_ms(500).with_max_bytes(1 << 20).with_topics(vec![topic]);
        let port = self.brokers[&partition.leader];
        let mut answer = self.ask(port, &request).await.map_err(|error| error.to_string())?;
        let data = answer.responses.remove(0).partitions.remove(0);
        accepted(data.error_code)?;
        let records = data.records.filter(|records| !records.is_empty());
        records.ok_or_else(|| format!("nothing to read from {from} on, committed is {}", data.high_watermark))
    }
}

fn topic_name() -> k::TopicName {
    k::TopicName(StrBytes::from_static_str(TOPIC))
}

fn accepted(code: i16) -> Result<(), String> {
    if code == 0 { Ok(()) } else { Err(refusal(code)) }
}

fn refusal(code: i16) -> String {
    ResponseError::try_from_code(code).map_or(code.to_string(), |error| error.to_string())
}
