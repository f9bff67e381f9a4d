//! What was written reads back equal, as far as the format can bear it.

use std::io;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::history::edn::{edn_text, is_name};
use crate::history::{Float, json, write_edn, write_json};

fn text() -> impl Strategy<Value = Arc<str>> {
    let chars =
        prop_oneof![4 => select(&['a', 'z', ' ', '"', '\\', '\n', '/', ':', '#'][..]), 1 => any::<char>()];
    vec(chars, 0..6).prop_map(|chars| chars.into_iter().collect::<String>().into())
}

fn name() -> impl Strategy<Value = Arc<str>> {
    let names = ["read", "a/b", "timed-out", "?", "x#y", "é", "a'", "*", "type", "process"];
    let made = vec(any::<char>(), 0..6).prop_map(|chars| {
        let made: String = chars.into_iter().filter(|char| is_name(&char.to_string())).collect();
        Arc::from(format!("a{made}"))
    });
    prop_oneof![select(names.to_vec()).prop_map(Into::into), made]
}

fn symbol() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![
        select(&["->x", "-", "+a", "nil?", "..", "jepsen.core$f", "<", "%1", "&"][..]).prop_map(Into::into),
        name().prop_filter("a symbol", |name| !["nil", "true", "false"].contains(&&**name)),
    ]
}

fn number() -> impl Strategy<Value = Arc<str>> {
    let digits = ["1/3", "-22/7", "12N", "-1.5M", "3M", "0x1F", "2r101", "017", "1e400", "-1e999"];
    prop_oneof![
        select(digits.to_vec()).prop_map(Into::into),
        (i128::from(i64::MAX) + 1..i128::MAX).prop_map(|number| number.to_string().into()),
        (i128::MIN..i128::from(i64::MIN)).prop_map(|number| number.to_string().into()),
    ]
}

fn float() -> impl Strategy<Value = Float> {
    prop_oneof![
        any::<f64>().prop_filter("one NaN alone has a text", |float| !float.is_nan()),
        select(&[0.0, -0.0, 1e16, 1e-7, f64::MIN_POSITIVE, f64::MAX, f64::NAN, f64::INFINITY][..]),
    ]
    .prop_map(Float)
}

fn datum() -> impl Strategy<Value = Datum> {
    let leaf = prop_oneof![
        Just(Datum::Nil),
        any::<bool>().prop_map(Datum::Bool),
        any::<i64>().prop_map(Datum::Int),
        number().prop_map(Datum::Number),
        float().prop_map(Datum::Float),
        any::<char>().prop_map(Datum::Char),
        select(&['\n', ' ', '\t', '}', '\\', '\u{85}', '\u{2028}', '\u{FEFF}'][..]).prop_map(Datum::Char),
        text().prop_map(Datum::String),
        name().prop_map(Datum::Keyword),
        symbol().prop_map(Datum::Symbol),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let elements = vec(inner.clone(), 0..4);
        prop_oneof![
            elements.clone().prop_map(|elements| Datum::List(elements.into())),
            elements.clone().prop_map(|elements| Datum::Vector(elements.into())),
            elements.prop_map(|elements| Datum::Set(elements.into())),
            vec((inner.clone(), inner.clone()), 0..4).prop_map(|entries| Datum::Map(entries.into())),
            (name(), inner)
                .prop_filter("a tag", |(tag, _)| tag.starts_with(char::is_alphabetic))
                .prop_map(|(tag, value)| Datum::Tagged(tag, Arc::new(value))),
        ]
    })
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        any::<i64>().prop_map(Actor::Process),
        prop_oneof![name(), text()]
            .prop_filter("no number", |name| name.parse::<i64>().is_err())
            .prop_map(Actor::Named),
    ]
}

/// Nil is absence.
fn present(datum: &Datum) -> bool {
    *datum != Datum::Nil
}

