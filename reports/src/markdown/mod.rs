//! Markdown, for the summary of a CI job or for a review: the verdict, a table of scenarios, and each failing run with
//! what to do about it. It stays under 1 MiB, which GitHub allows a step: what does not fit is counted.

mod text;

use std::fmt::Write;

use crate::event::{Event, Sink, SinkError};
use crate::file::Target;
use crate::narrate::{causes, counted, grouped, outcomes};
use crate::style::{plain, shortened};
use crate::summary::{CampaignSummary, Conclusion, Outcome, RunSummary, ScenarioSummary, StopReason};
use text::{block, cell, code};

/// What GitHub allows a step: 1 MiB less what our own frame takes at most.
const BYTES_MAX: u64 = (1 << 20) - (1 << 14);
/// Of so many failing runs all is told, of the others the line that reproduces them: nobody reads on for longer.
const TOLD_MAX: usize = 50;
/// The share of the room that tables may take, in percent.
const TABLE_PERCENT: u64 = 25;
/// So many faults are named as what may have caused a failure.
const FAULTS_MAX: usize = 6;
/// A text of more characters is cut.
const TEXT_MAX: usize = 1_000;

/// Writes the report when the campaign is over.
#[derive(Debug)]
pub struct Markdown {
    target: Target,
    /// How many bytes there is room for.
    room: u64,
    rows: Part,
    told: Part,
    /// Lines that reproduce what is not told.
    lines: Part,
    missed: Part,
}

/// Pieces of the report, as many as fit.
#[derive(Debug, Default)]
struct Part {
    pieces: Vec<String>,
    bytes: u64,
    left_out: u64,
}

impl Part {
    /// Adds a piece if there is room for it, and else only counts it. After the first that did not fit none does, so
    /// that what is left out comes last.
    fn add(&mut self, piece: String, room: u64) -> bool {
        let bytes = piece.len() as u64;
        if self.left_out > 0 || bytes > room {
            self.left_out += 1;
            return false;
        }
        self.bytes += bytes;
        self.pieces.push(piece);
        true
    }
}

impl Markdown {
    /// A report that will be written to `target`.
    pub fn new(target: Target) -> Self {
        let room = BYTES_MAX.saturating_sub(target.taken());
        Self {
            target,
            room,
            rows: Part::default(),
            told: Part::default(),
            lines: Part::default(),
            missed: Part::default(),
        }
    }

    /// How many bytes are left, but for what is set aside for tables.
    fn left(&self) -> u64 {
        let aside = self.tables().max(self.rows.bytes + self.missed.bytes);
        self.room.saturating_sub(aside + self.told.bytes + self.lines.bytes)
    }

    /// How many bytes are set aside for tables.
    fn tables(&self) -> u64 {
        self.room * TABLE_PERCENT / 100
    }

    fn run(&mut self, run: &RunSummary) {
        if run.outcome() == Outcome::Pass || run.is_cut_short() {
            return;
        }
        let left = self.left();
        let in_full = self.told.pieces.len() < TOLD_MAX && self.lines.pieces.is_empty();
        if !(in_full && self.told.add(failure(run), left)) {
            self.lines.add(plain(&shortened(&run.reproduce, TEXT_MAX)).into_owned() + "\n", left);
        }
    }

    fn scenario(&mut self, scenario: &ScenarioSummary) {
        let name = shortened(&scenario.scenario, TEXT_MAX);
        let row = format!(
            "| {} | {} | {} | {} | {} |\n",
            cell(&name),
            grouped(scenario.runs()),
            outcomes(&scenario.outcomes),
            grouped(scenario.under_load.total.acknowledged),
            grouped(scenario.under_load.total.lost),
        );
        // Each may take half of what is set aside.
        let room = |part: &Part| (self.tables() / 2).saturating_sub(part.bytes);
        let (rows, missed) = (room(&self.rows), room(&self.missed));
        self.rows.add(row, rows);
        if !scenario.missed.is_empty() {
            let piece = format!(
                "\n### {}: expectation missed\n\nNo run of {} shows {}\n\n{}",
                code(&name),
                counted(scenario.runs(), "seed"),
                code(&shortened(&scenario.missed.join(", "), TEXT_MAX)),
                block("sh", [&*shortened(&scenario.reproduce(), TEXT_MAX)]),
            );
            self.missed.add(piece, missed);
        }
    }

