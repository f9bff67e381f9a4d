//! How long all anomaly checkers together take over a million operations.

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use highwater_checkers::log::LogMonitor;
use highwater_checkers::monitor::Monitor;

use crate::generator::anomalies::{Fault, history};

/// How many instances of anomalies there are.
fn check(events: &[highwater_checkers::recording::Event]) -> usize {
    let report = LogMonitor::default().fold(events);
    assert_eq!(report.not_checkable(), None);
    let mut found = 0;
    report.sightings(&mut |_| found += 1);
    found
}

fn anomalies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("anomalies");
    group.sample_size(10);
    for (name, count, fault) in [
        ("100k", 100_000, Fault::None),
        ("1M", 1_000_000, Fault::None),
        ("1M, truncated", 1_000_000, Fault::Truncated),
    ] {
        let events = history(count, fault);
        assert_eq!(check(&events) > 0, fault != Fault::None, "{name}");
        group.throughput(Throughput::Elements(count));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| (), |()| check(&events), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, anomalies);
