//! The port of worlds: where nodes and clients live, and all that the nemesis may do to them.
//!
//! [`sim::SimWorld`] is the simulated world. Nothing above this port knows how a world works, so that others,
//! of real processes, can take its place.

mod disk;
pub mod sim;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use highwater_broker::env::{Env, Rng};
use tokio::sync::Notify;

pub use disk::{Damage, Damaged, DiskBreak, DiskEffect};

/// Time since the start of the world, the same for all of its nodes: virtual in a simulated world.
pub type Time = Duration;

/// A node of a world, by the order in which it was added. [`World::name`] gives its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

/// A recoverable fault in effect; each is healed by its own id, so that overlapping faults never lift one
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(pub u64);

/// A link from one node to another: one direction only.
pub type Link = (NodeId, NodeId);

/// What lives on a node, and what can be done to nodes and to the links between them.
///
/// Faults act between two steps. Each recoverable one stays until [`World::heal`] is called with its id;
/// what a node or a link suffers at any time is recomputed from all that are in effect.
pub trait World {
    /// What this world's nodes run on.
    type Env: Env;

    /// Registers a node, not started yet. `main` is called with a new [`Life`] at every start of the node's
    /// process; the node's disk outlives it. The name is the host that others connect to.
    ///
    /// When `main`'s future ends, so does the process: with `Ok` the node is down and may be started again;
    /// `Err` moreover ends the run, through [`World::step`], unless a fault of the node's disk excuses it, when
    /// [`World::take_stopped`] tells of it.
    fn add_node<M, F>(&mut self, name: &str, main: M) -> NodeId
    where
        M: Fn(Life<Self::Env>) -> F + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static;

    /// The name that a node was added with.
    fn name(&self, node: NodeId) -> &str;

    /// The time now.
    fn now(&self) -> Time;

    /// Lets the world run on by one tick. An error means that the run is over.
    fn step(&mut self) -> Result<(), WorldError>;

    /// The nodes whose `main` ended with an error since the last call, and what it said, where this is excused:
    /// a call of the disk failed in that life because of a fault, or bytes lie on the disk that a fault made
    /// what they are.
    fn take_stopped(&mut self) -> Vec<(NodeId, String)>;

    /// Starts a node's process, and its machine if the power was cut; `false` if it was running already.
    fn start(&mut self, node: NodeId) -> bool;

    /// Asks a node's process to shut down ([`Life::termination`]); `false` if it was not running.
    fn terminate(&mut self, node: NodeId) -> bool;

    /// Kills a node's process, paused or not (SIGKILL): its peers see the connections closed, and the disk
    /// keeps all that was written. `false` if it was not running.
    fn kill(&mut self, node: NodeId) -> bool;

    /// Cuts a node's power until its next start: first the network, so that its peers see nothing of it;
    /// then the process; then the disk, which loses what was not synced.
    fn power_cut(&mut self, node: NodeId, unsynced: Unsynced) -> PowerCut;

    /// Whether the node's process lives, paused or not.
    fn is_running(&self, node: NodeId) -> bool;

    /// Whether the node's process lives and is paused.
    fn is_paused(&self, node: NodeId) -> bool;

    /// Stops a node's process where it is (SIGSTOP); the network below it goes on accepting, and its timers
    /// go on. Acts on the process that runs now, if one does: a later one is not paused.
    fn pause(&mut self, node: NodeId) -> FaultId;

    /// Cuts links, one direction each.
    fn cut(&mut self, links: &[Link], in_flight: InFlight) -> FaultId;

    /// Slows links down, one direction each, on top of their own latency. Delays in effect add up.
    fn delay(&mut self, links: &[Link], delay: Delay) -> FaultId;

    /// Moves a node's wall clock by `offset_ms`. Skews in effect add up.
    fn skew(&mut self, node: NodeId, offset_ms: i64) -> FaultId;

    /// Breaks a node's disk, for this and later lives of its process. Breaks in effect add up: the slowest
    /// latency is the sum of all, and what one of them refuses is refused. What is random is drawn from `rng`.
    fn break_disk(&mut self, node: NodeId, what: &DiskBreak, rng: Rng) -> FaultId;

    /// Damages what is on a node's disk, durably and at once; gives the files that are not what they were.
    /// Files that the world protects are spared.
    fn damage_disk(&mut self, node: NodeId, what: &Damage, rng: &mut Rng) -> Vec<Damaged>;

    /// Ends a fault; nothing happens if it has ended already.
    fn heal(&mut self, fault: FaultId);

    /// What a fault has done so far, healed or not.
    fn effect(&self, fault: FaultId) -> Effect;

