//! Random streams by purpose and name, and the draws that the simulated world makes of them.
//!
//! What stands here is stable for ever: a recorded seed must give the same run in every later build.

use std::time::Duration;

use highwater_broker::env::Rng;
use rand::{Rng as _, SeedableRng};

/// The random stream of `name` for one `purpose`, so that taking one fault, client or disk out of a run
/// re-rolls no other.
///
/// FNV-1a (64 bits) over the purpose, a zero byte and the name, xor-ed with SplitMix64 of the seed, seeds
/// ChaCha8.
pub(super) fn stream(seed: u64, purpose: &str, name: &str) -> Rng {
    let named =
        purpose.bytes().chain([0]).chain(name.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    Rng::seed_from_u64(named ^ splitmix64(seed))
}

/// A whole number drawn from `0..bound`; 0 if `bound` is 0. The bias of the multiplication is below 2^-32 for
/// all bounds that a simulation has.
pub(super) fn below(rng: &mut Rng, bound: u64) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
}

/// A duration drawn uniformly, both ends included.
pub(super) fn between(rng: &mut Rng, min: Duration, max: Duration) -> Duration {
    let span = max.saturating_sub(min).as_nanos() as u64;
    if span == 0 { min } else { min + Duration::from_nanos(below(rng, span + 1)) }
}

/// One output of SplitMix64 (Steele, Lea and Flood, 2014): neighbouring seeds become unrelated numbers.
fn splitmix64(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Were these to change, no recorded seed could be replayed.
    #[test]
    fn streams_are_stable_for_ever() {
        assert_eq!(splitmix64(0), 0xe220_a839_7b1d_cdaf);
        let first = |seed, purpose, name| stream(seed, purpose, name).next_u64();
        assert_eq!(first(0, "link", "b1>b2"), 11_130_966_265_748_988_022);
        assert_eq!(first(7, "power-loss", "b1/3"), 4_310_250_205_083_031_507);
    }

    #[test]
    fn a_stream_depends_on_seed_purpose_and_name() {
        let first = |seed, purpose, name| stream(seed, purpose, name).next_u64();
        let draws = [
            first(1, "a", "b"),
            first(2, "a", "b"),
            first(1, "b", "b"),
            first(1, "a", "c"),
            first(1, "ab", ""),
        ];
        for (i, draw) in draws.iter().enumerate() {
            assert!(!draws[..i].contains(draw), "{draws:?}");
        }
    }

    #[test]
    fn a_duration_keeps_within_its_bounds_and_reaches_both() {
        let mut rng = stream(1, "test", "between");
        let (min, max) = (Duration::from_nanos(10), Duration::from_nanos(13));
        let drawn: std::collections::BTreeSet<_> =
            (0..100).map(|_| between(&mut rng, min, max).as_nanos()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [10, 11, 12, 13]);
        assert_eq!(between(&mut rng, max, max), max);
    }
}
