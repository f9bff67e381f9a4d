//! One life of a node's process, and what all lives of all nodes share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use highwater_broker::env::{Rng, Timestamp};
use highwater_workloads::randomness::stream;

use super::clock::{Clock, WallClock};
use super::gate::{Gate, Tasks};
use super::lock;
use super::network::Network;

use crate::world::{FaultId, NodeId, Time, WorldError};

/// What all nodes share.
pub(super) struct Shared {
    pub(super) seed: u64,
    pub(super) network: Mutex<Network>,
    /// How processes ended by themselves since the last step.
    exits: Mutex<Vec<Exit>>,
    /// The first panic.
    panic: Mutex<Option<WorldError>>,
}

/// A process that ended by itself.
pub(super) struct Exit {
    pub(super) node: NodeId,
    pub(super) result: Result<(), String>,
}

impl Shared {
    pub(super) fn new(seed: u64, network: Network) -> Self {
        Self { seed, network: Mutex::new(network), exits: Mutex::default(), panic: Mutex::default() }
    }

    pub(super) fn take_exits(&self) -> Vec<Exit> {
        std::mem::take(&mut lock(&self.exits))
    }

    pub(super) fn take_panic(&self) -> Option<WorldError> {
        lock(&self.panic).take()
    }
}

/// One life of a node's process.
pub(super) struct Process {
    pub(super) node: NodeId,
    pub(super) name: Arc<str>,
    /// From 1.
    pub(super) life: u32,
    pub(super) clock: Clock,
    pub(super) shared: Arc<Shared>,
    wall_clock: Arc<WallClock>,
    gate: Mutex<Gate>,
    tasks: Mutex<Tasks>,
    /// How often random numbers were asked for, by purpose.
    purposes: Mutex<BTreeMap<String, u32>>,
}

impl Process {
    pub(super) fn new(
        (node, name, life): (NodeId, Arc<str>, u32),
        clock: Clock,
        wall_clock: Arc<WallClock>,
        interleaving: f64,
        shared: Arc<Shared>,
    ) -> Self {
        let gate = Gate::new(stream(shared.seed, "interleaving", &format!("{name}/{life}")), interleaving);
        Self {
            node,
            name,
            life,
            clock,
            shared,
            wall_clock,
            gate: Mutex::new(gate),
            tasks: Mutex::default(),
            purposes: Mutex::default(),
        }
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        lock(&self.gate)
    }

    pub(super) fn tasks(&self) -> MutexGuard<'_, Tasks> {
        lock(&self.tasks)
    }

    pub(super) fn network(&self) -> MutexGuard<'_, Network> {
        lock(&self.shared.network)
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// No task of this life runs any more, and its clock stands still.
    pub(super) fn stop(&self, now: Time) {
        self.gate().close();
        self.clock.stop(now);
    }

    /// The process ended by itself, now.
    pub(super) fn exited(&self, result: Result<(), String>) {
        self.stop(self.now());
        lock(&self.shared.exits).push(Exit { node: self.node, result });
    }

    pub(super) fn panicked(&self, message: String) {
        let error = WorldError::Panicked { node: self.name.to_string(), message };
        lock(&self.shared.panic).get_or_insert(error);
    }

    pub(super) fn count_parked(&self, pauses: &[FaultId]) {
        let mut network = self.network();
        for fault in pauses {
            network.effect_mut(*fault).parked += 1;
        }
    }

    pub(super) fn wall_clock(&self) -> Timestamp {
        self.wall_clock.read(self.now(), |fault| self.network().effect_mut(fault).clock_reads += 1)
    }

    /// Another stream of random numbers for `purpose`, of this life alone.
    pub(super) fn rng(&self, purpose: &str) -> Rng {
        let mut purposes = lock(&self.purposes);
        let nth = purposes.entry(purpose.to_owned()).or_default();
        *nth += 1;
        stream(self.shared.seed, purpose, &format!("{}/{}/{nth}", self.name, self.life))
    }
}
