//! Histories that nobody here wrote: every file in the folder that `HIGHWATER_HISTORIES` names is read. The
//! readers' own tests are beside them.

use std::path::{Path, PathBuf};

use highwater_checkers::history::{Format, spans};

/// The files below a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("HIGHWATER_HISTORIES names a folder") {
            let path = entry.expect("can be listed").path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// How many events a file has, by a word that each has once.
fn count(format: Format, text: &str) -> usize {
    let word = match format {
        Format::Edn => ":process",
        Format::Json => "\"process\"",
        Format::JepsenLog => "jepsen.util",
        Format::Knossos => "\n[",
    };
    text.matches(word).count()
}

#[test]
fn real_histories_are_read() {
    let Some(folder) = std::env::var_os("HIGHWATER_HISTORIES") else { return };
    let mut formats = Vec::new();
    for path in files(Path::new(&folder)) {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        if !["edn", "json", "log", "txt"].contains(&extension) {
            continue;
        }
        let name = path.display();
        let input = std::fs::read(&path).expect("can be read");
        let format = Format::recognise(&input).unwrap_or_else(|error| panic!("{name}: {error}"));
        let history = format.read(&input).unwrap_or_else(|error| panic!("{name}: {error}"));
        let text = String::from_utf8(input).expect("is a text");
        assert_eq!(history.events.len(), count(format, &text), "{name}");
        let operations = spans(&history.events).unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}: {format}, {} events, {} operations", history.events.len(), operations.len());
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    assert!(formats.len() >= 3, "the folder has histories of several formats, not only {formats:?}");
}
