//! The outputs of the commands that tell of runs: what the command line asks for, and what a CI server is to see.

use std::env;
use std::io::{stderr, stdout};
use std::path::PathBuf;

use highwater_reports::Sink;
use highwater_reports::file::Target;
use highwater_reports::github::Annotations;
use highwater_reports::html::Html;
use highwater_reports::json::JsonLines;
use highwater_reports::junit::Junit;
use highwater_reports::location::Root;
use highwater_reports::markdown::Markdown;
use highwater_reports::sarif::Sarif;
use highwater_reports::style::Style;
use highwater_reports::terminal::Terminal;

use super::args::{Format, OutputArgs, ReportsArg};
use super::variable;

/// Every output that is asked for, `pages` among them. The summary comes last, so that its last lines are the last ones
/// of all.
pub(super) fn sinks(reports: &ReportsArg, output: &OutputArgs, pages: Option<Html>) -> Vec<Box<dyn Sink>> {
    let root = root();
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(path) = &reports.junit {
        sinks.push(Box::new(Junit::new(Target::File(path.clone()))));
    }
    if let Some(path) = &reports.sarif {
        sinks.push(Box::new(Sarif::new(Target::File(path.clone()), root.clone())));
    }
    if let Some(path) = &reports.markdown {
        sinks.push(Box::new(Markdown::new(Target::File(path.clone()))));
    }
    if let Some(pages) = pages {
        sinks.push(Box::new(pages));
    }
    if variable("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        if let Some(path) = variable("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
            sinks.push(Box::new(Markdown::new(Target::EndOf(path.into()))));
        }
        // GitHub reads both streams; whoever reads JSON reads one, and wants nothing else there.
        sinks.push(match reports.format {
            Format::Human => Box::new(Annotations::new(stdout(), root)),
            Format::Json => Box::new(Annotations::new(stderr(), root)),
        });
    }
    sinks.push(match reports.format {
        Format::Human => {
            let style = Style::for_stream(output.color(), &stdout(), variable);
            Box::new(Terminal::new(stdout(), style, output.detail()))
        }
        Format::Json => Box::new(JsonLines::new(stdout())),
    });
    sinks
}

/// Where paths in reports begin: at the repository's root where a CI server tells it, else here.
fn root() -> Root {
    let current = env::current_dir().unwrap_or_default();
    let workspace = variable("GITHUB_WORKSPACE").filter(|path| !path.is_empty()).map(PathBuf::from);
    Root::new(&current, workspace.as_ref().unwrap_or(&current))
}
