//! No history makes a check panic, however broken. `HIGHWATER_LONG` is the number of histories.

use super::*;
use crate::history::mutations::{Object as Source, Random, history, mutate};
use crate::random::histories;

const HISTORIES: u64 = 3_000;

#[test]
fn no_history_panics() {
    let count = histories(HISTORIES);
    let search = Search { steps_max: 20_000, minimise_steps_max: 20_000, ..Search::default() };
    let (mut checked, mut wrong) = (0, 0);
    for seed in 0..count {
        let mut random = Random::seeded(seed);
        let (source, object) = random.pick(&[
            (Source::Register, Object::Register),
            (Source::Register, Object::CasRegister),
            (Source::KeyValue, Object::KeyValue),
            (Source::Mutex, Object::Mutex),
            (Source::Queue, Object::UnorderedQueue),
            (Source::Queue, Object::FifoQueue),
            (Source::Set, Object::LinearizableSet),
            (Source::Log, Object::LinearizableSet),
            (Source::Log, Object::Log),
            (Source::Log, Object::Log),
            (Source::Set, Object::Set),
            (Source::Set, Object::SetFull),
            (Source::Queue, Object::TotalQueue),
        ]);
        let mut history = history(&mut random, source);
        for _ in 0..random.below(4) {
            mutate(&mut random, &mut history);
        }
        let options = Options {
            initial: if random.one_in(2) { Datum::Nil } else { Datum::Int(0) },
            failed_cas: random.pick(&[FailedCas::Differed, FailedCas::Nothing]),
            independent: random.one_in(10),
            every_example: random.one_in(2),
            search: Search { exact: random.one_in(2), ..search },
        };
        if let Ok(report) = check(object, &history, &options) {
            checked += 1;
            wrong += u64::from(report.verdict == Verdict::Violation);
        }
    }
    assert!(checked * 4 >= count, "only {checked} of {count} could be checked");
    assert!(wrong * 10 >= checked, "only {wrong} of {checked} were wrong");
}
