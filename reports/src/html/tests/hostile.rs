//! Whatever a scenario, a broker or a history calls things, a page has the same markup, and shows the text.

use highwater_checkers::check::{Object, Options, check, courses};
use highwater_checkers::history::{Actor, Datum, Event as HistoryEvent, History, Outcome};
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};
use proptest::prelude::*;

use super::pages::data;
use super::samples::{Texts, campaign, recording, summary};
use crate::Sink;
use crate::html::{Checked, Html, history, run};

/// The tags of a page with their attributes' names, as a browser sees them, and the text outside of scripts and
/// styles.
fn structure(page: &str) -> (Vec<String>, String) {
    let (mut tags, mut text) = (Vec::new(), String::new());
    let mut silent = false;
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                silent = matches!(&*name, "script" | "style");
                let attributes: Vec<_> =
                    tag.attributes.keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
                tags.push(format!("{name} {}", attributes.join(" ")));
            }
            Token::EndTag(tag) => {
                silent = false;
                tags.push(format!("/{}", String::from_utf8_lossy(&tag.name)));
            }
            Token::String(string) if !silent => text += &String::from_utf8_lossy(&string),
            Token::Comment(comment) => tags.push(format!("comment {}", String::from_utf8_lossy(&comment))),
            _ => {}
        }
    }
    (tags, text)
}

/// What attackers try, and what breaks careless printers.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<script>window.pwned=1</script>".to_owned()),
        Just("</script><script>alert(1)</script>".to_owned()),
        Just("<!--<script>".to_owned()),
        Just("-->".to_owned()),
        Just("\"><img src=x onerror=alert(1)>".to_owned()),
        Just("' onmouseover='alert(1)".to_owned()),
        Just("</title><svg onload=alert(1)>".to_owned()),
        Just("]]>".to_owned()),
        Just("{{data}}".to_owned()),
        Just("&lt;b&gt; &#x3c;".to_owned()),
        Just("\u{2028}\u{2029}\u{202e}\u{0}\u{7f}\u{9b}\r\n".to_owned()),
        "\\PC{0,8}",
    ];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

/// How a page shows a text.
fn shown(text: &str) -> String {
    let show =
        |c: char| if c.is_control() && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(show).collect()
}

fn texts() -> impl Strategy<Value = Texts> {
    (hostile(), hostile(), hostile(), hostile(), hostile())
        .prop_map(|(scenario, topic, error, kind, note)| Texts { scenario, topic, error, kind, note })
}

fn of_campaign(texts: &Texts) -> String {
    // Where no recording is kept, no page of a run is written.
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("highwater-hostile-{}-{number}.html", std::process::id()));
    let mut html = Html::new(path.clone());
    campaign(vec![summary(texts)]).iter().try_for_each(|event| html.take(event)).expect("is written");
    let page = std::fs::read_to_string(&path).expect("is there");
    std::fs::remove_file(path).expect("is deleted");
    page
}

fn of_history(text: &str, key: &str) -> String {
    let event = |index: u64, process, outcome, value: Datum| HistoryEvent {
        index,
        line: 0,
        time: Some(index as i64 * 1_000_000),
        process,
        outcome,
        function: "write".into(),
        key: Some(Datum::String(key.into())),
        value,
        error: (outcome == Outcome::Info).then(|| Datum::String(text.into())),
        extra: Vec::new(),
    };
    let value = Datum::String(text.into());
    let events = vec![
        event(0, Actor::Process(0), Outcome::Invoke, value.clone()),
        event(1, Actor::Process(0), Outcome::Ok, value.clone()),
        HistoryEvent {
            function: text.into(),
            ..event(2, Actor::Named(key.into()), Outcome::Info, value.clone())
        },
        event(3, Actor::Process(1), Outcome::Invoke, value.clone()),
        event(4, Actor::Process(1), Outcome::Info, value),
    ];
    let read = History { events, skipped: 0 };
    let report = check(Object::Register, &read, &Options::default()).expect("is one of a register");
    let courses = courses(Object::Register, &read, &Options::default()).expect("is one of a register");
    let reproduce = Some(format!("highwater check {text}"));
    history(&Checked { name: text, history: &read, report: &report, courses: &courses, reproduce }).render()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_a_recording_becomes_markup(texts in texts()) {
        let page = |texts: &Texts| run(&recording(texts), &summary(texts)).render();
        let (page, plain) = (page(&texts), page(&Texts::default()));
        let (tags, text) = structure(&page);
        prop_assert_eq!(tags, structure(&plain).0);
        prop_assert!(text.contains(&shown(&texts.scenario)));
        let data = data(&page);
        prop_assert_eq!(&data["parts"][0], &format!("{}/0", texts.topic));
        prop_assert_eq!(&data["errors"]["3"], &texts.error);
        prop_assert_eq!(&data["faults"][0]["kind"], &texts.kind);
        let what = format!("{}/0 lost value 78: {}", texts.topic, texts.note);
        prop_assert_eq!(&data["findings"][0]["what"], &what);
    }

    #[test]
    fn no_text_of_a_campaign_becomes_markup(texts in texts()) {
        let (tags, text) = structure(&of_campaign(&texts));
        prop_assert_eq!(tags, structure(&of_campaign(&Texts::default())).0);
        prop_assert!(text.contains(&shown(&texts.scenario)) && text.contains(&shown(&texts.kind)));
    }

    #[test]
    fn no_text_of_a_history_becomes_markup(text in hostile(), key in hostile()) {
        let page = of_history(&text, &key);
        let (tags, told) = structure(&page);
        prop_assert_eq!(tags, structure(&of_history("1", "x")).0);
        prop_assert!(told.contains(&shown(&text)));
        prop_assert_eq!(&data(&page)["faults"][0]["id"], &key);
    }
}

#[test]
fn the_test_itself_sees_markup() {
    let (tags, text) = structure("<p>a<script>1<2</script><b title='x'>c</b>");
    assert_eq!(
        (tags, &*text),
        (["p ", "script ", "/script", "b title", "/b"].map(str::to_owned).into(), "ac")
    );
}
