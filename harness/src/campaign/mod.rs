//! Many runs: scenarios at their seeds, several at a time, told in order whatever the order in which they end.
//!
//! [`run`] is the way in. Each run goes on a fresh thread of its own ([`thread`]); `schedule` starts them and has
//! `telling` hand their summaries to a [`Sink`] in the order of scenarios and seeds; `artifacts` decides which
//! recordings stay. [`determinism`] compares recordings, [`hunt`] looks for mutants.

mod artifacts;
pub(crate) mod causes;
mod schedule;
mod stop;
pub(crate) mod telling;

pub mod determinism;
pub mod hunt;
pub mod thread;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::judge::Shown;
use highwater_reports::{Conclusion, Sink, SinkError};
use highwater_workloads::Scenario;

pub use artifacts::{SCENARIO_FILE, tidy};
pub use highwater_reports::style::shell_word;
pub use stop::Stop;
pub use thread::{Execute, Failure};

/// A scenario and the seeds at which it is run.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Its YAML text.
    pub source: Arc<str>,
    /// Its file, or its embedded name: what the command line takes again.
    pub source_name: Arc<str>,
    /// The seeds.
    pub seeds: Range<u64>,
    /// The mutants of the scenario that its text does not have: the command line switched them on.
    pub mutants: BTreeSet<String>,
}

impl Entry {
    /// How many runs this makes.
    pub fn runs(&self) -> u64 {
        self.seeds.end.saturating_sub(self.seeds.start)
    }
}

/// Which recordings stay on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Those of runs that did not pass.
    #[default]
    Failed,
    /// All.
    All,
}

/// How a campaign is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program, as the command lines call it that reproduce a run.
    pub program: String,
    /// How many runs go on at a time.
    pub jobs: NonZeroUsize,
    /// The folder of the recordings: `<artifacts>/<scenario>/seed-<n>`.
    pub artifacts: PathBuf,
    /// Which of them stay.
    pub keep: Keep,
    /// How many bytes of them stay at most; one always does.
    pub recordings_bytes_max: u64,
    /// Whether the first failure ends it: what has begun is brought to its end, nothing else begins.
    pub fail_fast: bool,
    /// Whether each run ends at its first breach of an invariant ([`crate::run::RunSpec::stop_at_violation`]).
    pub stop_at_violation: bool,
    /// How many of the instances of an anomaly a finding shows.
    pub shown: Shown,
    /// Whether summaries bear the run's faults and leaders in full ([`RunSummary::timeline`]).
    ///
    /// [`RunSummary::timeline`]: highwater_reports::RunSummary::timeline
    pub timeline: bool,
    /// How long it may take, in real time.
    pub timeout: Option<Duration>,
}

/// Runs every entry at its seeds, and tells `sink` all about it.
///
/// Once `stop` is requested nothing else begins, runs that go on end at their next tick, and what was found so
/// far is told.
///
/// # Errors
/// If a sink cannot write.
pub fn run(
    entries: &[Entry],
    options: &Options,
    stop: &Stop,
    execute: &Execute,
    sink: &mut dyn Sink,
) -> Result<Conclusion, SinkError> {
    schedule::Schedule::new(entries, options, stop, execute, sink).run()
}

#[cfg(test)]
mod tests;
