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

/// The text as one line without control characters: names and messages come from files that others wrote.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
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
    }
}
