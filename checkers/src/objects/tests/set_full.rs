//! Sets that are read all along.

use super::{events, names};
use crate::objects::{Latencies, SetFullReport, Staleness, Validity, set_full};

#[track_caller]
fn report(lines: &[&str]) -> SetFullReport {
    set_full(&events(lines), Staleness::Permitted).unwrap()
}

const ADDED: [&str; 2] = ["0 invoke add 1", "0 ok add 1"];

#[track_caller]
fn after(added: &[&str], rest: &[&str]) -> SetFullReport {
    report(&[added, rest].concat())
}

#[test]
fn an_element_that_every_later_read_has_is_stable() {
    let report = after(&ADDED, &["1 invoke read", "1 ok read [1]"]);
    assert_eq!((report.validity, report.stable, report.stale.count), (Validity::Valid, 1, 0));
    let zero = Latencies { min: 0, median: 0, p95: 0, p99: 0, max: 0 };
    assert_eq!(report.stable_latencies, Some(zero));
}

#[test]
fn an_element_that_later_reads_lack_is_lost() {
    let lost = after(&ADDED, &["1 invoke read", "1 ok read [1]", "1 invoke read", "1 ok read []"]);
    assert_eq!((lost.validity, names(&lost.lost)), (Validity::Invalid, vec!["1".to_owned()]));
    // Known at 10, and the last read that had it began at 20.
    assert_eq!(lost.lost_latencies.map(|latencies| latencies.max), Some(11));
    assert_eq!(lost.verdict, "1 known to be there and lost (1)");
    let never = after(&ADDED, &["1 invoke read", "1 ok read []"]);
    assert_eq!(never.lost_latencies.map(|latencies| latencies.max), Some(0));
}

#[test]
fn an_element_that_comes_late_is_stale() {
    let lines = ["1 invoke read", "1 ok read []", "1 invoke read", "1 ok read [1]"];
    let stale = after(&ADDED, &lines);
    assert_eq!((stale.validity, names(&stale.stale)), (Validity::Valid, vec!["1".to_owned()]));
    // Known at 10, and the last read that lacked it began at 20.
    assert_eq!(stale.worst_stale.iter().map(|(_, latency)| *latency).collect::<Vec<_>>(), [11]);
    let strict = set_full(&events(&[&ADDED[..], &lines].concat()), Staleness::Violation).unwrap();
    assert_eq!(strict.validity, Validity::Invalid);
    assert_eq!(strict.verdict, "1 late to appear (1)");
}

#[test]
fn a_read_beside_the_addition_may_lack_it() {
    let report = report(&["1 invoke read", "0 invoke add 1", "0 ok add 1", "1 ok read []"]);
    assert_eq!((report.lost.count, names(&report.never_read)), (0, vec!["1".to_owned()]));
    assert_eq!(report.validity, Validity::Unknown);
}

#[test]
fn a_read_that_has_it_makes_an_indeterminate_element_known() {
    let lines = ["0 invoke add 1", "0 info add 1", "1 invoke read", "1 ok read [1]"];
    assert_eq!(report(&lines).stable, 1);
    let gone = [&lines[..], &["1 invoke read", "1 ok read []"]].concat();
    assert_eq!(report(&gone).lost.count, 1);
    let unknown = ["0 invoke add 1", "0 info add 1", "1 invoke read", "1 ok read []"];
    assert_eq!((report(&unknown).lost.count, report(&unknown).never_read.count), (0, 1));
}

#[test]
fn duplicates_phantoms_and_aborted_elements_are_invalid() {
    let found = after(&ADDED, &["0 invoke add 2", "0 fail add 2", "1 invoke read", "1 ok read [1 1 2 3]"]);
    assert_eq!(found.validity, Validity::Invalid);
    assert_eq!(names(&found.duplicated), ["1"]);
    assert_eq!(names(&found.unexpected), ["3"]);
    assert_eq!(names(&found.aborted), ["2"]);
    let alone = |read| after(&ADDED, &["0 invoke add 2", "0 fail add 2", "1 invoke read", read]).validity;
    for read in ["1 ok read [1 1]", "1 ok read [1 3]", "1 ok read [1 2]"] {
        assert_eq!(alone(read), Validity::Invalid, "{read}");
    }
    assert_eq!(alone("1 ok read [1]"), Validity::Valid);
}

#[test]
fn without_times_there_are_no_latencies() {
    let mut history = events(&[&ADDED[..], &["1 invoke read", "1 ok read [1]"]].concat());
    for event in &mut history {
        event.time = None;
    }
    let report = set_full(&history, Staleness::Permitted).unwrap();
    assert_eq!((report.stable, report.stable_latencies), (1, None));
}

#[test]
fn quantiles_are_those_of_jepsen() {
    let mut lines: Vec<String> = Vec::new();
    for element in 0..10 {
        lines.push(format!("0 invoke add {element}"));
        lines.push(format!("0 ok add {element}"));
    }
    // Each was known at another moment, and all were missing until one.
    lines.extend(
        ["1 invoke read", "1 ok read []", "1 invoke read", "1 ok read [0 1 2 3 4 5 6 7 8 9]"]
            .map(String::from),
    );
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let latencies = report(&lines).stable_latencies.unwrap();
    // 201 less the 10, 30, and so on, at which they were known.
    assert_eq!(latencies, Latencies { min: 11, median: 111, p95: 191, p99: 191, max: 191 });
}
