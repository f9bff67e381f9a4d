//! What people and programs read of fabricated runs, compared with stored texts.

use std::collections::BTreeMap;
use std::fs;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{BrokerId, LeaderEpoch, Time, TopicPartition};
use highwater_checkers::verdict::{Counts, ExpectationResult};
use highwater_reports::github::Annotations;
use highwater_reports::json::JsonLines;
use highwater_reports::junit::Junit;
use highwater_reports::location::Root;
use highwater_reports::markdown::Markdown;
use highwater_reports::sarif::Sarif;
use highwater_reports::style::Style;
use highwater_reports::summary::{Coverage, RunEnding, StopReason};
use highwater_reports::terminal::{Detail, Terminal};
use highwater_reports::timeline::{Leadership, Timeline};
use highwater_reports::{Conclusion, Event, Outcome, RunId, RunSummary};

use super::fabricated::{campaign, feed, inconclusive, panic, pass, stale, violation, written};

fn terminal(detail: Detail, events: &[Event]) -> String {
    let mut terminal = Terminal::new(Vec::new(), Style::new(false), detail);
    feed(&mut terminal, events);
    String::from_utf8(terminal.into_output()).expect("it is UTF-8")
}

fn junit(events: &[Event]) -> String {
    written(|target| Box::new(Junit::new(target)), events)
}

/// Compares with a stored text; `BLESS=1` stores what is there now.
fn assert_golden(name: &str, text: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).expect("it is written");
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap_or_default(), "{name}; BLESS=1 accepts the new text");
}

const LOST: &str =
    "orders/0 lost 4 acknowledged records, the first is 77 at offset 812, acknowledged at 9.402s.";

#[test]
fn a_green_summary_ends_with_its_speed() {
    assert_golden("green.txt", &terminal(Detail::Normal, &campaign((0..3).map(pass).collect(), &[], None)));
}

#[test]
fn a_red_summary_ends_with_what_to_do() {
    let events = campaign(vec![pass(0), inconclusive(1), violation("quick", 2, LOST)], &[], None);
    let text = terminal(Detail::Normal, &events);
    assert_golden("red.txt", &text);
    assert_golden("red-verbose.txt", &terminal(Detail::Verbose, &events));
    assert_golden("red-quiet.txt", &terminal(Detail::Quiet, &events));
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    assert_eq!(last[0], "reproduce: highwater replay out/quick/seed-2");
    assert!(last[1].starts_with("  process-kill at 9.400s on b2"), "{}", last[1]);
    assert!(last[2].starts_with("violation: orders/0 lost 4 acknowledged records"), "{}", last[2]);
}

#[test]
fn what_is_not_linearizable_is_told() {
    let events = campaign(vec![pass(2), stale(0), stale(1)], &[], None);
    let text = terminal(Detail::Normal, &events);
    let told: Vec<_> = text.lines().filter(|line| line.contains(" is ")).collect();
    let stale = "linearizable writes with stale reads (3 looks, by up to 12 records and 840ms)";
    let expected = [
        format!("quick seed 0: orders/1 is {stale}; 2 of 3 partitions linearizable"),
        "quick seed 1: orders/3 is unknown; 2 of 4 partitions linearizable".to_owned(),
    ];
    assert_eq!(told, expected);

    let text = terminal(Detail::Verbose, &events);
    let broken = "stale end: the append of value 77 at offset 3 had returned before the look that found the end at 3 \
                  was called (#12 at 3.200s, #40 at 3.500s)";
    let expected = [
        "quick seed 0: orders/0 is linearizable".to_owned(),
        format!("quick seed 0: orders/1 is {stale}; {broken}"),
        "quick seed 0: orders/2 is linearizable, without a final read, but for 313 acknowledgements that promise \
         nothing: they were sent with acks=1"
            .to_owned(),
    ];
    let told: Vec<_> = text.lines().filter(|line| line.starts_with("quick seed 0: ")).collect();
    assert_eq!(told, expected);
    let quiet = terminal(Detail::Quiet, &events);
    assert!(!quiet.contains("linearizable"), "{quiet}");

    let mut many: Vec<_> = (0..99).map(pass).collect();
    many.push(super::fabricated::stale(0));
    let text = terminal(Detail::Normal, &campaign(many, &[], None));
    let line = format!("99 of 100 runs linearizable everywhere; least in quick seed 0: orders/1 is {stale}");
    assert!(text.contains(&line), "{text}");

    let mut json = JsonLines::new(Vec::new());
    feed(&mut json, &events);
    let text = String::from_utf8(json.into_output()).expect("it is UTF-8");
    let runs: Vec<serde_json::Value> =
        text.lines().skip(2).take(2).map(|line| serde_json::from_str(line).expect("an object")).collect();
    let stale = &runs[0]["partitions"]["orders/1"];
    assert_eq!(stale["unavailability_ms_max"], serde_json::Value::Null, "no producer sent there");
    assert_eq!(stale["consistency"]["level"], "linearizable-writes");
    assert_eq!(stale["consistency"]["stale"]["ms_max"], 840);
    assert_eq!(stale["consistency"]["broken"]["operations"][1]["operation"], 40);
    assert_eq!(runs[0]["partitions"]["orders/2"]["consistency"]["uncounted"]["acknowledgements"], 313);
    assert_eq!(runs[1]["partitions"]["orders/3"]["consistency"]["unknown"], "not checkable");
}

