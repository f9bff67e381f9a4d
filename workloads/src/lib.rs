//! The scenario language of highwater, its diagnostics, and the generators that turn a scenario and a seed
//! into a plan.
//!
//! The way in is [`scenario::parse`]: YAML text becomes a [`Scenario`], or [`Diagnostics`] that tell every
//! mistake of the file at once. [`Plan::new`] then makes every choice that can be made before a run: it turns
//! a scenario and a seed into plain data that can be printed, stored, shrunk and replayed.
//!
//! What only a system under test knows (its configuration keys, roles, events and mutants) comes in as a
//! [`Vocabulary`]; nothing here names a broker's internals.

pub mod duration;
pub mod names;
pub mod paths;
pub mod plan;
pub mod randomness;
pub mod scenario;
pub mod suites;

pub use names::{Host, TopicPartition};
pub use paths::PathPattern;
pub use plan::Plan;

pub use scenario::{Diagnostics, Scenario, Vocabulary};
