//! The random streams that a plan is drawn from.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use crate::randomness::{below, stream};

/// What is drawn of a client beforehand.
pub(super) fn client(seed: u64, name: &str) -> ChaCha8Rng {
    stream(seed, "plan-client", name)
}

/// What is drawn of a fault's occurrence beforehand; one choice has one stream, so that choices added to the
/// language re-roll no older ones.
pub(super) fn fault(seed: u64, choice: &str, name: &str) -> ChaCha8Rng {
    stream(seed, &format!("plan-fault-{choice}"), name)
}

/// A time span drawn uniformly from zero up to `limit`, which is excluded unless it is zero.
pub(super) fn within(rng: &mut ChaCha8Rng, limit: Duration) -> Duration {
    Duration::from_nanos(below(rng, u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)))
}
