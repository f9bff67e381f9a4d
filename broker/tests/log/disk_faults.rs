//! A disk that counts its calls, and fails or hangs at one of them.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater_broker::env::DiskFile;
use highwater_broker::env::tokio::TokioFile;
use highwater_broker::ids::TopicPartition;
use highwater_broker::log::hw_checkpoint;
use highwater_broker::mutant::Mutant;
use tokio::time::{sleep, timeout};

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The call fails; an append writes half of its bytes first.
    Fail,
    /// The call never returns.
    Hang,
}

#[derive(Debug, Default)]
struct Calls {
    counts: BTreeMap<&'static str, u32>,
    /// So many calls that change something go well before the fault.
    fault: Option<(u32, Fault)>,
}

#[derive(Clone, Debug)]
struct FaultyDisk<D> {
    inner: D,
    calls: Arc<Mutex<Calls>>,
}

struct FaultyFile {
    inner: TokioFile,
    calls: Arc<Mutex<Calls>>,
}

impl FaultyDisk<TokioDisk> {
    fn new(node: &Node) -> Self {
        Self { inner: node.disk.clone(), calls: Arc::default() }
    }

    /// Lets `calls` more calls that change something go well, and then one not.
    fn fault_after(&self, calls: u32, fault: Fault) {
        self.calls.lock().unwrap().fault = Some((calls, fault));
    }

    /// The calls since the last time.
    fn take_counts(&self) -> Vec<(&'static str, u32)> {
        std::mem::take(&mut self.calls.lock().unwrap().counts).into_iter().collect()
    }
}

fn count(calls: &Mutex<Calls>, name: &'static str) {
    *calls.lock().unwrap().counts.entry(name).or_default() += 1;
}

/// Counts a call that changes something, and says whether it is to go wrong.
async fn change(calls: &Mutex<Calls>, name: &'static str) -> io::Result<()> {
    count(calls, name);
    let due = {
        let fault = &mut calls.lock().unwrap().fault;
        match fault {
            Some((0, kind)) => {
                let kind = *kind;
                *fault = None;
                Some(kind)
            }
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        }
    };
    match due {
        Some(Fault::Fail) => Err(io::Error::other("the disk fails")),
        Some(Fault::Hang) => pending().await,
        None => Ok(()),
    }
}

impl Disk for FaultyDisk<TokioDisk> {
    type File = FaultyFile;

    async fn open(&self, path: &str, create: bool) -> io::Result<FaultyFile> {
        if create {
            change(&self.calls, "open").await?;
        }
        Ok(FaultyFile { inner: self.inner.open(path, create).await?, calls: Arc::clone(&self.calls) })
    }

    async fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.inner.list(dir).await
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        change(&self.calls, "rename").await?;
        self.inner.rename(from, to).await
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        change(&self.calls, "remove").await?;
        self.inner.remove(path).await
    }

    async fn sync_dir(&self, dir: &str) -> io::Result<()> {
        change(&self.calls, "sync_dir").await?;
        self.inner.sync_dir(dir).await
    }
}

impl DiskFile for FaultyFile {
    async fn append(&self, data: Bytes) -> io::Result<()> {
        if let Err(error) = change(&self.calls, "append").await {
            self.inner.append(data.slice(..data.len() / 2)).await?;
            return Err(error);
        }
        self.inner.append(data).await
    }

    async fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes> {
        count(&self.calls, "read_at");
        self.inner.read_at(position, len).await
    }

    async fn truncate(&self, len: u64) -> io::Result<()> {
        change(&self.calls, "truncate").await?;
        self.inner.truncate(len).await
    }

    async fn sync(&self) -> io::Result<()> {
        change(&self.calls, "sync").await?;
        self.inner.sync().await
    }

    async fn size(&self) -> io::Result<u64> {
        count(&self.calls, "size");
        self.inner.size().await
    }
}

type FaultyLog = Log<FaultyDisk<TokioDisk>>;

/// A log in epoch 0 on a disk that counts from now on.
async fn open(node: &Node, config: LogConfig) -> (FaultyLog, FaultyDisk<TokioDisk>) {
    let disk = FaultyDisk::new(node);
    let (mut log, _) = Log::open(disk.clone(), DIR, config).await.unwrap();
    log.start_epoch(LeaderEpoch(0)).await.unwrap();
    disk.take_counts();
    (log, disk)
}

async fn append(log: &mut FaultyLog, value: &str) -> Result<(), LogError> {
    log.append_as_leader(produced(&[value]), LeaderEpoch(0)).await.map(|_| ())
}