fn further_key() -> impl Strategy<Value = Datum> {
    datum().prop_filter("no key of the event itself", |key| match key {
        Datum::Keyword(name) | Datum::String(name) | Datum::Symbol(name) => {
            !["type", "process"].contains(&&**name)
        }
        _ => true,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = select(&[Outcome::Invoke, Outcome::Ok, Outcome::Fail, Outcome::Info][..]);
    let whole = (any::<u64>(), option::of(any::<i64>()), actor(), outcome, prop_oneof![name(), text()]);
    let values = (
        option::of(datum().prop_filter("present", present)),
        datum(),
        option::of(datum().prop_filter("present", present)),
        vec((further_key(), datum()), 0..3),
    );
    (whole, values).prop_map(|((index, time, process, outcome, function), (key, value, error, extra))| {
        Event { index, line: 0, time, process, outcome, function, key, value, error, extra }
    })
}

fn history() -> impl Strategy<Value = History> {
    vec(event(), 0..4).prop_map(|mut events| {
        for (event, line) in events.iter_mut().zip(1..) {
            event.line = line;
        }
        History { events, skipped: 0 }
    })
}

/// What is left of a value in JSON.
fn in_json(datum: &Datum) -> Datum {
    let all = |elements: &Arc<[Datum]>| Datum::Vector(elements.iter().map(in_json).collect());
    match datum {
        Datum::Number(digits) if !json::is_number(digits) => Datum::String(Arc::clone(digits)),
        Datum::Float(Float(float)) if !float.is_finite() => Datum::String(edn_text(datum).into()),
        Datum::Char(char) => Datum::String(char.to_string().into()),
        Datum::Keyword(text) | Datum::Symbol(text) => Datum::String(Arc::clone(text)),
        Datum::List(elements) | Datum::Set(elements) | Datum::Vector(elements) => all(elements),
        Datum::Map(entries) => {
            Datum::Map(entries.iter().map(|(key, value)| (name_in_json(key), in_json(value))).collect())
        }
        Datum::Tagged(_, value) => in_json(value),
        other => other.clone(),
    }
}

fn name_in_json(key: &Datum) -> Datum {
    Datum::String(match key {
        Datum::String(text) | Datum::Keyword(text) | Datum::Symbol(text) | Datum::Number(text) => {
            Arc::clone(text)
        }
        Datum::Char(char) => char.to_string().into(),
        other => edn_text(other).into(),
    })
}

fn event_in_json(event: &Event) -> Event {
    Event {
        key: event.key.as_ref().map(in_json).filter(present),
        value: in_json(&event.value),
        error: event.error.as_ref().map(in_json).filter(present),
        extra: event.extra.iter().map(|(key, value)| (name_in_json(key), in_json(value))).collect(),
        ..event.clone()
    }
}

fn edn_of(history: &History) -> String {
    let mut text = Vec::new();
    write_edn(history, &mut text).expect("can be written");
    String::from_utf8(text).expect("is a text")
}

fn json_of(history: &History) -> String {
    let mut text = Vec::new();
    write_json(history, &mut text).expect("can be written");
    String::from_utf8(text).expect("is a text")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn edn_loses_nothing(history in history()) {
        let text = edn_of(&history);
        prop_assert_eq!(Format::Edn.read(text.as_bytes()), Ok(history.clone()), "{}", text);
        prop_assert_eq!(Format::recognise(text.as_bytes()), Ok(Format::Edn));
    }

    #[test]
    fn json_keeps_what_it_can_bear(history in history()) {
        let text = json_of(&history);
        for line in text.lines() {
            prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok(), "{}", line);
        }
        let events = history.events.iter().map(event_in_json).collect();
        let expected = History { events, skipped: 0 };
        prop_assert_eq!(Format::Json.read(text.as_bytes()), Ok(expected.clone()), "{}", text);
        // What is of JSON stays as it is.
        prop_assert_eq!(Format::Json.read(json_of(&expected).as_bytes()), Ok(expected));
    }
}

#[test]
fn the_texts_are_those_of_jepsen() {
    let text = "[{:type :info :f :start :process :nemesis :value #{:n1} :time 5}
        {:process 3 :type :fail :f :cas :value [1 2] :error [:not-found \"x\"] :key \"k\" :node n1 :b 1/2}]";
    let history = read(Format::Edn, text);
    assert_eq!(
        edn_of(&history),
        "{:index 0, :time 5, :process :nemesis, :type :info, :f :start, :value #{:n1}}\n\
         {:index 1, :process 3, :type :fail, :f :cas, :key \"k\", :value [1 2], :error [:not-found \"x\"], :node n1, :b 1/2}\n"
    );
    assert_eq!(
        json_of(&history),
        "{\"index\":0,\"time\":5,\"process\":\"nemesis\",\"type\":\"info\",\"f\":\"start\",\"value\":[\"n1\"]}\n\
         {\"index\":1,\"process\":3,\"type\":\"fail\",\"f\":\"cas\",\"key\":\"k\",\"value\":[1,2],\
         \"error\":[\"not-found\",\"x\"],\"node\":\"n1\",\"b\":\"1/2\"}\n"
    );
}

/// The history of one event, changed.
fn with(change: impl FnOnce(&mut Event)) -> History {
    let mut history = read(Format::Knossos, "[0 :ok :read 1]");
    change(&mut history.events[0]);
    history
}

#[track_caller]
fn assert_refused(written: io::Result<()>, expected: &str) {
    let error = written.expect_err("cannot be written");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), format!("event 0 cannot be written: {expected}"));
}

#[test]
fn what_would_be_read_as_something_else_is_refused() {
    let something_else = |datum: Datum, expected: &str| {
        let nested = Datum::Vector([Datum::Map([(datum, Datum::Nil)].into())].into());
        let expected = format!("{expected} would be read as something else in EDN");
        assert_refused(write_edn(&with(|event| event.value = nested), Vec::new()), &expected);
    };
    something_else(keyword("a b"), "`a b` as a keyword");
    something_else(keyword(""), "`` as a keyword");
    for symbol in ["nil", "3", "-3", ":a", "#a", "a,b"] {
        something_else(Datum::Symbol(symbol.into()), &format!("`{symbol}` as a symbol"));
    }
    for number in ["7", "1.5", "x", "", "-"] {
        something_else(Datum::Number(number.into()), &format!("`{number}` as a number"));
    }
    something_else(Datum::Tagged("_a".into(), Arc::new(Datum::Nil)), "`_a` as a tag");

    let number = with(|event| event.process = Actor::Named("-3".into()));
    let expected = "a process named `-3` would be read as the number; expected another name";
    assert_refused(write_edn(&number, Vec::new()), expected);
    assert_refused(write_json(&number, Vec::new()), expected);

    let expected = "a further key `type` would be read as the event's own; expected another";
    let key = with(|event| event.extra.push((keyword("type"), Datum::Nil)));
    assert_refused(write_edn(&key, Vec::new()), expected);
    assert_refused(write_json(&key, Vec::new()), expected);
    let key = with(|event| event.extra.push((string("type"), Datum::Nil)));
    assert_refused(write_json(&key, Vec::new()), expected);
    assert_eq!(Format::Edn.read(edn_of(&key).as_bytes()), Ok(key));
}

#[test]
fn a_failing_output_is_an_error() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::StorageFull, "full"))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let history = with(|_| {});
    assert_eq!(write_edn(&history, Full).expect_err("is full").kind(), io::ErrorKind::StorageFull);
    assert_eq!(write_json(&history, Full).expect_err("is full").kind(), io::ErrorKind::StorageFull);
}
