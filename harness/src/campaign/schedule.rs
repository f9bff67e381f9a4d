//! Starts runs, gathers what they yield, and tells it in order.
//!
//! One thread does all of it: runs go on threads of their own, and send messages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use highwater_checkers::verdict::RunOutcome;
use highwater_reports::summary::{Measures, RunEnding, StopReason};
use highwater_reports::timeline::Timeline;
use highwater_reports::{Conclusion, Event, Outcome, RunId, RunSummary, Sink, SinkError};

use super::telling::{Closing, Telling};
use super::thread::{Execute, Failure, spawn};
use super::{Entry, Keep, Options, Stop, artifacts, causes, shell_word};
use crate::run::{Progress, RunResult, RunSpec};

/// How many messages may wait; words of progress beyond that are dropped.
const MESSAGES_MAX: usize = 1_024;
/// How many runs may be ahead of the one that is to be told next: their summaries are held in memory.
const AHEAD_MAX: u64 = 4_096;
/// How long runs have to end once the time is up.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the main thread is told.
enum Message {
    Progress(u64, Progress),
    Ended(u64, Box<RunSummary>),
    /// The time limit is reached.
    OutOfTime,
    /// And runs that were told to stop have not.
    OutOfPatience,
}

/// One run to be done.
#[derive(Clone, Debug)]
struct Job {
    /// Its place among all runs.
    index: u64,
    /// The place of its scenario among all.
    entry: usize,
    id: RunId,
}

