//! What a run recorded, and what it means: the types of a recording, its reader and writer, and every
//! checker.
//!
//! The crate is the ground floor of highwater: pure, and knowing nothing of how a recording came to be, so
//! that it judges a foreign history as well as our own. Read it in the order in which data flows:
//!
//! 1. [`ids`]: the words for brokers, offsets, epochs, times and values.
//! 2. [`operation`], [`fault`], [`trace`]: the three streams of events that a run yields.
//! 3. [`recording`]: the streams as one file, written as the run goes on.
//! 4. [`verdict`]: what comes out: findings, each a violation or permitted, and a run's outcome.

pub mod fault;
pub mod ids;
pub mod operation;
pub mod recording;
pub mod trace;
pub mod verdict;
