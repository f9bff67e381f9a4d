//! Reports that are files of their own.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::event::SinkError;

/// Where the text of a report goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// To a file of its own, in place of what was there. Its folder is made if there is none.
    File(PathBuf),
    /// To the end of a file that others write to as well.
    EndOf(PathBuf),
}

impl Target {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::EndOf(path) => path,
        }
    }

    /// How many bytes are there before the report.
    pub(crate) fn taken(&self) -> u64 {
        match self {
            Self::File(_) => 0,
            Self::EndOf(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
        }
    }

    /// Writes the report.
    pub(crate) fn write(&self, text: &str) -> Result<(), SinkError> {
        let written = match self {
            Self::File(path) => make_folder(path).and_then(|()| fs::write(path, text)),
            Self::EndOf(path) => make_folder(path)
                .and_then(|()| OpenOptions::new().create(true).append(true).open(path))
                .and_then(|mut file| file.write_all(text.as_bytes())),
        };
        written.map_err(|source| SinkError::File { path: self.path().to_owned(), source })
    }
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}
