//! `highwater run`: scenarios at their seeds, judged and told.

use std::io::stdout;

use highwater_reports::html::Html;
use highwater_reports::json::JsonLines;
use highwater_reports::junit::Junit;
use highwater_reports::progress::Progress;
use highwater_reports::style::Style;
use highwater_reports::terminal::{Detail, Terminal};
use highwater_reports::{Conclusion, Sink};

use super::args::{Format, RunArgs};
use super::error::CliError;
use super::exit::Exit;
use super::scenarios;
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
        timeout: args.timeout,
    };
    let stop = stop_on_interrupt()?;
    let conclusion: Conclusion =
        campaign::run(&entries, &options, &stop, &subject.execute, &mut sinks(args))?;
    Ok(conclusion.into())
}

/// Every output that is asked for. Progress comes first: it leaves the screen before the summary comes.
fn sinks(args: &RunArgs) -> Vec<Box<dyn Sink>> {
    let detail = args.output.detail();
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if detail > Detail::Quiet {
        sinks.push(Box::new(Progress::on_stderr()));
    }
    if let Some(path) = &args.junit {
        sinks.push(Box::new(Junit::new(path.clone())));
    }
    if let Some(path) = &args.html {
        sinks.push(Box::new(Html::new(path.clone())));
    }
    sinks.push(match args.format {
        Format::Human => {
            let style = Style::for_stream(args.output.color(), &stdout(), variable);
            Box::new(Terminal::new(stdout(), style, detail))
        }
        Format::Json => Box::new(JsonLines::new(stdout())),
    });
    sinks
}
