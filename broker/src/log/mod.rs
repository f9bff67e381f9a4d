//! A partition's log on [`crate::env::Disk`]: Kafka v2 record batches, kept verbatim in segments.
//!
//! A log is one folder: segments named after their first offset, and the leader-epoch checkpoint.
//! Offsets are dense. [`Log::open`] is recovery; [`hw_checkpoint`] holds the high watermarks, which the
//! log itself knows nothing of.
//!
//! Calls that change a log are not to be abandoned half-way: like a failed write, that leaves the end of
//! its files unknown, and every later call fails until the log is opened anew.

pub mod batch;
mod checkpoint;
mod epochs;
mod error;
pub mod hw_checkpoint;
mod index;
mod record;
mod recovery;
mod segment;
mod tail;

use std::io;
use std::ops::Range;
use std::time::Duration;

use ::tokio::time::Instant;
use bytes::{Bytes, BytesMut};

use self::batch::{BatchError, BatchHeader};
use self::epochs::EpochCache;
use self::segment::Segment;
use self::tail::Tail;
use crate::env::Disk;
use crate::ids::{LeaderEpoch, Offset};
use crate::mutant::{Mutant, Mutants};

pub use self::error::LogError;
pub use self::recovery::Recovered;

/// Kafka's name for the file of the leader-epoch cache.
const EPOCHS_FILE: &str = "leader-epoch-checkpoint";
/// How much of a log's end is kept in memory for reads.
const TAIL_BYTES_MAX: usize = 256 << 10;

/// When appended batches are made durable. A segment always is before the next one is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushPolicy {
    /// When the operating system likes: Kafka's default, which leaves durability to replication.
    Never,
    /// With the first append so long after the last sync. An idle log is synced by its owner's calls of
    /// [`Log::sync`].
    Interval(Duration),
    /// Each append, before it counts.
    EveryBatch,
}

/// How a log is kept.
#[derive(Clone, Copy, Debug)]
pub struct LogConfig {
    /// A segment that would grow beyond this is closed, and the next begun (`segment.bytes`). An append
    /// is never split: a larger one has a segment to itself.
    pub segment_bytes: u64,
    /// Bytes between two entries of the offset index (`index.interval.bytes`).
    pub index_interval_bytes: u64,
    /// When appended batches are made durable.
    pub flush: FlushPolicy,
    /// The largest batch that a leader takes (`max.message.bytes`).
    pub max_batch_bytes: usize,
    /// The seeded defects.
    pub mutants: Mutants,
}

/// One batch that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSummary {
    /// The first record's offset.
    pub base: Offset,
    /// How many records there are.
    pub count: i64,
    /// The epoch of the leader that appended it first.
    pub epoch: LeaderEpoch,
    /// The CRC-32C computed over the bytes written, from the batch's attributes on.
    pub crc: u32,
}

/// What an append added to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The first record's offset.
    pub base: Offset,
    /// The last record's offset, inclusive.
    pub last: Offset,
    /// The batches, at least one.
    pub batches: Vec<BatchSummary>,
}

/// A batch and where it stands among the bytes handed in.
struct Placed {
    at: Range<usize>,
    batch: BatchSummary,
}

/// The log of one replica of a partition.
#[derive(Debug)]
pub struct Log<D: Disk> {
    disk: D,
    dir: String,
    config: LogConfig,
    /// Never empty; the last one is appended to.
    segments: Vec<Segment<D::File>>,
    end: Offset,
    epochs: EpochCache,
    tail: Tail,
    /// Whether there are bytes that no sync has covered.
    unsynced: bool,
    synced_at: Instant,
    /// A change of the files has begun and has not ended well (KAFKA-10778).
    broken: bool,
}

impl<D: Disk> Log<D> {
    /// The first record's offset, or where it will be.
    pub fn start_offset(&self) -> Offset {
        self.segments[0].base
    }

    /// The offset after the last record's (LEO). Under [`FlushPolicy::EveryBatch`] only what is synced
    /// counts.
    pub fn end_offset(&self) -> Offset {
        self.end
    }

    /// Appends whole batches as their leader in `epoch`: they are checked, given the offsets from the
    /// log's end on, and stamped with the epoch.
    pub async fn append_as_leader(
        &mut self,
        records: Bytes,
        epoch: LeaderEpoch,
    ) -> Result<Appended, LogError> {
        self.ensure_sound()?;
        self.ensure_not_before_latest(epoch)?;
        let placed = self.check(&records, Some(epoch))?;
        let mut records = owned(records);
        for Placed { at, batch } in &placed {
            batch::stamp(&mut records[at.clone()], batch.base, epoch);
        }
        self.write(records.freeze(), &placed).await
    }

    /// Appends whole batches fetched from the leader. Their offsets and epochs are the leader's, and must
    /// continue this log.
    pub async fn append_as_follower(&mut self, records: Bytes) -> Result<Appended, LogError> {
        self.ensure_sound()?;
        let placed = self.check(&records, None)?;
        self.write(owned(records).freeze(), &placed).await
    }

