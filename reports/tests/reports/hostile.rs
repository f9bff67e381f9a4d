//! Texts of recordings and scenarios that mean harm do none: what others wrote is shown, and shapes no report.
//!
//! Each report is made of a campaign with hostile texts and of the same one with harmless texts. Read back by a parser
//! that is not ours, both must have one structure, and the texts must be those that went in.

use std::sync::Arc;

use highwater_checkers::fault::Target as FaultTarget;
use highwater_checkers::ids::TopicPartition;
use highwater_checkers::verdict::Anomaly;
use highwater_reports::github::Annotations;
use highwater_reports::json::JsonLines;
use highwater_reports::junit::Junit;
use highwater_reports::location::Root;
use highwater_reports::markdown::Markdown;
use highwater_reports::sarif::Sarif;
use highwater_reports::style::{Style, plain};
use highwater_reports::summary::RunEnding;
use highwater_reports::terminal::{Detail, Terminal};
use highwater_reports::{Event, RunSummary};
use proptest::prelude::*;
use pulldown_cmark as cmark;
use serde_json::Value;
use uppsala::{Document, NodeId, NodeKind};

use super::fabricated::{campaign, feed, inconclusive, panic, violation, written};
use super::schemas::{junit_mistakes, sarif_mistakes};

/// What does harm somewhere.
const HARM: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\0",
    "\t",
    "\u{1b}[31m",
    "\u{1b}]0;x",
    "\u{85}",
    "\u{9b}",
    "\u{2028}",
    "\u{202e}",
    "\u{200f}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10ffff}",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<script>alert(1)</script>",
    "</testsuite>",
    "</code></pre>",
    "<img src=x onerror=alert(1)>",
    "&amp;",
    "&#60;",
    "&x;",
    "\"",
    "'",
    "`",
    "```",
    "``````",
    "\n```\n",
    "~~~",
    "|",
    "\n|---|\n",
    "\\",
    "\\`",
    "[a](http://x)",
    "![i](http://x)",
    "](",
    "[^1]",
    "[[w]]",
    "http://x.y/z",
    "www.x.y",
    "@octocat",
    "a@b.c",
    "#1",
    "org/repo#1",
    "0123456789012345678901234567890123456789",
    ":tada:",
    "$x$",
    "$`x`$",
    "**b**",
    "_i_",
    "# h",
    "\n# h\n",
    "\n---\n",
    "- ",
    "1. ",
    "> ",
    "    ",
    "::error::x",
    "\n::error::x",
    "##[add-mask]x",
    "##vso[task.complete]",
    "##teamcity[x]",
    "::",
    ",",
    "%0A",
    "%",
    "{0}",
    "=",
    "x y",
    "ü",
    "字",
];

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => prop::sample::select(HARM).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    let text = prop::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat());
    // A sentence is told without its full stop: one of full stops alone would be empty.
    text.prop_filter("there must be something", |text| !text.trim_end_matches('.').is_empty())
}

/// Every text of a campaign that others write.
#[derive(Clone, Debug)]
struct Texts {
    scenario: String,
    source: String,
    what: String,
    error: String,
    reason: String,
    kind: String,
    host: String,
    counter: String,
    topic: String,
    state: String,
    missed: String,
    reproduce: String,
}

impl Texts {
    fn new(next: impl FnMut(&str) -> String) -> Self {
        let mut next = next;
        Self {
            scenario: next("scenario"),
            source: next("source"),
            what: next("what"),
            error: next("error"),
            reason: next("reason"),
            kind: next("kind"),
            host: next("host"),
            counter: next("counter"),
            topic: next("topic"),
            state: next("state"),
            missed: next("missed"),
            reproduce: next("reproduce"),
        }
    }

    fn harmless() -> Self {
        Self::new(str::to_owned)
    }

