//! Three brokers of the simulated world that say what a test wants, and a client that talks to them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::BytesMut;
use highwater::system::System;
use highwater::system::kafka::{KafkaClient, KafkaReference};
use highwater::world::sim::{SimConfig, SimWorld, TurmoilEnv};
use highwater::world::{Life, World};
use highwater_broker::env::{Env, Listener, Timestamp};
use highwater_broker::ids::{LeaderEpoch, Offset};
use highwater_broker::log::batch;
use highwater_broker::wire::{
    BROKER_PORT, Header, RequestBody, decode_request, encode_response, read_frame, write_frame,
};
use highwater_workloads::scenario::{Cluster, Config};
use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::protocol::StrBytes;
use tokio::time::sleep;
use uuid::Uuid;

/// The leader of a partition that has none.
pub(crate) const NOBODY: i32 = -1;
/// The broker that creates topics.
pub(crate) const CONTROLLER: i32 = 2;

const TOPIC_ID: Uuid = Uuid::from_u128(7);
const PARTITIONS: i32 = 2;

/// The scripted brokers b1, b2 and b3, with the topic `orders` of two partitions.
#[derive(Clone)]
pub(crate) struct Brokers(Arc<Mutex<State>>);

struct State {
    /// By broker and partition: whom it takes for the leader, and in which epoch.
    beliefs: BTreeMap<(i32, i32), (i32, i32)>,
    /// By broker and partition.
    logs: BTreeMap<(i32, i32), Log>,
    isr: Vec<i32>,
    send_errors: BTreeMap<i32, i16>,
    silent: BTreeSet<i32>,
    down: BTreeSet<i32>,
    asked: BTreeMap<&'static str, usize>,
}

#[derive(Clone, Default)]
struct Log {
    values: Vec<u64>,
    high_watermark: i64,
}

