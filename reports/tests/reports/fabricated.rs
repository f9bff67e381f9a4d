//! Runs and campaigns that never happened: a pass, a violation, a panic, and what a sink makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::fault::{Effect, FaultRecord, Occurrence, Target, YamlPosition};
use highwater_checkers::ids::{BrokerId, Offset, OperationIndex, Time, TopicPartition, Value};
use highwater_checkers::linearizability::log::Level;
use highwater_checkers::verdict::{
    Anomaly, Availability, Cited, Consistency, Contradiction, Counts, Evidence, Finding, RunOutcome,
    RunVerdict, Severity, Staleness, Uncounted, Verdict,
};
use highwater_reports::file::Target as FileTarget;
use highwater_reports::summary::{Measures, RunEnding, StopReason};
use highwater_reports::{CampaignSummary, Event, Outcome, RunId, RunSummary, ScenarioSummary, Sink};

pub(crate) fn verdict(outcome: RunOutcome) -> RunVerdict {
    let orders = TopicPartition::new("orders", 0);
    let recovery = Some(Duration::from_millis(2_270));
    RunVerdict {
        outcome,
        checkers: [("log", Verdict::Pass), ("recovery", Verdict::Unknown("nothing was healed".into()))]
            .into(),
        findings: Vec::new(),
        expectations: Vec::new(),
        inconclusive: Vec::new(),
        counts: Counts {
            ok: 3_153,
            fail: 87,
            info: 163,
            acknowledged: 2_950,
            read: 2_990,
            info_read: 40,
            faults_planned: 6,
            faults_injected: 5,
            faults_healed: 5,
            faults_skipped: 1,
            leader_changes: 15,
            isr_shrinks: 31,
            isr_growths: 32,
            ..Counts::default()
        },
        availability: [(orders.clone(), Availability { worst_gap: Duration::from_millis(4_260), recovery })]
            .into(),
        consistency: [(orders, linearizable())].into(),
        worst_unavailability: Duration::from_millis(4_260),
        recovery,
    }
}

pub(crate) fn linearizable() -> Consistency {
    Consistency { level: Some(Level::Linearizable), final_read: true, ..Consistency::default() }
}

/// A run of which one partition is stale, one lost something that nothing promised, and of one nothing is known.
pub(crate) fn stale(seed: u64) -> RunSummary {
    let broken = Contradiction {
        kind: "stale end",
        what: "the append of value 77 at offset 3 had returned before the look that found the end at 3 was called"
            .into(),
        operations: [(12, 3_200), (40, 3_500)]
            .map(|(at, millis)| Cited { operation: OperationIndex(at), time: Time::from_millis(millis) })
            .into(),
    };
    let stale = Consistency {
        level: Some(Level::LinearizableWrites),
        broken: Some(broken),
        staleness: Some(Staleness { looks: 3, records_max: 12, time_max: Duration::from_millis(840) }),
        ..linearizable()
    };
    let uncounted =
        Uncounted { acknowledgements: 313, reason: "they were sent with acks=1".into(), forfeit: false };
    let weak = Consistency { uncounted: Some(uncounted), final_read: false, ..linearizable() };
    let unknown = Consistency { unknown: Some("not checkable".into()), ..Consistency::default() };
    let mut verdict = verdict(RunOutcome::Pass);
    for (partition, consistency) in (1..).zip([stale, weak, unknown].into_iter().take(2 + seed as usize)) {
        verdict.consistency.insert(TopicPartition::new("orders", partition), consistency);
    }
    summary("quick", seed, RunEnding::Judged(Box::new(verdict)))
}

pub(crate) fn summary(scenario: &str, seed: u64, ending: RunEnding) -> RunSummary {
    RunSummary {
        id: RunId { scenario: scenario.into(), seed },
        source: "suites/quick.yaml".into(),
        ending,
        expected: ["duplicate".to_owned()].into(),
        interrupted: false,
        faults: Vec::new(),
        timeline: None,
        measures: Some(Measures {
            virtual_time: Duration::from_secs(34),
            cpu_time: Duration::from_millis(240),
            frames: 13_816,
            tick: Duration::from_millis(2),
        }),
        hash: Some("e1b1456666e0dda1".into()),
        recording: None,
        reproduce: format!("highwater run suites/quick.yaml --seed {seed}"),
    }
}

pub(crate) fn pass(seed: u64) -> RunSummary {
    summary("quick", seed, RunEnding::Judged(Box::new(verdict(RunOutcome::Pass))))
}

