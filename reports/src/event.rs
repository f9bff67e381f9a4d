//! The stream of output events, and the trait of what draws from it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::summary::{CampaignSummary, Outcome, RunSummary, ScenarioSummary};

/// One run of a campaign: a scenario at a seed. Shown as `quick seed 7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    /// The scenario's name.
    pub scenario: Arc<str>,
    /// The seed.
    pub seed: u64,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seed {}", self.scenario, self.seed)
    }
}

/// What happens in a campaign.
///
/// The live events tell of runs as they go, several at a time and in no fixed order. All others come in the
/// order of scenarios and seeds, whatever the order in which the runs ended, and are the same at each
/// repetition but for measures of time and memory.
#[derive(Clone, Debug)]
pub enum Event {
    /// It begins.
    CampaignStarted {
        /// The build that runs it.
        build: Arc<str>,
        /// How many scenarios.
        scenarios: usize,
        /// How many runs, over all scenarios and seeds.
        runs: u64,
        /// How many runs go on at a time.
        jobs: usize,
    },
    /// Live: a run began.
    RunStarted(RunId),
    /// Live: a run has come so far.
    RunProgress {
        /// Which run.
        run: RunId,
        /// The virtual time that it has reached.
        reached: Duration,
        /// The virtual time at which it will end, as far as is known.
        total: Duration,
    },
    /// Live: a run ended; its summary follows when its turn comes.
    RunEnded {
        /// Which run.
        run: RunId,
        /// What it amounts to.
        outcome: Outcome,
    },
    /// Everything about a run, in its turn.
    RunFinished(Arc<RunSummary>),
    /// All runs of a scenario have been told.
    ScenarioFinished(Box<ScenarioSummary>),
    /// It is over.
    CampaignFinished(Box<CampaignSummary>),
}

/// What draws from the stream: one output.
pub trait Sink {
    /// Takes the next event.
    ///
    /// # Errors
    /// If what it writes to cannot be written.
    fn take(&mut self, event: &Event) -> Result<(), SinkError>;
}

/// An output cannot be written. Exit code 74.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The terminal, or what standard output was led to.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// A report's file.
    #[error("cannot write the report {path}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Several sinks as one: each takes every event, in this order.
impl Sink for Vec<Box<dyn Sink>> {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        self.iter_mut().try_for_each(|sink| sink.take(event))
    }
}

/// Takes it for success if nobody reads on, as in `highwater run quick | head`.
pub(crate) fn unless_closed(result: io::Result<()>) -> Result<(), SinkError> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(SinkError::Output),
    }
}
