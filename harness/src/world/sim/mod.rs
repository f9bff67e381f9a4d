//! The simulated world: turmoil runs the nodes, each on a runtime of its own with a virtual clock, and what
//! turmoil does not have is added here.
//!
//! - `gate`: pauses, interleavings, panics; one gate that every task runs behind.
//! - `network`, `connection`: latencies, cuts and delays by link, on turmoil's connections.
//! - `volume`, `disk`: disks that lose what was not synced when the power goes.
//! - `breaks`, `damage`: disks that are slow, hang, fail, are full or lie; what is on them torn, flipped, gone.
//! - `clock`: wall clocks that can be moved.
//!
//! All randomness comes from streams derived of the seed. Nothing is global but the hook that keeps caught
//! panics from being printed: worlds run beside each other, each on a fresh thread. A message that is due
//! within the tick of its sending may arrive up to one tick late, and a connect takes up to two ticks longer
//! than its two latencies; all else keeps its time to the millisecond.

mod breaks;
mod clock;
mod connection;
mod damage;
mod disk;
mod env;
mod gate;
mod network;
mod process;
mod randomness;
mod volume;

pub use clock::EPOCH_MS;
pub use connection::{SimListener, SimStream};
pub use disk::{SimDisk, SimFile};
pub use env::TurmoilEnv;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use highwater_broker::env::Rng;
use highwater_workloads::PathPattern;
use highwater_workloads::randomness::stream;
use tokio::time::Instant;
use turmoil::Sim;

use self::breaks::Breaks;
use self::clock::{Clock, WallClock};
use self::disk::Device;
use self::network::Network;
use self::process::{Process, Shared};
use self::volume::Volume;
use super::{
    Damage, Damaged, Delay, DiskBreak, Effect, FaultId, Frame, InFlight, Life, Link, NodeId, PowerCut, Stats,
    Termination, Time, Unsynced, World, WorldError,
};

/// What a simulated world is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct SimConfig {
    /// All randomness derives from it.
    pub seed: u64,
    /// The step of time, whole milliseconds: faults act between ticks, and the cost of a run is per tick.
    pub tick: Duration,
    /// The least and the greatest latency of a message; each is drawn uniformly.
    pub latency: (Duration, Duration),
    /// The probability, from 0 to 1, that a task that is ready to run lets the others go first.
    pub interleaving: f64,
    /// The least and the greatest time that a sync of a file or folder takes; each is drawn uniformly.
    pub sync_latency: (Duration, Duration),
    /// What a node's disk holds, in bytes.
    pub disk_bytes_max: u64,
    /// Files that no damage touches and no sync lies about, and that other faults of disks meet only where they
    /// name them.
    pub protected: Vec<PathPattern>,
}

impl SimConfig {
    /// The shipped suites' world: ticks of 2 ms, latencies of 1 to 5 ms.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            tick: Duration::from_millis(2),
            latency: (Duration::from_millis(1), Duration::from_millis(5)),
            interleaving: 0.1,
            sync_latency: (Duration::ZERO, Duration::from_millis(2)),
            disk_bytes_max: 64 << 20,
            protected: Vec::new(),
        }
    }
}

/// The simulated world. It must live on the thread that made it, alone.
pub struct SimWorld {
    sim: Sim<'static>,
    config: SimConfig,
    nodes: Vec<Node>,
    shared: Arc<Shared>,
    next_fault: u64,
    active: BTreeMap<FaultId, Fault>,
    /// What ended by itself and is excused, until it is asked for.
    stopped: Vec<(NodeId, String)>,
    ticks: u64,
}

struct Node {
    name: Arc<str>,
    device: Arc<Device>,
    wall_clock: Arc<WallClock>,
    stage: Rc<RefCell<Stage>>,
    /// The cut that stands for the machine being without power.
    without_power: Option<FaultId>,
}

/// Where a node's process is made: turmoil calls back for it, inside of the new runtime.
#[derive(Default)]
struct Stage {
    /// When the next life begins; `None` while turmoil registers the host.
    starts_at: Option<Time>,
    lives: u32,
    running: Option<Running>,
}

struct Running {
    process: Arc<Process>,
    termination: Termination,
}

/// A fault in effect, as far as its healing needs to know it.
enum Fault {
    Links(Vec<Link>),
    Pause(NodeId),
    Skew(NodeId),
    Disk(NodeId),
}

type HostFuture = Pin<Box<dyn Future<Output = turmoil::Result>>>;

impl SimWorld {
    /// An empty world.
    pub fn new(config: SimConfig) -> Self {
        assert!(
            config.tick > Duration::ZERO && config.tick.subsec_nanos().is_multiple_of(1_000_000),
            "a tick is a whole number of milliseconds: tokio's timers know no less"
        );
        let sim = turmoil::Builder::new()
            .tick_duration(config.tick)
            .simulation_duration(Duration::MAX)
            .epoch(UNIX_EPOCH)
            .min_message_latency(Duration::ZERO)
            .max_message_latency(Duration::ZERO)
            // More connections than this that wait to be accepted, and turmoil panics.
            .tcp_capacity(10_000)
            // Each failed connect uses one up for good.
            .ephemeral_ports(16_384..=65_535)
            .rng_seed(config.seed)
            .build();
        let shared = Arc::new(Shared::new(config.seed, Network::new(config.seed, config.latency)));
        Self {
            sim,
            config,
            nodes: Vec::new(),
            shared,
            next_fault: 1,
            active: BTreeMap::new(),
            stopped: Vec::new(),
            ticks: 0,
        }
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.nodes[usize::from(node.0)]
    }

