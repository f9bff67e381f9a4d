//! A run that was kept: its recording, judged again, and its summary, as the reports take them.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use highwater_checkers::recording::{Event, FILE_NAME, Header, Recording, RecordingReader, Stage, TraceHash};
use highwater_reports::summary::RunEnding;
use highwater_reports::{Outcome, RunId, RunSummary};
use highwater_workloads::scenario::{self, LoadError, Scenario, Vocabulary};

use super::error::CliError;
use super::program;
use crate::campaign::{SCENARIO_FILE, causes, shell_word};
use crate::run::{RunError, rejudge};

/// A run as its folder tells it.
pub(super) struct Kept {
    /// What happened.
    pub(super) recording: Recording,
    /// What it amounts to. What it took is not known any more.
    pub(super) summary: RunSummary,
    /// What was run.
    pub(super) scenario: Scenario,
}

/// Which run the recording in a folder is of; nothing but its first line is read.
pub(super) fn identity(folder: &Path) -> Result<RunId, CliError> {
    let path = folder.join(FILE_NAME);
    let file = File::open(&path).map_err(|source| CliError::Io { path: path.clone(), source })?;
    let reader =
        RecordingReader::new(BufReader::new(file)).map_err(|source| RunError::Damaged { path, source })?;
    let header = reader.header();
    Ok(RunId { scenario: header.scenario.as_str().into(), seed: header.seed })
}

/// The command that executes a kept run again.
pub(super) fn replay_command(folder: &Path) -> String {
    format!("{} replay {}", shell_word(&program()), shell_word(&folder.display().to_string()))
}

/// Reads the run of which the folder, or the recording in it, is named.
pub(super) fn read(path: &Path, vocabulary: &Vocabulary) -> Result<Kept, CliError> {
    let folder = folder_of(path);
    let (recording, verdict) = rejudge(folder)?;
    let (scenario, _) = scenario_of(folder, &recording.header, vocabulary)?;
    let stopped = |event: &Event| matches!(event, Event::Mark(mark) if mark.stage == Stage::Stopped);
    let mut summary = RunSummary {
        id: RunId { scenario: scenario.name.as_str().into(), seed: recording.header.seed },
        source: Arc::from(folder.join(SCENARIO_FILE).display().to_string()),
        ending: RunEnding::Judged(Box::new(verdict)),
        expected: scenario.expect.violation.clone(),
        interrupted: recording.events.iter().any(stopped),
        faults: Vec::new(),
        timeline: None,
        measures: None,
        hash: recording.footer().map(|footer| footer.hash.to_string()),
        recording: Some(folder.to_owned()),
        reproduce: replay_command(folder),
    };
    if summary.outcome() > Outcome::Inconclusive {
        summary.faults = causes::faults_before(&recording, summary.first_violation());
    }
    Ok(Kept { recording, summary, scenario })
}

/// The path of the file in the folder is as good as that of the folder.
pub(super) fn folder_of(path: &Path) -> &Path {
    if path.is_file() { path.parent().unwrap_or(Path::new(".")) } else { path }
}

/// The scenario beside a recording, if it is the one that was run, and its text.
pub(super) fn scenario_of(
    folder: &Path,
    header: &Header,
    vocabulary: &Vocabulary,
) -> Result<(Scenario, String), CliError> {
    let path = folder.join(SCENARIO_FILE);
    let source = fs::read_to_string(&path).map_err(|source| CliError::Io { path: path.clone(), source })?;
    if TraceHash::default().with(source.as_bytes()).to_string() != header.scenario_hash {
        return Err(CliError::Damaged { path, what: "it is not the scenario that was recorded" });
    }
    let scenario = scenario::parse(&path.display().to_string(), &source, vocabulary)
        .map_err(|diagnostics| CliError::Scenarios(vec![LoadError::Invalid(diagnostics)]))?;
    Ok((scenario, source))
}
