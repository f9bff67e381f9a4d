//! How consistent each partition is, and in which order its operations can have taken effect: what our own runs
//! are told, in terms of the history.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::super::course::{Course, Step};
use super::super::report::{Consistency, Contradiction};
use super::findings::cite;
use super::operations::LogOperations;
use crate::consistency::{self, ConsistencyMonitor, ConsistencyReport};
use crate::history::Span;
use crate::ids::{OperationIndex, TopicPartition};
use crate::monitor::Monitor;
use crate::verdict;

/// The consistency of every partition that has any operation.
pub(super) fn of(
    log: &LogOperations<'_>,
    spans: &[Span],
) -> HashMap<TopicPartition, Consistency, FxBuildHasher> {
    let report = follow(log);
    let span = |index: OperationIndex| spans.get(log.span_of(index)? as usize);
    let told = |consistency: verdict::Consistency| Consistency {
        level: consistency.level,
        broken: consistency.broken.map(|broken| Contradiction {
            kind: broken.kind,
            operations: broken
                .operations
                .iter()
                .filter_map(|cited| span(cited.operation))
                .map(|span| cite(log, span))
                .collect(),
        }),
        unknown: consistency.unknown,
    };
    // No contract says that an acknowledgement of a foreign system promises nothing.
    let levels = report.levels(|_| None, None);
    levels.into_iter().map(|(partition, consistency)| (partition, told(consistency))).collect()
}

/// In which order the operations on every partition can have taken effect.
pub(super) fn courses(
    log: &LogOperations<'_>,
    spans: &[Span],
) -> HashMap<TopicPartition, Course, FxBuildHasher> {
    let invocation = |index: OperationIndex| Some(spans.get(log.span_of(index)? as usize)?.invocation);
    let told = |course: consistency::Course| Course {
        key: None,
        steps: course
            .steps
            .iter()
            .filter_map(|(operation, end)| {
                let state = Some(format!("the log ends at offset {end}"));
                Some(Step { invocation: invocation(*operation)?, state })
            })
            .collect(),
        stuck: course.stuck.and_then(invocation),
    };
    let courses = follow(log).courses(|_| false);
    courses.into_iter().map(|(partition, course)| (partition, told(course))).collect()
}

fn follow(log: &LogOperations<'_>) -> ConsistencyReport {
    // What a producer resends on its own is told as `duplicate`.
    let mut monitor = ConsistencyMonitor::default().resending();
    for operation in &log.operations {
        monitor.operation(operation);
    }
    monitor.finish()
}
