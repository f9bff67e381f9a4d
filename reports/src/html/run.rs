//! The page of a run, from its recording and its summary.

use std::collections::BTreeSet;

use highwater_checkers::ids::{Time, TopicPartition};
use highwater_checkers::recording::{Event, Recording};
use highwater_checkers::verdict::{Finding, Severity};

use super::bands::Bands;
use super::columns::{Data, Found, Page, Tone};
use super::operations::{Operations, Read, Sent, Values, put_sends};
use super::logs;
use crate::narrate::grouped;
use crate::summary::{Outcome, RunSummary};

/// Nanoseconds of one tick of the page: a microsecond.
const UNIT: u64 = 1_000;
/// So many operations does a finding link.
const LINKS_MAX: usize = 8;

/// The page of a run.
pub fn run(recording: &Recording, summary: &RunSummary) -> Page {
    let ticks = |time: Time| time.0 / UNIT;
    let mut history = Operations::default();
    let mut bands = Bands::default();
    let mut end = Time(0);
    let mut named = BTreeSet::new();
    for event in &recording.events {
        end = end.max(event.time());
        match event {
            Event::Operation(operation) => {
                named.extend(operation.body.sends().map(|send| send.partition.clone()));
                named.extend(operation.body.reads().map(|read| read.partition.clone()));
                history.take(operation);
            }
            Event::Trace(trace) => bands.trace(trace),
            Event::Fault(fault) => bands.fault(fault),
            Event::Mark(_) | Event::Sample(_) => {}
        }
    }
    let parts: Vec<TopicPartition> = named.into_iter().collect();
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
    let part = |name: &TopicPartition| parts.binary_search(name).unwrap_or(0);
    let sends: Vec<Sent<'_>> = history.sends(part).collect();
    let reads: Vec<Read<'_>> = history.reads(part).collect();
    let mut values = Values::of(&sends);
    put_sends(&mut data, &sends);
    logs::put(&mut data, &sends, &reads, &mut values);
    data.foreign = values.foreign;
    bands.put(&mut data, &parts, &brokers, ticks);
    findings(&mut data, summary, &history);
    facts(&mut data, recording, summary);
    let outcome = summary.outcome();
    Page {
        title: summary.id.to_string(),
        outcome: outcome.to_string(),
        tone: match outcome {
            Outcome::Pass => Tone::Good,
            Outcome::Inconclusive => Tone::Unsure,
            _ => Tone::Bad,
        },
        sentence: summary.failure().unwrap_or_else(|| "As expected; nothing broke the contract".to_owned()),
        reproduce: Some(summary.reproduce.clone()),
        data,
    }
}

fn findings(data: &mut Data, summary: &RunSummary, history: &Operations<'_>) {
    let Some(verdict) = summary.verdict() else { return };
    let ops = |finding: &Finding, instances: usize| {
        let mut ops: Vec<usize> = Vec::new();
        for evidence in finding.evidence.iter().take(instances) {
            for op in evidence.operations.iter().filter_map(|event| history.of_event(*event)) {
                if !ops.contains(&op) && ops.len() < LINKS_MAX {
                    ops.push(op);
                }
            }
        }
        ops
    };
    data.witness = summary.first_violation().map_or_else(Vec::new, |finding| ops(finding, 1));
    let found = |finding: &Finding| Found {
        name: finding.anomaly.name().to_owned(),
        severity: if finding.is_violation() { "violation" } else { "permitted" },
        reason: match &finding.severity {
            Severity::Permitted(reason) => Some(reason.clone()),
            Severity::Violation => None,
        },
        what: finding.what.clone(),
        count: finding.count,
        ops: ops(finding, usize::MAX),
    };
    data.findings = verdict.findings.iter().map(found).collect();
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
    }
}
