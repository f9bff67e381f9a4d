//! Jepsen's log lines, `INFO  jepsen.util - 4<TAB>:invoke<TAB>:write<TAB>3`, among lines of other things.

use super::draft::{Draft, Key, outcome_of_name};
use super::edn::Parser;
use super::error::{Fault, Parsed, Problem, excerpt};
use super::{Datum, Event, History};

/// The history in a log. Lines that tell no event are counted.
pub(super) fn read(text: &str) -> Parsed<History> {
    let mut parser = Parser::new(text);
    let mut history = History::default();
    let mut from = 0;
    for (place, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_end_matches(['\n', '\r']);
        match Columns::of(content) {
            Some(columns) => {
                let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
                let until = &text[..from + content.len()];
                history.events.push(event(&mut parser, until, from, &columns, number, history.events.len())?);
            }
            None => history.skipped += u64::from(!content.trim().is_empty()),
        }
        from += line.len();
    }
    if history.events.is_empty() && history.skipped > 0 {
        return Err(Fault::new(0, Problem::NoOperation { found: excerpt(text) }));
    }
    Ok(history)
}

/// Whether a text has a line that tells an event.
pub(super) fn is_log(text: &str) -> bool {
    text.lines().any(|line| Columns::of(line).is_some())
}

/// Where the columns of an event are within their line.
struct Columns {
    process: usize,
    kind: usize,
    /// Function, value and error.
    rest: usize,
}

impl Columns {
    /// None of a line of something else. What comes before the process differs from version to version, so
    /// that the type is looked for: a column that is a keyword, and behind a process.
    fn of(line: &str) -> Option<Self> {
        let mut from = 0;
        let mut of_jepsen = None;
        for (tab, _) in line.match_indices('\t') {
            let kind = tab + 1;
            let before = &line[from..tab];
            let word = before.rsplit(' ').next().unwrap_or(before);
            let is_process = word.parse::<i64>().is_ok() || word.len() > 1 && word.starts_with(':');
            if is_process && line[kind..].starts_with(':') {
                let rest = line[kind..].find('\t').map_or(line.len(), |length| kind + length + 1);
                let known = outcome_of_name(line[kind + 1..rest].trim_end()).is_some();
                // A keyword that is no type makes an event only where it looks like one otherwise.
                if known || *of_jepsen.get_or_insert_with(|| line.contains("jepsen.util")) {
                    return Some(Self { process: tab - word.len(), kind, rest });
                }
            }
            from = kind;
        }
        None
    }
}

fn event<'a>(
    parser: &mut Parser<'a>,
    until: &'a str,
    from: usize,
    columns: &Columns,
    line: u32,
    place: usize,
) -> Parsed<Event> {
    let mut draft = Draft::default();
    for (key, column) in [(Key::Process, columns.process), (Key::Type, columns.kind)] {
        parser.go_on(until, from + column);
        draft.set(key, parser.value()?, from + column)?;
    }
    parser.go_on(until, from + columns.rest);
    for key in [Key::F, Key::Value, Key::Error] {
        parser.blank()?;
        let at = parser.at();
        if parser.peek().is_none() {
            break;
        }
        let value = match parser.value() {
            Ok(value) if key != Key::Error => Ok(value),
            Ok(value) => {
                // Jepsen prints errors as they are, so that they may be any words.
                parser.blank()?;
                Ok(if parser.peek().is_none() { value } else { words(&until[at..]) })
            }
            Err(_) if key == Key::Error || (key == Key::Value && draft.is_named()) => {
                parser.go_on(until, until.len());
                Ok(words(&until[at..]))
            }
            Err(fault) => Err(fault),
        };
        draft.set(key, value?, at)?;
    }
    draft.finish(from, line, place)
}

fn words(text: &str) -> Datum {
    Datum::String(text.trim_end().into())
}
