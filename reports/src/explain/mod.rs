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

use crate::style::plain;
use crate::summary::RunSummary;
use causes::Faults;
use life::{Life, Record};
use story::Around;

/// So many records are told of, the rest is counted.
const RECORDS_MAX: usize = 3;

/// What happened, in sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// When it was; none for what is true of the whole run.
    pub time: Option<Time>,
    /// What happened.
    pub text: String,
}

/// Explains a run by what went wrong in it first, or by what it shows where nothing did.
pub fn explain(recording: &Recording, summary: &RunSummary) -> Explanation {
    let faults = Faults::of(recording);
    let explanation = match subject::finding(summary) {
        Some(finding) => of_finding(recording, summary, finding, &faults),
        None => Explanation {
            sentence: summary.failure().unwrap_or_else(|| "as expected: nothing was lost, and nothing is broken".into()),
            story: Vec::new(),
            record: None,
            operations: Vec::new(),
        },
    };
    made_plain(explanation)
}

fn of_finding(recording: &Recording, summary: &RunSummary, finding: &Finding, faults: &Faults) -> Explanation {
    let records: Vec<Record> =
        finding.evidence.iter().filter_map(|it| subject::record(recording, finding, it)).take(RECORDS_MAX).collect();
    let lives: Vec<Life> = records.iter().map(|record| Life::of(recording, record)).collect();
    let mut story = Vec::new();
    for (index, life) in lives.iter().enumerate() {
        let around = if index == 0 { Around::Everything } else { Around::Nothing };
        story.extend(story::of_life(life, around, faults, &summary.source));
    }
    let sentence = match lives.first() {
        Some(life) if subject::is_loss(finding.anomaly) => {
            sentence::of_loss(life, finding.count.saturating_sub(1), faults)
        }
        _ => finding.what.trim_end_matches('.').to_owned(),
    };
    let life_operations = lives.first().map(operations).unwrap_or_default();
    Explanation {
        sentence,
        story,
        record: lives.first().map(|life| (life.record.partition.clone(), life.record.offset)),
        operations: subject::witnesses(finding.evidence.first(), life_operations),
    }
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
