//! A node's disk in the simulated world, as one life of its process sees it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use highwater_broker::env::{Disk, DiskFile, Rng};
use highwater_workloads::scenario::DiskMethod;

use super::breaks::{Breaks, Place};
use super::process::Process;
use super::randomness::between;
use super::volume::{File, Volume};
use super::{gate, lock};
use crate::world::FaultId;

/// A disk of the simulated world. A handle that outlives the process' life fails: its successor owns the
/// disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Handle>);

struct Handle {
    device: Arc<Device>,
    process: Arc<Process>,
    /// How long syncs take.
    latencies: Mutex<Rng>,
}

/// A node's disk, beyond the lives of its processes.
pub(super) struct Device {
    pub(super) volume: Volume,
    /// The least and the greatest time that a sync takes.
    pub(super) sync_latency: (Duration, Duration),
    /// What is wrong with it.
    pub(super) breaks: Mutex<Breaks>,
    /// The life whose handles work: 0 for none.
    pub(super) life: AtomicU32,
    /// The last life in which a fault made a call fail.
    failed_in: AtomicU32,
}

/// An open file of the simulated world.
pub struct SimFile {
    disk: SimDisk,
    file: Arc<File>,
    path: Arc<str>,
}

impl Device {
    pub(super) fn new(volume: Volume, sync_latency: (Duration, Duration), breaks: Breaks) -> Self {
        let (life, failed_in) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { volume, sync_latency, breaks: Mutex::new(breaks), life, failed_in }
    }

    /// Whether a process that ends now, by itself, may say that it is because of its disk.
    pub(super) fn excuses(&self) -> bool {
        let life = self.life.load(Ordering::Relaxed);
        self.failed_in.load(Ordering::Relaxed) == life || self.volume.is_damaged()
    }
}

impl SimDisk {
    pub(super) fn new(device: Arc<Device>, process: Arc<Process>) -> Self {
        let latencies = Mutex::new(process.rng("disk"));
        Self(Arc::new(Handle { device, process, latencies }))
    }

    fn breaks(&self) -> std::sync::MutexGuard<'_, Breaks> {
        lock(&self.0.device.breaks)
    }

    /// Lets a call take its time, and others go first, as every real call would. It fails if the process has
    /// gone since.
    async fn begin(&self, method: DiskMethod, place: Place<'_>) -> io::Result<&Volume> {
        let mut latency = match method {
            // What waits for the device.
            DiskMethod::Sync => {
                let (min, max) = self.0.device.sync_latency;
                between(&mut lock(&self.0.latencies), min, max)
            }
            DiskMethod::Read | DiskMethod::Write => Duration::ZERO,
        };
        if !self.breaks().is_empty() {
            latency +=
                self.breaks().latency(method, place, |fault| self.count(fault, |e| &mut e.calls_slowed));
        }
        if latency > Duration::ZERO {
            tokio::time::sleep(latency).await;
        }
        self.stalled(method, place).await;
        gate::turn(&self.0.process).await;
        self.volume()
    }

    /// As [`SimDisk::begin`], for calls that a fault makes fail as a whole.
    async fn call(&self, method: DiskMethod, place: Place<'_>) -> io::Result<&Volume> {
        let volume = self.begin(method, place).await?;
        match self.breaks().failure(method, place, |fault| self.failed(fault)) {
            Some(error) => Err(error),
            None => Ok(volume),
        }
    }

    /// Waits while the disk hangs.
    async fn stalled(&self, method: DiskMethod, place: Place<'_>) {
        let mut counted = None;
        poll_fn(|cx| {
            let mut breaks = self.breaks();
            let Some(fault) = breaks.stall(method, place) else { return Poll::Ready(()) };
            breaks.wait(cx.waker());
            if counted.replace(fault) != Some(fault) {
                self.count(fault, |effect| &mut effect.calls_stalled);
            }
            Poll::Pending
        })
        .await;
    }

    fn failed(&self, fault: FaultId) {
        self.0.device.failed_in.store(self.0.process.life, Ordering::Relaxed);
        self.count(fault, |effect| &mut effect.calls_failed);
    }

    fn lies(&self, place: Place<'_>) -> bool {
        self.breaks().lies(place, |fault| self.count(fault, |effect| &mut effect.syncs_lied))
    }

    fn count(&self, fault: FaultId, counter: fn(&mut crate::world::Effect) -> &mut u64) {
        *counter(self.0.process.network().effect_mut(fault)) += 1;
    }

    fn volume(&self) -> io::Result<&Volume> {
        let (handle, device) = (self.0.process.life, &self.0.device);
        if device.life.load(Ordering::Relaxed) == handle {
            return Ok(&device.volume);
        }
        let name = &self.0.process.name;
        Err(io::Error::other(format!("the disk of {name} is used by a handle of a former life")))
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    async fn open(&self, path: &str, create: bool) -> io::Result<SimFile> {
        let makes = create && !self.0.device.volume.has(path);
        let method = if makes { DiskMethod::Write } else { DiskMethod::Read };
        let file = self.call(method, Place::File(path)).await?.open(path, create)?;
        Ok(SimFile { disk: self.clone(), file, path: path.into() })
    }

    async fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        Ok(self.call(DiskMethod::Read, Place::Folder(dir)).await?.list(dir))
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call(DiskMethod::Write, Place::File(to)).await?.rename(from, to)
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.call(DiskMethod::Write, Place::File(path)).await?.remove(path)
    }

    async fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let volume = self.call(DiskMethod::Sync, Place::Folder(dir)).await?;
        if self.lies(Place::Folder(dir)) {
            volume.promise_dir(dir);
        } else {
            volume.sync_dir(dir);
        }
        Ok(())
    }
}

impl DiskFile for SimFile {
    async fn append(&self, data: Bytes) -> io::Result<()> {
        let (disk, place) = (&self.disk, Place::File(&self.path));
        let volume = disk.begin(DiskMethod::Write, place).await?;
        let refused = disk.breaks().append(place, data.len(), volume, |fault| disk.failed(fault));
        let Some((written, error)) = refused else { return volume.append(&self.file, &data) };
        volume.append(&self.file, &data[..written])?;
        Err(error)
    }

    async fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes> {
        self.disk.call(DiskMethod::Read, Place::File(&self.path)).await?;
        Ok(self.file.read_at(position, len))
    }

    async fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.call(DiskMethod::Write, Place::File(&self.path)).await?;
        self.file.truncate(len);
        Ok(())
    }

    async fn sync(&self) -> io::Result<()> {
        let volume = self.disk.call(DiskMethod::Sync, Place::File(&self.path)).await?;
        if self.disk.lies(Place::File(&self.path)) {
            volume.promise(&self.file);
        } else {
            volume.sync(&self.file);
        }
        Ok(())
    }

    async fn size(&self) -> io::Result<u64> {
        self.disk.call(DiskMethod::Read, Place::File(&self.path)).await?;
        Ok(self.file.size())
    }
}
