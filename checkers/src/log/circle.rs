//! A circle of transactions, in words.

use super::sighting::Naming;
use crate::ids::{Offset, OperationIndex, TopicPartition};
use crate::verdict::Anomaly;

/// Why one operation comes before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// The other wrote at the second offset, and it at the first.
    WriteWrite(TopicPartition, Offset, Offset),
    /// The other polled what it sent.
    WriteRead(TopicPartition, Offset),
    /// The other is a later one of the same process.
    Process,
    /// It had ended when the other began.
    Realtime,
}

/// How many steps of a circle a sentence tells.
const TOLD_MAX: usize = 6;

/// What happened, in one sentence without a full stop.
pub(super) fn sentence(anomaly: Anomaly, circle: &[(OperationIndex, Before)], names: &dyn Naming) -> String {
    let next = circle.iter().cycle().skip(1).map(|(next, _)| names.operation(*next));
    let mut sentences: Vec<String> = circle
        .iter()
        .zip(next)
        .take(TOLD_MAX)
        .map(|((one, before), next)| {
            let one = names.operation(*one);
            match before {
                Before::WriteWrite(partition, first, then) => {
                    let name = names.partition(partition);
                    format!("{next} wrote offset {then} of {name} after {one} wrote {first}")
                }
                Before::WriteRead(partition, offset) => {
                    let name = names.partition(partition);
                    format!("{next} polled offset {offset} of {name}, which {one} sent")
                }
                Before::Process => format!("{next} is of the same process as {one}, and later"),
                Before::Realtime => format!("{next} began when {one} had ended"),
            }
        })
        .collect();
    if circle.len() > TOLD_MAX {
        let first = names.operation(circle[0].0);
        sentences.push(format!("and {} more until {first} again", circle.len() - TOLD_MAX));
    }
    format!("transactions in a circle ({anomaly}): {}", sentences.join("; "))
}
