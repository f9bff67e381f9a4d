//! The thin Kafka client: one call, one request, and metadata kept just fresh enough to find leaders.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_broker::env::{Env, Rng};
use highwater_broker::wire::{Api, BROKER_PORT, Connection, RpcError};
use highwater_checkers::ids::{LeaderEpoch, Offset, TopicPartition, Value};
use highwater_checkers::operation::Acks;
use highwater_workloads::Host;
use highwater_workloads::randomness::below;
use highwater_workloads::scenario::{Cluster, Topic};
use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::protocol::{HeaderVersion, Request, StrBytes};
use tokio::time::{Instant, sleep_until};

use super::fetch::Fetches;
use super::metadata::{Address, Metadata};
use super::{config_text, outcome, records, settled, voters};
use crate::system::{Client, Polled, Scope, SendOutcome, Settled};

/// How long a connection may take to be established.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a broker may take to describe the cluster, or its partitions' ends.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two refreshes of the metadata lies at least this time, and at most half of it again and more, so
/// that many clients who lost one leader do not ask all at once, and again at once.
const REFRESH_BACKOFF_MS: u64 = 50;

/// A client of a Kafka cluster. It has a connection per broker at most for calls and one for fetches, opens
/// them when needed, and repeats nothing: an error is the caller's to judge.
pub struct KafkaClient<E: Env> {
    pub(super) env: E,
    pub(super) name: String,
    rng: Rng,
    bootstrap: Vec<Address>,
    controllers: Vec<Address>,
    /// Whom to ask next: brokers take turns, so that one which lags behind for ever is not asked for ever.
    turn: usize,
    connections: BTreeMap<Address, Connection<E>>,
    pub(super) metadata: Metadata,
    /// Whether something happened that the metadata does not explain.
    pub(super) stale: bool,
    refresh_not_before: Instant,
    pub(super) fetches: Fetches<E>,
}

impl<E: Env> KafkaClient<E> {
    /// A client that finds its way through any broker of `cluster`.
    pub(super) fn new(env: E, name: &str, cluster: &Cluster) -> Self {
        let bootstrap: Vec<Address> = (1..=cluster.brokers).map(|id| address_of(Host::Broker(id))).collect();
        assert!(!bootstrap.is_empty(), "a cluster has brokers");
        let mut rng = env.rng(&format!("client {name}"));
        let turn = below(&mut rng, bootstrap.len() as u64) as usize;
        Self {
            env,
            name: name.to_owned(),
            rng,
            bootstrap,
            controllers: voters(cluster).map(address_of).collect(),
            turn,
            connections: BTreeMap::new(),
            metadata: Metadata::default(),
            stale: true,
            refresh_not_before: Instant::now(),
            fetches: Fetches::default(),
        }
    }

    /// An idle connection to `address`, or a new one.
    async fn connection(&mut self, address: &Address, deadline: Instant) -> Result<Connection<E>, RpcError> {
        if let Some(connection) = self.connections.remove(address) {
            return Ok(connection);
        }
        let limit = CONNECT_TIMEOUT.min(deadline.saturating_duration_since(Instant::now()));
        Connection::open(&self.env, &address.host, address.port, &self.name, limit).await
    }

    /// One request and its answer. The connection is kept only if all went well.
    pub(super) async fn call<R: Api>(
        &mut self,
        address: &Address,
        request: &R,
        deadline: Instant,
    ) -> Result<R::Response, RpcError>
    where
        <R as Request>::Response: HeaderVersion,
    {
        let mut connection = self.connection(address, deadline).await?;
        let limit = deadline.saturating_duration_since(Instant::now());
        let answer = connection.call(request, limit).await?;
        self.connections.insert(address.clone(), connection);
        Ok(answer)
    }

    /// The cluster as the broker at `address` describes it.
    pub(super) async fn describe(
        &mut self,
        address: &Address,
        deadline: Instant,
    ) -> Result<Metadata, RpcError> {
        let request = k::MetadataRequest::default().with_topics(None).with_allow_auto_topic_creation(false);
        let deadline = deadline.min(Instant::now() + DESCRIBE_TIMEOUT);
        Ok(Metadata::from_response(&self.call(address, &request, deadline).await?))
    }

