//! Queues that are drained.

use super::{events, names};
use crate::objects::{TotalQueueReport, Validity, total_queue};

#[track_caller]
fn report(lines: &[&str]) -> TotalQueueReport {
    total_queue(&events(lines)).unwrap()
}

#[test]
fn what_goes_in_comes_out() {
    let report = report(&[
        "0 invoke enqueue 1",
        "0 ok enqueue 1",
        "1 invoke enqueue 2",
        "1 info enqueue 2",
        "2 invoke dequeue",
        "2 ok dequeue 2",
        "2 invoke drain",
        "2 ok drain [1]",
        "2 invoke dequeue",
        "2 ok dequeue nil",
    ]);
    assert_eq!(report.validity, Validity::Valid, "{report:?}");
    assert_eq!((report.attempts, report.acknowledged, report.ok), (2, 1, 2));
    assert_eq!(names(&report.recovered), ["2"]);
}

#[test]
fn lost_unexpected_aborted_and_duplicated_elements_are_told_apart() {
    let report = report(&[
        "0 invoke enqueue 1",
        "0 ok enqueue 1",
        "0 invoke enqueue 2",
        "0 ok enqueue 2",
        "0 invoke enqueue 3",
        "0 fail enqueue 3",
        "2 invoke drain",
        "2 ok drain [2 2 2 3 4]",
    ]);
    assert_eq!(report.validity, Validity::Invalid);
    assert_eq!((names(&report.lost), report.lost.count), (vec!["1".to_owned()], 1));
    assert_eq!((names(&report.duplicated), report.duplicated.count), (vec!["2".to_owned()], 2));
    assert_eq!(names(&report.aborted), ["3"]);
    assert_eq!(names(&report.unexpected), ["4"]);
    assert_eq!(
        report.verdict,
        "1 enqueued and never dequeued (1); 1 dequeued and never enqueued (4); 1 dequeued though the enqueue \
         failed (3)"
    );
}

#[test]
fn an_element_counts_as_often_as_it_was_enqueued() {
    let twice = ["0 invoke enqueue 1", "0 ok enqueue 1", "0 invoke enqueue 1", "0 ok enqueue 1"];
    let once = report(&[&twice[..], &["1 invoke dequeue", "1 ok dequeue 1"]].concat());
    assert_eq!((once.validity, once.lost.count), (Validity::Invalid, 1));
    let both = report(&[&twice[..], &["1 invoke drain", "1 ok drain [1 1]"]].concat());
    assert_eq!((both.validity, both.duplicated.count), (Validity::Valid, 0));
}

#[test]
fn delivering_twice_is_valid() {
    let lines = ["0 invoke enqueue 1", "0 ok enqueue 1", "1 invoke drain", "1 ok drain [1 1]"];
    assert_eq!(report(&lines).validity, Validity::Valid);
    assert_eq!(report(&lines).duplicated.count, 1);
}

#[test]
fn a_dequeue_without_a_result_may_have_taken_one() {
    let one = ["0 invoke enqueue 1", "0 ok enqueue 1", "1 invoke dequeue", "1 info dequeue"];
    assert_eq!(report(&one).validity, Validity::Unknown);
    assert_eq!(
        report(&one).verdict,
        "1 enqueued and never dequeued, but 1 dequeues and drains without a known result may have taken them"
    );
    let two = [&one[..], &["0 invoke enqueue 2", "0 ok enqueue 2"]].concat();
    assert_eq!(report(&two).validity, Validity::Invalid);
    let drained = [&two[..], &["2 invoke drain", "2 info drain"]].concat();
    assert_eq!(report(&drained).validity, Validity::Unknown);
}

#[test]
fn wrong_shapes_name_their_place() {
    let error = |lines: &[&str]| total_queue(&events(lines)).unwrap_err().to_string();
    assert_eq!(
        error(&["0 invoke enqueue nil"]),
        "the value of `enqueue` is nil, at index 0, line 1: expected the element to put in"
    );
    assert_eq!(
        error(&["0 invoke drain", "0 ok drain :all"]),
        "the value of `drain` is a keyword, at index 1, line 2: expected a vector, list or set of the elements"
    );
    assert_eq!(
        error(&["0 invoke peek"]),
        "`peek` is no operation of a queue, at index 0, line 1: expected enqueue, dequeue or drain"
    );
}
