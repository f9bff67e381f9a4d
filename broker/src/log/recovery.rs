//! Opening a log: every batch is checked again, and the log cut at the first bad one.

use super::epochs::EpochCache;
use super::error::LogError;
use super::segment::{Segment, bases_of};
use super::tail::Tail;
use super::{BatchSummary, EPOCHS_FILE, Log, LogConfig, TAIL_BYTES_MAX};
use crate::env::Disk;
use crate::ids::Offset;
use crate::mutant::Mutant;

use ::tokio::time::Instant;

/// What [`Log::open`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The log's end offset.
    pub end: Offset,
    /// Torn or corrupt bytes, and all behind them, that were removed.
    pub cut_bytes: u64,
    /// All batches that are left, from the log's start on.
    pub batches: Vec<BatchSummary>,
}

impl<D: Disk> Log<D> {
    /// Opens the log in the folder `dir`, or creates an empty one.
    ///
    /// All segments are scanned, whatever the shutdown was like (KAFKA-10471). The log ends before the
    /// first batch that is torn, fails its CRC or does not continue what precedes it. What is kept is
    /// durable once this returns: the last life may have left it in the page cache alone.
    pub async fn open(disk: D, dir: &str, config: LogConfig) -> Result<(Self, Recovered), LogError> {
        let epochs_path = format!("{dir}/{EPOCHS_FILE}");
        let stored_epochs = EpochCache::load(&disk, &epochs_path).await?;
        let names = disk.list(dir).await.map_err(LogError::io("list", dir))?;
        let mut bases = bases_of(&names);
        if bases.is_empty() {
            bases.push(Offset(0));
        }

        let mut segments: Vec<Segment<D::File>> = Vec::with_capacity(bases.len());
        let mut lost = Vec::new();
        let mut epochs = EpochCache::default();
        let mut end = bases[0];
        let mut bad_bytes = 0;
        let mut cut_bytes = 0;
        let mut batches = Vec::new();
        for base in bases {
            let mut segment = Segment::open(&disk, dir, base, &config).await?;
            if bad_bytes > 0 || !lost.is_empty() || base != end {
                cut_bytes += segment.file_size().await?;
                lost.push(segment);
                continue;
            }
            let scan = segment.scan(&mut epochs, &stored_epochs, &mut batches).await?;
            end = scan.end;
            bad_bytes = scan.bad_bytes;
            cut_bytes += bad_bytes;
            segments.push(segment);
        }

        // From the back, so that dying in between never leaves a gap.
        for segment in lost.into_iter().rev() {
            segment.remove(&disk).await?;
        }
        let last = segments.last_mut().expect("the first segment is always kept");
        if bad_bytes > 0 && !config.mutants.has(Mutant::CleanShutdownFlag) {
            last.truncate(last.size).await?;
        }
        for segment in &segments {
            segment.sync().await?;
        }
        disk.sync_dir(dir).await.map_err(LogError::io("sync the folder", dir))?;

        let epochs = epochs.with_unwritten(&stored_epochs, end);
        if epochs != stored_epochs {
            epochs.store(&disk, &epochs_path).await?;
        }
        let log = Self {
            disk,
            dir: dir.to_owned(),
            config,
            segments,
            end,
            epochs,
            tail: Tail::new(TAIL_BYTES_MAX),
            unsynced: false,
            synced_at: Instant::now(),
            broken: false,
        };
        Ok((log, Recovered { end, cut_bytes, batches }))
    }
}
