//! highwater: chaos and fault-injection tests for replicated message queues.

pub mod nemesis;
pub mod world;
