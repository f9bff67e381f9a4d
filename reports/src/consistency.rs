//! The ladder of consistency in words: of a partition, a run, and the runs of a scenario.

use highwater_checkers::ids::TopicPartition;
use highwater_checkers::verdict::{Consistency, RunVerdict};

use crate::event::RunId;
use crate::narrate::{counted, grouped, span};

/// How consistent a partition is, and how stale where it is: `linearizable`, `linearizable writes with stale reads (3
/// looks, by up to 12 records and 840ms)`.
pub fn level(consistency: &Consistency) -> String {
    let name = consistency.name();
    match &consistency.staleness {
        Some(stale) => format!(
            "{name} ({}, by up to {} and {})",
            counted(stale.looks, "look"),
            counted(stale.records_max, "record"),
            span(stale.time_max)
        ),
        None => name.to_owned(),
    }
}

/// All that is known of a partition's consistency, in a line.
pub fn partition(partition: &TopicPartition, consistency: &Consistency) -> String {
    let mut text = format!("{partition} is {}", level(consistency));
    if !consistency.final_read {
        text += ", without a final read";
    }
    if let Some(uncounted) = &consistency.uncounted {
        let count = counted(uncounted.acknowledgements, "acknowledgement");
        text += &format!(", but for {count} that promise nothing: {}", uncounted.reason);
    }
    if let Some(broken) = &consistency.broken {
        text += &format!("; {broken}");
    }
    if let Some(unknown) = &consistency.unknown {
        text += &format!(": {unknown}");
    }
    text
}

/// The partition that is least consistent, if not all are linearizable. One of which nothing is known counts as the least.
pub fn worst(verdict: &RunVerdict) -> Option<(&TopicPartition, &Consistency)> {
    let lacking = verdict.consistency.iter().filter(|(_, consistency)| !consistency.is_linearizable());
    lacking.min_by_key(|(_, consistency)| consistency.level)
}

/// A run that is not linearizable everywhere, in a short line.
pub fn run(id: &RunId, verdict: &RunVerdict) -> Option<String> {
    let (partition, consistency) = worst(verdict)?;
    let all = verdict.consistency.len() as u64;
    let fine = verdict.consistency.values().filter(|consistency| consistency.is_linearizable()).count();
    let rest = match all {
        1 => String::new(),
        _ => format!("; {} of {} linearizable", grouped(fine as u64), counted(all, "partition")),
    };
    Some(format!("{id}: {partition} is {}{rest}", level(consistency)))
}

/// What the runs of a scenario add up to.
#[derive(Debug, Default)]
pub struct Tally {
    runs: u64,
    fine: u64,
    worst: Option<(RunId, TopicPartition, Consistency)>,
}

impl Tally {
    /// Counts one more run.
    pub fn add(&mut self, id: &RunId, verdict: &RunVerdict) {
        if verdict.consistency.is_empty() {
            return;
        }
        self.runs += 1;
        let Some((partition, consistency)) = worst(verdict) else {
            self.fine += 1;
            return;
        };
        if self.worst.as_ref().is_none_or(|(.., worst)| consistency.level < worst.level) {
            self.worst = Some((id.clone(), partition.clone(), consistency.clone()));
        }
    }

    /// All of them in a short line, if not all are linearizable.
    pub fn line(&self) -> Option<String> {
        let (id, partition, consistency) = self.worst.as_ref()?;
        let (fine, runs) = (grouped(self.fine), counted(self.runs, "run"));
        let level = level(consistency);
        Some(format!("{fine} of {runs} linearizable everywhere; least in {id}: {partition} is {level}"))
    }
}
