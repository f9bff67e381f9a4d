//! Tests of checks of histories: what each function means, and what is said of what means nothing.

mod counted;
mod course;
mod exact;
mod foreign;
mod fuzz;
mod log;

use super::*;
use crate::history::History;

fn checked(object: Object, text: &str, options: &Options) -> Result<CheckReport, CheckError> {
    let history = History::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    check(object, &history, options)
}

/// Events one a line: `process type f value`, and whatever else.
fn edn(events: &str) -> String {
    let line = |line: &str| {
        let mut words = line.trim().splitn(4, ' ');
        let mut next = || words.next().expect("four words");
        let (process, outcome, function) = (next(), next(), next());
        format!("{{:process {process}, :type :{outcome}, :f :{function}, :value {}}}\n", next())
    };
    events.trim().lines().map(line).collect()
}

#[track_caller]
fn assert_verdict(object: Object, events: &str, options: &Options, expected: Verdict) -> CheckReport {
    let report = checked(object, &edn(events), options).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.verdict, expected, "{object}\n{events}\n{report:?}");
    assert_eq!(!report.findings.is_empty(), expected == Verdict::Violation);
    report
}

#[track_caller]
fn linearizable(object: Object, events: &str) {
    assert_verdict(object, events, &Options::default(), Verdict::Holds);
}

#[track_caller]
fn violation(object: Object, events: &str) -> Finding {
    let report = assert_verdict(object, events, &Options::default(), Verdict::Violation);
    report.findings.into_iter().next().expect("was looked at")
}

#[test]
fn a_stale_read_of_a_register() {
    let finding = violation(
        Object::Register,
        "0 invoke write 1
         0 ok write 1
         1 invoke write 2
         1 ok write 2
         0 invoke read nil
         0 ok read 1",
    );
    let told: Vec<_> = finding.operations.iter().map(|cited| &*cited.what).collect();
    assert_eq!(told, ["write 1", "write 2", "read 1"]);
    assert_eq!(finding.operations[2].invocation, Place { index: 4, line: 5 });
    assert_eq!(finding.operations[2].completion, Some(Place { index: 5, line: 6 }));
    assert_eq!(finding.operations[1].process, 1);
}

#[test]
fn a_search_says_where_it_gets_stuck() {
    // Two writes of one value: no exact check knows which of them a read saw.
    let finding = violation(
        Object::Register,
        "0 invoke write 1
         0 ok write 1
         0 invoke write 1
         0 ok write 1
         1 invoke write 2
         1 ok write 2
         0 invoke read nil
         0 ok read 1",
    );
    assert_eq!(finding.operations[0].what, "read 1");
    assert_eq!(finding.operations[0].invocation, Place { index: 6, line: 7 });
    let (cited, stuck) = finding.stuck.expect("is explained");
    assert_eq!(cited, finding.operations[0]);
    assert_eq!(stuck, "read 1 returned, and could happen in no state that was left: 2");
}

#[test]
fn what_is_not_known_to_have_happened_may_have() {
    // The write timed out, and was seen; then a later one was.
    let late = "0 invoke write 1
                0 info write :timed-out
                1 invoke read nil
                1 ok read nil
                1 invoke read nil
                1 ok read 1";
    linearizable(Object::Register, late);
    violation(Object::Register, &late.replace("0 info write :timed-out", "0 fail write 1"));
    violation(Object::Register, &format!("{late}\n 1 invoke read nil\n 1 ok read nil"));
    // A read that failed or timed out says nothing, and neither does one that is outstanding.
    for outcome in ["fail read 7", "info read 7", "invoke read 7"] {
        let events = format!("0 invoke read nil\n 0 {outcome}");
        linearizable(Object::Register, events.trim_end_matches("\n 0 invoke read 7"));
    }
}

#[test]
fn reads_of_nil_where_nil_is_no_value() {
    let events = "0 invoke write 1
                  0 ok write 1
                  0 invoke read nil
                  0 ok read nil";
    violation(Object::CasRegister, events);
    let options = Options { initial: Datum::Int(0), ..Options::default() };
    assert_verdict(Object::CasRegister, events, &options, Verdict::Holds);
    assert_verdict(Object::CasRegister, "0 invoke read nil\n0 ok read 0", &options, Verdict::Holds);
    violation(Object::CasRegister, "0 invoke read nil\n0 ok read 0");
}

