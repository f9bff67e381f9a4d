//! The folders of recordings: where they are, and which of them stay.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use highwater_checkers::recording;
use highwater_reports::html::PAGE_FILE;

/// The name of the scenario's text beside its recording: a replay, or a person, reads it again.
pub const SCENARIO_FILE: &str = "scenario.yaml";

/// Where the recording of a run goes.
pub(super) fn folder(artifacts: &Path, scenario: &str, seed: u64) -> PathBuf {
    artifacts.join(scenario).join(format!("seed-{seed}"))
}

/// Makes the folder of a run, with the scenario's text.
pub(super) fn prepare(folder: &Path, source: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // A page that an earlier run left would be about that one.
    remove_if_there(&folder.join(PAGE_FILE))?;
    fs::write(folder.join(SCENARIO_FILE), source)
}

/// Deletes a run's recording, and its folder unless a user put something else there.
pub(super) fn discard(folder: &Path) -> io::Result<()> {
    for name in [recording::FILE_NAME, SCENARIO_FILE, PAGE_FILE] {
        remove_if_there(&folder.join(name))?;
    }
    remove_if_empty(folder);
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Deletes the folders of scenarios of which nothing stays, and the one of all. Not before the last run ended:
/// another may be about to make its own there.
pub fn tidy<'a>(artifacts: &Path, scenarios: impl Iterator<Item = &'a str>) {
    scenarios.for_each(|scenario| remove_if_empty(&artifacts.join(scenario)));
    remove_if_empty(artifacts);
}

fn remove_if_empty(folder: &Path) {
    // That it is not empty, or not there, is no failure.
    let _ = fs::remove_dir(folder);
}

/// How many bytes a recording takes up.
pub(super) fn size(folder: &Path) -> u64 {
    fs::metadata(folder.join(recording::FILE_NAME)).map_or(0, |metadata| metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_deleted_and_what_is_not_ours_stays() {
        let root = tempfile::tempdir().expect("a folder");
        let (seven, eight) = (folder(root.path(), "quick", 7), folder(root.path(), "quick", 8));
        for run in [&seven, &eight] {
            prepare(run, "name: quick").expect("made");
            fs::write(run.join(recording::FILE_NAME), "12345").expect("written");
        }
        assert_eq!(size(&seven), 5);
        fs::write(seven.join("notes.txt"), "mine").expect("written");
        discard(&seven).expect("deleted");
        discard(&eight).expect("deleted");
        let left: Vec<_> =
            fs::read_dir(&seven).expect("is there").map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!((left, eight.exists()), (vec!["notes.txt".into()], false));
        tidy(root.path(), ["quick"].into_iter());
        assert!(seven.exists());
        fs::remove_file(seven.join("notes.txt")).expect("deleted");
        discard(&seven).expect("nothing is left to delete");
        tidy(root.path(), ["quick"].into_iter());
        assert!(!root.path().exists());
    }
}
