//! How long all anomaly checkers together take over a million operations.

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use highwater_checkers::judge::{Judge, JudgeConfig};
use highwater_checkers::log::LogMonitor;
use highwater_checkers::monitor::Monitor;
use highwater_checkers::recording::Event;

use crate::generator::anomalies::{Fault, history, measured};

/// How many instances of anomalies there are.
fn check(events: &[Event]) -> usize {
    let report = LogMonitor::default().fold(events);
    assert_eq!(report.not_checkable(), None);
    let mut found = 0;
    report.sightings(&mut |_| found += 1);
    found
}

fn anomalies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("anomalies");
    group.sample_size(10);
    for (count, fault) in measured() {
        let events = history(count, fault);
        assert_eq!(check(&events) > 0, fault != Fault::None);
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count}, {fault:?}"), |bencher| {
            bencher.iter_batched(|| (), |()| check(&events), BatchSize::PerIteration);
        });
    }
    // With all that is judged beside: recovery, coverage, and what the run tells of its inside, here nothing.
    let (events, config) = (history(1_000_000, Fault::None), JudgeConfig::default());
    group.throughput(Throughput::Elements(1_000_000));
    group.bench_function("1M, judged", |bencher| {
        let judge = || Judge::new(&config).fold(&events);
        bencher.iter_batched(|| (), |()| judge(), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, anomalies);
