//! What a run recorded, and what it means: the types of a recording, its reader and writer, and every
//! checker.
//!
//! The crate is the ground floor of highwater: pure, and knowing nothing of how a recording came to be, so
//! that it judges a foreign history as well as our own. Read it in the order in which data flows:
//!
//! 1. [`ids`]: the words for brokers, offsets, epochs, times and values.
//! 2. [`operation`], [`fault`], [`trace`]: the three streams of events that a run yields.
//! 3. [`recording`]: the streams as one file, written as the run goes on.
//! 4. [`monitor`]: the shape of a checker, and the checkers: [`log`] for the clients' history, [`consistency`]
//!    for how consistent what they saw is, [`recovery`] for availability, [`coverage`] for what happened at all; [`state`] is what they fold trace events into.
//! 5. [`contract`]: what the configuration permits; [`invariants`]: what must hold inside of the cluster at every
//!    step; [`fate`]: where a lost record is.
//! 6. [`judge`](mod@judge): all of it over one run, and [`verdict`]: what comes out.
//!
//! Beside that, anybody's histories: [`history`] reads them, [`check`](mod@check) says whether they are those of
//! some object, by way of [`linearizability`] and [`objects`].

pub mod check;
pub mod consistency;
pub mod contract;
pub mod coverage;
pub mod fate;
pub mod fault;
pub mod history;
pub mod ids;
pub mod invariants;
pub mod judge;
pub mod linearizability;
pub mod log;
pub mod monitor;
pub mod objects;
pub mod operation;
pub mod recording;
pub mod recovery;
pub mod state;
pub mod trace;
pub mod verdict;

mod random;
#[cfg(test)]
mod script;
