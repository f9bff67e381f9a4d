//! The summary for people: a table that fits a screen, and last lines that say what to do.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::verdict::{Counts, RunVerdict, Severity};

use crate::consistency;
use crate::event::{Event, Sink, SinkError, unless_closed};
use crate::narrate::{self, counted, grouped, span};
use crate::style::{Paint, Style, plain};
use crate::summary::{CampaignSummary, Conclusion, Outcome, RunSummary, ScenarioSummary, StopReason};
use crate::table::{Cell, Table};

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Only what failed, and how to see it again.
    Quiet,
    /// What fits a screen.
    #[default]
    Normal,
    /// Every run and every finding.
    Verbose,
}

/// With more runs than this, only those that stand out get a line of their own.
const RUNS_SHOWN_MAX: u64 = 24;
/// So many runs that stand out are shown of each scenario.
const FAILURES_SHOWN_MAX: usize = 8;
/// So many faults are named as what may have caused a failure.
const FAULTS_SHOWN_MAX: usize = 6;

/// Writes the summary to `W` when the campaign is over: until then a progress bar may have the screen.
#[derive(Debug)]
pub struct Terminal<W> {
    output: W,
    style: Style,
    detail: Detail,
    /// Whether every run gets a line.
    all_runs: bool,
    table: Table,
    /// The runs of the scenario at hand.
    block: Block,
    scenarios: Vec<ScenarioSummary>,
    /// What is not linearizable: a line a run, or a scenario where runs have none of their own.
    consistency: Vec<String>,
    /// One line a finding.
    findings: Vec<String>,
    worst: Option<Arc<RunSummary>>,
}

/// What the runs of one scenario add up to.
#[derive(Debug, Default)]
struct Block {
    totals: Totals,
    consistency: consistency::Tally,
    failures: usize,
}

/// The figures of a line of the table.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    counts: Counts,
    unavailability: Duration,
    recovery: Option<Duration>,
    unrecovered: bool,
}

impl From<&RunVerdict> for Totals {
    fn from(verdict: &RunVerdict) -> Self {
        Self {
            counts: verdict.counts,
            unavailability: verdict.worst_unavailability,
            recovery: verdict.recovery,
            unrecovered: verdict.recovery.is_none(),
        }
    }
}

impl Totals {
    fn add(&mut self, verdict: &RunVerdict) {
        let (sum, counts) = (&mut self.counts, &verdict.counts);
        sum.ok += counts.ok;
        sum.fail += counts.fail;
        sum.info += counts.info;
        sum.lost += counts.lost;
        sum.lost_permitted += counts.lost_permitted;
        sum.faults_planned += counts.faults_planned;
        sum.faults_injected += counts.faults_injected;
        sum.faults_healed += counts.faults_healed;
        sum.faults_skipped += counts.faults_skipped;
        self.unavailability = self.unavailability.max(verdict.worst_unavailability);
        self.recovery = self.recovery.max(verdict.recovery);
        self.unrecovered |= verdict.recovery.is_none();
    }

    fn cells(&self) -> impl Iterator<Item = Cell> {
        let Counts { faults_planned, faults_injected, faults_healed, faults_skipped, .. } = self.counts;
        let recovery = match self.recovery {
            Some(recovery) if self.unrecovered => format!("{}, or none", span(recovery)),
            Some(recovery) => span(recovery),
            None => "-".to_owned(),
        };
        [
            grouped(self.counts.ok),
            grouped(self.counts.fail),
            grouped(self.counts.info),
            grouped(self.counts.lost),
            grouped(self.counts.lost_permitted),
            format!("{faults_planned}/{faults_injected}/{faults_healed}/{faults_skipped}"),
            span(self.unavailability),
            recovery,
        ]
        .into_iter()
        .map(Cell::from)
    }
}

const COLUMNS: [&str; 10] =
    ["scenario", "outcome", "ok", "fail", "info", "lost", "permitted", "faults", "unavailable", "recovery"];

