//! The high watermarks of all of a broker's replicas, in one file that is replaced as a whole.

use std::collections::BTreeMap;

use super::checkpoint;
use super::error::LogError;
use crate::env::Disk;
use crate::ids::{Offset, TopicPartition};

/// Kafka's name for it.
const FILE: &str = "replication-offset-checkpoint";

/// The stored high watermarks; none if there is no such file, or only a damaged one. A watermark that
/// is missing is safe to take as 0: the true one is learned again from the leader or the followers.
pub async fn load<D: Disk>(disk: &D) -> Result<BTreeMap<TopicPartition, Offset>, LogError> {
    let lines = checkpoint::load(disk, FILE).await?.unwrap_or_default();
    Ok(lines.iter().filter_map(|line| parse(line)).collect())
}

/// Stores the high watermarks of *all* the broker's replicas; those left out are forgotten (which is
/// KAFKA-1647 if they still exist). Durable once it returns.
pub async fn store<D: Disk>(disk: &D, watermarks: &BTreeMap<TopicPartition, Offset>) -> Result<(), LogError> {
    let line = |(tp, hw): (&TopicPartition, &Offset)| format!("{} {} {hw}", tp.topic, tp.partition);
    checkpoint::store(disk, FILE, watermarks.iter().map(line).collect()).await
}

/// A line is `topic partition offset`; Kafka's topic names have no blanks.
fn parse(line: &str) -> Option<(TopicPartition, Offset)> {
    let mut words = line.split(' ');
    let partition = TopicPartition::new(words.next()?, words.next()?.parse().ok()?);
    let watermark = Offset(words.next()?.parse().ok()?);
    words.next().is_none().then_some((partition, watermark))
}
