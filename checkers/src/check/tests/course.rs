//! In which order operations took effect, what the object held then, and where every order ends.

use super::exact::random_history;
use super::*;
use crate::history::mutations::Random;
use crate::history::{Event, Outcome, spans};
use crate::linearizability::rule;
use crate::random::histories;

const HISTORIES: u64 = 1_500;

fn of(object: Object, text: &str) -> Vec<Course> {
    let history = History::read(text.as_bytes()).expect("is a history");
    courses(object, &history, &Options::default()).expect("is one of the object")
}

fn told(course: &Course) -> Vec<(usize, &str)> {
    course.steps.iter().map(|step| (step.invocation, step.state.as_deref().unwrap_or("?"))).collect()
}

const REGISTER: &str = "0 invoke write 1
                        1 invoke read nil
                        1 ok read 1
                        0 ok write 1
                        1 invoke write 2
                        1 ok write 2
                        0 invoke read nil
                        0 ok read 2";

#[test]
fn a_register_holds_what_was_written_last() {
    let [course] = &of(Object::Register, &edn(REGISTER))[..] else { panic!() };
    assert_eq!(told(course), [(0, "1"), (1, "1"), (4, "2"), (6, "2")]);
    assert_eq!((&course.key, course.stuck), (&None, None));
}

#[test]
fn every_order_ends_at_the_stale_read() {
    let stale = REGISTER.replace("0 ok read 2", "0 ok read 1");
    let [course] = &of(Object::Register, &edn(&stale))[..] else { panic!() };
    assert_eq!((told(course), course.stuck), (vec![(0, "1"), (1, "1"), (4, "2")], Some(6)));
}

#[test]
fn a_log_tells_where_it_ends() {
    let text = "0 invoke send [[:send 0 1]]
                0 ok send [[:send 0 [0 1]]]
                1 invoke send [[:send 0 2]]
                1 ok send [[:send 0 [1 2]]]
                2 invoke poll [[:poll]]
                2 ok poll [[:poll {0 [[0 1] [1 2]]}]]";
    let [course] = &of(Object::Log, &edn(text))[..] else { panic!() };
    let ends = ["the log ends at offset 1", "the log ends at offset 2", "the log ends at offset 2"];
    assert_eq!(told(course), [(0, ends[0]), (2, ends[1]), (4, ends[2])]);
    let broken = text.replace("[[0 1] [1 2]]", "[[0 1] [1 7]]");
    let [course] = &of(Object::Log, &edn(&broken))[..] else { panic!() };
    assert_eq!((course.steps.len(), course.stuck), (2, Some(4)), "{course:?}");
}

#[test]
fn what_is_counted_has_no_order() {
    assert_eq!(of(Object::Counter, &edn("0 invoke add 1\n0 ok add 1")), []);
}

#[test]
fn long_states_are_cut_and_work_on_them_is_bounded() {
    let mut text = String::new();
    for value in 0..4_000 {
        text += &format!("0 invoke enqueue {value}\n0 ok enqueue {value}\n");
    }
    let [course] = &of(Object::FifoQueue, &edn(&text))[..] else { panic!() };
    assert_eq!(course.steps.len(), 4_000);
    let lengths: Vec<_> =
        course.steps.iter().map(|step| step.state.as_ref().map(|s| s.chars().count())).collect();
    assert!(lengths.iter().flatten().all(|length| *length <= 121), "{lengths:?}");
    assert!(lengths[1_000].is_some() && lengths[3_999].is_none());
}

/// The events of one key, up to and not including this one.
fn prefix(history: &History, key: &Datum, until: usize) -> History {
    let is_meant = |event: &&Event| event.key.as_ref() == Some(key);
    let events = history.events[..until].iter().filter(is_meant).cloned().collect();
    History { events, skipped: 0 }
}

/// What came before the return at which every order ends is linearizable, and with it it is not; and all of that is
/// in the order.
#[test]
fn an_order_ends_where_no_longer_one_is_possible() {
    let options = Options::default();
    let (mut ended, mut went_on) = (0, 0);
    for seed in 0..histories(HISTORIES) {
        let mut random = Random::seeded(seed);
        let object = random.pick(&[Object::Register, Object::CasRegister, Object::FifoQueue]);
        let history = random_history(&mut random, object);
        let all = spans(&history.events).expect("is checkable");
        let found = courses(object, &history, &options).expect("is one of the object");
        let searched = rule::without("exact path", || courses(object, &history, &options)).expect("is one");
        for (course, searched) in found.iter().zip(&searched) {
            assert_eq!(
                (&course.key, course.stuck),
                (&searched.key, searched.stuck),
                "seed {seed}: {history:?}"
            );
            let key = course.key.as_ref().expect("has one");
            let verdict =
                |until| check(object, &prefix(&history, key, until), &options).expect("is one").verdict;
            let end = match course.stuck {
                None => history.events.len(),
                Some(stuck) => {
                    let span = all.iter().find(|span| span.invocation == stuck).expect("is an invocation");
                    let ret = span.completion.expect("it returned");
                    assert_eq!(verdict(ret + 1), Verdict::Violation, "seed {seed}: {history:?}");
                    ret
                }
            };
            assert_eq!(verdict(end), Verdict::Holds, "seed {seed}: {history:?}");
            if course.stuck.is_some() {
                ended += 1;
            } else {
                went_on += 1;
            }
            let returned = all.iter().filter(|span| {
                let invocation = &history.events[span.invocation];
                let says_nothing = invocation.function == "cas".into() && span.outcome == Outcome::Fail;
                span.completion.is_some_and(|at| at < end)
                    && invocation.key.as_ref() == Some(key)
                    && span.outcome == Outcome::Ok
                    && !says_nothing
            });
            for span in returned {
                let is_there = course.steps.iter().any(|step| step.invocation == span.invocation);
                assert!(is_there, "seed {seed}, {span:?}: {course:?}\n{history:?}");
            }
        }
    }
    assert!(ended > 100 && went_on > 100, "{ended} ended, {went_on} went on");
}
