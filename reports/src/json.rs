//! JSON lines: one event a line, with field names that stay. `docs/output-events.md` describes them.
//!
//! The structs here are the format: the types that the rest of the program works with may change without it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{OperationIndex, Time, TopicPartition};
use highwater_checkers::linearizability::log::Level;
use highwater_checkers::verdict::{
    Availability, Cited, Consistency, Counts, Evidence, Fate, Finding, Severity, Uncounted, Verdict,
};
use serde::Serialize;

use crate::event::{Event, Sink, SinkError, unless_closed};
use crate::published::{Measured, Published};
use crate::style::json_line;
use crate::summary::{
    CampaignSummary, Coverage, Measures, Outcome, RunEnding, RunSummary, ScenarioSummary, StopReason, Tally,
};

/// The version of the format, in the first line.
pub const VERSION: u32 = 1;

/// Writes one line an event to `W`. The live events are left out, so that the lines keep their order.
#[derive(Debug)]
pub struct JsonLines<W> {
    output: W,
}

impl<W: Write> JsonLines<W> {
    /// Lines to this output.
    pub fn new(output: W) -> Self {
        Self { output }
    }

    /// Where it has written to.
    pub fn into_output(self) -> W {
        self.output
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        let line = match event {
            Event::CampaignStarted { build, scenarios, runs, jobs } => Line::CampaignStarted {
                version: VERSION,
                build,
                scenarios: *scenarios,
                runs: *runs,
                jobs: *jobs,
            },
            Event::RunFinished(run) => Line::RunFinished(Box::new(RunLine::from(&**run))),
            Event::ScenarioFinished(scenario) => {
                Line::ScenarioFinished(Box::new(ScenarioLine::from(&**scenario)))
            }
            Event::CampaignFinished(campaign) => Line::CampaignFinished(CampaignLine::from(&**campaign)),
            Event::RunStarted(_) | Event::RunProgress { .. } | Event::RunEnded { .. } => return Ok(()),
        };
        let text =
            serde_json::to_string(&line).expect("the format has text keys alone, and no failing parts");
        unless_closed(writeln!(self.output, "{}", json_line(&text)).and_then(|()| self.output.flush()))
    }
}

/// One line; its first field, `event`, says which.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    CampaignStarted { version: u32, build: &'a str, scenarios: usize, runs: u64, jobs: usize },
    RunFinished(Box<RunLine<'a>>),
    ScenarioFinished(Box<ScenarioLine<'a>>),
    CampaignFinished(CampaignLine),
}

#[derive(Serialize)]
struct RunLine<'a> {
    scenario: &'a str,
    seed: u64,
    source: &'a str,
    outcome: &'static str,
    interrupted: bool,
    failure: Option<String>,
    error: Option<&'a str>,
    findings: Vec<FindingLine<'a>>,
    faults: Vec<FaultLine<'a>>,
    inconclusive: &'a [String],
    expectations: Vec<ExpectationLine<'a>>,
    checkers: BTreeMap<&'a str, CheckerLine<'a>>,
    counts: Option<&'a Counts>,
    partitions: BTreeMap<&'a TopicPartition, PartitionLine<'a>>,
    unavailability_ms_max: Option<u64>,
    recovery_ms: Option<u64>,
    measures: Option<MeasuresLine>,
    hash: Option<&'a str>,
    recording: Option<&'a Path>,
    reproduce: &'a str,
}

impl<'a> From<&'a RunSummary> for RunLine<'a> {
    fn from(run: &'a RunSummary) -> Self {
        let verdict = run.verdict();
        let error = match &run.ending {
            RunEnding::Failed { message, .. } => Some(message.as_str()),
            RunEnding::Judged(_) => None,
        };
        Self {
            scenario: &run.id.scenario,
            seed: run.id.seed,
            source: &run.source,
            outcome: run.outcome().name(),
            interrupted: run.interrupted,
            failure: run.failure(),
            error,
            findings: verdict
                .iter()
                .flat_map(|verdict| &verdict.findings)
                .map(|finding| FindingLine::new(finding, run))
                .collect(),
            faults: run.faults.iter().map(FaultLine::from).collect(),
            inconclusive: verdict.map_or(&[], |verdict| &verdict.inconclusive),
            expectations: verdict
                .iter()
                .flat_map(|verdict| &verdict.expectations)
                .map(|it| ExpectationLine {
                    expectation: &it.expectation,
                    met: it.met,
                    every_seed: it.every_seed,
                    found: &it.found,
                })
                .collect(),
            checkers: verdict
                .iter()
                .flat_map(|verdict| &verdict.checkers)
                .map(|(name, verdict)| (*name, CheckerLine::from(verdict)))
                .collect(),
            counts: verdict.map(|verdict| &verdict.counts),
            partitions: verdict
                .iter()
                .flat_map(|verdict| verdict.availability.keys().chain(verdict.consistency.keys()))
                .map(|partition| {
                    let availability = verdict.and_then(|verdict| verdict.availability.get(partition));
                    let consistency = verdict.and_then(|verdict| verdict.consistency.get(partition));
                    (partition, PartitionLine::new(availability, consistency))
                })
                .collect(),
            unavailability_ms_max: verdict.map(|verdict| millis(verdict.worst_unavailability)),
            recovery_ms: verdict.and_then(|verdict| verdict.recovery).map(millis),
            measures: run.measures.map(MeasuresLine::from),
            hash: run.hash.as_deref(),
            recording: run.recording.as_deref(),
            reproduce: &run.reproduce,
        }
    }
}

