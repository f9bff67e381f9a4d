//! Holds the check of logs against brute force on small random histories, and against known ones.

mod differential;
mod generator;
mod known;
mod metamorphic;
mod oracle;
mod rules;
mod streaming;
