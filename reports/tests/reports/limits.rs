//! Reports of campaigns without end stay within what those who read them take.

use std::fs;
use std::sync::Arc;

use highwater_reports::file::Target;
use highwater_reports::github::Annotations;
use highwater_reports::location::Root;
use highwater_reports::markdown::Markdown;
use highwater_reports::sarif::Sarif;
use highwater_reports::{Event, RunSummary, Sink};
use serde_json::Value;

use super::fabricated::{campaign, feed, violation, written};
use super::schemas::sarif_mistakes;

const MIB: usize = 1 << 20;

/// A run that failed after six faults, with texts of about this length.
fn failure(seed: u64, length: usize) -> RunSummary {
    let mut run = violation("quick", seed, &format!("seed {seed} lost {}.", "a record ".repeat(length / 9)));
    run.faults = vec![run.faults[0].clone(); 6];
    run.reproduce = format!("highwater replay artifacts/quick/seed-{seed}");
    run
}

/// A campaign of 10,000 failing seeds.
fn failures(length: usize) -> Vec<Event> {
    campaign((0..10_000).map(|seed| failure(seed, length)).collect(), &[], None)
}

fn markdown(events: &[Event]) -> String {
    written(|target| Box::new(Markdown::new(target)), events)
}

fn sarif(events: &[Event]) -> (usize, Value) {
    let text = written(|target| Box::new(Sarif::new(target, Root::default())), events);
    (text.len(), serde_json::from_str(&text).expect("it is JSON"))
}

#[test]
fn markdown_of_ten_thousand_failures_is_under_a_mebibyte() {
    for length in [100, 10_000] {
        let text = markdown(&failures(length));
        println!("{} bytes of Markdown, texts of {length} bytes", text.len());
        assert!(text.len() < MIB, "{}", text.len());
        for seed in 0..50 {
            assert!(
                text.contains(&format!("```sh\nhighwater replay artifacts/quick/seed-{seed}\n```")),
                "{seed}"
            );
        }
        assert!(text.contains("\nhighwater replay artifacts/quick/seed-50\n"));
        assert!(text.contains("### 9,950 more failing runs"), "all others are lines");
    }
    // Long commands do not fit; they are counted.
    let mut runs: Vec<_> = (0..10_000).map(|seed| failure(seed, 100)).collect();
    runs.iter_mut().for_each(|run| run.reproduce += &format!(" --set {}", "x`".repeat(600)));
    let text = markdown(&campaign(runs, &[], None));
    assert!(text.len() < MIB, "{}", text.len());
    let told = text.matches("highwater replay").count();
    let more = text.split_once("\n\n9,").map(|(_, rest)| rest.split_once(' ').expect("a number").0);
    assert_eq!(more.map(|more| 9_000 + more.parse::<usize>().expect("a number")), Some(10_000 - told));
}

#[test]
fn markdown_of_ten_thousand_scenarios_is_under_a_mebibyte() {
    let name = "n".repeat(400);
    let mut events = campaign(vec![failure(0, 100)], &[], None);
    let end = events.pop().expect("the end");
    for place in 0..10_000 {
        let missed = format!("sometimes: {}", "m".repeat(400));
        let one = campaign(vec![violation(&format!("{name}{place}"), 0, "lost.")], &[&missed], None);
        let inside =
            |event: &Event| !matches!(event, Event::CampaignStarted { .. } | Event::CampaignFinished(_));
        events.extend(one.into_iter().filter(inside));
    }
    events.push(end);
    let text = markdown(&events);
    assert!(text.len() < MIB, "{}", text.len());
    assert!(text.contains(" more scenarios not shown here, for the limit of 1 MiB."));
    assert!(text.contains(" more missed expectations not shown here, for the limit of 1 MiB."));
}

