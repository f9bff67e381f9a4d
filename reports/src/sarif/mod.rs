//! SARIF 2.1.0, as code hosts show findings beside the lines of a repository: rule = kind of violation, location = the
//! scenario's line, code flow = what led to it.
//!
//! What has the same scenario, kind and partition is one result, with a count: seeds that show one defect are one
//! alert, not a thousand.

mod flow;
mod format;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_checkers::ids::TopicPartition;
use highwater_checkers::recording::TraceHash;
use highwater_checkers::verdict::Finding;

use crate::event::{Event, Sink, SinkError};
use crate::file::Target;
use crate::location::Root;
use crate::narrate::{counted, grouped};
use crate::style::shortened;
use crate::summary::{Conclusion, Outcome, RunEnding, RunSummary, ScenarioSummary};
use format::{Driver, Invocation, Level, Location, Log, Notification, Properties, Run, Text, Tool};
use rules::{Kind, PROJECT, rules};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// GitHub shows so many results of a run; a file with 25,000 it refuses.
const RESULTS_MAX: usize = 5_000;
/// GitHub refuses files that are larger when compressed; uncompressed there is less doubt.
const BYTES_MAX: usize = 10_000_000;
/// What is left of that for all that is no result.
const FRAME_BYTES_MAX: usize = 1_000_000;
/// So many failures of highwater itself are told.
const NOTIFICATIONS_MAX: usize = 100;
/// GitHub shows so many characters of a rule's texts; a message of more is none that anybody reads.
const TEXT_MAX: usize = 1_000;
/// So many seeds are named of a result.
const SEEDS_MAX: usize = 10;

/// Which runs show the same: what a fingerprint stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    scenario: Arc<str>,
    kind: Kind,
    partition: Option<TopicPartition>,
}

impl Key {
    /// Equal wherever and whenever the same is found. Until plans are shrunk nothing tells defects better apart.
    fn fingerprint(&self) -> String {
        let partition = self.partition.as_ref().map(ToString::to_string).unwrap_or_default();
        let hash = TraceHash::default()
            .with(self.scenario.as_bytes())
            .with(self.kind.id().as_bytes())
            .with(partition.as_bytes());
        hash.to_string()
    }
}

/// Writes the report when the campaign is over.
pub struct Sarif {
    target: Target,
    root: Root,
    /// In the order in which they were first seen.
    results: Vec<(Key, format::Outcome)>,
    places: BTreeMap<Key, usize>,
    /// Results for which there is no room.
    left_out: u64,
    notifications: Vec<Notification>,
    failed: u64,
}

impl Sarif {
    /// A report that will be written to `target`, with paths from `root`.
    pub fn new(target: Target, root: Root) -> Self {
        Self {
            target,
            root,
            results: Vec::new(),
            places: BTreeMap::new(),
            left_out: 0,
            notifications: Vec::new(),
            failed: 0,
        }
    }

    fn run(&mut self, run: &RunSummary) {
        if run.is_cut_short() {
            return;
        }
        let verdict = match &run.ending {
            RunEnding::Judged(verdict) => verdict,
            RunEnding::Failed { message, .. } => {
                self.failed += 1;
                if self.notifications.len() < NOTIFICATIONS_MAX {
                    let message = text(&format!("{}: {message}", run.id));
                    self.notifications.push(Notification { level: Level::Error, message });
                }
                return;
            }
        };
        let mut found = false;
        for finding in run.violations() {
            found = true;
            let key = Key {
                scenario: run.id.scenario.clone(),
                kind: Kind::Anomaly(finding.anomaly),
                partition: finding.partition.clone(),
            };
            self.add(key, run, &finding.what, Some(finding));
        }
        let outcome = Outcome::from(verdict.outcome);
        if outcome == Outcome::Nondeterministic || (!found && outcome != Outcome::Pass) {
            let key = Key { scenario: run.id.scenario.clone(), kind: Kind::Run(outcome), partition: None };
            self.add(key, run, &run.failure().unwrap_or_default(), None);
        }
    }

    fn add(&mut self, key: Key, run: &RunSummary, what: &str, finding: Option<&Finding>) {
        if let Some(place) = self.places.get(&key) {
            let (_, result) = &mut self.results[*place];
            result.occurrence_count += 1;
            if result.properties.seeds.len() < SEEDS_MAX {
                result.properties.seeds.push(run.id.seed);
            }
            return;
        }
        if self.results.len() == RESULTS_MAX {
            self.left_out += 1;
            return;
        }
        let uri = self.root.uri(&run.source);
        let place = flow::place(&uri, flow::nearest(run, finding));
        let logical_locations = flow::partition(key.partition.as_ref());
        let result = format::Outcome {
            rule_id: key.kind.id(),
            rule_index: 0,
            level: if finding.is_some_and(|it| it.secondary) { Level::Warning } else { key.kind.level() },
            message: text(what),
            locations: [Location { physical_location: place, logical_locations, message: None }],
            code_flows: flow::flow(run, finding, &uri),
            partial_fingerprints: fingerprints(&key),
            occurrence_count: 1,
            properties: Properties { seeds: vec![run.id.seed], reproduce: short(&run.reproduce) },
        };
        self.places.insert(key.clone(), self.results.len());
        self.results.push((key, result));
    }

