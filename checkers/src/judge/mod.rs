//! The judge: every monitor over one run, its findings sorted by the contract, and the run's outcome.

mod config;
mod expectations;
mod findings;

use std::collections::BTreeMap;
use std::time::Duration;

pub use config::{Amount, Expectations, Feature, FlushPolicy, Guarantee, JudgeConfig, Seen, Shown};

use crate::consistency::ConsistencyMonitor;
use crate::coverage::CoverageMonitor;
use crate::fault::FaultLog;
use crate::ids::TopicPartition;
use crate::invariants::{InvariantMonitor, InvariantReport};
use crate::log::{LogMonitor, LogReport, SendOrder};
use crate::monitor::Monitor;
use crate::recording::{Ending, Event, Mark, Recording, Stage};
use crate::recovery::{RecoveryMonitor, RecoveryReport};
use crate::verdict::{Anomaly, Evidence, Finding, RunOutcome, RunVerdict, Severity, Verdict};
use findings::Findings;

/// Judges a recorded run.
pub fn judge(recording: &Recording, config: &JudgeConfig) -> RunVerdict {
    let mut verdict = Judge::new(config).fold(&recording.events);
    if let Ending::Incomplete { line } = recording.ending {
        verdict.inconclusive.push(format!("the recording breaks off at line {line}"));
        verdict.outcome = verdict.outcome.max(RunOutcome::Inconclusive);
    }
    verdict
}

/// Judges a run while it goes on, or afterwards.
#[derive(Debug)]
pub struct Judge<'c> {
    config: &'c JudgeConfig,
    log: LogMonitor,
    consistency: ConsistencyMonitor,
    invariants: InvariantMonitor,
    recovery: RecoveryMonitor<'c>,
    coverage: CoverageMonitor,
    /// What the run says against itself.
    reservations: Vec<String>,
    /// A node that ended by itself, and the run with it.
    crash: Option<Finding>,
}

impl<'c> Judge<'c> {
    /// Judges by this configuration.
    pub fn new(config: &'c JudgeConfig) -> Self {
        let order = match config.guarantee {
            Some(Guarantee::ExactlyOnce) => SendOrder::Always,
            Some(Guarantee::AtLeastOnce | Guarantee::AtMostOnce) | None => SendOrder::OneByOne,
        };
        Self {
            config,
            log: LogMonitor::new(order),
            consistency: ConsistencyMonitor::new(config.ends),
            invariants: InvariantMonitor::new(config),
            recovery: RecoveryMonitor::new(config),
            coverage: CoverageMonitor::default(),
            reservations: Vec::new(),
            crash: None,
        }
    }
}

impl Monitor for Judge<'_> {
    type Report = RunVerdict;

    fn observe(&mut self, event: &Event) {
        self.log.observe(event);
        self.consistency.observe(event);
        self.invariants.observe(event);
        self.recovery.observe(event);
        self.coverage.observe(event);
        if let Event::Mark(mark) = event {
            let what = match mark.stage {
                Stage::NotSteady => "the steady state was not reached",
                Stage::Stopped => "the run was stopped",
                Stage::Crashed => {
                    self.crash.get_or_insert_with(|| crash(mark));
                    return;
                }
                Stage::Steady | Stage::Calm | Stage::FinalRead | Stage::NoFinalRead => return,
            };
            let why = mark.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            self.reservations.push(format!("{what}{why}"));
        }
    }

    fn finish(self) -> RunVerdict {
        let config = self.config;
        let mut invariants = self.invariants.finish();
        let log = self.log.finish();
        let forfeit = |partition: &TopicPartition| {
            let forfeit = invariants.contract.forfeit(partition)?;
            Some(format!("the partition is forfeit since {}: {}", forfeit.since, forfeit.reason))
        };
        let consistency = self.consistency.finish().levels(forfeit, log.not_checkable());
        let recovery = self.recovery.finish();
        let (mut counts, faults) = self.coverage.finish();

        let mut findings = Findings::new(&invariants.contract, &invariants.cluster, config.shown);
        log.sightings(&mut |sighting| findings.add(sighting));
        for sighting in &recovery.stuck {
            findings.add(sighting.clone());
        }
        let mut others = std::mem::take(&mut invariants.findings);
        // What ended the run comes first of them.
        others.splice(..0, self.crash);
        let (findings, totals) = findings.finish(others);

        let records = log.counts();
        (counts.acknowledged, counts.read, counts.info_read) =
            (records.acknowledged, records.read, records.info_read);
        counts.under_load = records.under_load;
        (counts.lost, counts.lost_permitted) = totals.lost();

        let checkers = verdicts(config, &findings, &log, &recovery, &invariants);
        let mut inconclusive = self.reservations;
        if counts.acknowledged == 0 {
            inconclusive.push("nothing was acknowledged".into());
        }
        inconclusive.extend(never_bit(&faults));
        inconclusive.extend(unknowns(&checkers));

        let worst = recovery.availability.values().map(|partition| partition.worst_gap).max();
        let mut verdict = RunVerdict {
            outcome: RunOutcome::Pass,
            checkers,
            findings,
            expectations: Vec::new(),
            inconclusive,
            counts,
            availability: recovery.availability,
            consistency,
            worst_unavailability: worst.unwrap_or(Duration::ZERO),
            recovery: recovery.recovery,
        };
        verdict.expectations = expectations::evaluate(&config.expect, &verdict, &totals, &recovery.lately);
        verdict.outcome = outcome(config, &verdict);
        verdict
    }
}

