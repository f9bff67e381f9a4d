//! From sightings of anomalies to findings: those of one kind in one partition together, with examples.

use std::collections::BTreeMap;

use super::super::Options;
use super::super::report::{Cited, Example, Finding, Place};
use super::operations::LogOperations;
use crate::history::{Actor, Span};
use crate::ids::TopicPartition;
use crate::log::{Legal, Sighting};
use crate::verdict::Anomaly;

/// The findings, while they are gathered: violations first.
pub(super) struct Findings<'a, 'h> {
    log: &'a LogOperations<'h>,
    spans: &'a [Span],
    examples_max: usize,
    found: BTreeMap<(Option<Legal>, Anomaly, TopicPartition), Finding>,
}

impl<'a, 'h> Findings<'a, 'h> {
    pub(super) fn new(log: &'a LogOperations<'h>, spans: &'a [Span], options: &Options) -> Self {
        let examples_max = if options.every_example { usize::MAX } else { Finding::EXAMPLES_MAX };
        Self { log, spans, examples_max, found: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, sighting: &Sighting) {
        let Self { log, spans, .. } = self;
        let key = (sighting.legal, sighting.anomaly, sighting.partition.clone());
        let example = || {
            let mut named: Vec<u32> = Vec::new();
            for index in &sighting.evidence.operations {
                named.extend(log.span_of(*index).filter(|span| !named.contains(span)));
            }
            let cited = named.iter().filter_map(|span| spans.get(*span as usize));
            Example {
                what: sighting.sentence_with(*log),
                operations: cited.map(|span| cite(log, span)).collect(),
            }
        };
        match self.found.get_mut(&key) {
            None => {
                let Example { mut what, operations } = example();
                if let Some(legal) = sighting.legal {
                    what = format!("{what}; legal: {}", legal.reason());
                }
                if sighting.follows_from_order() {
                    what.push_str("; secondary, since the partition's offsets contradict each other");
                }
                let key_of = log.key(&sighting.partition).cloned();
                let kind = sighting.anomaly.name();
                let finding =
                    Finding { kind, what, key: key_of, operations, stuck: None, count: 1, more: Vec::new() };
                self.found.insert(key, finding);
            }
            Some(finding) => {
                finding.count += 1;
                if finding.more.len() + 1 < self.examples_max {
                    finding.more.push(example());
                }
            }
        }
    }

    /// The violations, and what is legal.
    pub(super) fn finish(self) -> (Vec<Finding>, Vec<Finding>) {
        let (mut violations, mut legal) = (Vec::new(), Vec::new());
        for ((why, _, _), finding) in self.found {
            if why.is_none() { &mut violations } else { &mut legal }.push(finding);
        }
        (violations, legal)
    }
}

/// An operation of the history, with what came back.
pub(super) fn cite(log: &LogOperations<'_>, span: &Span) -> Cited {
    let invocation = &log.events[span.invocation];
    let completion = span.completion.map(|completion| &log.events[completion]);
    Cited {
        process: match invocation.process {
            Actor::Process(process) => process,
            Actor::Named(_) => -1,
        },
        what: completion.unwrap_or(invocation).brief(),
        invocation: Place::of(invocation),
        completion: completion.map(Place::of),
    }
}
