//! Controller, channel, feed and lifecycle together, over loopback on the real environment.
//!
//! Times are real here, so every check waits for something to come true, and none for it to stay so.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::messages::alter_partition_request as alter;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::protocol::StrBytes;
use tempfile::TempDir;
use tokio::time::timeout;

use super::state::ClusterState;
use super::*;
use crate::env::tokio::TokioEnv;
use crate::env::{Env, Listener, Task};
use crate::ids::{BrokerId, TopicPartition};
use crate::mutant::Mutants;
use crate::quorum::VoterId;
use crate::quorum::driver::DriverConfig;
use crate::watch;
use crate::wire::{Header, RequestBody, decode_request, encode_response, read_frame, write_frame};

const PATIENCE: Duration = Duration::from_secs(30);
const HOST: &str = "127.0.0.1";

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// Waits until the watched value is as wanted.
async fn until<T: Clone>(watched: &mut watch::Receiver<T>, wanted: impl FnMut(&T) -> bool) -> T {
    let value = timeout(PATIENCE, watched.wait_for(wanted)).await;
    value.expect("it comes true in time").expect("the publisher lives").clone()
}

/// Answers every request on `port` with `answer`, one connection after the other being served by itself.
async fn serve<F, A>(env: &TokioEnv, port: u16, answer: F) -> Task
where
    F: Fn(Header, RequestBody) -> A + Clone + Send + 'static,
    A: Future<Output = BytesMut> + Send + 'static,
{
    let mut listener = env.bind(port).await.expect("the port is free");
    let env_of_connections = env.clone();
    env.spawn(async move {
        let mut connections = Vec::new();
        while let Ok(mut stream) = listener.accept().await {
            let answer = answer.clone();
            connections.push(env_of_connections.spawn(async move {
                while let Ok(Some(frame)) = read_frame(&mut stream).await {
                    let (header, body) = decode_request(frame).expect("our own requests decode");
                    if write_frame(&mut stream, answer(header, body).await).await.is_err() {
                        return;
                    }
                }
            }));
        }
    })
}

/// What a broker's server does with the requests that are the controller's.
async fn answer(controller: Arc<Controller<TokioEnv>>, header: Header, body: RequestBody) -> BytesMut {
    let Header { version, correlation_id: id, .. } = header;
    match body {
        RequestBody::BrokerRegistration(r) => {
            encode_response(id, version, &controller.broker_registration(r).await)
        }
        RequestBody::BrokerHeartbeat(r) => {
            encode_response(id, version, &controller.broker_heartbeat(r).await)
        }
        RequestBody::CreateTopics(r) => encode_response(id, version, &controller.create_topics(r).await),
        RequestBody::Fetch(r) if is_metadata_fetch(&r) => {
            encode_response(id, version, &controller.fetch(r).await)
        }
        other => panic!("not a request of these tests: {other:?}"),
    }
}

fn controller_config(voters: &[i32]) -> ControllerConfig {
    ControllerConfig {
        quorum: DriverConfig {
            id: VoterId(voters[0]),
            voters: voters.iter().map(|voter| (VoterId(*voter), (HOST.to_owned(), free_port()))).collect(),
            tick: Duration::from_millis(5),
            election_ticks: 10,
            heartbeat_ticks: 3,
            snapshot_every: 1000,
            dir: "quorum".to_owned(),
        },
        session_timeout: Duration::from_secs(2),
        request_timeout: Duration::from_secs(5),
        topic_defaults: TopicConfig::default(),
        mutants: Mutants::NONE,
    }
}

/// A cluster of one voter, which is asked over the network.
struct Cluster {
    folder: TempDir,
    env: TokioEnv,
    controller: Arc<Controller<TokioEnv>>,
    port: u16,
    _tasks: Vec<Task>,
}

