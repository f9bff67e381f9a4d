//! The summary for people: what fits a screen of 24 lines, and last lines that say what to do.
//!
//! A good campaign is told by its table and what its seeds have seen; one that failed by its table, a sentence for each
//! finding and the last lines, since then there is more to read. What does not fit is counted; `-v` shows all of it.

mod closing;
mod totals;

use std::io::Write;
use std::sync::Arc;

use highwater_checkers::verdict::Severity;

use crate::consistency;
use crate::event::{Event, Sink, SinkError, unless_closed};
use crate::narrate::{self, counted};
use crate::style::{Paint, Style, line, plain};
use crate::summary::{CampaignSummary, Coverage, Outcome, RunSummary, ScenarioSummary};
use crate::table::{Cell, Table};
use closing::LastLines;
use totals::{COLUMNS, Row, Totals};

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Only what failed, and how to see it again.
    Quiet,
    /// What fits a screen.
    #[default]
    Normal,
    /// Every run, every finding, every fault and every leader.
    Verbose,
}

/// With more runs than this, only those that stand out get a row of their own.
const RUNS_SHOWN_MAX: u64 = 6;
/// So many runs that stand out get a row, and a sentence, of all scenarios together.
const FAILURES_SHOWN_MAX: usize = 4;
/// With more scenarios than this, those that passed share a row.
const SCENARIOS_SHOWN_MAX: usize = 8;
/// So many lines tell what is not linearizable.
const CONSISTENCY_SHOWN_MAX: usize = 2;
/// Of so many scenarios published figures are shown.
const PUBLISHED_SHOWN_MAX: usize = 2;

/// Writes the summary to `W` when the campaign is over: until then a progress bar may have the screen.
#[derive(Debug)]
pub struct Terminal<W> {
    output: W,
    style: Style,
    detail: Detail,
    /// Whether every run gets a row.
    all_runs: bool,
    /// The runs that get one, each with its scenario's place.
    rows: Vec<(usize, Row)>,
    /// The runs of the scenario at hand.
    block: Block,
    scenarios: Vec<(ScenarioSummary, Totals)>,
    /// What is not linearizable: a line a run, or a scenario where runs have none of their own.
    consistency: Vec<String>,
    /// One line a failure, with the run that it is about.
    failures: Vec<(Option<Arc<RunSummary>>, String)>,
    /// How many failures have no line.
    failures_left_out: u64,
    /// With `Verbose`: every finding, fault and leader.
    details: Vec<String>,
    worst: Option<Arc<RunSummary>>,
}

/// What the runs of one scenario add up to.
#[derive(Debug, Default)]
struct Block {
    totals: Totals,
    consistency: consistency::Tally,
}

impl<W: Write> Terminal<W> {
    /// A summary in this style and detail.
    pub fn new(output: W, style: Style, detail: Detail) -> Self {
        Self {
            output,
            style,
            detail,
            all_runs: false,
            rows: Vec::new(),
            block: Block::default(),
            scenarios: Vec::new(),
            consistency: Vec::new(),
            failures: Vec::new(),
            failures_left_out: 0,
            details: Vec::new(),
            worst: None,
        }
    }

    /// Where it has written to.
    pub fn into_output(self) -> W {
        self.output
    }

    fn is_verbose(&self) -> bool {
        self.detail == Detail::Verbose
    }

    fn run(&mut self, run: &Arc<RunSummary>) {
        let outcome = run.outcome();
        if !run.is_cut_short() && outcome > self.worst.as_ref().map_or(Outcome::Pass, |worst| worst.outcome())
        {
            self.worst = Some(run.clone());
        }
        let totals = run.verdict().map(Totals::from);
        if let (Some(verdict), Some(totals)) = (run.verdict(), &totals) {
            self.block.totals.add(totals);
            self.block.consistency.add(&run.id, verdict);
            if self.is_verbose() {
                let partitions = verdict.consistency.iter();
                let told = partitions.map(|(name, it)| consistency::partition(name, it));
                self.consistency.extend(told.map(|told| format!("{}: {told}", run.id)));
            } else if self.all_runs {
                self.consistency.extend(consistency::run(&run.id, verdict));
            }
        }
        let failed = outcome != Outcome::Pass;
        let shown = self.is_verbose() || self.failures.len() < FAILURES_SHOWN_MAX;
        if self.all_runs || (failed && shown) {
            let told = outcome.to_string() + if run.interrupted { ", stopped" } else { "" };
            self.rows.push((self.scenarios.len(), Row { label: run.id.to_string(), outcome, told, totals }));
        }
        if let Some(failure) = run.failure() {
            self.failure(Some(run), format!("{outcome} in {}: {failure}", run.id));
        }
        if self.is_verbose() {
            self.details.extend(findings(run));
            self.details.extend(timeline(run));
        }
    }

