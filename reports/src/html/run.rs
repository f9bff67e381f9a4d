//! The page of a run, from its recording and its summary.

use highwater_checkers::consistency::{ConsistencyMonitor, ConsistencyReport};
use highwater_checkers::ids::{Offset, Time, TopicPartition};
use highwater_checkers::monitor::Monitor;
use highwater_checkers::recording::{Event, Recording};
use highwater_checkers::verdict::{Finding, RunVerdict, Severity};

use super::bands::Bands;
use super::columns::{Course, Data, Found, Page, Rung};
use super::logs;
use super::operations::Operations;
use super::plots::Plots;
use crate::consistency::level;
use crate::explain::{Told, explain};
use crate::narrate::{grouped, span, stage};
use crate::summary::RunSummary;
use crate::timeline::Timeline;

/// Nanoseconds of one tick of the page: a microsecond.
const UNIT: u64 = 1_000;
/// So many operations does a finding link.
const LINKS_MAX: usize = 8;

/// The page of a run.
pub fn run(recording: &Recording, summary: &RunSummary) -> Page {
    let ticks = |time: Time| time.0 / UNIT;
    let mut history = Operations::default();
    let mut bands = Bands::default();
    let end = recording.events.last().map_or(Time(0), Event::time);
    let mut plots = Plots::new(end);
    let mut marks = Vec::new();
    let mut consistency = ConsistencyMonitor::default();
    for event in &recording.events {
        plots.take(event);
        match event {
            Event::Operation(operation) => {
                history.take(operation);
                consistency.operation(operation);
            }
            Event::Trace(trace) => bands.trace(trace),
            Event::Fault(fault) => bands.fault(fault),
            Event::Mark(mark) => marks.push((ticks(mark.time), stage(mark.stage).to_owned())),
            Event::Sample(_) => {}
        }
    }
    let parts = history.partitions();
    let brokers = bands.brokers();
    let mut data = Data {
        timed: true,
        unit: UNIT,
        end: ticks(end),
        parts: parts.iter().map(ToString::to_string).collect(),
        brokers: brokers.iter().map(ToString::to_string).collect(),
        ..Data::default()
    };
    history.put(&mut data, ticks);
    logs::put(&mut data, &history, &parts);
    bands.put(&mut data, &parts, &brokers, &Timeline::of(recording).leaders, ticks);
    data.marks = marks;
    data.plots = plots.finish(UNIT);
    let told = explain(recording, summary);
    findings(&mut data, summary, &history);
    for op in told.operations.iter().filter_map(|event| history.of_event(*event)) {
        if !data.witness.contains(&op) {
            data.witness.push(op);
        }
    }
    data.story = told
        .story
        .into_iter()
        .map(|Told { time, text }| (time.map_or(-1, |time| ticks(time).cast_signed()), text))
        .collect();
    if let Some(verdict) = summary.verdict() {
        ladder(&mut data, verdict, &history);
        courses(&mut data, verdict, consistency.finish(), &history);
    }
    facts(&mut data, recording, summary);
    let outcome = summary.outcome();
    Page {
        title: summary.id.to_string(),
        outcome: outcome.to_string(),
        tone: outcome.into(),
        sentence: told.sentence,
        reproduce: Some(summary.reproduce.clone()),
        data,
    }
}

fn findings(data: &mut Data, summary: &RunSummary, history: &Operations<'_>) {
    let Some(verdict) = summary.verdict() else { return };
    let ops = |finding: &Finding| {
        let mut ops: Vec<usize> = Vec::new();
        for evidence in &finding.evidence {
            for op in evidence.operations.iter().filter_map(|event| history.of_event(*event)) {
                if !ops.contains(&op) && ops.len() < LINKS_MAX {
                    ops.push(op);
                }
            }
        }
        ops
    };
    let found = |finding: &Finding| Found {
        name: finding.anomaly.name().to_owned(),
        severity: if finding.is_violation() { "violation" } else { "permitted" },
        reason: match &finding.severity {
            Severity::Permitted(reason) => Some(reason.clone()),
            Severity::Violation => None,
        },
        what: finding.what.clone(),
        count: finding.count,
        ops: ops(finding),
    };
    data.findings = verdict.findings.iter().map(found).collect();
}

/// How consistent each partition is.
fn ladder(data: &mut Data, verdict: &RunVerdict, history: &Operations<'_>) {
    for (partition, consistency) in &verdict.consistency {
        let broken = consistency.broken.as_ref();
        let cited = broken.iter().flat_map(|broken| &broken.operations);
        data.ladder.push(Rung {
            part: partition.to_string(),
            level: level(consistency),
            what: broken
                .map(|broken| format!("{}: {}", broken.kind, broken.what))
                .or(consistency.unknown.clone()),
            ops: cited.filter_map(|cited| history.of_event(cited.operation)).collect(),
        });
    }
}

/// In which order the operations on each partition can have taken effect.
fn courses(data: &mut Data, verdict: &RunVerdict, consistency: ConsistencyReport, history: &Operations<'_>) {
    let is_forfeit = |partition: &TopicPartition| {
        let uncounted = verdict.consistency.get(partition).and_then(|it| it.uncounted.as_ref());
        uncounted.is_some_and(|uncounted| uncounted.forfeit)
    };
    for (partition, found) in consistency.courses(is_forfeit) {
        let stuck = found.stuck.and_then(|event| history.of_event(event));
        let mut course = Course {
            name: partition.to_string(),
            stuck: stuck.map_or(-1, |op| op as i64),
            ..Course::default()
        };
        let (mut before, mut length) = (0, 0);
        for (event, Offset(end)) in found.steps {
            let Some(op) = history.of_event(event).map(|op| op as i64) else { continue };
            course.op.push(op - before);
            course.end.push(end - length);
            (before, length) = (op, end);
        }
        data.courses.push(course);
    }
}

fn facts(data: &mut Data, recording: &Recording, summary: &RunSummary) {
    let header = &recording.header;
    data.facts.push(("scenario", format!("{} ({})", header.scenario, summary.source)));
    data.facts.push(("seed", header.seed.to_string()));
    data.facts.push(("build", header.build.clone()));
    data.facts.extend(summary.hash.iter().map(|hash| ("hash of the recording", hash.clone())));
    if let Some(verdict) = summary.verdict() {
        let counts = &verdict.counts;
        let operations = format!(
            "{} ok, {} failed, {} indeterminate",
            grouped(counts.ok),
            grouped(counts.fail),
            grouped(counts.info)
        );
        let records = format!(
            "{} acknowledged, {} read, {} lost",
            grouped(counts.acknowledged),
            grouped(counts.read),
            grouped(counts.lost)
        );
        data.facts.push(("operations", operations));
        data.facts.push(("records", records));
        let recovery = verdict.recovery.map_or_else(
            || "some partition did not recover, or nothing was healed".to_owned(),
            |recovery| format!("{} from the last heal to the last partition", span(recovery)),
        );
        data.facts.push(("longest gap between acknowledgements", span(verdict.worst_unavailability)));
        data.facts.push(("time to recover", recovery));
    }
}
