//! Runs a [`Quorum`] in the world: ticks, disk, peers, and the state machine that its log is for.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::watch;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::storage::Storage;
use super::transport::{self, Hello, IN_FLIGHT_MAX, MESSAGE_BYTES_MAX, QUEUE_MAX};
use super::{Config, Defects, Entry, Input, Message, Output, ProposeError, Quorum, Status, VoterId, Write};
use crate::env::{Env, Task};

/// Events that wait for the driver; beyond it senders wait.
const EVENTS_MAX: usize = 256;
/// Events that are taken together, so that they share one sync.
const BATCH_MAX: usize = 32;
const UNDECIDED_MAX: u64 = 1024;

/// What the decided commands are applied to.
pub trait StateMachine: Send + 'static {
    /// Takes a decided entry. Entries come in order and each once in a life of the process; after a restart
    /// those after the last snapshot come again. A leader's first entry has an empty command.
    fn apply(&mut self, entry: &Entry);
    /// The whole state, for [`StateMachine::restore`].
    fn snapshot(&self) -> Bytes;
    /// Takes on the state that `snapshot` was after the entry at `index`, in place of its own.
    fn restore(&mut self, snapshot: &[u8], index: u64);
}

/// One voter's place and pace.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    /// This voter.
    pub id: VoterId,
    /// Host and port of all voters, this one's too.
    pub voters: BTreeMap<VoterId, (String, u16)>,
    /// The quorum's unit of time.
    pub tick: Duration,
    /// See [`Config::election_ticks`].
    pub election_ticks: u32,
    /// See [`Config::heartbeat_ticks`].
    pub heartbeat_ticks: u32,
    /// A snapshot is made, and the log cut, after this many entries.
    pub snapshot_every: u64,
    /// The folder on the node's disk.
    pub dir: String,
}

impl DriverConfig {
    /// Heartbeats every 100 ms, election time-outs of 500 to 1,000 ms.
    pub fn new(id: VoterId, voters: BTreeMap<VoterId, (String, u16)>) -> Self {
        Self {
            id,
            voters,
            tick: Duration::from_millis(50),
            election_ticks: 10,
            heartbeat_ticks: 2,
            snapshot_every: 1000,
            dir: "quorum".into(),
        }
    }
}

/// Why a voter could not start.
#[derive(Debug, thiserror::Error)]
pub enum QuorumError {
    /// The voter's own address is not among the voters'.
    #[error("{0} is not among the voters: give it an address")]
    NotAVoter(VoterId),
    /// The stored state could not be read, or its torn tail not be cut.
    #[error("cannot open the quorum's state in {dir}: {source}")]
    Storage {
        /// The folder on the node's disk.
        dir: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The port could not be listened on.
    #[error("cannot listen on the quorum's port {port}: {source}")]
    Bind {
        /// The port.
        port: u16,
        /// What the network said.
        source: io::Error,
    },
}

/// Talks to the voter of this node.
#[derive(Clone, Debug)]
pub struct QuorumHandle {
    events: mpsc::Sender<Event>,
    status: watch::Receiver<Status>,
}

impl QuorumHandle {
    /// Hands in a command; gives its index once it is in the leader's log. It is decided when the state
    /// machine applies it there; if another entry comes at that index, it was lost, or is further on. Waits
    /// while the disk is stuck: bring a time-out, after which the outcome is unknown.
    pub async fn propose(&self, command: Bytes) -> Result<u64, ProposeError> {
        let (reply, answer) = oneshot::channel();
        let event = Event::Propose { command, reply };
        self.events.send(event).await.map_err(|_| ProposeError::Stopped)?;
        answer.await.map_err(|_| ProposeError::Stopped)?
    }

