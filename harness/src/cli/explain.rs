//! `highwater explain`: what happened in a run that was kept, in sentences.

use std::io::stdout;

use highwater_reports::explain::{self, Explanation, Told};
use highwater_reports::style::{Paint, Style};
use serde::Serialize;

use super::args::{ExplainArgs, Format};
use super::error::CliError;
use super::exit::Exit;
use super::{Subject, kept, say, variable};

pub(super) fn explain(args: &ExplainArgs, subject: &Subject) -> Result<Exit, CliError> {
    let kept = kept::read(&args.run, &subject.vocabulary)?;
    let explanation = explain::explain(&kept.recording, &kept.summary);
    match args.format {
        Format::Human => {
            let style = Style::for_stream(args.output.color(), &stdout(), variable);
            say(&style.paint(Paint::Strong, format!("{}.", explanation.sentence)))?;
            for Told { time, text } in &explanation.story {
                let time = time.map_or_else(String::new, |time| time.to_string());
                say(&format!("{time:>12}  {text}"))?;
            }
        }
        Format::Json => {
            let _ = &explanation;
        }
    }
    Ok(Exit::Success)
}
