//! One instance of an anomaly, before it is judged.

use super::circle::{self, Before};
use crate::ids::{OperationIndex, Time, TopicPartition, Value};
use crate::operation::Acks;
use crate::verdict::{Anomaly, Evidence};

/// One instance of an anomaly in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What it is.
    pub anomaly: Anomaly,
    /// Where; of what spans several partitions, the first.
    pub partition: TopicPartition,
    /// What proves it.
    pub evidence: Evidence,
    /// Acks of 0 or 1 with which the record was sent, where nothing else than that record is concerned.
    pub weak_acks: Option<Acks>,
    /// Why it is legal under any contract, if it is.
    pub legal: Option<Legal>,
    /// Of an acknowledged record that is lost: when its producer was told.
    pub acknowledged: Option<Time>,
    /// Of an acknowledged record that is lost: where it was among what its producer sent there.
    pub part: Option<Part>,
    /// The partition's offsets contradict each other, and the order of records with them.
    pub secondary: bool,
    /// The sentence, where anomaly and evidence do not make it up.
    pub what: Option<String>,
    /// Of a circle of transactions: each with why it comes before the next one.
    pub circle: Vec<(OperationIndex, Before)>,
}

/// What a history calls its values, partitions and operations.
pub trait Naming {
    /// A value.
    fn value(&self, value: Value) -> String {
        value.to_string()
    }

    /// A partition.
    fn partition(&self, partition: &TopicPartition) -> String {
        partition.to_string()
    }

    /// An event.
    fn operation(&self, index: OperationIndex) -> String {
        index.to_string()
    }
}

/// Everything by its number, as in our own recordings.
struct Numbers;

impl Naming for Numbers {}

/// Why something is legal that looks odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Legal {
    /// Writes of transactions are not isolated from each other.
    Unisolated,
    /// A group's partitions go from one consumer to another.
    Subscribed,
    /// Until the followers of a new leader have caught up it may know of a lower high watermark.
    NewLeader,
}

impl Legal {
    /// The reason, in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unisolated => "writes are not isolated from each other",
            Self::Subscribed => "under subscribe partitions go from one consumer to another",
            Self::NewLeader => {
                "a new leader may know of less than the last until its followers have fetched (KIP-207); the final read decides"
            }
        }
    }
}

/// Where lost records are among those of one producer and one partition that were acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All before it are lost too.
    Beginning,
    /// Some before it and some after it are there.
    Middle,
    /// All after it are lost too, and some before it are there.
    End,
}

impl Sighting {
    /// An instance that nothing excuses.
    pub fn new(anomaly: Anomaly, partition: TopicPartition, evidence: Evidence) -> Self {
        Self {
            anomaly,
            partition,
            evidence,
            weak_acks: None,
            legal: None,
            acknowledged: None,
            part: None,
            secondary: false,
            what: None,
            circle: Vec::new(),
        }
    }

    /// Whether it says nothing by itself, since offsets contradict each other, and it is about their order.
    pub fn follows_from_order(&self) -> bool {
        let of_order = matches!(
            self.anomaly,
            Anomaly::PollSkip
                | Anomaly::NonmonotonicPoll
                | Anomaly::IntPollSkip
                | Anomaly::IntNonmonotonicPoll
                | Anomaly::NonmonotonicSend
                | Anomaly::IntNonmonotonicSend
                | Anomaly::IntSendSkip
        );
        self.secondary && of_order
    }

    /// What happened, in one sentence without a full stop.
    pub fn sentence(&self) -> String {
        self.sentence_with(&Numbers)
    }

    /// The same, in the words of a history that is not ours.
    pub fn sentence_with(&self, names: &dyn Naming) -> String {
        let Self { evidence, .. } = self;
        if !self.circle.is_empty() {
            return circle::sentence(self.anomaly, &self.circle, names);
        }
        if let Some(what) = &self.what {
            return what.clone();
        }
        let partition = names.partition(&self.partition);
        let value_at =
            |n: usize| evidence.values.get(n).map_or_else(String::new, |value| names.value(*value));
        let (value, other_value) = (value_at(0), value_at(1));
        let offset = |n: usize| evidence.offsets.get(n).map_or_else(|| "?".into(), ToString::to_string);
        let operation = |n: usize| {
            evidence.operations.get(n).map_or_else(|| "#?".into(), |index| names.operation(*index))
        };
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
            Anomaly::NonmonotonicSend => format!(
                "{partition} put value {other_value}, which its producer sent later ({}), at offset {}, before value {value} ({}) at offset {}",
                operation(1),
                offset(1),
                operation(0),
                offset(0)
            ),
            Anomaly::IntNonmonotonicSend => format!(
                "{partition} put value {other_value} at offset {}, before value {value} at offset {}, which the same operation sent earlier ({})",
                offset(1),
                offset(0),
                operation(0)
            ),
            Anomaly::IntSendSkip => format!(
                "{partition} has value {other_value} at offset {}, between offsets {} and {} of one operation ({})",
                offset(1),
                offset(0),
                offset(2),
                operation(0)
            ),
            Anomaly::PrecommittedRead => format!(
                "a transaction ({}) polled value {value} at offset {} of {partition}, which it sent itself",
                operation(0),
                offset(0)
            ),
            Anomaly::TornTxn => format!(
                "{partition} lacks value {value} in the final read, and value {other_value} of the same operation ({}) was read ({})",
                operation(0),
                operation(1)
            ),
            Anomaly::EndOffsetRegression => format!(
                "the end of {partition} stepped back from {} ({}) to {} ({})",
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
