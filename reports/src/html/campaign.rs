//! The page of a whole campaign: every scenario with its faults and its seeds, and a link to the page of each run
//! that was kept. That one lies beside the run's recording.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::recording::{FILE_NAME, Recording};

use super::columns::Tone;
use super::escape::{address, escaped};
use super::render::{STYLE, filled, policy};
use super::{run, write};
use crate::event::{Event, Sink, SinkError};
use crate::narrate::{causes, counted, grouped, outcomes};
use crate::summary::{CampaignSummary, Conclusion, Outcome, RunSummary, ScenarioSummary};

/// The name of a run's page in the folder of its recording.
pub const PAGE_FILE: &str = "report.html";

const TEMPLATE: &str = include_str!("page/campaign.html");
/// So many runs of a scenario that did not pass have a row; all others are counted.
const ROWS_MAX: usize = 1_000;
/// So many faults are named as what may have caused a failure.
const FAULTS_MAX: usize = 12;
/// So many passing seeds of a scenario are named.
const SEEDS_MAX: usize = 1_000;

/// Writes the page when the campaign is over, and the page of each run that is kept in its turn.
#[derive(Debug)]
pub struct Html {
    path: PathBuf,
    /// There is one run, and its page is the page.
    is_of_one: bool,
    /// The folder in which the page is to lie.
    folder: PathBuf,
    scenario: Scenario,
    sections: String,
    worst: Option<Arc<RunSummary>>,
}

/// What is told of the scenario at hand.
#[derive(Debug, Default)]
struct Scenario {
    /// Rows of the table of runs.
    rows: String,
    told: usize,
    untold: u64,
    /// Links to, or numbers of, the seeds that passed.
    passed: Vec<String>,
    passed_untold: u64,
    faults: BTreeMap<(u32, Arc<str>), Faults>,
}

/// What became of one entry of the scenario's faults, over all runs.
#[derive(Debug, Default)]
struct Faults {
    line: u32,
    planned: u64,
    injected: u64,
    healed: u64,
    skipped: u64,
    bit: u64,
    effects: BTreeMap<Arc<str>, u64>,
}

impl Html {
    /// A page that will be written to `path`, whose folder is made if there is none.
    pub fn new(path: PathBuf) -> Self {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self {
            path,
            is_of_one: false,
            folder,
            scenario: Scenario::default(),
            sections: String::new(),
            worst: None,
        }
    }

    /// The page of the only run there is, if its recording is kept. It will be written to `path`.
    pub fn of_one(path: PathBuf) -> Self {
        Self { is_of_one: true, ..Self::new(path) }
    }

    fn run(&mut self, run: &Arc<RunSummary>) -> Result<(), SinkError> {
        if self.is_of_one {
            let page = run.recording.as_deref().map(|folder| page_of(folder, run)).transpose()?;
            return page.flatten().map_or(Ok(()), |page| write(&self.path, &page));
        }
        let outcome = run.outcome();
        if outcome > self.worst.as_ref().map_or(Outcome::Pass, |worst| worst.outcome()) && !run.is_cut_short()
        {
            self.worst = Some(run.clone());
        }
        let page = run.recording.as_deref().map(|folder| page_beside(folder, run)).transpose()?;
        let seed = run.id.seed;
        let linked = match page.flatten() {
            Some(page) => format!("<a href=\"{}\">{seed}</a>", address(&self.folder, &page)),
            None => seed.to_string(),
        };
        self.scenario.add(run, linked);
        Ok(())
    }