#[test]
fn a_compare_and_set_and_one_that_failed() {
    let failed = "0 invoke write 1
                  0 ok write 1
                  1 invoke cas [1 2]
                  1 fail cas [1 2]";
    linearizable(Object::CasRegister, failed);
    let differed = Options { failed_cas: FailedCas::Differed, ..Options::default() };
    let finding = assert_verdict(Object::CasRegister, failed, &differed, Verdict::Violation).findings;
    assert_eq!(finding[0].operations[0].what, "failed cas from 1");
    // One that failed for some other reason does not tell what it found.
    let refused = failed.replace("fail cas [1 2]", "fail cas [1 2], :error :no-leader");
    assert_verdict(Object::CasRegister, &refused, &differed, Verdict::Holds);
    let done = failed.replace("fail", "ok");
    linearizable(Object::CasRegister, &format!("{done}\n 0 invoke read nil\n 0 ok read 2"));
    violation(Object::CasRegister, &format!("{done}\n 0 invoke read nil\n 0 ok read 1"));
    violation(Object::CasRegister, &done.replace("[1 2]", "[3 2]"));
    // One that may have happened.
    let info = failed.replace("1 fail cas [1 2]", "1 info cas [1 2]");
    linearizable(Object::CasRegister, &format!("{info}\n 0 invoke read nil\n 0 ok read 2"));
    violation(Object::CasRegister, &format!("{info}\n 0 invoke read nil\n 0 ok read 3"));
}

#[test]
fn texts_by_their_keys() {
    let text = |got: &str| {
        format!(
            r#"{{:process 0, :type :invoke, :f :append, :key "a", :value "x"}}
               {{:process 0, :type :ok, :f :append, :key "a", :value "x"}}
               {{:process 1, :type :invoke, :f :put, :key "b", :value "z"}}
               {{:process 0, :type :invoke, :f :append, :key "a", :value "y"}}
               {{:process 0, :type :ok, :f :append, :key "a", :value "y"}}
               {{:process 0, :type :invoke, :f :get, :key "a", :value nil}}
               {{:process 0, :type :ok, :f :get, :key "a", :value "{got}"}}"#
        )
    };
    let report = checked(Object::KeyValue, &text("xy"), &Options::default()).expect("is one");
    assert_eq!(report.verdict, Verdict::Holds);
    assert_eq!(report.order, [0, 3, 5]);
    let key = |name: &str| Some(Datum::String(name.into()));
    let keys: Vec<_> = report.keys.iter().map(|report| (report.key.clone(), report.operations)).collect();
    assert_eq!(keys, [(key("a"), 3), (key("b"), 1)]);
    let counts = Counts { events: 7, operations: 4, ok: 3, failed: 0, info: 1, checked: 4 };
    assert_eq!(report.counts, counts);
    for wrong in ["x", "yx", "", "xyz"] {
        let report = checked(Object::KeyValue, &text(wrong), &Options::default()).expect("is one");
        assert_eq!(report.verdict, Verdict::Violation, "{wrong}");
        let finding = &report.findings[0];
        assert_eq!(finding.key, key("a"));
        assert_eq!(finding.operations[0].what, format!("get {wrong:?}"));
    }
}

#[test]
fn a_lock_that_two_hold() {
    let events = "0 invoke acquire nil
                  0 ok acquire nil
                  1 invoke acquire nil
                  1 ok acquire nil";
    let finding = violation(Object::Mutex, events);
    assert_eq!(finding.operations.len(), 2);
    linearizable(Object::Mutex, &events.replace("1 ok", "1 fail"));
    linearizable(Object::Mutex, &format!("2 invoke release nil\n{events}"));
}

#[test]
fn a_set_that_forgets() {
    let events = "0 invoke add 1
                  0 ok add 1
                  1 invoke add 2
                  1 info add 2
                  0 invoke read nil
                  0 ok read #{1}
                  0 invoke read nil
                  0 ok read [2 1]";
    linearizable(Object::LinearizableSet, events);
    violation(Object::LinearizableSet, &events.replace("[2 1]", "[2]"));
    violation(Object::LinearizableSet, &events.replace("[2 1]", "[1 2 3]"));
    linearizable(Object::LinearizableSet, &events.replace("ok read [2 1]", "ok read nil"));
    let contains = events.replace("read [2 1]", "contains [2 true]");
    linearizable(
        Object::LinearizableSet,
        &contains.replace(
            "0 invoke read nil\n                  0 ok contains",
            "0 invoke contains 2\n 0 ok contains",
        ),
    );
}

#[test]
fn queues_in_any_order_and_in_order() {
    let events = "0 invoke enqueue 1
                  0 ok enqueue 1
                  0 invoke enqueue 2
                  0 ok enqueue 2
                  1 invoke dequeue nil
                  1 ok dequeue 2
                  1 invoke dequeue nil
                  1 ok dequeue 1
                  1 invoke dequeue nil
                  1 fail dequeue nil, :error :empty";
    linearizable(Object::UnorderedQueue, events);
    violation(Object::FifoQueue, events);
    // Twice the same, and empty though it is not.
    violation(Object::UnorderedQueue, &events.replace("ok dequeue 1", "ok dequeue 2"));
    violation(Object::UnorderedQueue, &events.replace("ok dequeue 1", "fail dequeue nil"));
    // A dequeue that timed out may have taken it.
    linearizable(
        Object::UnorderedQueue,
        &events.replace(
            "1 invoke dequeue nil\n                  1 ok dequeue 1",
            "2 invoke dequeue nil\n 2 info dequeue nil",
        ),
    );
    linearizable(
        Object::UnorderedQueue,
        &events
            .replace("1 ok dequeue 2", "1 fail dequeue nil")
            .replace("dequeue 1", "drain [1 2]")
            .replace("invoke dequeue nil\n                  1 ok drain", "invoke drain nil\n 1 ok drain"),
    );
}