impl Cluster {
    async fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let env = TokioEnv::new(folder.path().to_owned(), 1);
        let (controller, tasks) =
            Controller::start(&env, controller_config(&[1])).await.expect("the quorum starts");
        let (port, served) = (free_port(), Arc::clone(&controller));
        let serving = serve(&env, port, move |header, body| answer(Arc::clone(&served), header, body)).await;
        until(&mut controller.state(), |state| state.controller == Some(BrokerId(1))).await;
        let tasks = tasks.into_iter().chain([serving]).collect();
        Self { folder, env, controller, port, _tasks: tasks }
    }

    fn channel_config(&self) -> ChannelConfig {
        ChannelConfig {
            client_id: "test".to_owned(),
            controllers: BTreeMap::from([(BrokerId(1), (HOST.to_owned(), self.port))]),
            timeout: Duration::from_secs(5),
            backoff: Duration::from_millis(5),
        }
    }

    fn follow(&self, node: i32) -> (watch::Receiver<Arc<ClusterState>>, Task) {
        let (channel, max_wait) = (self.channel_config(), Duration::from_secs(5));
        feed::start(&self.env, FeedConfig { node: BrokerId(node), channel, max_wait, mutants: Mutants::NONE })
    }

    /// A process of a broker, which knows the metadata by `state`.
    fn broker(&self, broker: i32, state: &watch::Receiver<Arc<ClusterState>>) -> Lifecycle {
        let config = LifecycleConfig {
            broker: BrokerId(broker),
            host: format!("b{broker}"),
            port: 9092,
            heartbeat_interval: Duration::from_millis(20),
        };
        let channel = ControllerChannel::new(&self.env, self.channel_config(), state.clone());
        Lifecycle::start(&self.env, config, channel, state.clone())
    }

    /// Brokers 2 and 3 alive, fed by the controller's own state.
    async fn with_brokers() -> (Self, [Lifecycle; 2]) {
        let cluster = Self::start().await;
        let mut state = cluster.controller.state();
        let brokers = [2, 3].map(|broker| cluster.broker(broker, &state));
        until(&mut state, |state| [2, 3].into_iter().all(|broker| state.is_alive(BrokerId(broker)))).await;
        (cluster, brokers)
    }

    async fn create(&self, name: &str, partitions: i32, replication: i16) -> i16 {
        let topic = CreatableTopic::default()
            .with_name(StrBytes::from_string(name.to_owned()).into())
            .with_num_partitions(partitions)
            .with_replication_factor(replication);
        let request = k::CreateTopicsRequest::default().with_topics(vec![topic]);
        self.controller.create_topics(request).await.topics[0].error_code
    }
}

#[tokio::test]
async fn a_broker_joins_through_the_feed_and_shuts_down_in_order() {
    let cluster = Cluster::start().await;
    let (mut image, _feed) = cluster.follow(2);
    let broker = cluster.broker(2, &image);
    let mut status = broker.status();
    let joined = until(&mut status, |status| !status.fenced).await;
    let state = until(&mut image, |state| state.is_alive(BrokerId(2))).await;
    assert_eq!(joined.broker_epoch, Some(state.brokers[&BrokerId(2)].epoch));

    assert_eq!(cluster.create("orders", 2, 1).await, 0);
    let partition = TopicPartition::new("orders", 1);
    let led = |state: &Arc<ClusterState>| state.partition(&partition).is_some_and(|p| p.leader.is_some());
    until(&mut image, led).await;

    broker.begin_shutdown();
    until(&mut status, |status| status.should_shut_down).await;
    let state = until(&mut image, |state| !led(state)).await;
    assert!(state.brokers[&BrokerId(2)].shutting_down);
    let replayed = |state: &Arc<ClusterState>| state.offset >= cluster.controller.state().borrow().offset;
    let state = until(&mut image, replayed).await;
    assert_eq!(state, *cluster.controller.state().borrow(), "the follower's image is the controller's");
}

