//! The cluster's metadata: what the controllers decide, and how they decide it.

pub mod command;
mod election;
pub mod outcome;
mod placement;
pub mod state;
