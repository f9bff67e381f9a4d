//! The quorum's driver on an environment in memory: elections, restarts, dead connections, a broken disk.

mod memory;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use highwater_broker::env::Task;
use highwater_broker::quorum::driver::{DriverConfig, QuorumHandle, StateMachine, start};
use highwater_broker::quorum::{Entry, ProposeError, VoterId};
use tokio::time::{sleep, timeout};

use crate::memory::{MemoryEnv, Net};

const PORT: u16 = 9093;
/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Collects the commands.
#[derive(Default)]
struct Collector {
    commands: Vec<Bytes>,
    index: u64,
}

impl StateMachine for Collector {
    fn apply(&mut self, entry: &Entry) {
        assert_eq!(entry.index, self.index + 1, "each entry comes once, in order");
        self.index = entry.index;
        if !entry.command.is_empty() {
            self.commands.push(entry.command.clone());
        }
    }

    fn snapshot(&self) -> Bytes {
        postcard::to_stdvec(&self.commands).expect("commands have an encoding").into()
    }

    fn restore(&mut self, snapshot: &[u8], index: u64) {
        self.commands = postcard::from_bytes(snapshot).expect("a snapshot of ours");
        self.index = index;
    }
}

/// A running voter.
struct Voter {
    handle: QuorumHandle,
    machine: Arc<Mutex<Collector>>,
    _task: Task,
}

struct Cluster {
    net: Net,
    envs: BTreeMap<i32, MemoryEnv>,
    running: BTreeMap<i32, Voter>,
}

impl Cluster {
    async fn start() -> Self {
        let net = Net::default();
        let envs = (1..=3).map(|id| (id, MemoryEnv::new(&host(id), &net))).collect();
        let mut cluster = Self { net, envs, running: BTreeMap::new() };
        for id in 1..=3 {
            cluster.start_voter(id).await;
        }
        cluster
    }

    async fn start_voter(&mut self, id: i32) {
        let voters = (1..=3).map(|id| (VoterId(id), (host(id), PORT))).collect();
        let config = DriverConfig {
            tick: Duration::from_millis(10),
            snapshot_every: 7,
            ..DriverConfig::new(VoterId(id), voters)
        };
        let machine = Arc::new(Mutex::new(Collector::default()));
        let started = start(self.envs[&id].clone(), config, machine.clone()).await;
        let (handle, task) = started.expect("the disk is whole");
        self.running.insert(id, Voter { handle, machine, _task: task });
    }

    /// The voter that serves, once there is one among `ids`.
    async fn leader(&self, ids: &[i32]) -> i32 {
        eventually(|| ids.iter().copied().find(|id| self.running[id].handle.status().borrow().is_leader))
            .await
    }

    /// Proposes at whoever of `ids` leads until the command is applied on all of them.
    async fn decide(&self, ids: &[i32], command: &'static str) {
        let is_applied = |id: &i32| {
            let machine = self.running[id].machine.lock().expect("no voter has panicked");
            machine.commands.iter().any(|applied| applied == command)
        };
        within(PATIENCE, async {
            while !ids.iter().all(is_applied) {
                let leader = self.leader(ids).await;
                let _ = self.running[&leader].handle.propose(Bytes::from(command)).await;
                let deadline = tokio::time::Instant::now() + Duration::from_millis(500);
                while !ids.iter().all(is_applied) && tokio::time::Instant::now() < deadline {
                    sleep(Duration::from_millis(5)).await;
                }
            }
        })
        .await;
    }
}

fn host(id: i32) -> String {
    format!("b{id}")
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    timeout(limit, future).await.expect("it takes far less")
}

async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

#[tokio::test]
async fn decides_and_survives_the_leader() {
    let mut cluster = Cluster::start().await;
    cluster.decide(&[1, 2, 3], "first").await;
    let leader = cluster.leader(&[1, 2, 3]).await;
    cluster.running.remove(&leader);
    let others: Vec<i32> = (1..=3).filter(|&id| id != leader).collect();
    cluster.decide(&others, "second").await;

    // A torn write at the end of its log, and then the entries and snapshots that it has missed.
    cluster.envs[&leader].disk.scribble("quorum/log", &[9; 13]);
    for command in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        cluster.decide(&others, command).await;
    }
    cluster.start_voter(leader).await;
    cluster.decide(&[1, 2, 3], "third").await;
    let follower = (1..=3).find(|&id| !cluster.running[&id].handle.status().borrow().is_leader);
    let follower = &cluster.running[&follower.expect("at most one leads")];
    let refused = follower.handle.propose(Bytes::from_static(b"lost")).await;
    assert!(matches!(refused, Err(ProposeError::NotLeader { leader: Some(_) })), "{refused:?}");
}

#[tokio::test]
async fn all_voters_find_their_state_again() {
    let mut cluster = Cluster::start().await;
    for command in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
        cluster.decide(&[1, 2, 3], command).await;
    }
    cluster.running.clear();
    for id in 1..=3 {
        cluster.start_voter(id).await;
    }
    cluster.decide(&[1, 2, 3], "last").await;
    for voter in cluster.running.values() {
        let commands = &voter.machine.lock().expect("no voter has panicked").commands;
        assert_eq!((&commands[0][..], &commands[commands.len() - 1][..]), (&b"a"[..], &b"last"[..]));
    }
}

#[tokio::test]
async fn replaces_connections_that_died_silently() {
    let cluster = Cluster::start().await;
    cluster.decide(&[1, 2, 3], "before").await;
    for one_way in [true, false] {
        let leader = cluster.leader(&[1, 2, 3]).await;
        let others: Vec<i32> = (1..=3).filter(|&id| id != leader).collect();
        for &other in &others {
            cluster.net.cut(&host(other), &host(leader));
            if !one_way {
                cluster.net.cut(&host(leader), &host(other));
            }
        }
        eventually(|| (!cluster.running[&leader].handle.status().borrow().is_leader).then_some(())).await;
        cluster.decide(&others, if one_way { "one way" } else { "both ways" }).await;
        cluster.net.heal();
        cluster.decide(&[1, 2, 3], if one_way { "healed" } else { "healed again" }).await;
    }
}

#[tokio::test]
async fn stops_when_its_disk_fails() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader(&[1, 2, 3]).await;
    cluster.envs[&leader].disk.break_down();
    let voter = &cluster.running[&leader];
    let _ = voter.handle.propose(Bytes::from_static(b"never synced")).await;
    eventually(|| voter.handle.status().borrow().stopped.then_some(())).await;
    assert!(!voter.handle.status().borrow().is_leader);
    assert_eq!(voter.handle.propose(Bytes::from_static(b"late")).await, Err(ProposeError::Stopped));
    let others: Vec<i32> = (1..=3).filter(|&id| id != leader).collect();
    cluster.decide(&others, "without it").await;
}
