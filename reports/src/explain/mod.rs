//! What happened in a run, in sentences: one that says it all, and the story behind it.
//!
//! [`explain`] takes the finding that a report tells first, finds the record that it is about, and folds the life of
//! that record from the recording: who appended it, who acknowledged it, who lost it and why. From there it goes back
//! to the faults: no fault is named that the chain does not lead to. [`explain_record`] tells the life of any record.

mod causes;
mod life;
mod sentence;
mod story;
mod subject;
mod words;

use highwater_checkers::ids::{Offset, OperationIndex, Time, TopicPartition};
use highwater_checkers::recording::Recording;
use highwater_checkers::verdict::Finding;
use serde::Serialize;

use crate::narrate::counted;
use crate::style::plain;
use crate::summary::RunSummary;
use causes::Faults;
use life::{Life, Record};
use sentence::Scene;
use story::Around;

/// So many records are told of, the rest is counted.
const RECORDS_MAX: usize = 3;

/// What happened, in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence without its full stop: which record was lost or wrongly read, when, and because of which fault.
    pub sentence: String,
    /// How it came to that, in the order of time.
    pub story: Vec<Told>,
    /// The record that it is about, if it is about one.
    pub record: Option<(TopicPartition, Offset)>,
    /// The operations that show it, the telling ones first.
    pub operations: Vec<OperationIndex>,
}

/// One sentence of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When it was; none for what is true of the whole run.
    pub time: Option<Time>,
    /// What happened.
    pub text: String,
}

impl Explanation {
    /// As one line of JSON: `sentence`, `record`, `operations`, and the `story` with the time of each sentence.
    pub fn json(&self) -> String {
        let line = Line {
            event: "run-explained",
            sentence: &self.sentence,
            record: self.record.as_ref().map(|(partition, offset)| format!("{partition}@{offset}")),
            operations: &self.operations,
            story: self.story.iter().map(|Told { time, text }| ToldLine { time_ns: *time, text }).collect(),
        };
        serde_json::to_string(&line).expect("the format has text keys alone, and no failing parts")
    }
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    sentence: &'a str,
    record: Option<String>,
    operations: &'a [OperationIndex],
    story: Vec<ToldLine<'a>>,
}

#[derive(Serialize)]
struct ToldLine<'a> {
    time_ns: Option<Time>,
    text: &'a str,
}

/// Explains a run by what went wrong in it first, or by what it shows where nothing did.
pub fn explain(recording: &Recording, summary: &RunSummary) -> Explanation {
    let faults = Faults::of(recording);
    let mut explanation = match subject::finding(summary) {
        Some(finding) => of_finding(recording, summary, finding, &faults),
        None => Explanation {
            sentence: as_expected(summary),
            story: story::of_faults(&faults, &summary.source),
            record: None,
            operations: Vec::new(),
        },
    };
    // What a run fails by comes before what it may show.
    if summary.first_violation().is_none()
        && let Some(failure) = summary.failure()
    {
        explanation.sentence = failure;
    }
    made_plain(explanation)
}

/// Tells the life of one record, whatever became of it; none if nobody ever told anything of that offset.
///
/// Where several records lay at the offset one after the other, all of their lives are told, and the sentence is
/// about the first.
pub fn explain_record(
    recording: &Recording,
    summary: &RunSummary,
    partition: &TopicPartition,
    offset: Offset,
) -> Option<Explanation> {
    let faults = Faults::of(recording);
    let values = subject::values_at(recording, partition, offset, Time(u64::MAX));
    let values = if values.is_empty() { vec![None] } else { values.into_iter().map(Some).collect() };
    let of = |value| Life::of(recording, &Record { partition: partition.clone(), offset, value });
    let lives: Vec<Life> = values.into_iter().map(of).filter(Life::is_told).collect();
    let first = lives.first()?;
    let stories =
        lives.iter().flat_map(|life| story::of_life(life, Around::Everything, &faults, &summary.source));
    Some(made_plain(Explanation {
        sentence: sentence::of_record(first, &faults),
        story: stories.collect(),
        record: Some((partition.clone(), offset)),
        operations: subject::witnesses(None, lives.iter().flat_map(operations)),
    }))
}

fn as_expected(summary: &RunSummary) -> String {
    let counts = summary.verdict().map(|verdict| verdict.counts).unwrap_or_default();
    let faults = counted(counts.faults_injected, "fault");
    format!(
        "as expected: {} acknowledged under {faults}, and none lost",
        counted(counts.acknowledged, "record")
    )
}

fn of_finding(
    recording: &Recording,
    summary: &RunSummary,
    finding: &Finding,
    faults: &Faults,
) -> Explanation {
    let mut records: Vec<Record> = Vec::new();
    for evidence in &finding.evidence {
        let record = subject::record(recording, finding, evidence).filter(|record| !records.contains(record));
        records.extend(record);
        if records.len() == RECORDS_MAX {
            break;
        }
    }
    let lives: Vec<Life> = records.iter().map(|record| Life::of(recording, record)).collect();
    let record = lives.first().map(|life| (life.record.partition.clone(), life.record.offset));
    let course = match (&finding.partition, lives.as_slice()) {
        (Some(partition), []) => Some(Life::of_partition(recording, partition)),
        _ => None,
    };
    let scene = Scene {
        recording,
        finding,
        evidence: finding.evidence.first(),
        life: lives.first().or(course.as_ref()),
        is_of_record: record.is_some(),
        faults,
        is_expected: summary.expected.contains(finding.anomaly.name()),
    };
    let story = story::of_finding(&scene, &lives, summary);
    let life_operations = lives.first().map(operations).unwrap_or_default();
    let operations = subject::witnesses(finding.evidence.first(), life_operations);
    Explanation { sentence: scene.sentence(), story, record, operations }
}

fn operations(life: &Life) -> Vec<OperationIndex> {
    let sent = life.sent().map(|(_, _, operation)| operation);
    let acknowledged = life.acknowledged().map(|(_, operation)| operation);
    let read = life.read().map(|(_, operation)| operation);
    sent.into_iter().chain(acknowledged).chain(read).collect()
}

/// Names and messages come from files that others wrote.
fn made_plain(mut explanation: Explanation) -> Explanation {
    explanation.sentence = plain(&explanation.sentence).into_owned();
    for told in &mut explanation.story {
        told.text = plain(&told.text).into_owned();
    }
    explanation
}

#[cfg(test)]
mod tests;
