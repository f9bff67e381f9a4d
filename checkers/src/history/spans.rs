//! Pairs invocations with completions, and checks what every history must hold to.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use super::{Actor, Event, Outcome};
use crate::ids::{Interval, Moment};

/// One operation of a history: an invocation, and its completion if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where the invocation stands among the events.
    pub invocation: usize,
    /// Where the completion stands; `None` while it is outstanding.
    pub completion: Option<usize>,
    /// How it ended: `Ok`, `Fail`, or `Info` for one without a completion too.
    pub outcome: Outcome,
    /// From the call to the return, in places among the events; `info` never returns.
    pub interval: Interval,
}

/// Which precondition a history breaks, so that nothing can be said of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not checkable: {0}")]
pub struct NotCheckable(pub String);

/// The operations of numbered processes, in the order of their invocations. Named ones are passed over: what
/// a nemesis does is no operation on the object.
///
/// # Errors
/// If a process has two operations outstanding, goes on after its `info`, or completes what it never began; if
/// a named one other than the nemesis has anything but `info`, so that it looks like a client whose operations
/// would silently be passed over.
pub fn spans(events: &[Event]) -> Result<Vec<Span>, NotCheckable> {
    if events.len() >= u32::MAX as usize {
        return Err(NotCheckable(format!("{} events are too many; expected fewer than 2^32", events.len())));
    }
    let mut spans: Vec<Span> = Vec::new();
    let mut lanes: BTreeMap<i64, Lane> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let process = match &event.process {
            Actor::Process(process) => *process,
            Actor::Named(name) if event.outcome == Outcome::Info || &**name == "nemesis" => continue,
            Actor::Named(name) => {
                let what = "has a name instead of a number, and operations like a client's";
                return Err(broken(event, name, what));
            }
        };
        let moment = Moment::at(place);
        let lane = lanes.entry(process).or_insert(Lane::Idle);
        match (event.outcome, *lane) {
            (Outcome::Invoke, Lane::Idle) => {
                *lane = Lane::Busy(spans.len());
                spans.push(Span {
                    invocation: place,
                    completion: None,
                    outcome: Outcome::Info,
                    interval: Interval { call: moment, ret: Moment::NEVER },
                });
            }
            (outcome, Lane::Busy(span)) if outcome != Outcome::Invoke => {
                let indeterminate = outcome == Outcome::Info;
                *lane = if indeterminate { Lane::Closed(place) } else { Lane::Idle };
                let span = &mut spans[span];
                span.completion = Some(place);
                span.outcome = outcome;
                span.interval.ret = if indeterminate { Moment::NEVER } else { moment };
            }
            (_, Lane::Busy(span)) => {
                let began = &events[spans[span].invocation];
                return Err(broken(
                    event,
                    &process,
                    &format!("has two operations outstanding, one since index {}", began.index),
                ));
            }
            (_, Lane::Closed(end)) => {
                let end = events[end].index;
                return Err(broken(event, &process, &format!("goes on after its info at index {end}")));
            }
            (_, Lane::Idle) => return Err(broken(event, &process, "completes what it never began")),
        }
    }
    Ok(spans)
}

/// What a process is at; places are those of spans and events.
#[derive(Clone, Copy)]
enum Lane {
    Idle,
    Busy(usize),
    Closed(usize),
}

fn broken(event: &Event, process: &dyn fmt::Display, what: &str) -> NotCheckable {
    let line = if event.line > 0 { format!(", line {}", event.line) } else { String::new() };
    NotCheckable(format!("process {process} {what}, at index {}{line}", event.index))
}
