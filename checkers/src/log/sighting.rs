//! One instance of an anomaly, before it is judged.

use crate::ids::{OperationIndex, Time, TopicPartition, Value};
use crate::operation::Acks;
use crate::verdict::{Anomaly, Evidence};

/// One instance of an anomaly in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What it is.
    pub anomaly: Anomaly,
    /// Where.
    pub partition: TopicPartition,
    /// What proves it.
    pub evidence: Evidence,
    /// Acks of 0 or 1 with which the record was sent, where nothing else than that record is concerned.
    pub weak_acks: Option<Acks>,
    /// Of an acknowledged record that is lost: when its producer was told.
    pub acknowledged: Option<Time>,
    /// The partition's offsets contradict each other, and the order of records with them.
    pub secondary: bool,
}

impl Sighting {
    /// What happened, in one sentence without a full stop.
    pub fn sentence(&self) -> String {
        let Self { partition, evidence, .. } = self;
        let value = evidence.values.first().map_or_else(String::new, Value::to_string);
        let other_value = evidence.values.get(1).map_or_else(String::new, Value::to_string);
        let offset = |n: usize| evidence.offsets.get(n).map_or_else(|| "?".into(), ToString::to_string);
        let operation =
            |n: usize| evidence.operations.get(n).map_or_else(|| "#?".into(), OperationIndex::to_string);
        match self.anomaly {
            Anomaly::Unseen => match evidence.offsets.first() {
                Some(offset) => format!(
                    "{partition} lost value {value}: acknowledged at offset {offset} ({}), absent from the final read",
                    operation(1)
                ),
                None => format!(
                    "{partition} lost value {value}: acknowledged ({}), absent from the final read",
                    operation(1)
                ),
            },
            Anomaly::LostWrite => format!(
                "{partition} lost value {value}: committed at offset {} ({}), and never read, though offset {} was",
                offset(0),
                operation(0),
                offset(1)
            ),
            Anomaly::ReadThenLost => match evidence.offsets.get(1) {
                Some(elsewhere) => format!(
                    "{partition} moved value {value}: read at offset {} ({}), and in the final read at {elsewhere}",
                    offset(0),
                    operation(0)
                ),
                None => format!(
                    "{partition} lost value {value}: read at offset {} ({}), absent from the final read",
                    offset(0),
                    operation(0)
                ),
            },
            Anomaly::Phantom => format!(
                "{partition} holds value {value} at offset {} ({}), which nobody sent there",
                offset(0),
                operation(0)
            ),
            Anomaly::AbortedRead => format!(
                "{partition} gave value {value} at offset {} ({}), whose send had failed ({})",
                offset(0),
                operation(1),
                operation(0)
            ),
            Anomaly::InconsistentOffsets => format!(
                "{partition} had both value {value} ({}) and value {other_value} ({}) at offset {}",
                operation(0),
                operation(1),
                offset(0)
            ),
            Anomaly::Duplicate => format!(
                "{partition} holds value {value} twice, at offset {} ({}) and at offset {} ({})",
                offset(0),
                operation(0),
                offset(1),
                operation(1)
            ),
            Anomaly::PollSkip | Anomaly::IntPollSkip => format!(
                "a consumer of {partition} went from offset {} ({}) to {} ({}), past value {value} at offset {}",
                offset(0),
                operation(0),
                offset(2),
                operation(1),
                offset(1)
            ),
            Anomaly::NonmonotonicPoll | Anomaly::IntNonmonotonicPoll => format!(
                "a consumer of {partition} went back from offset {} ({}) to {} ({})",
                offset(0),
                operation(0),
                offset(1),
                operation(1)
            ),
            Anomaly::Stuck => format!("{partition} made no progress within the bound after the last heal"),
            // The monitors of the invariants say by themselves what happened, as does what ends a run.
            invariant => format!("{partition} breaks {invariant} {}", invariant.meaning()),
        }
    }
}
