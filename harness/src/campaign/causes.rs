//! The faults that matter to a violation. Until plans are shrunk: those that bit shortly before it.

use std::time::Duration;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::Time;
use highwater_checkers::recording::{Event, Recording, Stage};
use highwater_checkers::verdict::Finding;

/// How long before a violation a fault may have ended and still count.
const WINDOW: Duration = Duration::from_secs(30);

/// The faults that bit, and were there within [`WINDOW`] before the finding, by the time of their injection;
/// without a finding, before the heal.
///
/// What the final read alone shows came about earlier: nothing strikes after the heal, so that the time is
/// counted back from there.
pub(crate) fn faults_before(recording: &Recording, finding: Option<&Finding>) -> Vec<FaultRecord> {
    let calm = recording.events.iter().find_map(|event| match event {
        Event::Mark(mark) if mark.stage == Stage::Calm => Some(mark.time),
        _ => None,
    });
    let evident = finding.and_then(|finding| finding.evidence.first()).map(|evidence| evidence.time);
    let moment = evident.into_iter().chain(calm).min().unwrap_or(Time(u64::MAX));
    let injection = |fault: &FaultRecord| fault.injected.as_ref().map(|(time, _)| *time);
    let counts = |fault: &FaultRecord| {
        let ended = fault.healed.unwrap_or(moment);
        fault.effect.bit
            && injection(fault).is_some_and(|time| time <= moment)
            && moment.since(ended) <= WINDOW
    };
    let mut faults: Vec<_> = recording.faults().records().filter(|fault| counts(fault)).cloned().collect();
    faults.sort_by_key(injection);
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_checkers::fault::{Effect, FaultEvent, FaultPhase, Occurrence, YamlPosition};
    use highwater_checkers::recording::{Ending, Header, Mark, VERSION};
    use highwater_checkers::verdict::{Anomaly, Evidence, Severity};

    /// A recording with a fault of each of these: from, until, whether it bit.
    fn recording(faults: &[(u64, u64, bool)], calm: u64) -> Recording {
        let mut events = Vec::new();
        for (entry, (from, until, bit)) in (0..).zip(faults) {
            let planned = FaultPhase::Planned {
                kind: "process-kill".into(),
                yaml: YamlPosition::default(),
                at: None,
                may_miss: false,
            };
            let effect = FaultPhase::Effect(Effect { bit: *bit, counters: [].into() });
            let phases = [
                (0, planned),
                (*from, FaultPhase::Injected { targets: [].into() }),
                (*until, FaultPhase::Healed),
                (*until, effect),
            ];
            let occurrence = Occurrence { entry, repetition: 0 };
            events.extend(phases.map(|(second, phase)| {
                Event::Fault(FaultEvent { occurrence, time: Time::from_millis(second * 1_000), phase })
            }));
        }
        let time = Time::from_millis(calm * 1_000);
        events.push(Event::Mark(Mark { stage: Stage::Calm, time, note: None }));
        let header = Header {
            version: VERSION,
            scenario: "s".into(),
            scenario_hash: String::new(),
            seed: 0,
            build: String::new(),
            plan: serde_json::Value::Null,
        };
        Recording { header, events, ending: Ending::Incomplete { line: 1 } }
    }

    fn finding(second: u64) -> Finding {
        let time = Time::from_millis(second * 1_000);
        Finding {
            anomaly: Anomaly::Unseen,
            severity: Severity::Violation,
            partition: None,
            what: String::new(),
            count: 1,
            secondary: false,
            fates: [].into(),
            evidence: vec![Evidence { time, ..Evidence::default() }],
        }
    }

    #[test]
    fn faults_count_that_bit_within_half_a_minute() {
        let recording = recording(&[(1, 9, true), (50, 52, true), (30, 55, false), (8, 20, true)], 60);
        let entries = |second| {
            let faults = faults_before(&recording, Some(&finding(second)));
            faults.iter().map(|fault| fault.occurrence.entry).collect::<Vec<_>>()
        };
        assert_eq!(entries(39), [0, 3], "the first ended just 30 s before, the second is to come");
        assert_eq!(entries(49), [3]);
        assert_eq!(entries(200), [1], "counted back from the heal");
        assert_eq!(faults_before(&recording, None).len(), 1);
    }
}
