//! One partition across its replicas: who holds what, and what was promised to producers.

use std::collections::BTreeMap;

use super::log::Prefix;
use super::replica::{Cut, Replica};
use crate::ids::{BrokerId, LeaderEpoch, Offset, Time};
use crate::operation::Acks;
use crate::trace::Batch;

/// A partition's replicas and promises.
#[derive(Clone, Debug, Default)]
pub struct Partition {
    pub(super) replicas: BTreeMap<BrokerId, Replica>,
    pub(super) acks: BTreeMap<(Offset, u64), Ack>,
    pub(super) acked: Option<Acked>,
    pub(super) true_hw: Option<TrueHighWatermark>,
}

/// All that was acknowledged to acks=all, in short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    /// The offset after the highest acknowledged one.
    pub(crate) end: Offset,
    /// What lay below it in the log of the one who acknowledged it.
    pub(crate) prefix: Prefix,
    /// Those who acknowledged did not all have the same there, so that each batch has to be looked for.
    pub(crate) mixed: bool,
}

/// A batch that was acknowledged to its producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// When.
    pub time: Time,
    /// By whom.
    pub by: BrokerId,
    /// In which leader epoch.
    pub epoch: LeaderEpoch,
    /// What the acknowledgement promised.
    pub acks: Acks,
    /// The batch, as it lay in the log of the one who acknowledged it.
    pub batch: Batch,
}

/// The greatest high watermark that any leader held in the epochs current at the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrueHighWatermark {
    /// The offset.
    pub hw: Offset,
    /// Whose it was.
    pub by: BrokerId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// Since when.
    pub since: Time,
}

/// Where a batch is, as one replica has it.
#[derive(Clone, Copy, Debug)]
pub enum Whereabouts<'a> {
    /// In its log, below its high watermark.
    Committed,
    /// In its log, at or above its high watermark.
    Uncommitted,
    /// In its log no longer; this is what took it last.
    Cut(&'a Cut),
    /// It never had it.
    Never,
    /// Nobody can tell, since power loss took something and the broker has not started again, or its log was
    /// never told.
    Unknown,
}

impl Partition {
    /// All replicas of which anything was told.
    pub fn replicas(&self) -> impl Iterator<Item = (BrokerId, &Replica)> {
        self.replicas.iter().map(|(broker, replica)| (*broker, replica))
    }

    /// The replica of one broker.
    pub fn replica(&self, broker: BrokerId) -> Option<&Replica> {
        self.replicas.get(&broker)
    }

    /// What was acknowledged from `from` on, by offset; of one offset in the order of time.
    pub fn acks_from(&self, from: Offset) -> impl Iterator<Item = &Ack> {
        self.acks.range((from, 0)..).map(|(_, ack)| ack)
    }

    /// The acknowledged batches that hold this offset.
    pub fn acks_at(&self, offset: Offset) -> impl Iterator<Item = &Ack> {
        // Batches of different leaders may overlap, so that it is not the nearest one before that counts.
        let up_to = self.acks.range(..=(offset, u64::MAX)).rev().map(|(_, ack)| ack);
        up_to.filter(move |ack| ack.batch.end() > offset)
    }

    /// All that was acknowledged to acks=all, if anything was.
    pub(crate) fn acked(&self) -> Option<&Acked> {
        self.acked.as_ref()
    }

    /// The greatest high watermark that counted, if there was any.
    pub fn true_high_watermark(&self) -> Option<&TrueHighWatermark> {
        self.true_hw.as_ref()
    }

    /// Where this batch is, replica by replica.
    pub fn whereabouts(&self, batch: &Batch) -> impl Iterator<Item = (BrokerId, Whereabouts<'_>)> {
        let batch = *batch;
        self.replicas().map(move |(broker, replica)| {
            let held = replica.log().map(|log| log.holds(&batch));
            let cut = || replica.cuts().iter().rev().find(|cut| cut.batches.contains(&batch));
            let place = match held {
                Some(true) if replica.high_watermark() >= batch.end() => Whereabouts::Committed,
                Some(true) => Whereabouts::Uncommitted,
                None => Whereabouts::Unknown,
                Some(false) => cut().map_or(Whereabouts::Never, Whereabouts::Cut),
            };
            (broker, place)
        })
    }
}
