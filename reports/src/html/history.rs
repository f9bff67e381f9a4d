//! The page of somebody's history: its operations by process, the witness, and the order in which they took effect.

use std::collections::BTreeMap;

use highwater_checkers::check::{CheckReport, Cited, Course, Finding, Object, Place, Verdict};
use highwater_checkers::history::{Actor, Event, History, Outcome, Span};
use highwater_checkers::ids::TopicPartition;
use highwater_checkers::operation::Body;
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::columns::{self, Data, Fault, Found, Page, Rung, Tone};
use super::logs;
use super::operations::Operations;
use crate::check;
use crate::narrate::{counted, grouped};

/// So many operations does a finding link.
const LINKS_MAX: usize = 8;
/// A lane names so many of the processes that it had.
const PROCESSES_MAX: usize = 3;
/// Nanoseconds of one tick of the page: a microsecond.
const UNIT: u64 = 1_000;

/// A history, and what a check says of it.
#[derive(Debug)]
pub struct Checked<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Its events.
    pub history: &'a History,
    /// The answer.
    pub report: &'a CheckReport,
    /// In which order its operations can have taken effect.
    pub courses: &'a [Course],
    /// The command that shows the same again.
    pub reproduce: Option<String>,
}

/// The page of a history.
pub fn history(checked: &Checked<'_>) -> Page {
    let Checked { name, history, report, courses, reproduce } = checked;
    let events = &history.events[..];
    // What was checked can be paired.
    let spans = highwater_checkers::history::spans(events).unwrap_or_default();
    let axis = Axis::of(events);
    let mut data = Data { timed: axis.timed, unit: UNIT, end: axis.end, ..Data::default() };
    let mut texts = Texts::default();
    operations(&mut data, &mut texts, events, &spans, &axis);
    let found = Places::of(events, &spans);
    let cited = |operations: &mut dyn Iterator<Item = &Cited>| found.all(operations);
    data.findings = report
        .findings
        .iter()
        .map(|finding| (finding, "violation"))
        .chain(report.legal.iter().map(|finding| (finding, "permitted")))
        .map(|(finding, severity)| told(report.object, finding, severity, &found))
        .collect();
    if let Some(finding) = report.findings.first() {
        let stuck = finding.stuck.as_ref().map(|(cited, _)| cited);
        data.witness = cited(&mut finding.operations.iter().chain(stuck));
    }
    for (place, why) in report.findings.iter().filter_map(|finding| finding.stuck.as_ref()) {
        data.story.push((axis.tick_of_place(events, place), format!("Every order ends here: {why}")));
    }
    ladder(&mut data, report, &found);
    if report.object == Object::Log {
        log(&mut data, history, &found);
    }
    for Course { key, steps, stuck } in *courses {
        let op = |invocation: usize| found.by_event.get(&invocation).map_or(-1, |op| *op as i64);
        let mut course = columns::Course {
            name: key.as_ref().map_or_else(String::new, |key| format!("key {key}")),
            stuck: stuck.map_or(-1, op),
            ..columns::Course::default()
        };
        let mut before = 0;
        for step in steps {
            let at = op(step.invocation);
            course.op.push(at - before);
            before = at;
            course.state.push(step.state.as_ref().map_or(-1, |state| texts.place(state) as i64));
        }
        data.courses.push(course);
    }
    data.texts = texts.0.into_iter().collect();
    facts(&mut data, checked, &axis);
    let (tone, sentence) = match report.verdict {
        Verdict::Holds => (Tone::Good, check::size(report)),
        verdict => {
            let tone = if verdict == Verdict::Violation { Tone::Bad } else { Tone::Unsure };
            (tone, check::reason(report).unwrap_or_default())
        }
    };
    Page {
        title: (*name).to_owned(),
        outcome: report.answer().to_owned(),
        tone,
        sentence,
        reproduce: reproduce.clone(),
        data,
    }
}

/// When events are on the page: by the times that they tell, or else by their places.
struct Axis {
    timed: bool,
    start: i64,
    end: u64,
}

impl Axis {
    fn of(events: &[Event]) -> Self {
        let times = || events.iter().map(|event| event.time);
        // Where time runs backwards, it says less than the order of events does.
        let timed = events.len() > 1 && times().all(|time| time.is_some()) && times().is_sorted();
        let start = events.first().and_then(|event| event.time).filter(|_| timed).unwrap_or(0);
        let mut axis = Self { timed, start, end: 0 };
        axis.end = events.last().map_or(0, |event| axis.tick(events.len() - 1, event)).max(1);
        // Between two events of one microsecond nothing can be told apart.
        let distinct = axis.end > 1;
        if timed && !distinct {
            return Self { timed: false, start: 0, end: events.len() as u64 };
        }
        axis
    }

