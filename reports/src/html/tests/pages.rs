//! What the pages hold, by their data and their markup.

use std::fs;
use std::path::PathBuf;

use highwater_checkers::check::{Object, Options, check, courses};
use highwater_checkers::history::History;
use highwater_checkers::recording::Recording;
use serde_json::Value as Json;

use super::samples::{Texts, campaign, recording, summary};
use crate::Sink;
use crate::html::{Checked, Html, history, run};
use crate::summary::RunSummary;

/// The data of a page, as its scripts read it.
pub(super) fn data(page: &str) -> Json {
    let begin = "<script type=\"application/json\" id=\"data\">";
    let (_, rest) = page.split_once(begin).expect("there is data");
    let (data, _) = rest.split_once("</script>").expect("it ends");
    serde_json::from_str(data).expect("it is JSON")
}

fn of_run() -> Json {
    data(&run(&recording(&Texts::default()), &summary(&Texts::default())).render())
}

/// Columns of differences, added up.
fn running(column: &Json) -> Vec<i64> {
    let mut sum = 0;
    let numbers =
        column.as_array().expect("a column").iter().map(|number| number.as_i64().expect("a number"));
    numbers
        .map(|number| {
            sum += number;
            sum
        })
        .collect()
}

#[test]
fn a_page_holds_the_operations_of_a_run() {
    let data = of_run();
    assert_eq!(data["parts"], serde_json::json!(["orders/0"]));
    assert_eq!(running(&data["ops"]["call"]), [10_000, 20_000, 26_000, 30_000, 40_000, 90_000]);
    assert_eq!(data["ops"]["out"], "oooifo", "sends, polls, and the final read");
    assert_eq!(data["errors"], serde_json::json!({"3": "timed out", "4": "timed out"}));
    assert_eq!(data["sends"]["value"], serde_json::json!([77, 78, 79]));
    assert_eq!(data["sends"]["offset"], serde_json::json!([0, 1, -1]));
    assert_eq!(data["foreign"], serde_json::json!(["9007199254740993"]), "exact, though no double can be it");
    // Acknowledged, read, in the final read; acknowledged and gone, where another record was found.
    assert_eq!(data["logs"][0]["flags"], serde_json::json!([7, 11]));
    assert_eq!(data["odd"], serde_json::json!({"2": [[0, 0], [1, 3]]}));
    assert_eq!(data["witness"], serde_json::json!([1, 5, 2]), "its send, the final read, and who read it");
}

#[test]
fn a_page_holds_what_lies_under_the_operations() {
    let data = of_run();
    assert_eq!(data["leaders"][0], serde_json::json!([[2_000, 35_000, 0], [35_000, -1, 1]]));
    assert_eq!(data["isr"][0], serde_json::json!([[2_000, "b1 b2"], [35_000, "b2"]]));
    assert_eq!(data["hw"][0], serde_json::json!({"t": [25_000], "v": [2]}));
    assert_eq!(data["lives"][0], serde_json::json!([[1_000, 29_000, "up"]]), "it was killed");
    let fault = &data["faults"][0];
    assert_eq!((&fault["from"], &fault["to"], &fault["line"]), (&29_000.into(), &58_000.into(), &12.into()));
    assert_eq!(fault["targets"], serde_json::json!(["b1"]));
    assert_eq!(data["marks"], serde_json::json!([[60_000, "calm phase begins"]]));
}

