//! What Jepsen's kafka workload writes beside sends and polls, and how what is found is told.

use super::*;
use crate::linearizability::log::Level;

/// Two clients that send, a crash, and the final polls.
const RUN: &str = "\
{:index 0, :time 10, :process 0, :type :invoke, :f :subscribe, :value [0]}
{:index 1, :time 11, :process 0, :type :ok, :f :subscribe, :value [0]}
{:index 2, :time 12, :process 1, :type :invoke, :f :send, :value [[:send 0 1] [:send 0 2]]}
{:index 3, :time 13, :process :nemesis, :type :info, :f :kill, :value {\"n1\" :killed}}
{:index 4, :time 14, :process 1, :type :ok, :f :send, :value [[:send 0 [0 1]] [:send 0 [1 2]]]}
{:index 5, :time 15, :process 0, :type :invoke, :f :txn, :value [[:poll] [:send 0 3]]}
{:index 6, :time 16, :process 0, :type :info, :f :txn, :value [[:poll] [:send 0 3]], :error :timeout}
{:index 7, :time 17, :process 1, :type :invoke, :f :crash, :value nil}
{:index 8, :time 18, :process 1, :type :info, :f :crash, :value nil}
{:index 9, :time 19, :process 2, :type :invoke, :f :debug-topic-partitions, :value [0]}
{:index 10, :time 20, :process 2, :type :ok, :f :debug-topic-partitions, :value {0 {:leader 1}}}
{:index 11, :time 21, :process 2, :type :invoke, :f :assign, :value [0], :seek-to-beginning? true}
{:index 12, :time 22, :process 2, :type :ok, :f :assign, :value [0], :seek-to-beginning? true}
{:index 13, :time 23, :process 2, :type :invoke, :f :poll, :value [[:poll]], :poll-ms 1000}
{:index 14, :time 24, :process 2, :type :ok, :f :poll, :value [[:poll {0 [[0 1]]}]], :poll-ms 1000}
{:index 15, :time 25, :process 2, :type :invoke, :f :poll, :value [[:poll]], :poll-ms 1000}
{:index 16, :time 26, :process 2, :type :ok, :f :poll, :value [[:poll {0 [[1 2] [3 3]]}]], :poll-ms 1000}
";

#[test]
fn final_polls_are_a_final_read() {
    let report = report(RUN);
    assert_eq!((report.verdict, &report.unknown), (Verdict::Holds, &None), "{report:?}");
    assert_eq!(report.answer(), "valid");
    let counts: Vec<_> = report.details.iter().map(|tally| (tally.name, tally.count)).collect();
    assert_eq!(counts, [("records acknowledged", 2), ("records read", 3), ("indeterminate records read", 1)]);
    assert_eq!(report.counts, Counts { events: 17, operations: 8, ok: 6, failed: 0, info: 2, checked: 6 });
    let [key] = &report.keys[..] else { panic!("{report:?}") };
    assert_eq!((&key.key, key.operations), (&Some(Datum::Int(0)), 4));
}

#[test]
fn final_polls_that_miss_a_record_have_lost_it() {
    let lost = RUN.replace("[[1 2] [3 3]]", "[[3 3]]");
    let report = report(&lost);
    assert_eq!(kinds(&report.findings), ["unseen 0", "lost-write 0", "poll-skip 0", "torn-txn 0"]);
    let what = "key 0 lost value 2: acknowledged at offset 1 (line 5), absent from the final read";
    assert_eq!(report.findings[0].what, what);
    let [send, poll] = &report.findings[0].operations[..] else { panic!("{report:?}") };
    assert_eq!((send.process, &*send.what), (1, "send [[:send 0 [0 1]] [:send 0 [1 2]]]"));
    assert_eq!(send.invocation, Place { index: 2, line: 3 });
    assert_eq!(send.completion, Some(Place { index: 4, line: 5 }));
    assert_eq!((poll.process, &*poll.what), (2, "poll [[:poll {0 [[3 3]]}]]"));
    let consistency = report.keys[0].consistency.as_ref().expect("is a log");
    assert_eq!(consistency.level, Some(Level::Diverged), "{consistency:?}");
}

#[test]
fn final_polls_that_do_not_get_to_the_end_prove_nothing() {
    let short: String = RUN.lines().take(15).map(|line| format!("{line}\n")).collect();
    let report = report(&short);
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Unknown, 0));
    let unknown = "lost and unseen records of key 0 are unknown: the last read from the beginning returned up to \
                   offset 0, and offset 1 is known";
    assert_eq!(report.unknown.as_deref(), Some(unknown));
    // An assignment in between ends it.
    let elsewhere = RUN.replace(
        "{:index 15,",
        "{:process 2, :type :invoke, :f :assign, :value [0]}\n\
         {:process 2, :type :ok, :f :assign, :value [0]}\n{:index 15,",
    );
    let ended = super::report(&elsewhere);
    assert_eq!(ended.verdict, Verdict::Unknown);
    assert_eq!(ended.unknown, Some(unknown.replace("offset 1 is", "offset 3 is")));
    // Another reader may get there.
    let again: String =
        RUN.lines().skip(11).map(|line| line.replace(":process 2", ":process 3") + "\n").collect();
    assert_eq!(super::report(&format!("{short}{again}")).verdict, Verdict::Holds);
}

