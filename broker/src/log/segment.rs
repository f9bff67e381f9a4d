//! One file of a log: batches end to end, named after the first one's offset.

use bytes::Bytes;

use super::batch::{BatchError, BatchHeader, HEADER_BYTES};
use super::epochs::EpochCache;
use super::error::LogError;
use super::index::Index;
use super::{BatchSummary, LogConfig};
use crate::env::{Disk, DiskFile};
use crate::ids::{LeaderEpoch, Offset};
use crate::mutant::{Mutant, Mutants};

/// How much recovery reads at a time.
const SCAN_BYTES: usize = 1 << 20;
/// The ending of a segment's name; what stands before it is the base offset in 20 digits.
const SUFFIX: &str = ".log";

/// A segment and its index. What lies past `size` in the file does not count.
#[derive(Debug)]
pub(super) struct Segment<F> {
    /// The offset of the first record, or of the one that is to come first.
    pub(super) base: Offset,
    /// Bytes of whole, good batches.
    pub(super) size: u64,
    pub(super) path: String,
    file: F,
    index: Index,
    index_interval: usize,
    mutants: Mutants,
}

/// What a scan of a segment found.
pub(super) struct Scan {
    /// The offset after the last good record.
    pub(super) end: Offset,
    /// Bytes after the last good batch.
    pub(super) bad_bytes: u64,
}

/// The base offsets of the segments among the `names` of a folder's files, ascending.
pub(super) fn bases_of(names: &[String]) -> Vec<Offset> {
    let base = |name: &String| {
        let digits = name.strip_suffix(SUFFIX)?;
        let ours = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if ours { digits.parse().ok().map(Offset) } else { None }
    };
    let mut bases: Vec<_> = names.iter().filter_map(base).collect();
    bases.sort_unstable();
    bases
}

impl<F: DiskFile> Segment<F> {
    /// Opens the segment of `dir` that begins at `base`, or creates it; it counts as empty until it is
    /// [scanned](Self::scan).
    pub(super) async fn open<D: Disk<File = F>>(
        disk: &D,
        dir: &str,
        base: Offset,
        config: &LogConfig,
    ) -> Result<Self, LogError> {
        let LogConfig { index_interval_bytes, mutants, .. } = *config;
        let path = format!("{dir}/{:020}{SUFFIX}", base.0);
        let file = disk.open(&path, true).await.map_err(LogError::io("open", &path))?;
        let index_interval = usize::try_from(index_interval_bytes).unwrap_or(usize::MAX);
        let index = Index::new(base, index_interval_bytes);
        Ok(Self { base, size: 0, path, file, index, index_interval, mutants })
    }

