//! Runs of which pages are made: a scenario at a seed, executed here and now.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use highwater::campaign::{self, Entry, Execute, Keep, Options, Stop};
use highwater::run::{self, RunSpec};
use highwater::system::System;
use highwater::system::kafka::KafkaReference;
use highwater_checkers::judge::{JudgeConfig, Shown, judge};
use highwater_checkers::recording::Recording;
use highwater_reports::summary::RunEnding;
use highwater_reports::{Event, Outcome, RunId, RunSummary, Sink, SinkError, html};
use highwater_workloads::scenario;
use serde_json::{Value, json};

/// A leader is cut off from the others and deposed, while clients reach it; then another broker dies. `MUTANTS` is filled in.
const SCENARIO: &str = "\
version: 1
name: deposed-leader
description: a broker is cut off from the others, but not from its clients; deposed, it comes back
cluster:
  brokers: 3
  config:
    replica.lag.time.max.ms: 3000
    broker.heartbeat.interval.ms: 500
    broker.session.timeout.ms: 2000
    replica.high.watermark.checkpoint.interval.ms: 1000
MUTANTS
topics:
  - { name: orders, partitions: 3, replication: 3, config: { min.insync.replicas: 2 } }
clients:
  - producer: { count: 2, topic: orders, acks: all, rate: 40/s, in_flight: 2, timeout: 2s }
  - consumer: { count: 2, topic: orders }
faults:
  - kind: network-partition
    at: 4s
    duration: 6s
    selector: { brokers: [b1] }
    target: { brokers: [b2, b3] }
  - kind: process-kill
    at: 14s
    selector: { brokers: [b2] }
    restart_after: 2s
run: { duration: 20s, seeds: 1 }
";

/// What shows a run again. The folder is another one each time, the page shall not be.
pub(crate) const REPRODUCE: &str = "highwater replay highwater-artifacts/deposed-leader/seed-7";

/// The page of a run of the correct broker.
pub(crate) fn passing() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let (recording, summary) = run("");
        assert_eq!(summary.outcome(), Outcome::Pass, "{:?}", summary.failure());
        html::run(&recording, &summary).render()
    })
}

/// The page of a run with a seeded defect, which loses what the deposed leader acknowledged alone.
pub(crate) fn failing() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let (recording, summary) = run("    mutants: [ack-before-hw]\n");
        assert_eq!(summary.failure_kind(), Some("unseen"), "{:?}", summary.failure());
        html::run(&recording, &summary).render()
    })
}

/// The page with an order of the sends that were acknowledged, at whose end it cannot go on.
pub(crate) fn with_an_order(page: &str) -> String {
    const BEGIN: &str = "<script type=\"application/json\" id=\"data\">";
    let (before, rest) = page.split_once(BEGIN).expect("the page has data");
    let (data, after) = rest.split_once("</script>").expect("the data end");
    let mut data: Value = serde_json::from_str(data).expect("the data are JSON");
    let outcomes = data["ops"]["out"].as_str().expect("outcomes").as_bytes().to_vec();
    let sends = data["sends"]["op"]
        .as_array()
        .expect("sends")
        .iter()
        .map(|apart| apart.as_u64().expect("a difference"));
    let mut op = 0;
    let mut before_it = 0;
    let mut steps = Vec::new();
    for apart in sends {
        op += apart;
        if outcomes[op as usize] == b'o' {
            steps.push(op - before_it);
            before_it = op;
        }
    }
    let ends = vec![1; steps.len()];
    data["courses"] = json!([{ "name": "orders", "op": steps, "end": ends, "stuck": op + 1 }]);
    format!("{before}{BEGIN}{}</script>{after}", data.to_string().replace('<', "\\u003c"))
}

/// The summary of a recording that was made up, judged like any other.
pub(crate) fn judged(recording: &Recording) -> RunSummary {
    RunSummary {
        id: RunId { scenario: recording.header.scenario.as_str().into(), seed: recording.header.seed },
        source: format!("{}.yaml", recording.header.scenario).into(),
        ending: RunEnding::Judged(Box::new(judge(recording, &JudgeConfig::default()))),
        expected: BTreeSet::new(),
        interrupted: false,
        faults: Vec::new(),
        timeline: None,
        measures: None,
        hash: None,
        recording: None,
        reproduce: format!("highwater replay {}", recording.header.scenario),
    }
}

/// Keeps the last summary.
#[derive(Default)]
struct Last(Option<Arc<RunSummary>>);

impl Sink for Last {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        if let Event::RunFinished(summary) = event {
            self.0 = Some(Arc::clone(summary));
        }
        Ok(())
    }
}

fn run(mutants: &str) -> (Recording, RunSummary) {
    let text = SCENARIO.replace("MUTANTS\n", mutants);
    let name = "deposed-leader.yaml";
    let scenario = scenario::parse(name, &text, &KafkaReference.vocabulary()).expect("it has no mistake");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let entry = Entry {
        scenario: Arc::new(scenario),
        source: text.into(),
        source_name: name.into(),
        seeds: 7..8,
        mutants: BTreeSet::new(),
    };
    let options = Options {
        program: "highwater".to_owned(),
        jobs: NonZeroUsize::MIN,
        artifacts: folder.path().to_owned(),
        keep: Keep::All,
        recordings_bytes_max: u64::MAX,
        fail_fast: false,
        stop_at_violation: false,
        shown: Shown::First,
        timeline: false,
        timeout: None,
    };
    let execute: Execute = Arc::new(|spec: &RunSpec| run::execute(&KafkaReference, spec));
    let mut last = Last::default();
    campaign::run(&[entry], &options, &Stop::default(), &execute, &mut last).expect("nothing is written");
    let mut summary = last.0.map(Arc::unwrap_or_clone).expect("one run was told");
    let kept = summary.recording.clone().expect("its recording was kept");
    let recording = run::read(&kept).expect("the recording is whole");
    summary.reproduce = REPRODUCE.to_owned();
    (recording, summary)
}
