//! The ladder climbed with each partition, in terms of the run's own history.

use std::collections::BTreeMap;
use std::time::Duration;

use super::partition::{Finished, PartitionLog};
use crate::ids::{Moment, Offset, OperationIndex, Time, TopicPartition};
use crate::linearizability::log::{self, Gaps, LogAction, LogHistory, LogSettings, ladder_by};
use crate::linearizability::{Certificate, OpId, course};
use crate::verdict::{Cited, Consistency, Contradiction, Staleness, Uncounted};

/// Offsets may hold markers instead of records, and a consumer may stand beyond the end of a leader that lags.
pub(super) const SETTINGS: LogSettings = LogSettings {
    base: Offset(0),
    gaps: Gaps::Internal,
    duplicates: false,
    reads_past_end: true,
    certificate: false,
};

/// What the history says of each partition.
#[derive(Debug)]
pub struct ConsistencyReport {
    pub(super) moments: Vec<(OperationIndex, Time)>,
    pub(super) settings: LogSettings,
    /// By name.
    pub(super) partitions: Vec<(TopicPartition, PartitionLog)>,
}

impl ConsistencyReport {
    /// How consistent each partition is. `forfeit` says why an acknowledgement promises nothing in a partition, and
    /// `not_checkable` why nothing can be said at all.
    pub fn levels(
        self,
        forfeit: impl Fn(&TopicPartition) -> Option<String>,
        not_checkable: Option<&str>,
    ) -> BTreeMap<TopicPartition, Consistency> {
        let Self { moments, settings, partitions } = self;
        let level = |(name, partition): (TopicPartition, PartitionLog)| {
            let forfeit = forfeit(&name);
            let (is_forfeit, finished) = (forfeit.is_some(), partition.finish(forfeit.is_some()));
            let reason = forfeit.unwrap_or_else(|| "they were sent with acks=0 or acks=1".to_owned());
            let consistency = match not_checkable {
                Some(reason) => Consistency { unknown: Some(reason.to_owned()), ..Consistency::default() },
                None => climb(&finished, settings, &moments),
            };
            let acknowledgements = finished.uncounted;
            let uncounted =
                (acknowledgements > 0).then_some(Uncounted { acknowledgements, reason, forfeit: is_forfeit });
            (name, Consistency { uncounted, final_read: finished.final_read, ..consistency })
        };
        partitions.into_iter().map(level).collect()
    }
}

/// The order in which operations on a partition can have taken effect, as far as there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// The operations, each by the event that tells of it, and the offset of the next record after it.
    pub steps: Vec<(OperationIndex, Offset)>,
    /// The operation at whose return every order ends, where the partition is not linearizable.
    pub stuck: Option<OperationIndex>,
}

impl ConsistencyReport {
    /// In which order the operations on each partition can have taken effect; absent where nobody can tell.
    /// `is_forfeit` says where no acknowledgement counts.
    pub fn courses(self, is_forfeit: impl Fn(&TopicPartition) -> bool) -> BTreeMap<TopicPartition, Course> {
        let Self { moments, settings, partitions } = self;
        let settings = LogSettings { certificate: true, ..settings };
        let of = |(name, partition): (TopicPartition, PartitionLog)| {
            let finished = partition.finish(is_forfeit(&name));
            let course = if finished.is_full { None } else { course(finished.history, settings, &moments) };
            Some((name, course?))
        };
        partitions.into_iter().filter_map(of).collect()
    }
}

fn course(
    mut history: LogHistory,
    settings: LogSettings,
    moments: &[(OperationIndex, Time)],
) -> Option<Course> {
    // Real time alone counts, and not who did what.
    history.processes.clear();
    let ops = std::mem::take(&mut history.ops);
    // That a send failed is not known before it has.
    let outstanding = |action: &LogAction| match action {
        LogAction::AppendFail { value } => LogAction::AppendInfo { value: *value },
        action => *action,
    };
    let found = course::course(&ops, outstanding, |prefix| {
        history.ops = prefix.to_vec();
        (log::check(&history, settings), None)
    })?;
    history.ops = ops;
    let told = |op: OpId| cite(&history, op, moments).map(|cited| cited.operation);
    let stuck = found.stuck.and_then(told);
    let lengths = log::lengths(&history, settings, &Certificate { order: found.order.clone() });
    let steps = found.order.iter().zip(lengths).filter_map(|(op, length)| Some((told(*op)?, length)));
    Some(Course { steps: steps.collect(), stuck })
}

fn climb(finished: &Finished, settings: LogSettings, moments: &[(OperationIndex, Time)]) -> Consistency {
    if finished.is_full {
        let unknown = Some("it has too many operations; check it in parts".to_owned());
        return Consistency { unknown, ..Consistency::default() };
    }
    let history = &finished.history;
    let time = |moment: Moment| moments.get(moment.0 as usize).map_or(0, |(_, time)| time.0);
    match ladder_by(history, settings, time) {
        Ok(rung) => Consistency {
            level: Some(rung.level),
            broken: rung.broken.map(|witness| Contradiction {
                kind: witness.kind,
                what: witness.what,
                operations: witness.operations.iter().filter_map(|op| cite(history, *op, moments)).collect(),
            }),
            staleness: rung.staleness.as_ref().map(staleness),
            ..Consistency::default()
        },
        Err(exhausted) => Consistency { unknown: Some(exhausted.reason), ..Consistency::default() },
    }
}

fn cite(history: &LogHistory, op: OpId, moments: &[(OperationIndex, Time)]) -> Option<Cited> {
    let interval = history.ops.get(op.0 as usize)?.interval;
    let told = if interval.ret.is_some() { interval.ret } else { interval.call };
    let (operation, time) = *moments.get(told.0 as usize)?;
    Some(Cited { operation, time })
}

fn staleness(staleness: &log::Staleness) -> Staleness {
    Staleness {
        looks: staleness.operations,
        records_max: staleness.records.0,
        time_max: Duration::from_nanos(staleness.time.0),
    }
}