    /// Asks for the metadata again if there is reason to, after a pause since the last time. The brokers are
    /// asked in turn until one answers; all of them, where a leader's refusal is in doubt.
    pub(super) async fn refresh(&mut self, deadline: Instant) -> Result<(), Arc<str>> {
        if !self.stale {
            return Ok(());
        }
        sleep_until(self.refresh_not_before.min(deadline)).await;
        let ask_all = self.fetches.in_doubt();
        let mut answers = 0;
        let mut failure: Arc<str> = "no time is left to ask for the leaders".into();
        for _ in 0..self.bootstrap.len() {
            if Instant::now() >= deadline || (answers > 0 && !ask_all) {
                break;
            }
            let address = self.bootstrap[self.turn].clone();
            self.turn = (self.turn + 1) % self.bootstrap.len();
            match self.describe(&address, deadline).await {
                Ok(described) => {
                    self.metadata.learn(described);
                    answers += 1;
                }
                Err(error) => failure = outcome::reason(&error),
            }
        }
        let jitter = below(&mut self.rng, REFRESH_BACKOFF_MS + 1);
        self.refresh_not_before = Instant::now() + Duration::from_millis(REFRESH_BACKOFF_MS + jitter);
        if answers * 2 > self.bootstrap.len() {
            self.fetches.check_doubts(&self.metadata);
        }
        self.stale = answers == 0;
        if answers > 0 { Ok(()) } else { Err(failure) }
    }

    /// Where `partition` is led.
    async fn leader(&mut self, partition: &TopicPartition, deadline: Instant) -> Result<Address, Arc<str>> {
        self.refresh(deadline).await?;
        if let Some((address, _)) = self.metadata.leader(partition) {
            return Ok(address.clone());
        }
        self.stale = true;
        Err(format!("no leader of {partition} is known").into())
    }

    /// A produce with acks 0, which nobody answers.
    async fn send_unacknowledged(
        &mut self,
        leader: &Address,
        request: &k::ProduceRequest,
        deadline: Instant,
    ) -> SendOutcome {
        let sent = async {
            let mut connection = self.connection(leader, deadline).await?;
            connection.send(request, deadline.saturating_duration_since(Instant::now())).await?;
            self.connections.insert(leader.clone(), connection);
            Ok(())
        };
        match sent.await {
            Ok(()) => SendOutcome::Info("acks=0".into()),
            Err(error) => {
                self.stale = true;
                outcome::of_failure(&error)
            }
        }
    }

    async fn try_settled(
        &mut self,
        scope: &Scope,
        deadline: Instant,
    ) -> Result<BTreeMap<TopicPartition, (LeaderEpoch, Offset)>, Arc<str>> {
        let mut described = Vec::new();
        for host in &scope.brokers {
            let answer = self.describe(&address_of(*host), deadline).await;
            let metadata = answer.map_err(|error| outcome::reason(&error))?;
            described.push((address_of(*host), metadata));
        }
        let leaders = settled::agreed_leaders(&described, &scope.partitions)?;

        let mut ends = BTreeMap::new();
        for (leader, partitions) in leaders {
            // The high watermark is asked for first: if it is the end that the log has *later*, it was the
            // end then, too.
            let mut found = Vec::new();
            for reader in [settled::Reader::Consumer, settled::Reader::Debugger] {
                let request = settled::list_offsets(reader, &partitions);
                let deadline = deadline.min(Instant::now() + DESCRIBE_TIMEOUT);
                let answer = self.call(&leader, &request, deadline).await;
                found.push(settled::offsets(&answer.map_err(|error| outcome::reason(&error))?)?);
            }
            ends.extend(settled::ends(&partitions, &found[0], &found[1])?);
        }
        Ok(ends)
    }