#[tokio::test]
async fn a_silent_broker_is_fenced_and_its_next_incarnation_taken_in() {
    let (cluster, [silent, _alive]) = Cluster::with_brokers().await;
    assert_eq!(cluster.create("orders", 1, 2).await, 0);
    let mut state = cluster.controller.state();
    let former = state.borrow().brokers[&BrokerId(2)].clone();

    drop(silent);
    let fenced = until(&mut state, |state| state.brokers[&BrokerId(2)].fenced).await;
    assert_eq!(fenced.brokers[&BrokerId(2)].epoch, former.epoch);
    assert_eq!(fenced.topics["orders"].partitions[0].leader, Some(BrokerId(3)));

    let _next = cluster.broker(2, &state);
    let returned = until(&mut state, |state| state.is_alive(BrokerId(2))).await;
    let present = &returned.brokers[&BrokerId(2)];
    assert!(present.epoch > former.epoch && present.incarnation != former.incarnation);
}

#[tokio::test]
async fn a_leader_alters_its_partitions() {
    let (cluster, _brokers) = Cluster::with_brokers().await;
    assert_eq!(cluster.create("orders", 1, 2).await, 0);
    let state = Arc::clone(&cluster.controller.state().borrow());
    let request = |broker: i32, topic_id, isr: &[i32]| {
        let epoch = |broker: i32| state.brokers[&BrokerId(broker)].epoch.0;
        let member = |member: &i32| {
            alter::BrokerState::default().with_broker_id((*member).into()).with_broker_epoch(epoch(*member))
        };
        let partition =
            alter::PartitionData::default().with_new_isr_with_epochs(isr.iter().map(member).collect());
        let unknown = alter::TopicData::default()
            .with_topic_id(uuid::Uuid::nil())
            .with_partitions(vec![alter::PartitionData::default().with_partition_index(7)]);
        let known = alter::TopicData::default().with_topic_id(topic_id).with_partitions(vec![partition]);
        k::AlterPartitionRequest::default()
            .with_broker_id(broker.into())
            .with_broker_epoch(epoch(broker))
            .with_topics(vec![unknown, known])
    };
    let orders = &state.topics["orders"];
    assert_eq!(orders.partitions[0].leader, Some(BrokerId(2)));

    let response = cluster.controller.alter_partition(request(2, orders.id, &[2])).await;
    assert_eq!(response.error_code, 0);
    let [unknown, known] = &response.topics[..] else { panic!("two topics: {response:?}") };
    assert_eq!(unknown.partitions[0].error_code, ResponseError::UnknownTopicId.code());
    assert_eq!(unknown.partitions[0].partition_index, 7);
    let altered = &known.partitions[0];
    assert_eq!((known.topic_id, altered.error_code, altered.leader_id.0), (orders.id, 0, 2));
    assert_eq!((altered.isr.as_slice(), altered.partition_epoch), ([2.into()].as_slice(), 1));

    let stale = request(2, orders.id, &[2]).with_broker_epoch(0);
    let response = cluster.controller.alter_partition(stale).await;
    assert_eq!(response.error_code, ResponseError::StaleBrokerEpoch.code());
}

#[tokio::test]
async fn topics_are_created_and_deleted() {
    let (cluster, _brokers) = Cluster::with_brokers().await;
    assert_eq!(cluster.create("orders", -1, -1).await, 0, "one partition, one replica");
    assert_eq!(cluster.create("orders", 1, 1).await, ResponseError::TopicAlreadyExists.code());
    assert_eq!(cluster.create("clicks", 1, 3).await, ResponseError::InvalidReplicationFactor.code());
    assert_eq!(cluster.create("clicks", 0, 1).await, ResponseError::InvalidPartitions.code());
    assert_eq!(cluster.create("a/b", 1, 1).await, ResponseError::InvalidTopicException.code());

    let id = cluster.controller.state().borrow().topics["orders"].id;
    let by_name = DeleteTopicState::default().with_name(Some(StrBytes::from("orders").into()));
    let delete = k::DeleteTopicsRequest::default().with_topics(vec![
        by_name.clone(),
        by_name,
        DeleteTopicState::default().with_name(None).with_topic_id(id),
    ]);
    let response = cluster.controller.delete_topics(delete).await;
    let results: Vec<_> = response.responses.iter().map(|topic| (topic.topic_id, topic.error_code)).collect();
    let unknown_name = ResponseError::UnknownTopicOrPartition.code();
    let unknown_id = ResponseError::UnknownTopicId.code();
    assert_eq!(results, [(id, 0), (uuid::Uuid::nil(), unknown_name), (id, unknown_id)]);
}

