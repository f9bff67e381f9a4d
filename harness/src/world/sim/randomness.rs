//! The draws that the simulated world makes of its random streams.

use std::time::Duration;

use highwater_broker::env::Rng;
use highwater_workloads::randomness::below;

/// A duration drawn uniformly, both ends included, to the nanosecond.
pub(super) fn between(rng: &mut Rng, min: Duration, max: Duration) -> Duration {
    let span = max.saturating_sub(min).as_nanos() as u64;
    if span == 0 { min } else { min + Duration::from_nanos(below(rng, span + 1)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use highwater_workloads::randomness::stream;

    use super::*;

    #[test]
    fn a_duration_keeps_within_its_bounds_and_reaches_both() {
        let mut rng = stream(1, "test", "between");
        let (min, max) = (Duration::from_nanos(10), Duration::from_nanos(13));
        let drawn: BTreeSet<_> = (0..100).map(|_| between(&mut rng, min, max).as_nanos()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [10, 11, 12, 13]);
        assert_eq!(between(&mut rng, max, max), max);
    }

    /// Were these to change, no recorded seed could be replayed.
    #[test]
    fn latencies_are_stable_for_ever() {
        let mut rng = stream(7, "link", "b1>b2");
        let drawn = [(); 3]
            .map(|()| between(&mut rng, Duration::from_millis(1), Duration::from_millis(5)).as_nanos());
        assert_eq!(drawn, [2_947_155, 1_269_487, 2_669_886]);
    }
}
