//! `highwater check`: anybody's histories, judged by the object that they are about.

use std::fs::{self, File};
use std::io::{Read, stdin, stdout};
use std::path::Path;

use highwater_checkers::check::{self, CheckReport, Options, Verdict};
use highwater_checkers::history::{Format as HistoryFormat, History};
use highwater_checkers::linearizability::search::Search;
use highwater_reports::check as told;
use highwater_reports::html::{self, Checked};
use highwater_reports::style::Style;

use super::args::{CheckArgs, Format};
use super::error::CliError;
use super::exit::Exit;
use super::{program, say, say_json, variable};
use crate::campaign::shell_word;

/// The name under which a history comes from standard input.
const STDIN: &str = "-";
const MEGABYTE: usize = 1 << 20;

pub(super) fn check(args: &CheckArgs) -> Result<Exit, CliError> {
    let options = Options {
        initial: args.initial.clone(),
        failed_cas: args.failed_cas.into(),
        independent: args.independent,
        every_example: args.all,
        search: Search {
            steps_max: args.steps_max,
            memory_max_bytes: args.memory_max_mb.saturating_mul(MEGABYTE),
            every_part: args.all,
            ..Search::default()
        },
    };
    if args.html.is_some() && args.histories.len() > 1 {
        return Err(CliError::Usage {
            message: format!(
                "`--html` writes the page of one history, and {} are named",
                args.histories.len()
            ),
            help: Some("check them one by one, each with a page of its own".to_owned()),
        });
    }
    let style = Style::for_stream(args.output.color(), &stdout(), variable);
    let detail = args.output.detail();
    let mut worst = Verdict::Holds;
    let mut conclusions = Vec::new();
    for name in &args.histories {
        let history = read(name, args.input_format)?;
        let report = check::check(args.model, &history, &options)
            .map_err(|error| CliError::usage(format!("{name}: {error}")))?;
        if let Some(path) = &args.html {
            page(args, name, &history, &report, &options, path)?;
        }
        match args.format {
            Format::Json => say_json(&told::json(name, &report, detail))?,
            Format::Human => {
                for line in told::lines(name, &report, style, detail) {
                    say(&line)?;
                }
                conclusions.extend(told::conclusion(name, &report).map(|told| (name, told)));
            }
        }
        worst = worst.max(report.verdict);
    }
    if args.format == Format::Human && !conclusions.is_empty() {
        say("")?;
        let (name, told) = conclusions.swap_remove(0);
        say(&told)?;
        if name != STDIN {
            say(&format!("reproduce: {}", reproduce(args, name)))?;
        }
    }
    Ok(match worst {
        Verdict::Holds => Exit::Success,
        Verdict::Violation => Exit::Violation,
        Verdict::Unknown => Exit::Inconclusive,
    })
}

/// Writes the page of a history.
fn page(
    args: &CheckArgs,
    name: &str,
    history: &History,
    report: &CheckReport,
    options: &Options,
    path: &Path,
) -> Result<(), CliError> {
    let courses = check::courses(args.model, history, options)
        .map_err(|error| CliError::usage(format!("{name}: {error}")))?;
    let reproduce = (name != STDIN).then(|| reproduce(args, name));
    let page = html::history(&Checked { name, history, report, courses: &courses, reproduce });
    html::write(path, &page.render())?;
    Ok(())
}

fn read(name: &str, format: Option<HistoryFormat>) -> Result<History, CliError> {
    let io_error = |source| CliError::Io { path: Path::new(name).to_owned(), source };
    let mut input = Vec::new();
    if name == STDIN {
        stdin().read_to_end(&mut input).map_err(io_error)?;
    } else {
        let size = fs::metadata(name).map_err(io_error)?.len();
        input.reserve_exact(usize::try_from(size).unwrap_or(0));
        File::open(name).and_then(|mut file| file.read_to_end(&mut input)).map_err(io_error)?;
    }
    let history = format.map_or_else(|| History::read(&input), |format| format.read(&input));
    history.map_err(|error| CliError::Usage {
        message: format!("{name}: {error}"),
        help: format.is_none().then(|| {
            let known = HistoryFormat::ALL.map(HistoryFormat::name).join(", ");
            format!("the format is recognised by how the history begins; `--input-format` names it: {known}")
        }),
    })
}

/// The command that shows one of the answers again.
fn reproduce(args: &CheckArgs, name: &str) -> String {
    let mut words = vec![program(), "check".to_owned(), name.to_owned()];
    words.extend(["--model".to_owned(), args.model.name().to_owned()]);
    let initial = args.initial.to_string();
    if initial != "nil" {
        words.extend(["--initial".to_owned(), initial]);
    }
    if check::FailedCas::from(args.failed_cas) == check::FailedCas::Differed {
        words.extend(["--failed-cas".to_owned(), "differed".to_owned()]);
    }
    let steps_max = args.steps_max;
    if steps_max != Search::default().steps_max {
        words.extend(["--steps-max".to_owned(), steps_max.to_string()]);
    }
    if let Some(format) = args.input_format {
        words.extend(["--input-format".to_owned(), format.name().to_owned()]);
    }
    if args.independent {
        words.push("--independent".to_owned());
    }
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}
