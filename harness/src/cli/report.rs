//! `highwater report`: runs that were kept are judged and told again, in every format.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_checkers::recording::FILE_NAME;
use highwater_reports::html::Html;
use highwater_reports::summary::RunEnding;
use highwater_reports::timeline::Timeline;
use highwater_reports::{Outcome, RunId, RunSummary};

use super::Subject;
use super::args::ReportArgs;
use super::error::CliError;
use super::exit::Exit;
use super::kept::{self, Kept};
use super::sinks::sinks;
use crate::campaign::SCENARIO_FILE;
use crate::campaign::telling::{Closing, Telling};
use crate::campaign::thread::chain;

/// So many folders deep runs are looked for: recordings lie two below the folder of all.
const DEPTH_MAX: usize = 8;

pub(super) fn report(args: &ReportArgs, subject: &Subject) -> Result<Exit, CliError> {
    let mut folders = BTreeSet::new();
    for word in &args.runs {
        let found = runs_under(word)?;
        if found.is_empty() {
            return Err(CliError::NothingToRun {
                message: format!("{} holds no run that was kept", word.display()),
                help: Some(format!(
                    "a run is a folder with a {FILE_NAME}; `run --keep all` keeps all of them"
                )),
            });
        }
        folders.extend(found);
    }
    // What must be known beforehand: the scenarios, and the seeds of each.
    let mut runs = folders
        .into_iter()
        .map(|folder| Ok((kept::identity(&folder)?, folder)))
        .collect::<Result<Vec<_>, CliError>>()?;
    runs.sort_by(|(left, _), (right, _)| left.cmp(right));
    let scenarios = runs.chunk_by(|(left, _), (right, _)| left.scenario == right.scenario);
    // Of one run nobody wants a list.
    let pages = if runs.len() == 1 { Html::of_one } else { Html::new };
    let mut sinks = sinks(&args.reports, &args.output, args.reports.html.clone().map(pages));
    let mut telling = Telling::new(&mut sinks);
    let planned = runs.len() as u64;
    telling.begin(scenarios.clone().count(), planned, 1)?;
    for runs in scenarios {
        let mut seeds = BTreeSet::new();
        let mut planned = None;
        for (identity, folder) in runs {
            seeds.insert(identity.seed);
            match kept::read(folder, &subject.vocabulary) {
                Ok(Kept { recording, mut summary, scenario }) => {
                    if args.reports.timeline(&args.output) {
                        summary.timeline = Some(Box::new(Timeline::of(&recording)));
                    }
                    planned = Some(u64::from(scenario.run.seeds));
                    telling.run(scenario.published.as_ref(), Box::new(summary))?;
                }
                // The others have something to tell all the same.
                Err(error) => telling.run(None, Box::new(unreadable(identity, folder, &error)))?,
            }
        }
        // Seeds that did not stay may have shown what none of these shows.
        let all = planned.is_some_and(|planned| seeds.into_iter().eq(0..planned));
        telling.finish_scenario(all)?;
    }
    let conclusion = telling.finish(&Closing { planned, jobs: 1, ..Closing::default() })?;
    Ok(conclusion.into())
}

/// A run whose recording is damaged, or whose scenario is not the one that was run.
fn unreadable(identity: &RunId, folder: &Path, error: &CliError) -> RunSummary {
    let message = chain(error);
    RunSummary {
        id: identity.clone(),
        source: Arc::from(folder.join(SCENARIO_FILE).display().to_string()),
        ending: RunEnding::Failed { outcome: Outcome::Unwritable, message },
        expected: BTreeSet::new(),
        interrupted: false,
        faults: Vec::new(),
        timeline: None,
        measures: None,
        hash: None,
        recording: Some(folder.to_owned()),
        reproduce: kept::replay_command(folder),
    }
}

/// The folders of runs that a word means, in the order of their names.
fn runs_under(word: &Path) -> Result<Vec<PathBuf>, CliError> {
    let folder = kept::folder_of(word);
    let mut found = Vec::new();
    look(folder, 0, &mut found)?;
    Ok(found)
}

fn look(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), CliError> {
    if folder.join(FILE_NAME).is_file() {
        // What lies below is a replay of it.
        found.push(folder.to_owned());
        return Ok(());
    }
    if depth == DEPTH_MAX {
        return Ok(());
    }
    let failed = |source| CliError::Io { path: folder.to_owned(), source };
    let mut below = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // A link might lead back here.
        if entry.file_type().map_err(failed)?.is_dir() {
            below.push(entry.path());
        }
    }
    below.sort();
    below.iter().try_for_each(|folder| look(folder, depth + 1, found))
}
