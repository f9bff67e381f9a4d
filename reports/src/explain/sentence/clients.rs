//! Sentences on what clients saw, where it is not the loss of a record.

use highwater_checkers::ids::{Offset, OperationIndex, Time};
use highwater_checkers::verdict::Anomaly;

use super::super::causes::Loss;
use super::super::words;
use super::loss::{Extent, how};
use super::{Scene, first_that_fits, set_off};

impl Scene<'_> {
    /// What clients saw, and when, and what set it off.
    pub(super) fn of_history(&self) -> String {
        let what = self.seen().unwrap_or_else(|| format!("{}, at {}", self.what(), self.time()));
        let loss = self.life.filter(|_| self.is_of_record).map(|life| (life, Loss::of(life)));
        let told = loss.as_ref().filter(|(_, loss)| loss.is_told());
        let named = told.map(|(life, loss)| loss.faults(life, self.faults));
        let how = match &loss {
            Some((life, loss)) if self.finding.anomaly == Anomaly::InconsistentOffsets && loss.is_told() => {
                format!(": {}", how(life, loss, Extent::Least))
            }
            _ => String::new(),
        };
        let causes = match named {
            Some(named) if !named.is_empty() => set_off(&named, self.faults, self.time()),
            _ => self.causes_of_breach(),
        };
        first_that_fits(&[format!("{what}{how}{causes}"), format!("{what}{causes}")])
    }

    /// What was seen, in the words of the records; none where the finding's own words do as well.
    fn seen(&self) -> Option<String> {
        let evidence = self.evidence?;
        let partition = self.finding.partition.as_ref()?;
        let value =
            |at: usize| evidence.values.get(at).map(|value| format!("record {}", words::value(*value)));
        let offset = |at: usize| evidence.offsets.get(at).copied();
        let when = |at: usize| evidence.operations.get(at).map_or(self.time(), |index| self.time_of(*index));
        let at = |offset: Offset| format!("{partition}@{offset}");
        Some(match self.finding.anomaly {
            Anomaly::Phantom => {
                format!("{} was read at {} as {}, which nobody ever sent", at(offset(0)?), when(0), value(0)?)
            }
            Anomaly::AbortedRead => format!(
                "{} ({}) was read at {}, though its send had failed at {}",
                at(offset(0)?),
                value(0)?,
                when(1),
                when(0)
            ),
            Anomaly::InconsistentOffsets => {
                let mut seen: Vec<_> = evidence.operations.iter().zip(&evidence.values).collect();
                seen.sort_unstable();
                let told = seen.iter().map(|(operation, value)| {
                    format!("record {} at {}", words::value(**value), self.time_of(**operation))
                });
                format!("{} was {}", at(offset(0)?), words::listed(told))
            }
            Anomaly::Duplicate => format!(
                "{} lies twice in {partition}: at offset {} ({}) and at offset {} ({})",
                value(0)?,
                offset(0)?,
                when(0),
                offset(1)?,
                when(1)
            ),
            Anomaly::PollSkip | Anomaly::IntPollSkip => format!(
                "{} ({}) was skipped: a consumer went from offset {} ({}) to {} ({})",
                at(offset(1)?),
                value(0)?,
                offset(0)?,
                when(0),
                offset(2)?,
                when(1)
            ),
            Anomaly::NonmonotonicPoll | Anomaly::IntNonmonotonicPoll => format!(
                "a consumer of {partition} went back from offset {} ({}) to {} ({})",
                offset(0)?,
                when(0),
                offset(1)?,
                when(1)
            ),
            Anomaly::NonmonotonicSend | Anomaly::IntNonmonotonicSend => format!(
                "{partition} has {} at offset {} before {} at offset {}, though its producer sent it later ({} and {})",
                value(1)?,
                offset(1)?,
                value(0)?,
                offset(0)?,
                when(1),
                when(0)
            ),
            Anomaly::EndOffsetRegression => format!(
                "the end of {partition} stepped back from {} ({}) to {} ({})",
                offset(0)?,
                when(0),
                offset(1)?,
                when(1)
            ),
            Anomaly::DivergentReplica => {
                let [gave, passed] = evidence.brokers.as_slice() else { return None };
                format!(
                    "{} ({}) was read from {gave} at {}, and {passed} never gave it, though it was read beyond it at {}",
                    at(offset(0)?),
                    value(0)?,
                    when(0),
                    when(1)
                )
            }
            _ => return None,
        })
    }

    /// When an operation's event was.
    fn time_of(&self, index: OperationIndex) -> Time {
        let found = self.recording.operations().find(|operation| operation.index == index);
        found.map_or(self.time(), |operation| operation.time)
    }
}
