//! `highwater replay`: a recording is executed again, exactly, and what comes out is compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use highwater_checkers::judge::Shown;
use highwater_checkers::recording::{Event, Header, Recording, Stage};
use highwater_checkers::verdict::{Anomaly, Finding, RunVerdict};
use highwater_reports::Outcome;
use highwater_reports::narrate::{self, counted};
use highwater_reports::style::{Paint, Style, plain};
use highwater_reports::terminal::Detail;

use super::args::ReplayArgs;
use super::error::CliError;
use super::exit::Exit;
use super::{Subject, kept, say, stop_on_interrupt, variable};
use crate::campaign::SCENARIO_FILE;
use crate::campaign::determinism::{Difference, first_difference};
use crate::campaign::thread::alone;
use crate::run::{RunResult, RunSpec, build, plan_of, rejudge};

pub(super) fn replay(args: &ReplayArgs, subject: &Subject) -> Result<Exit, CliError> {
    let folder = kept::folder_of(&args.folder);
    let (recording, verdict) = rejudge(folder)?;
    let (mut scenario, source) = kept::scenario_of(folder, &recording.header, &subject.vocabulary)?;
    // The command line may have switched on more than the scenario's text does.
    scenario.cluster.mutants = plan_of(folder, &recording)?.cluster.mutants;
    let source_name = folder.join(SCENARIO_FILE).display().to_string();
    let again = folder.join("replay");
    let stop = stop_on_interrupt()?;
    let spec = RunSpec {
        scenario: Arc::new(scenario),
        source: source.into(),
        source_name: source_name.into(),
        seed: recording.header.seed,
        folder: again.clone(),
        stop: stop.flag(),
        until: args.until,
        stop_at_violation: false,
        shown: args.all.shown(),
        progress: None,
    };
    let run = format!("{} seed {}", spec.scenario.name, spec.seed);
    let result = alone(spec, &subject.execute).map_err(|source| CliError::RunOf { run, source })?;
    if args.trace {
        for event in &result.recording.events {
            say(&plain(&narrate::event(event)))?;
        }
    }
    let style = Style::for_stream(args.output.color(), &std::io::stdout(), variable);
    let show = Show { style, detail: args.output.detail() };
    show.verdict(args, &recording.header, &result)?;
    let exit = if stop.reason().is_some() {
        Exit::Interrupted
    } else if recording.header.build == build() {
        match difference(args, folder, &again, &recording, &result)? {
            // Both recordings stay, to be looked at.
            Some(difference) => return show.difference(&difference),
            None => {
                show.equal(args, &recording)?;
                match (exit_of(args, &result), recording.footer()) {
                    // What is missing of the recording may have said more.
                    (Exit::Success, None) => Exit::Inconclusive,
                    (exit, _) => exit,
                }
            }
        }
    } else {
        show.by_another_build(args, &recording.header, &verdict, &result)?
    };
    fs::remove_dir_all(&again).map_err(|source| CliError::Io { path: again, source })?;
    Ok(exit)
}

/// Where the replay parts from the recording. One that was stopped is compared as far as it went.
fn difference(
    args: &ReplayArgs,
    folder: &Path,
    again: &Path,
    recording: &Recording,
    result: &RunResult,
) -> Result<Option<Difference>, CliError> {
    let Some(difference) = first_difference(folder, again)? else { return Ok(None) };
    let went = if args.until.is_some() { events_before_stop(&result.recording) } else { u64::MAX };
    let recorded = if is_whole(recording) { u64::MAX } else { events_before_stop(recording) };
    // The first line is the header.
    let is_beyond_the_end = difference.line > went.min(recorded).saturating_add(1);
    Ok(Some(difference).filter(|_| !is_beyond_the_end))
}

/// Whether a recording goes on to the end of its run: it does not break off, and was not stopped.
fn is_whole(recording: &Recording) -> bool {
    recording.footer().is_some() && !recording.events.iter().any(is_stop)
}

fn is_stop(event: &Event) -> bool {
    matches!(event, Event::Mark(mark) if mark.stage == Stage::Stopped)
}

