//! What pages hold: of runs, of histories, of campaigns; and that no text of theirs becomes markup.

mod hostile;
mod pages;
mod samples;
