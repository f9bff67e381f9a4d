//! Registers and FIFO queues: what an exact check decides and what it leaves to the search, which must agree.

use super::*;
use crate::history::mutations::Random;
use crate::history::{Actor, Event, Outcome};
use crate::linearizability::rule;
use crate::random::histories;

const HISTORIES: u64 = 3_000;

/// Of each key: its verdict, and whether an exact check decided it. A search takes more steps than that.
fn keys(report: &CheckReport) -> Vec<(Verdict, bool)> {
    report.keys.iter().map(|key| (key.verdict, key.steps == key.operations)).collect()
}

const UNIQUE: &str = "0 invoke write [:u 1]
                      0 ok write [:u 1]
                      0 invoke write [:u 2]
                      0 ok write [:u 2]
                      0 invoke read [:u nil]
                      0 ok read [:u 2]";
const TWICE: &str = "1 invoke write [:t 1]
                     2 invoke write [:t 1]
                     3 invoke write [:t 2]
                     1 ok write [:t 1]
                     2 ok write [:t 1]
                     3 ok write [:t 2]
                     4 invoke read [:t nil]
                     4 ok read [:t 2]
                     4 invoke read [:t nil]
                     4 ok read [:t 1]";

#[test]
fn a_key_with_unique_values_is_decided_and_another_is_searched() {
    let search = Search { every_part: true, ..Search::default() };
    let options = Options { independent: true, search, ..Options::default() };
    let check = |events: &str, expected| assert_verdict(Object::Register, events, &options, expected);
    assert_eq!(keys(&check(UNIQUE, Verdict::Holds)), [(Verdict::Holds, true)]);
    let wrong = UNIQUE.replace("ok read [:u 2]", "ok read [:u 1]");
    let report = check(&wrong, Verdict::Violation);
    assert_eq!((keys(&report), &report.findings[0].stuck), (vec![(Verdict::Violation, true)], &None));
    assert!(check(TWICE, Verdict::Violation).findings[0].stuck.is_some(), "the search says where");

    let both = check(&format!("{UNIQUE}\n{TWICE}"), Verdict::Violation);
    let verdicts: Vec<_> = both.keys.iter().map(|key| key.verdict).collect();
    assert_eq!(verdicts, [Verdict::Holds, Verdict::Violation]);
    assert!(both.order.is_empty(), "there is no order of it all");
    assert_eq!((both.keys[0].steps, both.keys[0].operations, both.keys[1].operations), (3, 3, 5));
    assert_eq!(both.steps, both.keys[0].steps + both.keys[1].steps);
    assert_eq!(both.findings[0].key, Some(Datum::Keyword("t".into())));
    let both = check(&format!("{wrong}\n{TWICE}"), Verdict::Violation);
    assert!(both.keys.iter().all(|key| key.verdict == Verdict::Violation), "{both:?}");

    // One wrong key is enough, unless all are asked for.
    let options = Options { search: Search::default(), ..options };
    let first = assert_verdict(Object::Register, &format!("{wrong}\n{TWICE}"), &options, Verdict::Violation);
    let verdicts: Vec<_> = first.keys.iter().map(|key| (key.verdict, key.operations)).collect();
    assert_eq!(verdicts, [(Verdict::Violation, 3), (Verdict::Unknown, 5)]);
    assert_eq!(first.findings[0].key, Some(Datum::Keyword("u".into())));
}

#[test]
fn an_order_names_the_invocations_of_both() {
    let options = Options { independent: true, ..Options::default() };
    let good = TWICE.replace("ok read [:t 1]", "ok read [:t 2]");
    let report = assert_verdict(Object::Register, &format!("{UNIQUE}\n{good}"), &options, Verdict::Holds);
    let mut order = report.order.clone();
    order.sort_unstable();
    assert_eq!(order, [0, 2, 4, 6, 7, 8, 12, 14], "{report:?}");
    let place = |event: usize| report.order.iter().position(|it| *it == event);
    assert!(place(0) < place(2) && place(2) < place(4) && place(8) < place(12));
}

#[test]
fn a_failed_compare_and_set_that_tells_something_is_searched() {
    let events = "0 invoke write 1
                  0 ok write 1
                  1 invoke cas [1 2]
                  1 fail cas [1 2]";
    let options = Options { failed_cas: FailedCas::Differed, ..Options::default() };
    let searched = assert_verdict(Object::CasRegister, events, &options, Verdict::Violation);
    assert!(searched.findings[0].stuck.is_some());
    let decided = assert_verdict(Object::CasRegister, events, &Options::default(), Verdict::Holds);
    assert_eq!(keys(&decided), [(Verdict::Holds, true)]);
}

#[test]
fn queues_with_unique_values_are_decided() {
    let events = "0 invoke enqueue 1
                  0 ok enqueue 1
                  0 invoke enqueue 2
                  0 ok enqueue 2
                  0 invoke dequeue nil
                  0 ok dequeue 1";
    let report = assert_verdict(Object::FifoQueue, events, &Options::default(), Verdict::Holds);
    assert_eq!(keys(&report), [(Verdict::Holds, true)]);
    let report = assert_verdict(
        Object::FifoQueue,
        &events.replace("ok dequeue 1", "ok dequeue 2"),
        &Options::default(),
        Verdict::Violation,
    );
    assert_eq!((keys(&report), &report.findings[0].stuck), (vec![(Verdict::Violation, true)], &None));
    let twice = events.replace("enqueue 2", "enqueue 1");
    let report = rule::without("exact path", || {
        assert_verdict(Object::FifoQueue, &twice, &Options::default(), Verdict::Holds)
    });
    assert_eq!(report, assert_verdict(Object::FifoQueue, &twice, &Options::default(), Verdict::Holds));
}

