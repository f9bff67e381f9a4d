//! A value of a history: all that EDN and JSON can write.

use std::sync::Arc;

/// A value of a history.
///
/// Equal means equal in EDN, but for the kinds of sequences: a list and a vector of the same elements are two
/// values here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Datum {
    /// `nil`, JSON's `null`.
    #[default]
    Nil,
    /// `true`, `false`.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// A number that neither is such an integer nor a double, in its own digits: `1/3`, `12N`, `1.5M`.
    Number(Arc<str>),
    /// A double.
    Float(Float),
    /// A character, `\a`.
    Char(char),
    /// A text.
    String(Arc<str>),
    /// A keyword without its colon.
    Keyword(Arc<str>),
    /// A symbol.
    Symbol(Arc<str>),
    /// `(1 2)`.
    List(Arc<[Datum]>),
    /// `[1 2]`, JSON's array.
    Vector(Arc<[Datum]>),
    /// `#{1 2}`, in the order of the input.
    Set(Arc<[Datum]>),
    /// `{:a 1}`, JSON's object with its names as strings; in the order of the input.
    Map(Arc<[(Datum, Datum)]>),
    /// `#inst "2020"`: the tag, and what it stands before.
    Tagged(Arc<str>, Arc<Datum>),
}

/// A double, compared by its bits.
#[derive(Clone, Copy, Debug)]
pub struct Float(pub f64);

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl std::hash::Hash for Float {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}
