//! What checks cost. `cargo bench -p highwater-checkers -- log` runs those whose name has `log`.

mod anomalies;
mod exact;
mod generator;
mod log;
mod search;

use criterion::criterion_main;

criterion_main!(anomalies::benches, log::benches, exact::benches, search::benches);