#[tokio::test]
async fn an_append_is_one_call_and_one_sync_where_each_batch_is_synced() {
    let node = Node::new();
    for (flush, calls) in [
        (FlushPolicy::Never, vec![("append", 1)]),
        (FlushPolicy::EveryBatch, vec![("append", 1), ("sync", 1)]),
    ] {
        let (mut log, disk) = open(&node, LogConfig { flush, ..ROOMY }).await;
        let two = [produced(&["a"]), produced(&["b"])];
        log.append_as_leader(two.concat().into(), LeaderEpoch(0)).await.unwrap();
        assert_eq!(disk.take_counts(), calls);
    }
}

#[tokio::test]
async fn an_interval_has_to_pass_between_syncs() {
    let node = Node::new();
    let with = |interval| LogConfig { flush: FlushPolicy::Interval(interval), ..ROOMY };
    let interval = Duration::from_millis(10);
    let (mut log, disk) = open(&node, with(interval)).await;
    sleep(interval).await;
    append(&mut log, "a").await.unwrap();
    assert_eq!(disk.take_counts(), [("append", 1), ("sync", 1)]);
    drop(log);

    let (mut log, disk) = open(&node, with(Duration::from_secs(3600))).await;
    append(&mut log, "b").await.unwrap();
    assert_eq!(disk.take_counts(), [("append", 1)]);
    // The owner's own sync costs something only where there is something to sync.
    log.sync().await.unwrap();
    log.sync().await.unwrap();
    assert_eq!(disk.take_counts(), [("sync", 1)]);
}

#[tokio::test]
async fn the_tail_is_read_from_memory_and_older_batches_by_one_call() {
    let node = Node::new();
    let (mut log, disk) = open(&node, ROOMY).await;
    append(&mut log, "a").await.unwrap();
    append(&mut log, "b").await.unwrap();
    disk.take_counts();
    assert_eq!(values(&log).await, ["a", "b"]);
    assert_eq!(disk.take_counts(), []);
    drop(log);
    let (log, disk) = open(&node, ROOMY).await;
    assert!(!log.read(Offset(1), Offset(2), 4096).await.unwrap().is_empty());
    assert_eq!(disk.take_counts(), [("read_at", 1)]);
}

#[tokio::test]
async fn after_a_failed_write_every_call_fails_until_the_log_is_opened_anew() {
    let node = Node::new();
    let (mut log, disk) = open(&node, ROOMY).await;
    append(&mut log, "a").await.unwrap();
    disk.fault_after(0, Fault::Fail);
    let error = append(&mut log, "b").await.unwrap_err();
    assert!(matches!(error, LogError::Io { action: "append to", .. }), "{error}");
    assert!(!error.is_callers_fault());
    assert_eq!(log.end_offset(), Offset(1));

    disk.take_counts();
    let later = [
        append(&mut log, "c").await,
        log.append_as_follower(fetched(&["c"], 1, 0)).await.map(|_| ()),
        log.read(Offset(0), Offset(1), 100).await.map(|_| ()),
        log.truncate_to(Offset(0)).await,
        log.truncate_to(Offset(5)).await,
        log.sync().await,
        log.start_epoch(LeaderEpoch(9)).await,
    ];
    for result in later {
        assert!(matches!(result, Err(LogError::Io { action: "go on with", .. })));
    }
    assert_eq!(disk.take_counts(), []);

    drop(log);
    let (log, recovered) = node.open(ROOMY).await;
    assert_eq!(recovered.end, Offset(1));
    assert_eq!(recovered.cut_bytes, produced(&["b"]).len() as u64 / 2);
    assert_eq!(values(&log).await, ["a"]);
}

#[tokio::test]
async fn what_is_not_synced_does_not_count() {
    let node = Node::new();
    let (mut log, disk) = open(&node, LogConfig { flush: FlushPolicy::EveryBatch, ..ROOMY }).await;
    append(&mut log, "a").await.unwrap();
    disk.fault_after(1, Fault::Fail);
    let error = append(&mut log, "b").await.unwrap_err();
    assert!(matches!(error, LogError::Io { action: "sync", .. }), "{error}");
    assert_eq!(log.end_offset(), Offset(1));
    assert!(append(&mut log, "c").await.is_err());
}

#[tokio::test]
async fn what_a_mutant_does_not_sync_counts() {
    let node = Node::new();
    let mutants = Mutants::NONE.with(Mutant::NoFsyncCorrelated);
    let config = LogConfig { flush: FlushPolicy::EveryBatch, mutants, ..ROOMY };
    let (mut log, disk) = open(&node, config).await;
    append(&mut log, "a").await.unwrap();
    disk.take_counts();
    append(&mut log, "b").await.unwrap();
    assert_eq!(disk.take_counts(), [("append", 1)]);
    assert_eq!(log.end_offset(), Offset(2));
}

