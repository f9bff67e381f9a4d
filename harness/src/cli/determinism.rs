//! `highwater determinism`: one seed, one recording, in any thread and any process.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use highwater_checkers::judge::Shown;
use highwater_reports::narrate::counted;
use highwater_reports::style::plain;

use super::args::DeterminismArgs;
use super::error::CliError;
use super::exit::Exit;
use super::scenarios::{self, Loaded};
use super::{Subject, program, say, stop_on_interrupt, tell, variable};
use crate::campaign::determinism::{Difference, examine};
use crate::campaign::thread::alone;
use crate::campaign::{Execute, Failure, Stop, shell_word, tidy};
use crate::run::RunSpec;

/// What a seed has shown: nothing where it was not examined any more.
type Examined = Result<Option<Difference>, Failure>;

pub(super) fn determinism(args: &DeterminismArgs, subject: &Subject) -> Result<Exit, CliError> {
    let seeds = args.seeds.chosen(variable)?;
    let loaded = scenarios::load(&args.scenarios, &subject.vocabulary)?;
    let stop = stop_on_interrupt()?;
    let mut specs = Vec::new();
    for scenario in &loaded {
        let seeds = seeds.clone().unwrap_or(0..u64::from(scenario.scenario.run.seeds));
        specs.extend(seeds.map(|seed| {
            let name = &scenario.scenario.name;
            let folder = args.artifacts.folder.join("determinism").join(name).join(format!("seed-{seed}"));
            spec(scenario, seed, folder, &stop)
        }));
    }
    if specs.is_empty() {
        return Err(CliError::NothingToRun {
            message: "there is no seed to run".to_owned(),
            help: Some("the end of `--seeds A..B` is not included".to_owned()),
        });
    }
    let count = specs.len() as u64;
    let examined = examine_all(specs, args.jobs.get().get(), &stop, &subject.execute);
    if let Some((spec, result)) = examined.into_iter().next() {
        let run = format!("{} seed {}", spec.scenario.name, spec.seed);
        return match result.map_err(|source| CliError::RunOf { run, source })? {
            Some(difference) => {
                report(&spec, &difference)?;
                Ok(Exit::Nondeterministic)
            }
            None => Ok(Exit::Interrupted),
        };
    }
    let names = loaded.iter().map(|loaded| loaded.scenario.name.as_str());
    tidy(&args.artifacts.folder.join("determinism"), names);
    tidy(&args.artifacts.folder, std::iter::empty());
    say(&format!(
        "{}: each recorded twice in threads and once in another process, all equal byte by byte",
        counted(count, "run")
    ))?;
    Ok(Exit::Success)
}

fn spec(loaded: &Loaded, seed: u64, folder: PathBuf, stop: &Stop) -> RunSpec {
    RunSpec {
        scenario: loaded.scenario.clone(),
        source: loaded.source.clone(),
        source_name: loaded.source_name.clone(),
        seed,
        folder,
        stop: stop.flag(),
        until: None,
        stop_at_violation: false,
        shown: Shown::First,
        progress: None,
    }
}

/// Examines runs, several at a time. Returns those that are not as they should be, first in the given order; it
/// ends at the first one, and so the list is short.
fn examine_all(specs: Vec<RunSpec>, jobs: usize, stop: &Stop, execute: &Execute) -> Vec<(RunSpec, Examined)> {
    let total = specs.len();
    let queue = Mutex::new(specs.into_iter().enumerate());
    let (sender, receiver) = sync_channel(jobs);
    thread::scope(|scope| {
        for _ in 0..jobs.min(total) {
            let (sender, queue) = (sender.clone(), &queue);
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((index, spec)) = next else { return };
                    let result = examine(&spec, execute, &in_another_process);
                    if sender.send((index, spec, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut wrong = Vec::new();
        for (done, (index, spec, result)) in receiver.iter().enumerate() {
            let interrupted = stop.reason().is_some();
            if interrupted || !matches!(result, Ok(None)) {
                // What a stopped run recorded says nothing.
                wrong.push((index, spec, if interrupted { Ok(None) } else { result }));
                queue.lock().unwrap_or_else(PoisonError::into_inner).by_ref().for_each(drop);
            } else if (done + 1).is_multiple_of(10) {
                tell(&format!("{} of {}\n", done + 1, counted(total as u64, "run")));
            }
        }
        wrong.sort_by_key(|(index, ..)| *index);
        wrong.into_iter().map(|(_, spec, result)| (spec, result)).collect()
    })
}

/// Lets a new process of this binary record the run.
fn in_another_process(spec: &RunSpec) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Process(error.to_string());
    let output = Command::new(std::env::current_exe().map_err(failed)?)
        .args(["record", "--seed", &spec.seed.to_string(), "--folder"])
        .arg(&spec.folder)
        .arg("--")
        .arg(&*spec.source_name)
        .stdin(Stdio::null())
        .output()
        .map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(Failure::Process(format!("{}, {}", output.status, plain(told.trim()))))
}

/// The other process: records one run.
pub(super) fn record(
    scenario: &str,
    seed: u64,
    folder: PathBuf,
    subject: &Subject,
) -> Result<Exit, CliError> {
    let loaded = scenarios::load(&[scenario.to_owned()], &subject.vocabulary)?;
    let [only] = loaded.as_slice() else { return Err(CliError::usage("`record` takes one scenario")) };
    alone(spec(only, seed, folder, &Stop::default()), &subject.execute)?;
    Ok(Exit::Success)
}

fn report(spec: &RunSpec, difference: &Difference) -> Result<(), CliError> {
    let (name, seed, line) = (&spec.scenario.name, spec.seed, difference.line);
    say(&format!("nondeterminism: {name} seed {seed} has two recordings, which differ from line {line} on"))?;
    for (folder, told) in &difference.sides {
        say(&format!("  {}: {}", folder.display(), plain(told)))?;
    }
    let source = shell_word(&spec.source_name);
    say(&format!("reproduce: {} determinism {source} --seed {seed}", shell_word(&program())))
}