    fn render(&self, campaign: &CampaignSummary) -> String {
        let start = if self.target.taken() > 0 { "\n" } else { "" };
        let mut page = format!("{start}## highwater: {}\n\n{}\n", verdict(campaign), counts(campaign));
        if !self.rows.pieces.is_empty() {
            page += "\n| scenario | runs | outcome | acknowledged | lost |\n";
            page += "|---|--:|---|--:|--:|\n";
            page += &self.rows.pieces.concat();
        }
        page += &self.missed.pieces.concat();
        page += &self.told.pieces.concat();
        if !self.lines.pieces.is_empty() {
            let count = self.lines.pieces.len() as u64;
            let _ = write!(page, "\n### {}\n\n", counted(count, "more failing run"));
            page += &block("sh", self.lines.pieces.iter().map(|line| line.trim_end()));
        }
        let mut left_out = |count: u64, what: &str| {
            if count > 0 {
                let _ = writeln!(page, "\n{} not shown here, for the limit of 1 MiB.", counted(count, what));
            }
        };
        left_out(self.rows.left_out, "more scenario");
        left_out(self.lines.left_out, "more failing run");
        left_out(self.missed.left_out, "more missed expectation");
        page.push('\n');
        page
    }
}

/// The verdict in a few words.
fn verdict(campaign: &CampaignSummary) -> &'static str {
    match campaign.conclusion {
        Conclusion::Pass => "everything as expected",
        Conclusion::Inconclusive => "inconclusive",
        Conclusion::TimedOut => "over the time limit, nothing found until then",
        Conclusion::Interrupted => "interrupted, nothing found until then",
        Conclusion::Violation => match campaign.outcomes.contains_key(&Outcome::Violation) {
            true => "violation",
            false => "expectation missed",
        },
        Conclusion::Nondeterministic => "nondeterminism",
        Conclusion::Unwritable => "a recording or report could not be read or written",
        Conclusion::InternalError => "internal error",
        Conclusion::NothingRan => "nothing ran",
    }
}

fn counts(campaign: &CampaignSummary) -> String {
    let mut text = match campaign.stopped {
        None => counted(campaign.runs(), "run"),
        Some(_) => format!("{} of {}", grouped(campaign.runs()), counted(campaign.planned, "run")),
    };
    text += match campaign.stopped {
        None => "",
        Some(StopReason::Interrupted) => ", interrupted",
        Some(StopReason::TimedOut) => ", over the time limit",
        Some(StopReason::FailFast) => ", stopped at the first failure",
    };
    if campaign.runs() > 0 {
        let _ = write!(text, ": {}", outcomes(&campaign.outcomes));
    }
    text + "."
}

/// A run that failed: what happened, because of which faults, and how to see it again.
fn failure(run: &RunSummary) -> String {
    let kind = run.failure_kind().unwrap_or_default();
    let sentence = run.failure().unwrap_or_default();
    let mut text = format!(
        "\n### {} seed {}: {}\n\n> {}\n\n",
        code(&shortened(&run.id.scenario, TEXT_MAX)),
        run.id.seed,
        if kind == run.outcome().name() { kind.to_owned() } else { format!("{}, {kind}", run.outcome()) },
        code(&shortened(&sentence, TEXT_MAX)),
    );
    for line in causes(run, FAULTS_MAX) {
        let _ = writeln!(text, "- {}", code(&shortened(&line, TEXT_MAX)));
    }
    if !run.faults.is_empty() {
        text.push('\n');
    }
    text + &block("sh", [&*shortened(&run.reproduce, TEXT_MAX)])
}

impl Sink for Markdown {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::RunFinished(run) => self.run(run),
            Event::ScenarioFinished(scenario) => self.scenario(scenario),
            Event::CampaignFinished(campaign) => {
                if self.room == 0 {
                    // A byte more, and GitHub would show nothing of what others wrote.
                    return Ok(());
                }
                let text = self.render(campaign);
                return self.target.write(&text);
            }
            Event::CampaignStarted { .. }
            | Event::RunStarted(_)
            | Event::RunProgress { .. }
            | Event::RunEnded { .. } => {}
        }
        Ok(())
    }
}
