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
    let mut sizes = vec![10_000, 100_000, 1_000_000];
    if std::env::var_os("HIGHWATER_LONG").is_some() {
        sizes.push(10_000_000);
    }
    for ops in sizes {
        group.throughput(Throughput::Elements(u64::from(ops)));
        for stale_end in [false, true] {
            let shape = LogShape { ops, clients: 10, indeterminate: 20, stale_end, seed: 1 };
            let history = history(&shape);
            let kind = if stale_end { "stale end" } else { "linearizable" };
            for certificate in [true, false] {
                let settings = LogSettings { certificate, ..LogSettings::default() };
                let kind = if certificate { kind.to_owned() } else { format!("{kind}, no certificate") };
                group.bench_function(BenchmarkId::new(kind, ops), |b| {
                    b.iter(|| check(black_box(&history), settings));
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, logs);
