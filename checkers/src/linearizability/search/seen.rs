//! The configurations that a search has been in, so that it goes into none twice.
//!
//! A configuration is the set of operations put in order so far, with the state they leave. Forgetting some
//! costs time and nothing else, so that there is a limit to what is remembered.

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

use super::states::StateId;

/// What was seen.
#[derive(Debug)]
pub(super) enum Seen {
    /// By 128-bit fingerprints, of which two are equal by chance alone.
    Hashed(Table),
    /// By the configurations themselves.
    Exact(Whole),
}

impl Seen {
    pub(super) fn new(exact: bool) -> Self {
        if exact { Self::Exact(Whole::default()) } else { Self::Hashed(Table::new()) }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> u64 {
        let len = match self {
            Self::Hashed(table) => table.used,
            Self::Exact(whole) => whole.set.len(),
        };
        len as u64
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Hashed(table) => size_of_val(&table.slots[..]),
            Self::Exact(whole) => whole.bytes,
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Hashed(table) => *table = Table::new(),
            Self::Exact(whole) => *whole = Whole::default(),
        }
    }
}

/// The contribution of one operation to the fingerprint of a set: sets are combined by exclusive or.
pub(super) fn fingerprint(rank: u32) -> u128 {
    wide(u64::from(rank) | 1 << 40)
}

/// The contribution of the state to the fingerprint of a configuration.
pub(super) fn state_fingerprint(state: StateId) -> u128 {
    wide(u64::from(state.0) | 1 << 41)
}

fn wide(number: u64) -> u128 {
    u128::from(mix(number ^ 0x243f_6a88_85a3_08d3)) << 64 | u128::from(mix(!number ^ 0x1319_8a2e_0370_7344))
}

/// Spreads a number over 64 bits: the last step of splitmix64, after one addition of its increment.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// A table of fingerprints that grows up to a limit, and from then on puts new ones in the place of old ones.
#[derive(Debug)]
pub(super) struct Table {
    /// A power of two of them; 0 is a free one.
    slots: Vec<u128>,
    used: usize,
}

/// How far from its own slot a fingerprint may lie.
const WINDOW: usize = 16;
const SLOTS_MIN: usize = 64;

impl Table {
    fn new() -> Self {
        Self { slots: vec![0; SLOTS_MIN], used: 0 }
    }

    /// Whether it is new. Takes at most about `bytes_max`.
    pub(super) fn insert(&mut self, key: u128, bytes_max: usize) -> bool {
        let key = key.max(1);
        if self.used * 8 >= self.slots.len() * 5 && self.slots.len() * 2 * size_of::<u128>() <= bytes_max {
            self.grow();
        }
        self.put(key)
    }

    fn put(&mut self, key: u128) -> bool {
        let mask = self.slots.len() - 1;
        let home = key as usize & mask;
        for step in 0..WINDOW {
            let slot = &mut self.slots[(home + step) & mask];
            if *slot == key {
                return false;
            }
            if *slot == 0 {
                *slot = key;
                self.used += 1;
                return true;
            }
        }
        let victim = (key >> 64) as usize % WINDOW;
        self.slots[(home + victim) & mask] = key;
        true
    }

    fn grow(&mut self) {
        let doubled = vec![0; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, doubled);
        self.used = 0;
        for key in old.into_iter().filter(|key| *key != 0) {
            self.put(key);
        }
    }
}

/// Configurations in full: a state, and a set with its long run of early operations left out.
#[derive(Debug, Default)]
pub(super) struct Whole {
    set: HashSet<Box<[u64]>, FxBuildHasher>,
    bytes: usize,
}

impl Whole {
    /// Whether it is new. When full it remembers no more.
    pub(super) fn insert(&mut self, key: &[u64], bytes_max: usize) -> bool {
        if self.set.contains(key) {
            return false;
        }
        let bytes = size_of_val(key) + 2 * size_of::<Box<[u64]>>();
        if self.bytes + bytes <= bytes_max {
            self.bytes += bytes;
            self.set.insert(key.into());
        }
        true
    }
}
