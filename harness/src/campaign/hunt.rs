//! The hunt for mutants: each is switched on, and looked for at one seed after the other until it is caught.
//!
//! Caught is a mutant at a scenario and seed where it shows a violation that the system as it should be does not
//! show there: both are run, and compared by what was found in which partition. What a configuration permits to
//! be lost is no violation, with a mutant or without.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use highwater_checkers::ids::TopicPartition;
use highwater_checkers::judge::Shown;
use highwater_checkers::verdict::{Anomaly, Finding};
use highwater_reports::Outcome;
use highwater_workloads::Scenario;

use super::thread::{Execute, Failure, alone};
use super::{Stop, artifacts};
use crate::run::{RunError, RunResult, RunSpec};

/// A scenario in which mutants are looked for.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The scenario, without the mutant.
    pub scenario: Arc<Scenario>,
    /// Its YAML text.
    pub source: Arc<str>,
    /// Its file, or its embedded name: what the command line takes again.
    pub source_name: Arc<str>,
}

/// A mutant and where it is looked for.
#[derive(Clone, Debug)]
pub struct Quarry {
    /// The mutant's name.
    pub mutant: String,
    /// The scenarios. At each seed all of them are tried, in this order.
    pub grounds: Vec<Ground>,
}

/// How a hunt is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seeds.
    pub seeds: Range<u64>,
    /// How many mutants are looked for at a time.
    pub jobs: NonZeroUsize,
    /// The folder for recordings while they are needed; none stays.
    pub artifacts: PathBuf,
}

/// What a violation is known by: its name, and the partition that it is about.
pub type Sighting = (Anomaly, Option<TopicPartition>);

/// What became of a mutant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunted {
    /// Where it was caught, if it was.
    pub caught: Option<Catch>,
    /// Whether the hunt was stopped before its end: that it was not caught says nothing then.
    pub stopped: bool,
    /// How many runs there were with the mutant.
    pub runs: u64,
    /// How many of them ended without a verdict: the world failed, or a client panicked.
    pub failures: u64,
    /// What the first of those said.
    pub first_failure: Option<String>,
}

/// Where a mutant was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catch {
    /// The scenario, as the command line takes it again.
    pub source_name: Arc<str>,
    /// The seed.
    pub seed: u64,
    /// How many seeds it took.
    pub seeds_needed: u64,
    /// The violations that the system as it should be does not show.
    pub sightings: BTreeSet<Sighting>,
}

/// Hunts every mutant, several at a time, and tells what became of each as soon as it is known, with its place in
/// the list. What comes of it does not depend on how many are hunted at a time.
///
/// # Errors
/// If a recording cannot be kept, or a run of the system as it should be fails.
pub fn hunt(
    quarries: &[Quarry],
    options: &Options,
    stop: &Stop,
    execute: &Execute,
    tell: &mut dyn FnMut(usize, &Hunted),
) -> Result<Vec<Hunted>, Failure> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<Failure>> = Mutex::default();
    let (sender, receiver) = sync_channel(options.jobs.get());
    let mut hunted = vec![Hunted { stopped: true, ..Hunted::default() }; quarries.len()];
    thread::scope(|scope| {
        for _ in 0..options.jobs.get().min(quarries.len()) {
            let (sender, next, failed) = (sender.clone(), &next, &failed);
            scope.spawn(move || {
                let has_failed = || failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
                while stop.reason().is_none() && !has_failed() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(quarry) = quarries.get(index) else { return };
                    let hunter = Hunter { quarry, options, stop, execute };
                    match hunter.hunt() {
                        Ok(hunted) => drop(sender.send((index, hunted))),
                        Err(failure) => {
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
                        }
                    }
                }
            });
        }
        drop(sender);
        for (index, of_one) in &receiver {
            tell(index, &of_one);
            hunted[index] = of_one;
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(hunted), Err)
}

/// Hunts one mutant.
struct Hunter<'a> {
    quarry: &'a Quarry,
    options: &'a Options,
    stop: &'a Stop,
    execute: &'a Execute,
}

