//! Values of a history, as a report shows them.

use std::fmt::{self, Write};

use crate::history::Datum;

/// A value that is shown as EDN, its depth and its length bounded.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Shown(pub(super) Datum);

/// What lies deeper is shown as `…`.
const DEPTH_MAX: u32 = 6;
/// Of a collection no more elements are shown.
const ELEMENTS_MAX: usize = 24;

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.0, f, 0)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.0, f, 0)
    }
}

fn show(datum: &Datum, f: &mut fmt::Formatter<'_>, depth: u32) -> fmt::Result {
    if depth > DEPTH_MAX {
        return f.write_char('…');
    }
    match datum {
        Datum::Nil => f.write_str("nil"),
        Datum::Bool(value) => write!(f, "{value}"),
        Datum::Int(value) => write!(f, "{value}"),
        Datum::Number(digits) => f.write_str(digits),
        Datum::Float(value) => write!(f, "{}", value.0),
        Datum::Char(value) => write!(f, "\\{value}"),
        Datum::String(text) => write!(f, "{text:?}"),
        Datum::Keyword(name) => write!(f, ":{name}"),
        Datum::Symbol(name) => f.write_str(name),
        Datum::List(elements) => show_all(elements, ("(", ")"), f, depth),
        Datum::Vector(elements) => show_all(elements, ("[", "]"), f, depth),
        Datum::Set(elements) => show_all(elements, ("#{", "}"), f, depth),
        Datum::Map(entries) => {
            f.write_char('{')?;
            for (place, (key, value)) in entries.iter().take(ELEMENTS_MAX).enumerate() {
                f.write_str(if place > 0 { ", " } else { "" })?;
                show(key, f, depth + 1)?;
                f.write_char(' ')?;
                show(value, f, depth + 1)?;
            }
            f.write_str(if entries.len() > ELEMENTS_MAX { ", …}" } else { "}" })
        }
        Datum::Tagged(tag, value) => {
            write!(f, "#{tag} ")?;
            show(value, f, depth + 1)
        }
    }
}

fn show_all(
    elements: &[Datum],
    (open, close): (&str, &str),
    f: &mut fmt::Formatter<'_>,
    depth: u32,
) -> fmt::Result {
    f.write_str(open)?;
    for (place, element) in elements.iter().take(ELEMENTS_MAX).enumerate() {
        f.write_str(if place > 0 { " " } else { "" })?;
        show(element, f, depth + 1)?;
    }
    f.write_str(if elements.len() > ELEMENTS_MAX { " …" } else { "" })?;
    f.write_str(close)
}
