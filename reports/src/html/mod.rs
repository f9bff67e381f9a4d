//! One page of HTML that holds a run or a history, and everything to look into it: no file beside it, no network.
//!
//! [`Page`] is what the page shows, as columns of small numbers; [`run()`] and [`history()`] make one, [`Page::render`]
//! puts it into the template under `page/`, whose scripts draw it.

mod bands;
mod campaign;
mod columns;
mod escape;
mod history;
mod logs;
mod operations;
mod plots;
mod render;
mod run;

pub use campaign::{Html, PAGE_FILE};
pub use columns::{Page, Tone};
pub use history::{Checked, history};
pub use run::run;

use std::path::Path;

use crate::event::SinkError;
use crate::file::Target;

/// Writes a page, and makes the folder in which it is to lie.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, page: &str) -> Result<(), SinkError> {
    Target::File(path.to_owned()).write(page)
}

#[cfg(test)]
mod tests;
