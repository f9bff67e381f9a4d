//! A binary for a system of one's own: every command of `highwater`, for scenarios in that system's words.
//!
//! ```text
//! cargo run --example toy_queue -- run my-scenario.yaml
//! ```
//!
//! The system implements two traits, `System` and its `Client`; this is all there is beside it. The word
//! `system: toy` in a scenario may be left out, since this binary knows no other.

use std::process::ExitCode;

#[path = "../tests/toy/system.rs"]
mod system;

fn main() -> ExitCode {
    highwater::cli::main_with(system::ToyQueue)
}