    /// Reads the whole file, takes in every batch up to the first bad one, and notes them in `batches` and
    /// their epochs in `epochs`; those `noted` by the log's last life are to agree.
    pub(super) async fn scan(
        &mut self,
        epochs: &mut EpochCache,
        noted: &EpochCache,
        batches: &mut Vec<BatchSummary>,
    ) -> Result<Scan, LogError> {
        let file_size = self.file_size().await?;
        self.size = file_size;
        let mut end = self.base;
        let mut index = Index::new(self.base, self.index_interval as u64);
        let mut walk = Walk::new(self, 0, SCAN_BYTES);
        loop {
            match walk.checked(end, epochs.latest(), noted).await {
                Ok(None) => break,
                Ok(Some(header)) => {
                    let latest = match epochs.latest() {
                        None if self.mutants.has(Mutant::Epoch0Lost) => Some(LeaderEpoch(0)),
                        latest => latest,
                    };
                    if latest < Some(header.epoch) {
                        epochs.assign(header.epoch, header.base);
                    }
                    index.note(header.base, walk.position);
                    // The CRC in the header was just found to be that of the bytes.
                    let BatchHeader { base, count, epoch, crc, .. } = header;
                    batches.push(BatchSummary { base, count, epoch, crc });
                    end = header.next();
                    walk.position += header.size as u64;
                }
                Err(LogError::Corrupt { path, position, source }) => {
                    tracing::warn!(path, position, rule = %source, "the segment is cut at its first bad batch");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.size = walk.position;
        self.index = index;
        Ok(Scan { end, bad_bytes: file_size - self.size })
    }

    /// Writes at the end of the file. The bytes do not count before [`Self::extend`].
    pub(super) async fn append(&self, bytes: Bytes) -> Result<(), LogError> {
        self.file.append(bytes).await.map_err(LogError::io("append to", &self.path))
    }

    /// Takes in a batch that was appended.
    pub(super) fn extend(&mut self, base: Offset, size: usize) {
        self.index.note(base, self.size);
        self.size += size as u64;
    }

    /// The batch that contains `offset`, which must be in this segment: its base offset and position.
    pub(super) async fn locate(&self, offset: Offset) -> Result<(Offset, u64), LogError> {
        let (floor, position) = self.index.floor(offset);
        let mut walk = Walk::new(self, position, self.index_interval);
        let header = walk.seek(floor, offset).await?;
        Ok((header.base, walk.position))
    }

    /// See [`super::Log::read`]; `from` must be in this segment, and the batches in these `epochs`.
    pub(super) async fn read(
        &self,
        from: Offset,
        until: Offset,
        max_bytes: usize,
        epochs: &EpochCache,
    ) -> Result<Bytes, LogError> {
        // One call of the disk is to bring both the way from the index entry and what is asked for.
        let chunk = self.index_interval.saturating_add(max_bytes);
        let (floor, position) = self.index.floor(from);
        let mut walk = Walk::new(self, position, chunk);
        let first = walk.seek(floor, from).await?;
        if first.next() > until {
            return Ok(Bytes::new());
        }
        let rest = usize::try_from(self.size - walk.position).unwrap_or(usize::MAX);
        let bytes = walk.bytes(first.size.max(max_bytes.min(rest))).await?;
        let mut next = first.base;
        let mut len = 0;
        while next < until && len + HEADER_BYTES <= bytes.len() {
            let batch = &bytes[len..];
            let corrupt = |source| self.corrupt(walk.position + len as u64, source);
            let header = BatchHeader::parse(batch).map_err(corrupt)?;
            header.continues(next, None).and_then(|()| epochs.check(&header)).map_err(corrupt)?;
            if header.size > batch.len() || header.next() > until {
                break;
            }
            header.verify_with(batch, self.mutants).map_err(corrupt)?;
            next = header.next();
            len += header.size;
        }
        Ok(bytes.slice(..len))
    }

    /// Cuts the file to `len` bytes, durably.
    pub(super) async fn truncate(&mut self, len: u64) -> Result<(), LogError> {
        self.file.truncate(len).await.map_err(LogError::io("truncate", &self.path))?;
        self.size = len;
        self.index.truncate(len);
        self.sync().await
    }

    /// Makes what was appended durable.
    pub(super) async fn sync(&self) -> Result<(), LogError> {
        self.file.sync().await.map_err(LogError::io("sync", &self.path))
    }

    /// Removes the file.
    pub(super) async fn remove<D: Disk<File = F>>(self, disk: &D) -> Result<(), LogError> {
        let Self { path, file, .. } = self;
        drop(file);
        disk.remove(&path).await.map_err(LogError::io("remove", &path))
    }

    /// The file's own length, counted or not.
    pub(super) async fn file_size(&self) -> Result<u64, LogError> {
        self.file.size().await.map_err(LogError::io("measure", &self.path))
    }

    fn corrupt(&self, position: u64, source: BatchError) -> LogError {
        LogError::Corrupt { path: self.path.clone(), position, source }
    }
}

/// Goes through a segment batch by batch, reading the file in chunks.
struct Walk<'a, F> {
    segment: &'a Segment<F>,
    /// Where the batch that is looked at begins.
    position: u64,
    chunk: Bytes,
    chunk_start: u64,
    chunk_bytes: usize,
}

impl<'a, F: DiskFile> Walk<'a, F> {
    fn new(segment: &'a Segment<F>, position: u64, chunk_bytes: usize) -> Self {
        Self { segment, position, chunk: Bytes::new(), chunk_start: position, chunk_bytes }
    }

    /// The header at the position; `None` at the segment's end.
    async fn header(&mut self) -> Result<Option<BatchHeader>, LogError> {
        if self.position == self.segment.size {
            return Ok(None);
        }
        let bytes = self.bytes(HEADER_BYTES).await?;
        BatchHeader::parse(&bytes).map(Some).map_err(|rule| self.segment.corrupt(self.position, rule))
    }

    /// The header of the batch at the position, which must be whole and good, and continue a log that
    /// ends at `expected` in the epoch `latest`.
    async fn checked(
        &mut self,
        expected: Offset,
        latest: Option<LeaderEpoch>,
        noted: &EpochCache,
    ) -> Result<Option<BatchHeader>, LogError> {
        let Some(header) = self.header().await? else { return Ok(None) };
        let corrupt = |rule| self.segment.corrupt(self.position, rule);
        header.continues(expected, latest).and_then(|()| noted.check(&header)).map_err(corrupt)?;
        let batch = self.bytes(header.size).await?;
        let mutants = self.segment.mutants;
        header.verify_with(&batch, mutants).map_err(|rule| self.segment.corrupt(self.position, rule))?;
        Ok(Some(header))
    }

    /// Goes on from the batch at the position, whose base offset is `expected`, to the one that contains
    /// `offset`, and returns its header.
    async fn seek(&mut self, mut expected: Offset, offset: Offset) -> Result<BatchHeader, LogError> {
        while let Some(header) = self.header().await? {
            // Offsets are dense, so a header that lies about its size leads to a gap, not astray.
            header.continues(expected, None).map_err(|rule| self.segment.corrupt(self.position, rule))?;
            if header.next() > offset {
                return Ok(header);
            }
            expected = header.next();
            self.position += header.size as u64;
        }
        Err(self.segment.corrupt(self.position, BatchError::Empty))
    }

    /// The `len` bytes from the position on.
    async fn bytes(&mut self, len: usize) -> Result<Bytes, LogError> {
        let segment = self.segment;
        let rest = segment.size.saturating_sub(self.position);
        let cut = |available| segment.corrupt(self.position, BatchError::Cut { needed: len, available });
        if len as u64 > rest {
            return Err(cut(rest as usize));
        }
        let skip = (self.position - self.chunk_start) as usize;
        if skip + len > self.chunk.len() {
            let wanted = len.max(self.chunk_bytes.min(usize::try_from(rest).unwrap_or(usize::MAX)));
            let read = segment.file.read_at(self.position, wanted).await;
            self.chunk = read.map_err(LogError::io("read", &segment.path))?;
            self.chunk_start = self.position;
            if self.chunk.len() < len {
                return Err(cut(self.chunk.len()));
            }
            return Ok(self.chunk.slice(..len));
        }
        Ok(self.chunk.slice(skip..skip + len))
    }
}
