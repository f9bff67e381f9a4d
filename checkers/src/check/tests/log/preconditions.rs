//! What makes the history of a log uncheckable, each named with its place.

use super::*;

#[track_caller]
fn assert_refused(events: &str, expected: &str) {
    let error = checked(Object::Log, events, &Options::default()).expect_err(events);
    assert_eq!(error.to_string(), expected, "{events}");
}

#[test]
fn values_are_unique_for_each_key() {
    assert_refused(
        &edn_of("p0 S x:0=a ; p1 S x:1=a"),
        "not checkable: value \"a\" is sent to key :x a second time, first at line 1; expected are values that are \
         unique for each key, at line 3",
    );
    assert_refused(
        "{:process 0, :type :invoke, :f :send, :value [[:send 0 1] [:send 0 1]]}",
        "not checkable: value 1 is sent to key 0 a second time, first at line 1; expected are values that are unique \
         for each key, at line 1",
    );
}

#[test]
fn offsets_are_not_below_0() {
    assert_refused(&edn_of("p0 S x:-1=a"), "not checkable: the offset -1 of key :x is below 0, at line 2");
    assert_refused(&edn_of("p0 R x:-7=a"), "not checkable: the offset -7 of key :x is below 0, at line 2");
    assert_refused(&edn_of("p0 A x:-2"), "not checkable: the offset -2 of key :x is below 0, at line 1");
}

#[test]
fn a_completion_completes_what_was_begun() {
    let began = "{:process 0, :type :invoke, :f :send, :value [[:send 0 1]]}\n";
    assert_refused(
        &format!("{began}{{:process 0, :type :ok, :f :send, :value [[:send 0 [0 2]]]}}"),
        "not checkable: process 0 completes a send of value 2 to key 0 that it did not begin, at line 2",
    );
    // Another process began it.
    let other = "{:process 1, :type :invoke, :f :send, :value [[:send 0 3]]}\n";
    assert_refused(
        &format!("{began}{other}{{:process 1, :type :ok, :f :send, :value [[:send 0 [0 1]]]}}"),
        "not checkable: process 1 completes a send of value 1 to key 0 that it did not begin, at line 3",
    );
    // Once is enough.
    assert_refused(
        &format!("{began}{{:process 0, :type :ok, :f :send, :value [[:send 0 [0 1]] [:send 0 [1 1]]]}}"),
        "not checkable: process 0 completes a send of value 1 to key 0 that it did not begin, at line 2",
    );
}

#[test]
fn processes_do_one_thing_at_a_time() {
    let poll = |process: u32, outcome: &str| {
        format!("{{:process {process}, :type :{outcome}, :f :poll, :value [[:poll]]}}\n")
    };
    assert_refused(
        &(poll(4, "invoke") + &poll(4, "invoke")),
        "not checkable: process 4 has two operations outstanding, one since index 0, at index 1, line 2",
    );
    assert_refused(
        &poll(4, "ok"),
        "not checkable: process 4 completes what it never began, at index 0, line 1",
    );
    assert_refused(
        &(poll(4, "invoke") + &poll(4, "info") + &poll(4, "invoke")),
        "not checkable: process 4 goes on after its info at index 1, at index 2, line 3",
    );
    // A crash is an operation too.
    let crash = "{:process 4, :type :invoke, :f :crash}\n{:process 4, :type :info, :f :crash}\n";
    assert_refused(
        &format!("{crash}{}", poll(4, "invoke")),
        "not checkable: process 4 goes on after its info at index 1, at index 2, line 3",
    );
}

#[test]
fn other_functions_and_values_are_refused() {
    assert_refused(
        "{:process 0, :type :invoke, :f :write, :value 1}",
        "line 1: a log has no function `write`; it has send, poll, txn, assign, subscribe, crash, \
         debug-topic-partitions, final-read, commit, fetch-committed and join",
    );
    let steps = "expected is `[:send k v]`, `[:send k [offset v]]`, `[:poll]` or `[:poll {k [[offset v]]}]`";
    for (value, found) in [
        ("[[:send 0]]", "[:send 0]"),
        ("[[:pull]]", "[:pull]"),
        ("[:poll]", ":poll"),
        ("[[]]", "[]"),
        ("[[:send 0 1 5]]", "[:send 0 1 5]"),
    ] {
        assert_refused(
            &format!("{{:process 0, :type :invoke, :f :txn, :value {value}}}"),
            &format!("line 1: the value of `txn` is {found}; {steps}"),
        );
    }
    let began = "{:process 0, :type :invoke, :f :poll, :value [[:poll]]}\n";
    for value in ["[:poll {0 [1]}]", "[:poll {0 [[nil 1]]}]", "[:poll {0 7}]", "[:poll [[0 1]]]"] {
        assert_refused(
            &format!("{began}{{:process 0, :type :ok, :f :poll, :value [{value}]}}"),
            &format!("line 2: the value of `poll` is {value}; {steps}"),
        );
    }
    assert_refused(
        "{:process 0, :type :invoke, :f :send, :value 3}",
        "line 1: the value of `send` is 3; expected is a vector of steps, `[[:send k v] [:poll]]`",
    );
    assert_refused(
        "{:process 0, :type :invoke, :f :assign, :value 3}",
        "line 1: the value of `assign` is 3; expected is the keys, `[0 1]`",
    );
}