    fn campaign(&self) -> Vec<Event> {
        let mut failed = violation(&self.scenario, 2, &self.what);
        let fault = &mut failed.faults[0];
        fault.kind = self.kind.as_str().into();
        fault.effect.counters = [(self.counter.as_str().into(), 12)].into();
        if let Some((_, targets)) = &mut fault.injected {
            *targets = [FaultTarget::Host(self.host.as_str().into())].into();
        }
        if let RunEnding::Judged(verdict) = &mut failed.ending {
            for finding in &mut verdict.findings {
                finding.partition = Some(TopicPartition::new(&*self.topic, 0));
                finding.evidence[0].transition = Some(Box::new(highwater_checkers::verdict::Transition {
                    position: 1,
                    event: None,
                    before: self.state.clone(),
                    after: self.state.clone(),
                }));
            }
        }
        let mut crashed = panic(3);
        if let RunEnding::Failed { message, .. } = &mut crashed.ending {
            message.clone_from(&self.error);
        }
        let mut unclear = inconclusive(4);
        if let RunEnding::Judged(verdict) = &mut unclear.ending {
            verdict.inconclusive = vec![self.reason.clone()];
        }
        let runs = [failed, crashed, unclear].map(|mut run: RunSummary| {
            run.id.scenario = self.scenario.as_str().into();
            run.source = Arc::from(&*self.source);
            run.reproduce.clone_from(&self.reproduce);
            run
        });
        campaign(runs.into(), &[&self.missed], None)
    }
}

fn texts() -> impl Strategy<Value = Texts> {
    prop::collection::vec(hostile(), 12).prop_map(|texts| {
        let mut texts = texts.into_iter();
        Texts::new(move |_| texts.next().expect("as many as there are fields"))
    })
}

/// The names of elements and attributes, in their order, and all values beside them.
fn xml(document: &Document<'_>, node: NodeId, names: &mut Vec<String>, values: &mut Vec<String>) {
    match document.node_kind(node) {
        Some(NodeKind::Element(element)) => {
            names.push(element.name.prefixed_name().into_owned());
            for attribute in element.attributes.iter() {
                names.push(format!("@{}", attribute.name.prefixed_name()));
                values.push(attribute.value.to_string());
            }
        }
        Some(NodeKind::Text(text)) => values.push(text.to_string()),
        Some(NodeKind::Document) => {}
        _ => names.push("something else".to_owned()),
    }
    for child in document.children_iter(node) {
        xml(document, child, names, values);
    }
    names.push("end".to_owned());
}

fn junit(texts: &Texts) -> (Vec<String>, Vec<String>) {
    let text = written(|target| Box::new(Junit::new(target)), &texts.campaign());
    assert_eq!(junit_mistakes(&text), Vec::<String>::new(), "{text}");
    let document = uppsala::parse(&text).expect("it was parsed before");
    let (mut names, mut values) = (Vec::new(), Vec::new());
    xml(&document, document.root(), &mut names, &mut values);
    (names, values)
}

/// What Markdown says: its structure with our own words, and the texts in code.
fn markdown(texts: &Texts) -> (Vec<String>, Vec<String>) {
    let text = written(|target| Box::new(Markdown::new(target)), &texts.campaign());
    let (mut structure, mut codes) = (Vec::new(), Vec::new());
    let mut in_block = false;
    for event in cmark::Parser::new_ext(&text, cmark::Options::all()) {
        match event {
            cmark::Event::Code(code) => {
                structure.push("code".to_owned());
                codes.push(code.to_string());
            }
            cmark::Event::Text(text) if in_block => codes.push(text.trim_end_matches('\n').to_owned()),
            event => {
                in_block = match &event {
                    cmark::Event::Start(cmark::Tag::CodeBlock(_)) => true,
                    cmark::Event::End(cmark::TagEnd::CodeBlock) => false,
                    _ => in_block,
                };
                structure.push(format!("{event:?}"));
            }
        }
    }
    (structure, codes)
}

/// The shape of a value: its keys, and how long its lists are. A fingerprint is no text that is shown.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let told: Vec<_> =
                fields.iter().map(|(name, value)| format!("{name}:{}", shape(value))).collect();
            format!("{{{}}}", told.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(",")),
        Value::String(_) => "text".to_owned(),
        other => other.to_string(),
    }
}