impl<W: Write> Terminal<W> {
    /// A summary in this style and detail.
    pub fn new(output: W, style: Style, detail: Detail) -> Self {
        let mut table = Table::new(2);
        let heading = |text: &str| Cell::painted(style.paint(Paint::Strong, text), text);
        table.row(COLUMNS.map(heading).to_vec());
        Self {
            output,
            style,
            detail,
            all_runs: false,
            table,
            block: Block::default(),
            scenarios: Vec::new(),
            consistency: Vec::new(),
            findings: Vec::new(),
            worst: None,
        }
    }

    /// Where it has written to.
    pub fn into_output(self) -> W {
        self.output
    }

    fn outcome(&self, outcome: Outcome, text: &str) -> Cell {
        let paint = match outcome {
            Outcome::Pass => Paint::Good,
            Outcome::Inconclusive => Paint::Warning,
            _ => Paint::Bad,
        };
        Cell::painted(self.style.paint(paint, text), text)
    }

    fn run(&mut self, run: &Arc<RunSummary>) {
        let outcome = run.outcome();
        if !run.is_cut_short() && outcome > self.worst.as_ref().map_or(Outcome::Pass, |worst| worst.outcome())
        {
            self.worst = Some(run.clone());
        }
        if let Some(verdict) = run.verdict() {
            self.block.totals.add(verdict);
            self.block.consistency.add(&run.id, verdict);
            match self.detail {
                Detail::Verbose => {
                    let partitions = verdict.consistency.iter();
                    let told = partitions.map(|(name, it)| consistency::partition(name, it));
                    self.consistency.extend(told.map(|told| format!("{}: {told}", run.id)));
                }
                _ if self.all_runs => self.consistency.extend(consistency::run(&run.id, verdict)),
                _ => {}
            }
        }
        let failed = outcome != Outcome::Pass;
        self.block.failures += usize::from(failed);
        let shown = failed && self.block.failures <= FAILURES_SHOWN_MAX;
        if self.all_runs || shown {
            let text = outcome.to_string() + if run.interrupted { ", stopped" } else { "" };
            let mut cells =
                vec![plain(&run.id.to_string()).into_owned().into(), self.outcome(outcome, &text)];
            cells.extend(run.verdict().map(Totals::from).iter().flat_map(Totals::cells));
            self.table.row(cells);
        }
        if shown && let Some(failure) = run.failure() {
            self.findings.push(format!("{outcome} in {}: {failure}", run.id));
        }
        if self.detail == Detail::Verbose {
            for finding in run.verdict().iter().flat_map(|verdict| &verdict.findings) {
                let severity = match &finding.severity {
                    Severity::Violation if run.expected.contains(finding.anomaly.name()) => {
                        "expected violation".to_owned()
                    }
                    Severity::Violation => "violation".to_owned(),
                    Severity::Permitted(reason) => format!("permitted ({reason})"),
                };
                let secondary = if finding.secondary { ", secondary" } else { "" };
                let (anomaly, count, what) = (finding.anomaly, finding.count, &finding.what);
                self.findings.push(format!("{}: {severity}, {anomaly} x{count}{secondary}: {what}", run.id));
            }
        }
    }

    fn scenario(&mut self, scenario: &ScenarioSummary) {
        let block = std::mem::take(&mut self.block);
        let worst = scenario.outcomes.keys().max().copied().unwrap_or(Outcome::Pass);
        let worst = if scenario.missed.is_empty() { worst } else { worst.max(Outcome::ExpectationMissed) };
        let label = format!("{}, {}", plain(&scenario.scenario), counted(scenario.runs(), "seed"));
        let mut cells = vec![label.into(), self.outcome(worst, &tally(&scenario.outcomes))];
        cells.extend(block.totals.cells());
        self.table.row(cells);
        if !self.all_runs {
            self.consistency.extend(block.consistency.line());
        }
        if !self.all_runs && block.failures > FAILURES_SHOWN_MAX {
            let more = block.failures - FAILURES_SHOWN_MAX;
            self.findings.push(format!("{}: {more} more runs failed; -v shows them", scenario.scenario));
        }
        for missed in &scenario.missed {
            let seeds = counted(scenario.runs(), "seed");
            self.findings.push(format!(
                "expectation missed in {}: no run of {seeds} shows {missed}",
                scenario.scenario
            ));
        }
        self.scenarios.push(scenario.clone());
    }

