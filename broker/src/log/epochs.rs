//! The leader-epoch cache: where each leader's epoch begins in the log (KIP-101).

use std::collections::BTreeMap;
use std::ops::Bound;

use super::batch::{BatchError, BatchHeader};
use super::checkpoint;
use super::error::LogError;
use crate::env::Disk;
use crate::ids::{LeaderEpoch, Offset};

/// The start offsets of the epochs. Both rise: along with the epochs, so do their starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EpochCache(BTreeMap<LeaderEpoch, Offset>);

impl EpochCache {
    pub(super) fn latest(&self) -> Option<LeaderEpoch> {
        self.0.last_key_value().map(|(epoch, _)| *epoch)
    }

    /// The epochs and where they begin, the earliest first.
    pub(super) fn starts(&self) -> impl Iterator<Item = (LeaderEpoch, Offset)> {
        self.0.iter().map(|(epoch, start)| (*epoch, *start))
    }

    /// Notes that `epoch`, later than all others, begins at `start`. An epoch that began there and has
    /// no records gives way.
    pub(super) fn assign(&mut self, epoch: LeaderEpoch, start: Offset) {
        assert!(self.latest() < Some(epoch), "{epoch} is not after the log's {:?}", self.latest());
        self.truncate(start);
        self.0.insert(epoch, start);
    }

    /// Forgets the epochs that begin at `end` or after it, and says whether there were any.
    pub(super) fn truncate(&mut self, end: Offset) -> bool {
        let before = self.0.len();
        self.0.retain(|_, start| *start < end);
        self.0.len() != before
    }

    /// Where `requested` ended in this log, which ends at `end`, and by which epoch that is known;
    /// `None` is Kafka's undefined. Kafka's `LeaderEpochFileCache.endOffsetFor`.
    pub(super) fn end_offset_for(
        &self,
        requested: LeaderEpoch,
        end: Offset,
    ) -> Option<(LeaderEpoch, Offset)> {
        if requested < LeaderEpoch(0) {
            return None;
        }
        if self.latest()? == requested {
            return Some((requested, end));
        }
        let (_, next_start) = self.0.range((Bound::Excluded(requested), Bound::Unbounded)).next()?;
        let floor = self.0.range(..=requested).next_back().map_or(requested, |(epoch, _)| *epoch);
        Some((floor, *next_start))
    }

    /// Checks a stored batch's epoch, which its CRC does not cover, against what was noted when it was
    /// appended. Without a note there is nothing to check.
    pub(super) fn check(&self, header: &BatchHeader) -> Result<(), BatchError> {
        let found = header.epoch;
        match self.0.iter().rev().find(|(_, start)| **start <= header.base) {
            Some((noted, _)) if *noted != found => Err(BatchError::Epoch { latest: *noted, found }),
            _ => Ok(()),
        }
    }

    /// What recovery keeps: `self` was read off the log's batches, which are right about every epoch
    /// that has any. Of what was `stored`, only an epoch that begins at the very `end` can add to that:
    /// its leader had not appended yet (KAFKA-7415).
    pub(super) fn with_unwritten(mut self, stored: &Self, end: Offset) -> Self {
        let unwritten = stored.0.iter().find(|(_, start)| **start == end);
        if let Some((epoch, start)) = unwritten
            && self.latest() < Some(*epoch)
        {
            self.assign(*epoch, *start);
        }
        self
    }

    /// Makes the cache durable at `path`.
    pub(super) async fn store<D: Disk>(&self, disk: &D, path: &str) -> Result<(), LogError> {
        let lines = self.0.iter().map(|(epoch, start)| format!("{epoch} {start}")).collect();
        checkpoint::store(disk, path, lines).await
    }

