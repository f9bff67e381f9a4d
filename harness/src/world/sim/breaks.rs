//! What is wrong with a simulated disk: the faults in effect, and what they do with a call.

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use highwater_broker::env::Rng;
use highwater_workloads::PathPattern;
use highwater_workloads::randomness::below;
use highwater_workloads::scenario::{DiskMethod, Errno};

use super::volume::{SECTOR, Volume};
use crate::world::{DiskBreak, DiskEffect, FaultId};

/// The faults of one disk.
#[derive(Default)]
pub(super) struct Breaks {
    /// Files that only a fault which names them meets, and no lie at all.
    protected: Arc<[PathPattern]>,
    /// In the order of their beginning.
    active: Vec<Break>,
    /// Calls that hang.
    waiting: Vec<Waker>,
}

struct Break {
    fault: FaultId,
    what: DiskBreak,
    rng: Rng,
}

/// What a call is about.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    File(&'a str),
    Folder(&'a str),
}

impl Place<'_> {
    fn is_in(self, pattern: &PathPattern) -> bool {
        match self {
            Self::File(path) => pattern.matches(path),
            Self::Folder(dir) => pattern.matches_in(dir),
        }
    }

    fn is_protected(self, protected: &[PathPattern]) -> bool {
        protected.iter().any(|pattern| self.is_in(pattern))
    }
}

impl Break {
    fn meets(&self, place: Place<'_>, protected: &[PathPattern]) -> bool {
        match &self.what.path {
            Some(path) => place.is_in(path),
            None => !place.is_protected(protected),
        }
    }
}

impl Breaks {
    pub(super) fn new(protected: Arc<[PathPattern]>) -> Self {
        Self { protected, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// A fault begins. A disk that fills up holds what is there on `volume` now and a part of a sector, if nothing
    /// else is said: else no write would ever be torn by it.
    pub(super) fn begin(&mut self, fault: FaultId, mut what: DiskBreak, mut rng: Rng, volume: &Volume) {
        if let DiskEffect::Full { capacity: capacity @ None } = &mut what.effect {
            let path = what.path.as_ref();
            let used = volume.bytes_in(|file| is_counted(path, file, &self.protected));
            *capacity = Some(used + below(&mut rng, SECTOR as u64));
        }
        self.active.push(Break { fault, what, rng });
    }

    /// A fault ends; gives the calls that may go on, or look whether they may.
    pub(super) fn heal(&mut self, fault: FaultId) -> Vec<Waker> {
        self.active.retain(|broken| broken.fault != fault);
        std::mem::take(&mut self.waiting)
    }

    /// Wakes `waker` when a fault is healed.
    pub(super) fn wait(&mut self, waker: &Waker) {
        self.waiting.push(waker.clone());
    }

    /// How much longer a call takes.
    pub(super) fn latency(
        &self,
        method: DiskMethod,
        place: Place<'_>,
        mut met: impl FnMut(FaultId),
    ) -> Duration {
        let mut sum = Duration::ZERO;
        for broken in self.active.iter().filter(|broken| broken.meets(place, &self.protected)) {
            if let DiskEffect::Slow { methods, latency } = &broken.what.effect
                && methods.contains(&method)
            {
                met(broken.fault);
                sum += *latency;
            }
        }
        sum
    }

    /// The first fault that lets a call hang.
    pub(super) fn stall(&self, method: DiskMethod, place: Place<'_>) -> Option<FaultId> {
        let stalls = |broken: &&Break| {
            matches!(&broken.what.effect, DiskEffect::Stall { methods } if methods.contains(&method))
                && broken.meets(place, &self.protected)
        };
        self.active.iter().find(stalls).map(|broken| broken.fault)
    }

    /// The error of a call, if a fault makes it fail.
    pub(super) fn failure(
        &mut self,
        method: DiskMethod,
        place: Place<'_>,
        met: impl FnMut(FaultId),
    ) -> Option<io::Error> {
        self.failing(method, place, met).map(|(error, _)| error)
    }

    /// The error of an append of `len` bytes, if a fault makes it fail, and how many of them are written.
    pub(super) fn append(
        &mut self,
        place: Place<'_>,
        len: usize,
        volume: &Volume,
        mut met: impl FnMut(FaultId),
    ) -> Option<(usize, io::Error)> {
        if let Some((error, rng)) = self.failing(DiskMethod::Write, place, &mut met) {
            return Some((below(rng, len as u64 + 1) as usize, error));
        }
        for broken in self.active.iter().filter(|broken| broken.meets(place, &self.protected)) {
            if let DiskEffect::Full { capacity: Some(capacity) } = broken.what.effect {
                let path = broken.what.path.as_ref();
                let used = volume.bytes_in(|file| is_counted(path, file, &self.protected));
                let fits = usize::try_from(capacity.saturating_sub(used)).unwrap_or(usize::MAX);
                if fits < len {
                    met(broken.fault);
                    return Some((fits, error_of(Errno::NoSpace)));
                }
            }
        }
        None
    }

    /// Whether a sync makes nothing durable.
    pub(super) fn lies(&mut self, place: Place<'_>, mut met: impl FnMut(FaultId)) -> bool {
        let protected = self.protected.clone();
        if place.is_protected(&protected) {
            return false;
        }
        let mut lies = false;
        for broken in &mut self.active {
            if let DiskEffect::Lie { probability } = broken.what.effect
                && broken.meets(place, &protected)
                && probability.draw(&mut broken.rng)
            {
                met(broken.fault);
                lies = true;
            }
        }
        lies
    }

    /// The error of the first fault that makes a call fail, and what else is to be drawn from.
    fn failing(
        &mut self,
        method: DiskMethod,
        place: Place<'_>,
        mut met: impl FnMut(FaultId),
    ) -> Option<(io::Error, &mut Rng)> {
        let protected = self.protected.clone();
        for broken in &mut self.active {
            if let DiskEffect::Fail { methods, errno, probability } = &broken.what.effect
                && methods.contains(&method)
                && broken.meets(place, &protected)
                && probability.draw(&mut broken.rng)
            {
                met(broken.fault);
                return Some((error_of(*errno), &mut broken.rng));
            }
        }
        None
    }
}

/// Whether a file takes of the space of a disk that fills up.
fn is_counted(path: Option<&PathPattern>, file: &str, protected: &[PathPattern]) -> bool {
    match path {
        Some(path) => path.matches(file),
        None => !Place::File(file).is_protected(protected),
    }
}

fn error_of(errno: Errno) -> io::Error {
    match errno {
        Errno::Io => io::Error::other("input/output error (EIO)"),
        Errno::NoSpace => io::Error::new(io::ErrorKind::StorageFull, "no space left on the disk (ENOSPC)"),
    }
}
