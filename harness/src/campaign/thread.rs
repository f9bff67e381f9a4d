//! One run on a fresh thread of its own, whose panics are caught.
//!
//! A simulation leaves its traces in thread-local state, so that no thread may serve two of them.

use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use highwater_reports::Outcome;
use thiserror::Error;

use crate::run::{RunError, RunResult, RunSpec};

/// What executes a run: [`crate::run::execute`] with one system under test.
pub type Execute = Arc<dyn Fn(&RunSpec) -> Result<RunResult, RunError> + Send + Sync>;

/// How deep the calls of a run may nest, in bytes of stack: a world polls all its hosts on one thread.
const STACK_BYTES: usize = 16 << 20;

/// Why there is no result of a run.
#[derive(Debug, Error)]
pub enum Failure {
    /// The run says so.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It panicked.
    #[error("panicked: {0}")]
    Panicked(String),
    /// Its thread could not be started.
    #[error("cannot start a thread; fewer `--jobs` need fewer of them")]
    Thread(#[source] io::Error),
    /// It went on long after it was told to stop.
    #[error("did not stop within {seconds} s of the time limit")]
    Hung {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Another process that was to record it failed.
    #[error("the process that was to repeat the run failed: {0}")]
    Process(String),
}

impl Failure {
    /// How it counts.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Run(RunError::Io { .. } | RunError::Damaged { .. }) => Outcome::Unwritable,
            _ => Outcome::InternalError,
        }
    }

    /// What went wrong, with all its causes.
    pub fn message(&self) -> String {
        chain(self)
    }
}

/// An error and its causes in one line: `cannot read x: no such file`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Executes a run on a fresh thread, which bears the run's name in the message of a panic, and hands `done` the
/// result there.
pub fn spawn(
    spec: RunSpec,
    execute: &Execute,
    done: impl FnOnce(Result<RunResult, Failure>) + Send + 'static,
) -> Result<(), Failure> {
    let execute = execute.clone();
    let name = format!("{} seed {}", spec.scenario.name, spec.seed);
    let body = move || {
        // Whatever a panic left half done belongs to this run alone, and goes with it.
        let result = catch_unwind(AssertUnwindSafe(|| execute(&spec)));
        done(result.map_err(|payload| Failure::Panicked(panic_message(&*payload))).and_then(|r| Ok(r?)));
    };
    let thread = thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn(body);
    thread.map(drop).map_err(Failure::Thread)
}

/// Executes a run on a fresh thread, and waits for it.
pub fn alone(spec: RunSpec, execute: &Execute) -> Result<RunResult, Failure> {
    let (sender, receiver) = mpsc::sync_channel(1);
    spawn(spec, execute, move |result| sender.send(result).expect("the receiver waits"))?;
    receiver.recv().expect("a run always tells its result")
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a message").to_owned()
}