impl Hunter<'_> {
    fn hunt(&self) -> Result<Hunted, Failure> {
        let mut hunted = Hunted::default();
        for (tried, seed) in (0..).zip(self.options.seeds.clone()) {
            for ground in &self.quarry.grounds {
                let sightings = match self.run(ground, seed, true) {
                    Ok(result) if result.interrupted => {
                        return Ok(Hunted { stopped: true, ..hunted });
                    }
                    Ok(result) => violations(&result.verdict.findings),
                    Err(failure) if failure.outcome() == Outcome::Unwritable => return Err(failure),
                    Err(failure) => {
                        hunted.failures += 1;
                        hunted.first_failure.get_or_insert(failure.message());
                        BTreeSet::new()
                    }
                };
                hunted.runs += 1;
                if sightings.is_empty() {
                    continue;
                }
                let correct = self.run(ground, seed, false)?;
                if correct.interrupted {
                    return Ok(Hunted { stopped: true, ..hunted });
                }
                let shown_anyway = violations(&correct.verdict.findings);
                let sightings: BTreeSet<_> = sightings.difference(&shown_anyway).cloned().collect();
                if !sightings.is_empty() {
                    let source_name = ground.source_name.clone();
                    hunted.caught = Some(Catch { source_name, seed, seeds_needed: tried + 1, sightings });
                    return Ok(hunted);
                }
            }
        }
        Ok(hunted)
    }

    /// Runs a scenario with the mutant, or without.
    fn run(&self, ground: &Ground, seed: u64, mutated: bool) -> Result<RunResult, Failure> {
        let mut scenario = Scenario::clone(&ground.scenario);
        if mutated {
            scenario.cluster.mutants.insert(self.quarry.mutant.clone());
        }
        let root = self.options.artifacts.join("mutants").join(&self.quarry.mutant);
        let folder = artifacts::folder(&root, &scenario.name, seed);
        let spec = RunSpec {
            scenario: Arc::new(scenario),
            source: ground.source.clone(),
            source_name: ground.source_name.clone(),
            seed,
            folder: folder.clone(),
            stop: self.stop.flag(),
            until: None,
            stop_at_violation: false,
            shown: Shown::First,
            progress: None,
        };
        let result = alone(spec, self.execute);
        let discarded = artifacts::discard(&folder);
        artifacts::tidy(&root, [ground.scenario.name.as_str()].into_iter());
        artifacts::tidy(&self.options.artifacts, ["mutants"].into_iter());
        discarded.map_err(|source| Failure::Run(RunError::Io { path: folder, source }))?;
        result
    }
}

fn violations(findings: &[Finding]) -> BTreeSet<Sighting> {
    let violations = findings.iter().filter(|finding| finding.is_violation());
    violations.map(|finding| (finding.anomaly, finding.partition.clone())).collect()
}

