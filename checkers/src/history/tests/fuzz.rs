//! No input makes a reader panic, and what is read can be written and read again.
//!
//! `HIGHWATER_LONG=1000000 cargo test --release -p highwater-checkers --lib history::tests::fuzz` tries that many
//! inputs of each kind.

use super::*;
use crate::history::mutations::{INPUT_MAX, Random, alphabet, input};
use crate::history::{spans, write_edn, write_json};
use crate::random::histories;

/// How many inputs of each kind are tried.
const INPUTS: u64 = 4_000;

/// The history without what depends on how it was laid out.
fn content(history: &History) -> Vec<Event> {
    history.events.iter().map(|event| Event { line: 0, ..event.clone() }).collect()
}

/// Reads the input in every way; whether this format takes it.
fn try_out(format: Format, input: &[u8]) -> bool {
    let _ = History::read(input);
    let Ok(history) = format.read(input) else { return false };
    let _ = spans(&history.events);
    let shown = || String::from_utf8_lossy(input);

    let mut edn = Vec::new();
    write_edn(&history, &mut edn).unwrap_or_else(|error| panic!("{error} of {}", shown()));
    let again = Format::Edn.read(&edn).unwrap_or_else(|error| panic!("{error} of {}", shown()));
    assert_eq!(content(&again), content(&history), "{}", shown());

    // Names of further keys may collide in JSON, where there are no keywords.
    let mut json = Vec::new();
    if write_json(&history, &mut json).is_ok() {
        let again = Format::Json.read(&json).unwrap_or_else(|error| panic!("{error} of {}", shown()));
        assert_eq!(again.events.len(), history.events.len());
        if format == Format::Json {
            assert_eq!(content(&again), content(&history), "{}", shown());
        }
    }
    true
}

#[test]
fn arbitrary_bytes() {
    for format in Format::ALL {
        let mut random = Random::seeded(1);
        for _ in 0..histories(INPUTS) {
            let input: Vec<u8> = (0..random.below(64)).map(|_| random.next() as u8).collect();
            try_out(format, &input);
        }
    }
}

#[test]
fn words_of_the_format_in_any_order() {
    for format in Format::ALL {
        let mut random = Random::seeded(2);
        let mut read = 0;
        for _ in 0..histories(INPUTS) {
            let words = (0..random.below(40)).map(|_| random.pick(alphabet(format)));
            let input: String = words.collect();
            read += u64::from(try_out(format, input.as_bytes()));
        }
        assert!(read > 0, "{format}: none was read");
    }
}

#[test]
fn changed_histories() {
    for format in Format::ALL {
        let mut random = Random::seeded(3);
        let mut read = 0;
        for _ in 0..histories(INPUTS) {
            let input = input(&mut random, format);
            assert!(input.len() <= INPUT_MAX);
            read += u64::from(try_out(format, &input));
        }
        let tried = histories(INPUTS);
        assert!(
            2 * read >= tried,
            "{format}: only {read} of {tried} inputs were read: most test nothing but errors"
        );
        assert!(read < tried, "{format}: no input was broken");
    }
}

/// The generator promises this to the checkers' own fuzz tests.
#[test]
fn histories_are_whole_before_they_are_changed() {
    use crate::history::mutations::{Object, history, text};
    for object in Object::ALL {
        let mut random = Random::seeded(4);
        for _ in 0..500 {
            let history = history(&mut random, object);
            assert!(spans(&history.events).is_ok());
            for format in Format::ALL {
                let text = text(&history, format);
                let read = format.read(&text).unwrap_or_else(|error| panic!("{format}: {error}"));
                assert_eq!(read.events.len(), history.events.len());
            }
        }
    }
}

/// Whoever reads any of these more than once takes minutes, not moments.
#[test]
fn large_inputs_of_one_kind_are_read_in_one_pass() {
    let times = |unit: &str| unit.repeat(400_000 / unit.len());
    let event = |value: &str| format!("{{:process 0 :type :ok :f :read :value {value}}}");
    let inputs = [
        times(":a\t"),
        times("\t:ok"),
        times("0\t:info\t:a\t\t(\n"),
        times(":a\t:info\t:a\t{\n"),
        times("[ "),
        times("\""),
        times("; \n"),
        times("#_1 "),
        times("[0 :ok :a 1] "),
        times("x"),
        times("{\"a\":1}"),
        event(&format!("\"{}\"", times("\\n"))),
        event(&format!("[{}]", times("1 "))),
        event(&format!("{{{}}}", times(":a 1 "))),
        event(&format!("#:{}{{{}}}", times("a"), times(":a 1 "))),
        event(&times("7")),
        event(&times("x")),
        format!("{{\"value\":[\"{}\"]", times("\\u00e9")),
    ];
    for input in inputs {
        let _ = History::read(input.as_bytes());
        for format in Format::ALL {
            let _ = format.read(input.as_bytes());
        }
    }
}
