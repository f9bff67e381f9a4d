//! Three brokers in one process, each with ports and a folder of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use highwater_broker::config::{BrokerConfig, VoterAddress};
use highwater_broker::env::tokio::TokioEnv;
use highwater_broker::env::{Env, Task};
use highwater_broker::ids::BrokerId;
use highwater_broker::server::{self, BrokerError};
use highwater_broker::watch;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::Client;
use crate::{PATIENCE, eventually, free_ports};

const HOST: &str = "127.0.0.1";
/// How many values are sent before each disturbance.
const ROUND: usize = 20;

/// Kafka's own timers would make this a matter of minutes.
const SETTINGS: [(&str, &str); 5] = [
    ("replica.lag.time.max.ms", "2000"),
    ("broker.heartbeat.interval.ms", "300"),
    ("broker.session.timeout.ms", "1500"),
    ("request.timeout.ms", "1000"),
    ("flush", "every-batch"),
];

/// A running broker, which ends at once when this is dropped.
struct Running {
    terminate: watch::Sender<bool>,
    ended: oneshot::Receiver<Result<(), BrokerError>>,
    _task: Task,
}

struct Cluster {
    root: tempfile::TempDir,
    voters: BTreeMap<BrokerId, VoterAddress>,
    running: BTreeMap<i32, Running>,
    /// How many lives were begun: each draws random numbers of its own.
    lives: u64,
}

impl Cluster {
    fn start() -> Self {
        let [a, b, c, d, e, f] = free_ports();
        let address = |port, quorum_port| VoterAddress { host: HOST.to_owned(), port, quorum_port };
        let voters = [(1, a, b), (2, c, d), (3, e, f)];
        let voters = voters.map(|(id, port, quorum_port)| (BrokerId(id), address(port, quorum_port)));
        let root = tempfile::tempdir().expect("a folder");
        let mut cluster = Self { root, voters: voters.into(), running: BTreeMap::new(), lives: 0 };
        for id in 1..=3 {
            cluster.start_broker(id);
        }
        cluster
    }

    fn start_broker(&mut self, id: i32) {
        let mut config = BrokerConfig::new(BrokerId(id), HOST);
        config.port = self.voters[&config.id].port;
        config.voters = self.voters.clone();
        for (key, value) in SETTINGS {
            config.set(key, value).expect(key);
        }
        self.lives += 1;
        let env = TokioEnv::new(self.folder(id), self.lives);
        let (terminate, requested) = watch::channel(false);
        let (tell, ended) = oneshot::channel();
        let task = env.clone().spawn(async move {
            // Nobody may be left to be told.
            let _ = tell.send(server::run(env, config, requested).await);
        });
        let earlier = self.running.insert(id, Running { terminate, ended, _task: task });
        assert!(earlier.is_none(), "b{id} runs already");
    }

    fn folder(&self, id: i32) -> PathBuf {
        self.root.path().join(format!("b{id}"))
    }

    /// Ends a broker as a crash does.
    fn kill(&mut self, id: i32) {
        let mut broker = self.running.remove(&id).expect("it runs");
        assert!(broker.ended.try_recv().is_err(), "b{id} ended by itself");
    }

    /// Ends a broker as an operator does, and waits for its end.
    async fn shut_down(&mut self, id: i32) {
        let broker = self.running.remove(&id).expect("it runs");
        broker.terminate.send_replace(true);
        let ended = timeout(PATIENCE, broker.ended).await.expect("it ends in time");
        ended.expect("it was not aborted").expect("nothing failed");
    }

    fn client(&self) -> Client {
        Client {
            env: TokioEnv::new(self.root.path().join("client"), 0),
            brokers: self.voters.iter().map(|(id, address)| (id.0, address.port)).collect(),
        }
    }
}

/// Sends a round of values, and keeps what was acknowledged by its offset.
async fn produce(client: &Client, acknowledged: &mut BTreeMap<i64, String>) {
    for _ in 0..ROUND {
        let value = format!("value {}", acknowledged.len());
        let offset = client.produce(&value).await;
        let earlier = acknowledged.insert(offset, value);
        assert_eq!(earlier, None, "two values were acknowledged at offset {offset}");
    }
}

/// Every acknowledged value is read at its offset. A value whose acknowledgement was lost was sent again, so
/// that others may lie between.
async fn read_back(client: &Client, acknowledged: &BTreeMap<i64, String>) {
    let end = acknowledged.keys().next_back().expect("something was acknowledged") + 1;
    let mut read = client.read(end).await;
    assert!(read.keys().copied().eq(0..read.len() as i64), "offsets have no holes: {:?}", read.keys());
    read.retain(|offset, _| acknowledged.contains_key(offset));
    assert_eq!(&read, acknowledged);
}

async fn wait_for_isr(client: &Client, at: i32, isr: &[i32]) {
    let isr = BTreeSet::from_iter(isr.iter().copied());
    eventually("have the replicas in sync", async || {
        let partition = client.describe_at(at).await?;
        if partition.isr == isr { Ok(()) } else { Err(format!("{:?} are, as b{at} says", partition.isr)) }
    })
    .await;
}

#[tokio::test]
async fn a_cluster_outlives_its_leader_and_takes_it_back() {
    let mut cluster = Cluster::start();
    let client = cluster.client();
    let mut acknowledged = BTreeMap::new();
    client.create_topic().await;
    produce(&client, &mut acknowledged).await;
    read_back(&client, &acknowledged).await;

    let first = client.describe().await.expect("it leads").leader;
    cluster.kill(first);
    produce(&client, &mut acknowledged).await;
    let second = client.describe().await.expect("it leads").leader;
    assert_ne!(first, second);
    let survivors: Vec<_> = (1..=3).filter(|id| *id != first).collect();
    wait_for_isr(&client, second, &survivors).await;

    cluster.start_broker(first);
    wait_for_isr(&client, first, &[1, 2, 3]).await;
    read_back(&client, &acknowledged).await;

    // A leader that is asked to stop hands its leadership on first.
    let leader = client.describe().await.expect("it leads").leader;
    cluster.shut_down(leader).await;
    produce(&client, &mut acknowledged).await;
    read_back(&client, &acknowledged).await;
    assert_ne!(client.describe().await.expect("it leads").leader, leader);
}