#[test]
fn plots_tell_what_is_unseen_what_lags_and_who_waits() {
    let data = of_run();
    let last = |title: &str| {
        let plots = data["plots"].as_array().expect("plots");
        let plot = plots.iter().find(|plot| plot["title"].as_str().expect("a title").contains(title));
        let values = plot.expect("it is there")["series"][0]["v"].as_array().expect("values").clone();
        values.into_iter().map(|value| value.as_f64().expect("a number")).collect::<Vec<_>>()
    };
    // One, two, and none once both were read.
    assert_eq!(last("read by nobody"), [1.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(last("acknowledgement"), [2.0, 5.0, 20.0]);
}

#[test]
fn the_order_ends_where_the_final_read_contradicts_it() {
    let data = of_run();
    let course = &data["courses"][0];
    assert_eq!(course["name"], "orders/0");
    assert_eq!(running(&course["op"]), [0, 1, 2]);
    assert_eq!(running(&course["end"]), [1, 2, 2]);
    assert_eq!(course["stuck"], 5);
}

const STALE: &str = r#"{:process 0, :type :invoke, :f :write, :value 1}
{:process 0, :type :ok, :f :write, :value 1}
{:process 0, :type :invoke, :f :write, :value 2}
{:process 0, :type :ok, :f :write, :value 2}
{:process 1, :type :invoke, :f :write, :value 3}
{:process 1, :type :info, :f :write, :value :timed-out}
{:process :nemesis, :type :info, :f :kill, :value nil}
{:process 5, :type :invoke, :f :read, :value nil}
{:process 5, :type :ok, :f :read, :value 1}
"#;

#[test]
fn a_foreign_history_shows_where_every_order_ends() {
    let read = History::read(STALE.as_bytes()).expect("is a history");
    let options = Options::default();
    let report = check(Object::Register, &read, &options).expect("is one of a register");
    let courses = courses(Object::Register, &read, &options).expect("is one of a register");
    let reproduce = Some("highwater check stale.edn --model register".to_owned());
    let checked =
        Checked { name: "stale.edn", history: &read, report: &report, courses: &courses, reproduce };
    let page = history(&checked);
    assert_eq!(page.outcome, "not linearizable");
    assert!(page.sentence.starts_with("stale read: "), "{}", page.sentence);
    let data = data(&page.render());
    assert_eq!(data["timed"], false);
    assert_eq!(running(&data["ops"]["call"]), [0, 2, 4, 7]);
    assert_eq!(data["ops"]["out"], "ooio");
    // The process that goes on after the other one's info has its lane.
    assert_eq!(data["lanes"], serde_json::json!(["process 0", "process 1, 5"]));
    let what = |op: usize| data["texts"][data["ops"]["text"][op].as_u64().expect("a place") as usize].clone();
    assert_eq!([what(0), what(2), what(3)], ["write 1", "write 3", "read 1"].map(Json::from));
    assert_eq!(data["witness"], serde_json::json!([0, 1, 3]));
    assert_eq!(data["faults"][0]["kind"], "kill nil");
    let course = &data["courses"][0];
    assert_eq!((running(&course["op"]), &course["stuck"]), (vec![0, 1], &3.into()));
    let state =
        |step: usize| data["texts"][course["state"][step].as_u64().expect("a place") as usize].clone();
    assert_eq!([state(0), state(1)], ["1", "2"].map(Json::from));
}

const LOG: &str = r#"{:process 0, :type :invoke, :f :crash, :value nil}
{:process 0, :type :info, :f :crash, :value nil}
{:process 1, :type :invoke, :f :send, :value [[:send 7 1]]}
{:process 1, :type :ok, :f :send, :value [[:send 7 [0 1]]]}
{:process 1, :type :invoke, :f :send, :value [[:send 7 2]]}
{:process 1, :type :ok, :f :send, :value [[:send 7 [1 2]]]}
{:process 2, :type :invoke, :f :assign, :value [7], :seek-to-beginning? true}
{:process 2, :type :ok, :f :assign, :value [7], :seek-to-beginning? true}
{:process 2, :type :invoke, :f :poll, :value [[:poll]]}
{:process 2, :type :ok, :f :poll, :value [[:poll {7 [[1 2]]}]]}
"#;

#[test]
fn a_foreign_log_shows_what_lies_where() {
    let read = History::read(LOG.as_bytes()).expect("is a history");
    let report = check(Object::Log, &read, &Options::default()).expect("is one of a log");
    let courses = courses(Object::Log, &read, &Options::default()).expect("is one of a log");
    let checked =
        Checked { name: "log.edn", history: &read, report: &report, courses: &courses, reproduce: None };
    let data = data(&history(&checked).render());
    assert_eq!(data["parts"], serde_json::json!(["7"]));
    // The operation that is none of a log counts all the same.
    assert_eq!(running(&data["sends"]["op"]), [1, 2]);
    assert_eq!(running(&data["reads"]["op"]), [4]);
    assert_eq!(data["logs"][0]["op"], serde_json::json!([1, 2]));
    // Acknowledged and absent from the final read; acknowledged, read, and there.
    assert_eq!(data["logs"][0]["flags"], serde_json::json!([9, 7]));
    assert_eq!(data["ladder"][0]["part"], "7");
    assert_eq!(data["witness"][0], 1);
}

/// A folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("highwater-html-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

#[test]
fn a_campaign_links_the_page_of_each_run_that_is_kept() {
    let folder = folder("campaign");
    let kept = folder.join("artifacts/quick/seed-3");
    fs::create_dir_all(&kept).expect("is made");
    let texts = Texts::default();
    let Recording { header, events, .. } = recording(&texts);
    let file = fs::File::create(kept.join(highwater_checkers::recording::FILE_NAME)).expect("is made");
    let mut writer = highwater_checkers::recording::RecordingWriter::new(file, &header).expect("is begun");
    events.iter().for_each(|event| writer.event(event).expect("is written"));
    drop(writer);

    let kept = RunSummary { recording: Some(kept.clone()), ..summary(&texts) };
    let path = folder.join("out/index.html");
    let mut html = Html::new(path.clone());
    campaign(vec![kept, summary(&texts)]).iter().try_for_each(|event| html.take(event)).expect("is written");
    let index = fs::read_to_string(path).expect("is there");
    assert!(index.contains("<a href=\"../artifacts/quick/seed-3/report.html\">3</a>"), "{index}");
    assert!(
        index.contains("<td>process-kill</td><td class=\"num\">12</td><td class=\"num\">2</td>"),
        "{index}"
    );
    let page = fs::read_to_string(folder.join("artifacts/quick/seed-3/report.html")).expect("is there");
    assert!(page.contains("orders/0 lost value 78"), "{page}");
    fs::remove_dir_all(folder).expect("is deleted");
}