    /// Takes in a failure as far as there is room for it.
    fn failure(&mut self, run: Option<&Arc<RunSummary>>, told: String) {
        if self.is_verbose() || self.failures.len() < FAILURES_SHOWN_MAX {
            self.failures.push((run.cloned(), told));
        } else {
            self.failures_left_out += 1;
        }
    }

    fn scenario(&mut self, scenario: &ScenarioSummary) {
        let block = std::mem::take(&mut self.block);
        if !self.all_runs {
            self.consistency.extend(block.consistency.line());
        }
        for missed in &scenario.missed {
            let seeds = counted(scenario.runs(), "seed");
            let told =
                format!("expectation missed in {}: no run of {seeds} shows {missed}", scenario.scenario);
            self.failure(None, told);
        }
        self.scenarios.push((scenario.clone(), block.totals));
    }

    /// The rows of the runs, each scenario's own after them.
    fn table(&self) -> Vec<String> {
        let mut table = Table::new(2);
        let heading = |text: &str| Cell::painted(self.style.paint(Paint::Strong, text), text);
        table.row(COLUMNS.map(heading).to_vec());
        let many = self.scenarios.len() > SCENARIOS_SHOWN_MAX && !self.is_verbose();
        let mut shown = 0;
        for (place, (scenario, totals)) in self.scenarios.iter().enumerate() {
            for (_, row) in self.rows.iter().filter(|(of, _)| *of == place) {
                table.row(row.cells(self.style));
            }
            let row = Row::scenario(scenario, *totals);
            if !many || (row.outcome != Outcome::Pass && shown < FAILURES_SHOWN_MAX) {
                shown += 1;
                table.row(row.cells(self.style));
            }
        }
        if many {
            table.row(totals::all(&self.scenarios).cells(self.style));
        }
        table.lines().collect()
    }

    /// What the seeds have seen: it says how much a good campaign is worth.
    fn coverage(&self) -> Vec<String> {
        let judged: Vec<_> =
            self.scenarios.iter().map(|(it, _)| it).filter(|it| it.coverage.seeds > 0).collect();
        if !self.failures.is_empty() && !self.is_verbose() {
            return Vec::new();
        }
        if self.is_verbose() || judged.len() <= 1 {
            let each = judged.iter().map(|scenario| (scenario.scenario.to_string(), scenario.coverage));
            return totals::coverage(&each.collect::<Vec<_>>(), self.style);
        }
        let mut sum = Coverage::default();
        judged.iter().for_each(|scenario| sum.merge(&scenario.coverage));
        totals::coverage(&[(counted(judged.len() as u64, "scenario"), sum)], self.style)
    }

    /// What others published of what the scenarios repeat, and what these runs measured.
    fn published(&self) -> Vec<String> {
        let scenarios = self.scenarios.iter().map(|(scenario, _)| scenario);
        let published: Vec<_> = scenarios.filter_map(|it| Some((it, it.published.as_ref()?))).collect();
        if published.len() > PUBLISHED_SHOWN_MAX && !self.is_verbose() {
            let count = counted(published.len() as u64, "scenario");
            return vec![format!("{count} repeat published findings: -v compares the figures")];
        }
        let mut lines = Vec::new();
        for (scenario, published) in published {
            let heading = format!("{}: {}", plain(&scenario.scenario), plain(&published.source));
            lines.push(self.style.paint(Paint::Strong, &heading));
            lines.push(format!("  published  {}", published.figures()));
            lines.push(format!("  measured   {}", scenario.under_load.figures()));
        }
        lines
    }

    /// What is not linearizable, as far as there is room.
    fn consistency(&self) -> Vec<String> {
        if !self.failures.is_empty() && !self.is_verbose() {
            return Vec::new();
        }
        if self.is_verbose() || self.consistency.len() <= CONSISTENCY_SHOWN_MAX {
            return self.consistency.clone();
        }
        let mut lines = self.consistency[..CONSISTENCY_SHOWN_MAX].to_vec();
        let more = (self.consistency.len() - CONSISTENCY_SHOWN_MAX) as u64;
        let what = if self.all_runs { "more run" } else { "more scenario" };
        lines.push(format!("{} not linearizable everywhere; -v shows them", counted(more, what)));
        lines
    }

