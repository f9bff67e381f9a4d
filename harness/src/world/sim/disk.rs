//! A node's disk in the simulated world, as one life of its process sees it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use highwater_broker::env::{Disk, DiskFile, Rng};
use std::sync::Mutex;

use super::process::Process;
use super::randomness::between;
use super::volume::{File, Volume};
use super::{gate, lock};

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
    /// The life whose handles work: 0 for none.
    pub(super) life: AtomicU32,
}

/// An open file of the simulated world.
pub struct SimFile {
    disk: SimDisk,
    file: Arc<File>,
}

impl SimDisk {
    pub(super) fn new(device: Arc<Device>, process: Arc<Process>) -> Self {
        let latencies = Mutex::new(process.rng("disk"));
        Self(Arc::new(Handle { device, process, latencies }))
    }

    /// Lets others go first, as every real call would, and fails if the process has gone since.
    async fn turn(&self) -> io::Result<&Volume> {
        gate::turn(&self.0.process).await;
        self.volume()
    }

    /// As [`SimDisk::turn`], for calls that wait for the device.
    async fn wait(&self) -> io::Result<&Volume> {
        let (min, max) = self.0.device.sync_latency;
        let latency = between(&mut lock(&self.0.latencies), min, max);
        if latency > Duration::ZERO {
            tokio::time::sleep(latency).await;
        }
        self.turn().await
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
        let file = self.turn().await?.open(path, create)?;
        Ok(SimFile { disk: self.clone(), file })
    }

    async fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        Ok(self.turn().await?.list(dir))
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.turn().await?.rename(from, to)
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.turn().await?.remove(path)
    }

    async fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.wait().await?.sync_dir(dir);
        Ok(())
    }
}

impl DiskFile for SimFile {
    async fn append(&self, data: Bytes) -> io::Result<()> {
        self.disk.turn().await?.append(&self.file, &data)
    }

    async fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes> {
        self.disk.turn().await?;
        Ok(self.file.read_at(position, len))
    }

    async fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.turn().await?;
        self.file.truncate(len);
        Ok(())
    }

    async fn sync(&self) -> io::Result<()> {
        self.disk.wait().await?.sync(&self.file);
        Ok(())
    }

    async fn size(&self) -> io::Result<u64> {
        self.disk.turn().await?;
        Ok(self.file.size())
    }
}
