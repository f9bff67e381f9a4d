//! Where a lost record is: after a loss every replica's log is searched, as the trace tells it.

use serde::Serialize;

use crate::ids::{BrokerId, Offset, Time, TopicPartition};
use crate::state::{Ack, Cluster, Cut, CutBy, Partition, Whereabouts};
use crate::verdict::Fate;

/// What became of one lost record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostRecord {
    /// In a word.
    pub fate: Fate,
    /// In a sentence's part, without a full stop: by whom, when and why.
    pub how: String,
}

/// What became of the record that a producer was told, by `acknowledged` at the latest, to lie at `offset`.
/// `None` if no broker told anything of the partition.
pub fn fate(
    cluster: &Cluster,
    partition: &TopicPartition,
    offset: Option<Offset>,
    acknowledged: Time,
) -> Option<LostRecord> {
    let fold = cluster.partition(partition)?;
    let leader = cluster.metadata().partition(partition).and_then(|committed| committed.leader);
    let ack = offset.and_then(|offset| acknowledgement(fold, offset, acknowledged));
    Some(match ack {
        Some(ack) => found(fold, leader, ack),
        None => lost(Fate::Unknown, "no broker told of having acknowledged it".to_owned()),
    })
}

/// The acknowledgement of what lay at `offset`: the last one that the producer can have been told of.
fn acknowledgement(fold: &Partition, offset: Offset, told: Time) -> Option<&Ack> {
    fold.acks_at(offset).filter(|ack| ack.time <= told).max_by_key(|ack| ack.time)
}

fn found(fold: &Partition, leader: Option<BrokerId>, ack: &Ack) -> LostRecord {
    let (mut followers, mut unknown) = (Vec::new(), Vec::new());
    // By whom it was lost, the last one at the end: until then it was somewhere.
    let mut cuts: Vec<(BrokerId, &Cut)> = Vec::new();
    for (broker, place) in fold.whereabouts(&ack.batch) {
        match place {
            Whereabouts::Committed if Some(broker) == leader => {
                return lost(Fate::Undelivered, format!("{broker} leads, has it, and did not deliver it"));
            }
            Whereabouts::Uncommitted if Some(broker) == leader => {
                let how = format!("{broker} leads and has it, at or above its high watermark");
                return lost(Fate::AboveHighWatermark, how);
            }
            Whereabouts::Committed | Whereabouts::Uncommitted => followers.push(broker),
            Whereabouts::Cut(cut) => cuts.push((broker, cut)),
            Whereabouts::Never => {}
            Whereabouts::Unknown => unknown.push(broker),
        }
    }
    cuts.sort_by_key(|(_, cut)| cut.time);
    if !followers.is_empty() {
        let leads =
            leader.map_or_else(|| "nobody leads".to_owned(), |leader| format!("{leader} leads without it"));
        return lost(Fate::OnFollower, format!("{} has it, and {leads}", names(&followers)));
    }
    if !unknown.is_empty() {
        return lost(
            Fate::Unknown,
            format!("nobody can tell what is left of the log of {}", names(&unknown)),
        );
    }
    let Some((broker, last)) = cuts.pop() else {
        return lost(Fate::OnNoReplica, format!("{} acknowledged it, and no log ever held it", ack.by));
    };
    let earlier = match cuts.len() {
        0 => String::new(),
        _ => format!(
            ", after {} had lost it",
            names(&cuts.iter().map(|(broker, _)| *broker).collect::<Vec<_>>())
        ),
    };
    let time = last.time;
    match &last.how {
        CutBy::Truncation { why, epoch, leader } => {
            let epoch = epoch.map_or_else(String::new, |epoch| format!(" in epoch {epoch}"));
            let leader = leader.map_or_else(String::new, |leader| format!(" to follow {leader}{epoch}"));
            lost(Fate::Truncated, format!("{broker} truncated it at {time}{leader} ({why}){earlier}"))
        }
        CutBy::Recovery => {
            let how = format!("{broker} did not find it on its disk when it started at {time}{earlier}");
            lost(Fate::OnNoReplica, how)
        }
    }
}

fn lost(fate: Fate, how: String) -> LostRecord {
    LostRecord { fate, how }
}

fn names(brokers: &[BrokerId]) -> String {
    brokers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
