//! The exit codes of the command line: all of them, here and nowhere else.
//!
//! Of several that apply to a process over many seeds the first of 70, 74, 4, 1, 130 or 124, 3, 0 is taken:
//! [`Conclusion`] is ordered so.

use std::process::ExitCode;

use highwater_reports::{Conclusion, Outcome};

/// Why the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Every seed as expected.
    Success = 0,
    /// A violation, or an expectation that did not show.
    Violation = 1,
    /// Bad usage, or a scenario that does not parse or make sense. clap uses the same code.
    Usage = 2,
    /// Inconclusive: a checker could not tell, nothing was acknowledged, a fault never bit, or the steady state
    /// was not reached.
    Inconclusive = 3,
    /// Nondeterminism: one seed, two recordings.
    Nondeterministic = 4,
    /// Nothing ran.
    NothingRan = 5,
    /// A replay by another build did not show the recorded violation.
    NotReproduced = 6,
    /// An internal error: highwater itself failed, the simulated world or its clients among it (EX_SOFTWARE).
    Internal = 70,
    /// A recording, report or scenario cannot be read or written, or is damaged (EX_IOERR).
    Unwritable = 74,
    /// Over the time limit, as timeout(1) says it; what was found so far is reported.
    TimedOut = 124,
    /// Interrupted, as a shell says it of SIGINT; what was found so far is reported.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Conclusion> for Exit {
    fn from(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Pass => Self::Success,
            Conclusion::Inconclusive => Self::Inconclusive,
            Conclusion::TimedOut => Self::TimedOut,
            Conclusion::Interrupted => Self::Interrupted,
            Conclusion::Violation => Self::Violation,
            Conclusion::Nondeterministic => Self::Nondeterministic,
            Conclusion::Unwritable => Self::Unwritable,
            Conclusion::InternalError => Self::Internal,
            Conclusion::NothingRan => Self::NothingRan,
        }
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        Conclusion::from(outcome).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_conclusion_decides() {
        let mut all = [
            Conclusion::Interrupted,
            Conclusion::Pass,
            Conclusion::Violation,
            Conclusion::Inconclusive,
            Conclusion::InternalError,
            Conclusion::Nondeterministic,
            Conclusion::TimedOut,
            Conclusion::Unwritable,
        ];
        all.sort_by_key(|conclusion| std::cmp::Reverse(*conclusion));
        assert_eq!(all.map(|conclusion| Exit::from(conclusion) as u8), [70, 74, 4, 1, 130, 124, 3, 0]);
    }
}
