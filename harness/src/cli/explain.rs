//! `highwater explain`: what happened in a run that was kept, in sentences.

use std::io::stdout;

use highwater_checkers::ids::{Offset, TopicPartition};
use highwater_reports::explain::{self, Explanation, Told};
use highwater_reports::style::{Paint, Style};

use super::args::{ExplainArgs, Format};
use super::error::CliError;
use super::exit::Exit;
use super::{Subject, kept, say, variable};

pub(super) fn explain(args: &ExplainArgs, subject: &Subject) -> Result<Exit, CliError> {
    let record = args.record.as_deref().map(record).transpose()?;
    let kept = kept::read(&args.run, &subject.vocabulary)?;
    let explanation = match record {
        None => explain::explain(&kept.recording, &kept.summary),
        Some((partition, offset)) => {
            let told = explain::explain_record(&kept.recording, &kept.summary, &partition, offset);
            told.ok_or_else(|| CliError::Usage {
                message: format!("nobody in this run tells of a record at {partition}@{offset}"),
                help: Some("`highwater explain` without `--record` names those that were lost".to_owned()),
            })?
        }
    };
    match args.format {
        Format::Json => say(&explanation.json())?,
        Format::Human => {
            let style = Style::for_stream(args.output.color(), &stdout(), variable);
            for line in lines(&explanation, style) {
                say(&line)?;
            }
        }
    }
    Ok(Exit::Success)
}

/// The record that a word on the command line means.
fn record(word: &str) -> Result<(TopicPartition, Offset), CliError> {
    let parts = word.rsplit_once('@').and_then(|(partition, offset)| {
        let offset: i64 = offset.parse().ok().filter(|offset| *offset >= 0)?;
        Some((partition.parse().ok()?, Offset(offset)))
    });
    parts.ok_or_else(|| CliError::Usage {
        message: format!("`{word}` is no record"),
        help: Some("write it as topic/partition@offset, like orders/0@81".to_owned()),
    })
}

/// The sentence first, then the story, a time and a sentence a line.
fn lines(explanation: &Explanation, style: Style) -> Vec<String> {
    let mut lines = vec![style.paint(Paint::Strong, format!("{}.", explanation.sentence))];
    lines.extend(explanation.story.iter().map(|Told { time, text }| match time {
        Some(time) => format!("{:>12}  {text}", time.to_string()),
        None => style.paint(Paint::Faint, text),
    }));
    lines
}
