//! What a node of the simulated world runs on.

use std::future::Future;
use std::io;
use std::sync::Arc;

use highwater_broker::env::{Env, Rng, Task, Timestamp};

use super::connection::{self, SimListener, SimStream};
use super::disk::SimDisk;
use super::gate;
use super::process::Process;

/// The environment of one life of a node's process in the simulated world.
#[derive(Clone)]
pub struct TurmoilEnv {
    process: Arc<Process>,
    disk: SimDisk,
}

impl TurmoilEnv {
    pub(super) fn new(process: Arc<Process>, disk: SimDisk) -> Self {
        Self { process, disk }
    }
}

impl Env for TurmoilEnv {
    type Stream = SimStream;
    type Listener = SimListener;
    type Disk = SimDisk;

    /// Connects to the node named `host`. No answer at all comes across a cut that drops; one that holds
    /// lets the connect go on after the heal; a node that is down refuses.
    async fn connect(&self, host: &str, port: u16) -> io::Result<SimStream> {
        connection::connect(self.process.clone(), host, port).await
    }

    async fn bind(&self, port: u16) -> io::Result<SimListener> {
        connection::bind(self.process.clone(), port).await
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: F) -> Task {
        gate::spawn(self.process.clone(), task)
    }

    fn disk(&self) -> &SimDisk {
        &self.disk
    }

    fn wall_clock(&self) -> Timestamp {
        self.process.wall_clock()
    }

    fn rng(&self, purpose: &str) -> Rng {
        self.process.rng(purpose)
    }
}