    fn scenario(&mut self, summary: &ScenarioSummary) {
        let scenario = std::mem::take(&mut self.scenario);
        let mut text = String::new();
        let worst = summary.outcomes.keys().max().copied().unwrap_or(Outcome::Pass);
        let worst = if summary.missed.is_empty() { worst } else { worst.max(Outcome::ExpectationMissed) };
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "<section><h2>{} <span class=\"outcome {}\">{}</span></h2>\n<p class=\"hint\">{}: {}</p>\n",
            escaped(&summary.scenario),
            Tone::from(worst).class(),
            escaped(&outcomes(&summary.outcomes)),
            escaped(&summary.source),
            counted(summary.runs(), "seed"),
        );
        for missed in &summary.missed {
            let _ = writeln!(text, "<p class=\"violation\">No seed shows {}</p>", escaped(missed));
        }
        if let Some(published) = &summary.published {
            let _ = writeln!(
                text,
                "<p>{}: published {}; measured {}</p>",
                escaped(&published.source),
                escaped(&published.figures()),
                escaped(&summary.under_load.figures())
            );
        }
        text += &scenario.runs_table();
        text += &scenario.passed_line();
        text += &scenario.faults_table();
        let seen: Vec<_> = summary
            .coverage
            .tallies()
            .iter()
            .filter(|(_, tally)| tally.total > 0)
            .map(|(name, tally)| {
                format!("{} {name} in {} of {}", tally.total, tally.seeds, summary.coverage.seeds)
            })
            .collect();
        if !seen.is_empty() {
            let _ = writeln!(text, "<p class=\"hint\">Seen: {}</p>", escaped(&seen.join("; ")));
        }
        self.sections += &text;
        self.sections += "</section>\n";
    }

    fn finish(&self, campaign: &CampaignSummary) -> Result<(), SinkError> {
        let mut headline = String::new();
        if let Some(worst) = &self.worst {
            let sentence = format!("{}: {}", worst.id, worst.failure().unwrap_or_default());
            let _ = write!(
                headline,
                "<p class=\"sentence\" id=\"sentence\">{}</p>\n<pre class=\"reproduce\">{}</pre>",
                escaped(&sentence),
                escaped(&worst.reproduce)
            );
        }
        let _ = write!(headline, "\n<p>{}</p>", escaped(&outcomes(&campaign.outcomes)));
        if campaign.runs() < campaign.planned {
            let _ = write!(headline, "<p>{} of them ended.</p>", grouped(campaign.runs()));
        }
        let tone = match campaign.conclusion {
            Conclusion::Pass => Tone::Good,
            Conclusion::Inconclusive
            | Conclusion::TimedOut
            | Conclusion::Interrupted
            | Conclusion::NothingRan => Tone::Unsure,
            _ => Tone::Bad,
        };
        let page = filled(TEMPLATE, |name, page| match name {
            "title" => *page += &escaped(&format!("highwater: {}", counted(campaign.planned, "run"))),
            "outcome" => *page += &escaped(&campaign.conclusion.name().replace('-', " ")),
            "outcome_class" => *page += tone.class(),
            "headline" => *page += &headline,
            "policy" => *page += &policy(&[]),
            "style" => *page += STYLE,
            "body" => *page += &self.sections,
            other => unreachable!("the template asks for `{other}`"),
        });
        write(&self.path, &page)
    }
}

impl Scenario {
    fn add(&mut self, run: &RunSummary, linked: String) {
        for fault in run.timeline.iter().flat_map(|timeline| &timeline.faults) {
            let key = (fault.occurrence.entry, fault.kind.clone());
            self.faults.entry(key).or_default().add(fault);
        }
        let outcome = run.outcome();
        if outcome == Outcome::Pass {
            if self.passed.len() < SEEDS_MAX {
                self.passed.push(linked);
            } else {
                self.passed_untold += 1;
            }
            return;
        }
        if self.told == ROWS_MAX {
            self.untold += 1;
            return;
        }
        self.told += 1;
        let before: String =
            causes(run, FAULTS_MAX).iter().map(|line| format!("<div>{}</div>", escaped(line))).collect();
        let _ = writeln!(
            self.rows,
            "<tr><td class=\"num\">{linked}</td><td class=\"{}\">{outcome}</td><td>{}<details><summary>faults \
             before it, and how to see it again</summary>{before}<pre>{}</pre></details></td></tr>",
            if outcome == Outcome::Inconclusive { "permitted" } else { "violation" },
            escaped(&run.failure().unwrap_or_default()),
            escaped(&run.reproduce)
        );
    }