/// How many events there are before the run was told to stop.
fn events_before_stop(recording: &Recording) -> u64 {
    let events = &recording.events;
    events.iter().position(is_stop).unwrap_or(events.len()) as u64
}

/// What the replay amounts to. One that was stopped can show a violation, and nothing else.
fn exit_of(args: &ReplayArgs, result: &RunResult) -> Exit {
    match Outcome::from(result.verdict.outcome) {
        outcome if args.until.is_some() && outcome < Outcome::Violation => Exit::Success,
        outcome => outcome.into(),
    }
}

/// What is printed, and how.
struct Show {
    style: Style,
    detail: Detail,
}

impl Show {
    fn verdict(&self, args: &ReplayArgs, header: &Header, result: &RunResult) -> Result<(), CliError> {
        let verdict = &result.verdict;
        let outcome = Outcome::from(verdict.outcome);
        if self.detail > Detail::Quiet {
            for finding in
                verdict.findings.iter().filter(|f| f.is_violation() || self.detail == Detail::Verbose)
            {
                say(&format!("{}: {}", finding.anomaly, plain(&finding.what)))?;
                if args.all.shown() == Shown::All {
                    for evidence in &finding.evidence {
                        say(&format!("  {}", narrate::evidence(evidence)))?;
                    }
                }
            }
        }
        if self.detail > Detail::Quiet && args.until.is_none() {
            for reason in &verdict.inconclusive {
                say(&format!("inconclusive: {}", plain(reason)))?;
            }
            for missed in verdict.expectations.iter().filter(|expectation| !expectation.met) {
                say(&format!("expected {}: {}", plain(&missed.expectation), plain(&missed.found)))?;
            }
        }
        let events = counted(result.recording.events.len() as u64, "event");
        let told = match args.until {
            Some(until) if outcome < Outcome::Violation => format!("stopped at {}", narrate::span(until)),
            _ => {
                let paint = if outcome == Outcome::Pass { Paint::Good } else { Paint::Bad };
                self.style.paint(paint, outcome.to_string())
            }
        };
        say(&format!("{} seed {}: {told}, {events}", plain(&header.scenario), header.seed))
    }

    fn equal(&self, args: &ReplayArgs, recording: &Recording) -> Result<(), CliError> {
        if self.detail == Detail::Quiet {
            return Ok(());
        }
        match recording.footer() {
            _ if args.until.is_some() => say("equal to the recording as far as it went"),
            Some(_) if !is_whole(recording) => {
                say("equal to the recording as far as that goes: it was stopped at its first violation")
            }
            Some(footer) => say(&format!("equal to the recording, byte by byte (hash {})", footer.hash)),
            None => say(
                "equal to the recording as far as that goes: it is incomplete, its last line torn or missing",
            ),
        }
    }

    fn difference(&self, difference: &Difference) -> Result<Exit, CliError> {
        let told =
            format!("nondeterminism: the replay differs from the recording from line {} on", difference.line);
        say(&self.style.paint(Paint::Bad, told))?;
        for (folder, told) in &difference.sides {
            say(&format!("  {}: {}", folder.display(), plain(told)))?;
        }
        Ok(Exit::Nondeterministic)
    }

    /// Another build may well go another way: what counts is whether it shows the same.
    fn by_another_build(
        &self,
        args: &ReplayArgs,
        header: &Header,
        recorded: &RunVerdict,
        result: &RunResult,
    ) -> Result<Exit, CliError> {
        let gone: Vec<_> = violations(recorded).difference(&violations(&result.verdict)).copied().collect();
        say(&format!("recorded by {}, replayed by {}", plain(&header.build), build()))?;
        if gone.is_empty() || args.until.is_some() {
            return Ok(exit_of(args, result));
        }
        let names: Vec<_> = gone.into_iter().map(Anomaly::name).collect();
        say(&self.style.paint(Paint::Bad, format!("the recorded violation is gone: {}", names.join(", "))))?;
        Ok(Exit::NotReproduced)
    }
}

fn violations(verdict: &RunVerdict) -> BTreeSet<Anomaly> {
    verdict.findings.iter().filter(|f| f.is_violation()).map(|finding: &Finding| finding.anomaly).collect()
}
