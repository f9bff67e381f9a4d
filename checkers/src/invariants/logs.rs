//! What must hold of logs: of each by itself, and of any two (W4, W5, W11, W18, W22).

use super::scene::{Before, Scene};
use crate::ids::{BrokerId, LeaderEpoch, Offset};
use crate::operation::Acks;
use crate::state::{Cut, CutBy, Replica, ReplicaLog, Role};
use crate::trace::{Batch, EpochStart};
use crate::verdict::Anomaly;

/// What an epoch cache may hold beyond the log's end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwritten {
    /// The epochs of batches that are about to be appended.
    Any,
    /// One epoch that starts at the end, in which its leader has appended nothing.
    One,
    /// Nothing.
    None,
}

/// Two brokers, whichever of them told something.
fn pair(one: BrokerId, other: BrokerId) -> [BrokerId; 2] {
    [one.min(other), one.max(other)]
}

impl<'a> Scene<'a> {
    fn log_of(&self, broker: BrokerId) -> Option<&'a ReplicaLog> {
        self.fold.replica(broker)?.log()
    }

    /// The other replicas whose logs are known, the dead ones too.
    fn others(
        &self,
        than: BrokerId,
    ) -> impl Iterator<Item = (BrokerId, &'a Replica, &'a ReplicaLog)> + use<'a> {
        let replicas = self.fold.replicas().filter(move |(broker, _)| *broker != than);
        replicas.filter_map(|(broker, replica)| Some((broker, replica, replica.log()?)))
    }

    /// W4: no two replicas differ below both their high watermarks. Judged as that of `broker` rose from `was`.
    pub(super) fn logs_match(&mut self, broker: BrokerId, was: Offset) {
        let Some(replica) = self.fold.replica(broker).filter(|_| !self.suspended) else { return };
        let Some(log) = replica.log() else { return };
        for (other, its, its_log) in self.others(broker) {
            let theirs = its.high_watermark();
            let both = replica.high_watermark().min(theirs);
            if both <= was.min(theirs) {
                // What lies below both was compared before.
                continue;
            }
            let both = both.min(log.end()).min(its_log.end());
            self.state(Anomaly::LogMatching, pair(broker, other), log.agrees_with(its_log, both), || {
                let parts = log.parts_from(its_log);
                let what = format!(
                    "{broker} and {other} differ at offset {parts}, below their high watermarks {} and {theirs}: {}",
                    replica.high_watermark(), versus(log, its_log, parts)
                );
                (what, vec![parts, both])
            });
        }
    }

    /// W5: logs that have an offset in the same epoch are equal there and before. Judged for the batch that
    /// `broker` has appended.
    pub(super) fn epochs_match(&mut self, broker: BrokerId, batch: &Batch) {
        let Some(log) = self.log_of(broker) else { return };
        for (other, _, its_log) in self.others(broker) {
            let Some(its) = its_log.at(batch.base).filter(|its| its.epoch == batch.epoch) else { continue };
            let holds = its == *batch && log.agrees_with(its_log, batch.end());
            self.epoch_match(broker, other, (log, its_log), batch.epoch, holds);
        }
    }

    /// W5, of a whole log: what is equal at the last offset with an epoch in common is equal before.
    pub(super) fn recovered_epochs_match(&mut self, broker: BrokerId) {
        let Some(log) = self.log_of(broker) else { return };
        for (other, _, its_log) in self.others(broker) {
            let common = log.backwards().find_map(|batch| {
                let its = its_log.at(batch.base).filter(|its| its.epoch == batch.epoch)?;
                Some((batch, its))
            });
            let Some((batch, its)) = common else { continue };
            let holds = its == batch && log.agrees_with(its_log, batch.end());
            self.epoch_match(broker, other, (log, its_log), batch.epoch, holds);
        }
    }

    fn epoch_match(
        &mut self,
        broker: BrokerId,
        other: BrokerId,
        (log, its_log): (&ReplicaLog, &ReplicaLog),
        epoch: LeaderEpoch,
        holds: bool,
    ) {
        self.state(Anomaly::EpochLogMatching, pair(broker, other), holds, || {
            let parts = log.parts_from(its_log);
            let what = format!(
                "{broker} and {other} have records of epoch {epoch} in common, and differ at offset {parts}: {}",
                versus(log, its_log, parts)
            );
            (what, vec![parts])
        });
    }

    /// W11: a follower's high watermark is within its log, and does not rise above what it has in common with
    /// the leader that it follows.
    pub(super) fn follower_moved_high_watermark(&mut self, broker: BrokerId) {
        self.high_watermark_within_log(Anomaly::VerifiedHighWatermark, broker);
        let Some(replica) = self.fold.replica(broker) else { return };
        let Role::Follower { leader: Some(leader), .. } = replica.role() else { return };
        let hw = replica.high_watermark();
        let Before::Replica(before) = &self.at.before else { return };
        if hw <= before.hw {
            return;
        }
        // Of a leader that has been replaced since, nothing can be said: it may have truncated.
        let Some(its) = self.fold.replica(*leader) else { return };
        let leads = its.leadership().is_some_and(|(epoch, _)| Some(epoch) == replica.epoch());
        let Some((log, its_log)) = replica.log().zip(its.log().filter(|_| leads)) else { return };
        let both = hw.min(log.end());
        self.state(Anomaly::VerifiedHighWatermark, [broker, *leader], log.agrees_with(its_log, both), || {
            let parts = log.parts_from(its_log);
            let what = format!(
                "{broker} follows {leader} and raises its high watermark to {hw}, though their logs part at offset {parts}: {}",
                versus(log, its_log, parts)
            );
            (what, vec![parts, hw])
        });
    }

    /// W18: no record that was acknowledged to acks=all is gone from every disk. Judged as `broker` lost what
    /// is in its latest cut.
    pub(super) fn nothing_is_lost_globally(&mut self, broker: BrokerId) {
        if self.suspended {
            return;
        }
        let Some(cut) = self.fold.replica(broker).and_then(|replica| replica.cuts().last()) else { return };
        let end = cut.batches.last().map_or(cut.from, Batch::end);
        let acks = self.fold.acks_from(cut.from).take_while(|ack| ack.batch.base < end);
        // The cut is in order, as a log is.
        let went = |batch: &Batch| {
            let at = cut.batches.partition_point(|it| it.base < batch.base);
            cut.batches[at..].iter().take_while(|it| it.base == batch.base).any(|it| it == batch)
        };
        // Nobody can tell what a disk holds that has lost something and was not read since.
        let held =
            |batch: &Batch| self.fold.replicas().any(|(_, it)| it.log().is_none_or(|log| log.holds(batch)));
        let gone = acks.filter(|ack| ack.acks == Acks::All && went(&ack.batch) && !held(&ack.batch));
        let gone: Vec<_> = gone.copied().collect();
        let Some(first) = gone.first() else { return };
        self.step(Anomaly::NoCommitLostGlobally, broker, false, || {
            let what = format!(
                "offset {} was acknowledged to acks=all at {} by {} (epoch {}), and is on no disk any more: {broker} was the last to have it, and {}",
                first.batch.base, first.time, first.by, first.batch.epoch, went_by(cut)
            );
            (what, gone.iter().map(|ack| ack.batch.base).collect())
        });
    }

    /// W22, as a batch is appended: it continues the log, and the epoch cache knows its epoch.
    pub(super) fn append_continues(&mut self, broker: BrokerId, batch: &Batch) {
        let Before::Replica(before) = &self.at.before else { return };
        let Batch { base, count, epoch, .. } = *batch;
        if let Some(end) = before.end {
            self.step(Anomaly::LogIntegrity, broker, base == end, || {
                (format!("{broker} appends at offset {base}, though its log ends at {end}"), vec![end, base])
            });
        }
        self.step(Anomaly::LogIntegrity, broker, count > 0, || {
            (format!("{broker} appends a batch without records at offset {base}"), vec![base])
        });
        let last = before.last_epoch.unwrap_or(epoch);
        self.step(Anomaly::LogIntegrity, broker, epoch >= last, || {
            let what = format!(
                "{broker} appends a record of epoch {epoch} at offset {base}, after one of epoch {last}"
            );
            (what, vec![base])
        });
        if let Some(epochs) = self.fold.replica(broker).and_then(Replica::epochs) {
            let noted = epochs.iter().rev().find(|entry| entry.start <= base);
            self.step(Anomaly::LogIntegrity, broker, noted.is_some_and(|it| it.epoch == epoch), || {
                let cached = noted.map_or_else(|| "none".to_owned(), |entry| entry.epoch.to_string());
                let what = format!(
                    "{broker} appends a record of epoch {epoch} at offset {base}, for which its epoch cache has {cached}"
                );
                (what, vec![base])
            });
        }
    }

    /// W22: the epoch cache is what the log says, and beyond the log's end what may be.
    pub(super) fn cache_matches(&mut self, broker: BrokerId, unwritten: Unwritten) {
        let Some(replica) = self.fold.replica(broker) else { return };
        let Some((log, epochs)) = replica.log().zip(replica.epochs()) else { return };
        let wrong = wrong_entry(log, epochs, unwritten);
        self.step(Anomaly::LogIntegrity, broker, wrong.is_none(), || {
            let cache: Vec<String> = epochs.iter().map(EpochStart::to_string).collect();
            let (offset, why) = wrong.unwrap_or_default();
            let what =
                format!("the epoch cache of {broker} ({}) is not what its log says: {why}", cache.join(","));
            (what, vec![offset])
        });
    }

    /// W22: a leader's own epoch is in its cache, at its start.
    pub(super) fn own_epoch_is_cached(&mut self, broker: BrokerId, epoch: LeaderEpoch, start: Offset) {
        let Some(replica) = self.fold.replica(broker) else { return };
        let Some(epochs) = replica.epochs() else { return };
        let holds = epochs.last() == Some(&EpochStart { epoch, start });
        self.step(Anomaly::LogIntegrity, broker, holds, || {
            let what = format!(
                "{broker} leads in epoch {epoch} from offset {start} on, and its epoch cache does not have that"
            );
            (what, vec![start])
        });
        self.log_ends_at(broker, start);
    }

    /// W22: what a replica says of its log's end is what it told of its log.
    pub(super) fn log_ends_at(&mut self, broker: BrokerId, said: Offset) {
        let Some(end) = self.log_of(broker).map(ReplicaLog::end) else { return };
        self.step(Anomaly::LogIntegrity, broker, end == said, || {
            let what =
                format!("{broker} says that its log ends at {said}, and what it told of it ends at {end}");
            (what, vec![said, end])
        });
    }

    /// W22: a log that was read from a disk is dense, and in the order of its epochs.
    pub(super) fn recovered_log_is_sound(&mut self, broker: BrokerId, batches: &[Batch]) {
        let gap = batches.windows(2).find(|two| two[0].end() != two[1].base || two[1].epoch < two[0].epoch);
        self.step(Anomaly::LogIntegrity, broker, gap.is_none(), || {
            let (before, after) =
                gap.map_or_else(Default::default, |two| (two[0].to_string(), two[1].to_string()));
            (format!("the log that {broker} recovered has {after} right after {before}"), Vec::new())
        });
    }
}

