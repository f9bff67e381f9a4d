//! The partition log on a real folder: by example, against a model, and with a disk that fails.

mod disk_faults;
mod epochs;
mod model;
mod mutants;
mod on_disk;
mod recovery;

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use highwater_broker::env::tokio::{TokioDisk, TokioEnv};
use highwater_broker::env::{Disk, Env, Timestamp};
use highwater_broker::ids::{LeaderEpoch, Offset};
use highwater_broker::log::batch::{self, BatchHeader};
use highwater_broker::log::{FlushPolicy, Log, LogConfig, LogError, Recovered};
use highwater_broker::mutant::Mutants;
use tempfile::TempDir;

/// The partition's folder.
const DIR: &str = "orders-0";

/// Room enough for one segment, an index entry for every batch.
const ROOMY: LogConfig = LogConfig {
    segment_bytes: 1 << 20,
    index_interval_bytes: 1,
    flush: FlushPolicy::Never,
    max_batch_bytes: 4096,
    mutants: Mutants::NONE,
};

/// One or two small batches a segment.
const CRAMPED: LogConfig = LogConfig { segment_bytes: 150, ..ROOMY };

/// A temporary folder that plays the node's disk.
struct Node {
    root: TempDir,
    disk: TokioDisk,
}

impl Node {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let disk = TokioEnv::new(root.path().to_owned(), 0).disk().clone();
        Self { root, disk }
    }

    async fn open(&self, config: LogConfig) -> (Log<TokioDisk>, Recovered) {
        Log::open(self.disk.clone(), DIR, config).await.unwrap()
    }

    /// The segments' real paths, in the order of their offsets.
    async fn segments(&self) -> Vec<PathBuf> {
        let names = self.disk.list(DIR).await.unwrap();
        let segments = names.into_iter().filter(|name| name.ends_with(".log"));
        segments.map(|name| self.root.path().join(DIR).join(name)).collect()
    }
}

/// One batch of records with these values, as a producer sends it.
fn produced<V: AsRef<[u8]>>(values: &[V]) -> Bytes {
    let record = |value: &V| (None, Bytes::copy_from_slice(value.as_ref()));
    batch::encode(&values.iter().map(record).collect::<Vec<_>>(), Timestamp(0))
}

/// The same as a follower fetches it.
fn fetched<V: AsRef<[u8]>>(values: &[V], base: i64, epoch: i32) -> Bytes {
    let mut bytes = BytesMut::from(&produced(values)[..]);
    batch::stamp(&mut bytes, Offset(base), LeaderEpoch(epoch));
    bytes.freeze()
}

/// Epoch and value of every record from `from` on, read by calls of at most `max_bytes`.
async fn read_from<D: Disk>(
    log: &Log<D>,
    from: Offset,
    max_bytes: usize,
) -> Result<Vec<(i32, String)>, LogError> {
    let mut records = Vec::new();
    let mut next = from;
    while next < log.end_offset() {
        let mut bytes = log.read(next, log.end_offset(), max_bytes).await?;
        assert!(!bytes.is_empty(), "nothing at {next}, though the log ends at {}", log.end_offset());
        while !bytes.is_empty() {
            let header = BatchHeader::parse(&bytes).unwrap();
            for (offset, value) in batch::decode_values(bytes.split_to(header.size)).unwrap() {
                if offset >= from {
                    assert_eq!(offset, next);
                    next = next.plus(1);
                    records.push((header.epoch.0, String::from_utf8(value.to_vec()).unwrap()));
                }
            }
        }
    }
    Ok(records)
}

/// Epoch and value of every record.
async fn records<D: Disk>(log: &Log<D>) -> Vec<(i32, String)> {
    read_from(log, log.start_offset(), 300).await.unwrap()
}

/// The values of every record.
async fn values<D: Disk>(log: &Log<D>) -> Vec<String> {
    records(log).await.into_iter().map(|(_, value)| value).collect()
}

/// A log with a batch of its own for each of `values`, all in epoch 0.
async fn log_of(node: &Node, config: LogConfig, values: &[&str]) -> Log<TokioDisk> {
    let (mut log, _) = node.open(config).await;
    for value in values {
        log.append_as_leader(produced(&[value]), LeaderEpoch(0)).await.unwrap();
    }
    log
}
