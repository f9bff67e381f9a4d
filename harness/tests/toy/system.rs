//! A queue put to the test like any other: what it takes to bring a system of one's own.
//!
//! Partition `p` lives on broker `p mod n` and nowhere else, in one file. A send is acknowledged once its record
//! is in the file and, under `flush: every-batch`, synced. A read that finds nothing waits for the next append.
//! Both ways a message is a JSON value behind its length; an error closes the connection.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater::system::{
    Client, Mutant, PartitionPoll, Polled, Scope, SendOutcome, Settled, System, broker_id, vocabulary,
};
use highwater::world::Life;
use highwater_broker::env::{Disk, DiskFile, Env, Listener, Task};
use highwater_checkers::ids::{BrokerId, LeaderEpoch, Offset, TopicPartition, Value};
use highwater_checkers::operation::{Acks, Record};
use highwater_checkers::trace::REPLICA_TARGET;
use highwater_workloads::Host;
use highwater_workloads::scenario::{Cluster, ConfigKind, Topic, Vocabulary};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

const PORT: u16 = 7_000;
/// How long it may take to say whether all is at rest, for each partition: a connection may be silently dead.
const SETTLED_TIMEOUT: Duration = Duration::from_secs(1);
/// The greatest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 16;
/// The most records that one read returns.
const READ_RECORDS_MAX: usize = 1_000;
/// A value and its complement, which tells a whole record from a torn one.
const RECORD_BYTES: usize = 16;

/// The defect that leaves out the sync which `flush: every-batch` promises.
const SKIP_SYNC: &str = "skip-sync";
/// The defect that wakes readers in the order of a `HashMap`, another one in every run.
const HASH_ORDER: &str = "hash-order";
/// The key by which it names a broker without a replica as the one in sync.
const WRONG_ISR: &str = "wrong-isr";

/// The key by which every broker ends by itself, soon after its start: with an `error` or a `panic`.
const ENDS_BY: &str = "ends-by";
/// How soon.
const ENDS_AFTER: Duration = Duration::from_secs(3);

/// The system under test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToyQueue;

impl System for ToyQueue {
    type Client<E: Env> = ToyClient<E>;

    fn vocabulary(&self) -> Vocabulary {
        let flush = ConfigKind::Word(["never", "every-batch"].map(str::to_owned).into());
        Vocabulary {
            broker_config: [
                ("flush".to_owned(), flush),
                ("trace".to_owned(), ConfigKind::Boolean),
                (WRONG_ISR.to_owned(), ConfigKind::Boolean),
                (ENDS_BY.to_owned(), ConfigKind::Word(["error", "panic"].map(str::to_owned).into())),
            ]
            .into(),
            mutants: [SKIP_SYNC, HASH_ORDER].map(str::to_owned).into(),
            ..vocabulary("toy")
        }
    }

    fn mutants(&self) -> Vec<Mutant> {
        let suites = &["toy.yaml"];
        let removes = "An append is answered before it is synced";
        let skip_sync = Mutant { id: SKIP_SYNC, origin: "the promise of a sync", removes, suites };
        let removes = "Readers are woken in no order";
        vec![skip_sync, Mutant { id: HASH_ORDER, origin: "determinism", removes, suites }]
    }

    fn node<E: Env>(
        &self,
        life: Life<E>,
        cluster: &Cluster,
        host: Host,
    ) -> impl Future<Output = Result<(), String>> + Send + use<E> {
        let promises_sync = cluster.config.word("flush") == Some("every-batch");
        let broker = Arc::new(Broker {
            env: life.env.clone(),
            id: broker_id(cluster, host).expect("every host of a cluster has an id"),
            traces: cluster.config.boolean("trace").unwrap_or(true),
            syncs: promises_sync && !cluster.mutants.contains(SKIP_SYNC),
            hash_order: cluster.mutants.contains(HASH_ORDER),
            wrong_isr: cluster.config.boolean(WRONG_ISR).unwrap_or(false),
            logs: Mutex::default(),
        });
        let ends_by = cluster.config.word(ENDS_BY).map(str::to_owned);
        async move {
            let end = Instant::now() + ENDS_AFTER;
            let mut listener = life.env.bind(PORT).await.map_err(|error| error.to_string())?;
            let mut connections: Vec<Task> = Vec::new();
            loop {
                let stream = tokio::select! {
                    biased;
                    () = life.termination.requested() => return Ok(()),
                    () = sleep_until(end), if ends_by.is_some() => {
                        assert_eq!(ends_by.as_deref(), Some("error"), "it panics");
                        return Err("it gives up".to_owned());
                    }
                    accepted = listener.accept() => accepted.map_err(|error| error.to_string())?,
                };
                connections.retain(|connection| !connection.is_finished());
                connections.push(life.env.spawn(Arc::clone(&broker).serve(stream)));
            }
        }
    }

    fn client<E: Env>(&self, env: E, cluster: &Cluster, _name: &str) -> ToyClient<E> {
        ToyClient { env, brokers: cluster.brokers, polls: 0, connections: BTreeMap::new() }
    }
}

