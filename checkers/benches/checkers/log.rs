//! How fast logs are checked: 10 clients, 2 % of the appends indeterminate, linearizable and with one stale end.
//!
//! `HIGHWATER_LONG=1 cargo bench -p highwater-checkers -- log` takes ten million operations as well.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use highwater_checkers::linearizability::log::{LogSettings, check};

use crate::generator::log::{LogShape, history};

fn logs(c: &mut Criterion) {
    let mut group = c.benchmark_group("log");
    group.sample_size(10);
    for shape in LogShape::measured() {
        let LogShape { ops, clients, stale_end, .. } = shape;
        group.throughput(Throughput::Elements(u64::from(ops)));
        let history = history(&shape);
        let kind = if stale_end { "stale end" } else { "linearizable" };
        for certificate in [true, false] {
            let settings = LogSettings { certificate, ..LogSettings::default() };
            let kind = if certificate { kind.to_owned() } else { format!("{kind}, no certificate") };
            let name = format!("{clients} clients, {kind}");
            group.bench_function(BenchmarkId::new(name, ops), |b| {
                b.iter(|| check(black_box(&history), settings));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, logs);