#[tokio::test]
async fn a_mutant_that_goes_on_after_a_failed_sync_has_another_record_on_its_disk() {
    let node = Node::new();
    let mutants = Mutants::NONE.with(Mutant::AppendAfterIoError);
    let config = LogConfig { flush: FlushPolicy::EveryBatch, mutants, ..ROOMY };
    let (mut log, disk) = open(&node, config).await;
    append(&mut log, "a").await.unwrap();
    disk.fault_after(1, Fault::Fail);
    append(&mut log, "refused").await.unwrap_err();
    append(&mut log, "acknowledged").await.unwrap();
    assert_eq!(values(&log).await, ["a", "acknowledged"]);
    drop(log);
    let (log, _) = open(&node, config).await;
    assert_eq!(values(&log).await, ["a", "refused"]);
}

#[tokio::test]
async fn an_abandoned_write_is_a_failed_one() {
    let node = Node::new();
    let (mut log, disk) = open(&node, LogConfig { flush: FlushPolicy::EveryBatch, ..ROOMY }).await;
    disk.fault_after(1, Fault::Hang);
    timeout(Duration::from_millis(10), append(&mut log, "a")).await.unwrap_err();
    assert_eq!(log.end_offset(), Offset(0));
    assert!(append(&mut log, "b").await.is_err());
}

/// One step of a history on which each call of the disk is made to fail in turn.
async fn step(log: &mut FaultyLog, step: usize) -> Result<(), LogError> {
    match step {
        0 => log.append_as_follower(fetched(&["a", "b"], 0, 0)).await.map(|_| ()),
        1 => log
            .append_as_follower([fetched(&["c"], 2, 0), fetched(&["d"], 3, 1)].concat().into())
            .await
            .map(|_| ()),
        2 => log.start_epoch(LeaderEpoch(3)).await,
        3 => log.append_as_leader(produced(&["e"]), LeaderEpoch(3)).await.map(|_| ()),
        4 => log.append_as_leader(produced(&["f"]), LeaderEpoch(3)).await.map(|_| ()),
        5 => log.truncate_to(Offset(2)).await,
        6 => log.append_as_follower(fetched(&["C", "D"], 2, 4)).await.map(|_| ()),
        7 => log.truncate_to(Offset(4)).await,
        8 => log.truncate_to(Offset(0)).await,
        9 => log.append_as_follower(fetched(&["A"], 0, 5)).await.map(|_| ()),
        _ => unreachable!("there are {STEPS} steps"),
    }
}
const STEPS: usize = 10;

#[tokio::test]
async fn whichever_call_fails_the_log_is_as_before_or_after_its_step() {
    let config = LogConfig { flush: FlushPolicy::EveryBatch, ..CRAMPED };
    let mut expected = vec![Vec::new()];
    let node = Node::new();
    let (mut log, _) = open(&node, config).await;
    for n in 0..STEPS {
        step(&mut log, n).await.unwrap();
        expected.push(records(&log).await);
    }

    let mut failures = 0;
    loop {
        let node = Node::new();
        let (mut log, disk) = open(&node, config).await;
        disk.fault_after(failures, Fault::Fail);
        let mut failed = None;
        for n in 0..STEPS {
            if step(&mut log, n).await.is_err() {
                failed = Some(n);
                break;
            }
        }
        let Some(failed) = failed else { break };
        drop(log);
        let (log, _) = node.open(config).await;
        let found = records(&log).await;
        let (before, after) = (&expected[failed], &expected[failed + 1]);
        let (shorter, longer) = if before.len() < after.len() { (before, after) } else { (after, before) };
        assert!(found.starts_with(shorter), "call {failures}, in step {failed}: {found:?}");
        assert!(longer.starts_with(&found), "call {failures}, in step {failed}: {found:?}");
        let latest = found.last().map(|(epoch, _)| LeaderEpoch(*epoch));
        assert!(log.latest_epoch() >= latest, "call {failures}, in step {failed}");
        failures += 1;
    }
    assert!(failures > 50, "only {failures} calls were made to fail");
}

#[tokio::test]
async fn high_watermarks_are_the_old_or_the_new_ones_whichever_call_fails() {
    let watermarks = |hw| {
        let partitions = ["orders", "orders.eu-west_1"].map(|topic| TopicPartition::new(topic, 3));
        partitions.into_iter().zip([Offset(hw), Offset(hw + 1)]).collect::<BTreeMap<_, _>>()
    };
    let node = Node::new();
    let disk = FaultyDisk::new(&node);
    assert_eq!(hw_checkpoint::load(&disk).await.unwrap(), BTreeMap::new());
    hw_checkpoint::store(&disk, &watermarks(7)).await.unwrap();
    let mut failures = 0;
    loop {
        disk.fault_after(failures, Fault::Fail);
        let stored = hw_checkpoint::store(&disk, &watermarks(100)).await;
        let loaded = hw_checkpoint::load(&disk).await.unwrap();
        if stored.is_ok() {
            assert_eq!(loaded, watermarks(100));
            break;
        }
        assert!(loaded == watermarks(7) || loaded == watermarks(100), "call {failures}: {loaded:?}");
        failures += 1;
    }
    assert_eq!(failures, 6);
}
