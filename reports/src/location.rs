//! Where a scenario's file lies as code hosts name it: by its path from the root of the repository.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// The root of a repository, seen from the folder that the process works in.
#[derive(Clone, Debug, Default)]
pub struct Root {
    current: PathBuf,
    root: PathBuf,
}

impl Root {
    /// `current` is the folder that relative paths start from, `root` that of the repository.
    pub fn new(current: &Path, root: &Path) -> Self {
        Self { current: normal(current), root: normal(root) }
    }

    /// The path of `source` from the root, parts separated by `/`; the whole path if it lies elsewhere.
    pub fn path(&self, source: &str) -> String {
        let path = normal(&self.current.join(source));
        let inside = path.strip_prefix(&self.root).unwrap_or(&path);
        let mut text = String::new();
        for part in inside.components() {
            match part {
                Component::RootDir => text.push('/'),
                part => {
                    if !text.is_empty() && !text.ends_with('/') {
                        text.push('/');
                    }
                    text += &part.as_os_str().to_string_lossy();
                }
            }
        }
        text
    }

    /// The same as a URI: relative to the root, or `file:///…`.
    pub fn uri(&self, source: &str) -> String {
        let path = self.path(source);
        let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
        for byte in path.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    uri.push(char::from(byte));
                }
                byte => {
                    let _ = write!(uri, "%{byte:02X}");
                }
            }
        }
        uri
    }
}

/// Without `.`, and with `..` resolved by its name: a repository's paths are names, whatever links there are.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_count_from_the_root_of_the_repository() {
        let root = Root::new(Path::new("/repo/tests/"), Path::new("/repo"));
        let cases = [
            ("suites/quick.yaml", "tests/suites/quick.yaml", "tests/suites/quick.yaml"),
            ("./../a b/ü.yaml", "a b/ü.yaml", "a%20b/%C3%BC.yaml"),
            ("/repo/x:y.yaml", "x:y.yaml", "x%3Ay.yaml"),
            ("/elsewhere/x.yaml", "/elsewhere/x.yaml", "file:///elsewhere/x.yaml"),
            ("../../y.yaml", "/y.yaml", "file:///y.yaml"),
        ];
        for (source, path, uri) in cases {
            assert_eq!((root.path(source).as_str(), root.uri(source).as_str()), (path, uri), "{source}");
        }
        assert_eq!(Root::default().path("suites/quick.yaml"), "suites/quick.yaml");
        assert_eq!(Root::default().uri("/tmp/x"), "file:///tmp/x");
    }
}
