//! What single words of EDN mean: numbers, characters, escapes, names.

use std::sync::Arc;

use crate::history::{Datum, Float};

/// Whether a name can hold the byte. All of UTF-8 beyond ASCII can be in a name.
pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[byte as usize]
}

const TOKEN_BYTES: [bool; 256] = {
    let mut bytes = [true; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = byte > b' ' as usize && byte != 0x7F && !is_special(byte as u8);
        byte += 1;
    }
    bytes
};

const fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b',' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';' | b'\\' | b'^' | b'`' | b'~' | b'@'
    )
}

/// Whether the text can stand as a keyword, after its colon.
pub(in crate::history) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether the text can stand as a symbol, and is read as nothing else.
pub(in crate::history) fn is_symbol(text: &str) -> bool {
    let digits = unsigned_of(text).starts_with(|char: char| char.is_ascii_digit());
    is_name(text) && !digits && !text.starts_with([':', '#']) && !matches!(text, "nil" | "true" | "false")
}

/// Whether the text can stand as a tag, after its `#`.
pub(in crate::history) fn is_tag(text: &str) -> bool {
    is_name(text) && text.starts_with(char::is_alphabetic)
}

/// A word that begins with a digit or its sign, and is no plain integer.
pub(super) fn number(text: &str) -> Option<Datum> {
    if is_decimal(text) {
        if let Some(float) = text.parse().ok().filter(|float: &f64| float.is_finite()) {
            return Some(Datum::Float(Float(float)));
        }
        return Some(Datum::Number(text.into()));
    }
    is_number(text).then(|| Datum::Number(text.into()))
}

/// Whether the text is a number that is neither an integer that fits nor a double: too large for either, a
/// ratio, one with `N` or `M`, or an integer of another base.
pub(in crate::history) fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if is_digits(unsigned) {
        // What Clojure takes for octal is left alone; what fits is an integer.
        return text.parse::<i64>().is_err() || unsigned.len() > 1 && unsigned.starts_with('0');
    }
    if is_decimal(text) {
        return text.parse::<f64>().is_ok_and(f64::is_infinite);
    }
    let ratio = unsigned.split_once('/').is_some_and(|(above, below)| is_digits(above) && is_digits(below));
    let big = unsigned.strip_suffix('N').is_some_and(is_digits);
    let exact = text.strip_suffix('M').is_some_and(|text| is_digits(unsigned_of(text)) || is_decimal(text));
    let hexadecimal = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let hexadecimal = hexadecimal.is_some_and(is_alphanumeric);
    let radix = unsigned
        .split_once(['r', 'R'])
        .is_some_and(|(base, digits)| is_digits(base) && is_alphanumeric(digits));
    ratio || big || exact || hexadecimal || radix
}

/// Whether the text is a number with a point or an exponent.
fn is_decimal(text: &str) -> bool {
    let unsigned = unsigned_of(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(unsigned_of(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    is_digits(whole)
        && fraction.is_none_or(|fraction| fraction.is_empty() || is_digits(fraction))
        && exponent.is_none_or(is_digits)
        && (fraction.is_some() || exponent.is_some())
}

fn unsigned_of(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_alphanumeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The names of characters that cannot be seen.
pub(super) const CHARACTERS: [(&str, char); 6] = [
    ("newline", '\n'),
    ("return", '\r'),
    ("space", ' '),
    ("tab", '\t'),
    ("backspace", '\u{8}'),
    ("formfeed", '\u{C}'),
];

/// The character that is written so after a backslash.
pub(super) fn character(name: &str) -> Option<char> {
    let mut chars = name.chars();
    let (first, rest) = (chars.next()?, chars.as_str());
    if rest.is_empty() {
        return Some(first);
    }
    let named = CHARACTERS.iter().find(|(known, _)| *known == name).map(|(_, char)| *char);
    named.or_else(|| match first {
        'u' if rest.len() == 4 => char::from_u32(hexadecimal(rest)?),
        'o' if rest.len() <= 3 => octal(rest),
        _ => None,
    })
}

/// The character of an escape in a string, whose text begins after the backslash, and how many bytes it is.
pub(super) fn escape(text: &str) -> Option<(char, usize)> {
    let char = match text.as_bytes().first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{C}',
        b'u' => return unicode_escape(text),
        b'0'..=b'7' => {
            let length = text.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            return Some((octal(&text[..length])?, length));
        }
        _ => return None,
    };
    Some((char, 1))
}

/// The character of `u` and four hexadecimal digits, or of two such in a row, the halves of one that is beyond
/// 16 bits.
pub(in crate::history) fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let first = hexadecimal(text.get(1..5)?)?;
    if !(0xD800..0xDC00).contains(&first) {
        return Some((char::from_u32(first)?, 5));
    }
    let second = hexadecimal(text.get(5..)?.strip_prefix("\\u")?.get(..4)?)?;
    let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + low)?, 11))
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| all)
}

fn octal(digits: &str) -> Option<char> {
    let all = digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let number = u32::from_str_radix(digits, 8).ok().filter(|number| all && *number <= 0o377)?;
    char::from_u32(number)
}

/// A key of a map that is written `#:namespace{…}`: a name without a namespace has that one, and `_` is none.
pub(super) fn in_namespace(key: Datum, namespace: &str) -> Datum {
    let named = |name: &Arc<str>| -> Arc<str> {
        match name.split_once('/') {
            Some(("_", rest)) if !rest.is_empty() => rest.into(),
            Some((_, rest)) if !rest.is_empty() => Arc::clone(name),
            _ => format!("{namespace}/{name}").into(),
        }
    };
    match key {
        Datum::Keyword(name) => Datum::Keyword(named(&name)),
        // Without a namespace it might be a number, or nil.
        Datum::Symbol(name) => {
            Datum::Symbol(Some(named(&name)).filter(|name| is_symbol(name)).unwrap_or(name))
        }
        other => other,
    }
}