/// What a client is at.
struct Call {
    function: &'static str,
    key: usize,
    argument: Datum,
    /// What came of it, once it took effect.
    result: Option<Result<Datum, ()>>,
}

/// A history of two objects that behave, but for a result that is sometimes made up.
pub(super) fn random_history(random: &mut Random, object: Object) -> History {
    let lanes = 2 + random.below(3);
    let mut processes: Vec<i64> = (0..).take(lanes).collect();
    let mut calls: Vec<Option<Call>> = (0..lanes).map(|_| None).collect();
    let mut objects = [vec![], vec![]];
    // Where values come up again, the search decides.
    let unique = !random.one_in(4);
    let lies = random.one_in(2);
    let mut fresh = 0;
    let mut events: Vec<Event> = Vec::new();
    for _ in 0..6 + random.below(30) {
        let lane = random.below(lanes);
        let (outcome, call, value) = match calls[lane].take() {
            None => {
                fresh += 1;
                let new = Datum::Int(if unique { fresh } else { random.int(3) });
                let any = Datum::Int(random.int(fresh as usize + 1));
                let (function, argument) = match (object, random.below(3)) {
                    (Object::FifoQueue, 0) => ("dequeue", Datum::Nil),
                    (Object::FifoQueue, _) => ("enqueue", new),
                    (_, 0) => ("write", new),
                    (Object::CasRegister, 1) => ("cas", Datum::Vector([any, new].into())),
                    _ => ("read", Datum::Nil),
                };
                let value = argument.clone();
                (Outcome::Invoke, Call { function, key: random.below(2), argument, result: None }, value)
            }
            Some(mut call) if call.result.is_none() && !random.one_in(6) => {
                call.result = Some(take_effect(&call, &mut objects[call.key]));
                calls[lane] = Some(call);
                continue;
            }
            Some(call) => {
                let argument = call.argument.clone();
                let (outcome, value) = match &call.result {
                    None if random.one_in(2) => (Outcome::Fail, argument),
                    Some(Err(())) => (Outcome::Fail, argument),
                    Some(Ok(_)) if random.one_in(6) => (Outcome::Info, argument),
                    None => (Outcome::Info, argument),
                    Some(Ok(_))
                        if lies && matches!(call.function, "read" | "dequeue") && random.one_in(5) =>
                    {
                        (Outcome::Ok, Datum::Int(random.int(fresh as usize + 1)))
                    }
                    Some(Ok(result)) => (Outcome::Ok, result.clone()),
                };
                (outcome, call, value)
            }
        };
        events.push(Event {
            index: events.len() as u64,
            line: 0,
            time: None,
            process: Actor::Process(processes[lane]),
            outcome,
            function: call.function.into(),
            key: Some(Datum::Int(call.key as i64)),
            value,
            error: None,
            extra: Vec::new(),
        });
        match outcome {
            Outcome::Invoke => calls[lane] = Some(call),
            Outcome::Info => processes[lane] += lanes as i64,
            Outcome::Ok | Outcome::Fail => {}
        }
    }
    History { events, skipped: 0 }
}

/// A register holds its last value, a queue all of them.
fn take_effect(call: &Call, object: &mut Vec<Datum>) -> Result<Datum, ()> {
    let value = object.last().cloned().unwrap_or_default();
    match call.function {
        "read" => return Ok(value),
        "dequeue" if object.is_empty() => return Ok(Datum::Nil),
        "dequeue" => return Ok(object.remove(0)),
        "cas" => {
            let Datum::Vector(pair) = &call.argument else { return Err(()) };
            if pair[0] != value {
                return Err(());
            }
            object.push(pair[1].clone());
        }
        _ => object.push(call.argument.clone()),
    }
    Ok(call.argument.clone())
}

#[test]
fn exact_checks_and_the_search_agree() {
    let count = histories(HISTORIES);
    let search = Search { every_part: true, ..Search::default() };
    let options = Options { search, ..Options::default() };
    let (mut violations, mut indeterminate, mut decided, mut searched) = (0, 0, 0, 0);
    for seed in 0..count {
        let mut random = Random::seeded(seed);
        let object = random.pick(&[Object::Register, Object::CasRegister, Object::FifoQueue]);
        let history = random_history(&mut random, object);
        let exact = check(object, &history, &options).expect("is one");
        let by_search = rule::without("exact path", || check(object, &history, &options)).expect("is one");
        let verdicts = |report: &CheckReport| -> Vec<_> {
            report.keys.iter().map(|key| (key.key.clone(), key.verdict, key.operations)).collect()
        };
        assert_eq!(exact.verdict, by_search.verdict, "seed {seed}, {object}: {history:?}");
        assert_eq!(verdicts(&exact), verdicts(&by_search), "seed {seed}, {object}: {history:?}");
        violations += u64::from(exact.verdict == Verdict::Violation);
        indeterminate += u64::from(exact.counts.info > 0);
        let same = exact.keys.iter().zip(&by_search.keys).all(|(one, other)| one.steps == other.steps);
        if same { searched += 1 } else { decided += 1 }
    }
    assert!(violations * 10 >= count, "only {violations} of {count} are violations");
    assert!(indeterminate * 3 >= count, "only {indeterminate} of {count} have indeterminate operations");
    assert!(decided * 2 >= count, "only {decided} of {count} were decided");
    assert!(searched * 10 >= count, "only {searched} of {count} were searched");
}