    fn network(&self) -> MutexGuard<'_, Network> {
        lock(&self.shared.network)
    }

    fn fault(&mut self) -> FaultId {
        self.next_fault += 1;
        FaultId(self.next_fault - 1)
    }

    /// Takes down a process and all that belongs to it; `false` if it was down already.
    fn stop(&mut self, node: NodeId) -> bool {
        let now = self.now();
        let Node { name, device, stage, .. } = self.node(node);
        let Some(running) = stage.borrow_mut().running.take() else { return false };
        running.process.stop(now);
        device.life.store(0, Ordering::Relaxed);
        let name = name.clone();
        self.sim.crash(&*name);
        self.network().set_running(node, false);
        true
    }

    /// All links from and to a node.
    fn links_of(&self, node: NodeId) -> Vec<Link> {
        let others = (0..self.nodes.len()).map(|i| NodeId(i as u16)).filter(|other| *other != node);
        others.flat_map(|other| [(node, other), (other, node)]).collect()
    }
}

impl World for SimWorld {
    type Env = TurmoilEnv;

    fn add_node<M, F>(&mut self, name: &str, main: M) -> NodeId
    where
        M: Fn(Life<TurmoilEnv>) -> F + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let name: Arc<str> = name.into();
        let address = self.sim.lookup(&*name);
        let id = self.network().add_node(&name, address);
        let wall_clock = Arc::new(WallClock::default());
        let device = Arc::new(Device::new(
            Volume::new(self.config.disk_bytes_max),
            self.config.sync_latency,
            Breaks::new(self.config.protected.clone().into()),
        ));
        let stage = Rc::new(RefCell::new(Stage::default()));
        let (shared, interleaving) = (self.shared.clone(), self.config.interleaving);
        let make = {
            let (name, wall_clock, device, stage) =
                (name.clone(), wall_clock.clone(), device.clone(), stage.clone());
            move || -> HostFuture {
                let mut stage = stage.borrow_mut();
                let Some(starts_at) = stage.starts_at.take() else {
                    return Box::pin(std::future::pending());
                };
                stage.lives += 1;
                let who = (id, name.clone(), stage.lives);
                let clock = Clock::new(starts_at, Instant::now());
                let process =
                    Arc::new(Process::new(who, clock, wall_clock.clone(), interleaving, shared.clone()));
                device.life.store(stage.lives, Ordering::Relaxed);
                let termination = Termination::default();
                stage.running = Some(Running { process: process.clone(), termination: termination.clone() });
                let env = TurmoilEnv::new(process.clone(), SimDisk::new(device.clone(), process.clone()));
                let main = main(Life { env, termination });
                Box::pin(async move {
                    let exiting = process.clone();
                    let _task = gate::spawn(process, async move { exiting.exited(main.await) });
                    // turmoil would leave the other tasks of a host that ended as they are: the world takes
                    // it down instead.
                    std::future::pending().await
                })
            }
        };
        self.sim.host(&*name, make);
        self.sim.crash(&*name);
        self.nodes.push(Node { name, device, wall_clock, stage, without_power: None });
        id
    }

    fn name(&self, node: NodeId) -> &str {
        &self.node(node).name
    }

    fn now(&self) -> Time {
        self.sim.elapsed()
    }

    fn step(&mut self) -> Result<(), WorldError> {
        self.sim.step().map_err(|error| WorldError::Engine(error.to_string()))?;
        self.ticks += 1;
        if let Some(panic) = self.shared.take_panic() {
            return Err(panic);
        }
        for exit in self.shared.take_exits() {
            let excused = self.node(exit.node).device.excuses();
            self.stop(exit.node);
            match exit.result {
                Ok(()) => {}
                Err(message) if excused => self.stopped.push((exit.node, message)),
                Err(message) => {
                    return Err(WorldError::Failed { node: self.name(exit.node).to_owned(), message });
                }
            }
        }
        Ok(())
    }

    fn take_stopped(&mut self) -> Vec<(NodeId, String)> {
        std::mem::take(&mut self.stopped)
    }

    fn start(&mut self, node: NodeId) -> bool {
        if self.is_running(node) {
            return false;
        }
        let now = self.now();
        let node_of = &mut self.nodes[usize::from(node.0)];
        let (name, power) = (node_of.name.clone(), node_of.without_power.take());
        node_of.stage.borrow_mut().starts_at = Some(now);
        if let Some(cut) = power {
            self.heal(cut);
        }
        self.sim.bounce(&*name);
        self.network().set_running(node, true);
        true
    }

    fn terminate(&mut self, node: NodeId) -> bool {
        let stage = self.node(node).stage.borrow();
        stage.running.as_ref().map(|running| running.termination.request()).is_some()
    }

    fn kill(&mut self, node: NodeId) -> bool {
        self.stop(node)
    }

    fn power_cut(&mut self, node: NodeId, unsynced: Unsynced) -> PowerCut {
        if self.node(node).without_power.is_none() {
            let links = self.links_of(node);
            let cut = self.cut(&links, InFlight::Dropped);
            self.nodes[usize::from(node.0)].without_power = Some(cut);
        }
        let was_running = self.stop(node);
        let Node { name, device, stage, .. } = self.node(node);
        let life = stage.borrow().lives;
        let mut rng = stream(self.config.seed, "power-loss", &format!("{name}/{life}"));
        let files = device.volume.power_cut(unsynced, &mut rng);
        for file in &files {
            tracing::info!(
                target: "highwater::disk",
                event = "lost",
                broker = %name,
                file = %file.path,
                from = file.from,
            );
            if file.promised {
                tell_damage(name, &file.path, file.from, "a sync had called it durable");
            }
        }
        PowerCut { was_running, files }
    }

    fn is_running(&self, node: NodeId) -> bool {
        self.node(node).stage.borrow().running.is_some()
    }

    fn is_paused(&self, node: NodeId) -> bool {
        let stage = self.node(node).stage.borrow();
        stage.running.as_ref().is_some_and(|running| running.process.gate().is_paused())
    }

    fn pause(&mut self, node: NodeId) -> FaultId {
        let fault = self.fault();
        if let Some(running) = &self.node(node).stage.borrow().running {
            running.process.gate().pause(fault);
        }
        self.active.insert(fault, Fault::Pause(node));
        fault
    }

    fn cut(&mut self, links: &[Link], in_flight: InFlight) -> FaultId {
        let (fault, now) = (self.fault(), self.now());
        self.network().cut(fault, links, in_flight, now);
        self.active.insert(fault, Fault::Links(links.to_vec()));
        fault
    }

    fn delay(&mut self, links: &[Link], delay: Delay) -> FaultId {
        let fault = self.fault();
        self.network().delay(fault, links, delay);
        self.active.insert(fault, Fault::Links(links.to_vec()));
        fault
    }

    fn skew(&mut self, node: NodeId, offset_ms: i64) -> FaultId {
        let fault = self.fault();
        self.node(node).wall_clock.skew(fault, offset_ms);
        self.active.insert(fault, Fault::Skew(node));
        fault
    }

    fn break_disk(&mut self, node: NodeId, what: &DiskBreak, rng: Rng) -> FaultId {
        let fault = self.fault();
        let device = &self.node(node).device;
        lock(&device.breaks).begin(fault, what.clone(), rng, &device.volume);
        self.active.insert(fault, Fault::Disk(node));
        fault
    }

    fn damage_disk(&mut self, node: NodeId, what: &Damage, rng: &mut Rng) -> Vec<Damaged> {
        let dead = !self.is_running(node);
        assert!(
            dead || matches!(what, Damage::BitFlip { .. }),
            "nobody uses a disk that is torn or replaced"
        );
        let Node { name, device, .. } = self.node(node);
        let damaged = device.volume.damage(what, &self.config.protected, rng);
        for Damaged { path, from, .. } in &damaged {
            tell_damage(name, path, *from, what.name());
        }
        damaged
    }

    fn heal(&mut self, fault: FaultId) {
        let now = self.now();
        let woken = match self.active.remove(&fault) {
            None => Vec::new(),
            Some(Fault::Links(links)) => self.network().heal(fault, &links, now),
            Some(Fault::Pause(node)) => match &self.node(node).stage.borrow().running {
                Some(running) => running.process.gate().resume(fault),
                None => Vec::new(),
            },
            Some(Fault::Skew(node)) => {
                self.node(node).wall_clock.heal(fault);
                Vec::new()
            }
            Some(Fault::Disk(node)) => lock(&self.node(node).device.breaks).heal(fault),
        };
        for waker in woken {
            waker.wake();
        }
    }

    fn effect(&self, fault: FaultId) -> Effect {
        self.network().effect(fault)
    }

    fn observe(&mut self, observer: impl FnMut(&Frame) + Send + 'static) {
        self.network().observer = Some(Box::new(observer));
    }

    fn stats(&self) -> Stats {
        let mut stats = Stats { ticks: self.ticks, ..self.network().stats };
        for node in &self.nodes {
            stats.disk_appends += node.device.volume.appends.load(Ordering::Relaxed);
            stats.disk_syncs += node.device.volume.syncs.load(Ordering::Relaxed);
        }
        stats
    }
}

/// Tells that bytes on a disk, durable or said to be, are not what was written.
fn tell_damage(node: &str, file: &str, from: u64, why: &str) {
    tracing::info!(target: "highwater::disk", event = "damaged", broker = %node, file = %file, from, why);
}

/// Locks `mutex`. A panic of a task is caught and ends the run: what its locks guard is looked at no more
/// than to say so.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