/// The median of how many seeds it took to catch those that were caught; of an even number of them the mean of
/// the two in the middle.
pub fn median_seeds(hunted: &[Hunted]) -> Option<f64> {
    let caught = hunted.iter().filter_map(|hunted| hunted.caught.as_ref());
    let mut needed: Vec<u64> = caught.map(|caught| caught.seeds_needed).collect();
    needed.sort_unstable();
    let (low, high) = (needed.get(needed.len().checked_sub(1)? / 2)?, needed.get(needed.len() / 2)?);
    Some((*low as f64 + *high as f64) / 2.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use highwater_checkers::judge::{JudgeConfig, judge};
    use highwater_checkers::recording::{Ending, Header, Recording};
    use highwater_checkers::verdict::Severity;
    use highwater_workloads::{scenario, suites};

    use super::*;
    use crate::run::Measures;
    use crate::system::System;
    use crate::system::kafka::KafkaReference;

    const MUTANT: &str = "ack-before-hw";

    fn ground(suite: &str) -> Ground {
        let source = suites::find(suite).expect("it is shipped");
        let scenario = scenario::parse(suite, source, &KafkaReference.vocabulary()).expect("it is valid");
        Ground { scenario: Arc::new(scenario), source: source.into(), source_name: suite.into() }
    }

    fn quarry(mutant: &str, suites: &[&str]) -> Quarry {
        Quarry { mutant: mutant.into(), grounds: suites.iter().map(|suite| ground(suite)).collect() }
    }

    /// Violations, by whether the mutant is on, the scenario and the seed.
    type Script = BTreeMap<(bool, &'static str, u64), Vec<(Anomaly, i32)>>;

    fn finding(anomaly: Anomaly, partition: i32, severity: Severity) -> Finding {
        Finding {
            anomaly,
            severity,
            partition: Some(TopicPartition::new("orders", partition)),
            what: "found".into(),
            count: 1,
            secondary: false,
            evidence: Vec::new(),
            fates: BTreeMap::new(),
        }
    }

    /// Finds what the script says, and everywhere something that is permitted.
    fn execute(script: Script) -> Execute {
        Arc::new(move |spec: &RunSpec| {
            let mutated = spec.scenario.cluster.mutants.contains(MUTANT);
            let header = Header {
                version: 1,
                scenario: spec.scenario.name.clone(),
                scenario_hash: String::new(),
                seed: spec.seed,
                build: String::new(),
                plan: serde_json::Value::Null,
            };
            let recording = Recording { header, events: Vec::new(), ending: Ending::Incomplete { line: 2 } };
            let mut verdict = judge(&recording, &JudgeConfig::default());
            let name = spec.scenario.name.as_str();
            let scripted = script
                .iter()
                .find(|((on, suite, seed), _)| (*on, *suite, *seed) == (mutated, name, spec.seed));
            let found = scripted.map(|(_, found)| found.clone()).unwrap_or_default();
            verdict.findings = found.into_iter().map(|(a, p)| finding(a, p, Severity::Violation)).collect();
            let permitted = Severity::Permitted("for the test".into());
            verdict.findings.push(finding(Anomaly::LostWrite, 9, permitted));
            Ok(RunResult {
                folder: spec.folder.clone(),
                recording,
                verdict,
                hash: None,
                measures: Measures::default(),
                interrupted: false,
            })
        })
    }

    fn hunted(quarries: &[Quarry], script: Script) -> Vec<Hunted> {
        let folder = tempfile::tempdir().expect("a folder");
        let jobs = NonZeroUsize::new(2).expect("two");
        let options = Options { seeds: 3..9, jobs, artifacts: folder.path().join("artifacts") };
        let hunted = hunt(quarries, &options, &Stop::default(), &execute(script), &mut |_, _| {});
        assert!(!options.artifacts.exists(), "no recording stays");
        hunted.expect("every run has a result")
    }

    fn catch(suite: &str, seed: u64, seeds_needed: u64, sightings: &[(Anomaly, i32)]) -> Catch {
        let sighting = |(anomaly, partition): &(Anomaly, i32)| {
            (*anomaly, Some(TopicPartition::new("orders", *partition)))
        };
        let sightings = sightings.iter().map(sighting).collect();
        Catch { source_name: suite.into(), seed, seeds_needed, sightings }
    }

    #[test]
    fn a_mutant_is_caught_at_the_first_seed_that_shows_more_with_it_than_without() {
        let script: Script = [
            // The same is shown without it, at the first seed; one more of it in another partition at the third.
            ((true, "quick", 3), vec![(Anomaly::Unseen, 0)]),
            ((false, "quick", 3), vec![(Anomaly::Unseen, 0)]),
            ((true, "baseline", 5), vec![(Anomaly::Unseen, 0), (Anomaly::Unseen, 1)]),
            ((false, "baseline", 5), vec![(Anomaly::Unseen, 0), (Anomaly::Phantom, 1)]),
        ]
        .into();
        let hunted = hunted(&[quarry(MUTANT, &["quick", "baseline"])], script);
        assert_eq!(hunted[0].caught, Some(catch("baseline", 5, 3, &[(Anomaly::Unseen, 1)])));
        assert_eq!((hunted[0].runs, hunted[0].stopped), (6, false));
    }

    #[test]
    fn what_is_never_shown_or_only_permitted_survives() {
        let script: Script = [((true, "quick", 4), vec![(Anomaly::Unseen, 0)])].into();
        let hunted = hunted(&[quarry("crc-skip", &["quick"]), quarry(MUTANT, &["quick"])], script);
        assert_eq!(hunted[0], Hunted { runs: 6, ..Hunted::default() });
        assert_eq!(hunted[1].caught, Some(catch("quick", 4, 2, &[(Anomaly::Unseen, 0)])));
        assert_eq!(median_seeds(&hunted), Some(2.0));
        assert_eq!(median_seeds(&hunted[..1]), None);
    }

    #[test]
    fn a_run_that_fails_catches_nothing_and_one_of_the_right_system_ends_the_hunt() {
        let fails = |mutated: bool| -> Execute {
            Arc::new(move |spec: &RunSpec| {
                let on = !spec.scenario.cluster.mutants.is_empty();
                if on == mutated {
                    return Err(RunError::Vocabulary("broken".into()));
                }
                execute([((true, "quick", 3), vec![(Anomaly::Unseen, 0)])].into())(spec)
            })
        };
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options { seeds: 3..5, jobs: NonZeroUsize::MIN, artifacts: folder.path().into() };
        let quarries = [quarry(MUTANT, &["quick"])];
        let go = |execute: Execute| hunt(&quarries, &options, &Stop::default(), &execute, &mut |_, _| {});
        let hunted = go(fails(true)).expect("that of the mutant is told");
        let expected =
            Hunted { runs: 2, failures: 2, first_failure: Some("broken".into()), ..Hunted::default() };
        assert_eq!(hunted, [expected]);
        assert!(go(fails(false)).is_err());
    }

    #[test]
    fn the_median_is_that_of_the_caught() {
        let caught = |needed: &[u64]| {
            let of_one =
                |needed: &u64| Hunted { caught: Some(catch("quick", 0, *needed, &[])), ..Hunted::default() };
            median_seeds(&needed.iter().map(of_one).collect::<Vec<_>>())
        };
        assert_eq!(caught(&[9, 1, 4]), Some(4.0));
        assert_eq!(caught(&[9, 1, 4, 6]), Some(5.0));
    }
}
