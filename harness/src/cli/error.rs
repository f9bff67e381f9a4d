//! What ends a command before its end: the user's mistakes apart from what went wrong.

use std::io;
use std::path::PathBuf;

use highwater_reports::{SinkError, style::plain};
use highwater_workloads::scenario::{Diagnostics, LoadError};
use thiserror::Error;

use super::exit::Exit;
use crate::campaign::Failure;
use crate::campaign::thread::chain;
use crate::run::RunError;

/// Why a command did not do what it was asked for.
#[derive(Debug, Error)]
pub(super) enum CliError {
    /// The command line asks for what there is not.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// Some files are no scenarios: all mistakes of all of them.
    #[error("{} of the scenarios cannot be run", .0.len())]
    Scenarios(Vec<LoadError>),
    /// There is nothing to do.
    #[error("{message}")]
    NothingToRun {
        /// Why.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What lies beside a recording does not belong to it.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// What does not.
        path: PathBuf,
        /// Why not.
        what: &'static str,
    },
    /// A run has no result.
    #[error(transparent)]
    Run(#[from] Failure),
    /// A run that has a name has no result.
    #[error("{run}")]
    RunOf {
        /// Which run, with its seed.
        run: String,
        /// Why not.
        source: Failure,
    },
    /// A report cannot be written.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Something that must work does not.
    #[error("{what}")]
    Internal {
        /// What.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        Self::Run(error.into())
    }
}

impl CliError {
    /// A mistake on the command line.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: None }
    }

    /// The process' exit code.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } => Exit::Usage,
            Self::Scenarios(errors) if errors.iter().any(|e| matches!(e, LoadError::Invalid(_))) => {
                Exit::Usage
            }
            Self::Scenarios(_) | Self::Io { .. } | Self::Damaged { .. } | Self::Sink(_) => Exit::Unwritable,
            Self::NothingToRun { .. } => Exit::NothingRan,
            Self::Run(failure) | Self::RunOf { source: failure, .. } => failure.outcome().into(),
            Self::Internal { .. } => Exit::Internal,
        }
    }

    /// What standard error shows.
    pub(super) fn message(&self) -> String {
        let (text, help) = match self {
            Self::Scenarios(errors) => {
                return errors.iter().map(load_error).collect::<Vec<_>>().join("\n");
            }
            Self::Usage { message, help } | Self::NothingToRun { message, help } => {
                (message.clone(), help.as_deref())
            }
            Self::Internal { .. } => (
                format!("internal error: {}", chain(self)),
                Some("this is a defect of highwater, please report it"),
            ),
            other => (chain(other), None),
        };
        let help = help.map(|help| format!("  = help: {}\n", plain(help))).unwrap_or_default();
        format!("error: {}\n{help}", plain(&text))
    }
}

/// Diagnostics bring their own layout; anything else is one line.
fn load_error(error: &LoadError) -> String {
    match error {
        LoadError::Invalid(diagnostics) => Diagnostics::to_string(diagnostics),
        other => format!("error: {}\n", plain(&chain(other))),
    }
}
