//! `highwater mutants`: one mutant after the other is switched on, and must be caught.

use std::collections::BTreeSet;
use std::io::stdout;
use std::time::Instant;

use highwater_reports::narrate::counted;
use highwater_reports::style::{Paint, Style};
use highwater_reports::table::{Cell, Table};
use highwater_reports::terminal::Detail;
use serde::Serialize;

use super::args::{Format, MutantsArgs};
use super::error::CliError;
use super::exit::Exit;
use super::scenarios::{self, Loaded};
use super::{Subject, program, say, say_json, stop_on_interrupt, tell, variable};
use crate::campaign::hunt::{self, Catch, Ground, Hunted, Quarry};
use crate::campaign::shell_word;
use crate::system::Mutant;

/// How many kinds of violation a row names.
const NAMED_MAX: usize = 3;

pub(super) fn mutants(args: &MutantsArgs, subject: &Subject) -> Result<Exit, CliError> {
    let only = scenarios::mutants(&args.only, &subject.vocabulary)?;
    let is_meant = |mutant: &&Mutant| only.is_empty() || only.contains(mutant.id);
    let mutants: Vec<&Mutant> = subject.mutants.iter().filter(is_meant).collect();
    let nothing = |message: &str, help: &str| {
        Err(CliError::NothingToRun { message: message.to_owned(), help: Some(help.to_owned()) })
    };
    if args.seeds.is_empty() {
        return nothing("there is no seed to run", "the end of `--seeds A..B` is not included");
    }
    if mutants.is_empty() {
        return nothing(
            "the system says of no mutant where it would be caught",
            "a scenario can switch one on, in `cluster.config.mutants`",
        );
    }
    let quarries: Vec<Quarry> =
        mutants.iter().map(|mutant| quarry(mutant, subject)).collect::<Result<_, _>>()?;
    let options = hunt::Options {
        seeds: args.seeds.clone(),
        jobs: args.jobs.get(),
        artifacts: args.artifacts.folder.clone(),
    };
    let stop = stop_on_interrupt()?;
    let quiet = args.output.detail() == Detail::Quiet;
    let started = Started::now();
    let mut done = 0;
    let hunted = hunt::hunt(&quarries, &options, &stop, &subject.execute, &mut |index, hunted| {
        done += 1;
        if !quiet {
            let told = progress(hunted);
            tell(&format!("[{done}/{}] {}: {told}\n", mutants.len(), mutants[index].id));
        }
    })?;
    let told: Vec<(&Mutant, &Hunted)> = mutants.into_iter().zip(&hunted).collect();
    match args.format {
        Format::Json => lines(&told)?,
        Format::Human => {
            let style = Style::for_stream(args.output.color(), &stdout(), variable);
            table(&told, style, &started)?;
        }
    }
    Ok(if hunted.iter().any(survived) {
        Exit::Violation
    } else if hunted.iter().any(|hunted| hunted.caught.is_none()) {
        Exit::Interrupted
    } else {
        Exit::Success
    })
}

/// When the hunt began, in real time.
struct Started(Instant);

impl Started {
    #[expect(clippy::disallowed_methods, reason = "how long the hunt takes is told, and decides nothing")]
    fn now() -> Self {
        Self(Instant::now())
    }

    fn seconds(&self) -> u64 {
        self.0.elapsed().as_secs()
    }
}

fn survived(hunted: &Hunted) -> bool {
    hunted.caught.is_none() && !hunted.stopped
}

/// A mutant and the suites in which it is looked for.
fn quarry(mutant: &Mutant, subject: &Subject) -> Result<Quarry, CliError> {
    let words: Vec<String> = mutant.suites.iter().map(|suite| (*suite).to_owned()).collect();
    let loaded = scenarios::load(&words, &subject.vocabulary)?;
    let ground = |Loaded { scenario, source, source_name }| Ground { scenario, source, source_name };
    Ok(Quarry { mutant: mutant.id.to_owned(), grounds: loaded.into_iter().map(ground).collect() })
}

/// What a mutant was caught by: the first kinds of violation, and how many more there were.
fn caught_by(catch: &Catch) -> String {
    // In the order of the catalogue: what clients saw comes before what only the inside shows.
    let kinds: BTreeSet<_> = catch.sightings.iter().map(|(anomaly, _)| *anomaly).collect();
    let named: Vec<_> = kinds.iter().map(|anomaly| anomaly.name()).take(NAMED_MAX).collect();
    let more = kinds.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

fn progress(hunted: &Hunted) -> String {
    match &hunted.caught {
        Some(catch) => {
            format!("caught by {} in {} at seed {}", caught_by(catch), catch.source_name, catch.seed)
        }
        None => format!("{}{}", uncaught(hunted), failures(hunted)),
    }
}

fn uncaught(hunted: &Hunted) -> String {
    format!("{} after {}", outcome(hunted), counted(hunted.runs, "run"))
}

fn outcome(hunted: &Hunted) -> &'static str {
    match hunted {
        Hunted { caught: Some(_), .. } => "caught",
        Hunted { stopped: true, .. } => "stopped",
        Hunted { .. } => "survived",
    }
}

