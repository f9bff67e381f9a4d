//! GitHub's annotations: workflow commands on a line each, which its runner shows beside the lines of a pull request.

use std::collections::BTreeMap;
use std::io::Write;

use crate::event::{Event, Sink, SinkError, unless_closed};
use crate::location::Root;
use crate::narrate::{causes, counted};
use crate::style::shortened;
use crate::summary::{Outcome, RunSummary, ScenarioSummary};

/// So many annotations of a kind GitHub shows of a step.
const ANNOTATIONS_MAX: usize = 10;
/// So many faults are named as what may have caused a failure.
const FAULTS_MAX: usize = 6;
/// A message of more characters is cut.
const TEXT_MAX: usize = 1_000;

/// Writes the commands to `W` when the campaign is over: the worst failures, and how many more there are.
#[derive(Debug)]
pub struct Annotations<W> {
    output: W,
    root: Root,
    /// The first ones of each outcome.
    commands: BTreeMap<Outcome, Vec<String>>,
    count: u64,
}

impl<W: Write> Annotations<W> {
    /// Commands to this output, with paths from `root`.
    pub fn new(output: W, root: Root) -> Self {
        Self { output, root, commands: BTreeMap::new(), count: 0 }
    }

    /// Where it has written to.
    pub fn into_output(self) -> W {
        self.output
    }

    fn add(&mut self, outcome: Outcome, source: &str, line: u32, title: &str, message: &str) {
        self.count += 1;
        let commands = self.commands.entry(outcome).or_default();
        if commands.len() < ANNOTATIONS_MAX {
            let level = if outcome == Outcome::Inconclusive { "warning" } else { "error" };
            commands.push(format!(
                "::{level} file={},line={},title={}::{}",
                property(&self.root.path(source)),
                line.max(1),
                property(&shortened(title, TEXT_MAX)),
                data(message)
            ));
        }
    }

    fn run(&mut self, run: &RunSummary) {
        let Some(kind) = run.failure_kind().filter(|_| !run.is_cut_short()) else { return };
        let mut lines = vec![shortened(&run.failure().unwrap_or_default(), TEXT_MAX).into_owned()];
        lines.extend(causes(run, FAULTS_MAX));
        lines.push(format!("reproduce: {}", run.reproduce));
        // The last fault is the nearest to what went wrong.
        let line = run.faults.last().map_or(1, |fault| fault.yaml.line);
        self.add(run.outcome(), &run.source, line, &format!("{kind} in {}", run.id), &lines.join("\n"));
    }

    fn scenario(&mut self, scenario: &ScenarioSummary) {
        if scenario.missed.is_empty() {
            return;
        }
        let title = format!("expectation missed in {}", scenario.scenario);
        let missed = scenario.missed.join(", ");
        let message = format!(
            "no run of {} shows {}\nreproduce: {}",
            counted(scenario.runs(), "seed"),
            shortened(&missed, TEXT_MAX),
            scenario.reproduce()
        );
        self.add(Outcome::ExpectationMissed, &scenario.source, 1, &title, &message);
    }

    fn finish(&mut self) -> std::io::Result<()> {
        let shown: Vec<_> = self.commands.values().rev().flatten().take(ANNOTATIONS_MAX).collect();
        for command in &shown {
            writeln!(self.output, "{command}")?;
        }
        let more = self.count - shown.len() as u64;
        if more > 0 {
            let failures = counted(more, "more failure");
            writeln!(
                self.output,
                "::notice title=highwater::{failures}: the summary and the other reports have them"
            )?;
        }
        self.output.flush()
    }
}

/// A text as the message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A text as a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

impl<W: Write> Sink for Annotations<W> {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::RunFinished(run) => self.run(run),
            Event::ScenarioFinished(scenario) => self.scenario(scenario),
            Event::CampaignFinished(_) => return unless_closed(self.finish()),
            Event::CampaignStarted { .. }
            | Event::RunStarted(_)
            | Event::RunProgress { .. }
            | Event::RunEnded { .. } => {}
        }
        Ok(())
    }
}
