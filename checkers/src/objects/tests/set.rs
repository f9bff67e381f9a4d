//! Sets that are read at the end.

use super::{events, names};
use crate::objects::{Validity, set};

#[test]
fn what_was_acknowledged_is_there() {
    let history = events(&[
        "0 invoke add 1",
        "0 ok add 1",
        "1 invoke add 2",
        "1 info add 2",
        "0 invoke add 3",
        "0 fail add 3",
        "2 invoke read",
        "2 ok read #{1 2}",
    ]);
    let report = set(&history).unwrap();
    assert_eq!(report.validity, Validity::Valid, "{report:?}");
    assert_eq!((report.attempts, report.acknowledged, report.ok), (3, 1, 2));
    assert_eq!(names(&report.recovered), ["2"]);
    assert_eq!(report.verdict, "all 1 acknowledged elements are there");
}

#[test]
fn lost_unexpected_and_aborted_elements_are_named() {
    let history = events(&[
        "0 invoke add 1",
        "0 ok add 1",
        "0 invoke add 3",
        "0 fail add 3",
        "2 invoke read",
        "2 ok read [3 :z]",
    ]);
    let report = set(&history).unwrap();
    assert_eq!(report.validity, Validity::Invalid);
    assert_eq!(names(&report.lost), ["1"]);
    assert_eq!(names(&report.unexpected), [":z"]);
    assert_eq!(names(&report.aborted), ["3"]);
    assert_eq!(
        report.verdict,
        "1 acknowledged and not in the last read (1); 1 read and never added (:z); 1 read though the addition \
         failed (3)"
    );
}

#[test]
fn an_element_whose_second_addition_was_acknowledged_is_not_aborted() {
    let history = events(&[
        "0 invoke add 3",
        "0 fail add 3",
        "0 invoke add 3",
        "0 ok add 3",
        "2 invoke read",
        "2 ok read [3]",
    ]);
    assert_eq!(set(&history).unwrap().validity, Validity::Valid);
}

#[test]
fn only_reads_after_every_addition_are_final() {
    let early = events(&[
        "0 invoke add 1",
        "0 ok add 1",
        "2 invoke read",
        "0 invoke add 2",
        "2 ok read []",
        "0 ok add 2",
        "2 invoke read",
        "2 ok read [1 2]",
    ]);
    let report = set(&early).unwrap();
    assert_eq!((report.validity, report.final_reads), (Validity::Valid, 1));
    let divergent = events(&[
        "0 invoke add 1",
        "0 ok add 1",
        "2 invoke read",
        "2 ok read []",
        "3 invoke read",
        "3 ok read [1]",
    ]);
    let report = set(&divergent).unwrap();
    assert_eq!((report.validity, report.final_reads), (Validity::Invalid, 2));
    assert_eq!(names(&report.divergent), ["1"]);
}

#[test]
fn a_set_that_was_never_read_is_unknown() {
    let report = set(&events(&["0 invoke add 1", "0 ok add 1", "0 invoke read", "0 fail read"])).unwrap();
    assert_eq!(report.validity, Validity::Unknown);
    assert_eq!(set(&[]).unwrap().validity, Validity::Unknown);
}

#[test]
fn wrong_shapes_name_their_place() {
    let error = |lines: &[&str]| set(&events(lines)).unwrap_err().to_string();
    assert_eq!(
        error(&["0 invoke read", "0 ok read 5"]),
        "the value of `read` is the number 5, at index 1, line 2: expected a vector, list or set of the elements"
    );
    assert_eq!(
        error(&["0 invoke write 5"]),
        "`write` is no operation of a set, at index 0, line 1: expected add or read"
    );
    assert_eq!(
        error(&["0 ok add 5"]),
        "not checkable: process 0 completes what it never began, at index 0, line 1"
    );
}

#[test]
fn examples_are_capped_and_counted() {
    let mut lines: Vec<String> = Vec::new();
    for element in 0..100 {
        lines.push(format!("0 invoke add {element}"));
        lines.push(format!("0 ok add {element}"));
    }
    lines.extend(["0 invoke read".to_owned(), "0 ok read []".to_owned()]);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let report = set(&events(&lines)).unwrap();
    assert_eq!((report.lost.count, report.lost.first.len()), (100, super::Examples::MAX));
    assert_eq!(report.verdict, "100 acknowledged and not in the last read (0, 1, 2, \u{2026})");
}
