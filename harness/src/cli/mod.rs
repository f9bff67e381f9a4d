//! The binary `highwater`: its commands, what they print, and its exit codes.
//!
//! [`main`] is the way in; `args` is the command line, one file each holds a command, [`exit`] every exit code.

mod args;
mod determinism;
mod error;
mod list;
mod replay;
mod run;
mod scenarios;
mod validate;

pub mod exit;

use std::panic::catch_unwind;
use std::process::ExitCode;

use clap::Parser;
use highwater_reports::summary::StopReason;

use crate::campaign::Stop;
use args::{Cli, Command};
use error::CliError;
use exit::Exit;

/// Reads the command line, and does what it asks for. A panic counts as an internal error.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    let result = catch_unwind(|| execute(command)).unwrap_or(Ok(Exit::Internal));
    let exit = result.unwrap_or_else(|error| {
        tell(&error.message());
        error.exit()
    });
    exit.into()
}

fn execute(command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Validate { scenarios } => validate::validate(&scenarios),
        Command::Determinism(args) => determinism::determinism(&args),
        Command::List { catalogue } => list::list(catalogue),
        Command::Record { scenario, seed, folder } => determinism::record(&scenario, seed, folder),
    }
}

/// Writes to standard error, which may be closed.
fn tell(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes a line to standard output; nobody has to read on.
fn say(text: &str) -> Result<(), CliError> {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{text}") {
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
