//! The binary `highwater-broker`: one node of a cluster, on real sockets, real files and the real clock.

mod args;
mod lines;

use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use highwater_broker::config::BrokerConfig;
use highwater_broker::env::tokio::TokioEnv;
use highwater_broker::server::{self, BrokerError};
use highwater_broker::watch;
use thiserror::Error;
use tokio::runtime;

use args::Args;

/// What cannot be read, written or listened on (EX_IOERR). Bad usage is clap's 2.
const EXIT_IO: u8 = 74;
/// What a shell says of a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;
/// Held by the process that the folder belongs to.
const LOCK_FILE: &str = ".lock";

fn main() -> ExitCode {
    let args = Args::parse();
    let config = match args.config() {
        Ok(config) => config,
        Err(message) => Args::command().error(ErrorKind::ValueValidation, message).exit(),
    };
    if args.trace {
        tracing::subscriber::set_global_default(lines::Lines).expect("nobody else listens to events");
    }
    match serve(config, &args.data) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {}", chain(&error)));
            error.help().inspect(|help| tell(&format!("  = help: {help}")));
            ExitCode::from(EXIT_IO)
        }
    }
}

/// Why the server ended by itself.
#[derive(Debug, Error)]
enum ServeError {
    #[error("cannot use {} as the data folder", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("{} is the data folder of a process that is still running", path.display())]
    InUse { path: PathBuf },
    #[error("cannot listen for Ctrl-C")]
    Signal(#[from] ctrlc::Error),
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl ServeError {
    /// What to do about it.
    fn help(&self) -> Option<&'static str> {
        match self {
            Self::Folder { .. } => Some("name a folder that can be written with --data"),
            Self::InUse { .. } => {
                Some("stop that process, or give this node a folder of its own with --data")
            }
            Self::Broker(BrokerError::Listen { .. }) => Some(
                "stop what listens there, or choose another port, the same with --port and in every --voter",
            ),
            Self::Broker(BrokerError::Disk { .. }) => Some(
                "what was acknowledged is on the other replicas: mend the disk, then start the node again",
            ),
            Self::Signal(_) | Self::Runtime(_) => None,
        }
    }
}

/// Runs the node until it is told to stop, or cannot go on.
fn serve(config: BrokerConfig, data: &Path) -> Result<(), ServeError> {
    let _lock = lock(data)?;
    let (terminate, requested) = watch::channel(false);
    ctrlc::set_handler(move || {
        if terminate.send_replace(true) {
            std::process::exit(EXIT_INTERRUPTED);
        }
        tell("stopping: leaderships are handed on; once more to end at once");
    })?;
    // What the node draws only has to differ from what other nodes and other lives of it draw.
    let seed = RandomState::new().build_hasher().finish();
    let env = TokioEnv::new(data.to_owned(), seed);
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)?;
    tell(&format!("{} starts on port {}, data in {}", config.id, config.port, data.display()));
    Ok(runtime.block_on(server::run(env, config, requested))?)
}

/// Makes the folder, and keeps other processes out of it for as long as the file is held: two that append to
/// the same logs would ruin them.
fn lock(data: &Path) -> Result<File, ServeError> {
    let failed = |source| ServeError::Folder { path: data.to_owned(), source };
    fs::create_dir_all(data).map_err(failed)?;
    let file = File::create(data.join(LOCK_FILE)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::InUse { path: data.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Writes a line to standard error, which may be closed.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
