//! One run: a plan executed in a world of its own, recorded on disk as it goes, then judged.

mod capture;
mod course;
mod judging;
mod measure;
mod recorder;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use highwater_checkers::invariants::InvariantMonitor;
use highwater_checkers::judge::{JudgeConfig, Shown, judge};
use highwater_checkers::recording::{
    FILE_NAME, Header, Recording, RecordingError, Stage, TraceHash, VERSION,
};
use highwater_checkers::verdict::RunVerdict;
use highwater_workloads::{Host, Plan, Scenario};
use thiserror::Error;

use crate::system::System;
use crate::world::sim::{SimConfig, SimWorld};
use crate::world::{World, WorldError};
use capture::Capture;
use course::Course;
pub use judging::judge_config;
pub use measure::Measures;
use measure::Stopwatch;
use recorder::{Recorder, RecorderError};

/// How much virtual time passes between two words on how far a run has come.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// So much of the executable is read at a time.
const PIECE_BYTES: usize = 1 << 16;

/// What is to be run.
#[derive(Clone)]
pub struct RunSpec {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Its YAML text.
    pub source: Arc<str>,
    /// Where the text is from: a path, or the name of a suite.
    pub source_name: Arc<str>,
    /// The seed.
    pub seed: u64,
    /// Where the recording goes; made if it is not there.
    pub folder: PathBuf,
    /// Set from outside, ends the run at its next tick: the recording stays incomplete, and what there is
    /// of it is judged.
    pub stop: Arc<AtomicBool>,
    /// Ends the run at this virtual time.
    pub until: Option<Duration>,
    /// Judges every step of the cluster's inside as it is recorded, and ends the run at the tick after the first
    /// breach of an invariant that the scenario does not expect. The recording is whole up to there.
    pub stop_at_violation: bool,
    /// How many of the instances of an anomaly a finding shows.
    pub shown: Shown,
    /// Told now and then how far the run has come.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The virtual time that has passed.
    pub reached: Duration,
    /// The virtual time that the run takes at least.
    pub total: Duration,
}

/// A run that came to an end, or was stopped.
#[derive(Debug)]
pub struct RunResult {
    /// Where the recording is.
    pub folder: PathBuf,
    /// All that was recorded.
    pub recording: Recording,
    /// What it amounts to.
    pub verdict: RunVerdict,
    /// The hash of the events; none where the run was stopped.
    pub hash: Option<TraceHash>,
    /// What it cost.
    pub measures: Measures,
    /// Whether it was stopped from outside.
    pub interrupted: bool,
}

/// Why a run has no result.
#[derive(Debug, Error)]
pub enum RunError {
    /// The recording cannot be written or read.
    #[error("{}: cannot read or write the recording", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The recording is damaged.
    #[error("{}", path.display())]
    Damaged {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordingError,
    },
    /// The recording's plan is none that this build understands.
    #[error("{}: the recording's plan is not of this version", path.display())]
    ForeignPlan {
        /// Where.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The clients panicked, or the world failed.
    #[error("the run failed at {at:?} of virtual time")]
    World {
        /// When.
        at: Duration,
        /// What failed.
        source: WorldError,
    },
    /// A broker tells something that nobody understands.
    #[error("{0}")]
    Vocabulary(String),
}

/// Executes a run of `system`, whose words the scenario was read with, in a simulated world. It blocks; every
/// run needs a fresh thread of its own.
pub fn execute<S: System>(system: &S, spec: &RunSpec) -> Result<RunResult, RunError> {
    assert_eq!(spec.scenario.system, system.vocabulary().system, "a scenario is read for one system");
    let stopwatch = Stopwatch::start();
    let plan = Plan::new(&spec.scenario, spec.seed);
    let config = JudgeConfig { shown: spec.shown, ..judge_config(&plan) };
    let watch = spec.stop_at_violation.then(|| InvariantMonitor::new(&config));
    let recorder = Arc::new(begin(spec, &plan, watch)?);
    let capture = Capture { recorder: Arc::clone(&recorder), cluster: plan.cluster.clone() };
    let (totals, interrupted) =
        tracing::subscriber::with_default(capture, || drive(system, spec, &plan, &recorder))?;

    // Brokers that are still running hold nothing of the recorder: the world is gone, and with it the tasks.
    let recorder = Arc::into_inner(recorder).expect("nobody else records any more");
    let complete = (!interrupted).then(|| totals.clone());
    let recording = recorder.finish(complete).map_err(|error| unrecorded(error, &spec.folder))?;
    let verdict = judge(&recording, &config);
    let hash = recording.footer().map(|footer| footer.hash);
    let measures = stopwatch.stop(&totals, plan.cluster.tick);
    Ok(RunResult { folder: spec.folder.clone(), recording, verdict, hash, measures, interrupted })
}

/// Reads the recording in `folder`.
pub fn read(folder: &Path) -> Result<Recording, RunError> {
    let path = folder.join(FILE_NAME);
    let file = File::open(&path).map_err(|source| RunError::Io { path: path.clone(), source })?;
    Recording::read(BufReader::new(file)).map_err(|source| RunError::Damaged { path, source })
}

/// Reads the recording in `folder` and judges it again, by the plan that it holds.
pub fn rejudge(folder: &Path) -> Result<(Recording, RunVerdict), RunError> {
    let recording = read(folder)?;
    let verdict = judge(&recording, &judge_config(&plan_of(folder, &recording)?));
    Ok((recording, verdict))
}

/// The plan that the recording in `folder` holds.
pub fn plan_of(folder: &Path, recording: &Recording) -> Result<Plan, RunError> {
    serde_json::from_value(recording.header.plan.clone())
        .map_err(|source| RunError::ForeignPlan { path: folder.to_owned(), source })
}

/// What this build is called in recordings: the version, and a hash of the executable, since two builds of one
/// version may well go two ways.
pub fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let version = concat!("highwater ", env!("CARGO_PKG_VERSION"));
        let executable = std::env::current_exe().and_then(File::open).and_then(hash_of);
        executable.map_or_else(|_| version.to_owned(), |hash| format!("{version} ({hash})"))
    })
}