    /// Calls `observer` for every frame from now on, in the order of sending. It replaces the one before.
    fn observe(&mut self, observer: impl FnMut(&Frame) + Send + 'static);

    /// What has happened in this world so far.
    fn stats(&self) -> Stats;
}

/// One life of a node's process: what its `main` is given.
#[derive(Clone, Debug)]
pub struct Life<E> {
    /// What the process runs on. It is of no use to a later life.
    pub env: E,
    /// Tells that the process is to shut down.
    pub termination: Termination,
}

/// The request that a process shut down in an orderly way (SIGTERM); all clones are one request.
#[derive(Clone, Debug, Default)]
pub struct Termination(Arc<(AtomicBool, Notify)>);

impl Termination {
    /// Makes the request.
    pub fn request(&self) {
        self.0.0.store(true, Ordering::Release);
        self.0.1.notify_waiters();
    }

    /// Whether the request was made.
    pub fn is_requested(&self) -> bool {
        self.0.0.load(Ordering::Acquire)
    }

    /// Waits for the request.
    pub async fn requested(&self) {
        // The future is made before the flag is read, so that no request falls between the two.
        let notified = self.0.1.notified();
        if !self.is_requested() {
            notified.await;
        }
    }
}

/// What becomes of messages that are under way when a cut begins, and of those sent while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlight {
    /// They are lost. A connection that lost anything stays silently dead in that direction for ever, as
    /// behind a NAT that forgets; connects get no answer.
    Dropped,
    /// They arrive after the heal, in order, as TCP resends them; so do connects.
    Held,
}

/// A slower link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// Added to every message's latency.
    pub latency: Duration,
    /// Each message's own deviation is drawn uniformly from `-jitter..=jitter`.
    pub jitter: Duration,
}

/// What a disk keeps of the changes that were not synced when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// Nothing.
    Lost,
    /// The first of them, a random number, the last one torn at a sector of 512 bytes.
    Prefix,
    /// Any sectors of 512 bytes: what is missing between them reads as zeros.
    Sectors,
    /// Everything.
    Kept,
}

/// What cutting a node's power did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PowerCut {
    /// Whether the node's process was running.
    pub was_running: bool,
    /// The files that lost bytes, by path.
    pub files: Vec<LostFile>,
}

impl PowerCut {
    /// Over all files, in bytes.
    pub fn bytes_lost(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// What a file lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostFile {
    /// The file's path on the node's disk.
    pub path: String,
    /// The position from which on the file is not what it was.
    pub from: u64,
    /// How many bytes lay there.
    pub bytes: u64,
    /// Whether a sync had said that some of them were safe.
    pub promised: bool,
}

/// What a fault did. It *bit* if any of these is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Messages lost.
    pub dropped: u64,
    /// Messages and connects that had to wait for the heal.
    pub held: u64,
    /// Messages and connects that took longer.
    pub delayed: u64,
    /// Connects that got no answer.
    pub connects_dropped: u64,
    /// Tasks that were to run while their process was paused.
    pub parked: u64,
    /// Readings of a wall clock that was moved.
    pub clock_reads: u64,
    /// Calls of a disk that took longer.
    pub calls_slowed: u64,
    /// Calls of a disk that hung.
    pub calls_stalled: u64,
    /// Calls of a disk that failed.
    pub calls_failed: u64,
    /// Syncs that made nothing durable.
    pub syncs_lied: u64,
}

impl Effect {
    /// Whether the fault had any effect.
    pub fn bit(&self) -> bool {
        *self != Self::default()
    }
}

/// A piece of a connection's bytes, as one write made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was sent.
    pub at: Time,
    /// Who sent it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// Its length in bytes; 0 closes the connection in this direction.
    pub len: u32,
    /// A hash of its bytes.
    pub hash: u64,
}

/// Counters of a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Ticks gone by.
    pub ticks: u64,
    /// Frames sent, the lost ones too.
    pub frames: u64,
    /// Their bytes.
    pub frame_bytes: u64,
    /// Connects tried.
    pub connects: u64,
    /// Appends to files.
    pub disk_appends: u64,
    /// Syncs of files and folders.
    pub disk_syncs: u64,
    /// A rolling hash of all frames and their times: two runs that differ in any of them differ in this.
    pub digest: u64,
}

/// Why a run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// A task of a node panicked.
    #[error("a task panicked on {node}: {message}")]
    Panicked {
        /// The node's name.
        node: String,
        /// What the panic said, and where in the source it was.
        message: String,
    },
    /// A node's `main` ended with an error.
    #[error("{node} failed: {message}")]
    Failed {
        /// The node's name.
        node: String,
        /// The error.
        message: String,
    },
    /// The world itself failed.
    #[error("the world cannot go on: {0}")]
    Engine(String),
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} -> {} {} bytes {:016x}", self.at, self.from.0, self.to.0, self.len, self.hash)
    }
}
