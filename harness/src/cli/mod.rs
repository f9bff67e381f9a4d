//! The binary `highwater`: its commands, what they print, and its exit codes.
//!
//! [`main`] is the way in, and [`main_with`] that of a binary for another system under test; `args` is the
//! command line, one file each holds a command, [`exit`] every exit code.

mod args;
mod check;
mod determinism;
mod error;
mod explain;
mod kept;
mod list;
mod mutants;
mod replay;
mod report;
mod run;
mod scenarios;
mod sinks;
mod validate;

pub mod exit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use highwater_reports::style::{json_line, line};
use highwater_reports::summary::StopReason;
use highwater_workloads::scenario::Vocabulary;

use crate::campaign::{Execute, Stop};
use crate::run::{self as runs, RunSpec};
use crate::system::kafka::KafkaReference;
use crate::system::{Mutant, System};
use args::{Cli, Command};
use error::CliError;
use exit::Exit;

/// Reads the command line, and does what it asks for, to the system that ships. A panic counts as an internal
/// error.
pub fn main() -> ExitCode {
    main_with(KafkaReference)
}

/// As [`main`], to a system of your own: every command, for scenarios that are written in its words. This is the
/// whole of a binary's `main`; `harness/examples/toy_queue.rs` is one.
///
/// `determinism` starts the binary again, as another process: nothing that a run could notice may happen before
/// this is called.
pub fn main_with(system: impl System) -> ExitCode {
    let command = Cli::parse().command;
    let subject = Subject::new(system);
    // Nothing of the subject changes, so that a panic leaves nothing half done.
    let result = catch_unwind(AssertUnwindSafe(|| execute(command, &subject))).unwrap_or(Ok(Exit::Internal));
    let exit = result.unwrap_or_else(|error| {
        tell(&error.message());
        error.exit()
    });
    exit.into()
}

/// The system that the commands are about.
struct Subject {
    vocabulary: Vocabulary,
    mutants: Vec<Mutant>,
    execute: Execute,
}

impl Subject {
    fn new(system: impl System) -> Self {
        let (vocabulary, mutants) = (system.vocabulary(), system.mutants());
        Self { vocabulary, mutants, execute: Arc::new(move |spec: &RunSpec| runs::execute(&system, spec)) }
    }
}

fn execute(command: Command, subject: &Subject) -> Result<Exit, CliError> {
    match command {
        Command::Run(args) => run::run(&args, subject),
        Command::Replay(args) => replay::replay(&args, subject),
        Command::Report(args) => report::report(&args, subject),
        Command::Explain(args) => explain::explain(&args, subject),
        Command::Mutants(args) => mutants::mutants(&args, subject),
        Command::Check(args) => check::check(&args),
        Command::Validate { scenarios } => validate::validate(&scenarios, subject),
        Command::Determinism(args) => determinism::determinism(&args, subject),
        Command::List { catalogue } => list::list(catalogue, subject),
        Command::Record { scenario, seed, folder } => determinism::record(&scenario, seed, folder, subject),
    }
}

/// What this program is called, for the lines that tell how to reproduce something.
fn program() -> String {
    let name = std::env::args_os().next();
    let stem = name.as_deref().and_then(|name| Path::new(name).file_stem());
    stem.map_or_else(|| "highwater".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Writes lines to standard error, which may be closed.
fn tell(text: &str) {
    use std::io::Write;
    let lines: String = text.split_inclusive('\n').map(line).collect();
    let _ = std::io::stderr().write_all(lines.as_bytes());
}

/// Writes a line to standard output; nobody has to read on.
fn say(text: &str) -> Result<(), CliError> {
    print(&line(text))
}

/// Writes a line of JSON to standard output; nobody has to read on.
fn say_json(text: &str) -> Result<(), CliError> {
    print(&json_line(text))
}

fn print(line: &str) -> Result<(), CliError> {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::Sink(highwater_reports::SinkError::Output(error)))
        }
        _ => Ok(()),
    }
}

/// The first Ctrl-C requests the end, the second one takes it.
fn stop_on_interrupt() -> Result<Stop, CliError> {
    let stop = Stop::default();
    let request = stop.clone();
    let handler = move || {
        if request.reason() == Some(StopReason::Interrupted) || !request.request(StopReason::Interrupted) {
            std::process::exit(Exit::Interrupted as i32);
        }
        tell("interrupted: runs end at their next tick; once more to end at once\n");
    };
    ctrlc::set_handler(handler)
        .map_err(|error| CliError::Internal { what: "cannot listen for Ctrl-C", source: Box::new(error) })?;
    Ok(stop)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