/// The first thing that is wrong with an epoch cache, and at which offset. Epochs do not step back along a
/// log, so that the ends of each entry's range tell of all within it.
fn wrong_entry(log: &ReplicaLog, epochs: &[EpochStart], unwritten: Unwritten) -> Option<(Offset, String)> {
    let end = log.end();
    let mut expected = log.start();
    let mut beyond = 0;
    for (index, EpochStart { epoch, start }) in epochs.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| epochs[before]);
        if before.is_some_and(|before| before.epoch >= *epoch || before.start >= *start) {
            return Some((*start, format!("epoch {epoch} at {start} is out of order")));
        }
        if *start >= end {
            beyond += 1;
            let allowed = match unwritten {
                Unwritten::Any => true,
                Unwritten::One => beyond == 1 && *start == end,
                Unwritten::None => false,
            };
            if !allowed {
                return Some((*start, format!("epoch {epoch} starts at {start}, and the log ends at {end}")));
            }
            continue;
        }
        let until = epochs.get(index + 1).map_or(end, |next| next.start.min(end));
        let (first, last) = (log.at(*start), log.at(until.plus(-1)));
        let agrees = |batch: Option<Batch>| batch.is_some_and(|batch| batch.epoch == *epoch);
        if Some(*start) != expected
            || first.is_some_and(|it| it.base != *start)
            || !agrees(first)
            || !agrees(last)
        {
            return Some((
                *start,
                format!("the records from {start} to {until} are not those of epoch {epoch}"),
            ));
        }
        expected = Some(until);
    }
    // What the last entry within the log leaves over has no entry.
    let missing = expected.filter(|expected| *expected < end);
    missing.map(|from| (from, format!("the records from {from} on have no entry")))
}

fn versus(log: &ReplicaLog, other: &ReplicaLog, offset: Offset) -> String {
    let there = |log: &ReplicaLog| match log.at(offset) {
        Some(batch) => format!("{} records of epoch {} (crc {:08x})", batch.count, batch.epoch, batch.crc),
        None => "nothing".to_owned(),
    };
    format!("{} against {}", there(log), there(other))
}

fn went_by(cut: &Cut) -> String {
    match &cut.how {
        CutBy::Truncation { why, .. } => format!("truncated to {} ({why})", cut.from),
        CutBy::Recovery => format!("found only what is below {} when it started", cut.from),
    }
}
