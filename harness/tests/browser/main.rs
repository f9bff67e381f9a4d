//! The HTML reports in a real browser: Debian's Chromium, driven over WebDriver.
//!
//! `cargo test -p highwater --features browser-tests --test browser`. With `HIGHWATER_PAGES=DIR` the pages that were
//! opened stay in that folder, to be looked at; with `HIGHWATER_SCREENSHOTS=1` the pictures of the README are taken
//! anew.

mod bounds;
mod browser;
mod foreign;
mod hostile;
mod large;
mod opened;
mod runs;
mod screenshots;
