//! The reference broker: a small replicated log broker that speaks the Kafka protocol.

pub mod config;
pub mod controller;
pub mod env;
pub mod ids;
pub mod log;
pub mod mutant;
pub mod quorum;
mod replica;
pub mod server;
pub mod trace;
pub mod watch;
pub mod wire;
