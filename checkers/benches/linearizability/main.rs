//! What checks of linearizability cost. `cargo bench -p highwater-checkers -- log` runs those whose name has `log`.

mod exact;
mod generator;
mod log;
mod search;

use criterion::criterion_main;

criterion_main!(log::benches, exact::benches, search::benches);
