//! `highwater run`: scenarios at their seeds, judged and told.

use highwater_reports::Conclusion;
use highwater_reports::html::Html;
use highwater_reports::progress::Progress;
use highwater_reports::terminal::Detail;

use super::args::RunArgs;
use super::error::CliError;
use super::exit::Exit;
use super::scenarios;
use super::sinks::sinks;
use super::{Subject, program, stop_on_interrupt, variable};
use crate::campaign::{self, Entry, Options};

pub(super) fn run(args: &RunArgs, subject: &Subject) -> Result<Exit, CliError> {
    let seeds = args.seeds.chosen(variable)?;
    let mutants = scenarios::mutants(&args.mutants, &subject.vocabulary)?;
    let entries: Vec<Entry> = scenarios::load(&args.scenarios, &subject.vocabulary)?
        .into_iter()
        .map(|loaded| {
            let (scenario, mutants) = loaded.with_mutants(&mutants);
            let seeds = seeds.clone().unwrap_or(0..u64::from(scenario.run.seeds));
            Entry { scenario, source: loaded.source, source_name: loaded.source_name, seeds, mutants }
        })
        .collect();
    if entries.iter().all(|entry| entry.seeds.is_empty()) {
        return Err(CliError::NothingToRun {
            message: "there is no seed to run".to_owned(),
            help: Some("the end of `--seeds A..B` is not included".to_owned()),
        });
    }
    let options = Options {
        program: program(),
        jobs: args.jobs.get(),
        artifacts: args.artifacts.folder.clone(),
        keep: args.keep.into(),
        recordings_bytes_max: args.artifacts_max.saturating_mul(1_000_000),
        fail_fast: args.fail_fast,
        stop_at_violation: args.stop_at_violation,
        shown: args.all.shown(),
        timeline: args.reports.timeline(&args.output),
        timeout: args.timeout,
    };
    let stop = stop_on_interrupt()?;
    let mut sinks = sinks(&args.reports, &args.output, args.reports.html.clone().map(Html::new));
    if args.output.detail() > Detail::Quiet {
        // First of all: it leaves the screen before the summary comes.
        sinks.insert(0, Box::new(Progress::on_stderr()));
    }
    let conclusion: Conclusion = campaign::run(&entries, &options, &stop, &subject.execute, &mut sinks)?;
    Ok(conclusion.into())
}
