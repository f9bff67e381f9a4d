//! Fixtures of the anomalies as one table, and the proof that they notice when a rule is missing.

use super::{LEGAL, found, found_in, illegal};
use crate::linearizability::rule;
use crate::log::{LogMonitor, Sighting};
use crate::monitor::Monitor;
use crate::script::Script;

/// Histories, each with what is found in them.
const FIXTURES: &[(&str, &[&str])] = &[
    ("p0 S x:0=a ; p1 S x:0=b", &["inconsistent-offsets x a,b @ 0"]),
    ("p0 I x:0=a y=a ; p1 S x:0=b", &[]),
    ("p0 I x:0=a y=a ; p1 S x:0=b ; p2 R y:5=a", &["inconsistent-offsets x a,b @ 0"]),
    ("p0 S x:1=a ; p2 R x:2=b x:3=a", &["duplicate x a @ 1,3"]),
    ("p0 S x:1=0 ; p0 F x:2=1 ; p1 RF x:11=0 x:12=1", &["duplicate x 0 @ 1,11"]),
    ("p0 F x:12=a ; p1 S x:12=b ; p2 R x:12=b", &[]),
    ("p0 F x=a ; p1 R x:0=a", &["G1a x a @ 0"]),
    ("p0 F x=a ; p1 RF x:0=a", &[]),
    (
        "p0 S x:0=a ; p0 S x:1=b x:3=d ; p1 I x=c ; p0 R x:2=c",
        &["lost-write x a @ 0,2", "lost-write x b @ 1,2"],
    ),
    ("p0 I x=a y:0=b ; p1 I y=c ; p2 R x:0=a ; p3 R y:1=c", &["lost-write y b @ 0,1"]),
    ("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 R x:4=d", &["poll-skip x c @ 2,3,4"]),
    ("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A y ; p0 R x:4=d", &[]),
    ("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A x y ; p0 R x:4=d", &["poll-skip x c @ 2,3,4"]),
    ("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 A x:4 ; p0 R x:4=d", &[]),
    ("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 U x ; p0 R x:4=d", &[]),
    ("p0 R x:1=a x:2=b ; p0 R x:4=d", &[]),
    (
        "p1 R x:0=a ; p1 RF x:1=b x:2=c ; p1 RF x:3=d x:4=e ; p1 R x:5=f",
        &["poll-skip x b @ 0,1,3", "poll-skip x b @ 0,1,5"],
    ),
    ("p1 R x:0=a ; p1 RF x:1=b x:2=c ; p1 RI x:1=b x:2=c ; p1 R x:1=b x:2=c", &[]),
    ("p0 R x:1=a x:2=b x:3=c ; p0 R x:2=b x:3=c x:4=d", &["nonmonotonic-poll x  @ 3,2"]),
    ("p0 R x:1=a x:2=b x:3=c ; p0 U x ; p0 R x:2=b x:3=c x:4=d", &[]),
    ("p0 S x:3=c x:4=d ; p0 S x:1=a x:2=b", &["nonmonotonic-send x d,a @ 4,1"]),
    ("p0 S x:5=a ; p0 S x:1=b ; p0 S x:2=c", &["nonmonotonic-send x a,b @ 5,1"]),
    // What was under way at a step back is not told with it.
    ("p0 S x:5=a ; p0.1 O x=d ; p0 S x:1=b ; p0.1 X x:9=d ; p0 S x:2=c", &["nonmonotonic-send x a,b @ 5,1"]),
    // In flight together: any order is good.
    ("p0 O x=a ; p0.1 S x:1=b ; p0 X x:0=a", &[]),
    ("p0 O x=a ; p0.1 S x:0=b ; p0 X x:1=a", &[]),
    // Of two producers, too.
    ("p0 S x:1=a ; p1 S x:0=b", &[]),
    ("p0 S x:1=a x:0=b", &["int-nonmonotonic-send x a,b @ 1,0"]),
    ("p0 R x:1=a x:4=d ; p1 R x:2=b", &["int-poll-skip x b @ 1,2,4"]),
    ("p0 S x:1=a x=c ; p1 I x=b ; p2 R x:2=b x:3=c", &["lost-write x a @ 1,3"]),
    ("p0 T +x:0=a x:0=a", &["precommitted-read x a @ 0"]),
    ("p0 TF +x=a x:0=a", &["precommitted-read x a @ 0"]),
    ("p0 T +x:0=a y:0=b ; p1 T +y:0=b x:0=a", &["G1c x  @ 0,0"]),
    // Read before it was sent.
    ("p0 R x:0=a ; p1 S x:0=a", &["G1c-realtime x  @ 0"]),
    ("p0 R x:0=a ; p0 S x:0=a", &["G1c-process x  @ 0"]),
    ("p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1", &["unseen x b @ 1"]),
    ("p0 S x:0=a ; p1 AF x:0 ; p0 S x:1=c ; p1 RR x:0=a ; p1 E x:1", &[]),
    ("p0 S x:0=a ; p0 S x:1=b ; p1 AF x:2 ; p1 RR ; p1 E x:2", &[]),
    ("p0 R x:7=a ; p1 AF x:0 ; p1 RR x:0=b ; p1 E x:8", &["read-then-lost x a @ 7"]),
    // What came after the final read is not lost by it.
    ("p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1 ; p0 S x:1=b ; p0 R x:1=b", &[]),
    ("p1 AF x:0 ; p1 RR x:0=a ; p1 E x:2 ; p0 R x:1=b", &["read-then-lost x b @ 1"]),
    ("p1 AF x:0 ; p1 RR ; p1 E x:0 ; p0 R x:0=b", &[]),
    ("p0 R x:1=a ; p1 R x:1=a", &[]),
    (
        "p0 S x:0=a y:0=b ; p1 AF x:0 y:0 ; p1 RR x:0=a ; p1 E x:1 y:0",
        &["unseen y b @ 0", "torn-txn y b,a @ 0"],
    ),
    ("p0 I x=a y=b ; p1 R x:0=a ; p1 AF x:0 y:0 ; p1 RR x:0=a ; p1 E x:1 y:0", &["torn-txn y b,a @ "]),
    // Nobody knows whether it took effect when y was read.
    ("p0 I x=a y=b ; p1 AF y:0 ; p1 RR ; p1 E y:0 ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1", &[]),
    // One broker gave a, and another what lies after it.
    (
        "p0 R x:0=a@b1 x:1=b@b1 ; p1 R x:0=c@b2",
        &["inconsistent-offsets x a,c @ 0", "divergent-replica x a @ 0", "divergent-replica x c @ 0"],
    ),
    ("p0 R x:0=a@b1 x:1=b@b1 ; p1 R x:1=b@b2", &[]),
    ("p0 R x:0=a@b1 ; p1 R x:1=b@b2 ; p2 R x:0=a@b2", &[]),
    // A high watermark may step back; the end may not.
    ("p0 R x^9 ; p0 R x^7", &[]),
    ("p0 R x^9 ; p0 R x!8", &[]),
    ("p0 R x^9 ; p1 AF x:0 ; p1 RR x^7 ; p1 E x:7", &["end-offset-regression x  @ 9,7"]),
    ("p0 R x^9 ; p1 AF x:0 ; p1 RR x^9 ; p1 E x:9", &[]),
    ("p1 AF x:0 ; p1 RR x^7 ; p1 E x:7 ; p0 R x^9", &[]),
    ("p0 C g x:5 ; p1 K g x:4", &["committed-offset-regression x  @ 5,4"]),
    ("p0 K g x:5 ; p1 K g x", &["committed-offset-regression x  @ 5"]),
    ("p0 C g x:5 ; p0 C g x:4 ; p1 K g x:4", &[]),
    ("p0 CI g x:4 ; p0 C g x:5 ; p1 K g x:4", &[]),
    ("p0 C g x:5 ; p1 CO g x:7 ; p2 KO g x ; p1 CX g x:7 ; p2 KX g x:5", &[]),
    ("p0 C h x:5 ; p1 K g x:4", &[]),
    ("p0 J g:3 x y ; p1 J g:3 y z", &["two-owners y  @ "]),
    ("p0 J g:3 x ; p1 J g:4 x ; p0 J g:3 x ; p1 J h:3 x", &[]),
];

