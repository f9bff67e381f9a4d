//! [`super::Env`] on real sockets, files and clocks: what the server binary runs on.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::Ipv4Addr;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::task;
use bytes::Bytes;
use rand::SeedableRng;

use super::{Disk, DiskFile, Env, Listener, Rng, Task, Timestamp};

/// One node on the real machine.
#[derive(Clone, Debug)]
pub struct TokioEnv {
    disk: TokioDisk,
    seed: u64,
    /// How many streams each purpose has been given, so that no two are the same.
    streams: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl TokioEnv {
    /// A node whose files live under `root`, and whose random streams derive from `seed`.
    pub fn new(root: PathBuf, seed: u64) -> Self {
        Self { disk: TokioDisk { root: root.into() }, seed, streams: Arc::default() }
    }
}

impl Env for TokioEnv {
    type Stream = TcpStream;
    type Listener = TokioListener;
    type Disk = TokioDisk;

    #[allow(clippy::disallowed_methods, reason = "this is the real network")]
    async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the real network")]
    async fn bind(&self, port: u16) -> io::Result<TokioListener> {
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map(TokioListener)
    }

    #[allow(clippy::disallowed_methods, reason = "there is no host gate on the real machine")]
    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, task: F) -> Task {
        Task::new(task::spawn(task).abort_handle())
    }

    fn disk(&self) -> &TokioDisk {
        &self.disk
    }

    #[allow(clippy::disallowed_types, reason = "this is the real clock")]
    fn wall_clock(&self) -> Timestamp {
        use std::time::{SystemTime, UNIX_EPOCH};
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn rng(&self, purpose: &str) -> Rng {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = streams.entry(purpose.to_owned()).or_default();
        let mut rng = Rng::seed_from_u64(self.seed ^ fnv1a(purpose.as_bytes()));
        rng.set_stream(*stream);
        *stream += 1;
        rng
    }
}

/// The 64-bit FNV-1a hash, which is the same on every platform and in every build.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Accepts TCP connections.
#[derive(Debug)]
pub struct TokioListener(TcpListener);

impl TokioListener {
    /// The port listened on: the one the system chose, where port 0 was asked for.
    pub fn port(&self) -> io::Result<u16> {
        self.0.local_addr().map(|address| address.port())
    }
}

impl Listener for TokioListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        loop {
            // A connection that died before it was accepted says nothing about the listener.
            match self.0.accept().await {
                Ok((stream, _)) if stream.set_nodelay(true).is_ok() => return Ok(stream),
                Ok(_) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionAborted) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionReset) => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// A folder of the real file system.
///
/// Reads and writes meet the page cache and run in place; what waits for the device runs on a blocking
/// thread, so that a slow `fsync` does not stop the node's network.
#[derive(Clone, Debug)]
pub struct TokioDisk {
    root: Arc<Path>,
}

impl TokioDisk {
    /// The real path of `path`, which must stay below the root.
    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        let relative = Path::new(path);
        if relative.components().all(|part| matches!(part, Component::Normal(_))) {
            Ok(self.root.join(relative))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path} leaves the node's folder")))
        }
    }

    /// The folders above `path`, deepest first, down to but without the root.
    fn folders_above<'a>(&self, path: &'a Path) -> impl Iterator<Item = &'a Path> + use<'a> {
        let root = Arc::clone(&self.root);
        path.ancestors().skip(1).take_while(move |folder| **folder != *root)
    }
}

impl Disk for TokioDisk {
    type File = TokioFile;

    async fn open(&self, path: &str, create: bool) -> io::Result<TokioFile> {
        let path = self.resolve(path)?;
        if create && let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().read(true).append(true).create(create).open(path)?;
        Ok(TokioFile { file: Arc::new(file), cursor: Mutex::new(()) })
    }

    async fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.resolve(dir)?) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let not_utf8 = |name| io::Error::new(io::ErrorKind::InvalidData, format!("{name:?} is not UTF-8"));
        let mut names = entries
            .map(|entry| entry?.file_name().into_string().map_err(not_utf8))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.resolve(from)?, self.resolve(to)?)
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.resolve(path)?;
        fs::remove_file(&path)?;
        for folder in self.folders_above(&path) {
            // A folder exists while a file is in it; this fails at the first that is not empty.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let folder = self.resolve(dir)?;
        // An entry is durable only if the folders above it are.
        let mut folders = vec![self.root.to_path_buf()];
        folders.extend(self.folders_above(&folder.join("entry")).map(Path::to_path_buf));
        blocking(move || {
            folders.iter().try_for_each(|folder| match File::open(folder) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                opened => opened?.sync_all(),
            })
        })
        .await
    }
}