    fn coverage(&self) -> Vec<String> {
        let judged: Vec<_> = self.scenarios.iter().filter(|s| s.coverage.seeds > 0).collect();
        let Some(first) = judged.first() else { return Vec::new() };
        let names = first.coverage.tallies().map(|(name, _)| name);
        let seen: Vec<bool> = (0..names.len())
            .map(|column| judged.iter().any(|s| s.coverage.tallies()[column].1.total > 0))
            .collect();
        let columns = || (0..names.len()).filter(|column| seen[*column]);
        let mut table = Table::new(1);
        let heading = |text: &str| Cell::painted(self.style.paint(Paint::Strong, text), text);
        table.row(std::iter::once("seen").chain(columns().map(|c| names[c])).map(heading).collect());
        for scenario in &judged {
            let tallies = scenario.coverage.tallies();
            let mut cells = vec![plain(&scenario.scenario).into_owned().into()];
            cells.extend(columns().map(|column| {
                let tally = tallies[column].1;
                format!("{} in {} of {} seeds", grouped(tally.total), tally.seeds, scenario.coverage.seeds)
                    .into()
            }));
            table.row(cells);
        }
        let mut lines: Vec<_> = if columns().next().is_some() { table.lines().collect() } else { Vec::new() };
        let never: Vec<_> = names.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(n, _)| *n).collect();
        if !never.is_empty() {
            lines.push(self.style.paint(Paint::Faint, format!("never seen: {}", never.join(", "))));
        }
        lines
    }

    /// What others published of what the scenarios repeat, and what these runs measured.
    fn published(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for scenario in &self.scenarios {
            let Some(published) = &scenario.published else { continue };
            let heading = format!("{}: {}", plain(&scenario.scenario), plain(&published.source));
            lines.push(self.style.paint(Paint::Strong, &heading));
            lines.push(format!("  published  {}", published.figures()));
            lines.push(format!("  measured   {}", scenario.under_load.figures()));
        }
        lines
    }

    fn finish(&mut self, campaign: &CampaignSummary) -> std::io::Result<()> {
        if self.detail > Detail::Quiet && campaign.runs() > 0 {
            for line in self.table.lines() {
                writeln!(self.output, "{line}")?;
            }
            let legend = "faults: planned/injected/healed/skipped; unavailable: the longest gap between \
                          acknowledgements";
            writeln!(self.output, "{}\n", self.style.paint(Paint::Faint, legend))?;
            let coverage = self.coverage();
            for line in &coverage {
                writeln!(self.output, "{line}")?;
            }
            if !coverage.is_empty() {
                writeln!(self.output)?;
            }
            let published = self.published();
            for line in &published {
                writeln!(self.output, "{line}")?;
            }
            if !published.is_empty() {
                writeln!(self.output)?;
            }
            for line in &self.consistency {
                writeln!(self.output, "{}", plain(line))?;
            }
            if !self.consistency.is_empty() {
                writeln!(self.output)?;
            }
            for finding in &self.findings {
                writeln!(self.output, "{}", plain(finding))?;
            }
            if !self.findings.is_empty() {
                writeln!(self.output)?;
            }
        }
        for line in self.closing(campaign) {
            writeln!(self.output, "{line}")?;
        }
        self.last_lines(campaign)?;
        self.output.flush()
    }

    /// How much was run, and how fast.
    fn closing(&self, campaign: &CampaignSummary) -> Vec<String> {
        let mut lines = Vec::new();
        let stopped = match campaign.stopped {
            None => "",
            Some(StopReason::Interrupted) => ", interrupted",
            Some(StopReason::TimedOut) => ", over the time limit",
            Some(StopReason::FailFast) => ", stopped at the first failure",
        };
        let runs = match campaign.stopped {
            None => counted(campaign.runs(), "run"),
            Some(_) => format!("{} of {}", grouped(campaign.runs()), counted(campaign.planned, "run")),
        };
        lines.push(match campaign.runs() {
            0 => format!("{runs}{stopped}"),
            _ => format!("{runs}{stopped}: {}", tally(&campaign.outcomes)),
        });
        if self.detail == Detail::Quiet {
            return lines;
        }
        let measures = campaign.measures;
        if let (Some(speed), Some(frames)) = (measures.speed(), measures.frame_rate()) {
            let memory = campaign.peak_memory.map(|bytes| format!(", peak memory {} MB", bytes / 1_000_000));
            lines.push(format!(
                "{speed:.0} simulated seconds per CPU second (tick {}, {} frames per simulated second){}",
                span(measures.tick),
                grouped(frames as u64),
                memory.unwrap_or_default()
            ));
        }
        if campaign.dropped_recordings > 0 {
            lines.push(format!(
                "{} not kept: the limit of {} MB is reached; `--artifacts-max` raises it",
                counted(campaign.dropped_recordings, "recording"),
                campaign.recordings_bytes_max / 1_000_000
            ));
        }
        lines
    }

    /// On failure: what went wrong, what may have caused it, how to see it again.
    fn last_lines(&mut self, campaign: &CampaignSummary) -> std::io::Result<()> {
        let missed = self.scenarios.iter().find(|scenario| !scenario.missed.is_empty());
        // What no seed showed is told unless a single run has worse to tell.
        let worst =
            self.worst.clone().filter(|run| missed.is_none() || run.outcome() >= Outcome::ExpectationMissed);
        if let Some(run) = worst {
            let sentence = format!("{}: {}", run.outcome(), run.failure().unwrap_or_default());
            writeln!(self.output, "\n{} ({})", self.bad(&sentence), plain(&run.id.to_string()))?;
            for line in failure_causes(&run) {
                writeln!(self.output, "  {line}")?;
            }
            writeln!(self.output, "reproduce: {}", plain(&run.reproduce))?;
        } else if let Some(scenario) = missed {
            let sentence = format!(
                "expectation missed: no run of {} shows {} ({})",
                counted(scenario.runs(), "seed"),
                scenario.missed.join(", "),
                scenario.scenario
            );
            writeln!(self.output, "\n{}", self.bad(&sentence))?;
            let count = scenario.runs();
            writeln!(self.output, "reproduce: highwater run {} --count {count}", plain(&scenario.source))?;
        } else if campaign.conclusion == Conclusion::NothingRan {
            writeln!(self.output, "{}", self.bad("nothing ran"))?;
        }
        Ok(())
    }

    fn bad(&self, sentence: &str) -> String {
        self.style.paint(Paint::Bad, plain(sentence))
    }
}