/// The same with all that is legal.
const LEGAL_TOO: &[(&str, &[&str])] = &[
    ("p0 S x:1=a x=c ; p1 I x=b ; p2 R x:2=b x:3=c", &["int-send-skip x a,b,c @ 1,2,3", "G0 x  @ 1,2,2,3"]),
    ("p0 R x:1=a x:2=b ; p1 R x:3=c ; p0 U x ; p0 R x:4=d", &["poll-skip x c @ 2,3,4"]),
    ("p0 R x:1=a x:2=b ; p0 U x ; p0 R x:2=b", &["nonmonotonic-poll x  @ 2,2"]),
    ("p0 R x^9 ; p0 R x^7", &["end-offset-regression x  @ 9,7"]),
    ("p0 R x^9 ; p0 R x!8 ; p0 R x^7", &["end-offset-regression x  @ 9,0"]),
    ("p0 S x:1=a x:2=b ; p1 S x:0=c", &["G0-realtime x  @ 0,1"]),
    ("p0 S x:1=a ; p0 S x:0=b", &["G0-process x  @ 0,1"]),
    ("p0 S x:0=a y:1=b ; p1 S x:1=c y:0=d", &["G0 x  @ 0,1,0,1"]),
    ("p0 TO +x=a ; p1 S x:1=c y:0=b ; p0 TX +x:0=a y:0=b", &["G1c x  @ 0,1,0"]),
    ("p0 TO +x=a ; p1 S x:0=c y:0=b ; p0 TX +x:1=a y:0=b", &[]),
];

#[test]
fn fixtures() {
    for (text, expected) in FIXTURES {
        assert_eq!(illegal(text), *expected, "{text}");
    }
}

#[test]
fn legal_fixtures() {
    for (text, expected) in LEGAL_TOO {
        let mut all = found(text);
        all.retain(|line| line.ends_with(LEGAL));
        let lines: Vec<_> = all.iter().map(|line| line.trim_end_matches(LEGAL)).collect();
        assert_eq!(lines, *expected, "{text}");
    }
}

