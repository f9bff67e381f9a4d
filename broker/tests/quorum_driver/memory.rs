//! An environment in memory, on the real clock: pipes for connections, byte vectors for files.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use highwater_broker::env::{Disk, DiskFile, Env, Listener, Rng, Task, Timestamp};
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::mpsc;

/// The network that all nodes share. Hosts have the names of nodes.
#[derive(Clone, Default)]
pub(crate) struct Net(Arc<Mutex<NetState>>);

#[derive(Default)]
struct NetState {
    listeners: BTreeMap<(String, u16), mpsc::Sender<Stream>>,
    /// From whom to whom nothing gets through. What is sent meanwhile is lost, and its connection is silent
    /// from then on, as one that a firewall has forgotten.
    cuts: BTreeSet<(String, String)>,
}

impl Net {
    fn state(&self) -> MutexGuard<'_, NetState> {
        self.0.lock().expect("no test panics with the network")
    }

    pub(crate) fn cut(&self, from: &str, to: &str) {
        self.state().cuts.insert((from.into(), to.into()));
    }

    pub(crate) fn heal(&self) {
        self.state().cuts.clear();
    }

    fn is_cut(&self, from: &str, to: &str) -> bool {
        self.state().cuts.contains(&(from.into(), to.into()))
    }
}

/// One node's view of the world.
#[derive(Clone)]
pub(crate) struct MemoryEnv {
    name: String,
    net: Net,
    pub(crate) disk: MemoryDisk,
}

impl MemoryEnv {
    pub(crate) fn new(name: &str, net: &Net) -> Self {
        // Nodes with the same randomness would tie in every election.
        let rng = Rng::seed_from_u64(name.bytes().map(u64::from).sum());
        let disk = DiskState { files: BTreeMap::new(), broken: false, rng };
        Self { name: name.into(), net: net.clone(), disk: MemoryDisk(Arc::new(Mutex::new(disk))) }
    }
}

impl Env for MemoryEnv {
    type Stream = Stream;
    type Listener = MemoryListener;
    type Disk = MemoryDisk;

    async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        let listener = self.net.state().listeners.get(&(host.into(), port)).cloned();
        let (ours, theirs) = duplex(64 * 1024);
        let end = |pipe, from: &str, to: &str| Stream {
            pipe,
            net: self.net.clone(),
            from: from.into(),
            to: to.into(),
            dead: false,
        };
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        if self.net.is_cut(&self.name, host) {
            return Err(refused());
        }
        let theirs = end(theirs, host, &self.name);
        listener.ok_or_else(refused)?.send(theirs).await.map_err(|_| refused())?;
        Ok(end(ours, &self.name, host))
    }

    async fn bind(&self, port: u16) -> io::Result<MemoryListener> {
        let (sender, queue) = mpsc::channel(16);
        self.net.state().listeners.insert((self.name.clone(), port), sender);
        Ok(MemoryListener(queue))
    }

    #[expect(clippy::disallowed_methods, reason = "this is an `Env::spawn`")]
    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: F) -> Task {
        Task::new(tokio::spawn(task).abort_handle())
    }

    fn disk(&self) -> &MemoryDisk {
        &self.disk
    }

    fn wall_clock(&self) -> Timestamp {
        Timestamp(0)
    }

    fn rng(&self, _purpose: &str) -> Rng {
        Rng::seed_from_u64(self.disk.0.lock().expect("no test panics with the disk").rng.random())
    }
}

pub(crate) struct MemoryListener(mpsc::Receiver<Stream>);

impl Listener for MemoryListener {
    type Stream = Stream;

    async fn accept(&mut self) -> io::Result<Stream> {
        self.0.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// One end of a connection.
pub(crate) struct Stream {
    pipe: DuplexStream,
    net: Net,
    from: String,
    to: String,
    dead: bool,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.dead |= self.net.is_cut(&self.from, &self.to);
        if self.dead {
            return Poll::Ready(Ok(data.len()));
        }
        Pin::new(&mut self.pipe).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

/// A disk whose every byte is safe, until [`MemoryDisk::break_down`].
#[derive(Clone)]
pub(crate) struct MemoryDisk(Arc<Mutex<DiskState>>);

struct DiskState {
    /// Lives here so that each life of a node goes on in the stream.
    rng: Rng,
    files: BTreeMap<String, Arc<Mutex<Vec<u8>>>>,
    broken: bool,
}

impl MemoryDisk {
    /// From now on nothing more is written.
    pub(crate) fn break_down(&self) {
        self.0.lock().expect("no test panics with the disk").broken = true;
    }

    /// Appends to a file what no voter has written.
    pub(crate) fn scribble(&self, path: &str, bytes: &[u8]) {
        let state = self.0.lock().expect("no test panics with the disk");
        state.files[path].lock().expect("no test panics with a file").extend(bytes);
    }

    fn state(&self) -> io::Result<MutexGuard<'_, DiskState>> {
        let state = self.0.lock().expect("no test panics with the disk");
        if state.broken { Err(io::Error::other("the disk is broken")) } else { Ok(state) }
    }
}

impl Disk for MemoryDisk {
    type File = MemoryFile;

    async fn open(&self, path: &str, create: bool) -> io::Result<MemoryFile> {
        let mut state = self.state()?;
        if !create && !state.files.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(MemoryFile { disk: self.clone(), bytes: state.files.entry(path.into()).or_default().clone() })
    }

    async fn list(&self, _dir: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state()?;
        let file = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.into(), file);
        Ok(())
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.state()?.files.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    async fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        self.state().map(|_| ())
    }
}

pub(crate) struct MemoryFile {
    disk: MemoryDisk,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl MemoryFile {
    fn bytes(&self) -> io::Result<MutexGuard<'_, Vec<u8>>> {
        let _whole = self.disk.state()?;
        Ok(self.bytes.lock().expect("no test panics with a file"))
    }
}

impl DiskFile for MemoryFile {
    async fn append(&self, data: Bytes) -> io::Result<()> {
        self.bytes()?.extend_from_slice(&data);
        Ok(())
    }

    async fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes> {
        let bytes = self.bytes()?;
        let start = bytes.len().min(position as usize);
        Ok(Bytes::copy_from_slice(&bytes[start..bytes.len().min(start + len)]))
    }

    async fn truncate(&self, len: u64) -> io::Result<()> {
        self.bytes()?.truncate(len as usize);
        Ok(())
    }

    async fn sync(&self) -> io::Result<()> {
        self.bytes().map(|_| ())
    }

    async fn size(&self) -> io::Result<u64> {
        Ok(self.bytes()?.len() as u64)
    }
}