#[test]
fn a_summary_that_others_wrote_to_keeps_what_they_wrote() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("summary.md");
    for taken in [0, 900_000, MIB] {
        let others = "x".repeat(taken);
        fs::write(&path, &others).expect("it is written");
        feed(&mut Markdown::new(Target::EndOf(path.clone())), &failures(100));
        let text = fs::read_to_string(&path).expect("it is there");
        assert!(text.starts_with(&others));
        if taken == MIB {
            assert_eq!(text.len(), taken, "there is no room");
            continue;
        }
        assert!(text.len() < MIB, "{}", text.len());
        assert!(text[taken..].trim_start().starts_with("## highwater: violation\n"), "{}", &text[taken..]);
    }
}

#[test]
fn sarif_stays_within_the_limits_of_github() {
    // Seeds that show the same are one result.
    let (bytes, log) = sarif(&failures(100));
    println!("{bytes} bytes of SARIF");
    let results = log["runs"][0]["results"].as_array().expect("a list");
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["occurrenceCount"], 10_000);
    let message = results[0]["message"]["text"].as_str().expect("a text");
    assert!(
        message.ends_with("(the first of 10,000 runs)\nreproduce: highwater replay artifacts/quick/seed-0"),
        "{message}"
    );

    // Those of different scenarios are not.
    let of_scenario = |place: u64, faults| {
        let mut run = failure(place, 100);
        run.faults.truncate(faults);
        run.id.scenario = format!("scenario-{place}").into();
        Event::RunFinished(Arc::new(run))
    };
    for (faults, by) in [(0, "number"), (6, "size")] {
        let mut events = campaign(vec![failure(0, 100)], &[], None);
        let end = events.pop().expect("the end");
        let sink = |events: &mut dyn Iterator<Item = Event>| {
            written(
                |target| {
                    let mut sarif = Sarif::new(target, Root::default());
                    events.for_each(|event| sarif.take(&event).expect("nothing is written yet"));
                    Box::new(sarif)
                },
                std::slice::from_ref(&end),
            )
        };
        let text = sink(&mut (0..6_000).map(|place| of_scenario(place, faults)));
        assert!(text.len() < 10_000_000, "{}", text.len());
        let log: Value = serde_json::from_str(&text).expect("it is JSON");
        let told = log["runs"][0]["results"].as_array().expect("a list").len();
        assert_eq!((told == 5_000, told < 5_000), (by == "number", by == "size"), "{told}");
        println!("{} bytes of SARIF, {told} results, cut by {by}", text.len());
        let notice = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        let count = 6_000 - told as u64;
        let expected =
            format!("left out for GitHub's limits: {},{:03} findings", count / 1_000, count % 1_000);
        assert_eq!(notice, &Value::from(expected));
        assert_eq!(sarif_mistakes(&log), Vec::<String>::new());
    }
}

#[test]
fn a_long_way_to_a_finding_is_cut_with_a_count() {
    let mut run = failure(0, 100);
    run.faults = vec![run.faults[0].clone(); 1_500];
    let (_, log) = sarif(&campaign(vec![run], &[], None));
    let steps = &log["runs"][0]["results"][0]["codeFlows"][0]["threadFlows"][0]["locations"];
    assert_eq!(steps.as_array().expect("a list").len(), 1_000);
    let last = steps[999]["location"]["message"]["text"].as_str().expect("a text");
    assert!(last.ends_with("(and 501 more steps)"), "{last}");
}

#[test]
fn ten_annotations_and_a_count() {
    let mut annotations = Annotations::new(Vec::new(), Root::default());
    feed(&mut annotations, &failures(100));
    let text = String::from_utf8(annotations.into_output()).expect("it is UTF-8");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 11);
    assert!(
        lines[..10].iter().all(|line| line.starts_with("::error file=suites/quick.yaml,line=28,")),
        "{text}"
    );
    let notice = "::notice title=highwater::9,990 more failures: the summary and the other reports have them";
    assert_eq!(lines[10], notice);
}