/// Every rule of the checker that can be taken out.
const RULES: &[&str] = &[
    "aborted-by-ok",
    "acknowledged-in-time",
    "assign-forgets",
    "committed-lie",
    "failed-polls-count",
    "failed-polls-stay",
    "final-end-after",
    "final-from-start",
    "highest-read",
    "info-commits",
    "info-never-ends",
    "known-offsets",
    "new-leader",
    "one-by-one",
    "process",
    "read-later",
    "read-past",
    "realtime",
    "same-owner",
    "seeks",
    "send-skips",
    "subscribed",
    "told-once",
    "torn-in-time",
    "went-back",
    "wr",
    "ww",
    "ww-agreed",
    "ww-is-legal",
    "ww-own-place",
];

/// Histories of transactions whose circles are there or not by one rule alone.
const CIRCLES: &[&str] = &[
    "p0 S x:1=a ; p2 R x:2=b x:3=a",
    "p0 S x:0=a y:0=c ; p1 S x:0=b y:1=d",
    "p0 S x:0=a y:1=c ; p1 S x:1=b y:0=d ; p2 R x:0=a ; p3 R x:0=e",
    // The first of them may take effect after the second began.
    "p0 I x=a ; p1 S x:0=b ; p2 R x:0=b x:1=a",
    "p0 I x=a ; p1 S x:1=b ; p2 R x:0=a x:1=b",
    "p0 TI +x=a y:0=b ; p1 S y:0=b ; p2 R x:0=a",
    "p0 I x=a ; p1 S x:1=b ; p2 S x:2=c ; p3 R x:3=a",
];

#[test]
fn every_rule_that_is_missing_is_noticed() {
    let texts = FIXTURES.iter().chain(LEGAL_TOO).map(|(text, _)| *text).chain(CIRCLES.iter().copied());
    for name in RULES {
        let noticed = texts.clone().any(|text| found(text) != rule::without(name, || found(text)));
        assert!(noticed, "{name} is missing, and nothing changes");
    }
}

#[test]
fn the_order_of_sends_in_flight_is_judged_where_it_is_promised() {
    let run = |text: &str| {
        let mut found = Vec::new();
        let monitor = LogMonitor::new(crate::log::SendOrder::Always);
        let mut keep = |sighting: Sighting| {
            if sighting.legal.is_none() {
                found.push(super::line(&sighting));
            }
        };
        monitor.fold(&Script::of(text).events).sightings(&mut keep);
        found
    };
    let swapped = "p0 O x=a ; p0.1 S x:0=b ; p0 X x:1=a";
    assert_eq!(run(swapped), ["nonmonotonic-send x a,b @ 1,0"]);
    assert!(rule::without("in-flight-order", || run(swapped)).is_empty());
    assert!(run("p0 O x=a ; p0.1 S x:1=b ; p0 X x:0=a").is_empty());
}

#[test]
fn lost_records_are_told_by_where_they_were_among_what_was_sent() {
    let parts = |kept: &str| {
        let mut script = Script::of("p0 S x:0=a ; p0 S x:1=b ; p0 S x:2=c ; p0 S x:3=d ; p1 S x:4=e");
        script.run(&format!("p9 AF x:0 ; p9 RR {kept} ; p9 E x:5"));
        let mut parts = Vec::new();
        LogMonitor::default().fold(&script.events).sightings(&mut |sighting| parts.extend(sighting.part));
        parts
    };
    use crate::log::Part::{Beginning, End, Middle};
    assert_eq!(parts("x:1=b x:4=e"), [Beginning, End, End]);
    assert_eq!(parts("x:0=a x:3=d x:4=e"), [Middle, Middle]);
    assert_eq!(parts("x:0=a x:1=b x:2=c x:3=d"), [Beginning]);
}

#[test]
fn sentences_name_what_happened() {
    let sentence = |text: &str| {
        let mut found = Vec::new();
        let keep = &mut |sighting: Sighting| found.push(sighting.sentence());
        LogMonitor::default().fold(&Script::of(text).events).sightings(keep);
        found.join(" | ")
    };
    assert_eq!(
        sentence("p0 T +x:0=a y:0=b ; p1 T +y:0=b x:0=a"),
        "transactions in a circle (G1c): #3 polled offset 0 of x/0, which #1 sent; #1 polled offset 0 of y/0, which #3 sent"
    );
    assert_eq!(
        sentence("p0 S x:3=c ; p0 S x:1=a").split(" | ").next(),
        Some(
            "x/0 put value 97, which its producer sent later (#3), at offset 1, before value 99 (#1) at offset 3"
        )
    );
    assert_eq!(
        sentence("p0 J g:3 x ; p1 J g:3 x"),
        "c0 (#1) and c1 (#3) both owned x/0 in generation 3 of group g"
    );
    assert_eq!(
        sentence("p0 C g x:5 ; p1 K g x:4"),
        "group g had committed 5 of x/0 (#1), and later 4 (#3), though nobody had gone back"
    );
    assert_eq!(found_in(&Script::of("p0 R x")), [""; 0]);
}
