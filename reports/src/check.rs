//! What the check of somebody's history says: lines for people, and one object of JSON.

use highwater_checkers::check::{
    CheckReport, Cited, Consistency, Finding, KeyReport, Object, Place, Tally, Verdict,
};
use highwater_checkers::linearizability::log::Level;
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
    let legal = if detail == Detail::Verbose { &report.legal[..] } else { &[] };
    lines.extend(report.findings.iter().chain(legal).flat_map(|finding| witness(report.object, finding)));
    lines.extend(report.unknown.iter().map(|why| format!("  {}", plain(why))));
    lines.extend(details(report));
    lines.extend(keys(report, detail));
    lines
}

/// The answer where it is no good one, in one sentence: the last line of what is told.
pub fn conclusion(name: &str, report: &CheckReport) -> Option<String> {
    let heading = match report.verdict {
        Verdict::Holds => return None,
        Verdict::Violation => "violation",
        Verdict::Unknown => "unknown",
    };
    let what = reason(report).unwrap_or_default();
    Some(plain(&format!("{heading}: {what} ({name})")).into_owned())
}

/// Why the answer is no good one, in one sentence without its full stop.
pub(crate) fn reason(report: &CheckReport) -> Option<String> {
    match report.verdict {
        Verdict::Holds => None,
        Verdict::Violation => report.findings.first().map(|finding| sentence(report.object, finding)),
        Verdict::Unknown => report.unknown.clone(),
    }
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

pub(crate) fn sentence(object: Object, finding: &Finding) -> String {
    // What is said of a log names the key itself.
    let key = finding.key.as_ref().filter(|_| object != Object::Log);
    let key = key.map_or_else(String::new, |key| format!(" of key {key}"));
    let more = match finding.count.saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {} more)", grouped(more)),
    };
    format!("{}{key}: {}{more}", finding.kind, finding.what)
}

pub(crate) fn size(report: &CheckReport) -> String {
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

fn witness(object: Object, finding: &Finding) -> Vec<String> {
    let mut lines = vec![format!("  {}", plain(&sentence(object, finding)))];
    lines.extend(finding.operations.iter().map(|cited| format!("    {}", plain(&told(cited)))));
    if let Some((cited, why)) = &finding.stuck {
        lines.push(format!("  every order ends before {}", plain(&told(cited))));
        lines.push(format!("  {}", plain(why)));
    }
    lines.extend(finding.more.iter().map(|example| format!("    also: {}", plain(&example.what))));
    let left = finding.count.saturating_sub(finding.more.len() as u64 + 1);
    if left > 0 && !finding.more.is_empty() {
        lines.push(format!("    and {} more; `--all` shows them", grouped(left)));
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

/// The keys that are not as they should be; all of them where all is wanted.
fn keys(report: &CheckReport, detail: Detail) -> Vec<String> {
    let is_weak = |key: &KeyReport| {
        let consistency = key.consistency.as_ref();
        consistency.is_some_and(|consistency| consistency.level != Some(Level::Linearizable))
    };
    if report.keys.len() < 2 && !report.keys.iter().any(|key| key.consistency.is_some()) {
        return Vec::new();
    }
    let is_told =
        |key: &&KeyReport| detail == Detail::Verbose || key.verdict == Verdict::Violation || is_weak(key);
    let max = if detail == Detail::Verbose { usize::MAX } else { KEYS_MAX };
    let told: Vec<_> = report.keys.iter().filter(is_told).collect();
    let mut lines: Vec<_> = told.iter().take(max).flat_map(|key| of_key(report.object, key)).collect();
    if told.len() > max {
        lines.push(format!("  and {} more", counted((told.len() - max) as u64, "key")));
    }
    lines
}

/// What is said of one key, and of a log what breaks the next level of consistency.
fn of_key(object: Object, key: &KeyReport) -> Vec<String> {
    let name = key.key.as_ref().map_or_else(|| "without a key".to_owned(), |key| format!("key {key}"));
    let (operations, answer) = (counted(key.operations, "operation"), object.answer(key.verdict));
    let line = |rest: &str| plain(&format!("  {name}: {answer}, {operations}{rest}")).into_owned();
    let Some(Consistency { level, broken, unknown }) = &key.consistency else {
        return vec![line(&format!(", {}", counted(key.steps, "step")))];
    };
    let level = level.map_or("of unknown consistency", Level::name);
    match (broken, unknown) {
        (Some(broken), _) => {
            let operations = broken.operations.iter().map(|cited| format!("    {}", plain(&told(cited))));
            [line(&format!("; {level}: {}", broken.kind))].into_iter().chain(operations).collect()
        }
        (None, Some(why)) => vec![line(&format!("; {level}: {why}"))],
        (None, None) => vec![line(&format!("; {level}"))],
    }
}

/// One history as an object of JSON: `docs/output-events.md` describes it.
#[derive(Serialize)]
#[serde(tag = "event", rename = "history-checked")]
struct Line<'a> {
    history: &'a str,
    object: &'a str,
    verdict: &'a str,
    finding: Option<FindingLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more_findings: Vec<FindingLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    legal: Vec<FindingLine<'a>>,
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
    count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more: Vec<ExampleLine<'a>>,
}

#[derive(Serialize)]
struct ExampleLine<'a> {
    what: &'a str,
    operations: Vec<CitedLine<'a>>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency: Option<ConsistencyLine<'a>>,
}

#[derive(Serialize)]
struct ConsistencyLine<'a> {
    level: Option<Level>,
    broken_by: Option<&'a str>,
    operations: Vec<CitedLine<'a>>,
    reason: Option<&'a str>,
}

/// One history as a line of JSON; with the order that proves it, where all is wanted.
pub fn json(name: &str, report: &CheckReport, detail: Detail) -> String {
    let line = Line {
        history: name,
        object: report.object.name(),
        verdict: verdict(report.verdict),
        finding: report.findings.first().map(finding),
        more_findings: report.findings.iter().skip(1).map(finding).collect(),
        legal: report.legal.iter().map(finding).collect(),
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
                consistency: key.consistency.as_ref().map(consistency),
            })
            .collect(),
        order: (detail == Detail::Verbose && report.verdict == Verdict::Holds).then_some(&*report.order),
    };
    serde_json::to_string(&line).expect("it is plain data")
}

fn finding(finding: &Finding) -> FindingLine<'_> {
    FindingLine {
        kind: finding.kind,
        what: &finding.what,
        key: finding.key.as_ref().map(ToString::to_string),
        operations: finding.operations.iter().map(cited).collect(),
        stuck_at: finding.stuck.as_ref().map(|(operation, _)| cited(operation)),
        stuck: finding.stuck.as_ref().map(|(_, why)| &**why),
        count: finding.count,
        more: finding
            .more
            .iter()
            .map(|example| ExampleLine {
                what: &example.what,
                operations: example.operations.iter().map(cited).collect(),
            })
            .collect(),
    }
}

fn consistency(consistency: &Consistency) -> ConsistencyLine<'_> {
    let broken = consistency.broken.as_ref();
    ConsistencyLine {
        level: consistency.level,
        broken_by: broken.map(|broken| broken.kind),
        operations: broken.map_or_else(Vec::new, |broken| broken.operations.iter().map(cited).collect()),
        reason: consistency.unknown.as_deref(),
    }
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