fn sarif(texts: &Texts) -> Value {
    let text = written(|target| Box::new(Sarif::new(target, Root::default())), &texts.campaign());
    let log = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(sarif_mistakes(&log), Vec::<String>::new(), "{text}");
    log
}

/// A message of SARIF as it is shown: without its escapes. A bracket that is not escaped might begin a link.
fn shown(message: &Value) -> String {
    let mut text = String::new();
    let mut rest = message["text"].as_str().expect("a text").chars();
    while let Some(c) = rest.next() {
        assert!(!matches!(c, '[' | ']'), "{message}");
        text.push(if c == '\\' { rest.next().expect("something is escaped") } else { c });
    }
    text
}

fn collect_uris<'a>(value: &'a Value, uris: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            uris.extend(fields.get("uri").and_then(Value::as_str));
            fields.values().for_each(|value| collect_uris(value, uris));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_uris(value, uris)),
        _ => {}
    }
}

/// A command as GitHub's runner reads it: its name, its properties, and its message.
fn command(line: &str) -> (String, Vec<(String, String)>, String) {
    let unescaped = |text: &str, and: &[(&str, &str)]| {
        let all = and.iter().chain(&[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]);
        all.fold(text.to_owned(), |text, (code, c)| text.replace(code, c))
    };
    let (head, message) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")).expect("a command");
    let (name, properties) = head.split_once(' ').expect("it has properties");
    let properties = properties.split(',').map(|property| {
        let (name, value) = property.split_once('=').expect("a name and a value");
        (name.to_owned(), unescaped(value, &[("%3A", ":"), ("%2C", ",")]))
    });
    (name.to_owned(), properties.collect(), unescaped(message, &[]))
}

/// The lines that a CI server sees.
fn lines(text: &str) -> Vec<&str> {
    text.split(['\n', '\r']).filter(|line| !line.is_empty()).collect()
}

fn assert_no_command(text: &str) {
    for line in lines(text) {
        let commands = ["##[", "##vso[", "##teamcity["];
        assert!(!line.trim_start().starts_with("::"), "{line:?}");
        assert!(!commands.iter().any(|command| line.contains(command)), "{line:?}");
    }
}

fn has(values: &[String], text: &str) {
    assert!(values.iter().any(|value| value == text), "{text:?} is not among {values:#?}");
}

