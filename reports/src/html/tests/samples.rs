//! A small run and its campaign, with texts of the test's choice wherever somebody else chooses texts.

use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::fault::{Effect, FaultEvent, FaultPhase, Occurrence, Target, YamlPosition};
use highwater_checkers::ids::{
    BrokerId, ClientId, ControllerEpoch, LeaderEpoch, Offset, OperationIndex, PartitionEpoch, Process, Time,
    TopicPartition, Value,
};
use highwater_checkers::operation::{
    Acks, Body, Operation, Outcome, PartitionRead, Phase, Poll, Record, Seen, Send,
};
use highwater_checkers::recording::{Ending, Event, Header, Mark, Recording, Stage, VERSION};
use highwater_checkers::trace::{Change, TraceEvent};
use highwater_checkers::verdict::{
    Anomaly, Availability, Consistency, Counts, Evidence, Finding, RunOutcome, RunVerdict, Severity,
};

use crate::event::RunId;
use crate::summary::{CampaignSummary, RunEnding, RunSummary, ScenarioSummary};
use crate::timeline::Timeline;

/// Texts that a user, a broker or a file chooses.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) scenario: String,
    pub(super) topic: String,
    pub(super) error: String,
    pub(super) kind: String,
    pub(super) note: String,
}

impl Default for Texts {
    fn default() -> Self {
        let [scenario, topic, error, kind, note] =
            ["quick", "orders", "timed out", "process-kill", "as planned"].map(str::to_owned);
        Self { scenario, topic, error, kind, note }
    }
}

/// Three sends, of which one is indeterminate and one lost; two polls and a final read; a kill and a new leader.
pub(super) fn recording(texts: &Texts) -> Recording {
    let partition = TopicPartition::new(&*texts.topic, 0);
    let at = Time::from_millis;
    let mut events = Vec::new();
    let mut operation = |millis, process: u64, outcome, phase, body, error: Option<&str>| {
        let index = OperationIndex(events.len() as u64);
        events.push(Event::Operation(Operation {
            index,
            time: at(millis),
            process: Process(process),
            client: ClientId(process as u32),
            outcome,
            phase,
            body,
            error: error.map(Arc::from),
        }));
    };
    let send = |value, offset: Option<i64>| {
        let offset = offset.map(Offset);
        Body::Send(Send { partition: partition.clone(), value: Value(value), offset, acks: Acks::All })
    };
    let poll = |records: &[(i64, u64)]| {
        let records: Vec<_> = records
            .iter()
            .map(|(offset, value)| Record { offset: Offset(*offset), value: Value(*value) })
            .collect();
        let read =
            PartitionRead { partition: partition.clone(), records: records.into(), seen: Seen::default() };
        Body::Poll(Poll { reads: [read].into() })
    };
    use Outcome::{Fail, Info, Invoke, Ok};
    operation(10, 0, Invoke, Phase::Load, send(77, None), None);
    operation(12, 0, Ok, Phase::Load, send(77, Some(0)), None);
    operation(20, 0, Invoke, Phase::Load, send(78, None), None);
    operation(25, 0, Ok, Phase::Load, send(78, Some(1)), None);
    operation(26, 1, Invoke, Phase::Load, poll(&[]), None);
    operation(28, 1, Ok, Phase::Load, poll(&[(0, 77), (1, 78)]), None);
    operation(30, 0, Invoke, Phase::Load, send(79, None), None);
    operation(40, 1, Invoke, Phase::Load, poll(&[]), None);
    operation(45, 1, Fail, Phase::Load, poll(&[]), Some(&texts.error));
    operation(50, 0, Info, Phase::Load, send(79, None), Some(&texts.error));
    operation(90, 2, Invoke, Phase::Final, poll(&[]), None);
    operation(95, 2, Ok, Phase::Final, poll(&[(0, 77), (1, 9_007_199_254_740_993)]), None);
    let mut beside = vec![
        trace(1, 1, Change::BrokerStarted { incarnation: 1 }),
        trace(2, 1, changed(&partition, Some(1), 0, &[1, 2])),
        trace(
            25,
            1,
            Change::HighWatermark {
                partition: partition.clone(),
                hw: Offset(2),
                epoch: LeaderEpoch(0),
                leader: true,
            },
        ),
        trace(35, 2, changed(&partition, Some(2), 1, &[2])),
        Event::Mark(Mark { stage: Stage::Calm, time: at(60), note: Some(texts.note.clone().into()) }),
    ];
    beside.extend(fault(texts).map(Event::Fault));
    events.extend(beside);
    events.sort_by_key(Event::time);
    let header = Header {
        version: VERSION,
        scenario: texts.scenario.clone(),
        scenario_hash: String::new(),
        seed: 3,
        build: texts.note.clone(),
        plan: serde_json::Value::Null,
    };
    Recording { header, events, ending: Ending::Incomplete { line: 1 } }
}

