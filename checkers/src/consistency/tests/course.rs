//! In which order operations on a partition took effect, and where every order ends.

use super::histories::{history, partition};
use crate::consistency::{ConsistencyMonitor, Course};
use crate::ids::{Offset, OperationIndex, TopicPartition};
use crate::linearizability::log::Level;
use crate::monitor::Monitor;
use crate::operation::Outcome;
use crate::random::histories;
use crate::recording::Event;
use crate::script::Script;

const HISTORIES: u64 = 3_000;

fn of(events: &[Event], forfeit: bool, partition: &TopicPartition) -> Option<Course> {
    let mut courses = ConsistencyMonitor::default().fold(events).courses(|_| forfeit);
    courses.remove(partition)
}

fn script(text: &str, forfeit: bool) -> Course {
    of(&Script::of(text).events, forfeit, &TopicPartition::new("x", 0)).expect("x is named")
}

fn steps(course: &Course) -> Vec<(u64, i64)> {
    course.steps.iter().map(|(OperationIndex(operation), Offset(end))| (*operation, *end)).collect()
}

#[test]
fn the_log_grows_from_append_to_append() {
    let course = script("p0 S x:0=a ; p1 R x:0=a ; p0 S x:1=b ; p1 R x:1=b", false);
    assert_eq!((steps(&course), course.stuck), (vec![(1, 1), (3, 1), (5, 2), (7, 2)], None));
}

#[test]
fn it_ends_at_a_stale_look_and_at_a_loss() {
    let course = script("p0 S x:0=a ; p0 S x:1=b ; p1 R x:0=a x^1 ; p0 S x:2=c", false);
    assert_eq!(course.stuck, Some(OperationIndex(5)), "{course:?}");
    let lost = "p0 S x:0=a ; p0 S x:1=b ; p1 AF x:0 ; p1 RR x:0=a ; p1 E x:1";
    let course = script(lost, false);
    assert_eq!(steps(&course)[..2], [(1, 1), (3, 2)], "{course:?}");
    assert!(course.stuck.is_some());
    // Where nothing was promised, nothing was lost.
    assert_eq!(script(lost, true).stuck, None);
}

/// The order ends if and only if the partition is not linearizable, and what came before is.
#[test]
fn it_ends_where_the_partition_stops_being_linearizable() {
    let level = |events: &[Event]| {
        let mut levels = ConsistencyMonitor::default().fold(events).levels(|_| None, None);
        levels.remove(&partition()).map(|consistency| consistency.level)
    };
    let (mut ended, mut went_on) = (0, 0);
    for seed in 0..histories(HISTORIES) {
        let events = history(seed);
        let Some(course) = of(&events, false, &partition()) else { continue };
        let Some(stuck) = course.stuck else {
            assert_eq!(level(&events), Some(Some(Level::Linearizable)), "seed {seed}: {events:?}");
            went_on += 1;
            continue;
        };
        ended += 1;
        let is_it = |event: &Event| matches!(event, Event::Operation(it) if it.index == stuck);
        let at = events.iter().position(is_it).expect("it is one of the history's");
        let Event::Operation(operation) = &events[at] else { unreachable!() };
        assert_ne!(operation.outcome, Outcome::Invoke, "it returned");
        assert_ne!(level(&events[..=at]), Some(Some(Level::Linearizable)), "seed {seed}: {events:?}");
        if let Some(level) = level(&events[..at]) {
            assert_eq!(level, Some(Level::Linearizable), "seed {seed}: {events:?}");
        }
    }
    assert!(ended > 100 && went_on > 100, "{ended} ended, {went_on} went on");
}
