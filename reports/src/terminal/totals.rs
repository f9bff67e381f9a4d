//! The table of runs and scenarios, and what their seeds have seen.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater_checkers::verdict::{Counts, RunVerdict};

use crate::narrate::{counted, grouped, outcomes, span};
use crate::style::{Paint, Style, plain};
use crate::summary::{Coverage, Outcome, ScenarioSummary};
use crate::table::{Cell, Table};

pub(super) const COLUMNS: [&str; 10] =
    ["scenario", "outcome", "ok", "fail", "info", "lost", "permitted", "faults", "unavailable", "recovery"];

/// The figures of a line of the table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
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
    pub(super) fn add(&mut self, other: &Self) {
        let (sum, counts) = (&mut self.counts, &other.counts);
        sum.ok += counts.ok;
        sum.fail += counts.fail;
        sum.info += counts.info;
        sum.lost += counts.lost;
        sum.lost_permitted += counts.lost_permitted;
        sum.faults_planned += counts.faults_planned;
        sum.faults_injected += counts.faults_injected;
        sum.faults_healed += counts.faults_healed;
        sum.faults_skipped += counts.faults_skipped;
        self.unavailability = self.unavailability.max(other.unavailability);
        self.recovery = self.recovery.max(other.recovery);
        self.unrecovered |= other.unrecovered;
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = Cell> + use<> {
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

/// A row of the table: a run, or a scenario.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) outcome: Outcome,
    /// How the outcome is told.
    pub(super) told: String,
    /// None where nothing was judged.
    pub(super) totals: Option<Totals>,
}

impl Row {
    /// That of a scenario over its seeds.
    pub(super) fn scenario(scenario: &ScenarioSummary, totals: Totals) -> Self {
        Self {
            label: format!("{}, {}", scenario.scenario, counted(scenario.runs(), "seed")),
            outcome: scenario.outcome(),
            told: outcomes(&scenario.outcomes),
            totals: Some(totals),
        }
    }

    pub(super) fn cells(&self, style: Style) -> Vec<Cell> {
        let paint = match self.outcome {
            Outcome::Pass => Paint::Good,
            Outcome::Inconclusive => Paint::Warning,
            _ => Paint::Bad,
        };
        let outcome = Cell::painted(style.paint(paint, &self.told), &self.told);
        let mut cells = vec![plain(&self.label).into_owned().into(), outcome];
        cells.extend(self.totals.iter().flat_map(Totals::cells));
        cells
    }
}

/// All scenarios as one.
pub(super) fn all(scenarios: &[(ScenarioSummary, Totals)]) -> Row {
    let mut totals = Totals::default();
    let mut counts: BTreeMap<Outcome, u64> = BTreeMap::new();
    for (scenario, of) in scenarios {
        totals.add(of);
        for (outcome, count) in &scenario.outcomes {
            *counts.entry(*outcome).or_default() += count;
        }
    }
    Row {
        label: format!("all {}", counted(scenarios.len() as u64, "scenario")),
        outcome: scenarios.iter().map(|(scenario, _)| scenario.outcome()).max().unwrap_or(Outcome::Pass),
        told: outcomes(&counts),
        totals: Some(totals),
    }
}

/// What was seen at how many seeds, as a table with a line for each of these.
pub(super) fn coverage(seen: &[(String, Coverage)], style: Style) -> Vec<String> {
    let Some((_, first)) = seen.first() else { return Vec::new() };
    let names = first.tallies().map(|(name, _)| name);
    let ever: Vec<bool> = (0..names.len())
        .map(|column| seen.iter().any(|(_, coverage)| coverage.tallies()[column].1.total > 0))
        .collect();
    let columns = || (0..names.len()).filter(|column| ever[*column]);
    let mut table = Table::new(1);
    let heading = |text: &str| Cell::painted(style.paint(Paint::Strong, text), text);
    table.row(std::iter::once("seen").chain(columns().map(|c| names[c])).map(heading).collect());
    for (name, coverage) in seen {
        let tallies = coverage.tallies();
        let mut cells = vec![plain(name).into_owned().into()];
        cells.extend(columns().map(|column| {
            let tally = tallies[column].1;
            format!("{} in {} of {} seeds", grouped(tally.total), tally.seeds, coverage.seeds).into()
        }));
        table.row(cells);
    }
    let mut lines: Vec<_> = if columns().next().is_some() { table.lines().collect() } else { Vec::new() };
    let never: Vec<_> = names.iter().zip(&ever).filter(|(_, seen)| !**seen).map(|(name, _)| *name).collect();
    if !never.is_empty() {
        lines.push(style.paint(Paint::Faint, format!("never seen: {}", never.join(", "))));
    }
    lines
}
