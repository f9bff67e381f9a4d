//! Objects that are counted: what each verdict of each is made of.

use super::*;

#[track_caller]
fn counted(object: Object, events: &str, expected: Verdict, sentence: &str) -> CheckReport {
    let report = assert_verdict(object, events, &Options::default(), expected);
    let told = report.findings.first().map(|finding| &*finding.what).or(report.unknown.as_deref());
    assert_eq!(told.unwrap_or_default(), sentence, "{object}\n{events}");
    let [key] = &report.keys[..] else { panic!("{report:?}") };
    assert_eq!((key.verdict, key.operations), (expected, report.counts.operations));
    assert_eq!(report.counts.checked, report.counts.operations);
    report
}

/// Those of the details that are there, as `name count: shown`.
fn details(report: &CheckReport) -> Vec<String> {
    let told = report.details.iter().filter(|detail| detail.count > 0);
    told.map(|Tally { name, count, shown }| match shown {
        Some(shown) => format!("{name} {count}: {shown}"),
        None => format!("{name} {count}"),
    })
    .collect()
}

const ADDED: &str = "0 invoke add 1
                     0 ok add 1
                     0 invoke add :two
                     0 info add :two
                     1 invoke add 3
                     1 fail add 3";

fn read(events: &str, read: &str) -> String {
    format!("{events}\n 2 invoke read nil\n 2 ok read {read}")
}

#[test]
fn sets_that_are_read_at_the_end() {
    let report = counted(Object::Set, &read(ADDED, "#{1 :two}"), Verdict::Holds, "");
    assert_eq!(report.answer(), "valid");
    let told = ["attempts 3", "acknowledged 1", "ok 2", "final reads 1", "recovered 1: :two"];
    assert_eq!(details(&report), told);
    let sentence = "1 acknowledged and not in the last read (1); 1 read and never added (9); 1 read though the \
                    addition failed (3)";
    let report = counted(Object::Set, &read(ADDED, "#{9 3}"), Verdict::Violation, sentence);
    assert_eq!((report.answer(), report.findings[0].kind), ("invalid", "invalid"));
    let told = [
        "attempts 3",
        "acknowledged 1",
        "ok 1",
        "final reads 1",
        "lost 1: 1",
        "unexpected 1: 9",
        "aborted 1: 3",
    ];
    assert_eq!(details(&report), told);
    let never = "the set was never read, so nothing is known of it";
    assert_eq!(counted(Object::Set, ADDED, Verdict::Unknown, never).answer(), "unknown");
}

#[test]
fn sets_that_are_read_all_along() {
    let late = read(&read(ADDED, "[]"), "[1]");
    let report = counted(Object::SetFull, &late, Verdict::Holds, "");
    assert_eq!(details(&report), ["attempts 3", "reads 2", "stable 1", "never read 2: :two 3", "stale 1: 1"]);
    let lost = read(&read(ADDED, "[1]"), "[]");
    let report = counted(Object::SetFull, &lost, Verdict::Violation, "1 known to be there and lost (1)");
    assert_eq!(details(&report)[2..], ["lost 1: 1", "never read 2: :two 3"]);
    let none = "no element was read that was added, so nothing is known of the set";
    counted(Object::SetFull, "0 invoke add 1\n0 info add 1", Verdict::Unknown, none);
}

#[test]
fn latencies_of_a_set_are_told_in_milliseconds() {
    let events: String = [
        (0, "invoke", "add", "1"),
        (2, "ok", "add", "1"),
        (5, "invoke", "read", "nil"),
        (6, "ok", "read", "[]"),
        (7, "invoke", "read", "nil"),
        (8, "ok", "read", "[1]"),
    ]
    .iter()
    .map(|(millis, outcome, function, value)| {
        let time = millis * 1_000_000;
        format!("{{:process 0, :time {time}, :type :{outcome}, :f :{function}, :value {value}}}\n")
    })
    .collect();
    let report = checked(Object::SetFull, &events, &Options::default()).expect("is one");
    let stable = "stable after 3: min 3 ms, median 3 ms, p95 3 ms, p99 3 ms, max 3 ms";
    assert_eq!(details(&report).last().map(String::as_str), Some(stable));
}

#[test]
fn queues_that_are_drained_at_the_end() {
    let enqueued = "0 invoke enqueue 1
                    0 ok enqueue 1
                    0 invoke enqueue 2
                    0 ok enqueue 2
                    1 invoke enqueue 3
                    1 info enqueue 3";
    let drained = |what: &str| format!("{enqueued}\n 2 invoke drain nil\n 2 ok drain {what}");
    let report = counted(Object::TotalQueue, &drained("[1 2 2 3]"), Verdict::Holds, "");
    assert_eq!(
        details(&report),
        ["attempts 3", "acknowledged 2", "ok 3", "duplicated 1: 2", "recovered 1: 3"]
    );
    let wrong = "1 enqueued and never dequeued (2); 1 dequeued and never enqueued (7)";
    counted(Object::TotalQueue, &drained("[1 7]"), Verdict::Violation, wrong);
    let unknown = format!("{}\n 3 invoke dequeue nil\n 3 info dequeue nil", drained("[1]"));
    let sentence =
        "1 enqueued and never dequeued, but 1 dequeues and drains without a known result may have taken them";
    counted(Object::TotalQueue, &unknown, Verdict::Unknown, sentence);
}

