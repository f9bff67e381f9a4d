//! Histories of many objects.

use super::events;
use crate::history::Datum;
use crate::objects::{Staleness, Validity, independent, set, set_full};

#[test]
fn tuples_are_taken_apart_by_key() {
    let history = events(&[
        "0 invoke add [7 1]",
        ":nemesis info kill",
        "1 invoke add [8 1]",
        "0 ok add [7 1]",
        "1 ok add [8 1]",
        "0 invoke read [7 nil]",
        "1 invoke read [8 nil]",
        "0 ok read [7 [1]]",
        "1 ok read [8 []]",
    ]);
    let objects = independent(&history).unwrap();
    let validities: Vec<_> =
        objects.iter().map(|(key, events)| (key.clone(), set(events).unwrap().validity)).collect();
    assert_eq!(validities, [(Datum::Int(7), Validity::Valid), (Datum::Int(8), Validity::Invalid)]);
    assert_eq!(objects[&Datum::Int(7)][3].index, 7);
}

/// As a history of elle-cli's has it: elements that are tuples, and a read that has none.
#[test]
fn tuples_are_elements_where_they_are_not_taken_apart() {
    let history =
        events(&["0 invoke add [0 5]", "0 ok add [0 5]", "0 invoke read [0 nil]", "0 ok read [0 5]"]);
    let report = set_full(&history, Staleness::Permitted).unwrap();
    assert_eq!(report.validity, Validity::Invalid);
    assert_eq!((report.lost.count, report.unexpected.count), (1, 2));
}

#[test]
fn wrong_tuples_name_their_place() {
    let error = |lines: &[&str]| independent(&events(lines)).unwrap_err().to_string();
    assert_eq!(
        error(&["0 invoke add 5"]),
        "the value of `add` is the number 5, at index 0, line 1: expected a tuple of the object's key and the value"
    );
    assert_eq!(
        error(&["0 invoke read [0 nil]", "0 ok read [0 1 2]"]),
        "the value of `read` is a vector, at index 1, line 2: expected a tuple of the object's key and the value"
    );
    assert_eq!(
        error(&["0 invoke read [0 nil]", "0 ok read [1 [2]]"]),
        "the value of `read` is a vector, at index 1, line 2: expected a tuple with the key of the invocation"
    );
}
