//! What led to a finding, step by step: the faults before it and the evidence, by their time.

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{Time, TopicPartition};
use highwater_checkers::verdict::{Evidence, Finding};

use super::format::{
    ArtifactLocation, CodeFlow, Location, LogicalLocation, PhysicalLocation, Region, Step, Text, ThreadFlow,
};
use super::text;
use crate::narrate::{self, counted};
use crate::summary::RunSummary;

/// Of so many steps GitHub shows all.
const STEPS_MAX: usize = 1_000;

/// A place in a scenario's file.
pub(super) fn place(uri: &str, fault: Option<&FaultRecord>) -> PhysicalLocation {
    let yaml = fault.map(|fault| fault.yaml).unwrap_or_default();
    PhysicalLocation {
        artifact_location: ArtifactLocation { uri: uri.to_owned() },
        region: Region {
            start_line: yaml.line.max(1),
            start_column: Some(yaml.column).filter(|column| *column > 0),
        },
    }
}

/// The fault that is the nearest before what a finding shows, or else the last one.
pub(super) fn nearest<'a>(run: &'a RunSummary, finding: Option<&Finding>) -> Option<&'a FaultRecord> {
    let evident = finding.and_then(|finding| finding.evidence.first()).map(|evidence| evidence.time);
    let is_before = |fault: &&FaultRecord| match (&fault.injected, evident) {
        (Some((time, _)), Some(evident)) => *time <= evident,
        _ => true,
    };
    run.faults.iter().rfind(is_before).or(run.faults.last())
}

/// A partition as a place.
pub(super) fn partition(partition: Option<&TopicPartition>) -> Option<[LogicalLocation; 1]> {
    partition.map(|partition| [LogicalLocation { fully_qualified_name: partition.to_string() }])
}

/// The steps to a finding, or without one the faults alone.
pub(super) fn flow(run: &RunSummary, finding: Option<&Finding>, uri: &str) -> Option<[CodeFlow; 1]> {
    enum What<'a> {
        Fault(&'a FaultRecord),
        Evidence(&'a Evidence),
    }
    let faults = run.faults.iter().map(|fault| {
        let time = fault.injected.as_ref().map_or(Time(0), |(time, _)| *time);
        (time, What::Fault(fault))
    });
    let evidence = finding.iter().flat_map(|finding| &finding.evidence);
    let mut steps: Vec<_> = faults.chain(evidence.map(|it| (it.time, What::Evidence(it)))).collect();
    steps.sort_by_key(|(time, _)| *time);
    if steps.is_empty() {
        return None;
    }
    // The first steps are those that nothing else explains.
    let left_out = steps.len().saturating_sub(STEPS_MAX);
    steps.truncate(STEPS_MAX);
    // Evidence has no line of its own: what matters to it is the fault before.
    let mut at = run.faults.first();
    let mut locations: Vec<_> = steps
        .into_iter()
        .map(|(_, what)| {
            let (message, logical) = match what {
                What::Fault(fault) => {
                    at = Some(fault);
                    (narrate::fault(fault, &run.source), None)
                }
                What::Evidence(evidence) => (
                    narrate_evidence(evidence, finding),
                    partition(finding.and_then(|finding| finding.partition.as_ref())),
                ),
            };
            Step {
                location: Location {
                    physical_location: place(uri, at),
                    logical_locations: logical,
                    message: Some(text(&message)),
                },
            }
        })
        .collect();
    if left_out > 0
        && let Some(last) = locations.last_mut()
        && let Some(Text { text }) = &mut last.location.message
    {
        *text += &format!(" (and {})", counted(left_out as u64, "more step"));
    }
    Some([CodeFlow { thread_flows: [ThreadFlow { locations }] }])
}

fn narrate_evidence(evidence: &Evidence, finding: Option<&Finding>) -> String {
    let name = finding.map_or("", |finding| finding.anomaly.name());
    let told = format!("{name} at {}", narrate::evidence(evidence));
    match &evidence.transition {
        Some(step) => format!("{told}: {}, then {}", step.before, step.after),
        None => told,
    }
}