#[derive(Serialize)]
struct FindingLine<'a> {
    anomaly: &'static str,
    severity: &'static str,
    reason: Option<&'a str>,
    partition: Option<&'a TopicPartition>,
    what: &'a str,
    count: u64,
    secondary: bool,
    fates: &'a BTreeMap<Fate, u64>,
    evidence: &'a [Evidence],
}

impl<'a> FindingLine<'a> {
    fn new(finding: &'a Finding, run: &RunSummary) -> Self {
        let (severity, reason) = match &finding.severity {
            Severity::Permitted(reason) => ("permitted", Some(reason.as_str())),
            Severity::Violation if run.expected.contains(finding.anomaly.name()) => ("expected", None),
            Severity::Violation => ("violation", None),
        };
        Self {
            anomaly: finding.anomaly.name(),
            severity,
            reason,
            partition: finding.partition.as_ref(),
            what: &finding.what,
            count: finding.count,
            secondary: finding.secondary,
            fates: &finding.fates,
            evidence: &finding.evidence,
        }
    }
}

#[derive(Serialize)]
struct FaultLine<'a> {
    fault: String,
    kind: &'a str,
    line: u32,
    injected_ns: Option<Time>,
    healed_ns: Option<Time>,
    targets: Vec<String>,
    effect: BTreeMap<&'a str, u64>,
}

impl<'a> From<&'a FaultRecord> for FaultLine<'a> {
    fn from(fault: &'a FaultRecord) -> Self {
        let targets = fault.injected.iter().flat_map(|(_, targets)| targets.iter());
        Self {
            fault: fault.occurrence.to_string(),
            kind: &fault.kind,
            line: fault.yaml.line,
            injected_ns: fault.injected.as_ref().map(|(time, _)| *time),
            healed_ns: fault.healed,
            targets: targets.map(ToString::to_string).collect(),
            effect: fault.effect.counters.iter().map(|(name, count)| (&**name, *count)).collect(),
        }
    }
}

#[derive(Serialize)]
struct ExpectationLine<'a> {
    expectation: &'a str,
    met: bool,
    every_seed: bool,
    found: &'a str,
}

#[derive(Serialize)]
struct CheckerLine<'a> {
    verdict: &'static str,
    reason: Option<&'a str>,
}

impl<'a> From<&'a Verdict> for CheckerLine<'a> {
    fn from(verdict: &'a Verdict) -> Self {
        let (verdict, reason) = match verdict {
            Verdict::Pass => ("pass", None),
            Verdict::Permitted => ("permitted", None),
            Verdict::Unknown(reason) => ("unknown", Some(reason.as_str())),
            Verdict::Violation => ("violation", None),
        };
        Self { verdict, reason }
    }
}

#[derive(Serialize)]
struct PartitionLine<'a> {
    unavailability_ms_max: Option<u64>,
    recovery_ms: Option<u64>,
    consistency: Option<ConsistencyLine<'a>>,
}

impl<'a> PartitionLine<'a> {
    fn new(availability: Option<&Availability>, consistency: Option<&'a Consistency>) -> Self {
        Self {
            unavailability_ms_max: availability.map(|it| millis(it.worst_gap)),
            recovery_ms: availability.and_then(|it| it.recovery).map(millis),
            consistency: consistency.map(ConsistencyLine::from),
        }
    }
}

#[derive(Serialize)]
struct ConsistencyLine<'a> {
    level: Option<Level>,
    unknown: Option<&'a str>,
    broken: Option<BrokenLine<'a>>,
    stale: Option<StaleLine>,
    uncounted: Option<&'a Uncounted>,
    final_read: bool,
}

#[derive(Serialize)]
struct BrokenLine<'a> {
    kind: &'a str,
    what: &'a str,
    operations: Vec<CitedLine>,
}

#[derive(Serialize)]
struct CitedLine {
    operation: OperationIndex,
    time_ns: Time,
}

#[derive(Serialize)]
struct StaleLine {
    looks: u64,
    records_max: u64,
    ms_max: u64,
}

impl<'a> From<&'a Consistency> for ConsistencyLine<'a> {
    fn from(consistency: &'a Consistency) -> Self {
        let cited = |cited: &Cited| CitedLine { operation: cited.operation, time_ns: cited.time };
        Self {
            level: consistency.level,
            unknown: consistency.unknown.as_deref(),
            broken: consistency.broken.as_ref().map(|broken| BrokenLine {
                kind: broken.kind,
                what: &broken.what,
                operations: broken.operations.iter().map(cited).collect(),
            }),
            stale: consistency.staleness.map(|stale| StaleLine {
                looks: stale.looks,
                records_max: stale.records_max,
                ms_max: millis(stale.time_max),
            }),
            uncounted: consistency.uncounted.as_ref(),
            final_read: consistency.final_read,
        }
    }
}