#[test]
fn counters_stay_within_their_bounds() {
    let added = "0 invoke add 1
                 0 ok add 1
                 1 invoke add 2
                 1 info add 2";
    for sum in ["1", "3"] {
        let report = counted(Object::Counter, &read(added, sum), Verdict::Holds, "");
        assert_eq!(details(&report), ["attempts 2", "acknowledged 1", "reads 1"]);
    }
    let sentence = "1 of 1 reads are out of bounds: the first, at index 5, line 6, returned 4, where only 1 to 3 is \
                    possible";
    let report = counted(Object::Counter, &read(added, "4"), Verdict::Violation, sentence);
    assert_eq!(details(&report)[3], "out of bounds 1");
}

#[test]
fn independent_objects_are_counted_apart() {
    let events = "0 invoke add [:x 1]
                  0 ok add [:x 1]
                  1 invoke add [:y 1]
                  1 ok add [:y 1]
                  0 invoke add [:z 1]
                  0 ok add [:z 1]
                  1 invoke read [:x nil]
                  1 ok read [:x #{1}]
                  1 invoke read [:y nil]
                  1 ok read [:y #{}]";
    let options = Options { independent: true, ..Options::default() };
    let keyword = |name: &str| Some(Datum::Keyword(name.into()));
    let report = assert_verdict(Object::Set, events, &options, Verdict::Violation);
    let keys: Vec<_> = report.keys.iter().map(|key| (key.key.clone(), key.verdict, key.operations)).collect();
    let expected = [
        (keyword("x"), Verdict::Holds, 2),
        (keyword("y"), Verdict::Violation, 2),
        (keyword("z"), Verdict::Unknown, 1),
    ];
    assert_eq!(keys, expected);
    // What is told is of the worst.
    let [finding] = &report.findings[..] else { panic!("{report:?}") };
    assert_eq!(
        (finding.key.clone(), &*finding.what),
        (keyword("y"), "1 acknowledged and not in the last read (1)")
    );
    assert!(details(&report).contains(&"lost 1: 1".to_owned()), "{report:?}");
    assert_eq!((report.counts.checked, report.unknown), (5, None));
    // The same keys beside the values.
    let beside: String = edn(events)
        .lines()
        .map(|line| {
            let (front, tuple) = line.split_once(":value [:").expect("has a value");
            let (key, value) = tuple.trim_end_matches("]}").split_once(' ').expect("is a pair");
            format!("{front}:key :{key}, :value {value}}}\n")
        })
        .collect();
    let other = checked(Object::Set, &beside, &Options::default()).expect("is one");
    assert_eq!(
        (&other.keys, &other.findings, &other.details),
        (&report.keys, &report.findings, &report.details)
    );
    // The same again, tagged.
    let tagged = events.replace(" [:", " #jepsen.independent.Tuple [:");
    assert_eq!(assert_verdict(Object::Set, &tagged, &options, Verdict::Violation).keys, report.keys);
    // One that is worst of all is told first, wherever it stands.
    let good = events.replace("[:y #{}]", "[:y #{1}]");
    let report = assert_verdict(Object::Set, &good, &options, Verdict::Unknown);
    assert_eq!(report.unknown.as_deref(), Some("the set was never read, so nothing is known of it"));
}

#[test]
fn what_cannot_be_counted_names_its_place() {
    let cases = [
        (
            Object::Set,
            "0 invoke enqueue 1",
            "`enqueue` is no operation of a set, at index 0, line 1: expected add or read",
        ),
        (
            Object::SetFull,
            "0 invoke read nil\n0 ok read 5",
            "the value of `read` is the number 5, at index 1, line 2: expected a vector, list or set of the elements",
        ),
        (
            Object::TotalQueue,
            "0 invoke enqueue nil",
            "the value of `enqueue` is nil, at index 0, line 1: expected the element to put in",
        ),
        (
            Object::Counter,
            "0 invoke add :x",
            "the value of `add` is a keyword, at index 0, line 1: expected an integer below 2^63",
        ),
        (
            Object::Counter,
            "0 ok add 1",
            "not checkable: process 0 completes what it never began, at index 0, line 1",
        ),
    ];
    for (object, events, expected) in cases {
        let error = checked(object, &edn(events), &Options::default()).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    }
    let options = Options { independent: true, ..Options::default() };
    let error = checked(Object::Set, &edn("0 invoke add 1"), &options).expect_err("is no pair");
    assert!(error.to_string().contains("expected a tuple of the object's key and the value"), "{error}");
}
