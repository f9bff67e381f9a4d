//! What the broker tells of its inside, as `tracing` events of one documented target.
//!
//! An event is emitted in the same poll as the change that it tells, before anything is sent because of it.
//! A broker of someone else's that emits the same events gets the same checks. Ids and offsets are integers,
//! `-1` stands for none, lists are joined by commas.

use std::fmt::Write;

use tracing::{Level, event};

use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch, TopicPartition};
use crate::log::batch::BatchHeader;
use crate::log::{BatchSummary, Recovered};

/// The target of every event here.
pub const TARGET: &str = "highwater::replica";

/// Joins ids for a list-valued field.
pub fn join<'a>(ids: impl IntoIterator<Item = &'a BrokerId>) -> String {
    let mut joined = String::new();
    for id in ids {
        separate(&mut joined);
        joined.push_str(&id.0.to_string());
    }
    joined
}

/// Joins epochs and where they begin for a list-valued field.
fn starts(epochs: impl Iterator<Item = (LeaderEpoch, Offset)>) -> String {
    let mut joined = String::new();
    for (epoch, start) in epochs {
        separate(&mut joined);
        let _ = write!(joined, "{}:{}", epoch.0, start.0);
    }
    joined
}

/// Joins batches for a list-valued field.
fn batches(batches: &[BatchSummary]) -> String {
    let mut joined = String::with_capacity(batches.len() * 24);
    for BatchSummary { base, count, epoch, crc } in batches {
        separate(&mut joined);
        let _ = write!(joined, "{}:{count}:{}:{crc}", base.0, epoch.0);
    }
    joined
}

fn separate(joined: &mut String) {
    if !joined.is_empty() {
        joined.push(',');
    }
}

/// Emits one event about a replica: the fields that all have, then its own.
macro_rules! replica_event {
    ($name:literal, $broker:expr, $tp:expr, $($field:ident = $value:expr),* $(,)?) => {
        event!(
            target: TARGET, Level::INFO, event = $name,
            broker = $broker.0, topic = &*$tp.topic, partition = $tp.partition,
            $($field = $value),*
        )
    };
}

/// The process began, as this incarnation.
pub fn broker_started(broker: BrokerId, incarnation: u64) {
    event!(target: TARGET, Level::INFO, event = "broker_started", broker = broker.0, incarnation);
}

/// The process is about to end by itself.
pub fn broker_stopped(broker: BrokerId, why: &str) {
    event!(target: TARGET, Level::INFO, event = "broker_stopped", broker = broker.0, why);
}

/// The controller gave this incarnation its epoch.
pub fn registered(broker: BrokerId, epoch: BrokerEpoch) {
    event!(target: TARGET, Level::INFO, event = "registered", broker = broker.0, broker_epoch = epoch.0);
}

/// A log was opened. What of it did not pass its checks is gone; the rest is told batch by batch, since
/// whoever listens cannot know what a power loss left.
pub fn recovered(
    broker: BrokerId,
    tp: &TopicPartition,
    found: &Recovered,
    hw: Offset,
    epochs: impl Iterator<Item = (LeaderEpoch, Offset)>,
) {
    replica_event!(
        "recovered",
        broker,
        tp,
        leo = found.end.0,
        hw = hw.0,
        cut_bytes = found.cut_bytes,
        epochs = starts(epochs).as_str(),
        batches = batches(&found.batches).as_str(),
    );
}

/// A batch entered the log, and (under flush every-batch) is synced.
pub fn appended(broker: BrokerId, tp: &TopicPartition, batch: &BatchSummary, leader: bool) {
    replica_event!(
        "appended",
        broker,
        tp,
        base = batch.base.0,
        count = batch.count,
        epoch = batch.epoch.0,
        crc = batch.crc,
        leader = leader,
    );
}

/// The leader-epoch cache holds these epochs now, one that is new to it among them.
pub fn epoch_cache(
    broker: BrokerId,
    tp: &TopicPartition,
    epochs: impl Iterator<Item = (LeaderEpoch, Offset)>,
) {
    replica_event!("epoch_cache", broker, tp, epochs = starts(epochs).as_str());
}