#[derive(Serialize)]
struct MeasuresLine {
    virtual_ms: u64,
    cpu_ms: u64,
    frames: u64,
    tick_us: u64,
}

impl From<Measures> for MeasuresLine {
    fn from(measures: Measures) -> Self {
        Self {
            virtual_ms: millis(measures.virtual_time),
            cpu_ms: millis(measures.cpu_time),
            frames: measures.frames,
            tick_us: u64::try_from(measures.tick.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

#[derive(Serialize)]
struct ScenarioLine<'a> {
    scenario: &'a str,
    source: &'a str,
    runs: u64,
    outcomes: BTreeMap<&'static str, u64>,
    coverage: CoverageLine,
    missed: &'a [String],
    measures: MeasuresLine,
    under_load: MeasuredLine,
    published: Option<PublishedLine<'a>>,
}

impl<'a> From<&'a ScenarioSummary> for ScenarioLine<'a> {
    fn from(scenario: &'a ScenarioSummary) -> Self {
        Self {
            scenario: &scenario.scenario,
            source: &scenario.source,
            runs: scenario.runs(),
            outcomes: outcomes(&scenario.outcomes),
            coverage: scenario.coverage.into(),
            missed: &scenario.missed,
            measures: scenario.measures.into(),
            under_load: (&scenario.under_load).into(),
            published: scenario.published.as_ref().map(PublishedLine::from),
        }
    }
}

#[derive(Serialize)]
struct MeasuredLine {
    sent: u64,
    acknowledged: u64,
    lost: u64,
    seeds_with_loss: u64,
    lost_percent_min: Option<f64>,
    lost_percent_max: Option<f64>,
}

impl From<&Measured> for MeasuredLine {
    fn from(measured: &Measured) -> Self {
        Self {
            sent: measured.total.sent,
            acknowledged: measured.total.acknowledged,
            lost: measured.total.lost,
            seeds_with_loss: measured.seeds_with_loss,
            lost_percent_min: measured.lost_percent.map(|(least, _)| least),
            lost_percent_max: measured.lost_percent.map(|(_, most)| most),
        }
    }
}

#[derive(Serialize)]
struct PublishedLine<'a> {
    source: &'a str,
    sent: Option<u64>,
    acknowledged: Option<u64>,
    lost: Option<u64>,
}

impl<'a> From<&'a Published> for PublishedLine<'a> {
    fn from(published: &'a Published) -> Self {
        let Published { source, sent, acknowledged, lost } = published;
        Self { source, sent: *sent, acknowledged: *acknowledged, lost: *lost }
    }
}

#[derive(Serialize)]
struct CoverageLine {
    seeds: u64,
    leader_changes: TallyLine,
    unclean_elections: TallyLine,
    isr_shrinks: TallyLine,
    isr_growths: TallyLine,
    truncations: TallyLine,
    info_read: TallyLine,
}

impl From<Coverage> for CoverageLine {
    fn from(coverage: Coverage) -> Self {
        Self {
            seeds: coverage.seeds,
            leader_changes: coverage.leader_changes.into(),
            unclean_elections: coverage.unclean_elections.into(),
            isr_shrinks: coverage.isr_shrinks.into(),
            isr_growths: coverage.isr_growths.into(),
            truncations: coverage.truncations.into(),
            info_read: coverage.info_read.into(),
        }
    }
}

#[derive(Serialize)]
struct TallyLine {
    total: u64,
    seeds: u64,
}

impl From<Tally> for TallyLine {
    fn from(Tally { total, seeds }: Tally) -> Self {
        Self { total, seeds }
    }
}

#[derive(Serialize)]
struct CampaignLine {
    conclusion: &'static str,
    stopped: Option<&'static str>,
    planned: u64,
    runs: u64,
    outcomes: BTreeMap<&'static str, u64>,
    measures: MeasuresLine,
    peak_memory_bytes: Option<u64>,
    dropped_recordings: u64,
}

impl From<&CampaignSummary> for CampaignLine {
    fn from(campaign: &CampaignSummary) -> Self {
        Self {
            conclusion: campaign.conclusion.name(),
            stopped: campaign.stopped.map(StopReason::name),
            planned: campaign.planned,
            runs: campaign.runs(),
            outcomes: outcomes(&campaign.outcomes),
            measures: campaign.measures.into(),
            peak_memory_bytes: campaign.peak_memory,
            dropped_recordings: campaign.dropped_recordings,
        }
    }
}

fn outcomes(counts: &BTreeMap<Outcome, u64>) -> BTreeMap<&'static str, u64> {
    counts.iter().map(|(outcome, count)| (outcome.name(), *count)).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