    /// The cache stored at `path`; empty if there is none, or only a damaged one.
    pub(super) async fn load<D: Disk>(disk: &D, path: &str) -> Result<Self, LogError> {
        let lines = checkpoint::load(disk, path).await?.unwrap_or_default();
        let entry = |line: &String| {
            let (epoch, start) = line.split_once(' ')?;
            Some((LeaderEpoch(epoch.parse().ok()?), Offset(start.parse().ok()?)))
        };
        Ok(Self(lines.iter().filter_map(entry).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use crate::env::tokio::TokioEnv;

    fn cache(entries: &[(i32, i64)]) -> EpochCache {
        EpochCache(entries.iter().map(|(epoch, start)| (LeaderEpoch(*epoch), Offset(*start))).collect())
    }

    /// The answer of a log with epochs 2, 5 and 7 from offsets 10, 20 and 30 on, which ends at 40.
    fn answer(requested: i32) -> Option<(i32, i64)> {
        let epochs = cache(&[(2, 10), (5, 20), (7, 30)]);
        epochs.end_offset_for(LeaderEpoch(requested), Offset(40)).map(|(epoch, end)| (epoch.0, end.0))
    }

    #[test]
    fn an_undefined_epoch_has_no_end() {
        assert_eq!(answer(-1), None);
    }

    #[test]
    fn the_latest_epoch_ends_with_the_log() {
        assert_eq!(answer(7), Some((7, 40)));
    }

    #[test]
    fn an_epoch_after_the_latest_has_no_end() {
        assert_eq!(answer(8), None);
        assert_eq!(EpochCache::default().end_offset_for(LeaderEpoch(0), Offset(0)), None);
    }

    #[test]
    fn an_epoch_before_the_first_ends_where_the_first_begins() {
        assert_eq!(answer(0), Some((0, 10)));
        assert_eq!(answer(1), Some((1, 10)));
    }

    #[test]
    fn a_known_epoch_ends_where_the_next_begins() {
        assert_eq!(answer(2), Some((2, 20)));
        assert_eq!(answer(5), Some((5, 30)));
    }

    #[test]
    fn an_unknown_epoch_is_answered_by_the_one_before_it() {
        assert_eq!(answer(3), Some((2, 20)));
        assert_eq!(answer(6), Some((5, 30)));
    }

    #[test]
    fn epoch_zero_is_an_epoch_like_any_other() {
        let epochs = cache(&[(0, 0)]);
        assert_eq!(epochs.end_offset_for(LeaderEpoch(0), Offset(3)), Some((LeaderEpoch(0), Offset(3))));
    }

    #[test]
    fn an_epoch_without_records_gives_way_to_one_that_begins_there() {
        let mut epochs = cache(&[(1, 0), (2, 10)]);
        epochs.assign(LeaderEpoch(4), Offset(10));
        assert_eq!(epochs, cache(&[(1, 0), (4, 10)]));
        epochs.assign(LeaderEpoch(5), Offset(11));
        assert_eq!(epochs, cache(&[(1, 0), (4, 10), (5, 11)]));
    }

    #[test]
    #[should_panic(expected = "is not after")]
    fn an_epoch_is_never_assigned_twice() {
        cache(&[(3, 0)]).assign(LeaderEpoch(3), Offset(5));
    }

    #[test]
    fn truncation_forgets_what_begins_at_the_new_end() {
        let mut epochs = cache(&[(1, 0), (2, 10), (3, 20)]);
        assert!(!epochs.truncate(Offset(21)));
        assert!(epochs.truncate(Offset(20)));
        assert_eq!(epochs, cache(&[(1, 0), (2, 10)]));
        assert!(epochs.truncate(Offset(0)));
        assert_eq!(epochs.latest(), None);
    }

    #[test]
    fn recovery_keeps_an_unwritten_epoch_at_the_end_and_nothing_else() {
        let log = cache(&[(1, 0), (2, 10)]);
        let stored = cache(&[(0, 0), (1, 5), (3, 20), (4, 30)]);
        assert_eq!(log.clone().with_unwritten(&stored, Offset(20)), cache(&[(1, 0), (2, 10), (3, 20)]));
        assert_eq!(log.clone().with_unwritten(&stored, Offset(25)), log);
        assert_eq!(log.clone().with_unwritten(&cache(&[(2, 20)]), Offset(20)), log);
    }

    #[tokio::test]
    async fn what_is_stored_is_loaded() {
        let root = tempfile::tempdir().unwrap();
        let env = TokioEnv::new(root.path().to_owned(), 0);
        assert_eq!(EpochCache::load(env.disk(), "epochs").await.unwrap(), EpochCache::default());
        let epochs = cache(&[(0, 0), (7, 9)]);
        epochs.store(env.disk(), "epochs").await.unwrap();
        assert_eq!(EpochCache::load(env.disk(), "epochs").await.unwrap(), epochs);
    }
}
