//! The exact checks of a FIFO queue and of a register, with the certificates that they yield.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group};
use highwater_checkers::linearizability::{Answer, Outside, ValueId, queue, register};

use crate::generator::{self, Size};

/// Measures `check` on what `make` makes of each size.
fn measure<H>(
    c: &mut Criterion,
    name: &str,
    make: impl Fn(Size) -> H,
    check: impl Fn(&H) -> Result<Answer, Outside>,
) {
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    for size in generator::exact() {
        let Size { operations, pending_percent, .. } = size;
        let history = make(size);
        group.throughput(Throughput::Elements(operations as u64));
        group.bench_function(format!("{operations} operations, {pending_percent} % pending"), |bencher| {
            bencher.iter(|| {
                let answer = check(black_box(&history));
                assert!(matches!(answer, Ok(Answer::Linearizable(_))));
                answer
            });
        });
    }
    group.finish();
}

fn exact(c: &mut Criterion) {
    measure(c, "queue", generator::queue::history, |ops| queue::check(ops));
    measure(c, "register", generator::register::history, |ops| register::check(ValueId(0), ops));
}

criterion_group!(benches, exact);
