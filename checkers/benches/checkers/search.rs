//! The general search on histories like those that others publish figures of.
//!
//! `HIGHWATER_HISTORIES` may name a folder with Jepsen's histories of etcd, which are then checked too.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group};
use highwater_checkers::check::{FailedCas, Object, Options, check};
use highwater_checkers::history::History;
use highwater_checkers::linearizability::model::Model;
use highwater_checkers::linearizability::models::{KeyValue, Register};
use highwater_checkers::linearizability::search::Search;
use highwater_checkers::linearizability::{Answer, Op};

use crate::generator::{Size, search as generator};

fn verdict<M: Model>(model: &M, ops: &[Op<M::Action>], linearizable: bool) {
    let report = Search::default().check(model, black_box(ops));
    assert_eq!(matches!(report.answer, Answer::Linearizable(_)), linearizable, "{:?}", report.answer);
}

fn registers(criterion: &mut Criterion) {
    let logs = generator::etcd_like();
    criterion.bench_function("102 histories like etcd's", |bench| {
        bench.iter(|| logs.iter().for_each(|ops| verdict(&Register { initial: 0 }, ops, true)));
    });
    for size in generator::REGISTERS {
        let Size { operations, clients, pending_percent } = size;
        let history = generator::register(generator::SEED, size);
        let name =
            format!("register, {clients} clients, {operations} operations, {pending_percent} % pending");
        criterion.bench_function(&name, |bench| {
            bench.iter(|| verdict(&Register { initial: 0 }, &history, true));
        });
    }
}

fn key_values(criterion: &mut Criterion) {
    for size in generator::KEY_VALUES {
        let clients = size.clients;
        let history = generator::key_value(generator::SEED, size);
        criterion.bench_function(&format!("key-value, {clients} clients, linearizable"), |bench| {
            bench.iter(|| verdict(&KeyValue, &history, true));
        });
        let wrong = generator::spoiled(history);
        criterion.bench_function(&format!("key-value, {clients} clients, not"), |bench| {
            bench.iter(|| verdict(&KeyValue, &wrong, false));
        });
    }
}

fn etcd(criterion: &mut Criterion) {
    let Some(root) = std::env::var_os("HIGHWATER_HISTORIES") else { return };
    let options = Options { failed_cas: FailedCas::Differed, ..Options::default() };
    let files = (0..30).map(|number| Path::new(&root).join(format!("etcd/etcd_{number:03}.log")));
    let histories: Vec<_> =
        files.map(|path| History::read(&std::fs::read(path).expect("reads")).expect("a history")).collect();
    let mut wrong = 0;
    criterion.bench_function("Jepsen's histories of etcd, 000 to 029", |bench| {
        bench.iter(|| {
            let reports = histories.iter().map(|history| check(Object::CasRegister, history, &options));
            wrong = reports
                .filter(|report| report.as_ref().is_ok_and(|report| !report.findings.is_empty()))
                .count();
        });
    });
    assert_eq!(wrong, 25);
}

criterion_group!(benches, etcd, registers, key_values);