#[test]
fn many_runs_still_fit_a_screen() {
    let mut runs: Vec<_> = (0..200).map(pass).collect();
    runs.extend((200..240).map(|seed| violation("quick", seed, LOST)));
    let text = terminal(Detail::Normal, &campaign(runs, &[], None));
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 160), "{text}");
    assert!(text.contains("36 more failures not shown; -v shows them"), "{text}");
}

#[test]
fn a_panic_and_an_early_end_are_told() {
    let text =
        terminal(Detail::Normal, &campaign(vec![pass(0), panic(1)], &[], Some(StopReason::Interrupted)));
    assert!(text.contains("2 of 3 runs, interrupted: 1 pass, 1 internal error"), "{text}");
    assert!(
        text.ends_with("(quick seed 1)\nreproduce: highwater run suites/quick.yaml --seed 1\n"),
        "{text}"
    );
}

#[test]
fn a_run_that_was_cut_short_is_no_failure() {
    let cut_short = RunSummary { interrupted: true, ..inconclusive(1) };
    let events = campaign(vec![pass(0), cut_short], &[], Some(StopReason::TimedOut));
    let text = terminal(Detail::Normal, &events);
    assert!(text.contains("inconclusive, stopped") && !text.contains("reproduce:"), "{text}");
    let xml = junit(&events);
    assert!(xml.contains(r#"<skipped message="it was stopped before its end"/>"#), "{xml}");
}

#[test]
fn what_no_seed_showed_is_told() {
    let text = terminal(Detail::Normal, &campaign(vec![pass(0), pass(1)], &["sometimes: truncated"], None));
    let last = "expectation missed: no run of 2 seeds shows sometimes: truncated (quick)\n\
                reproduce: highwater run suites/quick.yaml --count 2\n";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn many_scenarios_share_a_row() {
    let mut runs = Vec::new();
    for place in 0..20 {
        let name = format!("scenario-{place}");
        runs.push(
            (0..3).map(move |seed| RunSummary {
                id: RunId { scenario: name.as_str().into(), seed },
                ..stale(0)
            }),
        );
    }
    let mut events: Vec<_> = runs.into_iter().flat_map(|runs| campaign(runs.collect(), &[], None)).collect();
    let is_between =
        |event: &Event| matches!(event, Event::CampaignStarted { .. } | Event::CampaignFinished(_));
    let last = events.len() - 1;
    let mut place = 0;
    events.retain(|event| {
        place += 1;
        place == 1 || place == last + 1 || !is_between(event)
    });
    if let Event::CampaignStarted { runs, .. } = &mut events[0] {
        *runs = 60;
    }
    let text = terminal(Detail::Normal, &events);
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.contains("all 20 scenarios  60 pass  189,180"), "{text}");
    assert!(text.contains("18 more scenarios not linearizable everywhere; -v shows them"), "{text}");
}

#[test]
fn faults_and_leaders_are_told_in_full_where_they_are_asked_for() {
    let mut run = violation("quick", 2, LOST);
    let skipped = FaultRecord {
        injected: None,
        healed: None,
        skipped: Some("no leader".into()),
        ..run.faults[0].clone()
    };
    let led = |millis, epoch, leader: Option<i32>| Leadership {
        since: Time::from_millis(millis),
        epoch: LeaderEpoch(epoch),
        leader: leader.map(BrokerId),
    };
    run.timeline = Some(Box::new(Timeline {
        faults: vec![run.faults[0].clone(), skipped],
        leaders: [(TopicPartition::new("orders", 0), vec![led(512, 0, Some(2)), led(9_400, 1, None)])].into(),
    }));
    let events = campaign(vec![run], &[], None);
    let text = terminal(Detail::Verbose, &events);
    for line in [
        "quick seed 2: process-kill at 9.400s on b2 until 11.400s (12 messages dropped)  suites/quick.yaml:28",
        "quick seed 2: process-kill never applied: no leader (12 messages dropped)  suites/quick.yaml:28",
        "quick seed 2: orders/0 led by b2 (epoch 0) from 0.512s, nobody (epoch 1) from 9.400s",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!terminal(Detail::Normal, &events).contains("led by"));
}

#[test]
fn sarif_has_a_result_a_defect() {
    let runs = vec![inconclusive(1), violation("quick", 2, LOST), violation("quick", 3, LOST), panic(4)];
    let events = campaign(runs, &["sometimes: truncated"], None);
    let text = written(|target| Box::new(Sarif::new(target, Root::default())), &events);
    let log: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_golden("report.sarif", &(serde_json::to_string_pretty(&log).expect("it is JSON") + "\n"));
}

#[test]
fn markdown_begins_with_the_verdict() {
    let runs = vec![pass(0), inconclusive(1), violation("quick", 2, LOST), panic(3)];
    let events = campaign(runs, &["sometimes: truncated"], None);
    assert_golden("report.md", &written(|target| Box::new(Markdown::new(target)), &events));
}

#[test]
fn annotations_stand_at_the_line_of_the_fault() {
    let runs = vec![inconclusive(1), violation("quick", 2, "100%, lost: a\n::error::b.")];
    let mut annotations = Annotations::new(Vec::new(), Root::default());
    feed(&mut annotations, &campaign(runs, &[], None));
    let text = String::from_utf8(annotations.into_output()).expect("it is UTF-8");
    let expected = "\
        ::error file=suites/quick.yaml,line=28,title=unseen in quick seed 2::100%25, lost: a%0A::error::b%0A\
        process-kill at 9.400s on b2 until 11.400s (12 messages dropped)  suites/quick.yaml:28%0A\
        reproduce: highwater replay out/quick/seed-2\n\
        ::warning file=suites/quick.yaml,line=1,title=inconclusive in quick seed 1::the fault power-loss of line 46 never \
        bit%0Areproduce: highwater run suites/quick.yaml --seed 1\n";
    assert_eq!(text, expected);
}

#[test]
fn junit_has_a_suite_a_scenario_and_a_case_a_seed() {
    let runs = vec![pass(0), inconclusive(1), violation("quick", 2, LOST), panic(3)];
    assert_golden("junit.xml", &junit(&campaign(runs, &["sometimes: truncated"], None)));
}

#[test]
fn json_is_one_documented_event_a_line() {
    let mut run = violation("quick", 2, LOST);
    if let RunEnding::Judged(verdict) = &mut run.ending {
        verdict.expectations = vec![ExpectationResult {
            expectation: "sometimes: truncated".into(),
            met: false,
            every_seed: false,
            found: "counted 0".into(),
        }];
    }
    let mut json = JsonLines::new(Vec::new());
    feed(&mut json, &campaign(vec![run, panic(3)], &[], None));
    let text = String::from_utf8(json.into_output()).expect("it is UTF-8");
    let lines: Vec<BTreeMap<String, serde_json::Value>> =
        text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().expect("a text")).collect();
    let expected =
        ["campaign-started", "run-finished", "run-finished", "scenario-finished", "campaign-finished"];
    assert_eq!(events, expected);
    assert!(text.lines().all(|line| line.starts_with(r#"{"event":""#)), "{text}");
    assert_eq!(lines[1]["findings"][0]["severity"], "expected");
    assert_eq!(lines[1]["findings"][2]["reason"], "acks=1");
    assert_eq!(lines[1]["faults"][0]["targets"][0], "b2");
    assert_eq!(lines[2]["outcome"], "internal-error");
    assert_eq!(lines[4]["conclusion"], "internal-error");

    let documented = include_str!("../../../docs/output-events.md");
    for field in lines.iter().flat_map(|line| line.keys()) {
        assert!(documented.contains(&format!("`{field}`")), "`{field}` is not in docs/output-events.md");
    }
}

#[test]
fn coverage_counts_seeds_and_occurrences() {
    let mut coverage = Coverage::default();
    for truncations in [0, 3, 4] {
        coverage.add(&Counts { truncations, ..Counts::default() });
    }
    assert_eq!((coverage.seeds, coverage.truncations.total, coverage.truncations.seeds), (3, 7, 2));
    assert_eq!(Conclusion::from(Outcome::ExpectationMissed), Conclusion::Violation);
}
