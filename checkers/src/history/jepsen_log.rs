//! Jepsen's log lines, `INFO  jepsen.util - 4<TAB>:invoke<TAB>:write<TAB>3`, among lines of other things.

use super::draft::{Draft, Key};
use super::edn::Parser;
use super::error::{Fault, Parsed, Problem, excerpt};
use super::{Datum, Event, History, Outcome};

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
                let known = Outcome::of_name(line[kind + 1..rest].trim_end()).is_some();
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
    let mut at = from + columns.rest;
    for key in [Key::F, Key::Value, Key::Error] {
        let tab = until[at..].find('\t').filter(|_| key != Key::Error);
        let end = tab.map_or(until.len(), |length| at + length);
        if !until[at..end].trim().is_empty() {
            // Jepsen prints errors, and what its nemesis did, as they are: they may be any words.
            let may_be_words = key == Key::Error || (key == Key::Value && draft.is_named());
            let value = match column(parser, &until[..end], at) {
                Err(_) if may_be_words => Datum::String(until[at..end].trim().into()),
                value => value?,
            };
            draft.set(key, value, at)?;
        }
        at = (end + 1).min(until.len());
    }
    draft.finish(from, line, place)
}

/// The one value that stands from `from` to the end.
fn column<'a>(parser: &mut Parser<'a>, until: &'a str, from: usize) -> Parsed<Datum> {
    parser.go_on(until, from);
    let value = parser.value()?;
    parser.blank()?;
    if parser.peek().is_some() {
        return Err(parser.unexpected("a tab before the next column"));
    }
    Ok(value)
}
