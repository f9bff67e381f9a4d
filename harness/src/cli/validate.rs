//! `highwater validate`: every mistake of every scenario, and nothing is run.

use highwater_reports::narrate::counted;

use super::error::CliError;
use super::exit::Exit;
use super::{Subject, say, scenarios};

pub(super) fn validate(words: &[String], subject: &Subject) -> Result<Exit, CliError> {
    let loaded = scenarios::load(words, &subject.vocabulary)?;
    say(&format!("{} without mistakes", counted(loaded.len() as u64, "scenario")))?;
    Ok(Exit::Success)
}