    async fn create_at(
        &mut self,
        address: &Address,
        topics: &[Topic],
        deadline: Instant,
    ) -> Result<(), Arc<str>> {
        let limit = deadline.saturating_duration_since(Instant::now());
        let request = k::CreateTopicsRequest::default()
            .with_timeout_ms(i32::try_from(limit.as_millis()).unwrap_or(i32::MAX))
            .with_topics(topics.iter().map(creatable).collect());
        let response =
            self.call(address, &request, deadline).await.map_err(|error| outcome::reason(&error))?;
        let created = [0, ResponseError::TopicAlreadyExists.code()];
        match response.topics.iter().find(|topic| !created.contains(&topic.error_code)) {
            None => Ok(()),
            Some(refused) => {
                let (topic, error) = (refused.name.as_str(), outcome::name(refused.error_code));
                let message = refused.error_message.as_deref().unwrap_or("no reason given");
                Err(format!("{address} does not create {topic}: {error}: {message}").into())
            }
        }
    }
}

impl<E: Env> Client for KafkaClient<E> {
    async fn create_topics(&mut self, topics: &[Topic], limit: Duration) -> Result<(), Arc<str>> {
        let deadline = Instant::now() + limit;
        let mut failure: Arc<str> = "no controller was asked".into();
        // One of them is the active controller, and creates topics; the others refuse.
        for address in self.controllers.clone() {
            match self.create_at(&address, topics, deadline).await {
                Ok(()) => return Ok(()),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn send(
        &mut self,
        partition: &TopicPartition,
        value: Value,
        acks: Acks,
        limit: Duration,
    ) -> SendOutcome {
        let deadline = Instant::now() + limit;
        let leader = match self.leader(partition, deadline).await {
            Ok(address) => address,
            Err(reason) => return SendOutcome::Fail(reason),
        };
        let batch = k::produce_request::PartitionProduceData::default()
            .with_index(partition.partition)
            .with_records(Some(records::encode(value, self.env.wall_clock())));
        let topic = k::produce_request::TopicProduceData::default()
            .with_name(k::TopicName(text(&partition.topic)))
            .with_partition_data(vec![batch]);
        let request = k::ProduceRequest::default()
            .with_acks(i16::from(acks.number()))
            .with_timeout_ms(i32::try_from(limit.as_millis()).unwrap_or(i32::MAX))
            .with_topic_data(vec![topic]);
        if acks == Acks::None {
            return self.send_unacknowledged(&leader, &request, deadline).await;
        }
        let response = match self.call(&leader, &request, deadline).await {
            Ok(response) => response,
            Err(error) => {
                self.stale = true;
                return outcome::of_failure(&error);
            }
        };
        let mut answers = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        let Some(answer) = answers.find(|answer| answer.index == partition.partition) else {
            self.stale = true;
            return SendOutcome::Info("the answer leaves the partition out".into());
        };
        self.stale |= !outcome::confirms_leader(answer.error_code);
        outcome::of_answer(answer.error_code, answer.base_offset)
    }

    async fn poll(&mut self, positions: &BTreeMap<TopicPartition, Offset>, max_wait: Duration) -> Polled {
        self.fetch(positions, max_wait).await
    }

    async fn settled(&mut self, scope: &Scope, limit: Duration) -> Settled {
        match self.try_settled(scope, Instant::now() + limit).await {
            Ok(ends) => Settled::Yes(ends),
            Err(reason) => Settled::NotYet(reason),
        }
    }
}

/// Every host speaks on the protocol's own port.
fn address_of(host: Host) -> Address {
    Address { host: host.to_string().into(), port: BROKER_PORT }
}

/// A topic as the protocol creates it: the replicas are placed by the cluster.
fn creatable(topic: &Topic) -> k::create_topics_request::CreatableTopic {
    let configs = topic.config.0.iter().map(|(key, value)| {
        k::create_topics_request::CreatableTopicConfig::default()
            .with_name(text(key))
            .with_value(Some(text(&config_text(key, value))))
    });
    k::create_topics_request::CreatableTopic::default()
        .with_name(k::TopicName(text(&topic.name)))
        .with_num_partitions(i32::try_from(topic.partitions).unwrap_or(i32::MAX))
        .with_replication_factor(i16::try_from(topic.replication).unwrap_or(i16::MAX))
        .with_configs(configs.collect())
}

/// A string of the protocol.
pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