/// As JUnit can hold it.
fn held(text: &str) -> String {
    plain(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// A violation's sentence, which has no full stop in a heading.
fn sentence(what: &str) -> &str {
    what.trim_end_matches('.')
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn junit_shows_texts_and_obeys_none(texts in texts()) {
        let (names, values) = junit(&texts);
        prop_assert_eq!(names, junit(&Texts::harmless()).0);
        for text in [&texts.scenario, &texts.source, sentence(&texts.what), &texts.error, &texts.reason] {
            has(&values, &held(text));
        }
        has(&values, &held(&format!("no run shows {}", texts.missed)));
        has(&values, &format!("reproduce: {}", held(&texts.reproduce)));
    }

    #[test]
    fn markdown_shows_texts_and_obeys_none(texts in texts()) {
        let (structure, codes) = markdown(&texts);
        prop_assert_eq!(structure, markdown(&Texts::harmless()).0);
        let shown = [
            &texts.scenario, sentence(&texts.what), &texts.error, &texts.reason, &texts.missed, &texts.reproduce,
        ];
        for text in shown {
            has(&codes, &plain(text));
        }
        has(&codes, &plain(&texts.scenario).replace('|', "¦"));
    }

    #[test]
    fn sarif_shows_texts_and_obeys_none(texts in texts()) {
        let log = sarif(&texts);
        prop_assert_eq!(shape(&log), shape(&sarif(&Texts::harmless())));
        let run = &log["runs"][0];
        let results = run["results"].as_array().expect("a list");
        let messages: Vec<_> = results.iter().map(|result| shown(&result["message"])).collect();
        for text in [&texts.what, &texts.reason] {
            has(&messages, &format!("{text}\nreproduce: {}", texts.reproduce));
        }
        let error = shown(&run["invocations"][0]["toolExecutionNotifications"][0]["message"]);
        prop_assert_eq!(error, format!("{} seed 3: {}", texts.scenario, texts.error));
        let of_finding = results.iter().find(|result| result["ruleId"] == Anomaly::Unseen.name()).expect("a loss");
        let place = &of_finding["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
        prop_assert_eq!(place.as_str().expect("a text"), format!("{}/0", texts.topic));
        let steps = &of_finding["codeFlows"][0]["threadFlows"][0]["locations"];
        let begins = format!("{} at ", texts.kind);
        prop_assert!(shown(&steps[0]["location"]["message"]).starts_with(&begins));
        let mut uris = Vec::new();
        collect_uris(&log, &mut uris);
        for uri in uris {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
            prop_assert!(uri.trim_start_matches("file:").chars().all(allowed), "{}", uri);
        }
    }

    #[test]
    fn annotations_show_texts_and_obey_none(texts in texts()) {
        let told = |texts: &Texts| {
            let mut annotations = Annotations::new(Vec::new(), Root::default());
            feed(&mut annotations, &texts.campaign());
            String::from_utf8(annotations.into_output()).expect("it is UTF-8")
        };
        let (text, harmless) = (told(&texts), told(&Texts::harmless()));
        let commands: Vec<_> = lines(&text).into_iter().map(command).collect();
        let expected: Vec<_> = lines(&harmless).into_iter().map(command).collect();
        prop_assert_eq!(commands.len(), expected.len());
        for ((name, properties, _), (expected, expected_properties, _)) in commands.iter().zip(&expected) {
            prop_assert_eq!(name, expected);
            let names = |properties: &[(String, String)]| {
                properties.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
            };
            prop_assert_eq!(names(properties), names(expected_properties));
        }
        let messages: Vec<_> = commands.iter().map(|(.., message)| message.as_str()).collect();
        prop_assert!(messages.iter().any(|message| message.starts_with(sentence(&texts.what))));
        let error = format!("{}\nreproduce: {}", texts.error, texts.reproduce);
        prop_assert!(messages.contains(&&*error));
        let titles: Vec<_> = commands.iter().map(|(_, properties, _)| properties[2].1.clone()).collect();
        has(&titles, &format!("unseen in {} seed 2", texts.scenario));
    }

    #[test]
    fn the_terminal_shows_texts_and_obeys_none(texts in texts()) {
        for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
            let told = |texts: &Texts| {
                let mut terminal = Terminal::new(Vec::new(), Style::new(false), detail);
                feed(&mut terminal, &texts.campaign());
                String::from_utf8(terminal.into_output()).expect("it is UTF-8")
            };
            let text = told(&texts);
            prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{:?}", text);
            prop_assert_eq!(text.matches('\n').count(), told(&Texts::harmless()).matches('\n').count());
            assert_no_command(&text);
        }
    }

    #[test]
    fn json_lines_hold_texts_and_no_command(texts in texts()) {
        let mut json = JsonLines::new(Vec::new());
        feed(&mut json, &texts.campaign());
        let text = String::from_utf8(json.into_output()).expect("it is UTF-8");
        assert_no_command(&text);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        prop_assert_eq!(lines.len(), 6);
        prop_assert_eq!(&lines[1]["scenario"], &Value::from(&*texts.scenario));
        prop_assert_eq!(&lines[1]["findings"][1]["what"], &Value::from(&*texts.what));
        prop_assert_eq!(&lines[2]["error"], &Value::from(&*texts.error));
        prop_assert_eq!(&lines[3]["inconclusive"][0], &Value::from(&*texts.reason));
        prop_assert_eq!(&lines[4]["missed"][0], &Value::from(&*texts.missed));
    }
}