#[test]
fn an_acknowledgement_need_not_tell_an_offset() {
    let untold = RUN.replace("[[:send 0 [0 1]] [:send 0 [1 2]]]", "[[:send 0 [nil 1]] [:send 0 [1 2]]]");
    let report = report(&untold);
    assert_eq!((report.verdict, report.details[0].count), (Verdict::Holds, 2), "{report:?}");
}

/// The operations of a script as our own recordings have them, in JSON.
fn recorded(script: &str) -> String {
    let line = |event: &Event| match event {
        Event::Operation(operation) => serde_json::to_string(operation).expect("is written") + "\n",
        other => panic!("{other:?}"),
    };
    Script::of(script).events.iter().map(line).collect()
}

#[test]
fn our_own_operations_are_a_history_of_a_log() {
    let lines = recorded("p0 S x:0=a ; p0 S1 x:1=b ; p1 AF x:0 ; p1 RR x:0=a^1 ; p1 RR x!9 ; p1 E x:1");
    let report = report(&lines);
    assert_eq!(kinds(&report.findings), [r#"unseen "x/0""#], "{report:?}");
    assert_eq!(kinds(&report.legal), [r#"end-offset-regression "x/0""#], "the broker refused the position 9");
    assert_eq!(
        report.findings[0].what,
        r#"key "x/0" lost value 98: acknowledged at offset 1 (line 4), absent from the final read"#
    );
    let weak = r#"{"process": 0, "type": "invoke", "f": "send", "value": [["send", "x/0", 1, 7]]}"#;
    assert!(checked(Object::Log, weak, &Options::default()).is_err(), "there are no acks of 7");
    let brokers = super::report(&recorded("p0 R x:0=a@b1 x:1=b@b1 ; p1 R x:0=c@b2"));
    let divergent = r#"divergent-replica "x/0" 2"#;
    assert!(kinds(&brokers.findings).iter().any(|kind| kind == divergent), "{brokers:?}");
}

#[test]
fn groups_are_judged() {
    let line = |process: u32, outcome: &str, f: &str, rest: &str| {
        format!("{{:process {process}, :type :{outcome}, :f :{f}, :value [:x], {rest}}}\n")
    };
    let both =
        |process, f: &str, rest: &str| line(process, "invoke", f, rest) + &line(process, "ok", f, rest);
    let commits = both(0, "commit", ":group \"g\", :at [5]");
    let back = format!("{commits}{}", both(1, "fetch-committed", ":group \"g\", :at [3]"));
    let report = report(&back);
    assert_eq!(kinds(&report.findings), ["committed-offset-regression :x"], "{report:?}");
    let joined =
        both(0, "join", ":group \"g\", :generation 2") + &both(1, "join", ":group \"g\", :generation 2");
    assert_eq!(kinds(&super::report(&joined).findings), ["two-owners :x"]);
    let nobody = checked(Object::Log, &both(0, "commit", ":at [5]"), &Options::default());
    assert!(nobody.expect_err("no group").to_string().contains("beside it the group's name"));
}

#[test]
fn a_circle_is_told_in_the_histories_words() {
    let report = report(&edn_of("p0 T +x:0=a y:0=b ; p1 T +y:0=b x:0=a"));
    let what = "transactions in a circle (G1c): line 4 polled offset 0 of key :x, which line 2 sent; line 2 polled \
                offset 0 of key :y, which line 4 sent";
    assert_eq!(report.findings[0].what, what);
    assert_eq!(report.findings[0].operations.len(), 2);
}

#[test]
fn values_that_look_like_records_are_values() {
    let events = "\
{:process 0, :type :invoke, :f :send, :value [[:send :x [1 2]]]}
{:process 0, :type :fail, :f :send, :value [[:send :x [1 2]]]}
{:process 1, :type :invoke, :f :poll, :value [[:poll]]}
{:process 1, :type :ok, :f :poll, :value [[:poll {:x [[0 [1 2]]]}]]}
";
    let report = report(events);
    assert_eq!(kinds(&report.findings), ["G1a :x"], "{report:?}");
    assert!(report.findings[0].what.contains("value [1 2] at offset 0"), "{report:?}");
}

#[test]
fn keys_are_kept_apart() {
    let send = |process: usize, key: &str| {
        format!(
            "{{:process {process}, :type :invoke, :f :send, :value [[:send {key} 7]]}}
             {{:process {process}, :type :ok, :f :send, :value [[:send {key} [3 7]]]}}\n"
        )
    };
    // One value in each; were two of these one partition, it would be sent twice.
    let keys = ["0", "-1", "99999999999", ":x", "\"y\"", "x", "\"x/0\"", "[0]", "nil", "\"0\"", "\":x/-1\""];
    let events: String = keys.iter().enumerate().map(|(process, key)| send(process, key)).collect();
    let report = report(&events);
    let told: Vec<_> = report.keys.iter().map(|key| key.key.clone().expect("has one").to_string()).collect();
    assert_eq!(told, keys);
    assert!(report.findings.is_empty(), "{report:?}");
}

#[test]
fn levels_are_told_for_each_key() {
    let level = |report: &CheckReport| {
        let consistency = report.keys[0].consistency.clone().expect("is a log");
        (consistency.level.expect("is known").name(), consistency.broken)
    };
    let good = report(&edn_of("p0 S x:0=a ; p1 S x:5=b ; p2 R x:0=a ; p2 R x:5=b"));
    assert_eq!(level(&good), ("linearizable", None));
    // The later of two sends got the earlier place, which is no anomaly between two producers.
    let back = report(&edn_of("p0 S x:5=b ; p1 S x:0=a"));
    assert!(back.findings.is_empty(), "{back:?}");
    let (name, broken) = level(&back);
    let broken = broken.expect("is not linearizable");
    let places: Vec<_> = broken.operations.iter().map(|cited| cited.invocation.line).collect();
    assert_eq!((name, places), ("sequential", vec![1, 3]), "{broken:?}");
    // A copy is an anomaly, and leaves one log.
    let copy = report(&edn_of("p0 S x:0=a ; p1 R x:0=a x:1=a"));
    assert_eq!((kinds(&copy.findings), level(&copy).0), (vec!["duplicate :x".to_owned()], "linearizable"));
    let two = report(&edn_of("p0 S x:0=a ; p1 S x:0=b"));
    assert_eq!(level(&two).0, "diverged");
    let gone = report(&edn_of("p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1"));
    assert_ne!(level(&gone).0, "linearizable");
}

#[test]
fn examples_are_capped_unless_all_are_asked_for() {
    let sends: String = (0..20).map(|n| format!("p{n} S x:{n}={n} ;")).collect();
    let text = edn_of(&format!("{sends} p99 AF x:0 ; p99 RR ; p99 E x:0"));
    let of = |options: &Options| checked(Object::Log, &text, options).expect("is one").findings.remove(0);
    let capped = of(&Options::default());
    assert_eq!((capped.count, capped.more.len() + 1), (20, Finding::EXAMPLES_MAX));
    let all = of(&Options { every_example: true, ..Options::default() });
    assert_eq!((all.count, all.more.len() + 1), (20, 20));
    assert_eq!(capped.more[..], all.more[..capped.more.len()]);
}
