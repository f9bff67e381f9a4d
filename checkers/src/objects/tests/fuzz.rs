//! Random histories: nothing panics, and the reports are those of plain definitions.

use std::collections::BTreeSet;

use crate::history::mutations::{Object, Random, history, mutate};
use crate::history::{Datum, Event, Outcome, spans};
use crate::objects::shape::collection;
use crate::objects::{Staleness, counter, independent, set, set_full, total_queue};
use crate::random::histories;

/// What becomes of an element: Jepsen's definition, read by read.
fn outcome(events: &[Event], element: &Datum) -> Option<&'static str> {
    let (mut attempted, mut known, mut present, mut absent) = (None, None, None, None);
    let spans = spans(events).unwrap();
    for span in &spans {
        let invocation = &events[span.invocation];
        if &*invocation.function == "add" && &invocation.value == element {
            attempted = attempted.or(Some(span.invocation));
            if span.outcome == Outcome::Ok {
                known = known.min(span.completion).or(known).or(span.completion);
            }
        }
    }
    let attempted = attempted?;
    for span in spans.iter().filter(|span| &*events[span.invocation].function == "read") {
        let Some(completion) = span.completion.filter(|_| span.outcome == Outcome::Ok) else { continue };
        if collection(&events[completion]).unwrap().contains(element) {
            present = Some(span.invocation);
            known = known.min(Some(completion)).or(Some(completion));
        } else if span.invocation > attempted {
            absent = Some(span.invocation);
        }
    }
    Some(if present.is_some() && absent < present {
        "stable"
    } else if known.is_some() && absent > present && absent > known {
        "lost"
    } else {
        "never read"
    })
}

#[test]
fn sets_are_judged_as_defined() {
    let (mut seen, mut decided) = (BTreeSet::new(), 0);
    let wanted = histories(3_000);
    for seed in 0..wanted {
        let mut random = Random::seeded(seed);
        let mut history = history(&mut random, Object::Set);
        for _ in 0..random.below(3) {
            mutate(&mut random, &mut history);
        }
        let events = &history.events;
        let Ok(report) = set_full(events, Staleness::Permitted) else { continue };
        decided += 1;
        for element in (0..40).map(Datum::Int) {
            let expected = outcome(events, &element);
            let lost = report.lost.first.contains(&element);
            let never = report.never_read.first.contains(&element);
            match expected {
                Some("lost") => assert!(lost, "seed {seed}, {element}: {report:?}"),
                Some("never read") => assert!(never, "seed {seed}, {element}: {report:?}"),
                _ => assert!(!lost && !never, "seed {seed}, {element}: {report:?}"),
            }
            seen.insert(expected);
        }
    }
    assert!(decided * 2 > wanted, "only {decided} of {wanted} were sets");
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn nothing_panics() {
    for seed in 0..histories(5_000) {
        let mut random = Random::seeded(seed);
        let object = random.pick(&Object::ALL);
        let mut history = history(&mut random, object);
        for _ in 0..random.below(6) {
            mutate(&mut random, &mut history);
        }
        let events = &history.events;
        let _ = set(events).map(|report| assert!(report.ok <= report.attempts));
        let _ = set_full(events, Staleness::Violation);
        let _ = total_queue(events).map(|report| assert!(report.ok <= report.attempts));
        let _ = counter(events);
        let _ = independent(events);
    }
}