/// The high watermark moved.
pub fn high_watermark(broker: BrokerId, tp: &TopicPartition, hw: Offset, epoch: LeaderEpoch, leader: bool) {
    replica_event!("high_watermark", broker, tp, hw = hw.0, epoch = epoch.0, leader = leader);
}

/// Records at and above `to` left the log, which ended at `from`; its cache keeps these epochs.
pub fn truncated(
    broker: BrokerId,
    tp: &TopicPartition,
    (from, to): (Offset, Offset),
    why: &str,
    epochs: impl Iterator<Item = (LeaderEpoch, Offset)>,
) {
    replica_event!(
        "truncated",
        broker,
        tp,
        from = from.0,
        to = to.0,
        why = why,
        epochs = starts(epochs).as_str(),
    );
}

/// The replica leads from here on.
pub fn became_leader(
    broker: BrokerId,
    tp: &TopicPartition,
    epoch: LeaderEpoch,
    start: Offset,
    isr: &str,
    partition_epoch: PartitionEpoch,
) {
    replica_event!(
        "became_leader",
        broker,
        tp,
        epoch = epoch.0,
        start = start.0,
        isr = isr,
        partition_epoch = partition_epoch.0,
    );
}

/// The replica follows `leader` (or nobody) from here on.
pub fn became_follower(
    broker: BrokerId,
    tp: &TopicPartition,
    epoch: LeaderEpoch,
    leader: Option<BrokerId>,
    (leo, hw): (Offset, Offset),
    partition_epoch: PartitionEpoch,
) {
    replica_event!(
        "became_follower",
        broker,
        tp,
        epoch = epoch.0,
        leader = leader.map_or(-1, |l| l.0),
        leo = leo.0,
        hw = hw.0,
        partition_epoch = partition_epoch.0,
    );
}

/// The leader asks for another ISR; until that is settled it counts with `maximal`.
pub fn isr_proposed(
    broker: BrokerId,
    tp: &TopicPartition,
    epoch: LeaderEpoch,
    (isr, maximal): (&str, &str),
    partition_epoch: PartitionEpoch,
) {
    replica_event!(
        "isr_proposed",
        broker,
        tp,
        epoch = epoch.0,
        isr = isr,
        maximal = maximal,
        partition_epoch = partition_epoch.0,
    );
}

/// The leader counts with a committed ISR.
pub fn isr_applied(
    broker: BrokerId,
    tp: &TopicPartition,
    epoch: LeaderEpoch,
    isr: &str,
    partition_epoch: PartitionEpoch,
) {
    replica_event!(
        "isr_applied",
        broker,
        tp,
        epoch = epoch.0,
        isr = isr,
        partition_epoch = partition_epoch.0,
    );
}

/// A producer is about to be told that its records are in.
pub fn acknowledged(
    broker: BrokerId,
    tp: &TopicPartition,
    (base, last): (Offset, Offset),
    epoch: LeaderEpoch,
    acks: i16,
) {
    replica_event!("acknowledged", broker, tp, base = base.0, last = last.0, epoch = epoch.0, acks = acks);
}

/// These whole batches are about to be handed out, to a follower or (`reader` none) to a consumer.
pub fn served(
    broker: BrokerId,
    tp: &TopicPartition,
    from: Offset,
    records: &[u8],
    hw: Offset,
    epoch: LeaderEpoch,
    reader: Option<BrokerId>,
) {
    replica_event!(
        "served",
        broker,
        tp,
        from = from.0,
        until = BatchHeader::end_of(records).unwrap_or(from).0,
        hw = hw.0,
        epoch = epoch.0,
        reader = reader.map_or(-1, |r| r.0),
    );
}

/// The replica is pulled for at `leader` from here on.
pub fn fetcher_started(broker: BrokerId, tp: &TopicPartition, leader: BrokerId, epoch: LeaderEpoch) {
    replica_event!("fetcher_started", broker, tp, leader = leader.0, epoch = epoch.0);
}

/// The replica is no longer pulled for at `leader`.
pub fn fetcher_stopped(broker: BrokerId, tp: &TopicPartition, leader: BrokerId, epoch: LeaderEpoch) {
    replica_event!("fetcher_stopped", broker, tp, leader = leader.0, epoch = epoch.0);
}
