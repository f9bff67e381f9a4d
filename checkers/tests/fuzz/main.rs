//! Readers and checkers under fuzz: small histories of every object and format, changed here and there, are read
//! and checked as every object. Nothing may panic, whatever comes in.
//!
//! `HIGHWATER_LONG=4000000 cargo test --release -p highwater-checkers --test fuzz -- --nocapture` tries so many, and
//! prints which input took longest and the peak of memory. Nothing here asserts a time: what bounds it are steps.

mod corpus;
mod mutate;

use std::collections::BTreeMap;

use highwater_checkers::check::{FailedCas, Object, Options, Verdict, check};
use highwater_checkers::history::{Datum, Format, History};
use highwater_checkers::linearizability::search::Search;

use corpus::Corpus;
use mutate::{INPUT_MAX, Random, mutated};

/// How many inputs are tried in a plain `cargo test`.
const INPUTS: u64 = 3_000;

/// What became of the inputs.
#[derive(Debug, Default)]
struct Tally {
    tried: u64,
    read: u64,
    /// Those that some object's checker took.
    checked: u64,
    /// How often each object's checker took one, and how often it said each thing.
    by_object: BTreeMap<Object, BTreeMap<Verdict, u64>>,
    /// The CPU time of the slowest, in nanoseconds, and its seed.
    slowest: (u64, u64),
}

impl Tally {
    /// Reads an input, and checks it as everything.
    fn take(&mut self, input: &[u8], random: &mut Random) {
        self.tried += 1;
        let Ok(history) = History::read(input) else { return };
        self.read += 1;
        let options = options(random);
        let mut taken = false;
        for object in Object::ALL {
            if let Ok(report) = check(object, &history, &options) {
                taken = true;
                assert!(report.order.is_empty() || report.verdict == Verdict::Holds, "{report:?}");
                *self.by_object.entry(object).or_default().entry(report.verdict).or_default() += 1;
            }
        }
        self.checked += u64::from(taken);
    }

    /// That most of it tested more than errors of readers, and that every checker was there.
    fn assert_wide(&self) {
        assert!(2 * self.checked >= self.tried, "at most half of the inputs reached a checker: {self:#?}");
        assert!(self.read < self.tried, "no input was broken: {self:#?}");
        for object in Object::ALL {
            let said = self.by_object.get(&object);
            let says = |verdict| said.is_some_and(|said| said.contains_key(&verdict));
            assert!(says(Verdict::Holds) && says(Verdict::Violation), "{object} had one answer: {self:#?}");
        }
    }
}

/// Some way to read and to search, with little to spend.
fn options(random: &mut Random) -> Options {
    let search = Search {
        steps_max: 10_000,
        memory_max_bytes: 8 << 20,
        exact: random.one_in(4),
        every_part: random.one_in(4),
        minimise_steps_max: 10_000,
    };
    let initial = if random.one_in(2) { Datum::Nil } else { Datum::Int(0) };
    let mut options = Options { initial, search, ..Options::default() };
    options.failed_cas = if random.one_in(2) { FailedCas::Nothing } else { FailedCas::Differed };
    options.independent = random.one_in(12);
    options
}

#[test]
fn changed_histories_are_read_and_checked() {
    let long = std::env::var("HIGHWATER_LONG").ok();
    let inputs = long.as_ref().map_or(INPUTS, |count| count.parse().expect("HIGHWATER_LONG is a number"));
    let corpus = Corpus::new();
    let mut tally = Tally::default();
    for seed in 0..inputs {
        let mut random = Random::seeded(seed);
        let input = mutated(&corpus, &mut random);
        assert!(input.len() <= INPUT_MAX);
        let before = long.as_ref().map(|_| cpu_nanoseconds());
        tally.take(&input, &mut random);
        if let Some(before) = before {
            tally.slowest = tally.slowest.max((cpu_nanoseconds().saturating_sub(before), seed));
        }
    }
    tally.assert_wide();
    if long.is_some() {
        println!("{tally:#?}");
        println!("peak memory: {}", peak_memory().unwrap_or_else(|| "not told here".to_owned()));
    }
}

/// Every text of the corpus is read, and most mean something to some object: else their changes test little.
#[test]
fn the_corpus_is_whole() {
    let corpus = Corpus::new();
    for format in Format::ALL {
        let texts = corpus.texts(format);
        let taken = texts.iter().filter(|text| {
            let shown = || String::from_utf8_lossy(text);
            let history =
                format.read(text).unwrap_or_else(|error| panic!("{format}: {error} of\n{}", shown()));
            Object::ALL.iter().any(|object| check(*object, &history, &Options::default()).is_ok())
        });
        let taken = taken.count();
        assert!(taken * 5 >= texts.len() * 4, "{format}: checkers take {taken} of {} texts", texts.len());
    }
}

/// How long this thread has run, where the system tells.
fn cpu_nanoseconds() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|running| running.parse().ok()).unwrap_or(0)
}

/// The most memory that this process ever had, where the system tells.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