/// A campaign on its way.
pub(super) struct Schedule<'a> {
    entries: &'a [Entry],
    options: &'a Options,
    stop: &'a Stop,
    execute: &'a Execute,
    telling: Telling<'a>,
    /// The place among all of the scenario at hand.
    at_hand: Option<usize>,
    sender: SyncSender<Message>,
    receiver: Receiver<Message>,
    running: BTreeMap<u64, Job>,
    /// Runs that ended before their turn to be told.
    waiting: BTreeMap<u64, Box<RunSummary>>,
    /// The run that is to be told next.
    next: u64,
    /// Whether a run failed, and no other may begin.
    failed_fast: bool,
    kept_bytes: u64,
    dropped_recordings: u64,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(
        entries: &'a [Entry],
        options: &'a Options,
        stop: &'a Stop,
        execute: &'a Execute,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let names: BTreeSet<_> = entries.iter().map(|entry| &entry.scenario.name).collect();
        assert_eq!(names.len(), entries.len(), "recordings lie in folders by the scenario's name");
        let (sender, receiver) = sync_channel(MESSAGES_MAX);
        Self {
            entries,
            options,
            stop,
            execute,
            telling: Telling::new(sink),
            at_hand: None,
            sender,
            receiver,
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next: 0,
            failed_fast: false,
            kept_bytes: 0,
            dropped_recordings: 0,
        }
    }

    pub(super) fn run(mut self) -> Result<Conclusion, SinkError> {
        let planned = self.entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.runs()));
        self.telling.begin(self.entries.len(), planned, self.options.jobs.get())?;
        let limit = self.options.timeout.map(|timeout| watch(timeout, self.sender.clone()));
        self.drive()?;
        drop(limit);
        self.tell_rest()?;
        let scenarios = self.entries.iter().map(|entry| entry.scenario.name.as_str());
        artifacts::tidy(&self.options.artifacts, scenarios);
        self.finish(planned)
    }

    /// Until every run has ended, or none may begin and none goes on.
    fn drive(&mut self) -> Result<(), SinkError> {
        let entries = self.entries;
        let mut jobs = entries
            .iter()
            .enumerate()
            .flat_map(|(entry, of)| of.seeds.clone().map(move |seed| (entry, seed)))
            .zip(0..)
            .map(|((entry, seed), index)| {
                let scenario = entries[entry].scenario.name.as_str().into();
                Job { index, entry, id: RunId { scenario, seed } }
            })
            .peekable();
        loop {
            while self.running.len() < self.options.jobs.get() && !self.is_stopped() {
                let ahead = |job: &Job| job.index - self.next < AHEAD_MAX;
                let Some(job) = jobs.next_if(ahead) else { break };
                self.start(job)?;
            }
            if self.running.is_empty() {
                return Ok(());
            }
            match self.receiver.recv().expect("a sender is kept") {
                Message::Progress(index, Progress { reached, total }) => {
                    if let Some(job) = self.running.get(&index) {
                        let run = job.id.clone();
                        self.telling.live(&Event::RunProgress { run, reached, total })?;
                    }
                }
                Message::Ended(index, run) => self.end(index, run)?,
                Message::OutOfTime => drop(self.stop.request(StopReason::TimedOut)),
                Message::OutOfPatience => {
                    while let Some((index, job)) = self.running.pop_first() {
                        let run = self.failed(&job, &Failure::Hung { seconds: PATIENCE.as_secs() });
                        self.end(index, Box::new(run))?;
                    }
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.failed_fast || self.stop.reason().is_some()
    }

    fn start(&mut self, job: Job) -> Result<(), SinkError> {
        self.telling.live(&Event::RunStarted(job.id.clone()))?;
        let entry = &self.entries[job.entry];
        let folder = artifacts::folder(&self.options.artifacts, &job.id.scenario, job.id.seed);
        let index = job.index;
        let sender = self.sender.clone();
        let progress = move |progress| drop(sender.try_send(Message::Progress(index, progress)));
        let spec = RunSpec {
            scenario: entry.scenario.clone(),
            source: entry.source.clone(),
            source_name: entry.source_name.clone(),
            seed: job.id.seed,
            folder: folder.clone(),
            stop: self.stop.flag(),
            until: None,
            stop_at_violation: self.options.stop_at_violation,
            shown: self.options.shown,
            progress: Some(Arc::new(progress)),
        };
        let sender = self.sender.clone();
        let summary = Summarise {
            entry: entry.clone(),
            job: job.clone(),
            folder: folder.clone(),
            keep: self.options.keep,
            timeline: self.options.timeline,
            program: self.options.program.clone(),
        };
        let done = move |result| {
            let run = summary.summary(result);
            // After the campaign's end nobody listens any more.
            let _ = sender.send(Message::Ended(index, Box::new(run)));
        };
        let prepared = artifacts::prepare(&folder, &entry.source)
            .map_err(|source| Failure::Run(crate::run::RunError::Io { path: folder, source }));
        match prepared.and_then(|()| spawn(spec, self.execute, done)) {
            Ok(()) => drop(self.running.insert(index, job)),
            Err(failure) => {
                let run = self.failed(&job, &failure);
                self.end(index, Box::new(run))?;
            }
        }
        Ok(())
    }

    fn failed(&self, job: &Job, failure: &Failure) -> RunSummary {
        without_verdict(&self.options.program, &self.entries[job.entry], job, failure)
    }

    /// Takes in a run that ended, and tells all whose turn has come.
    fn end(&mut self, index: u64, run: Box<RunSummary>) -> Result<(), SinkError> {
        self.running.remove(&index);
        let outcome = run.outcome();
        self.failed_fast |= self.options.fail_fast && outcome != Outcome::Pass;
        self.telling.live(&Event::RunEnded { run: run.id.clone(), outcome })?;
        self.waiting.insert(index, run);
        while let Some(run) = self.waiting.remove(&self.next) {
            self.tell(self.next, run)?;
            self.next += 1;
        }
        Ok(())
    }

    /// Tells what is left after an early end, in order, with gaps where runs never began.
    fn tell_rest(&mut self) -> Result<(), SinkError> {
        while let Some((index, run)) = self.waiting.pop_first() {
            self.tell(index, run)?;
        }
        self.finish_scenario()
    }

    fn tell(&mut self, index: u64, mut run: Box<RunSummary>) -> Result<(), SinkError> {
        let entry = self.entry_of(index);
        if self.at_hand != Some(entry) {
            self.finish_scenario()?;
            self.at_hand = Some(entry);
        }
        self.keep_within_limit(entry, &mut run);
        self.telling.run(self.entries[entry].scenario.published.as_ref(), run)
    }

    fn entry_of(&self, index: u64) -> usize {
        let mut first = 0;
        let holds = |entry: &Entry| {
            first += entry.runs();
            index < first
        };
        self.entries.iter().position(holds).expect("every run is of a scenario")
    }

    /// Deletes a recording that no longer fits, here and not earlier, so that the order decides which.
    fn keep_within_limit(&mut self, entry: usize, run: &mut RunSummary) {
        let Some(folder) = &run.recording else { return };
        let bytes = artifacts::size(folder);
        if self.kept_bytes > 0 && self.kept_bytes + bytes > self.options.recordings_bytes_max {
            if artifacts::discard(folder).is_ok() {
                self.dropped_recordings += 1;
                run.recording = None;
                run.reproduce = run_again(&self.options.program, &self.entries[entry], run.id.seed);
            }
        } else {
            self.kept_bytes += bytes;
        }
    }

    fn finish_scenario(&mut self) -> Result<(), SinkError> {
        let Some(entry) = self.at_hand.take() else { return Ok(()) };
        let all = self.telling.runs_of_scenario() == self.entries[entry].runs();
        self.telling.finish_scenario(all)
    }

    fn finish(self, planned: u64) -> Result<Conclusion, SinkError> {
        let fail_fast = self.failed_fast.then_some(StopReason::FailFast);
        self.telling.finish(&Closing {
            planned,
            stopped: self.stop.reason().or(fail_fast),
            jobs: self.options.jobs.get(),
            peak_memory: peak_memory(),
            dropped_recordings: self.dropped_recordings,
            recordings_bytes_max: self.options.recordings_bytes_max,
        })
    }
}

/// Turns what a run yields into its summary, on the run's thread, so that the recording is freed there.
struct Summarise {
    entry: Entry,
    job: Job,
    folder: PathBuf,
    keep: Keep,
    timeline: bool,
    program: String,
}

impl Summarise {
    fn summary(self, result: Result<RunResult, Failure>) -> RunSummary {
        match result {
            Ok(result) => self.judged(result),
            Err(failure) => {
                let mut summary = without_verdict(&self.program, &self.entry, &self.job, &failure);
                // What was recorded until then may tell why, but cannot be replayed to an end.
                summary.recording = Some(self.folder).filter(|folder| artifacts::size(folder) > 0);
                summary
            }
        }
    }

    fn judged(self, mut result: RunResult) -> RunSummary {
        if result.interrupted && result.verdict.outcome == RunOutcome::ExpectationMissed {
            // What did not show might have shown later.
            result.verdict.outcome = RunOutcome::Inconclusive;
        }
        let mut summary = RunSummary {
            id: self.job.id,
            source: self.entry.source_name.clone(),
            ending: RunEnding::Judged(Box::new(result.verdict)),
            expected: self.entry.scenario.expect.violation.clone(),
            interrupted: result.interrupted,
            faults: Vec::new(),
            timeline: self.timeline.then(|| Box::new(Timeline::of(&result.recording))),
            measures: Some(Measures {
                virtual_time: result.measures.virtual_time,
                cpu_time: result.measures.cpu_time,
                frames: result.measures.frames,
                tick: result.measures.tick,
            }),
            hash: result.hash.map(|hash| hash.to_string()),
            recording: None,
            reproduce: String::new(),
        };
        if summary.outcome() > Outcome::Inconclusive {
            summary.faults = causes::faults_before(&result.recording, summary.first_violation());
        }
        // A run that was cut short says little, unless it found something.
        let worth = if summary.interrupted { Outcome::Inconclusive } else { Outcome::Pass };
        if self.keep == Keep::All || summary.outcome() > worth {
            summary.reproduce = format!(
                "{} replay {}",
                shell_word(&self.program),
                shell_word(&self.folder.display().to_string())
            );
            summary.recording = Some(self.folder);
        } else {
            summary.reproduce = run_again(&self.program, &self.entry, summary.id.seed);
            if let Err(source) = artifacts::discard(&self.folder) {
                let failure = Failure::Run(crate::run::RunError::Io { path: self.folder, source });
                summary.ending = RunEnding::Failed { outcome: failure.outcome(), message: failure.message() };
            }
        }
        summary
    }
}

fn without_verdict(program: &str, entry: &Entry, job: &Job, failure: &Failure) -> RunSummary {
    RunSummary {
        id: job.id.clone(),
        source: entry.source_name.clone(),
        ending: RunEnding::Failed { outcome: failure.outcome(), message: failure.message() },
        expected: BTreeSet::new(),
        interrupted: false,
        faults: Vec::new(),
        timeline: None,
        measures: None,
        hash: None,
        recording: None,
        reproduce: run_again(program, entry, job.id.seed),
    }
}

fn run_again(program: &str, entry: &Entry, seed: u64) -> String {
    let mutants: String = entry.mutants.iter().map(|id| format!(" --mutant {}", shell_word(id))).collect();
    format!("{} run {} --seed {seed}{mutants}", shell_word(program), shell_word(&entry.source_name))
}

/// Tells when the time is up; dropping what it returns ends the watch.
fn watch(timeout: Duration, tell: SyncSender<Message>) -> SyncSender<()> {
    let (alive, watched) = sync_channel::<()>(0);
    thread::spawn(move || {
        for (wait, message) in [(timeout, Message::OutOfTime), (PATIENCE, Message::OutOfPatience)] {
            if watched.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) || tell.send(message).is_err() {
                return;
            }
        }
    });
    alive
}

/// The process' peak resident set, in bytes, where the system tells it as Linux does.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1_024)
}
