//! Pairs of invocations and completions, and the preconditions.

use super::*;
use crate::history::{NotCheckable, Span, spans};
use crate::ids::{Interval, Moment};

fn of(tuples: &str) -> Result<Vec<Span>, NotCheckable> {
    spans(&read(Format::Knossos, tuples).events)
}

#[track_caller]
fn assert_not_checkable(tuples: &str, expected: &str) {
    assert_eq!(of(tuples).expect_err(tuples).to_string(), expected);
}

fn span(invocation: usize, completion: Option<usize>, outcome: Outcome) -> Span {
    let ret = completion.filter(|_| outcome != Outcome::Info).map_or(Moment::NEVER, Moment::at);
    Span { invocation, completion, outcome, interval: Interval { call: Moment::at(invocation), ret } }
}

#[test]
fn an_empty_history_has_none() {
    assert_eq!(of(""), Ok(Vec::new()));
}

#[test]
fn operations_are_in_the_order_of_their_invocations() {
    let tuples = "[0 :invoke :read nil] [1 :invoke :read nil] [:nemesis :info :start nil] [1 :ok :read 1]
        [2 :invoke :write 3] [1 :invoke :write 2] [0 :fail :read nil] [:nemesis :info :start nil]
        [1 :info :write 2] [3 :invoke :read nil]";
    let expected = vec![
        span(0, Some(6), Outcome::Fail),
        span(1, Some(3), Outcome::Ok),
        span(4, None, Outcome::Info),
        span(5, Some(8), Outcome::Info),
        span(9, None, Outcome::Info),
    ];
    assert_eq!(of(tuples), Ok(expected));
}

#[test]
fn two_outstanding_operations_of_a_process_are_not_checkable() {
    assert_not_checkable(
        "[4 :invoke :read nil]\n[1 :invoke :read nil]\n[4 :invoke :read nil]",
        "not checkable: process 4 has two operations outstanding, one since index 0, at index 2, line 3",
    );
}

#[test]
fn a_process_does_not_go_on_after_its_info() {
    let begin = "[4 :invoke :read nil]\n[4 :info :read nil]\n";
    for next in ["invoke", "ok", "fail", "info"] {
        assert_not_checkable(
            &format!("{begin}[4 :{next} :read nil]"),
            "not checkable: process 4 goes on after its info at index 1, at index 2, line 3",
        );
    }
}

#[test]
fn a_completion_has_an_invocation() {
    for outcome in ["ok", "fail", "info"] {
        assert_not_checkable(
            &format!("[0 :{outcome} :read nil]"),
            "not checkable: process 0 completes what it never began, at index 0, line 1",
        );
        assert_not_checkable(
            &format!("[0 :invoke :read 1]\n[0 :ok :read 1]\n[0 :{outcome} :read nil]"),
            "not checkable: process 0 completes what it never began, at index 2, line 3",
        );
    }
}

#[test]
fn a_history_that_was_not_read_has_no_lines() {
    let mut events = read(Format::Knossos, "[0 :ok :read nil]").events;
    events[0].line = 0;
    let error = spans(&events).expect_err("is not checkable");
    assert_eq!(error.to_string(), "not checkable: process 0 completes what it never began, at index 0");
}

#[test]
fn a_client_with_a_name_is_not_passed_over_in_silence() {
    for outcome in ["invoke", "ok", "fail"] {
        assert_not_checkable(
            &format!("[:c1 :{outcome} :read nil]"),
            "not checkable: process c1 has a name instead of a number, and operations like a client's, at index 0, line 1",
        );
        assert_eq!(of(&format!("[:nemesis :{outcome} :start nil]")), Ok(Vec::new()));
    }
    assert_eq!(of("[:c1 :info :start nil]"), Ok(Vec::new()));
}