    fn tick(&self, place: usize, event: &Event) -> u64 {
        match event.time.filter(|_| self.timed) {
            Some(time) => self.start.abs_diff(time) / UNIT,
            None => place as u64,
        }
    }

    fn tick_of_place(&self, events: &[Event], cited: &Cited) -> i64 {
        let returned = cited.completion.unwrap_or(cited.invocation);
        let at = events.iter().position(|event| (event.index, event.line) == (returned.index, returned.line));
        at.map_or(-1, |at| self.tick(at, &events[at]) as i64)
    }
}

/// Texts that come again, once each.
#[derive(Default)]
struct Texts(IndexSet<String, FxBuildHasher>);

impl Texts {
    fn place(&mut self, text: &str) -> usize {
        match self.0.get_index_of(text) {
            Some(place) => place,
            None => self.0.insert_full(text.to_owned()).0,
        }
    }
}

/// The page's operations, by where they stand in the history.
struct Places {
    by_place: BTreeMap<(u64, u32), usize>,
    /// By the place of the invocation among the events.
    by_event: BTreeMap<usize, usize>,
}

impl Places {
    fn of(events: &[Event], spans: &[Span]) -> Self {
        let place = |event: &Event| (event.index, event.line);
        let by_place = spans.iter().enumerate().map(|(op, span)| (place(&events[span.invocation]), op));
        let by_event = spans.iter().enumerate().map(|(op, span)| (span.invocation, op));
        Self { by_place: by_place.collect(), by_event: by_event.collect() }
    }

    fn all(&self, cited: &mut dyn Iterator<Item = &Cited>) -> Vec<usize> {
        let mut ops = Vec::new();
        for Cited { invocation: Place { index, line }, .. } in cited {
            if let Some(op) = self.by_place.get(&(*index, *line))
                && !ops.contains(op)
                && ops.len() < LINKS_MAX
            {
                ops.push(*op);
            }
        }
        ops
    }
}

fn operations(data: &mut Data, texts: &mut Texts, events: &[Event], spans: &[Span], axis: &Axis) {
    let mut lanes = Lanes::default();
    let mut what = Vec::with_capacity(spans.len());
    let mut before = 0;
    for (op, span) in spans.iter().enumerate() {
        let (invocation, completion) =
            (&events[span.invocation], span.completion.map(|at| (at, &events[at])));
        data.ops.lane.push(lanes.lane(invocation, span));
        let call = axis.tick(span.invocation, invocation);
        data.ops.call.push(call - before);
        before = call;
        let returned = completion.filter(|_| span.outcome != Outcome::Invoke);
        let length = returned.map_or(-1, |(at, event)| (axis.tick(at, event) - call) as i64);
        data.ops.len.push(length);
        data.ops.out.push(match span.outcome {
            Outcome::Ok => 'o',
            Outcome::Fail => 'f',
            Outcome::Info | Outcome::Invoke => 'i',
        });
        // Some histories put the reason in the place of the value where an operation did not happen.
        let happened = completion.filter(|_| span.outcome == Outcome::Ok);
        let told = happened.map_or(invocation, |(_, event)| event);
        what.push(texts.place(&told.brief()));
        if let Some(error) = completion.and_then(|(_, event)| event.error.as_ref()) {
            data.errors.insert(op, error.to_string());
        }
    }
    data.ops.function = "A".repeat(spans.len());
    data.fns = vec![""];
    data.ops.text = Some(what);
    data.lanes = lanes.names();
    nemesis(data, events, axis);
}

/// What the nemesis did: instants, since no history says which of its events end what others began.
fn nemesis(data: &mut Data, events: &[Event], axis: &Axis) {
    for (place, event) in events.iter().enumerate() {
        let Actor::Named(who) = &event.process else { continue };
        let at = axis.tick(place, event) as i64;
        data.faults.push(Fault {
            id: who.to_string(),
            kind: event.brief(),
            targets: Vec::new(),
            from: at,
            to: at,
            effect: String::new(),
            line: event.line,
        });
    }
}

/// Rows for processes: one that ended in `info` leaves its lane to its successor.
#[derive(Default)]
struct Lanes {
    of: BTreeMap<i64, usize>,
    free: Vec<usize>,
    processes: Vec<Vec<i64>>,
}

