//! What becomes of a run's own history on the ladder.

mod anomalies;
mod course;
mod histories;
mod known;
