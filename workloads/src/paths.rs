//! Patterns of paths on a node's disk: which files a fault meets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A pattern of paths from the disk's root: `orders-0/*.log`.
///
/// `*` stands for any characters of one part of a path, `**` for any at all, `?` for one character of a part.
/// `{topic}` and `{partition}` stand for the partition that a fault is about, and without one for anything in
/// one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern {
    text: String,
    tokens: Vec<Token>,
}

/// What one step of a pattern takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    One(char),
    /// One character that does not end a part.
    Any,
    /// Any number of such characters.
    Part,
    /// Any number of any characters.
    All,
}

/// The text is no pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    /// It is empty.
    #[error("the path is empty")]
    Empty,
    /// Paths are told from the disk's root, with `/` between their parts.
    #[error("`{0}` does not begin at the disk's root: leave out the leading `/`, `.` and `..`")]
    NotFromRoot(String),
    /// A brace that belongs to no placeholder.
    #[error("`{0}` has a brace that is neither `{{topic}}` nor `{{partition}}`")]
    Brace(String),
    /// Longer than any path.
    #[error("the path has {0} characters, over the limit of {LENGTH_MAX}")]
    Long(usize),
}

/// The longest pattern, in characters.
const LENGTH_MAX: usize = 200;
const PLACEHOLDERS: [&str; 2] = ["{topic}", "{partition}"];

impl PathPattern {
    /// The pattern for one partition, or for any.
    #[must_use]
    pub fn of(&self, place: Option<(&str, u32)>) -> Self {
        let Some((topic, partition)) = place else { return self.clone() };
        let text = self.text.replace("{topic}", topic).replace("{partition}", &partition.to_string());
        text.parse().expect("a topic's name has no characters that mean something in a pattern")
    }

    /// Whether the file at `path` is meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<Token> = path.chars().map(Token::One).collect();
        meet(&self.tokens, &path)
    }

    /// Whether a file of the folder `dir` could be meant; `""` is the root.
    #[must_use]
    pub fn matches_in(&self, dir: &str) -> bool {
        let parent = dir.chars().chain((!dir.is_empty()).then_some('/'));
        let children: Vec<Token> = parent.map(Token::One).chain([Token::Part]).collect();
        meet(&self.tokens, &children)
    }

    /// Whether some path is meant by both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        meet(&self.tokens, &other.tokens)
    }
}

impl Token {
    /// Whether it may stand for no character.
    fn is_many(self) -> bool {
        matches!(self, Self::Part | Self::All)
    }

    /// Whether there is a character that both take.
    fn agrees(self, other: Self) -> bool {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => true,
            (Self::One(one), Self::One(other)) => one == other,
            (Self::One(one), _) | (_, Self::One(one)) => one != '/',
            _ => true,
        }
    }
}

/// Whether two patterns have a path in common: both are walked at once, character by character.
fn meet(left: &[Token], right: &[Token]) -> bool {
    let width = right.len() + 1;
    let mut seen = vec![false; (left.len() + 1) * width];
    let mut todo = vec![(0, 0)];
    while let Some((i, j)) = todo.pop() {
        if std::mem::replace(&mut seen[i * width + j], true) {
            continue;
        }
        let (one, other) = (left.get(i).copied(), right.get(j).copied());
        if one.is_none() && other.is_none() {
            return true;
        }
        if one.is_some_and(Token::is_many) {
            todo.push((i + 1, j));
        }
        if other.is_some_and(Token::is_many) {
            todo.push((i, j + 1));
        }
        if let (Some(one), Some(other)) = (one, other)
            && one.agrees(other)
        {
            // What stands for many stays where it is.
            todo.push((i + usize::from(!one.is_many()), j + usize::from(!other.is_many())));
        }
    }
    false
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for PathPattern {
    type Err = PathPatternError;

    fn from_str(text: &str) -> Result<Self, PathPatternError> {
        let length = text.chars().count();
        if length == 0 {
            return Err(PathPatternError::Empty);
        }
        if length > LENGTH_MAX {
            return Err(PathPatternError::Long(length));
        }
        if text.split('/').any(|part| ["", ".", ".."].contains(&part)) {
            return Err(PathPatternError::NotFromRoot(text.to_owned()));
        }
        let mut tokens = Vec::with_capacity(length);
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let (token, taken) = match next {
                '*' if rest.starts_with("**") => (Token::All, 2),
                '*' => (Token::Part, 1),
                '?' => (Token::Any, 1),
                '{' | '}' => {
                    let placeholder = PLACEHOLDERS.into_iter().find(|name| rest.starts_with(name));
                    let name = placeholder.ok_or_else(|| PathPatternError::Brace(text.to_owned()))?;
                    (Token::Part, name.len())
                }
                other => (Token::One(other), other.len_utf8()),
            };
            tokens.push(token);
            rest = &rest[taken..];
        }
        Ok(Self { text: text.to_owned(), tokens })
    }
}