/// What is to be known of runs without a verdict: they catch nothing, and say that something else is wrong.
fn failures(hunted: &Hunted) -> String {
    let first = hunted.first_failure.as_deref().unwrap_or_default();
    if hunted.failures == 0 { String::new() } else { format!("; {} failed: {first}", hunted.failures) }
}

fn table(told: &[(&Mutant, &Hunted)], style: Style, started: &Started) -> Result<(), CliError> {
    let mut table = Table::new(4);
    table.row(["mutant", "origin", "caught by", "scenario", "seed", "seeds"].map(Cell::from).into());
    for (mutant, hunted) in told {
        let mut row = vec![Cell::from(mutant.id), Cell::from(mutant.origin)];
        match &hunted.caught {
            Some(catch) => row.extend([
                Cell::from(caught_by(catch)),
                Cell::from(&*catch.source_name),
                Cell::from(catch.seed.to_string()),
                Cell::from(catch.seeds_needed.to_string()),
            ]),
            None => {
                let told = uncaught(hunted);
                row.push(Cell::painted(style.paint(Paint::Bad, &told), &told));
            }
        }
        table.row(row);
    }
    for line in table.lines() {
        say(&line)?;
    }
    say("")?;
    let count = |is: &str| told.iter().filter(|(_, hunted)| outcome(hunted) == is).count();
    let mut parts = vec![format!("{} caught", count("caught"))];
    parts.extend(
        ["survived", "stopped"]
            .map(|is| (count(is), is))
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, is)| format!("{count} {is}")),
    );
    let hunted: Vec<Hunted> = told.iter().map(|(_, hunted)| (*hunted).clone()).collect();
    parts.extend(hunt::median_seeds(&hunted).map(|median| format!("median of seeds {median}")));
    let runs = hunted.iter().map(|hunted| hunted.runs).sum();
    parts.push(format!("{} in {} s", counted(runs, "run"), started.seconds()));
    let total = counted(told.len() as u64, "mutant");
    let paint = if count("caught") == told.len() { Paint::Good } else { Paint::Bad };
    say(&style.paint(paint, format!("{total}: {}", parts.join(", "))))?;
    if let Some((mutant, catch)) = told.iter().find_map(|(m, h)| Some((m, h.caught.as_ref()?))) {
        say(&format!("see for yourself: {}", reproduce(mutant, catch)))?;
    }
    Ok(())
}

/// The command that shows what a mutant was caught by.
fn reproduce(mutant: &Mutant, catch: &Catch) -> String {
    let (program, source) = (program(), &catch.source_name);
    format!(
        "{} run {} --seed {} --mutant {}",
        shell_word(&program),
        shell_word(source),
        catch.seed,
        mutant.id
    )
}

/// A line of JSON: `docs/output-events.md` describes it.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    MutantHunted {
        mutant: &'a str,
        origin: &'a str,
        outcome: &'a str,
        scenario: Option<&'a str>,
        seed: Option<u64>,
        seeds_needed: Option<u64>,
        findings: Vec<FindingLine<'a>>,
        runs: u64,
        failures: u64,
        reproduce: Option<String>,
    },
    HuntFinished {
        mutants: usize,
        caught: usize,
        seeds_median: Option<f64>,
    },
}

#[derive(Serialize)]
struct FindingLine<'a> {
    anomaly: &'a str,
    partition: Option<String>,
}

fn lines(told: &[(&Mutant, &Hunted)]) -> Result<(), CliError> {
    let mut lines = Vec::new();
    for (mutant, hunted) in told {
        let catch = hunted.caught.as_ref();
        let finding = |(anomaly, partition): &hunt::Sighting| FindingLine {
            anomaly: anomaly.name(),
            partition: partition.as_ref().map(ToString::to_string),
        };
        lines.push(Line::MutantHunted {
            mutant: mutant.id,
            origin: mutant.origin,
            outcome: outcome(hunted),
            scenario: catch.map(|catch| &*catch.source_name),
            seed: catch.map(|catch| catch.seed),
            seeds_needed: catch.map(|catch| catch.seeds_needed),
            findings: catch.iter().flat_map(|catch| &catch.sightings).map(finding).collect(),
            runs: hunted.runs,
            failures: hunted.failures,
            reproduce: catch.map(|catch| reproduce(mutant, catch)),
        });
    }
    let hunted: Vec<Hunted> = told.iter().map(|(_, hunted)| (*hunted).clone()).collect();
    lines.push(Line::HuntFinished {
        mutants: told.len(),
        caught: hunted.iter().filter(|hunted| hunted.caught.is_some()).count(),
        seeds_median: hunt::median_seeds(&hunted),
    });
    for line in lines {
        say_json(
            &serde_json::to_string(&line).expect("the format has text keys alone, and no failing parts"),
        )?;
    }
    Ok(())
}