    fn scenario(&mut self, scenario: &ScenarioSummary) {
        if scenario.missed.is_empty() {
            return;
        }
        let kind = Kind::Run(Outcome::ExpectationMissed);
        let key = Key { scenario: scenario.scenario.clone(), kind, partition: None };
        if self.places.contains_key(&key) {
            // Some run missed something as well, and told so.
            return;
        }
        if self.results.len() == RESULTS_MAX {
            self.left_out += 1;
            return;
        }
        let place = flow::place(&self.root.uri(&scenario.source), None);
        let runs = counted(scenario.runs(), "seed");
        let result = format::Outcome {
            rule_id: kind.id(),
            rule_index: 0,
            level: kind.level(),
            message: text(&format!("no run of {runs} shows {}", scenario.missed.join(", "))),
            locations: [Location { physical_location: place, logical_locations: None, message: None }],
            code_flows: None,
            partial_fingerprints: fingerprints(&key),
            occurrence_count: 1,
            properties: Properties { seeds: Vec::new(), reproduce: short(&scenario.reproduce()) },
        };
        self.places.insert(key.clone(), self.results.len());
        self.results.push((key, result));
    }

    fn render(&mut self, conclusion: Conclusion) -> String {
        let (rules, places) = rules(self.results.iter().map(|(key, _)| key.kind));
        let mut bytes = FRAME_BYTES_MAX;
        let mut results = Vec::new();
        for (_, mut result) in self.results.drain(..) {
            result.rule_index = places[result.rule_id];
            if result.occurrence_count > 1 {
                let runs = grouped(result.occurrence_count);
                result.message.text += &format!(" (the first of {runs} runs)");
            }
            let reproduce = text(&format!("\nreproduce: {}", result.properties.reproduce));
            result.message.text += &reproduce.text;
            bytes += json(&result).len() + 1;
            if bytes > BYTES_MAX {
                self.left_out += 1;
            } else {
                results.push(result);
            }
        }
        let mut notifications = std::mem::take(&mut self.notifications);
        let mut cut = |count: u64, what: &str| {
            if count > 0 {
                let message = text(&format!("left out for GitHub's limits: {}", counted(count, what)));
                notifications.push(Notification { level: Level::Warning, message });
            }
        };
        cut(self.left_out, "finding");
        cut(self.failed.saturating_sub(NOTIFICATIONS_MAX as u64), "failed run");
        let successful = !matches!(
            conclusion,
            Conclusion::InternalError | Conclusion::Unwritable | Conclusion::NothingRan
        );
        json(&Log {
            schema: SCHEMA,
            version: "2.1.0",
            runs: [Run {
                tool: Tool {
                    driver: Driver {
                        name: "highwater",
                        information_uri: PROJECT,
                        semantic_version: env!("CARGO_PKG_VERSION"),
                        rules,
                    },
                },
                invocations: [Invocation {
                    execution_successful: successful,
                    tool_execution_notifications: notifications,
                }],
                column_kind: "unicodeCodePoints",
                results,
            }],
        })
    }
}

/// GitHub goes by the fingerprint of its own name alone, and would make one from the line, which moves.
fn fingerprints(key: &Key) -> BTreeMap<&'static str, String> {
    let hash = key.fingerprint();
    [("primaryLocationLineHash", format!("{hash}:1")), ("scenarioKindPartition/v1", hash)].into()
}

/// A text as a message: what would be a link in it is none.
fn text(text: &str) -> Text {
    let mut escaped = String::new();
    for c in shortened(text, TEXT_MAX).chars() {
        if matches!(c, '\\' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Text { text: escaped }
}

fn short(text: &str) -> String {
    shortened(text, TEXT_MAX).into_owned()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("the format has text keys alone, and no failing parts")
}

impl Sink for Sarif {
    fn take(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::RunFinished(run) => self.run(run),
            Event::ScenarioFinished(scenario) => self.scenario(scenario),
            Event::CampaignFinished(campaign) => {
                let text = self.render(campaign.conclusion);
                return self.target.write(&text);
            }
            Event::CampaignStarted { .. }
            | Event::RunStarted(_)
            | Event::RunProgress { .. }
            | Event::RunEnded { .. } => {}
        }
        Ok(())
    }
}
