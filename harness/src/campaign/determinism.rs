//! Whether one seed gives one recording: runs are repeated, and their recordings compared byte by byte.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use highwater_checkers::recording::{self, RecordingReader};
use highwater_reports::narrate;

use super::thread::{Execute, Failure, alone};
use crate::run::{RunError, RunSpec};

/// Where two recordings of one seed part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The first line that differs, from 1.
    pub line: u64,
    /// The two folders, each with what it has there, as people read it.
    pub sides: [(PathBuf, String); 2],
}

/// Runs a seed twice, each time on a fresh thread, and once through `elsewhere`, which is to record it into the
/// folder of the spec that it is given, in another process say. The recordings go to folders below
/// `spec.folder`, and stay there if they differ.
///
/// # Errors
/// If a run fails, or a recording cannot be read or written.
pub fn examine(
    spec: &RunSpec,
    execute: &Execute,
    elsewhere: &dyn Fn(&RunSpec) -> Result<(), Failure>,
) -> Result<Option<Difference>, Failure> {
    let places = ["first-thread", "second-thread", "other-process"].map(|place| spec.folder.join(place));
    let at = |place: &PathBuf| RunSpec { folder: place.clone(), ..spec.clone() };
    alone(at(&places[0]), execute)?;
    alone(at(&places[1]), execute)?;
    elsewhere(&at(&places[2]))?;
    for other in &places[1..] {
        if let Some(difference) = first_difference(&places[0], other)? {
            return Ok(Some(difference));
        }
    }
    std::fs::remove_dir_all(&spec.folder)
        .map_err(|source| RunError::Io { path: spec.folder.clone(), source })?;
    Ok(None)
}

/// The first line in which the recordings in two folders differ.
///
/// # Errors
/// If one cannot be read.
pub fn first_difference(left: &Path, right: &Path) -> Result<Option<Difference>, RunError> {
    let (mut ours, mut theirs) = (Lines::open(left)?, Lines::open(right)?);
    for line in 1.. {
        match (ours.next()?, theirs.next()?) {
            (false, false) => return Ok(None),
            _ if ours.line == theirs.line => {}
            _ => {
                let side = |folder: &Path| (folder.to_owned(), told(folder, line));
                return Ok(Some(Difference { line, sides: [left, right].map(side) }));
            }
        }
    }
    unreachable!("a file has an end")
}

/// The lines of a recording's file, whatever they hold.
struct Lines {
    path: PathBuf,
    input: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    fn open(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(recording::FILE_NAME);
        let file = File::open(&path).map_err(|source| RunError::Io { path: path.clone(), source })?;
        Ok(Self { path, input: BufReader::new(file), line: Vec::new() })
    }

    /// Goes to the next line; false at the end.
    fn next(&mut self) -> Result<bool, RunError> {
        self.line.clear();
        let read: io::Result<usize> = self.input.read_until(b'\n', &mut self.line);
        Ok(read.map_err(|source| RunError::Io { path: self.path.clone(), source })? > 0)
    }
}

/// What a recording has at a line, in words.
fn told(folder: &Path, line: u64) -> String {
    event_at(folder, line).unwrap_or_else(|error| format!("line {line}: {error}"))
}

fn event_at(folder: &Path, line: u64) -> Result<String, recording::RecordingError> {
    let file = File::open(folder.join(recording::FILE_NAME))?;
    let mut reader = RecordingReader::new(BufReader::new(file))?;
    if line == 1 {
        let header = reader.header();
        return Ok(format!("the header: {} seed {}, {}", header.scenario, header.seed, header.build));
    }
    for _ in 2..line {
        reader.next_event()?;
    }
    let event = reader.next_event()?;
    Ok(match (event, reader.into_parts().1) {
        (Some(event), _) => narrate::event(&event).trim_start().to_owned(),
        (None, recording::Ending::Complete(footer)) => {
            let counters: Vec<_> =
                footer.counters.iter().map(|(name, count)| format!("{name}={count}")).collect();
            format!("the end at {} after {} events, {}", footer.end, footer.events, counters.join(" "))
        }
        (None, recording::Ending::Incomplete { .. }) => "nothing: it breaks off before".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_checkers::ids::Time;
    use highwater_checkers::recording::{Event, Header, Mark, RecordingWriter, Stage, VERSION};
    use std::fs;

    fn record(folder: &Path, notes: &[&str], frames: u64) {
        fs::create_dir_all(folder).expect("made");
        let header = Header {
            version: VERSION,
            scenario: "s".into(),
            scenario_hash: String::new(),
            seed: 3,
            build: "b".into(),
            plan: serde_json::Value::Null,
        };
        let file = File::create(folder.join(recording::FILE_NAME)).expect("made");
        let mut writer = RecordingWriter::new(file, &header).expect("written");
        for (second, note) in (0..).zip(notes) {
            let mark = Mark {
                stage: Stage::Steady,
                time: Time::from_millis(second * 1_000),
                note: Some((*note).into()),
            };
            writer.event(&Event::Mark(mark)).expect("written");
        }
        writer.finish(Time(9), [("frames".into(), frames)].into()).expect("written");
    }

    #[test]
    fn the_first_difference_is_found_and_told() {
        let root = tempfile::tempdir().expect("a folder");
        let place = |name: &str| root.path().join(name);
        record(&place("a"), &["one", "two", "three"], 7);
        record(&place("same"), &["one", "two", "three"], 7);
        record(&place("other"), &["one", "zwei", "three"], 7);
        record(&place("frames"), &["one", "two", "three"], 8);
        let compare = |name| first_difference(&place("a"), &place(name)).expect("both are read");

        assert_eq!(compare("same"), None);
        let difference = compare("other").expect("they differ");
        assert_eq!(difference.line, 3);
        let told = difference.sides.map(|(_, told)| told);
        assert_eq!(told, ["1s -- steady state reached: two", "1s -- steady state reached: zwei"]);
        let difference = compare("frames").expect("they differ");
        assert_eq!((difference.line, &*difference.sides[1].1), (5, "the end at 0s after 3 events, frames=8"));
    }
}