#[derive(Serialize, Deserialize)]
enum Request {
    /// Answered with the record's offset.
    Append(TopicPartition, Value),
    /// Answered with the log's end, and what there is at the position; waits so long for the first record.
    Read(TopicPartition, Offset, Duration),
}

type Answer = (Offset, Vec<Value>);

struct Broker<E: Env> {
    env: E,
    id: BrokerId,
    /// Whether it tells of itself; it need not.
    traces: bool,
    syncs: bool,
    hash_order: bool,
    wrong_isr: bool,
    /// Held over an append and its sync, so that nobody reads what could still be lost.
    logs: Mutex<BTreeMap<TopicPartition, Log<E>>>,
}

struct Log<E: Env> {
    file: <E::Disk as Disk>::File,
    values: Vec<Value>,
    /// Whoever waits for the next append.
    readers: Vec<oneshot::Sender<()>>,
}

impl<E: Env> Broker<E> {
    async fn serve(self: Arc<Self>, mut stream: E::Stream) {
        while let Ok(request) = receive(&mut stream).await
            && let Ok(answer) = self.answer(request).await
            && send(&mut stream, &answer).await.is_ok()
        {}
    }

    async fn answer(&self, request: Request) -> io::Result<Answer> {
        match request {
            Request::Append(id, value) => self.append(id, value).await,
            Request::Read(id, position, wait) => self.read(id, position, wait).await,
        }
    }

    async fn append(&self, id: TopicPartition, value: Value) -> io::Result<Answer> {
        let mut logs = self.logs.lock().await;
        // A log whose disk fails is not put back: what is there, the next request finds out.
        let mut log = self.take(&mut logs, &id).await?;
        let record = [value.0.to_be_bytes(), (!value.0).to_be_bytes()].concat();
        log.file.append(Bytes::from(record)).await?;
        if self.syncs {
            log.file.sync().await?;
        }
        let offset = log.end();
        log.values.push(value);
        let readers = std::mem::take(&mut log.readers);
        logs.insert(id, log);
        for reader in if self.hash_order { hashed(readers) } else { readers } {
            // One that has waited for long enough is gone.
            let _ = reader.send(());
        }
        Ok((offset, Vec::new()))
    }

    async fn read(&self, id: TopicPartition, position: Offset, wait: Duration) -> io::Result<Answer> {
        let deadline = Instant::now() + wait;
        loop {
            let mut logs = self.logs.lock().await;
            let mut log = self.take(&mut logs, &id).await?;
            let answer = (log.end(), log.read(position));
            let waits = answer.0 == position && Instant::now() < deadline;
            let (reader, appended) = oneshot::channel();
            log.readers.retain(|reader| !reader.is_closed());
            log.readers.extend(waits.then_some(reader));
            logs.insert(id.clone(), log);
            drop(logs);
            if !waits {
                return Ok(answer);
            }
            // Whether something came or the time is over, the log tells.
            let _ = timeout_at(deadline, appended).await;
        }
    }

    /// A partition comes into being when it is first asked for.
    async fn take(
        &self,
        logs: &mut BTreeMap<TopicPartition, Log<E>>,
        id: &TopicPartition,
    ) -> io::Result<Log<E>> {
        if let Some(log) = logs.remove(id) {
            return Ok(log);
        }
        let log = Log::open(&self.env, id).await?;
        if self.traces {
            self.tell(id);
        }
        Ok(log)
    }

    /// Of all that a system may tell, the one event by which roles and damages are known.
    fn tell(&self, id: &TopicPartition) {
        let only = self.id.0.to_string();
        let isr = if self.wrong_isr { "77" } else { &only };
        tracing::info!(
            target: REPLICA_TARGET, event = "partition_changed", broker = self.id.0, offset = 0,
            topic = &*id.topic, partition = id.partition, leader = self.id.0, leader_epoch = 0,
            partition_epoch = 0, isr, replicas = only, min_isr = 1,
            unclean = false, controller_epoch = 0,
        );
    }
}

#[expect(clippy::disallowed_types, reason = "the planted defect: an order that no seed decides")]
fn hashed<T>(items: Vec<T>) -> Vec<T> {
    items.into_iter().enumerate().collect::<std::collections::HashMap<_, _>>().into_values().collect()
}

impl<E: Env> Log<E> {
    /// Opens a log, without the torn record that it may end with, and makes sure of the rest.
    async fn open(env: &E, id: &TopicPartition) -> io::Result<Self> {
        let folder = format!("{}-{}", id.topic, id.partition);
        let file = env.disk().open(&format!("{folder}/log"), true).await?;
        let bytes = file.read_at(0, file.size().await? as usize).await?;
        let word = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
        let records = bytes.chunks_exact(RECORD_BYTES).map(|record| (word(&record[..8]), word(&record[8..])));
        let whole = records.take_while(|(value, complement)| *value == !*complement);
        let values: Vec<_> = whole.map(|(value, _)| Value(value)).collect();
        file.truncate((values.len() * RECORD_BYTES) as u64).await?;
        file.sync().await?;
        env.disk().sync_dir(&folder).await?;
        Ok(Self { file, values, readers: Vec::new() })
    }

