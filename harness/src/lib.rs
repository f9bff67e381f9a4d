//! highwater: chaos and fault-injection tests for replicated message queues.

pub mod campaign;
pub mod cli;
pub mod clients;
pub mod nemesis;
pub mod run;
pub mod system;
pub mod view;
pub mod world;
