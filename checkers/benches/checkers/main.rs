//! What checks cost. `cargo bench -p highwater-checkers -- log` runs those whose name has `log`.

mod anomalies;
mod exact;
mod export;
mod generator;
mod log;
mod search;

use std::path::Path;

use criterion::Criterion;

fn main() {
    if let Some(folder) = std::env::var_os("HIGHWATER_EXPORT") {
        export::all(Path::new(&folder), usize::MAX).expect("the folder can be written to");
        return;
    }
    anomalies::benches();
    log::benches();
    exact::benches();
    search::benches();
    Criterion::default().configure_from_args().final_summary();
}
