//! Somebody else's history: who gets nothing but the page of it finds the operation that cannot be linearized.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::browser::{Browser, alone};

const PROCESSES: u64 = 5;
/// Operations of a process.
const OPERATIONS: u64 = 80;

/// An operation on a register, in nanoseconds.
struct Operation {
    process: u64,
    call: u64,
    /// When it takes effect.
    point: u64,
    done: u64,
    /// What is written, or none for a read.
    written: Option<u64>,
    /// What the register holds then.
    value: u64,
}

/// A history of a register as Jepsen writes it for etcd, with one read of a value that was overwritten long before. Returns
/// its text, and which operation that read is, by the order of calls.
fn history() -> (String, usize) {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut operations = Vec::new();
    for process in 0..PROCESSES {
        let mut now = 1_000_000 * (1 + random.next_u64() % 20);
        for place in 0..OPERATIONS {
            let lasts = 1_000_000 * (2 + random.next_u64() % 30);
            let point = now + 1 + random.next_u64() % (lasts - 1);
            let is_write = random.next_u64() % 3 == 0;
            let written = is_write.then_some(1 + process * OPERATIONS + place);
            operations.push(Operation { process, call: now, point, done: now + lasts, written, value: 0 });
            now += lasts + 1_000_000 * (1 + random.next_u64() % 10);
        }
    }
    operations.sort_by_key(|operation| operation.point);
    let mut value = 0;
    for operation in &mut operations {
        value = operation.written.unwrap_or(value);
        operation.value = value;
    }
    operations.sort_by_key(|operation| operation.call);
    let is_late = |operation: &Operation| operation.written.is_none() && operation.call > 1_000_000_000;
    let stale = operations.iter().position(is_late).expect("there is a read after a second");
    let early = operations.iter().rev().find(|other| other.done + 200_000_000 < operations[stale].call);
    let overwritten = early.expect("there is an operation before").value;
    assert_ne!(overwritten, operations[stale].value);
    operations[stale].value = overwritten;

    let mut lines = Vec::new();
    for Operation { process, call, done, written, value, .. } in &operations {
        let f = if written.is_some() { ":write" } else { ":read" };
        let asked = written.map_or("nil".to_owned(), |value| value.to_string());
        for (time, kind, value) in [(call, ":invoke", &asked), (done, ":ok", &value.to_string())] {
            let event = format!(":process {process}, :type {kind}, :f {f}, :value {value}");
            lines.push((*time, event));
        }
    }
    lines.sort();
    let mut text = String::new();
    for (index, (time, event)) in lines.iter().enumerate() {
        writeln!(text, "{{:index {index}, :time {time}, {event}}}").expect("a text takes all");
    }
    (text, stale)
}

#[test]
fn the_page_of_a_foreign_history_leads_to_what_is_wrong() {
    let _alone = alone();
    let (text, stale) = history();
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("etcd.edn"), text).expect("it is written");
    let told = Command::new(env!("CARGO_BIN_EXE_highwater"))
        .current_dir(folder.path())
        .args(["check", "etcd.edn", "--model", "register", "--initial", "0", "--html", "out.html"])
        .output()
        .expect("it starts");
    assert_eq!(told.status.code(), Some(1), "{}", String::from_utf8_lossy(&told.stderr));
    let page = fs::read_to_string(folder.path().join("out.html")).expect("there is a page");

    let browser = Browser::open("foreign", &page);
    browser.wait_until_ready();
    assert_eq!(browser.text("#outcome"), "not linearizable");
    // It is among the few operations on the first screen, and in the picture.
    let sight = browser.in_sight();
    let marked = sight["marked"].as_array().expect("operations");
    assert!(marked.contains(&json!(stale)) && marked.len() <= 4, "op {stale} is not in {marked:?}");
    let number = |at: &str| browser.evaluate(&format!("return highwater.{at}")).as_f64().expect("a number");
    let (from, to) = (number("inSight().from"), number("inSight().to"));
    let (call, ret) = (number(&format!("data.call[{stale}]")), number(&format!("data.ret[{stale}]")));
    assert!(from < call && ret < to, "op {stale}, from {call} to {ret}, lies outside of {from} to {to}");
    // One click.
    browser.click(&format!("#witness a[href='#op={stale}']"));
    browser.wait(&format!("highwater.inSight().picked === {stale}"));
    let detail = browser.text("#detail");
    assert!(detail.starts_with(&format!("op {stale} ")) && detail.contains("read"), "{detail}");
    // Every order ends at it, and can be gone through up to there.
    assert_eq!(number("timeline.course.stuck") as usize, stale, "the operation where every order ends");
    browser.click("#step-last");
    browser.wait("highwater.inSight().step === highwater.timeline.course.order.length - 1");
    browser.click("#step-stuck a");
    browser.wait(&format!("highwater.inSight().picked === {stale}"));
    browser.assert_clean();
}