    fn runs_table(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let more = match self.untold {
            0 => String::new(),
            untold => format!("<p>And {} more did not pass.</p>\n", counted(untold, "run")),
        };
        format!(
            "<table><thead><tr><th scope=\"col\">seed</th><th scope=\"col\">outcome</th><th scope=\"col\">what \
             happened</th></tr></thead>\n<tbody>\n{}</tbody></table>\n{more}",
            self.rows
        )
    }

    fn passed_line(&self) -> String {
        if self.passed.is_empty() {
            return String::new();
        }
        let more = match self.passed_untold {
            0 => String::new(),
            untold => format!(" and {} more", grouped(untold)),
        };
        format!("<p>Passed: seeds {}{more}.</p>\n", self.passed.join(", "))
    }

    fn faults_table(&self) -> String {
        if self.faults.is_empty() {
            return String::new();
        }
        let mut rows = String::new();
        for ((_, kind), faults) in &self.faults {
            let effects: Vec<_> = faults
                .effects
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(name, count)| format!("{} {}", grouped(*count), name.replace('_', " ")))
                .collect();
            let figures = [faults.planned, faults.injected, faults.healed, faults.skipped, faults.bit];
            let figures: String =
                figures.iter().map(|figure| format!("<td class=\"num\">{}</td>", grouped(*figure))).collect();
            let _ = writeln!(
                rows,
                "<tr><td>{}</td><td class=\"num\">{}</td>{figures}<td>{}</td></tr>",
                escaped(kind),
                faults.line,
                escaped(&effects.join(", "))
            );
        }
        let heads = ["fault", "line", "planned", "injected", "healed", "skipped", "bit", "effect"];
        let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
        format!("<table class=\"faults\"><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody></table>\n")
    }
}

impl Faults {
    fn add(&mut self, fault: &FaultRecord) {
        self.line = fault.yaml.line;
        self.planned += 1;
        self.injected += u64::from(fault.injected.is_some());
        self.healed += u64::from(fault.healed.is_some());
        self.skipped += u64::from(fault.skipped.is_some());
        self.bit += u64::from(fault.effect.bit);
        for (name, count) in &fault.effect.counters {
            *self.effects.entry(name.clone()).or_default() += count;
        }
    }
}

/// Writes the page of a run beside its recording; none if what there is of it cannot be told.
fn page_beside(folder: &Path, summary: &RunSummary) -> Result<Option<PathBuf>, SinkError> {
    let Some(page) = page_of(folder, summary)? else { return Ok(None) };
    let path = folder.join(PAGE_FILE);
    write(&path, &page)?;
    Ok(Some(path))
}

fn page_of(folder: &Path, summary: &RunSummary) -> Result<Option<String>, SinkError> {
    let path = folder.join(FILE_NAME);
    let failed = |source| SinkError::File { path: path.clone(), source };
    // A run that failed may have left no recording that can be read, and its summary says why.
    let is_judged = summary.verdict().is_some();
    let file = match File::open(&path) {
        Err(error) if is_judged => return Err(failed(error)),
        Err(_) => return Ok(None),
        Ok(file) => file,
    };
    match Recording::read(BufReader::new(file)) {
        Ok(recording) => Ok(Some(run(&recording, summary).render())),
        Err(_) if !is_judged => Ok(None),
        Err(error) => Err(failed(io::Error::other(error))),
    }
}

impl Sink for Html {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::RunFinished(run) => return self.run(run),
            Event::ScenarioFinished(scenario) => self.scenario(scenario),
            Event::CampaignFinished(campaign) if !self.is_of_one => return self.finish(campaign),
            Event::CampaignStarted { .. }
            | Event::RunStarted(_)
            | Event::RunProgress { .. }
            | Event::RunEnded { .. }
            | Event::CampaignFinished(_) => {}
        }
        Ok(())
    }
}