#[test]
fn pairs_of_keys_and_values() {
    let options = Options { independent: true, ..Options::default() };
    let events = "0 invoke write [:x 1]
                  0 ok write [:x 1]
                  1 invoke write [:y 2]
                  1 ok write [:y 2]
                  0 invoke read [:x nil]
                  0 ok read [:x 1]";
    let report = assert_verdict(Object::Register, events, &options, Verdict::Holds);
    assert_eq!(report.keys.len(), 2);
    let wrong = events.replace("[:x nil]", "[:y nil]").replace("ok read [:x 1]", "ok read [:y 1]");
    let report = assert_verdict(Object::Register, &wrong, &options, Verdict::Violation);
    assert_eq!(report.findings[0].key.clone(), Some(Datum::Keyword("y".into())));
    let error = checked(Object::Register, &edn("0 invoke read nil"), &options).expect_err("no pair");
    assert_eq!(
        error.to_string(),
        "line 1: the value of `read` is nil; expected is a pair of a key and a value, `[key value]`"
    );
}

#[test]
fn what_cannot_be_interpreted_names_the_line() {
    let cases = [
        (
            Object::Register,
            "0 invoke cas [1 2]",
            "line 1: a register has no function `cas`; it has read and write; a cas-register has cas too",
        ),
        (
            Object::CasRegister,
            "0 invoke read nil\n0 ok read nil\n0 invoke cas 3",
            "line 3: the value of `cas` is 3; expected is a pair of the expected and the new value, `[from to]`",
        ),
        (
            Object::Mutex,
            "0 invoke enqueue 3",
            "line 1: a mutex has no function `enqueue`; it has acquire and release",
        ),
        (Object::KeyValue, "0 invoke append [1]", "line 1: the value of `append` is [1]; expected is a text"),
        (
            Object::LinearizableSet,
            "0 invoke read nil\n0 ok read {1 2}",
            "line 2: the value of `read` is {1 2}; expected is the elements, `#{1 2}`",
        ),
        (
            Object::UnorderedQueue,
            "0 invoke push 3",
            "line 1: an unordered-queue has no function `push`; it has enqueue, dequeue and drain",
        ),
        (
            Object::UnorderedQueue,
            "0 invoke read nil\n0 invoke read nil",
            "not checkable: process 0 has two operations outstanding, one since index 0, at index 1, line 2",
        ),
    ];
    for (object, events, expected) in cases {
        let error = checked(object, &edn(events), &Options::default()).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
    // A history that came from no text has no lines.
    let mut history = History::read(edn("0 invoke pop nil").as_bytes()).expect("a history");
    history.events[0].line = 0;
    let error = check(Object::UnorderedQueue, &history, &Options::default()).expect_err("no function");
    assert!(error.to_string().starts_with("index 0: "), "{error}");
}

#[test]
fn objects_have_names() {
    for object in Object::ALL {
        assert_eq!(object.name().parse(), Ok(object));
    }
    let error = "stack".parse::<Object>().expect_err("none");
    assert!(error.to_string().starts_with("`stack` is no object; known are register, cas-register, "));
}

#[test]
fn a_budget_that_runs_out_says_so() {
    let search = Search { steps_max: 2, ..Search::default() };
    let options = Options { search, ..Options::default() };
    // Two writes of one value leave it to the search.
    let events = "0 invoke write 1\n1 invoke write 2\n2 invoke write 1\n3 invoke read nil\n0 ok write 1\n1 ok write 2\n2 ok write 1\n3 ok read 2";
    let report = checked(Object::Register, &edn(events), &options).expect("is one");
    assert_eq!(report.verdict, Verdict::Unknown);
    assert!(report.unknown.expect("is unknown").starts_with("2 steps were not enough, "));
}

#[test]
fn what_is_shown_of_a_value_is_bounded() {
    let shown = |text: &str| {
        let events = format!("{{:process 0, :type :invoke, :f :add, :value nil, :x {text}}}");
        let history = History::read(events.as_bytes()).expect("a history");
        shown::Shown(history.events[0].extra[0].1.clone()).to_string()
    };
    for whole in ["nil", "[1 \"a\\n\" :b #{\\c} (x)]", "{:a 1, :b #inst \"2020\"}", "##NaN", "[[[[[[1]]]]]]"]
    {
        assert_eq!(shown(whole), whole);
    }
    assert_eq!(shown("[[[[[[[1]]]]]]]"), "[[[[[[[…]]]]]]]");
    let many = |count: usize| format!("[{}]", vec!["1"; count].join(" "));
    assert_eq!(shown(&many(24)), many(24));
    assert_eq!(shown(&many(25)), many(24).replace(']', " …]"));
}
