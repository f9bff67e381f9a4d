//! What the sinks make of fabricated runs: a pass, a violation, a panic, and hostile names.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::fault::{Effect, FaultRecord, Occurrence, Target, YamlPosition};
use highwater_checkers::ids::{BrokerId, Offset, OperationIndex, Time, TopicPartition, Value};
use highwater_checkers::linearizability::log::Level;
use highwater_checkers::verdict::{
    Anomaly, Availability, Cited, Consistency, Contradiction, Counts, Evidence, ExpectationResult, Finding,
    RunOutcome, RunVerdict, Severity, Staleness, Uncounted, Verdict,
};
use highwater_reports::json::JsonLines;
use highwater_reports::junit::Junit;
use highwater_reports::style::Style;
use highwater_reports::summary::{Coverage, Measures, RunEnding, StopReason};
use highwater_reports::terminal::{Detail, Terminal};
use highwater_reports::{
    CampaignSummary, Conclusion, Event, Outcome, RunId, RunSummary, ScenarioSummary, Sink,
};

fn verdict(outcome: RunOutcome) -> RunVerdict {
    let orders = TopicPartition::new("orders", 0);
    let recovery = Some(Duration::from_millis(2_270));
    RunVerdict {
        outcome,
        checkers: [("log", Verdict::Pass), ("recovery", Verdict::Unknown("nothing was healed".into()))]
            .into(),
        findings: Vec::new(),
        expectations: Vec::new(),
        inconclusive: Vec::new(),
        counts: Counts {
            ok: 3_153,
            fail: 87,
            info: 163,
            acknowledged: 2_950,
            read: 2_990,
            info_read: 40,
            faults_planned: 6,
            faults_injected: 5,
            faults_healed: 5,
            faults_skipped: 1,
            leader_changes: 15,
            isr_shrinks: 31,
            isr_growths: 32,
            ..Counts::default()
        },
        availability: [(orders.clone(), Availability { worst_gap: Duration::from_millis(4_260), recovery })]
            .into(),
        consistency: [(orders, linearizable())].into(),
        worst_unavailability: Duration::from_millis(4_260),
        recovery,
    }
}

fn linearizable() -> Consistency {
    Consistency { level: Some(Level::Linearizable), final_read: true, ..Consistency::default() }
}

/// A run of which one partition is stale, one lost something that nothing promised, and of one nothing is known.
fn stale(seed: u64) -> RunSummary {
    let broken = Contradiction {
        kind: "stale end",
        what: "the append of value 77 at offset 3 had returned before the look that found the end at 3 was called"
            .into(),
        operations: [(12, 3_200), (40, 3_500)]
            .map(|(at, millis)| Cited { operation: OperationIndex(at), time: Time::from_millis(millis) })
            .into(),
    };
    let stale = Consistency {
        level: Some(Level::LinearizableWrites),
        broken: Some(broken),
        staleness: Some(Staleness { looks: 3, records_max: 12, time_max: Duration::from_millis(840) }),
        ..linearizable()
    };
    let uncounted = Uncounted { acknowledgements: 313, reason: "they were sent with acks=1".into() };
    let weak = Consistency { uncounted: Some(uncounted), final_read: false, ..linearizable() };
    let unknown = Consistency { unknown: Some("not checkable".into()), ..Consistency::default() };
    let mut verdict = verdict(RunOutcome::Pass);
    for (partition, consistency) in (1..).zip([stale, weak, unknown].into_iter().take(2 + seed as usize)) {
        verdict.consistency.insert(TopicPartition::new("orders", partition), consistency);
    }
    summary("quick", seed, RunEnding::Judged(Box::new(verdict)))
}

fn summary(scenario: &str, seed: u64, ending: RunEnding) -> RunSummary {
    RunSummary {
        id: RunId { scenario: scenario.into(), seed },
        source: "suites/quick.yaml".into(),
        ending,
        expected: ["duplicate".to_owned()].into(),
        interrupted: false,
        faults: Vec::new(),
        measures: Some(Measures {
            virtual_time: Duration::from_secs(34),
            cpu_time: Duration::from_millis(240),
            frames: 13_816,
            tick: Duration::from_millis(2),
        }),
        hash: Some("e1b1456666e0dda1".into()),
        recording: None,
        reproduce: format!("highwater run suites/quick.yaml --seed {seed}"),
    }
}

fn pass(seed: u64) -> RunSummary {
    summary("quick", seed, RunEnding::Judged(Box::new(verdict(RunOutcome::Pass))))
}

fn finding(anomaly: Anomaly, severity: Severity, what: &str) -> Finding {
    Finding {
        anomaly,
        severity,
        partition: Some(TopicPartition::new("orders", 0)),
        what: what.into(),
        count: 4,
        secondary: false,
        fates: BTreeMap::new(),
        evidence: vec![Evidence {
            time: Time::from_millis(29_500),
            operations: Vec::new(),
            values: vec![Value(77)],
            offsets: vec![Offset(812)],
            ..Evidence::default()
        }],
    }
}