    /// Whole batches from the one that contains `from` on, none of which reaches `until`; at most
    /// `max_bytes`, but at least one batch if there is one. They may end early, where a segment does.
    /// What comes from the disk is checked against its CRC.
    pub async fn read(&self, from: Offset, until: Offset, max_bytes: usize) -> Result<Bytes, LogError> {
        self.ensure_sound()?;
        self.ensure_in_range(from)?;
        let until = until.min(self.end);
        if from >= until {
            return Ok(Bytes::new());
        }
        match self.tail.read(from, until, max_bytes) {
            Some(bytes) => Ok(bytes),
            None => self.segments[self.segment_of(from)].read(from, until, max_bytes, &self.epochs).await,
        }
    }

    /// Removes the records from `offset` on, and the epochs that begin there; durable once it returns.
    /// A batch that contains `offset` goes as a whole. If the log ends before, only the epochs are looked
    /// at: one that begins at the log's end may be in conflict with the leader's (KAFKA-10706).
    pub async fn truncate_to(&mut self, offset: Offset) -> Result<(), LogError> {
        self.ensure_sound()?;
        if offset >= self.end {
            self.broken = true;
            self.truncate_epochs(offset).await?;
            self.broken = false;
            return Ok(());
        }
        self.ensure_in_range(offset)?;
        let keep = self.segment_of(offset);
        let (end, position) = self.segments[keep].locate(offset).await?;

        self.broken = true;
        // The epochs go first: dying in between, recovery finds those that still have batches.
        self.truncate_epochs(end).await?;
        self.end = end;
        self.tail.truncate(end);
        // From the back, so that dying in between never leaves a gap.
        while self.segments.len() > keep + 1 {
            let segment = self.segments.pop().expect("there is one more than is kept");
            segment.remove(&self.disk).await?;
        }
        self.sync_dir().await?;
        self.segments[keep].truncate(position).await?;
        self.unsynced = false;
        self.broken = false;
        Ok(())
    }

    /// Makes all that was appended durable; costs nothing if it is.
    pub async fn sync(&mut self) -> Result<(), LogError> {
        self.ensure_sound()?;
        if self.unsynced {
            self.broken = true;
            self.active().sync().await?;
            self.unsynced = false;
            self.broken = false;
        }
        self.synced_at = Instant::now();
        Ok(())
    }

    /// Where each leader epoch begins that the log knows of, the earliest first.
    pub fn epochs(&self) -> impl Iterator<Item = (LeaderEpoch, Offset)> {
        self.epochs.starts()
    }

    /// The latest leader epoch that the log knows of.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// Where `epoch` ended in this log, and the epoch by which that is known; `None` where Kafka says
    /// "undefined" (KIP-101, KIP-279): the epoch is negative, or later than all that the log knows.
    pub fn end_offset_for(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_offset_for(epoch, self.end)
    }

    /// Notes that a new leader's `epoch` begins at the log's end; durable once it returns, which is
    /// before the leader's first append (KAFKA-7415).
    pub async fn start_epoch(&mut self, epoch: LeaderEpoch) -> Result<(), LogError> {
        self.ensure_sound()?;
        self.ensure_not_before_latest(epoch)?;
        if self.epochs.latest() < Some(epoch) {
            self.broken = true;
            self.epochs.assign(epoch, self.end);
            self.store_epochs().await?;
            self.broken = false;
        }
        Ok(())
    }

    /// Removes the log's folder with all that is in it; durable once it returns. The log is of no use after.
    pub async fn delete(&mut self) -> Result<(), LogError> {
        let Self { disk, dir, .. } = self;
        self.broken = true;
        for name in disk.list(dir).await.map_err(LogError::io("list", dir))?.iter().rev() {
            let path = format!("{dir}/{name}");
            disk.remove(&path).await.map_err(LogError::io("remove", &path))?;
        }
        disk.sync_dir(dir).await.map_err(LogError::io("sync the folder", dir))
    }

    /// Checks batches that are to be appended, and says what they will be: stamped with `epoch` by their
    /// leader, or as they are.
    fn check(&self, records: &[u8], epoch: Option<LeaderEpoch>) -> Result<Vec<Placed>, LogError> {
        let mut placed = Vec::new();
        let mut next = self.end;
        let mut latest = self.epochs.latest();
        let mut position = 0;
        while position < records.len() || placed.is_empty() {
            let invalid = |source| LogError::Invalid { position, source };
            let bytes = &records[position..];
            if bytes.is_empty() {
                return Err(invalid(BatchError::Empty));
            }
            let header = BatchHeader::parse(bytes).map_err(invalid)?;
            if epoch.is_none() {
                header.continues(next, latest).map_err(invalid)?;
            } else if header.size > self.config.max_batch_bytes {
                return Err(LogError::TooLarge { size: header.size, limit: self.config.max_batch_bytes });
            }
            let crc = header.verify_with(bytes, self.config.mutants).map_err(invalid)?;
            let epoch = epoch.unwrap_or(header.epoch);
            let batch = BatchSummary { base: next, count: header.count, epoch, crc };
            placed.push(Placed { at: position..position + header.size, batch });
            next = next.plus(header.count);
            latest = Some(epoch);
            position += header.size;
        }
        Ok(placed)
    }

