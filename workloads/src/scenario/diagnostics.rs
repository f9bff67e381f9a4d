//! Mistakes in a scenario, each with its place in the file, and how they are shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a scenario's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The length, in characters; 0 where only the start is known.
    #[serde(skip)]
    pub length: u32,
}

impl Span {
    /// Its beginning alone.
    pub(crate) fn start(self) -> Self {
        Self { length: 0, ..self }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where it is.
    pub span: Span,
    /// What is wrong: a fragment in lower case.
    pub message: String,
    /// What to do about it, where that can be told.
    pub help: Option<String>,
}

/// Every mistake of one file, in the file's order; shown in the manner of rustc, without colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The file's name, as it was given.
    pub source_name: String,
    /// The mistakes, at most [`Diagnostics::SHOWN_MAX`] of them.
    pub entries: Vec<Diagnostic>,
    /// How many more there were.
    pub left_out: usize,
    /// For each entry the line that it points into.
    excerpts: Vec<Excerpt>,
}

impl std::error::Error for Diagnostics {}

impl Diagnostics {
    /// Of a file with more mistakes than this only the first are told.
    pub const SHOWN_MAX: usize = 50;

    /// Puts the mistakes of `source` in order and takes the lines that they point into.
    pub(crate) fn new(source_name: &str, source: &str, mut entries: Vec<Diagnostic>) -> Self {
        entries.sort();
        entries.dedup();
        let left_out = entries.len().saturating_sub(Self::SHOWN_MAX);
        entries.truncate(Self::SHOWN_MAX);
        let mut lines = source.lines().enumerate();
        let mut line = (0, "");
        let excerpts = entries
            .iter()
            .map(|entry| {
                // Entries and lines both ascend, so one pass over the source suffices.
                while line.0 < entry.span.line {
                    let Some((index, text)) = lines.next() else { break };
                    line = (index as u32 + 1, text);
                }
                let text = if line.0 == entry.span.line { line.1 } else { "" };
                Excerpt::new(text, entry.span)
            })
            .collect();
        Self { source_name: source_name.to_owned(), entries, left_out, excerpts }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (entry, excerpt) in self.entries.iter().zip(&self.excerpts) {
            let Span { line, column, .. } = entry.span;
            let number = line.to_string();
            let margin = " ".repeat(number.len());
            writeln!(f, "error: {}", entry.message)?;
            writeln!(f, "{margin}--> {}:{line}:{column}", self.source_name)?;
            writeln!(f, "{margin} |")?;
            writeln!(f, "{}", format!("{number} | {}", excerpt.text).trim_end())?;
            writeln!(f, "{margin} | {}{}", " ".repeat(excerpt.indent), "^".repeat(excerpt.carets))?;
            if let Some(help) = &entry.help {
                writeln!(f, "{margin} = help: {help}")?;
            }
            writeln!(f)?;
        }
        let total = self.entries.len() + self.left_out;
        write!(f, "{}: {total} mistake{}", self.source_name, if total == 1 { "" } else { "s" })?;
        if self.left_out > 0 {
            write!(f, ", the first {} shown", self.entries.len())?;
        }
        writeln!(f)
    }
}

/// The part of a source line that is shown, and where its carets stand.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    text: String,
    indent: usize,
    carets: usize,
}

impl Excerpt {
    /// How much of a longer line is shown, and how much of that before the carets, in characters.
    const WIDTH: usize = 120;
    const BEFORE: usize = 80;

    fn new(line: &str, span: Span) -> Self {
        let length = line.chars().count();
        let start = (span.column as usize).saturating_sub(1).min(length);
        let end = (start + (span.length as usize).max(1)).min(length.max(start + 1));
        let from = if length > Self::WIDTH { start.saturating_sub(Self::BEFORE) } else { 0 };
        // A tab or an escape sequence in the source must neither shift the carets nor reach a terminal.
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let text = line.chars().skip(from).take(Self::WIDTH).map(shown).collect();
        Self { text, indent: start - from, carets: (end - start).min(Self::WIDTH - Self::BEFORE) }
    }
}

/// What may have been meant: the candidate nearest to `word` by edit distance, if one is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short: a longer word is no misspelling of one, and would only cost time.
    if word.chars().count() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .min()
        // Of a name as short as `b1`, any other is a neighbour: that says nothing.
        .filter(|(distance, candidate)| *distance <= candidate.chars().count() / 3)
        .map(|(_, candidate)| candidate)
}

/// How many letters to insert, remove, replace or swap with their neighbour (optimal string alignment).
fn edit_distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    rows[0] = (0..=right.len()).collect();
    for i in 1..=left.len() {
        rows[i][0] = i;
        for j in 1..=right.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            rows[i][j] = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                rows[i][j] = rows[i][j].min(rows[i - 2][j - 2] + 1);
            }
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found() {
        let kinds = ["network-partition", "network-delay", "process-kill", "process-pause"];
        assert_eq!(nearest("network-partitoin", kinds), Some("network-partition"));
        assert_eq!(nearest("proces-kill", kinds), Some("process-kill"));
        assert_eq!(nearest("disk-bitflip", kinds), None);
        assert_eq!(nearest("b9", ["b1", "b2"]), None);
        assert_eq!(nearest(&"x".repeat(100_000), kinds), None);
    }

    #[test]
    fn a_long_line_and_control_characters_are_shown_safely() {
        let source = format!("a: 1\n{}\tbad\u{1b}[31m{}", "x".repeat(5_000), "y".repeat(5_000));
        let span = Span { line: 2, column: 5_002, length: 3 };
        let entry = Diagnostic { span, message: "wrong".into(), help: None };
        let shown = Diagnostics::new("f.yaml", &source, vec![entry]).to_string();
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() < 130), "{shown}");
        assert!(!shown.contains('\u{1b}') && !shown.contains('\t'));
        let caret = lines[4].find("^^^").expect("carets");
        assert_eq!(&lines[3][caret..caret + 3], "bad");
    }

    #[test]
    fn no_more_than_the_limit_is_shown() {
        let span = |line| Span { line, column: 1, length: 1 };
        let entry = |line| Diagnostic { span: span(line), message: "wrong".into(), help: None };
        let all = Diagnostics::new("f.yaml", "", (0..200).map(entry).collect());
        assert_eq!((all.entries.len(), all.left_out), (Diagnostics::SHOWN_MAX, 150));
        assert!(all.to_string().ends_with("f.yaml: 200 mistakes, the first 50 shown\n"));
    }
}
