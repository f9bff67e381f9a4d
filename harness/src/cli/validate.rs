//! `highwater validate`: every mistake of every scenario, and nothing is run.

use highwater_reports::narrate::counted;

use super::error::CliError;
use super::exit::Exit;
use super::{say, scenarios};

pub(super) fn validate(words: &[String]) -> Result<Exit, CliError> {
    let loaded = scenarios::load(words)?;
    say(&format!("{} without mistakes", counted(loaded.len() as u64, "scenario")))?;
    Ok(Exit::Success)
}
