//! What the exact check of a register costs, with the certificate that it yields.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use highwater_checkers::linearizability::{Answer, ValueId, register};

#[path = "generator/register.rs"]
mod generator;

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("register");
    group.sample_size(10);
    for (operations, indeterminate) in
        [(1_000, 0), (100_000, 0), (100_000, 2), (1_000_000, 0), (1_000_000, 2)]
    {
        let ops = generator::history(operations, 10, indeterminate);
        group.throughput(Throughput::Elements(operations as u64));
        group.bench_function(
            format!("{operations} operations, {indeterminate} % indeterminate"),
            |bencher| {
                bencher.iter(|| {
                    let answer = register::check(ValueId(0), black_box(&ops));
                    assert!(matches!(answer, Ok(Answer::Linearizable(_))));
                    answer
                });
            },
        );
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
