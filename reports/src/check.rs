//! What the check of somebody's history says: lines for people, and one object of JSON.

use highwater_checkers::check::{CheckReport, Cited, Finding, KeyReport, Place, Tally, Verdict};
use serde::Serialize;

use crate::narrate::{counted, grouped};
use crate::style::{Paint, Style, plain};
use crate::terminal::Detail;

/// Of the keys of a history, no more are named than these, unless all are asked for.
const KEYS_MAX: usize = 10;

/// What is told of one history, the answer first. `name` is what the history is called.
pub fn lines(name: &str, report: &CheckReport, style: Style, detail: Detail) -> Vec<String> {
    if detail == Detail::Quiet && report.verdict == Verdict::Holds {
        return Vec::new();
    }
    let paint = match report.verdict {
        Verdict::Holds => Paint::Good,
        Verdict::Violation => Paint::Bad,
        Verdict::Unknown => Paint::Warning,
    };
    let verdict = style.paint(paint, report.answer());
    let mut lines = vec![format!("{}: {verdict}  {}", plain(name), size(report))];
    if let Some(finding) = &report.finding {
        lines.extend(witness(finding));
    }
    lines.extend(report.unknown.iter().map(|why| format!("  {}", plain(why))));
    lines.extend(details(report));
    lines.extend(keys(report, detail));
    lines
}

/// The answer where it is no good one, in one sentence: the last line of what is told.
pub fn conclusion(name: &str, report: &CheckReport) -> Option<String> {
    let (heading, what) = match report.verdict {
        Verdict::Holds => return None,
        Verdict::Violation => ("violation", report.finding.as_ref().map(sentence)),
        Verdict::Unknown => ("unknown", report.unknown.clone()),
    };
    Some(plain(&format!("{heading}: {} ({name})", what.unwrap_or_default())).into_owned())
}

/// What was counted, where there is any of it.
fn details(report: &CheckReport) -> Vec<String> {
    let told = report.details.iter().filter(|detail| detail.count > 0 || detail.shown.is_some());
    told.map(|Tally { name, count, shown }| {
        let shown = shown.as_ref().map_or_else(String::new, |shown| format!(": {shown}"));
        plain(&format!("  {name} {}{shown}", grouped(*count))).into_owned()
    })
    .collect()
}

fn sentence(finding: &Finding) -> String {
    let key = finding.key.as_ref().map_or_else(String::new, |key| format!(" of key {key}"));
    format!("{}{key}: {}", finding.kind, finding.what)
}

fn size(report: &CheckReport) -> String {
    let counts = &report.counts;
    format!(
        "{} of {} {}: {} ok, {} failed, {} indeterminate; {}",
        counted(counts.operations, "operation"),
        report.object.article(),
        report.object,
        grouped(counts.ok),
        grouped(counts.failed),
        grouped(counts.info),
        counted(report.steps, "step"),
    )
}

fn witness(finding: &Finding) -> Vec<String> {
    let mut lines = vec![format!("  {}", plain(&sentence(finding)))];
    lines.extend(finding.operations.iter().map(|cited| format!("    {}", plain(&told(cited)))));
    if let Some((cited, why)) = &finding.stuck {
        lines.push(format!("  every order ends before {}", plain(&told(cited))));
        lines.push(format!("  {}", plain(why)));
    }
    lines
}

/// `line 12 to line 15: process 3, read 4`.
fn told(cited: &Cited) -> String {
    let until = match cited.completion {
        Some(completion) => format!("to {completion}"),
        None => "and never completed".to_owned(),
    };
    format!("{} {until}: process {}, {}", cited.invocation, cited.process, cited.what)
}

