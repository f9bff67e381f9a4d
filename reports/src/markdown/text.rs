//! Texts that others wrote, as Markdown that shows them and does nothing else.
//!
//! They go into code, inline or fenced. Escaping would not do: GitHub looks for addresses, `@names`, `#1`, hashes of
//! commits and `:names:` of pictures in what a text has become, not in what it was, and leaves out code alone.

use crate::style::plain;

/// A text within a line.
pub(super) fn code(text: &str) -> String {
    let text = plain(text);
    if text.is_empty() {
        return "`(empty)`".to_owned();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // One blank at each side is taken off again, unless there is nothing but blanks.
    let all_blank = text.chars().all(|c| c == ' ');
    let touches = text.starts_with('`') || text.ends_with('`');
    let padded = !all_blank && (touches || (text.starts_with(' ') && text.ends_with(' ')));
    let pad = if padded { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A text within a cell of a table, where a bar ends the cell even in code.
pub(super) fn cell(text: &str) -> String {
    code(&text.replace('|', "¦"))
}

/// A block of lines.
pub(super) fn block<'a>(language: &str, lines: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<_> = lines.into_iter().map(plain).collect();
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// How many backticks follow each other at most.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_longer_than_any_fence_in_it() {
        assert_eq!(code("quick"), "`quick`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("``"), "``` `` ```");
        assert_eq!(code(" a "), "`  a  `");
        assert_eq!(code(" "), "` `");
        assert_eq!(code("a\n# b"), "`a # b`");
        assert_eq!(cell("a|b"), "`a¦b`");
        assert_eq!(block("sh", ["x", "````\ny"]), "`````sh\nx\n```` y\n`````\n");
    }
}
