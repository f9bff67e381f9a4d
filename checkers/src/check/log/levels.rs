//! How consistent each partition is: the ladder that our own runs climb, told in terms of the history.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::super::report::{Consistency, Contradiction};
use super::findings::cite;
use super::operations::LogOperations;
use crate::consistency::ConsistencyMonitor;
use crate::history::Span;
use crate::ids::{OperationIndex, TopicPartition};
use crate::monitor::Monitor;
use crate::verdict;

/// The consistency of every partition that has any operation.
pub(super) fn of(
    log: &LogOperations<'_>,
    spans: &[Span],
) -> HashMap<TopicPartition, Consistency, FxBuildHasher> {
    // What a producer resends on its own is told as `duplicate`.
    let mut monitor = ConsistencyMonitor::default().resending();
    for operation in &log.operations {
        monitor.operation(operation);
    }
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
    let levels = monitor.finish().levels(|_| None, None);
    levels.into_iter().map(|(partition, consistency)| (partition, told(consistency))).collect()
}