/// The faults that matter to a failed run, a line each.
pub(crate) fn failure_causes(run: &RunSummary) -> Vec<String> {
    let told = run.faults.len().min(FAULTS_SHOWN_MAX);
    // The last ones are the nearest to the failure.
    let nearest = &run.faults[run.faults.len() - told..];
    let mut lines: Vec<_> =
        nearest.iter().map(|fault| plain(&narrate::fault(fault, &run.source)).into_owned()).collect();
    if told < run.faults.len() {
        lines.insert(0, format!("after {}:", counted((run.faults.len() - told) as u64, "earlier fault")));
    }
    lines
}

/// `18 pass, 2 violation`.
fn tally(outcomes: &std::collections::BTreeMap<Outcome, u64>) -> String {
    let told: Vec<_> =
        outcomes.iter().map(|(outcome, count)| format!("{} {outcome}", grouped(*count))).collect();
    told.join(", ")
}

impl<W: Write> Sink for Terminal<W> {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::CampaignStarted { runs, .. } => {
                self.all_runs = *runs <= RUNS_SHOWN_MAX || self.detail == Detail::Verbose;
            }
            Event::RunFinished(run) => self.run(run),
            Event::ScenarioFinished(scenario) => self.scenario(scenario),
            Event::CampaignFinished(campaign) => return unless_closed(self.finish(campaign)),
            Event::RunStarted(_) | Event::RunProgress { .. } | Event::RunEnded { .. } => {}
        }
        Ok(())
    }
}