fn trace(millis: u64, broker: i32, change: Change) -> Event {
    Event::Trace(TraceEvent { time: Time::from_millis(millis), broker: BrokerId(broker), change })
}

fn changed(partition: &TopicPartition, leader: Option<i32>, epoch: i32, isr: &[i32]) -> Change {
    Change::PartitionChanged {
        offset: Offset(i64::from(epoch)),
        partition: partition.clone(),
        leader: leader.map(BrokerId),
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch: PartitionEpoch(epoch),
        isr: isr.iter().copied().map(BrokerId).collect(),
        replicas: [1, 2].map(BrokerId).into(),
        min_isr: 1,
        unclean: false,
        controller_epoch: ControllerEpoch(1),
    }
}

fn fault(texts: &Texts) -> [FaultEvent; 4] {
    let occurrence = Occurrence { entry: 0, repetition: 0 };
    let event = |millis, phase| FaultEvent { occurrence, time: Time::from_millis(millis), phase };
    let yaml = YamlPosition { line: 12, column: 3 };
    let effect = Effect { bit: true, counters: [(Arc::from(&*texts.note), 3)].into() };
    let planned = FaultPhase::Planned { kind: texts.kind.clone().into(), yaml, at: None, may_miss: false };
    [
        event(0, planned),
        event(29, FaultPhase::Injected { targets: [Target::Broker(BrokerId(1))].into() }),
        event(58, FaultPhase::Healed),
        event(58, FaultPhase::Effect(effect)),
    ]
}

/// The run's summary: what was acknowledged at offset 1 is lost.
pub(super) fn summary(texts: &Texts) -> RunSummary {
    let partition = TopicPartition::new(&*texts.topic, 0);
    let finding = Finding {
        anomaly: Anomaly::Unseen,
        severity: Severity::Violation,
        partition: Some(partition.clone()),
        what: format!("{partition} lost value 78: {}", texts.note),
        count: 1,
        secondary: false,
        fates: [].into(),
        evidence: vec![Evidence {
            time: Time::from_millis(95),
            operations: vec![OperationIndex(3), OperationIndex(11)],
            values: vec![Value(78)],
            offsets: vec![Offset(1)],
            ..Evidence::default()
        }],
    };
    let gap = Duration::from_millis(30);
    let verdict = RunVerdict {
        outcome: RunOutcome::Violation,
        checkers: [].into(),
        findings: vec![finding],
        expectations: Vec::new(),
        inconclusive: Vec::new(),
        counts: Counts { ok: 4, fail: 1, info: 1, acknowledged: 2, read: 3, lost: 1, ..Counts::default() },
        availability: [(partition.clone(), Availability { worst_gap: gap, recovery: None })].into(),
        consistency: [(partition, Consistency::default())].into(),
        worst_unavailability: gap,
        recovery: None,
    };
    let recording = recording(texts);
    RunSummary {
        id: RunId { scenario: texts.scenario.clone().into(), seed: 3 },
        source: format!("suites/{}.yaml", texts.scenario).into(),
        ending: RunEnding::Judged(Box::new(verdict)),
        expected: [].into(),
        interrupted: false,
        faults: recording.faults().records().cloned().collect(),
        timeline: Some(Box::new(Timeline::of(&recording))),
        measures: None,
        hash: Some("e1b1456666e0dda1".into()),
        recording: None,
        reproduce: format!("highwater run '{}' --seed 3", texts.scenario),
    }
}

/// The events of a campaign of these runs.
pub(super) fn campaign(runs: Vec<RunSummary>) -> Vec<crate::Event> {
    let mut scenario = ScenarioSummary {
        scenario: runs[0].id.scenario.clone(),
        source: runs[0].source.clone(),
        missed: vec![runs[0].source.to_string()],
        ..ScenarioSummary::default()
    };
    runs.iter().for_each(|run| scenario.add(run));
    let finished = CampaignSummary {
        conclusion: crate::Conclusion::Violation,
        planned: runs.len() as u64,
        outcomes: scenario.outcomes.clone(),
        stopped: None,
        measures: scenario.measures,
        jobs: 1,
        peak_memory: None,
        dropped_recordings: 0,
        recordings_bytes_max: 0,
    };
    let told = runs.into_iter().map(|run| crate::Event::RunFinished(Arc::new(run)));
    told.chain([
        crate::Event::ScenarioFinished(Box::new(scenario)),
        crate::Event::CampaignFinished(Box::new(finished)),
    ])
    .collect()
}
