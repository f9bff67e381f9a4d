//! What an append and a read of the partition log cost on a real folder, at records of 100 bytes.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use highwater_broker::env::tokio::{TokioDisk, TokioEnv};
use highwater_broker::env::{Env, Timestamp};
use highwater_broker::ids::{LeaderEpoch, Offset};
use highwater_broker::log::{FlushPolicy, Log, LogConfig, batch};
use highwater_broker::mutant::Mutants;
use tokio::runtime::{Builder, Runtime};

const RECORD_BYTES: usize = 100;
const RECORDS: i64 = 50_000;

fn config(flush: FlushPolicy) -> LogConfig {
    LogConfig {
        segment_bytes: 64 << 20,
        index_interval_bytes: 4096,
        flush,
        max_batch_bytes: 1 << 20,
        mutants: Mutants::NONE,
    }
}

fn open(runtime: &Runtime, root: &tempfile::TempDir, flush: FlushPolicy) -> Log<TokioDisk> {
    let env = TokioEnv::new(root.path().to_owned(), 0);
    runtime.block_on(Log::open(env.disk().clone(), "bench-0", config(flush))).unwrap().0
}

fn append(runtime: &Runtime, log: &mut Log<TokioDisk>, batch: &Bytes) {
    // A request's bytes are shared with its frame, so that the log has to copy them: the common case.
    runtime.block_on(log.append_as_leader(batch.clone(), LeaderEpoch(0))).unwrap();
}

fn benches(c: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let batch = batch::encode(&[(None, Bytes::from(vec![b'x'; RECORD_BYTES]))], Timestamp(0));

    let mut group = c.benchmark_group("log append");
    group.throughput(Throughput::Elements(1));
    for (name, flush) in [("flush never", FlushPolicy::Never), ("flush every batch", FlushPolicy::EveryBatch)]
    {
        let root = tempfile::tempdir().unwrap();
        let mut log = open(&runtime, &root, flush);
        group.bench_function(name, |b| b.iter(|| append(&runtime, &mut log, black_box(&batch))));
    }
    group.finish();

    let root = tempfile::tempdir().unwrap();
    let mut log = open(&runtime, &root, FlushPolicy::Never);
    for _ in 0..RECORDS {
        append(&runtime, &mut log, &batch);
    }
    let mut group = c.benchmark_group("log read");
    group.throughput(Throughput::Elements(1));
    let end = log.end_offset();
    group.bench_function("newest record, from memory", |b| {
        b.iter(|| runtime.block_on(log.read(black_box(end.plus(-1)), end, 1)).unwrap());
    });
    let mut from = 0;
    group.bench_function("one record, from disk", |b| {
        b.iter(|| {
            // A stride without a pattern, through the older half of the log.
            from = (from + 7919) % (RECORDS / 2);
            runtime.block_on(log.read(black_box(Offset(from)), end, 1)).unwrap()
        });
    });
    let read_bytes = 64 << 10;
    let records = (read_bytes / batch.len()) as u64;
    group.throughput(Throughput::Elements(records));
    group.bench_function("64 KiB of records, from disk", |b| {
        b.iter(|| runtime.block_on(log.read(black_box(Offset(0)), end, read_bytes)).unwrap());
    });
    group.finish();
}

criterion_group!(log, benches);
criterion_main!(log);
