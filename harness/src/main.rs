//! The binary `highwater`.

use std::process::ExitCode;

fn main() -> ExitCode {
    highwater::cli::main()
}