impl Lanes {
    fn lane(&mut self, invocation: &Event, span: &Span) -> usize {
        let Actor::Process(process) = invocation.process else { return 0 };
        let lane = match self.of.get(&process) {
            Some(lane) => *lane,
            None => {
                let lane = self.free.pop().unwrap_or_else(|| {
                    self.processes.push(Vec::new());
                    self.processes.len() - 1
                });
                self.processes[lane].push(process);
                self.of.insert(process, lane);
                lane
            }
        };
        if span.outcome == Outcome::Info && span.completion.is_some() {
            self.of.remove(&process);
            self.free.push(lane);
        }
        lane
    }

    fn names(&self) -> Vec<String> {
        let name = |processes: &Vec<i64>| {
            let mut named: Vec<_> =
                processes.iter().take(PROCESSES_MAX).map(|process| format!("{process}")).collect();
            if processes.len() > PROCESSES_MAX {
                named.push("…".to_owned());
            }
            format!("process {}", named.join(", "))
        };
        self.processes.iter().map(name).collect()
    }
}

fn told(object: Object, finding: &Finding, severity: &'static str, found: &Places) -> Found {
    let examples = finding.more.iter().flat_map(|example| &example.operations);
    let stuck = finding.stuck.as_ref().map(|(cited, _)| cited);
    Found {
        name: finding.kind.to_owned(),
        severity,
        reason: None,
        what: check::sentence(object, finding),
        count: finding.count,
        ops: found.all(&mut finding.operations.iter().chain(stuck).chain(examples)),
    }
}

/// How consistent each partition of a log is; of other objects the answer of each key, where there are several.
fn ladder(data: &mut Data, report: &CheckReport, found: &Places) {
    for key in &report.keys {
        let part = key.key.as_ref().map_or_else(|| "without a key".to_owned(), ToString::to_string);
        data.ladder.push(match &key.consistency {
            Some(consistency) => Rung {
                part,
                level: consistency.level.map_or("unknown", |level| level.name()).to_owned(),
                what: consistency
                    .broken
                    .as_ref()
                    .map(|broken| broken.kind.to_owned())
                    .or(consistency.unknown.clone()),
                ops: consistency
                    .broken
                    .as_ref()
                    .map_or_else(Vec::new, |broken| found.all(&mut broken.operations.iter())),
            },
            None if report.keys.len() > 1 => Rung {
                part,
                level: report.object.answer(key.verdict).to_owned(),
                what: None,
                ops: Vec::new(),
            },
            None => return,
        });
    }
}

/// What lies where, of a log.
fn log(data: &mut Data, history: &History, found: &Places) {
    let Ok(operations) = highwater_checkers::check::log_operations(history) else { return };
    let mut followed = Operations::default();
    // Final reads are told by no event of the history.
    operations
        .iter()
        .filter(|operation| !matches!(operation.body, Body::FinalRead(_)))
        .for_each(|operation| followed.take(operation));
    followed.renumber(|event| found.by_event.get(&(event.0 as usize)).copied());
    let parts = followed.partitions();
    data.parts = parts.iter().map(key_of).collect();
    logs::put(data, &followed, &parts);
}

/// The key that a partition stands for: a number, a text, or a topic and a number.
fn key_of(partition: &TopicPartition) -> String {
    match (&*partition.topic, partition.partition) {
        ("", number) => number.to_string(),
        (text, -1) => text.to_owned(),
        _ => partition.to_string(),
    }
}

fn facts(data: &mut Data, checked: &Checked<'_>, axis: &Axis) {
    let Checked { name, report, .. } = checked;
    let counts = &report.counts;
    data.facts.push(("history", (*name).to_owned()));
    data.facts.push(("object", report.object.to_string()));
    let operations = format!(
        "{}: {} ok, {} failed, {} indeterminate",
        counted(counts.operations, "operation"),
        grouped(counts.ok),
        grouped(counts.failed),
        grouped(counts.info)
    );
    data.facts.push(("operations", operations));
    data.facts.push(("steps of the check", grouped(report.steps)));
    if !axis.timed {
        data.facts.push(("time", "the history tells none, so that events stand in their order".to_owned()));
    }
    data.facts.extend(report.unknown.iter().map(|why| ("not known", why.clone())));
    for detail in report.details.iter().filter(|detail| detail.count > 0) {
        let shown = detail.shown.as_ref().map_or_else(String::new, |shown| format!(": {shown}"));
        data.facts.push((detail.name, format!("{}{shown}", grouped(detail.count))));
    }
}
