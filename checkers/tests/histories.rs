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

/// How many operations the large history has; `HIGHWATER_LONG=1000000` says so otherwise.
fn operations() -> u64 {
    match std::env::var("HIGHWATER_LONG") {
        Ok(count) => count.parse().expect("HIGHWATER_LONG is a number of operations"),
        Err(_) => 10_000,
    }
}

/// `HIGHWATER_LONG=1000000 cargo test --release -p highwater-checkers --test histories -- --nocapture` prints how
/// fast a large history is read.
#[test]
#[expect(clippy::disallowed_methods, reason = "what is timed is printed, and nothing depends on it")]
fn a_large_history_is_read_in_every_format() {
    let operations = operations();
    let mut texts: Vec<(Format, String)> = Format::ALL.map(|format| (format, String::new())).into();
    for operation in 0..operations {
        let process = operation % 10;
        for (kind, value) in
            [("invoke", "nil".to_owned()), ("ok", format!("[{} {operation}]", operation / 2))]
        {
            let time = 10_000_000_000 + operation * 1_000;
            for (format, text) in &mut texts {
                let line = match format {
                    Format::Edn => format!(
                        "{{:index {}, :time {time}, :process {process}, :type :{kind}, :f :read, :value {value}}}\n",
                        2 * operation + u64::from(kind == "ok"),
                    ),
                    Format::Json => format!(
                        "{{\"index\":{},\"time\":{time},\"process\":{process},\"type\":\"{kind}\",\"f\":\"read\",\"value\":{}}}\n",
                        2 * operation + u64::from(kind == "ok"),
                        value.replace("nil", "null").replace(' ', ","),
                    ),
                    Format::JepsenLog => format!("INFO  jepsen.util - {process}\t:{kind}\t:read\t{value}\n"),
                    Format::Knossos => format!("[{process} :{kind} :read {value}]\n"),
                };
                text.push_str(&line);
            }
        }
    }
    for (format, text) in texts {
        let began = std::time::Instant::now();
        let history = format.read(text.as_bytes()).expect("is whole");
        let took = began.elapsed();
        println!("{format}: {operations} operations, {} MB, read in {took:.2?}", text.len() / 1_000_000);
        assert_eq!(history.events.len() as u64, 2 * operations);
        assert_eq!(spans(&history.events).expect("is checkable").len() as u64, operations);
    }
}