/// The run ended with this mark: nothing after it can be judged, and what is known of it is its note.
fn crash(mark: &Mark) -> Finding {
    let what = mark.note.as_deref().unwrap_or("a node ended by itself");
    Finding {
        anomaly: Anomaly::Crashed,
        severity: Severity::Violation,
        partition: None,
        what: format!("{what}, at {}, and no fault excuses it", mark.time),
        count: 1,
        secondary: false,
        fates: BTreeMap::new(),
        evidence: vec![Evidence { time: mark.time, ..Evidence::default() }],
    }
}

/// What each checker says, by the name of its anomaly.
fn verdicts(
    config: &JudgeConfig,
    findings: &[Finding],
    log: &LogReport,
    recovery: &RecoveryReport,
    invariants: &InvariantReport,
) -> BTreeMap<&'static str, Verdict> {
    let unread = unread(config, log);
    let verdict = |anomaly: &Anomaly| {
        let mut found = findings.iter().filter(|finding| finding.anomaly == *anomaly).peekable();
        let any = found.peek().is_some();
        let unknown = match anomaly {
            Anomaly::Stuck => recovery.unknown.as_deref(),
            Anomaly::Unseen | Anomaly::LostWrite | Anomaly::ReadThenLost => {
                log.not_checkable().or(unread.as_deref())
            }
            Anomaly::TornTxn if log.has_transactions() => log.not_checkable().or(unread.as_deref()),
            invariant if invariant.is_invariant() => None,
            _ => log.not_checkable(),
        };
        let verdict = match unknown {
            _ if found.any(Finding::is_violation) => Verdict::Violation,
            Some(reason) => Verdict::Unknown(reason.to_owned()),
            None if any => Verdict::Permitted,
            None => Verdict::Pass,
        };
        (anomaly.name(), verdict)
    };
    // A system is not judged by what it does not tell of itself.
    let judged = |anomaly: &&Anomaly| {
        if anomaly.is_invariant() { invariants.judges(**anomaly) } else { log.judges(**anomaly) }
    };
    Anomaly::ALL.iter().filter(judged).map(verdict).collect()
}

/// Why it cannot be said what was lost. Partitions that are expected to be unavailable are exempt.
fn unread(config: &JudgeConfig, log: &LogReport) -> Option<String> {
    let exempt = |partition: &TopicPartition| config.expect.unavailable.contains(partition);
    let mut unread = log.without_final_read().filter(|(partition, _)| !exempt(partition));
    unread.next().map(|(partition, reason)| format!("{partition}: {reason}"))
}

/// The entries of the scenario that never bit, and had to.
fn never_bit(faults: &FaultLog) -> Vec<String> {
    let mut entries: BTreeMap<u32, (bool, String)> = BTreeMap::new();
    for record in faults.records() {
        let (bit, _) = entries.entry(record.occurrence.entry).or_insert_with(|| {
            let (line, kind) = (record.yaml.line, &record.kind);
            (false, format!("the fault {kind} of line {line} never bit"))
        });
        *bit |= record.effect.bit || record.may_miss;
    }
    entries.into_values().filter(|(bit, _)| !bit).map(|(_, what)| what).collect()
}

/// What checkers could not look at; each reason once.
fn unknowns(checkers: &BTreeMap<&'static str, Verdict>) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, verdict) in checkers {
        if let Verdict::Unknown(reason) = verdict {
            by_reason.entry(reason).or_default().push(name);
        }
    }
    by_reason.into_iter().map(|(reason, names)| format!("{} unknown: {reason}", names.join(", "))).collect()
}

fn outcome(config: &JudgeConfig, verdict: &RunVerdict) -> RunOutcome {
    let red =
        |finding: &Finding| finding.is_violation() && !config.expect.violation.contains(&finding.anomaly);
    if verdict.findings.iter().any(red) {
        RunOutcome::Violation
    } else if verdict.expectations.iter().any(|expected| expected.every_seed && !expected.met) {
        RunOutcome::ExpectationMissed
    } else if !verdict.inconclusive.is_empty() {
        RunOutcome::Inconclusive
    } else {
        RunOutcome::Pass
    }
}

#[cfg(test)]
mod tests;
