//! What the sinks make of fabricated runs: golden outputs, schemas, limits, and texts that mean harm.

mod fabricated;
mod hostile;
mod limits;
mod outputs;
mod schemas;
