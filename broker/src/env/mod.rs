//! The port through which the broker reaches the world: network, tasks, disk, wall clock, randomness.
//!
//! One broker, unchanged, runs on [`tokio::TokioEnv`] (real sockets and files) and on the simulated
//! environment of the harness. Monotonic time is `tokio::time`, which the simulation makes virtual.

pub mod tokio;

use std::fmt;
use std::future::Future;
use std::io;

use ::tokio::io::{AsyncRead, AsyncWrite};
use bytes::Bytes;

/// A source of random numbers whose stream is the same on every platform and in every build.
pub type Rng = rand_chacha::ChaCha8Rng;

/// Wall-clock time in milliseconds since the Unix epoch, as Kafka's record timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Everything the broker may ask of the world it runs in. Cloning is cheap: all clones are one node.
pub trait Env: Clone + Send + Sync + 'static {
    /// A connection: bytes in order, or an error.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What [`Env::bind`] gives.
    type Listener: Listener<Stream = Self::Stream>;
    /// The node's disk; it outlives the process.
    type Disk: Disk;

    /// Connects to `host:port`. Has no time-out of its own: callers bring one.
    fn connect(&self, host: &str, port: u16) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Listens on `port` on all of the node's addresses.
    fn bind(&self, port: u16) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Runs `task` until it ends or the returned handle is dropped. In simulation this is where a node
    /// is paused and where the order of ready tasks is explored, so no task is started any other way.
    #[must_use = "dropping the handle aborts the task"]
    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: F) -> Task;

    /// The node's disk.
    fn disk(&self) -> &Self::Disk;

    /// The node's wall clock. It may be skewed, and may jump in either direction.
    fn wall_clock(&self) -> Timestamp;

    /// The node's stream of random numbers for one purpose. Asking again for the same purpose within one
    /// life of the process gives another, independent stream.
    fn rng(&self, purpose: &str) -> Rng;
}

/// Accepts connections.
pub trait Listener: Send + 'static {
    /// What is accepted.
    type Stream;

    /// Waits for the next connection. `Err` means that the listener is of no further use.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// A task's handle; the task is aborted when this is dropped.
pub struct Task(::tokio::task::AbortHandle);

impl Task {
    /// Wraps the handle of a task that was just spawned.
    pub fn new(handle: ::tokio::task::AbortHandle) -> Self {
        Self(handle)
    }

    /// Whether the task has ended, by itself or aborted.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.0.id()).finish()
    }
}

/// A node's disk: a tree of append-only files under relative, `/`-separated paths.
///
/// Durability is POSIX's at its strictest: bytes are safe after [`DiskFile::sync`]; the existence of a
/// file, a rename and a removal are safe after [`Disk::sync_dir`] of the folder. A folder exists while a
/// file is in it; opening a file makes the folders above it.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;

    /// Opens a file for reading and appending. A missing file is made when `create` is set, and is
    /// `ErrorKind::NotFound` otherwise.
    fn open(&self, path: &str, create: bool) -> impl Future<Output = io::Result<Self::File>> + Send;

    /// The names (not paths) of the files and folders in `dir`, sorted; empty for a missing folder.
    /// `""` is the root.
    fn list(&self, dir: &str) -> impl Future<Output = io::Result<Vec<String>>> + Send;

    /// Renames a file within its folder, in place of a file that has the new name already.
    fn rename(&self, from: &str, to: &str) -> impl Future<Output = io::Result<()>> + Send;

    /// Removes a file.
    fn remove(&self, path: &str) -> impl Future<Output = io::Result<()>> + Send;

    /// Makes the entries of `dir` durable.
    fn sync_dir(&self, dir: &str) -> impl Future<Output = io::Result<()>> + Send;
}

/// An open file. Callers serialise `append`, `truncate` and `sync`; reads may run beside them.
pub trait DiskFile: Send + Sync + 'static {
    /// Writes at the end. On an error any part of `data` may have been written.
    fn append(&self, data: Bytes) -> impl Future<Output = io::Result<()>> + Send;

    /// Reads up to `len` bytes at `position`; fewer only at the end of the file.
    fn read_at(&self, position: u64, len: usize) -> impl Future<Output = io::Result<Bytes>> + Send;

    /// Cuts the file to `len` bytes.
    fn truncate(&self, len: u64) -> impl Future<Output = io::Result<()>> + Send;

    /// Makes the file's bytes and length durable.
    fn sync(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// The file's length in bytes.
    fn size(&self) -> impl Future<Output = io::Result<u64>> + Send;
}
