//! Clocks of the simulated world: one virtual time for all nodes, and wall clocks that can be moved.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use highwater_broker::env::Timestamp;
use tokio::time::Instant;

use super::lock;
use crate::world::{FaultId, Time};

/// The wall clock at the start of every simulated world: 2026-01-01T00:00:00Z, in milliseconds.
pub const EPOCH_MS: i64 = 1_767_225_600_000;

/// Maps the clock of the runtime that one life of a process has to the world's time: each life has a runtime
/// of its own, and their `Instant`s do not compare.
pub(super) struct Clock {
    started: Time,
    origin: Instant,
    /// Nanoseconds, once the process is dead: what is dropped then may be outside of any runtime, whose clock
    /// is the real one.
    stopped: AtomicU64,
}

const RUNNING: u64 = u64::MAX;

impl Clock {
    /// The clock of a runtime that shows `origin` when the world's time is `started`.
    pub(super) fn new(started: Time, origin: Instant) -> Self {
        Self { started, origin, stopped: AtomicU64::new(RUNNING) }
    }

    pub(super) fn now(&self) -> Time {
        match self.stopped.load(Ordering::Relaxed) {
            RUNNING => self.started + self.origin.elapsed(),
            stopped => Time::from_nanos(stopped),
        }
    }

    pub(super) fn stop(&self, now: Time) {
        self.stopped.store(now.as_nanos() as u64, Ordering::Relaxed);
    }

    /// The world's time as the runtime's.
    pub(super) fn instant(&self, time: Time) -> Instant {
        self.origin + time.saturating_sub(self.started)
    }
}

/// A node's wall clock: the world's time, moved by the skews in effect.
#[derive(Default)]
pub(super) struct WallClock(Mutex<BTreeMap<FaultId, i64>>);

impl WallClock {
    pub(super) fn skew(&self, fault: FaultId, offset_ms: i64) {
        lock(&self.0).insert(fault, offset_ms);
    }

    pub(super) fn heal(&self, fault: FaultId) {
        lock(&self.0).remove(&fault);
    }

    /// Reads the clock, and tells `skewed` of every skew that the reading met.
    pub(super) fn read(&self, now: Time, mut skewed: impl FnMut(FaultId)) -> Timestamp {
        let mut ms = EPOCH_MS + now.as_millis() as i64;
        for (fault, offset_ms) in &*lock(&self.0) {
            ms = ms.saturating_add(*offset_ms);
            skewed(*fault);
        }
        Timestamp(ms)
    }
}