#[tokio::test]
async fn a_restarted_voter_has_what_was_decided() {
    let (cluster, brokers) = Cluster::with_brokers().await;
    assert_eq!(cluster.create("orders", 1, 2).await, 0);
    let former = Arc::clone(&cluster.controller.state().borrow());
    let Cluster { folder, env, controller, _tasks: tasks, .. } = cluster;
    let config = controller.config.clone();
    drop((brokers, tasks, controller, env));

    let env = TokioEnv::new(folder.path().to_owned(), 2);
    let (controller, _tasks) = restart(&env, config).await;
    let later = |state: &Arc<ClusterState>| state.controller_epoch > former.controller_epoch;
    let state = until(&mut controller.state(), later).await;
    assert_eq!((&state.topics["orders"].id, state.brokers.len()), (&former.topics["orders"].id, 2));
}

/// Starts the voter anew as soon as its former life has left the port.
async fn restart(env: &TokioEnv, config: ControllerConfig) -> (Arc<Controller<TokioEnv>>, [Task; 2]) {
    let started = timeout(PATIENCE, async {
        loop {
            if let Ok(started) = Controller::start(env, config.clone()).await {
                return started;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    started.await.expect("the port is free again in time")
}

#[tokio::test]
async fn another_voter_takes_over_and_the_brokers_find_it() {
    let folder = TempDir::new().expect("a temporary folder");
    let env = |node: i32| TokioEnv::new(folder.path().join(node.to_string()), 1);
    let config = controller_config(&[1, 2, 3]);
    let mut channel = ChannelConfig {
        client_id: "test".to_owned(),
        controllers: BTreeMap::new(),
        timeout: Duration::from_secs(5),
        backoff: Duration::from_millis(5),
    };
    let mut nodes = BTreeMap::new();
    for voter in 1..=3 {
        let mut config = config.clone();
        config.quorum.id = VoterId(voter);
        let (controller, tasks) =
            Controller::start(&env(voter), config).await.expect("the quorum node starts");
        let (port, served) = (free_port(), Arc::clone(&controller));
        let served = move |header, body| answer(Arc::clone(&served), header, body);
        let serving = serve(&env(voter), port, served).await;
        channel.controllers.insert(BrokerId(voter), (HOST.to_owned(), port));
        nodes.insert(BrokerId(voter), (controller, tasks, serving));
    }
    let max_wait = Duration::from_millis(100);
    let feed = FeedConfig { node: BrokerId(4), channel: channel.clone(), max_wait, mutants: Mutants::NONE };
    let (mut image, _feed) = feed::start(&env(4), feed);
    let lifecycle = LifecycleConfig {
        broker: BrokerId(4),
        host: HOST.to_owned(),
        port: 9092,
        heartbeat_interval: Duration::from_millis(20),
    };
    let channel = ControllerChannel::new(&env(4), channel, image.clone());
    let _broker = Lifecycle::start(&env(4), lifecycle, channel, image.clone());

    let before = until(&mut image, |state| state.is_alive(BrokerId(4))).await;
    drop(nodes.remove(&before.controller.expect("somebody unfenced the broker")));
    let taken_over = |state: &Arc<ClusterState>| {
        state.controller_epoch > before.controller_epoch && state.is_alive(BrokerId(4))
    };
    let after = until(&mut image, taken_over).await;
    assert_ne!(after.controller, before.controller);
    assert_eq!(after.brokers[&BrokerId(4)].epoch, before.brokers[&BrokerId(4)].epoch, "registered once");
}

#[tokio::test]
async fn a_voter_without_a_quorum_refuses_everything() {
    let folder = TempDir::new().expect("a temporary folder");
    let env = TokioEnv::new(folder.path().to_owned(), 1);
    let (controller, _tasks) =
        Controller::start(&env, controller_config(&[1, 2, 3])).await.expect("the quorum node starts");
    let not_controller = ResponseError::NotController.code();
    let listener = k::broker_registration_request::Listener::default();
    let registration = k::BrokerRegistrationRequest::default().with_listeners(vec![listener]);
    assert_eq!(controller.broker_registration(registration).await.error_code, not_controller);
    let heartbeat = k::BrokerHeartbeatRequest::default();
    assert_eq!(controller.broker_heartbeat(heartbeat).await.error_code, not_controller);
    let alteration = k::AlterPartitionRequest::default();
    assert_eq!(controller.alter_partition(alteration).await.error_code, not_controller);
    assert!(controller.fetch_metadata(MetadataOffset(1), Duration::ZERO).await.is_none());
}

#[tokio::test]
async fn a_follower_finds_the_controller_and_starts_from_a_snapshot() {
    let folder = TempDir::new().expect("a temporary folder");
    let env = TokioEnv::new(folder.path().to_owned(), 1);
    let snapshot = ClusterState { offset: MetadataOffset(7), ..ClusterState::default() };
    let entry = crate::quorum::Entry { index: 8, epoch: 1, command: Bytes::new() };
    let ports = [free_port(), free_port()];

    let elsewhere = |header: Header, _| async move {
        let response = k::FetchResponse::default().with_error_code(ResponseError::NotController.code());
        encode_response(header.correlation_id, header.version, &response)
    };
    let batches = [MetadataBatch::Snapshot(Arc::new(snapshot)), MetadataBatch::Entries(vec![entry])];
    let scripted = move |header: Header, body| {
        let RequestBody::Fetch(request) = body else { panic!("a feed only fetches") };
        let batch = match request.topics[0].partitions[0].fetch_offset {
            1 => Some(&batches[0]),
            8 => Some(&batches[1]),
            _ => None,
        };
        let data = PartitionData::default().with_records(batch.map(records::encode));
        let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
        let response = k::FetchResponse::default().with_responses(vec![topic]);
        let frame = encode_response(header.correlation_id, header.version, &response);
        async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            frame
        }
    };
    let _servers = [serve(&env, ports[0], elsewhere).await, serve(&env, ports[1], scripted).await];

    let channel = ChannelConfig {
        client_id: "test".to_owned(),
        controllers: [1, 2]
            .map(BrokerId)
            .into_iter()
            .zip(ports.map(|port| (HOST.to_owned(), port)))
            .collect(),
        timeout: Duration::from_secs(5),
        backoff: Duration::from_millis(5),
    };
    let config = FeedConfig {
        node: BrokerId(4),
        channel,
        max_wait: Duration::from_millis(10),
        mutants: Mutants::NONE,
    };
    let (mut image, _feed) = feed::start(&env, config);
    until(&mut image, |state| state.offset == MetadataOffset(8)).await;
}

#[tokio::test]
async fn a_dead_connection_is_replaced_before_another_voter_is_tried() {
    let folder = TempDir::new().expect("a temporary folder");
    let env = TokioEnv::new(folder.path().to_owned(), 1);
    let ports = [free_port(), free_port()];
    let mut listener = env.bind(ports[0]).await.expect("the port is free");
    let _server = env.spawn(async move {
        while let Ok(mut stream) = listener.accept().await {
            let frame = read_frame(&mut stream).await.expect("a request").expect("a request");
            let (header, _) = decode_request(frame).expect("our own requests decode");
            let response = k::BrokerHeartbeatResponse::default();
            let frame = encode_response(header.correlation_id, header.version, &response);
            write_frame(&mut stream, frame).await.expect("the caller waits");
        }
    });
    let config = ChannelConfig {
        client_id: "test".to_owned(),
        controllers: [1, 2]
            .map(BrokerId)
            .into_iter()
            .zip(ports.map(|port| (HOST.to_owned(), port)))
            .collect(),
        timeout: Duration::from_secs(5),
        backoff: Duration::from_millis(5),
    };
    let (_publisher, state) = watch::channel(Arc::default());
    let mut channel = ControllerChannel::new(&env, config, state);
    let request = k::BrokerHeartbeatRequest::default();
    for _ in 0..3 {
        channel.call(&request).await.expect("the first voter answers once on each connection");
        channel.call(&request).await.expect_err("the first voter closed the connection");
    }
}
