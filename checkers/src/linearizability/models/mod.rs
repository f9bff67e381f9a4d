//! The objects that the general search knows: each a [`Model`](super::model::Model).

mod key_value;
mod keyed;
mod mutex;
mod queue;
mod register;
mod set;

use std::fmt::Debug;
use std::hash::Hash;

pub use key_value::{KeyValue, KeyValueAction};
pub use keyed::{Keyed, KeyedAction};
pub use mutex::{Lock, Mutex, MutexAction};
pub use queue::{FifoQueue, Queue, QueueAction};
pub use register::{Register, RegisterAction};
pub use set::{Set, SetAction};

/// What an object holds: anything that can be compared, hashed and shown.
pub trait Content: Clone + Debug + Ord + Hash {}

impl<V: Clone + Debug + Ord + Hash> Content for V {}

#[cfg(test)]
mod tests;
