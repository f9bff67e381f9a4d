//! Texts of recordings, scenarios and paths as they may stand in a page.

use std::fmt::Write;
use std::path::{Component, Path};

/// As text of HTML. Control characters, which no page may hold, are shown as what cannot be shown.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            _ if letter.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// The address of a file as a page in another folder links to it: relative where it can be, so that both may be
/// moved or served together.
pub(super) fn address(from: &Path, to: &Path) -> String {
    let (from, to) = (absolute(from), absolute(to));
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from[common..].iter().map(|_| "..".to_owned());
    let down = to[common..].iter().filter(|part| **part != Component::RootDir).map(|part| {
        let mut encoded = String::new();
        // What a URL does not take as it is: RFC 3986, section 2.3.
        for byte in part.as_os_str().as_encoded_bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                encoded.push(char::from(*byte));
            } else {
                // Writing to a text cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    });
    up.chain(down).collect::<Vec<_>>().join("/")
}

fn absolute(path: &Path) -> std::path::PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_relative_and_encoded() {
        let cases = [
            ("out", "out/quick/seed-7/report.html", "quick/seed-7/report.html"),
            ("ci/out", "artifacts/quick/seed-7/report.html", "../../artifacts/quick/seed-7/report.html"),
            ("", "a folder/b%<\"'>#?.html", "a%20folder/b%25%3C%22%27%3E%23%3F.html"),
            ("/x", "/y/z.html", "../y/z.html"),
        ];
        for (from, to, address_of) in cases {
            assert_eq!(address(Path::new(from), Path::new(to)), address_of, "{from} {to}");
        }
    }

    #[test]
    fn nothing_that_is_markup_stays() {
        assert_eq!(escaped("<b>\"a\" & 'b'</b>"), "&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/b&gt;");
    }
}