/// An open file of the real file system.
#[derive(Debug)]
pub struct TokioFile {
    file: Arc<File>,
    /// Held while the file's one cursor is in use. Appends go to the end whatever the cursor says.
    cursor: Mutex<()>,
}

impl DiskFile for TokioFile {
    async fn append(&self, data: Bytes) -> io::Result<()> {
        let _cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        (&*self.file).write_all(&data)
    }

    async fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes> {
        let _cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(position))?;
        // The length asked for is the caller's word; what is there bounds the memory taken for it.
        let rest = file.metadata()?.len().saturating_sub(position);
        let mut data = Vec::with_capacity(len.min(usize::try_from(rest).unwrap_or(usize::MAX)));
        file.take(len as u64).read_to_end(&mut data)?;
        Ok(data.into())
    }

    async fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    async fn sync(&self) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        blocking(move || file.sync_data()).await
    }

    async fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// Runs a call that waits for the device off the node's own threads.
async fn blocking(call: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    task::spawn_blocking(call).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
    use rand::Rng as _;

    use super::*;

    fn env() -> (tempfile::TempDir, TokioEnv) {
        let root = tempfile::tempdir().unwrap();
        let env = TokioEnv::new(root.path().join("node"), 7);
        (root, env)
    }

    #[::tokio::test]
    async fn bytes_go_both_ways_and_a_dropped_task_ends() {
        let (_root, env) = env();
        let mut listener = env.bind(0).await.unwrap();
        let port = listener.port().unwrap();
        let echo = env.spawn(async move {
            let mut stream = listener.accept().await.unwrap();
            assert!(stream.nodelay().unwrap());
            let mut ping = [0; 4];
            stream.read_exact(&mut ping).await.unwrap();
            stream.write_all(&ping).await.unwrap();
            std::future::pending::<()>().await;
        });
        let mut stream = env.connect("127.0.0.1", port).await.unwrap();
        assert!(stream.nodelay().unwrap());
        stream.write_all(b"ping").await.unwrap();
        let mut pong = [0; 4];
        stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, b"ping");
        assert!(!echo.is_finished());
        drop(echo);
        assert_eq!(stream.read(&mut pong).await.unwrap(), 0);
    }

    #[::tokio::test]
    async fn a_folder_lives_as_long_as_its_files() {
        let (_root, env) = env();
        let disk = env.disk();
        assert_eq!(disk.list("").await.unwrap(), [""; 0]);
        assert_eq!(disk.open("a/b/one", false).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        let file = disk.open("a/b/one", true).await.unwrap();
        file.append(Bytes::from("0123456789")).await.unwrap();
        file.sync().await.unwrap();
        disk.sync_dir("a/b").await.unwrap();
        assert_eq!(file.read_at(8, 1 << 60).await.unwrap(), "89");
        assert_eq!(file.read_at(11, 5).await.unwrap(), "");
        file.truncate(4).await.unwrap();
        file.append(Bytes::from("x")).await.unwrap();
        assert_eq!(file.read_at(1, 3).await.unwrap(), "123");
        assert_eq!((file.size().await.unwrap(), file.read_at(0, 9).await.unwrap()), (5, "0123x".into()));

        disk.open("a/two", true).await.unwrap();
        disk.rename("a/two", "a/three").await.unwrap();
        assert_eq!(disk.list("a").await.unwrap(), ["b", "three"]);
        disk.remove("a/b/one").await.unwrap();
        assert_eq!(disk.list("a").await.unwrap(), ["three"]);
        disk.remove("a/three").await.unwrap();
        disk.sync_dir("a").await.unwrap();
        assert_eq!(disk.list("").await.unwrap(), [""; 0]);
    }

    #[::tokio::test]
    async fn no_path_leaves_the_root() {
        let (_root, env) = env();
        for path in ["../other", "/etc/passwd", "a/../../b"] {
            assert_eq!(env.disk().open(path, true).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn streams_are_reproducible_and_differ_by_purpose_and_by_asking() {
        let draw = || {
            let (_root, env) = env();
            [env.rng("a"), env.rng("a"), env.rng("b")].map(|mut rng| rng.next_u64())
        };
        let [first, again, other] = draw();
        assert_eq!(draw(), [first, again, other]);
        assert!(first != again && again != other && first != other);
    }
}
