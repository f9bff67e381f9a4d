//! How fast a run is, from plan to verdict: milliseconds of virtual time in a second of real time.
//!
//! The cluster and the load are those of the suite `quick`, cut to five seconds: once in peace, and once with
//! a leader cut off and a leader killed.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use highwater::campaign::{Execute, thread};
use highwater::run::{self, RunResult, RunSpec};
use highwater::system::System;
use highwater::system::kafka::KafkaReference;
use highwater_checkers::judge::Shown;
use highwater_checkers::verdict::RunOutcome;
use highwater_workloads::scenario;

const SEED: u64 = 7;

const CLUSTER_AND_LOAD: &str = "
version: 1
name: bench
cluster:
  brokers: 3
  config:
    replica.lag.time.max.ms: 3000
    broker.heartbeat.interval.ms: 500
    broker.session.timeout.ms: 2000
    replica.high.watermark.checkpoint.interval.ms: 1000
    flush: every-batch
topics:
  - { name: orders, partitions: 6, replication: 3, config: { min.insync.replicas: 2 } }
clients:
  - producer: { count: 4, topic: orders, acks: all, rate: 100/s, in_flight: 5, timeout: 2s }
  - consumer: { count: 2, topic: orders }
recovery: { heal: all, within: 30s }
run: { duration: 5s, seeds: 1 }
";

const FAULTS: &str = "
faults:
  - kind: network-partition
    at: 500ms
    duration: 2500ms
    selector: { role: leader }
    target: { role: any, mode: all }
  - kind: process-kill
    at: 4s
    selector: { role: leader }
    restart_after: 500ms
";

/// The run of a scenario's text, recorded in `folder`.
fn spec(source: &str, folder: &tempfile::TempDir) -> RunSpec {
    let parsed = scenario::parse("bench", source, &KafkaReference.vocabulary());
    RunSpec {
        scenario: Arc::new(parsed.unwrap_or_else(|diagnostics| panic!("{diagnostics}"))),
        source: source.into(),
        source_name: "bench".into(),
        seed: SEED,
        folder: folder.path().to_owned(),
        stop: Arc::default(),
        until: None,
        stop_at_violation: false,
        shown: Shown::First,
        progress: None,
    }
}

fn execute(spec: &RunSpec) -> RunResult {
    let execute: Execute = Arc::new(|spec| run::execute(&KafkaReference, spec));
    let result =
        thread::alone(spec.clone(), &execute).unwrap_or_else(|failure| panic!("{}", failure.message()));
    // A run that gave up early, or whose faults never bit, would be fast for nothing.
    assert_eq!(result.verdict.outcome, RunOutcome::Pass, "{:?}", result.verdict.findings);
    result
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("run of 5 s of load");
    group.sampling_mode(SamplingMode::Flat);
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(8));
    for (name, faults) in [("without faults", ""), ("with faults", FAULTS)] {
        let folder = tempfile::tempdir().expect("a folder for the recording");
        let spec = spec(&format!("{CLUSTER_AND_LOAD}{faults}"), &folder);
        // Every run of a seed is the same, so that the first one tells how much time each simulates.
        let simulated = execute(&spec).measures.virtual_time;
        group.throughput(Throughput::Elements(simulated.as_millis() as u64));
        group.bench_function(name, |b| b.iter(|| execute(black_box(&spec))));
    }
    group.finish();
}

criterion_group!(simulation, benches);
criterion_main!(simulation);