pub(crate) fn finding(anomaly: Anomaly, severity: Severity, what: &str) -> Finding {
    Finding {
        anomaly,
        severity,
        partition: Some(TopicPartition::new("orders", 0)),
        what: what.into(),
        count: 4,
        secondary: false,
        fates: BTreeMap::new(),
        evidence: vec![Evidence {
            time: Time::from_millis(29_500),
            operations: Vec::new(),
            values: vec![Value(77)],
            offsets: vec![Offset(812)],
            ..Evidence::default()
        }],
    }
}

/// A run that lost acknowledged records after a kill.
pub(crate) fn violation(scenario: &str, seed: u64, what: &str) -> RunSummary {
    let mut verdict = verdict(RunOutcome::Violation);
    verdict.findings = vec![
        finding(Anomaly::Duplicate, Severity::Violation, "an expected duplicate."),
        finding(Anomaly::Unseen, Severity::Violation, what),
        finding(Anomaly::LostWrite, Severity::Permitted("acks=1".into()), "a permitted loss."),
    ];
    (verdict.counts.lost, verdict.counts.lost_permitted, verdict.recovery) = (5, 1, None);
    RunSummary {
        faults: vec![FaultRecord {
            occurrence: Occurrence { entry: 1, repetition: 0 },
            kind: "process-kill".into(),
            yaml: YamlPosition { line: 28, column: 5 },
            planned: None,
            may_miss: false,
            injected: Some((Time::from_millis(9_400), [Target::Broker(BrokerId(2))].into())),
            healed: Some(Time::from_millis(11_400)),
            skipped: None,
            effect: Effect { bit: true, counters: [("messages_dropped".into(), 12)].into() },
        }],
        recording: Some("out/quick/seed-2".into()),
        reproduce: "highwater replay out/quick/seed-2".into(),
        ..summary(scenario, seed, RunEnding::Judged(Box::new(verdict)))
    }
}

pub(crate) fn panic(seed: u64) -> RunSummary {
    let message = "the run failed at 12.3s of virtual time: b2 panicked: index out of bounds".to_owned();
    let ending = RunEnding::Failed { outcome: Outcome::InternalError, message };
    RunSummary { measures: None, hash: None, ..summary("quick", seed, ending) }
}

pub(crate) fn inconclusive(seed: u64) -> RunSummary {
    let mut verdict = verdict(RunOutcome::Inconclusive);
    verdict.inconclusive = vec!["the fault power-loss of line 46 never bit".into()];
    summary("quick", seed, RunEnding::Judged(Box::new(verdict)))
}

/// The events of a campaign of one scenario.
pub(crate) fn campaign(runs: Vec<RunSummary>, missed: &[&str], stopped: Option<StopReason>) -> Vec<Event> {
    let mut scenario = ScenarioSummary {
        scenario: runs[0].id.scenario.clone(),
        source: runs[0].source.clone(),
        missed: missed.iter().map(|text| (*text).to_owned()).collect(),
        ..ScenarioSummary::default()
    };
    let worst = runs.iter().map(RunSummary::outcome).max().expect("some");
    let count = runs.len() as u64;
    let mut events =
        vec![Event::CampaignStarted { build: "test".into(), scenarios: 1, runs: count, jobs: 2 }];
    for run in runs {
        scenario.add(&run);
        events.push(Event::RunEnded { run: run.id.clone(), outcome: run.outcome() });
        events.push(Event::RunFinished(Arc::new(run)));
    }
    let finished = CampaignSummary {
        conclusion: worst.into(),
        planned: count + u64::from(stopped.is_some()),
        outcomes: scenario.outcomes.clone(),
        stopped,
        measures: scenario.measures,
        jobs: 2,
        peak_memory: Some(82_000_000),
        dropped_recordings: 0,
        recordings_bytes_max: 1_000_000,
    };
    events.push(Event::ScenarioFinished(Box::new(scenario)));
    events.push(Event::CampaignFinished(Box::new(finished)));
    events
}

pub(crate) fn feed(sink: &mut dyn Sink, events: &[Event]) {
    events.iter().try_for_each(|event| sink.take(event)).expect("nothing fails to be written");
}

/// What a sink writes to a file.
pub(crate) fn written(make: impl FnOnce(FileTarget) -> Box<dyn Sink>, events: &[Event]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made").join("report");
    feed(&mut *make(FileTarget::File(path.clone())), events);
    fs::read_to_string(path).expect("the report was written")
}
