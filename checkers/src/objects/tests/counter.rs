//! Counters.

use super::events;
use crate::objects::{CounterReport, OutOfBounds, Validity, counter};

#[track_caller]
fn report(lines: &[&str]) -> CounterReport {
    counter(&events(lines)).unwrap()
}

/// Whether reading each of these values is possible after the events.
#[track_caller]
fn assert_possible(lines: &[&str], possible: std::ops::RangeInclusive<i64>) {
    for value in possible.start() - 2..=possible.end() + 2 {
        let read = format!("9 ok read {value}");
        let report = report(&[lines, &["9 invoke read", &read]].concat());
        let valid = report.validity == Validity::Valid;
        assert_eq!(valid, possible.contains(&value), "{value}: {report:?}");
    }
}

#[test]
fn acknowledged_additions_are_in_the_sum() {
    assert_possible(&["0 invoke add 5", "0 ok add 5"], 5..=5);
    assert_possible(&[], 0..=0);
}

#[test]
fn indeterminate_additions_may_be() {
    assert_possible(&["0 invoke add 5", "0 info add 5"], 0..=5);
    assert_possible(&["0 invoke add 5"], 0..=5);
}

#[test]
fn failed_additions_are_not() {
    assert_possible(&["0 invoke add 5", "0 fail add 5", "0 invoke add 1", "0 ok add 1"], 1..=1);
}

#[test]
fn additions_beside_the_read_may_be() {
    let history = |read| {
        [
            "0 invoke add 2",
            "0 ok add 2",
            "0 invoke add 5",
            "9 invoke read",
            "0 ok add 5",
            "1 invoke add 3",
            read,
        ]
    };
    for (read, valid) in
        [("9 ok read 1", false), ("9 ok read 2", true), ("9 ok read 10", true), ("9 ok read 11", false)]
    {
        assert_eq!(report(&history(read)).validity == Validity::Valid, valid, "{read}");
    }
    // What was called after the read returned is not.
    let late = ["9 invoke read", "9 ok read 3", "1 invoke add 3", "1 ok add 3"];
    assert_eq!(report(&late).validity, Validity::Invalid);
}

#[test]
fn negative_additions_lower_the_bound() {
    assert_possible(&["0 invoke add -5", "0 info add -5", "1 invoke add 3", "1 info add 3"], -5..=3);
    assert_possible(&["0 invoke add -5", "0 ok add -5", "1 invoke add 3", "1 info add 3"], -5..=-2);
}

#[test]
fn the_first_and_the_worst_errors_are_shown() {
    let report = report(&["0 invoke read", "0 ok read 1", "0 invoke read", "0 ok read -7"]);
    assert_eq!((report.reads, report.errors), (2, 2));
    assert_eq!(report.worst, Some(OutOfBounds { event: 3, value: -7, lower: 0, upper: 0 }));
    assert_eq!(
        report.verdict,
        "2 of 2 reads are out of bounds: the first, at index 1, line 2, returned 1, where only 0 to 0 is possible"
    );
}

#[test]
fn sums_beyond_64_bits_are_no_trouble() {
    let most = format!("add {}", i64::MAX);
    let call = |process: i32, outcome: &str| format!("{process} {outcome} {most}");
    let lines = [
        call(0, "invoke"),
        call(0, "ok"),
        call(0, "invoke"),
        call(0, "ok"),
        "1 invoke read".into(),
        "1 ok read 0".into(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(report(&lines).first[0].lower, 2 * i128::from(i64::MAX));
}

#[test]
fn a_counter_that_nobody_read_is_valid() {
    let report = report(&["0 invoke add 1", "0 ok add 1"]);
    assert_eq!(report.validity, Validity::Valid);
    assert_eq!(report.verdict, "nobody ever read the counter, so that nothing contradicts it");
}

#[test]
fn wrong_shapes_name_their_place() {
    let error = |lines: &[&str]| counter(&events(lines)).unwrap_err().to_string();
    assert_eq!(
        error(&["0 invoke add 1.5"]),
        "the value of `add` is a number, at index 0, line 1: expected an integer below 2^63"
    );
    assert_eq!(
        error(&["0 invoke read", "0 ok read nil"]),
        "the value of `read` is nil, at index 1, line 2: expected an integer below 2^63"
    );
    assert_eq!(
        error(&["0 invoke reset"]),
        "`reset` is no operation of a counter, at index 0, line 1: expected add or read"
    );
}