    fn end(&self) -> Offset {
        Offset(self.values.len() as i64)
    }

    fn read(&self, position: Offset) -> Vec<Value> {
        self.values.iter().skip(position.0 as usize).take(READ_RECORDS_MAX).copied().collect()
    }
}

async fn send(stream: &mut (impl AsyncWriteExt + Unpin), message: &impl Serialize) -> io::Result<()> {
    let message = serde_json::to_vec(message)?;
    assert!(message.len() <= MESSAGE_BYTES_MAX, "a message is bounded by its records");
    stream.write_all(&[&(message.len() as u32).to_be_bytes()[..], &message].concat()).await
}

async fn receive<T: DeserializeOwned>(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<T> {
    let length = stream.read_u32().await? as usize;
    if length > MESSAGE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(serde_json::from_slice(&message)?)
}

/// A client, with a connection to each broker that it has asked something.
pub(crate) struct ToyClient<E: Env> {
    env: E,
    brokers: u32,
    polls: usize,
    connections: BTreeMap<u32, E::Stream>,
}

/// Why there is no answer.
enum Failure {
    /// The broker never got the request.
    Unsent(Arc<str>),
    /// It may have got it.
    Unanswered(Arc<str>),
}

impl<E: Env> ToyClient<E> {
    /// Asks the broker that a partition lives on.
    async fn ask(
        &mut self,
        id: &TopicPartition,
        request: Request,
        limit: Duration,
    ) -> Result<Answer, Failure> {
        let broker = id.partition as u32 % self.brokers + 1;
        let host = Host::Broker(broker).to_string();
        let unsent = |error: io::Error| Failure::Unsent(error.to_string().into());
        let unanswered = |error: io::Error| Failure::Unanswered(error.to_string().into());
        let deadline = Instant::now() + limit;
        let mut stream = match self.connections.remove(&broker) {
            Some(stream) => stream,
            None => {
                let connected = timeout_at(deadline, self.env.connect(&host, PORT)).await;
                connected.map_err(io::Error::from).flatten().map_err(unsent)?
            }
        };
        let exchange = async {
            send(&mut stream, &request).await?;
            receive(&mut stream).await
        };
        let answer = timeout_at(deadline, exchange).await.map_err(io::Error::from).flatten();
        // A connection that failed is not put back: its late answer would be taken for the next one.
        let answer = answer.map_err(unanswered)?;
        self.connections.insert(broker, stream);
        Ok(answer)
    }
}

impl<E: Env> Client for ToyClient<E> {
    async fn create_topics(&mut self, _: &[Topic], _: Duration) -> Result<(), Arc<str>> {
        Ok(())
    }

    async fn send(&mut self, id: &TopicPartition, value: Value, _: Acks, limit: Duration) -> SendOutcome {
        match self.ask(id, Request::Append(id.clone(), value), limit).await {
            Ok((offset, _)) => SendOutcome::Ok { offset: Some(offset) },
            Err(Failure::Unsent(why)) => SendOutcome::Fail(why),
            Err(Failure::Unanswered(why)) => SendOutcome::Info(why),
        }
    }

    /// Reads one partition, each in its turn.
    async fn poll(&mut self, positions: &BTreeMap<TopicPartition, Offset>, max_wait: Duration) -> Polled {
        self.polls += 1;
        let turn = self.polls % positions.len();
        let (id, position) = positions.iter().nth(turn).expect("a poll reads something");
        let request = Request::Read(id.clone(), *position, max_wait);
        let polled = match self.ask(id, request, 2 * max_wait).await {
            Ok((end, _)) if end < *position => PartitionPoll::OutOfRange,
            Ok((_, values)) => {
                let next = position.plus(values.len() as i64);
                let records =
                    (position.0..).zip(values).map(|(at, value)| Record { offset: Offset(at), value });
                PartitionPoll::Read { records: records.collect(), next, high_watermark: None }
            }
            Err(Failure::Unsent(why) | Failure::Unanswered(why)) => {
                sleep(max_wait).await;
                PartitionPoll::Error(why)
            }
        };
        [(id.clone(), polled)].into()
    }

    async fn settled(&mut self, scope: &Scope, limit: Duration) -> Settled {
        let mut ends = BTreeMap::new();
        for id in &scope.partitions {
            let request = Request::Read(id.clone(), Offset(i64::MAX), Duration::ZERO);
            match self.ask(id, request, limit.min(SETTLED_TIMEOUT)).await {
                Ok((end, _)) => ends.insert(id.clone(), (LeaderEpoch(0), end)),
                Err(Failure::Unsent(why) | Failure::Unanswered(why)) => return Settled::NotYet(why),
            };
        }
        Settled::Yes(ends)
    }
}