impl Brokers {
    /// Brokers that all take `leader` for the leader of everything, in epoch 1.
    pub(crate) fn led_by(leader: i32) -> Self {
        let state = State {
            beliefs: BTreeMap::new(),
            logs: BTreeMap::new(),
            isr: vec![1, 2, 3],
            send_errors: BTreeMap::new(),
            silent: BTreeSet::new(),
            down: BTreeSet::new(),
            asked: BTreeMap::new(),
        };
        let brokers = Self(Arc::new(Mutex::new(state)));
        (0..PARTITIONS).for_each(|partition| brokers.elect(partition, leader, 1));
        brokers
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// All brokers learn of a leader.
    pub(crate) fn elect(&self, partition: i32, leader: i32, epoch: i32) {
        (1..=3).for_each(|broker| self.believe(broker, partition, leader, epoch));
    }

    /// One broker does.
    pub(crate) fn believe(&self, broker: i32, partition: i32, leader: i32, epoch: i32) {
        self.state().beliefs.insert((broker, partition), (leader, epoch));
    }

    /// Gives a broker committed records.
    pub(crate) fn fill(&self, broker: i32, partition: i32, values: &[u64]) {
        let log = Log { values: values.to_vec(), high_watermark: values.len() as i64 };
        self.state().logs.insert((broker, partition), log);
    }

    /// Moves a high watermark.
    pub(crate) fn commit(&self, broker: i32, partition: i32, high_watermark: i64) {
        self.state().logs.get_mut(&(broker, partition)).unwrap().high_watermark = high_watermark;
    }

    /// Names the replicas in sync of all partitions.
    pub(crate) fn in_sync(&self, isr: &[i32]) {
        self.state().isr = isr.to_vec();
    }

    /// A broker answers sends with an error.
    pub(crate) fn refuse_sends(&self, broker: i32, error_code: i16) {
        self.state().send_errors.insert(broker, error_code);
    }

    /// A broker never answers sends and fetches.
    pub(crate) fn silence(&self, broker: i32) {
        self.state().silent.insert(broker);
    }

    /// A broker is not started.
    pub(crate) fn stay_down(&self, broker: i32) {
        self.state().down.insert(broker);
    }

    /// How many requests of a kind all brokers got.
    pub(crate) fn asked(&self, kind: &str) -> usize {
        self.state().asked.get(kind).copied().unwrap_or(0)
    }

    /// What a broker's log holds.
    pub(crate) fn log(&self, broker: i32, partition: i32) -> Vec<u64> {
        self.state().logs.get(&(broker, partition)).cloned().unwrap_or_default().values
    }

    async fn answer(&self, me: i32, header: Header, body: RequestBody) -> Option<BytesMut> {
        let Header { correlation_id: id, version, .. } = header;
        let kind = match &body {
            RequestBody::Metadata(_) => "metadata",
            RequestBody::Produce(_) => "produce",
            RequestBody::Fetch(_) => "fetch",
            RequestBody::ListOffsets(_) => "list-offsets",
            RequestBody::CreateTopics(_) => "create-topics",
            other => panic!("the client has no need of {other:?}"),
        };
        *self.state().asked.entry(kind).or_default() += 1;
        let is_silent = self.state().silent.contains(&me);
        if is_silent && ["produce", "fetch"].contains(&kind) {
            return pending().await;
        }
        match body {
            RequestBody::Produce(request) => {
                let answer = self.produce(me, &request);
                (request.acks != 0).then(|| encode_response(id, version, &answer))
            }
            RequestBody::Fetch(request) => {
                Some(encode_response(id, version, &self.fetch(me, &request).await))
            }
            RequestBody::ListOffsets(request) => {
                Some(encode_response(id, version, &self.list_offsets(me, &request)))
            }
            RequestBody::CreateTopics(request) => Some(encode_response(id, version, &created(me, &request))),
            _ => Some(encode_response(id, version, &self.metadata(me))),
        }
    }

    fn metadata(&self, me: i32) -> k::MetadataResponse {
        use k::metadata_response as m;
        let state = self.state();
        let brokers = (1..=3).map(|broker| {
            m::MetadataResponseBroker::default()
                .with_node_id(broker.into())
                .with_host(StrBytes::from_string(format!("b{broker}")))
                .with_port(i32::from(BROKER_PORT))
        });
        let ids = |ids: &[i32]| ids.iter().map(|id| k::BrokerId(*id)).collect::<Vec<_>>();
        let partitions = (0..PARTITIONS).map(|partition| {
            let (leader, epoch) = state.beliefs[&(me, partition)];
            m::MetadataResponsePartition::default()
                .with_partition_index(partition)
                .with_leader_id(leader.into())
                .with_leader_epoch(epoch)
                .with_replica_nodes(ids(&[1, 2, 3]))
                .with_isr_nodes(ids(&state.isr))
        });
        let topic = m::MetadataResponseTopic::default()
            .with_name(Some(k::TopicName(StrBytes::from_static_str("orders"))))
            .with_topic_id(TOPIC_ID)
            .with_partitions(partitions.collect());
        k::MetadataResponse::default().with_brokers(brokers.collect()).with_topics(vec![topic])
    }

    fn produce(&self, me: i32, request: &k::ProduceRequest) -> k::ProduceResponse {
        use k::produce_response as p;
        let mut state = self.state();
        let sent = &request.topic_data[0].partition_data[0];
        let (leader, _) = state.beliefs[&(me, sent.index)];
        let mut answer = p::PartitionProduceResponse::default().with_index(sent.index).with_base_offset(-1);
        if leader != me {
            answer.error_code = ResponseError::NotLeaderOrFollower.code();
        } else if let Some(error) = state.send_errors.get(&me) {
            answer.error_code = *error;
        } else {
            let log = state.logs.entry((me, sent.index)).or_default();
            answer.base_offset = log.values.len() as i64;
            for (_, value) in batch::decode_values(sent.records.clone().unwrap()).unwrap() {
                log.values.push(u64::from_be_bytes(value[..].try_into().unwrap()));
            }
        }
        let topic = p::TopicProduceResponse::default().with_partition_responses(vec![answer]);
        k::ProduceResponse::default().with_responses(vec![topic])
    }

    /// Waits as long as it may if there is nothing to read.
    async fn fetch(&self, me: i32, request: &k::FetchRequest) -> k::FetchResponse {
        use k::fetch_response as f;
        let asked = &request.topics[0];
        assert_eq!((asked.topic_id, request.replica_state.replica_id.0), (TOPIC_ID, -1));
        let mut answers = Vec::new();
        let mut is_empty = true;
        for partition in &asked.partitions {
            let state = self.state();
            let (leader, epoch) = state.beliefs[&(me, partition.partition)];
            let log = state.logs.get(&(me, partition.partition)).cloned().unwrap_or_default();
            let mut answer = f::PartitionData::default()
                .with_partition_index(partition.partition)
                .with_high_watermark(log.high_watermark);
            let from = usize::try_from(partition.fetch_offset).unwrap();
            if leader != me {
                answer.error_code = ResponseError::NotLeaderOrFollower.code();
            } else if partition.current_leader_epoch != epoch {
                answer.error_code = ResponseError::FencedLeaderEpoch.code();
            } else if from > log.values.len() {
                answer.error_code = ResponseError::OffsetOutOfRange.code();
            } else {
                answer.records = Some(batches(&log, from).freeze());
            }
            is_empty &= answer.error_code == 0 && answer.records.as_ref().unwrap().is_empty();
            answers.push(answer);
        }
        if is_empty {
            sleep(Duration::from_millis(request.max_wait_ms as u64)).await;
        }
        let topic = f::FetchableTopicResponse::default().with_topic_id(TOPIC_ID).with_partitions(answers);
        k::FetchResponse::default().with_responses(vec![topic])
    }

    fn list_offsets(&self, me: i32, request: &k::ListOffsetsRequest) -> k::ListOffsetsResponse {
        use k::list_offsets_response as l;
        let state = self.state();
        let partitions = request.topics[0].partitions.iter().map(|asked| {
            let log = state.logs.get(&(me, asked.partition_index)).cloned().unwrap_or_default();
            let end = if request.replica_id.0 == -2 { log.values.len() as i64 } else { log.high_watermark };
            l::ListOffsetsPartitionResponse::default()
                .with_partition_index(asked.partition_index)
                .with_offset(end)
        });
        let topic = l::ListOffsetsTopicResponse::default()
            .with_name(request.topics[0].name.clone())
            .with_partitions(partitions.collect());
        k::ListOffsetsResponse::default().with_topics(vec![topic])
    }
}

/// The log's committed batches from an offset on, one record each.
fn batches(log: &Log, from: usize) -> BytesMut {
    let mut batches = BytesMut::new();
    let committed = log.values.iter().enumerate().take(log.high_watermark as usize);
    for (offset, value) in committed.skip(from) {
        let bytes = bytes::Bytes::copy_from_slice(&value.to_be_bytes());
        let mut one = BytesMut::from(&batch::encode(&[(None, bytes)], Timestamp(0))[..]);
        batch::stamp(&mut one, Offset(offset as i64), LeaderEpoch(1));
        batches.extend_from_slice(&one);
    }
    batches
}

fn created(me: i32, request: &k::CreateTopicsRequest) -> k::CreateTopicsResponse {
    use k::create_topics_response::CreatableTopicResult;
    let error = if me == CONTROLLER { 0 } else { ResponseError::NotController.code() };
    let topics = request
        .topics
        .iter()
        .map(|topic| CreatableTopicResult::default().with_name(topic.name.clone()).with_error_code(error));
    k::CreateTopicsResponse::default().with_topics(topics.collect())
}

async fn serve(life: Life<TurmoilEnv>, me: i32, brokers: Brokers) -> Result<(), String> {
    let mut listener = life.env.bind(BROKER_PORT).await.map_err(|error| error.to_string())?;
    let mut connections = Vec::new();
    loop {
        let mut stream = listener.accept().await.map_err(|error| error.to_string())?;
        let brokers = brokers.clone();
        connections.push(life.env.spawn(async move {
            while let Ok(Some(frame)) = read_frame(&mut stream).await {
                let (header, body) = decode_request(frame).expect("the client sends what can be decoded");
                if let Some(answer) = brokers.answer(me, header, body).await
                    && write_frame(&mut stream, answer).await.is_err()
                {
                    return;
                }
            }
        }));
    }
}

/// Runs a test's steps on a client in a world with `brokers`, to their end.
pub(crate) fn with_client<F, Steps>(brokers: &Brokers, steps: F)
where
    F: Fn(KafkaClient<TurmoilEnv>, Brokers) -> Steps + 'static,
    Steps: Future<Output = ()> + Send + 'static,
{
    let mut world = SimWorld::new(SimConfig::new(1));
    for id in 1..=3 {
        let scripted = brokers.clone();
        let node = world.add_node(&format!("b{id}"), move |life| serve(life, id, scripted.clone()));
        if !brokers.state().down.contains(&id) {
            world.start(node);
        }
    }
    let scripted = brokers.clone();
    let clients = world.add_node("clients", move |life| {
        let cluster = Cluster {
            brokers: 3,
            controllers: 3,
            combined: true,
            tick: Duration::from_millis(2),
            config: Config::default(),
            mutants: BTreeSet::new(),
        };
        let steps = steps(KafkaReference.client(life.env, &cluster, "test"), scripted.clone());
        async move {
            steps.await;
            Ok(())
        }
    });
    world.start(clients);
    while world.is_running(clients) {
        world.step().unwrap();
        assert!(world.now() < Duration::from_secs(60), "the test's steps do not end");
    }
}
