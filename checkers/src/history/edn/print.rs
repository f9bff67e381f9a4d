//! Writes values as EDN.

use std::fmt::{self, Write};

use super::token::CHARACTERS;
use crate::history::{Datum, Float};

/// How much of a value is written. What is left out is written as `…`, which no reader takes for EDN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How deep.
    pub(crate) depth_max: u32,
    /// How many elements of each collection.
    pub(crate) elements_max: usize,
}

impl Limits {
    /// All of it.
    const NONE: Self = Self { depth_max: u32::MAX, elements_max: usize::MAX };
}

/// The value as a text of EDN.
pub(in crate::history) fn edn_text(value: &Datum) -> String {
    let mut text = String::new();
    // A string takes all that is written to it.
    let _ = print(value, &mut text);
    text
}

impl fmt::Display for Datum {
    /// As EDN.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(self, f)
    }
}

/// Writes the value to `out`.
pub(in crate::history) fn print(value: &Datum, out: &mut impl Write) -> fmt::Result {
    print_within(Limits::NONE, value, out)
}

/// Writes so much of the value to `out`.
pub(crate) fn print_within(limits: Limits, value: &Datum, out: &mut impl Write) -> fmt::Result {
    let Some(depth_max) = limits.depth_max.checked_sub(1) else { return out.write_str("…") };
    let inner = Limits { depth_max, ..limits };
    match value {
        Datum::Nil => out.write_str("nil"),
        Datum::Bool(bool) => write!(out, "{bool}"),
        Datum::Int(int) => write!(out, "{int}"),
        Datum::Number(digits) => out.write_str(digits),
        Datum::Float(Float(float)) if float.is_nan() => out.write_str("##NaN"),
        Datum::Float(Float(float)) if float.is_infinite() => {
            out.write_str(if *float > 0.0 { "##Inf" } else { "##-Inf" })
        }
        Datum::Float(Float(float)) => write!(out, "{float:?}"),
        Datum::Char(char) => print_char(*char, out),
        Datum::String(text) => print_string(text, out),
        Datum::Keyword(name) => write!(out, ":{name}"),
        Datum::Symbol(name) => out.write_str(name),
        Datum::List(elements) => print_all(inner, elements, ("(", ")"), out),
        Datum::Vector(elements) => print_all(inner, elements, ("[", "]"), out),
        Datum::Set(elements) => print_all(inner, elements, ("#{", "}"), out),
        Datum::Map(entries) => {
            out.write_str("{")?;
            for (place, (key, value)) in entries.iter().take(limits.elements_max).enumerate() {
                out.write_str(if place == 0 { "" } else { ", " })?;
                print_within(inner, key, out)?;
                out.write_str(" ")?;
                print_within(inner, value, out)?;
            }
            out.write_str(if entries.len() > limits.elements_max { ", …}" } else { "}" })
        }
        Datum::Tagged(tag, value) => {
            write!(out, "#{tag} ")?;
            print_within(inner, value, out)
        }
    }
}

fn print_all(
    limits: Limits,
    elements: &[Datum],
    (open, close): (&str, &str),
    out: &mut impl Write,
) -> fmt::Result {
    out.write_str(open)?;
    for (place, element) in elements.iter().take(limits.elements_max).enumerate() {
        out.write_str(if place == 0 { "" } else { " " })?;
        print_within(limits, element, out)?;
    }
    out.write_str(if elements.len() > limits.elements_max { " …" } else { "" })?;
    out.write_str(close)
}

fn print_char(char: char, out: &mut impl Write) -> fmt::Result {
    let named = CHARACTERS.iter().find(|(_, known)| *known == char);
    match named {
        Some((name, _)) => write!(out, "\\{name}"),
        None if (char.is_control() || char.is_whitespace()) && u32::from(char) <= 0xFFFF => {
            write!(out, "\\u{:04x}", u32::from(char))
        }
        None => write!(out, "\\{char}"),
    }
}

/// Writes a text in quotes.
fn print_string(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_str("\"")?;
    for char in text.chars() {
        match char {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            _ if char.is_control() => write!(out, "\\u{:04x}", u32::from(char))?,
            _ => out.write_char(char)?,
        }
    }
    out.write_str("\"")
}
