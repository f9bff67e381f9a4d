//! Random streams by purpose and name: every draw of a run comes from one of them.
//!
//! A stream depends on the seed, its purpose and its name alone, so that taking one fault, client or disk out
//! of a plan re-rolls no other. What is drawn is stable for ever: a recording's seed must give the same run in
//! a later build, hence the generator of a fixed algorithm and the draws spelled out here.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The random stream of `name` among those that serve `purpose`, for one seed.
///
/// FNV-1a (64 bits) over the purpose, a zero byte and the name, xor-ed with SplitMix64 of the seed, seeds
/// ChaCha8. The zero byte keeps (`ab`, `c`) apart from (`a`, `bc`).
#[must_use]
pub fn stream(seed: u64, purpose: &str, name: &str) -> ChaCha8Rng {
    let named = fnv1a(purpose.bytes().chain([0]).chain(name.bytes()));
    ChaCha8Rng::seed_from_u64(named ^ splitmix64(seed))
}

/// A number drawn uniformly from `0..bound`; 0 if `bound` is 0.
///
/// Lemire's multiply-and-reject ("Fast Random Integer Generation in an Interval", 2019).
pub fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        let (high, low) = ((product >> 64) as u64, product as u64);
        // Of the 2^64 numbers drawn, 2^64 mod bound too many fall on some results: those are drawn again.
        if bound == 0 || low >= bound.wrapping_neg() % bound {
            return high;
        }
    }
}

/// Puts the items in an order drawn uniformly from all their orders (Fisher and Yates).
pub fn shuffle<T>(rng: &mut impl Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(rng, last as u64 + 1) as usize);
    }
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo).
pub(crate) fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
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

    /// Were these to change, no recorded seed could be replayed: they stay as they are for ever.
    #[test]
    fn streams_are_stable_for_ever() {
        // The published test vectors of the two hashes.
        assert_eq!(fnv1a(*b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(*b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(splitmix64(0), 0xe220_a839_7b1d_cdaf);
        let draws = |seed, purpose, name| {
            let mut rng = stream(seed, purpose, name);
            [rng.next_u64(), rng.next_u64(), below(&mut rng, 1_000), below(&mut rng, 6)]
        };
        assert_eq!(
            draws(0, "fault", "f0.0"),
            [12_272_013_639_625_685_669, 11_289_245_377_720_993_813, 666, 4]
        );
        assert_eq!(draws(7, "client", "p1"), [7_605_747_987_065_723_172, 11_959_919_626_992_081_913, 736, 2]);
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
        assert_ne!(first(1, "ab", "c"), first(1, "a", "bc"));
    }

    #[test]
    fn draws_keep_within_their_bound_and_reach_all_of_it() {
        let mut rng = stream(1, "test", "below");
        assert_eq!(below(&mut rng, 0), 0);
        let mut counts = [0; 7];
        for _ in 0..7_000 {
            counts[below(&mut rng, 7) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
        let mut order: Vec<u32> = (0..100).collect();
        shuffle(&mut rng, &mut order);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