/// A run that lost acknowledged records after a kill.
fn violation(scenario: &str, seed: u64, what: &str) -> RunSummary {
    let mut verdict = verdict(RunOutcome::Violation);
    verdict.findings = vec![
        finding(Anomaly::Duplicate, Severity::Violation, "an expected duplicate."),
        finding(Anomaly::Unseen, Severity::Violation, what),
        finding(Anomaly::LostWrite, Severity::Permitted("acks=1".into()), "a permitted loss."),
    ];
    (verdict.counts.lost, verdict.counts.lost_permitted, verdict.recovery) = (5, 1, None);
    RunSummary {
        faults: vec![FaultRecord {
            occurrence: Occurrence { entry: 1, repetition: 0 },
            kind: "process-kill".into(),
            yaml: YamlPosition { line: 28, column: 5 },
            planned: None,
            may_miss: false,
            injected: Some((Time::from_millis(9_400), [Target::Broker(BrokerId(2))].into())),
            healed: Some(Time::from_millis(11_400)),
            skipped: None,
            effect: Effect { bit: true, counters: [("messages_dropped".into(), 12)].into() },
        }],
        recording: Some("out/quick/seed-2".into()),
        reproduce: "highwater replay out/quick/seed-2".into(),
        ..summary(scenario, seed, RunEnding::Judged(Box::new(verdict)))
    }
}

fn panic(seed: u64) -> RunSummary {
    let message = "the run failed at 12.3s of virtual time: b2 panicked: index out of bounds".to_owned();
    let ending = RunEnding::Failed { outcome: Outcome::InternalError, message };
    RunSummary { measures: None, hash: None, ..summary("quick", seed, ending) }
}

fn inconclusive(seed: u64) -> RunSummary {
    let mut verdict = verdict(RunOutcome::Inconclusive);
    verdict.inconclusive = vec!["the fault power-loss of line 46 never bit".into()];
    summary("quick", seed, RunEnding::Judged(Box::new(verdict)))
}

/// The events of a campaign of one scenario.
fn campaign(runs: Vec<RunSummary>, missed: &[&str], stopped: Option<StopReason>) -> Vec<Event> {
    let mut scenario = ScenarioSummary {
        scenario: runs[0].id.scenario.clone(),
        source: runs[0].source.clone(),
        missed: missed.iter().map(|text| (*text).to_owned()).collect(),
        ..ScenarioSummary::default()
    };
    let worst = runs.iter().map(RunSummary::outcome).max().expect("some");
    let count = runs.len() as u64;
    let mut events =
        vec![Event::CampaignStarted { build: "test".into(), scenarios: 1, runs: count, jobs: 2 }];
    for run in runs {
        scenario.add(&run);
        events.push(Event::RunEnded { run: run.id.clone(), outcome: run.outcome() });
        events.push(Event::RunFinished(Arc::new(run)));
    }
    let finished = CampaignSummary {
        conclusion: worst.into(),
        planned: count + u64::from(stopped.is_some()),
        outcomes: scenario.outcomes.clone(),
        stopped,
        measures: scenario.measures,
        jobs: 2,
        peak_memory: Some(82_000_000),
        dropped_recordings: 0,
        recordings_bytes_max: 1_000_000,
    };
    events.push(Event::ScenarioFinished(Box::new(scenario)));
    events.push(Event::CampaignFinished(Box::new(finished)));
    events
}

fn feed(sink: &mut dyn Sink, events: &[Event]) {
    events.iter().try_for_each(|event| sink.take(event)).expect("nothing fails to be written");
}

fn terminal(detail: Detail, events: &[Event]) -> String {
    let mut terminal = Terminal::new(Vec::new(), Style::new(false), detail);
    feed(&mut terminal, events);
    String::from_utf8(terminal.into_output()).expect("it is UTF-8")
}

fn junit(events: &[Event]) -> String {
    let folder = std::env::temp_dir().join(format!("highwater-junit-{}", std::process::id()));
    let path = folder.join(format!("{:?}.xml", std::thread::current().id()));
    feed(&mut Junit::new(path.clone()), events);
    let text = fs::read_to_string(&path).expect("it was written");
    fs::remove_file(&path).expect("it is there");
    text
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
    many.push(self::stale(0));
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
    assert!(text.lines().count() < 40, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 160), "{text}");
    assert!(text.contains("quick: 32 more runs failed"), "{text}");
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
fn junit_has_a_suite_a_scenario_and_a_case_a_seed() {
    let runs = vec![pass(0), inconclusive(1), violation("quick", 2, LOST), panic(3)];
    assert_golden("junit.xml", &junit(&campaign(runs, &["sometimes: truncated"], None)));
}

#[test]
fn no_name_can_inject_markup_or_escape_sequences() {
    let hostile = "</testsuite><script>alert(1)</script>\u{1b}[31m\u{0}&\"'\nlast line";
    let events = campaign(vec![violation(hostile, 2, hostile)], &[hostile], None);
    let xml = junit(&events);
    assert!(!xml.contains("<script") && xml.matches("</testsuite>").count() == 1, "{xml}");
    let forbidden = |c: char| c.is_control() && c != '\n';
    assert!(!xml.contains(forbidden), "{xml}");
    for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
        let text = terminal(detail, &events);
        assert!(!text.contains(forbidden), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("last line")), "{text}");
    }
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

    let documented = include_str!("../../docs/output-events.md");
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