    /// Writes checked batches at the log's end, by one call of the disk.
    async fn write(&mut self, records: Bytes, placed: &[Placed]) -> Result<Appended, LogError> {
        self.broken = true;
        self.assign_epochs(placed).await?;
        if self.active().size > 0 && self.active().size + records.len() as u64 > self.config.segment_bytes {
            self.roll().await?;
        }
        match self.active().append(records.clone()).await {
            Err(LogError::Io { source, .. })
                if source.kind() == io::ErrorKind::StorageFull
                    && self.config.mutants.has(Mutant::DiskFullPartial) => {}
            appended => appended?,
        }
        self.unsynced = true;
        let flush = match self.config.flush {
            FlushPolicy::Never => false,
            FlushPolicy::Interval(interval) => self.synced_at.elapsed() >= interval,
            FlushPolicy::EveryBatch => !self.config.mutants.has(Mutant::NoFsyncCorrelated),
        };
        if flush {
            self.active().sync().await?;
            self.unsynced = false;
            self.synced_at = Instant::now();
        }

        // From here on the batches count: nothing below can fail.
        let base = self.end;
        for Placed { at, batch } in placed {
            let active = self.segments.last_mut().expect("a log has a segment");
            active.extend(batch.base, at.len());
            self.end = batch.base.plus(batch.count);
            self.tail.push(batch.base, self.end, records.slice(at.clone()));
        }
        self.broken = false;
        let batches = placed.iter().map(|placed| placed.batch).collect();
        Ok(Appended { base, last: self.end.plus(-1), batches })
    }

    /// Notes the epochs that begin with these batches, durably and before the batches are written.
    async fn assign_epochs(&mut self, placed: &[Placed]) -> Result<(), LogError> {
        let before = self.epochs.latest();
        for Placed { batch, .. } in placed {
            if self.epochs.latest() < Some(batch.epoch) {
                self.epochs.assign(batch.epoch, batch.base);
            }
        }
        if self.epochs.latest() == before { Ok(()) } else { self.store_epochs().await }
    }

    async fn truncate_epochs(&mut self, end: Offset) -> Result<(), LogError> {
        if self.config.mutants.has(Mutant::EpochCacheNotTruncated) {
            return Ok(());
        }
        if self.epochs.truncate(end) { self.store_epochs().await } else { Ok(()) }
    }

    async fn store_epochs(&self) -> Result<(), LogError> {
        self.epochs.store(&self.disk, &format!("{}/{EPOCHS_FILE}", self.dir)).await
    }

    /// Closes the active segment, durably, and begins the next.
    async fn roll(&mut self) -> Result<(), LogError> {
        self.active().sync().await?;
        self.unsynced = false;
        let segment = Segment::open(&self.disk, &self.dir, self.end, &self.config).await?;
        let size = segment.file_size().await?;
        assert_eq!(size, 0, "{} exists already", segment.path);
        self.segments.push(segment);
        self.sync_dir().await
    }

    async fn sync_dir(&self) -> Result<(), LogError> {
        self.disk.sync_dir(&self.dir).await.map_err(LogError::io("sync the folder", &self.dir))
    }

    fn active(&self) -> &Segment<D::File> {
        self.segments.last().expect("a log has a segment")
    }

    /// The segment that holds `offset`, or would.
    fn segment_of(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.base <= offset) - 1
    }

    fn ensure_sound(&self) -> Result<(), LogError> {
        if self.broken && !self.config.mutants.has(Mutant::AppendAfterIoError) {
            let source = io::Error::other("an earlier write failed or was abandoned half-way");
            return Err(LogError::Io { action: "go on with", path: self.dir.clone(), source });
        }
        Ok(())
    }

    fn ensure_in_range(&self, offset: Offset) -> Result<(), LogError> {
        let (start, end) = (self.start_offset(), self.end);
        if offset < start || offset > end {
            return Err(LogError::OutOfRange { offset, start, end });
        }
        Ok(())
    }

    fn ensure_not_before_latest(&self, epoch: LeaderEpoch) -> Result<(), LogError> {
        let latest = self.epochs.latest().unwrap_or(LeaderEpoch(0));
        if epoch < latest {
            let source = BatchError::Epoch { latest, found: epoch };
            return Err(LogError::Invalid { position: 0, source });
        }
        Ok(())
    }
}

/// The bytes for us alone: copied only if they are a part of something larger that others hold too, such
/// as a request's frame, which the log's memory of its tail would keep alive.
fn owned(records: Bytes) -> BytesMut {
    records.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))
}
