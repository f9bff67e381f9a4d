//! Colours of the terminal, where they are wanted, and texts that cannot disturb it.

use std::borrow::Cow;
use std::io::IsTerminal;

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal that has them, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Whatever the output is.
    Always,
    /// Not at all.
    Never,
}

/// A role that a colour plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// A heading.
    Strong,
    /// What matters less.
    Faint,
    /// What is well.
    Good,
    /// What is to be looked at.
    Warning,
    /// What is wrong.
    Bad,
}

/// Paints texts, or leaves them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    colors: bool,
}

impl Style {
    /// With colours or without.
    pub fn new(colors: bool) -> Self {
        Self { colors }
    }

    /// As chosen, for what is written to `stream`. `variable` looks up an environment variable.
    pub fn for_stream(
        choice: ColorChoice,
        stream: &impl IsTerminal,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        // https://no-color.org: set and not empty.
        let unwanted = || variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = || variable("TERM").is_some_and(|terminal| terminal == "dumb");
        Self::new(match choice {
            ColorChoice::Auto => stream.is_terminal() && !unwanted() && !dumb(),
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        })
    }

    /// The text in the colour of its role.
    pub fn paint(self, paint: Paint, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if !self.colors || text.is_empty() {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Strong => "1",
            Paint::Faint => "2",
            Paint::Good => "32",
            Paint::Warning => "33",
            Paint::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The text as one line that cannot disturb what shows it: names and messages come from files that others wrote.
/// Control characters, line separators and marks that change the direction of writing become blanks.
pub fn plain(text: &str) -> Cow<'_, str> {
    let disturbs = |c: char| {
        let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
    };
    if text.contains(disturbs) {
        Cow::Owned(text.chars().map(|c| if disturbs(c) { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// What CI servers take for a command anywhere in a line: GitHub's and Azure's runners, and TeamCity.
const COMMANDS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// A line that is about to be printed, with everything taken apart that a CI server would obey instead of showing it.
pub fn line(text: &str) -> Cow<'_, str> {
    let mut line = Cow::Borrowed(text);
    let indent = text.len() - text.trim_start().len();
    // GitHub's newer commands stand at the beginning.
    if let Some(rest) = text[indent..].strip_prefix("::") {
        line = Cow::Owned(format!("{}: :{rest}", &text[..indent]));
    }
    replaced(line, |command| format!("# {}", &command[1..]))
}

/// A line of JSON that is about to be printed. In JSON all of this stands within strings, where it can be escaped.
pub fn json_line(text: &str) -> Cow<'_, str> {
    replaced(Cow::Borrowed(text), |command| format!("#\\u0023{}", &command[2..]))
}

fn replaced(mut line: Cow<'_, str>, by: impl Fn(&str) -> String) -> Cow<'_, str> {
    for command in COMMANDS {
        if line.contains(command) {
            line = Cow::Owned(line.replace(command, &by(command)));
        }
    }
    line
}

/// A word as a shell takes it, quoted where it must be.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

/// The text, or its first `chars_max` characters with a count of those that are left out.
pub(crate) fn shortened(text: &str, chars_max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars_max) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            Cow::Owned(format!("{} (and {} more characters)", &text[..end], text[end..].chars().count()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_left_out_where_they_are_not_wanted() {
        let none = |_: &str| None;
        // A file is no terminal.
        let file = std::fs::File::open("Cargo.toml").expect("the crate's manifest");
        assert_eq!(Style::for_stream(ColorChoice::Auto, &file, none), Style::new(false));
        assert_eq!(Style::for_stream(ColorChoice::Always, &file, none), Style::new(true));
        assert_eq!(Style::for_stream(ColorChoice::Never, &file, none), Style::new(false));
        assert_eq!(Style::new(false).paint(Paint::Bad, "x"), "x");
        assert_eq!(Style::new(true).paint(Paint::Bad, "x"), "\x1b[1;31mx\x1b[0m");
    }

    #[test]
    fn no_escape_sequence_reaches_a_terminal() {
        assert_eq!(plain("a\x1b[31m\nb\u{9b}"), "a [31m b ");
        assert_eq!(plain("orders/0 – ok"), "orders/0 – ok");
        assert_eq!(plain("a\u{202e}b\u{2028}c"), "a b c");
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_part_them() {
        assert_eq!(shell_word("out/quick/seed-7"), "out/quick/seed-7");
        assert_eq!(shell_word("my suites/it's.yaml"), r"'my suites/it'\''s.yaml'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn no_line_is_a_command_for_a_ci_server() {
        assert_eq!(
            line("x ##[error]y ##vso[task.complete] # ##"),
            "x # #[error]y # #vso[task.complete] # ##"
        );
        assert_eq!(json_line("[\"a###[b\"]"), "[\"a##\\u0023[b\"]");
        assert_eq!(line("::error::x"), ": :error::x");
        assert_eq!(line("  ::error::x"), "  : :error::x");
        assert_eq!(line("a::b"), "a::b");
        assert_eq!(shortened("aüb", 3), "aüb");
        assert_eq!(shortened("aüb", 1), "a (and 2 more characters)");
    }
}
