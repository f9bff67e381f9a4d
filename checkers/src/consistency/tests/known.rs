//! Histories whose level is known, in the script of the fixtures.

use crate::consistency::{ConsistencyMonitor, Ends};
use crate::ids::{OperationIndex, TopicPartition};
use crate::linearizability::log::Level;
use crate::linearizability::rule;
use crate::monitor::Monitor;
use crate::script::Script;
use crate::verdict::Consistency;

fn judged_as(ends: Ends, text: &str, forfeit: Option<&str>) -> Consistency {
    let events = Script::of(text).events;
    let report = ConsistencyMonitor::new(ends).fold(&events);
    let mut levels = report.levels(|_| forfeit.map(str::to_owned), None);
    levels.remove(&TopicPartition::new("x", 0)).expect("x is named")
}

fn judged(text: &str) -> Consistency {
    judged_as(Ends::Exact, text, None)
}

#[track_caller]
fn is(text: &str, level: Level, kind: Option<&str>) -> Consistency {
    let consistency = judged(text);
    assert_eq!(consistency.level, Some(level), "{text}: {consistency:?}");
    assert_eq!(consistency.broken.as_ref().map(|broken| broken.kind), kind, "{text}: {consistency:?}");
    consistency
}

const ALL_READ: &str =
    "p0 S x:0=a ; p0 S x:1=b ; p1 R x:0=a x:1=b ; p2 AF x:0 ; p2 RR x:0=a x:1=b ; p2 E x:2";

#[test]
fn what_went_well_is_linearizable() {
    let consistency = is(ALL_READ, Level::Linearizable, None);
    assert!(consistency.final_read && consistency.is_linearizable());
    assert_eq!((consistency.uncounted, consistency.unknown, consistency.staleness), (None, None, None));
    is("p0 S x:0=a ; p1 R x^1 ; p0 I x=b ; p1 R x:0=a x:1=b", Level::Linearizable, None);
    is("p0 O x=a ; p1 R x:0=a ; p0 X x:0=a", Level::Linearizable, None);
    is("p0 T +x:0=a x:1=b +x:2=c ; p1 R x:0=a x:1=b x:2=c", Level::Diverged, Some("phantom"));
    is("p0 S x:4611686018427387904=a ; p1 R x:4611686018427387904=a", Level::Linearizable, None);
    is("p1 R x", Level::Linearizable, None);
}

#[test]
fn a_high_watermark_that_lags_is_a_stale_look() {
    let text = "p0 S x:0=a ; p0 S x:1=b ; p1 R x:0=a x^1";
    let consistency = is(text, Level::LinearizableWrites, Some("stale end"));
    let staleness = consistency.staleness.expect("it was stale");
    assert_eq!((staleness.looks, staleness.records_max), (1, 1));
    assert_eq!(staleness.time_max.as_millis(), 1, "from the acknowledgement to the poll's call");
    let broken = consistency.broken.expect("something broke it");
    assert_eq!(
        broken.to_string(),
        "stale end: the append of value 98 at offset 1 had returned before the look that found the end at 1 was \
         called, by which the log ended at 1 and not at 2 or beyond (#3 at 0.003s, #5 at 0.005s)"
    );
    assert_eq!(broken.operations[0].operation, OperationIndex(3));
    let tolerant = judged_as(Ends::AtLeast, text, None);
    assert_eq!(tolerant.level, Some(Level::Linearizable), "{tolerant:?}");
    // A new leader may know of less than the old one: no order of a process binds it.
    is("p0 S x:0=a ; p0 S x:1=b ; p1 R x^2 ; p1 R x^1", Level::LinearizableWrites, Some("stale end"));
}

#[test]
fn a_question_may_be_older_than_the_poll_that_it_answers() {
    // The answer to the second poll was asked for by the first, which had an answer of y alone.
    let text = "p1 R y ; p0 S x:0=a ; p1 R x^0";
    assert_eq!(judged(text).level, Some(Level::Linearizable));
    assert_eq!(rule::without("question stays open", || judged(text)).level, Some(Level::LinearizableWrites));
    // By the third at the latest it is a new one.
    is("p1 R x^0 ; p0 S x:0=a ; p1 R x^0", Level::LinearizableWrites, Some("stale end"));
}

