//! Progress on standard error: a bar on a terminal, a line now and then elsewhere.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Event, RunId, Sink, SinkError};
use crate::narrate::{counted, grouped};
use crate::style::{line, plain};
use crate::summary::Outcome;

/// The parts of a run that the bar can show.
const STEPS: u64 = 1_000;
/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Shows how far a campaign is. What cannot be shown is no failure.
#[derive(Debug)]
pub enum Progress {
    /// On a terminal.
    Bar(Bar),
    /// Elsewhere.
    Lines(Lines),
}

impl Progress {
    /// What suits standard error.
    pub fn on_stderr() -> Self {
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let template = "{elapsed_precise} {wide_bar:.cyan/blue} {percent:>3}% {msg}";
            bar.set_style(ProgressStyle::with_template(template).expect("a valid template"));
            Self::Bar(Bar { bar, state: State::default(), running: BTreeMap::new() })
        } else {
            Self::Lines(Lines { state: State::default(), last: now() })
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "progress is shown in real time, and nothing is simulated here"
)]
fn now() -> Instant {
    Instant::now()
}

/// How many runs there are, ended and failed.
#[derive(Debug, Default)]
struct State {
    runs: u64,
    ended: u64,
    failed: u64,
}

impl State {
    /// Counts a run that ended; returns what to say of one that failed.
    fn end(&mut self, run: &RunId, outcome: Outcome) -> Option<String> {
        self.ended += 1;
        self.failed += u64::from(outcome != Outcome::Pass);
        (outcome != Outcome::Pass).then(|| plain(&format!("{run}: {outcome}")).into_owned())
    }

    fn told(&self) -> String {
        let failed =
            if self.failed > 0 { format!(", {} failed", grouped(self.failed)) } else { String::new() };
        format!("{} of {}{failed}", grouped(self.ended), counted(self.runs, "run"))
    }
}

/// A bar on a terminal, that moves with the virtual time of every run.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    state: State,
    /// How many steps each run that goes on has come.
    running: BTreeMap<RunId, u64>,
}

impl Bar {
    fn draw(&self) {
        let steps = self.state.ended.saturating_mul(STEPS) + self.running.values().sum::<u64>();
        self.bar.set_position(steps);
        self.bar.set_message(self.state.told());
    }
}

/// Lines, few enough for a log.
#[derive(Debug)]
pub struct Lines {
    state: State,
    last: Instant,
}

impl Lines {
    fn say(text: &str) {
        // Standard error may be closed; that is no reason to fail.
        let _ = writeln!(std::io::stderr(), "{}", line(text));
    }
}

impl Sink for Progress {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match self {
            Self::Bar(bar) => bar.take(event),
            Self::Lines(lines) => lines.take(event),
        }
        Ok(())
    }
}

impl Bar {
    fn take(&mut self, event: &Event) {
        match event {
            Event::CampaignStarted { runs, .. } => {
                self.state.runs = *runs;
                self.bar.set_length(runs.saturating_mul(STEPS));
            }
            Event::RunStarted(run) => {
                self.running.insert(run.clone(), 0);
            }
            Event::RunProgress { run, reached, total } => {
                let part = reached.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
                // A run's last step is its verdict.
                let steps = ((part * STEPS as f64) as u64).min(STEPS - 1);
                self.running.insert(run.clone(), steps);
            }
            Event::RunEnded { run, outcome } => {
                self.running.remove(run);
                if let Some(failure) = self.state.end(run, *outcome) {
                    self.bar.println(failure);
                }
            }
            Event::CampaignFinished(_) => return self.bar.finish_and_clear(),
            Event::RunFinished(_) | Event::ScenarioFinished(_) => return,
        }
        self.draw();
    }
}

impl Lines {
    fn take(&mut self, event: &Event) {
        match event {
            Event::CampaignStarted { runs, jobs, .. } => {
                self.state.runs = *runs;
                Self::say(&format!("{}, {} at a time", counted(*runs, "run"), grouped(*jobs as u64)));
            }
            Event::RunEnded { run, outcome } => {
                if let Some(failure) = self.state.end(run, *outcome) {
                    Self::say(&failure);
                }
                let now = now();
                if now.duration_since(self.last) >= LINE_EVERY {
                    self.last = now;
                    Self::say(&self.state.told());
                }
            }
            _ => {}
        }
    }
}
