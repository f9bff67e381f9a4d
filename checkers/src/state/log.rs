//! A replica's log as its trace tells it: its batches, each with a hash of everything up to it, so that two
//! logs are compared at any offset without going through them.

use crate::ids::Offset;
use crate::recording::TraceHash;
use crate::trace::Batch;

/// The batches of one log, in their order.
#[derive(Clone, Debug, Default)]
pub struct ReplicaLog {
    entries: Vec<Entry>,
    end: Offset,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    batch: Batch,
    /// Of this batch and all before it.
    prefix: TraceHash,
}

/// All that a log holds below some offset. Two logs with equal ones hold the same there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    whole: TraceHash,
    /// The batch that begins below the offset and ends above it.
    part: Option<Batch>,
}

impl ReplicaLog {
    /// A log of these batches.
    pub fn of(batches: &[Batch]) -> Self {
        let mut log = Self { entries: Vec::with_capacity(batches.len()), end: Offset(0) };
        for batch in batches {
            log.append(*batch);
        }
        log
    }

    /// The first record's offset, if there is one.
    pub fn start(&self) -> Option<Offset> {
        self.entries.first().map(|entry| entry.batch.base)
    }

    /// The offset after the last record's (LEO).
    pub fn end(&self) -> Offset {
        self.end
    }

    /// The batch that holds `offset`.
    pub fn at(&self, offset: Offset) -> Option<Batch> {
        // The first that ends above the offset is the one, unless there is a gap.
        let batch = self.entries.get(self.whole_below(offset))?.batch;
        (batch.base <= offset).then_some(batch)
    }

    /// The last batch.
    pub fn last(&self) -> Option<Batch> {
        self.entries.last().map(|entry| entry.batch)
    }

    /// The batches that hold something of `from..until`.
    pub fn range(&self, from: Offset, until: Offset) -> impl Iterator<Item = Batch> + '_ {
        let first = self.whole_below(from);
        self.entries[first..].iter().map(|entry| entry.batch).take_while(move |batch| batch.base < until)
    }

    /// All batches, the last one first.
    pub fn backwards(&self) -> impl Iterator<Item = Batch> + '_ {
        self.entries.iter().rev().map(|entry| entry.batch)
    }

    /// Whether the log holds exactly this batch.
    pub fn holds(&self, batch: &Batch) -> bool {
        self.at(batch.base) == Some(*batch)
    }

    /// All that the log holds below `offset`.
    pub fn prefix(&self, offset: Offset) -> Prefix {
        let whole = self.whole_below(offset);
        let part = self.entries.get(whole).map(|entry| entry.batch).filter(|batch| batch.base < offset);
        Prefix { whole: self.hash_of(whole), part }
    }

    /// Whether both logs reach `offset`, and hold the same below it.
    pub fn agrees_with(&self, other: &Self, offset: Offset) -> bool {
        self.end >= offset && other.end >= offset && self.prefix(offset) == other.prefix(offset)
    }

    /// The first offset at which the logs differ; the end of the shorter one if it is the beginning of the
    /// longer.
    pub fn parts_from(&self, other: &Self) -> Offset {
        let (mut same, mut differ) = (0, self.entries.len().min(other.entries.len()) + 1);
        while differ - same > 1 {
            let middle = same + (differ - same) / 2;
            if self.hash_of(middle) == other.hash_of(middle) { same = middle } else { differ = middle }
        }
        let next = |log: &Self| log.entries.get(same).map_or(log.end, |entry| entry.batch.base);
        next(self).min(next(other))
    }

    pub(crate) fn append(&mut self, batch: Batch) {
        // A log that goes back is broken, which is for others to say; here it stays in order.
        self.truncate(batch.base);
        let identity = u64::from(batch.epoch.0.cast_unsigned()) << 32 | u64::from(batch.crc);
        let prefix = self.hash_of(self.entries.len());
        let prefix = prefix.mixed(batch.base.0.cast_unsigned()).mixed(batch.count.into()).mixed(identity);
        self.entries.push(Entry { batch, prefix });
        self.end = batch.end();
    }

    /// Cuts what reaches beyond `to`, whole batches each, and returns it.
    pub(super) fn truncate(&mut self, to: Offset) -> Vec<Batch> {
        if to >= self.end {
            return Vec::new();
        }
        self.end = to;
        let keep = self.whole_below(to);
        self.entries.drain(keep..).map(|entry| entry.batch).collect()
    }

    /// How many batches end at or below `offset`.
    fn whole_below(&self, offset: Offset) -> usize {
        match self.entries.last() {
            // Most questions are about the end.
            Some(last) if last.batch.end() <= offset => self.entries.len(),
            _ => self.entries.partition_point(|entry| entry.batch.end() <= offset),
        }
    }

    /// The hash of the first `count` batches.
    fn hash_of(&self, count: usize) -> TraceHash {
        count.checked_sub(1).map_or_else(TraceHash::default, |last| self.entries[last].prefix)
    }
}
