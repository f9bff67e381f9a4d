//! How long all anomaly checkers together take over a million operations.

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use highwater_checkers::log::LogMonitor;
use highwater_checkers::monitor::Monitor;
use highwater_checkers::recording::Event;

use crate::generator::anomalies::{Fault, MEASURED, history};

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
    for (count, fault) in MEASURED {
        let events: Vec<_> = history(count, fault).into_iter().map(Event::Operation).collect();
        assert_eq!(check(&events) > 0, fault != Fault::None);
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count}, {fault:?}"), |bencher| {
            bencher.iter_batched(|| (), |()| check(&events), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, anomalies);