impl TryFrom<String> for PathPattern {
    type Error = PathPatternError;

    fn try_from(text: String) -> Result<Self, PathPatternError> {
        text.parse()
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> PathPattern {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_pattern_means_the_paths_that_it_spells() {
        for (text, means, means_not) in [
            ("a/b", &["a/b"][..], &["a", "a/b/c", "a/bb", "x/b"][..]),
            ("*", &["a", "ab.log"], &["a/b", "a/"]),
            ("a-*/*.log", &["a-0/1.log", "a-/.log"], &["a-0/1.log.tmp", "a-0/x/1.log", "b-0/1.log"]),
            ("**", &["a", "a/b/c"], &[]),
            ("a/**", &["a/b", "a/b/c"], &["a", "b/a/c"]),
            ("**.log", &["a.log", "x/y/a.log"], &["a.log/x"]),
            ("a?/b", &["ab/b", "a?/b"], &["a/b", "abc/b", "a//b"]),
            ("{topic}-{partition}/*", &["a-0/x", "a-b-1/x"], &["a/x", "a-0"]),
        ] {
            for path in means {
                assert!(pattern(text).matches(path), "{text} means {path}");
            }
            for path in means_not {
                assert!(!pattern(text).matches(path), "{text} does not mean {path}");
            }
        }
    }

    #[test]
    fn a_folder_is_met_where_a_file_of_it_could_be() {
        for (text, dir, met) in [
            ("a/*", "a", true),
            ("a/*", "", false),
            ("a/*", "a/b", false),
            ("*", "", true),
            ("**", "a/b", true),
            ("a-*/x.log", "a-7", true),
            ("a-*/x.log", "b-7", false),
        ] {
            assert_eq!(pattern(text).matches_in(dir), met, "{text} in {dir}");
        }
    }

    #[test]
    fn patterns_overlap_where_a_path_is_meant_by_both() {
        for (one, other, overlap) in [
            ("a/*", "a/b", true),
            ("*/*", "quorum/*", true),
            ("*-*/*", "__quorum/*", false),
            ("{topic}-{partition}/*", "__quorum/*", false),
            ("**", "__quorum/*", true),
            ("*", "__quorum/*", false),
            ("__q*/log", "__quorum/*", true),
            ("**.log", "__quorum/*", true),
            ("?/x", "*a/x", true),
            ("?b/x", "*a/x", false),
        ] {
            assert_eq!(pattern(one).overlaps(&pattern(other)), overlap, "{one} and {other}");
            assert_eq!(pattern(other).overlaps(&pattern(one)), overlap, "{other} and {one}");
        }
    }

    #[test]
    fn placeholders_are_filled_in() {
        let files = pattern("{topic}-{partition}/*.log");
        assert_eq!(files.of(Some(("orders", 3))).to_string(), "orders-3/*.log");
        assert_eq!(files.of(None), files);
        assert!(!files.of(Some(("orders", 3))).matches("orders-4/0.log"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, error) in [
            ("", PathPatternError::Empty),
            ("/a", PathPatternError::NotFromRoot("/a".to_owned())),
            ("a/../b", PathPatternError::NotFromRoot("a/../b".to_owned())),
            ("{a,b}/c", PathPatternError::Brace("{a,b}/c".to_owned())),
            ("a}", PathPatternError::Brace("a}".to_owned())),
            (&"x".repeat(201), PathPatternError::Long(201)),
        ] {
            assert_eq!(text.parse::<PathPattern>(), Err(error));
        }
    }
}