#[test]
fn no_level_excuses_the_final_read() {
    let text = "p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1";
    let consistency = is(text, Level::Diverged, Some("lost append"));
    let broken = consistency.broken.expect("something broke it");
    assert!(broken.what.contains("the read of the whole log up to its end at 1"), "{broken}");
    assert_eq!(rule::without("whole is firm", || judged(text)).level, Some(Level::LinearizableWrites));
    is("p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ; p1 RR x:1=b ; p1 E x:2", Level::Diverged, Some("lost record"));
    is("p0 S x=a ; p1 AF x:0 ; p1 RR x ; p1 E x:0", Level::Diverged, Some("lost append"));
    is("p0 O x=a ; p1 AF x:0 ; p1 RR x ; p1 E x:0 ; p0 X x:0=a", Level::Linearizable, None);
    is("p0 S x:0=a ; p1 R x^5 ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1", Level::Diverged, Some("lost record"));
}

#[test]
fn a_final_read_begins_at_offset_0() {
    let text = "p0 S x:0=a ; p0 S x:1=b ; p1 AF x:1 ; p1 RR x:1=b ; p1 E x:2";
    assert!(!is(text, Level::Linearizable, None).final_read, "what it did not look at is not gone");
}

#[test]
fn acknowledgements_that_promise_nothing_do_not_count() {
    let text = "p0 S1 x:0=a ; p1 AF x:0 ; p1 RR x ; p1 E x:0";
    let consistency = is(text, Level::Linearizable, None);
    let uncounted = consistency.uncounted.expect("one");
    assert_eq!((uncounted.acknowledgements, &*uncounted.reason), (1, "they were sent with acks=0 or acks=1"));
    assert_eq!(rule::without("weak acknowledgements", || judged(text)).level, Some(Level::Diverged));

    let text = "p0 S x:0=a ; p1 AF x:0 ; p1 RR x ; p1 E x:0";
    let forfeit = || judged_as(Ends::Exact, text, Some("forfeit since 0s"));
    assert_eq!(forfeit().level, Some(Level::Linearizable));
    assert_eq!(forfeit().uncounted.expect("one").reason, "forfeit since 0s");
    assert_eq!(rule::without("forfeit acknowledgements", forfeit).level, Some(Level::Diverged));
    // What was read counts all the same.
    let text = "p0 S x:0=a ; p1 R x:0=a ; p1 AF x:0 ; p1 RR x ; p1 E x:0";
    assert_eq!(judged_as(Ends::Exact, text, Some("forfeit")).level, Some(Level::Diverged));
}

#[test]
fn every_level_has_a_history() {
    is("p0 S x:1=a ; p1 S x:0=b", Level::Sequential, Some("offsets out of order"));
    is("p0 S x:1=a ; p0 S x:0=b", Level::ConsistentPrefix, Some("offsets out of order"));
    is("p0 S x:0=a ; p1 S x:0=b", Level::Diverged, Some("offset acknowledged twice"));
    is("p0 S x:0=a ; p1 R x:0=a ; p1 R x!1", Level::ConsistentPrefix, Some("stale end"));
    is("p0 F x=a ; p1 R x:0=a", Level::Diverged, Some("aborted read"));
    is("p1 R x:0=z", Level::Diverged, Some("phantom"));
    is("p0 S x:0=a ; p1 R x:0=a x:5=a", Level::Diverged, Some("moved or duplicate record"));
    is("p0 S x:0=a x:1=b x:2=c ; p1 R x:0=a x:2=c", Level::Diverged, Some("skipped record"));
    // To go back and read again is none of these.
    is("p0 S x:0=a x:1=b ; p1 R x:1=b x:0=a ; p1 R x:0=a", Level::Linearizable, None);
}

#[test]
fn what_is_not_checkable_is_unknown() {
    let events = Script::of("p0 S x:0=a").events;
    let report = ConsistencyMonitor::default().fold(&events);
    let levels = report.levels(|_| None, Some("not checkable: for a reason"));
    let consistency = &levels[&TopicPartition::new("x", 0)];
    assert_eq!((consistency.level, consistency.name()), (None, "unknown"));
    assert_eq!(consistency.unknown.as_deref(), Some("not checkable: for a reason"));
}
