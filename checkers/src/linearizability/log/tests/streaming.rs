//! The check while the history goes on, against the check of all of it.

use super::generator::{self, PROFILES, show};
use crate::ids::{Interval, Moment, Offset};
use crate::linearizability::log::history::Fate;
use crate::linearizability::log::{
    Gaps, LogAction, LogHistory, LogSettings, LogStream, ReadMode, ValueId, check, evidence,
};
use crate::linearizability::{Answer, OpId, Witness};
use crate::random::histories;

/// What the stream says, and how many events it took.
fn stream(history: &LogHistory, settings: LogSettings) -> Option<(Witness, usize)> {
    let mut events = Vec::new();
    for (place, op) in history.ops.iter().enumerate() {
        events.push((op.interval.call, place, true));
        if op.interval.ret.is_some() {
            events.push((op.interval.ret, place, false));
        }
    }
    events.sort_unstable();
    let mut stream = LogStream::new(settings);
    for (event, (_, place, is_call)) in events.into_iter().enumerate() {
        let id = OpId(place as u32);
        let action = &history.ops[place].action;
        if is_call {
            let append = history.arena.appended(action);
            stream.on_call(id, append.map_or(&[][..], |append| append.values));
        } else if let Some(witness) = stream.on_return(id, action, &history.arena) {
            return Some((witness, event + 1));
        }
    }
    None
}

/// Whether only the whole history could tell what is wrong.
fn needs_the_end(history: &LogHistory, settings: LogSettings) -> bool {
    let Ok(evidence) = evidence::collect(history, settings) else { return false };
    let hole = (0..evidence.required).any(|slot| !evidence.is_record(slot));
    let lost = history.ops.iter().any(|op| {
        let append = history.arena.appended(&op.action);
        append.is_some_and(|append| {
            let value = append.values[0].0 as usize;
            append.fate == Fate::Acknowledged && evidence.place[value] == evidence::NOWHERE
        })
    });
    hole || lost
}

#[test]
fn agrees_with_the_check_of_all() {
    for profile in &PROFILES {
        let (mut violations, mut same) = (0, 0);
        for seed in 0..histories(3_000) {
            let history = generator::history(profile, seed);
            let settings = profile.settings();
            let whole = check(&history, settings);
            let live = stream(&history, settings);
            let name = profile.name;
            if live.is_some() {
                let wrong = matches!(whole, Answer::Linearizable(_));
                assert!(!wrong, "{name}, seed {seed}: {live:?}\n{}", show(&history));
            }
            let exact = profile.gaps == Gaps::None && profile.batches == 0 && !profile.duplicates;
            if exact && !needs_the_end(&history, settings) {
                let violated = matches!(whole, Answer::Violation(_));
                assert_eq!(live.is_some(), violated, "{name}, seed {seed}: {whole:?}\n{}", show(&history));
                same += 1;
                violations += u64::from(violated);
            }
        }
        println!("{}: {same} the same, {violations} of them violations", profile.name);
    }
}

#[test]
fn a_copy_that_is_found_first_says_nothing_of_the_append() {
    let settings = LogSettings { duplicates: true, ..LogSettings::default() };
    let during = |call, ret| Interval { call: Moment(call), ret: Moment(ret) };
    let mut history = LogHistory::default();
    history.push(during(0, 1), LogAction::AppendOk { value: ValueId(0), offset: None });
    history.push(during(2, 3), LogAction::End(Offset(1)));
    history.push_read(during(4, 5), Offset(1), [ValueId(0)], ReadMode::Exact);
    history.push_read(during(6, 7), Offset(0), [ValueId(0), ValueId(0)], ReadMode::Exact);
    assert!(matches!(check(&history, settings), Answer::Linearizable(_)));
    assert_eq!(stream(&history, settings), None);
}

#[test]
fn stops_at_the_event_that_proves_it() {
    let profile = &PROFILES[0];
    let mut early = 0;
    for seed in 0..histories(2_000) {
        let history = generator::history(profile, seed);
        let settings = profile.settings();
        let Some((_, events)) = stream(&history, settings) else { continue };
        // What was known one event before: that return had not come yet.
        let known = until(&history, events - 1);
        if !needs_the_end(&known, settings) {
            let fine = matches!(check(&known, settings), Answer::Linearizable(_));
            // A value that was read before its append was called is wrong at once, whatever comes later.
            assert!(fine, "seed {seed}, event {events}:\n{}", show(&known));
            early += 1;
        }
    }
    assert!(early > 100, "{early} stopped in time");
}

/// The history as it was after so many events.
fn until(history: &LogHistory, events: usize) -> LogHistory {
    let mut known = history.clone();
    known.processes.clear();
    known.ops.retain(|op| (op.interval.call.0 as usize) < events);
    for op in &mut known.ops {
        if op.interval.ret.0 as usize >= events {
            op.interval.ret = Moment::NEVER;
            // That it failed came out at its return.
            if let LogAction::AppendFail { value } = op.action {
                op.action = LogAction::AppendInfo { value };
            }
        }
    }
    known
}