    /// A sentence for each failure but that of the last lines.
    fn failures(&self) -> Vec<String> {
        let told = self.failures.iter().filter(|(run, _)| {
            let is_last = match (run, &self.worst) {
                (Some(run), Some(worst)) => Arc::ptr_eq(run, worst),
                _ => false,
            };
            self.is_verbose() || !is_last
        });
        let mut lines: Vec<_> = told.map(|(_, line)| line.clone()).collect();
        if self.failures_left_out > 0 {
            lines.push(format!(
                "{} not shown; -v shows them",
                counted(self.failures_left_out, "more failure")
            ));
        }
        lines
    }

    fn last_lines(&self, campaign: &CampaignSummary) -> Option<LastLines> {
        let missed = self.scenarios.iter().map(|(it, _)| it).find(|scenario| !scenario.missed.is_empty());
        // What no seed showed is told unless a single run has worse to tell.
        let worst =
            self.worst.as_ref().filter(|run| missed.is_none() || run.outcome() >= Outcome::ExpectationMissed);
        worst
            .map(|run| LastLines::of_run(run))
            .or_else(|| missed.map(LastLines::of_missed))
            .or_else(|| LastLines::of_nothing(campaign))
    }

    fn finish(&mut self, campaign: &CampaignSummary) -> std::io::Result<()> {
        let mut blocks: Vec<Vec<String>> = Vec::new();
        let mut end = vec![closing::runs(campaign)];
        if self.detail > Detail::Quiet {
            end.extend(closing::measures(campaign));
            if campaign.runs() > 0 {
                let mut table = self.table();
                let legend = "faults: planned/injected/healed/skipped; unavailable: the longest gap between \
                              acknowledgements";
                table.push(self.style.paint(Paint::Faint, legend));
                blocks.extend([table, self.coverage(), self.published()]);
                let foreign = [self.consistency(), self.details.clone(), self.failures()];
                blocks
                    .extend(foreign.map(|lines| lines.iter().map(|line| plain(line).into_owned()).collect()));
            }
        }
        blocks.push(end);
        if let Some(LastLines { sentence, causes, reproduce }) = self.last_lines(campaign) {
            let mut last = vec![self.style.paint(Paint::Bad, sentence)];
            last.extend(causes.into_iter().map(|cause| format!("  {cause}")));
            last.extend(reproduce.map(|command| format!("reproduce: {command}")));
            blocks.push(last);
        }
        let blocks: Vec<_> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
        for (place, block) in blocks.iter().enumerate() {
            if place > 0 {
                writeln!(self.output)?;
            }
            for text in block {
                writeln!(self.output, "{}", line(text))?;
            }
        }
        self.output.flush()
    }
}

/// Every finding of a run, a line each.
fn findings(run: &RunSummary) -> Vec<String> {
    let findings = run.verdict().into_iter().flat_map(|verdict| &verdict.findings);
    findings
        .map(|finding| {
            let severity = match &finding.severity {
                Severity::Violation if run.expected.contains(finding.anomaly.name()) => {
                    "expected violation".to_owned()
                }
                Severity::Violation => "violation".to_owned(),
                Severity::Permitted(reason) => format!("permitted ({reason})"),
            };
            let secondary = if finding.secondary { ", secondary" } else { "" };
            let (anomaly, count, what) = (finding.anomaly, finding.count, &finding.what);
            format!("{}: {severity}, {anomaly} x{count}{secondary}: {what}", run.id)
        })
        .collect()
}

/// Every fault of a run with its effects, and who led each partition.
fn timeline(run: &RunSummary) -> Vec<String> {
    let Some(timeline) = &run.timeline else { return Vec::new() };
    let faults = timeline.faults.iter().map(|fault| narrate::fault(fault, &run.source));
    let leaders = timeline
        .leaders
        .iter()
        .map(|(partition, led)| format!("{partition} led by {}", narrate::leaders(led)));
    faults.chain(leaders).map(|told| format!("{}: {told}", run.id)).collect()
}

impl<W: Write> Sink for Terminal<W> {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::CampaignStarted { runs, .. } => {
                self.all_runs = *runs <= RUNS_SHOWN_MAX || self.is_verbose();
            }
            Event::RunFinished(run) => self.run(run),
            Event::ScenarioFinished(scenario) => self.scenario(scenario),
            Event::CampaignFinished(campaign) => return unless_closed(self.finish(campaign)),
            Event::RunStarted(_) | Event::RunProgress { .. } | Event::RunEnded { .. } => {}
        }
        Ok(())
    }
}