    /// How the voter sees the quorum, now and from now on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }
}

/// What the driver waits for, besides time.
#[derive(Debug)]
pub(super) enum Event {
    /// A peer has sent a message.
    Message {
        from: VoterId,
        message: Message,
    },
    /// A peer has connected; answers for it go here from now on.
    Connected {
        from: VoterId,
        answers: mpsc::Sender<Message>,
    },
    Propose {
        command: Bytes,
        reply: oneshot::Sender<Result<u64, ProposeError>>,
    },
}

/// Opens the stored state, listens on the voter's port, and runs the voter until the task is dropped. A
/// storage error ends it before: see [`Status::stopped`].
pub async fn start<E: Env, M: StateMachine>(
    env: E,
    config: DriverConfig,
    machine: Arc<Mutex<M>>,
) -> Result<(QuorumHandle, Task), QuorumError> {
    let id = config.id;
    let Some(&(_, port)) = config.voters.get(&id) else { return Err(QuorumError::NotAVoter(id)) };
    let dir = config.dir.clone();
    let opened = Storage::open(env.disk().clone(), &dir).await;
    let (storage, stored) = opened.map_err(|source| QuorumError::Storage { dir, source })?;
    let listener = env.bind(port).await.map_err(|source| QuorumError::Bind { port, source })?;

    let voters: BTreeSet<VoterId> = config.voters.keys().copied().collect();
    let (events, inbox) = mpsc::channel(EVENTS_MAX);
    let mut tasks =
        vec![env.spawn(transport::accept(env.clone(), id, voters.clone(), listener, events.clone()))];
    let mut requests = BTreeMap::new();
    for (&to, address) in config.voters.iter().filter(|&(&to, _)| to != id) {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let hello = Hello { from: id, to };
        tasks.push(env.spawn(transport::request(env.clone(), hello, address.clone(), queue, events.clone())));
        requests.insert(to, sender);
    }

    let quorum_config = Config {
        id,
        voters,
        election_ticks: config.election_ticks,
        heartbeat_ticks: config.heartbeat_ticks,
        message_bytes_max: MESSAGE_BYTES_MAX,
        in_flight_max: IN_FLIGHT_MAX,
        undecided_max: UNDECIDED_MAX,
        defects: Defects::default(),
    };
    let compacted = stored.snapshot.index;
    let (quorum, output) = Quorum::new(quorum_config, env.rng("quorum"), stored);
    let (status_sender, status) = watch::channel(quorum.status());
    let mut driver: Driver<E, M> = Driver {
        config,
        quorum,
        storage,
        machine,
        compacted,
        writes: Vec::new(),
        requests,
        answers: BTreeMap::new(),
        inbox,
        status: status_sender,
        _tasks: tasks,
    };
    driver.carry_out(output);
    let task = env.spawn(driver.run());
    Ok((QuorumHandle { events, status }, task))
}

struct Driver<E: Env, M> {
    config: DriverConfig,
    quorum: Quorum,
    storage: Storage<E::Disk>,
    machine: Arc<Mutex<M>>,
    /// The index of the last snapshot.
    compacted: u64,
    /// Asked for by steps, and not yet synced.
    writes: Vec<Write>,
    requests: BTreeMap<VoterId, mpsc::Sender<Message>>,
    answers: BTreeMap<VoterId, mpsc::Sender<Message>>,
    inbox: mpsc::Receiver<Event>,
    status: watch::Sender<Status>,
    /// The connections, which end with the driver.
    _tasks: Vec<Task>,
}

impl<E: Env, M: StateMachine> Driver<E, M> {
    async fn run(mut self) {
        let Err(error) = self.serve().await;
        tracing::error!(voter = %self.config.id, %error, "the quorum's storage failed: the voter stops");
        self.status.send_modify(|status| {
            *status = Status { leader: None, is_leader: false, stopped: true, ..*status };
        });
    }

    /// Takes what comes, until storage fails.
    async fn serve(&mut self) -> io::Result<Infallible> {
        let mut ticks = interval_at(Instant::now() + self.config.tick, self.config.tick);
        // A node that stood still must not take the time for silence of the others.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.sync().await?;
            let status = self.quorum.status();
            self.status.send_if_modified(|known| std::mem::replace(known, status) != status);
            tokio::select! {
                biased;
                _ = ticks.tick() => self.step(Input::Tick),
                Some(event) = self.inbox.recv() => {
                    self.take(event);
                    for _ in 1..BATCH_MAX {
                        let Ok(event) = self.inbox.try_recv() else { break };
                        self.take(event);
                    }
                }
            }
        }
    }

    /// Syncs what was asked for, which sets free the messages that promise it. Nothing else is done
    /// meanwhile: a leader whose disk is stuck falls silent, and is replaced.
    async fn sync(&mut self) -> io::Result<()> {
        while let Some(newest) = self.writes.last().map(|write| write.id) {
            self.storage.write(std::mem::take(&mut self.writes)).await?;
            self.step(Input::StorageDone(newest));
        }
        Ok(())
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Message { from, message } => self.step(Input::Message { from, message }),
            Event::Connected { from, answers } => {
                self.answers.insert(from, answers);
            }
            Event::Propose { command, reply } => {
                let mut output = self.quorum.step(Input::Propose(command));
                let proposed = output.proposed.take().expect("a proposal is answered");
                self.carry_out(output);
                // Whoever asked may have gone.
                let _ = reply.send(proposed);
            }
        }
    }

    fn step(&mut self, input: Input) {
        let output = self.quorum.step(input);
        self.carry_out(output);
    }

    fn carry_out(&mut self, output: Output) {
        self.writes.extend(output.write);
        for (to, message) in output.messages {
            let queues = if message.body.is_request() { &self.requests } else { &self.answers };
            if let Some(queue) = queues.get(&to) {
                // A full queue loses the message, as the network may.
                let _ = queue.try_send(message);
            }
        }
        if output.restore.is_none() && output.applied.is_empty() {
            return;
        }
        let mut machine =
            self.machine.lock().expect("a state machine that has panicked is of no further use");
        if let Some(snapshot) = output.restore {
            machine.restore(&snapshot.data, snapshot.index);
            self.compacted = snapshot.index;
        }
        output.applied.iter().for_each(|entry| machine.apply(entry));
        let applied = self.quorum.status().applied;
        if applied >= self.compacted + self.config.snapshot_every {
            self.compacted = applied;
            let data = machine.snapshot();
            let output = self.quorum.step(Input::Compact { index: applied, data });
            assert!(output.applied.is_empty() && output.messages.is_empty(), "compaction decides nothing");
            self.writes.extend(output.write);
        }
    }
}