/// The hash of a file, read in pieces: an executable is larger than all that a run needs.
fn hash_of(mut file: File) -> io::Result<TraceHash> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    let mut hash = TraceHash::default();
    while file.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece)? > 0 {
        hash = hash.with(&piece);
        piece.clear();
    }
    Ok(hash)
}

fn begin(spec: &RunSpec, plan: &Plan, watch: Option<InvariantMonitor>) -> Result<Recorder, RunError> {
    let path = spec.folder.join(FILE_NAME);
    let io_error = |source| RunError::Io { path: path.clone(), source };
    fs::create_dir_all(&spec.folder).map_err(io_error)?;
    let file = File::create(&path).map_err(io_error)?;
    let header = Header {
        version: VERSION,
        scenario: spec.scenario.name.clone(),
        scenario_hash: TraceHash::default().with(spec.source.as_bytes()).to_string(),
        seed: spec.seed,
        build: build().to_owned(),
        plan: serde_json::to_value(plan).expect("a plan is plain data"),
    };
    Recorder::new(file, header, watch).map_err(|error| unrecorded(error.into(), &spec.folder))
}

type Totals = BTreeMap<Arc<str>, u64>;

/// Runs the world to the end of the course, or to where it is to stop. Returns what it counted, and whether
/// it was stopped from outside.
fn drive<S: System>(
    system: &S,
    spec: &RunSpec,
    plan: &Plan,
    recorder: &Arc<Recorder>,
) -> Result<(Totals, bool), RunError> {
    let config = SimConfig {
        tick: plan.cluster.tick,
        latency: (plan.network.latency.min, plan.network.latency.max),
        protected: system.vocabulary().files.controllers.into_iter().collect(),
        ..SimConfig::new(plan.seed)
    };
    let mut course = Course::start(SimWorld::new(config), system, plan, Arc::clone(recorder));
    let mut next_word = Duration::ZERO;
    while !course.is_over() {
        let now = course.world().now();
        if spec.stop.load(Ordering::Relaxed) || spec.until.is_some_and(|until| now >= until) {
            recorder.mark(Stage::Stopped, Some("stopped from outside".into()));
            return Ok((totals(course.world()), true));
        }
        if let Some(progress) = &spec.progress
            && now >= next_word
        {
            progress(Progress { reached: now, total: plan.duration });
            next_word = now + PROGRESS_EVERY;
        }
        match course.step() {
            Ok(()) => {}
            // A node of the system under test that gives up is a finding, not a failure of ours.
            Err(WorldError::Panicked { node, message } | WorldError::Failed { node, message })
                if node != Host::Clients.to_string() =>
            {
                recorder.mark(Stage::Crashed, Some(format!("{node} ended by itself: {message}").into()));
                break;
            }
            Err(source) => return Err(RunError::World { at: now, source }),
        }
        if let Some(error) = recorder.take_error() {
            return Err(unrecorded(error, &spec.folder));
        }
        if let Some(broken) = recorder.violation(&plan.expect.violation) {
            recorder.mark(Stage::Stopped, Some(format!("at the first violation, {broken}").into()));
            break;
        }
    }
    Ok((totals(course.world()), false))
}

fn totals(world: &impl World) -> Totals {
    let stats = world.stats();
    [
        ("ticks", stats.ticks),
        ("frames", stats.frames),
        ("frame_bytes", stats.frame_bytes),
        ("connects", stats.connects),
        ("disk_appends", stats.disk_appends),
        ("disk_syncs", stats.disk_syncs),
        // Every frame and its time: two runs that differ in any of them differ in this.
        ("frame_digest", stats.digest),
    ]
    .into_iter()
    .map(|(name, count)| (name.into(), count))
    .collect()
}

fn unrecorded(error: RecorderError, folder: &Path) -> RunError {
    let path = folder.join(FILE_NAME);
    match error {
        RecorderError::Recording(source) => RunError::Damaged { path, source },
        RecorderError::Vocabulary(what) => RunError::Vocabulary(what),
    }
}