/// The keys that are not linearizable; all of them where all is wanted.
fn keys(report: &CheckReport, detail: Detail) -> Vec<String> {
    if report.keys.len() < 2 {
        return Vec::new();
    }
    let is_told = |key: &&KeyReport| detail == Detail::Verbose || key.verdict == Verdict::Violation;
    let max = if detail == Detail::Verbose { usize::MAX } else { KEYS_MAX };
    let told: Vec<_> = report.keys.iter().filter(is_told).collect();
    let line = |key: &&KeyReport| {
        let name = key.key.as_ref().map_or_else(|| "without a key".to_owned(), |key| format!("key {key}"));
        let (operations, steps) = (counted(key.operations, "operation"), counted(key.steps, "step"));
        let answer = report.object.answer(key.verdict);
        plain(&format!("  {name}: {answer}, {operations}, {steps}")).into_owned()
    };
    let mut lines: Vec<_> = told.iter().take(max).map(line).collect();
    if told.len() > max {
        lines.push(format!("  and {} more", counted((told.len() - max) as u64, "key")));
    }
    lines
}

/// One history as an object of JSON: `docs/output-events.md` describes it.
#[derive(Serialize)]
#[serde(tag = "event", rename = "history-checked")]
struct Line<'a> {
    history: &'a str,
    object: &'a str,
    verdict: &'a str,
    finding: Option<FindingLine<'a>>,
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailLine<'a>>,
    operations: u64,
    ok: u64,
    failed: u64,
    info: u64,
    checked: u64,
    steps: u64,
    keys: Vec<KeyLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a [usize]>,
}

#[derive(Serialize)]
struct FindingLine<'a> {
    kind: &'a str,
    what: &'a str,
    key: Option<String>,
    operations: Vec<CitedLine<'a>>,
    stuck_at: Option<CitedLine<'a>>,
    stuck: Option<&'a str>,
}

#[derive(Serialize)]
struct CitedLine<'a> {
    process: i64,
    what: &'a str,
    invocation: PlaceLine,
    completion: Option<PlaceLine>,
}

#[derive(Serialize)]
struct PlaceLine {
    index: u64,
    line: Option<u32>,
}

#[derive(Serialize)]
struct DetailLine<'a> {
    name: &'a str,
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<&'a str>,
}

#[derive(Serialize)]
struct KeyLine<'a> {
    key: Option<String>,
    verdict: &'a str,
    operations: u64,
    steps: u64,
}

/// One history as a line of JSON; with the order that proves it, where all is wanted.
pub fn json(name: &str, report: &CheckReport, detail: Detail) -> String {
    let line = Line {
        history: name,
        object: report.object.name(),
        verdict: verdict(report.verdict),
        finding: report.finding.as_ref().map(|finding| FindingLine {
            kind: finding.kind,
            what: &finding.what,
            key: finding.key.as_ref().map(ToString::to_string),
            operations: finding.operations.iter().map(cited).collect(),
            stuck_at: finding.stuck.as_ref().map(|(operation, _)| cited(operation)),
            stuck: finding.stuck.as_ref().map(|(_, why)| &**why),
        }),
        reason: report.unknown.as_deref(),
        details: report
            .details
            .iter()
            .map(|detail| DetailLine {
                name: detail.name,
                count: detail.count,
                shown: detail.shown.as_deref(),
            })
            .collect(),
        operations: report.counts.operations,
        ok: report.counts.ok,
        failed: report.counts.failed,
        info: report.counts.info,
        checked: report.counts.checked,
        steps: report.steps,
        keys: report
            .keys
            .iter()
            .map(|key| KeyLine {
                key: key.key.as_ref().map(ToString::to_string),
                verdict: verdict(key.verdict),
                operations: key.operations,
                steps: key.steps,
            })
            .collect(),
        order: (detail == Detail::Verbose && report.verdict == Verdict::Holds).then_some(&*report.order),
    };
    serde_json::to_string(&line).expect("it is plain data")
}

/// The answer in a word, for programs.
fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "valid",
        Verdict::Violation => "violation",
        Verdict::Unknown => "unknown",
    }
}

fn cited(cited: &Cited) -> CitedLine<'_> {
    let place =
        |place: Place| PlaceLine { index: place.index, line: Some(place.line).filter(|line| *line > 0) };
    CitedLine {
        process: cited.process,
        what: &cited.what,
        invocation: place(cited.invocation),
        completion: cited.completion.map(place),
    }
}
