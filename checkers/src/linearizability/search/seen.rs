//! The configurations that a search has been in, so that it goes into none twice.
//!
//! A configuration is the set of operations put in order so far, with the state they leave. Of two that differ
//! in pending operations alone, the one that used fewer can do all that the other can, so that it stands for
//! both. Forgetting some costs time and nothing else, so that there is a limit to what is remembered.

use std::hash::Hash;

use hashbrown::{Equivalent, HashMap};
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::states::StateId;
use crate::random::mixed;

/// What was seen.
#[derive(Debug)]
pub(super) enum Seen {
    /// Fingerprints of 128 bits, of which two are equal by chance alone; for problems without pending operations.
    Hashed(Table),
    /// The same, each with the pending operations that were used.
    HashedWithPending(Antichains<u128>),
    /// The configurations themselves.
    Exact(Antichains<Box<[u64]>>),
}

impl Seen {
    pub(super) fn new(exact: bool, pending: bool) -> Self {
        match (exact, pending) {
            (true, _) => Self::Exact(Antichains::default()),
            (false, true) => Self::HashedWithPending(Antichains::default()),
            (false, false) => Self::Hashed(Table::new()),
        }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> u64 {
        let len = match self {
            Self::Hashed(table) => table.used,
            Self::HashedWithPending(antichains) => antichains.links.len(),
            Self::Exact(antichains) => antichains.links.len(),
        };
        len as u64
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Hashed(table) => size_of_val(&table.slots[..]),
            Self::HashedWithPending(antichains) => antichains.bytes,
            Self::Exact(antichains) => antichains.bytes,
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Hashed(table) => *table = Table::new(),
            Self::HashedWithPending(antichains) => *antichains = Antichains::default(),
            Self::Exact(antichains) => *antichains = Antichains::default(),
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
    u128::from(mixed(number ^ 0x243f_6a88_85a3_08d3)) << 64
        | u128::from(mixed(!number ^ 0x1319_8a2e_0370_7344))
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

/// Configurations by all but the pending operations they used, and of those the smallest sets.
#[derive(Debug)]
pub(super) struct Antichains<K> {
    /// The first link of each.
    heads: HashMap<K, u32, FxBuildHasher>,
    links: Vec<Link>,
    /// The sets of pending operations, as bits.
    sets: IndexSet<Box<[u64]>, FxBuildHasher>,
    bytes: usize,
}

/// One set of pending operations that a configuration was reached with.
#[derive(Clone, Copy, Debug)]
struct Link {
    set: u32,
    next: u32,
}

const END: u32 = u32::MAX;
/// No more sets than this are compared.
const CHAIN_MAX: usize = 32;

impl<K> Default for Antichains<K> {
    fn default() -> Self {
        Self { heads: HashMap::default(), links: Vec::new(), sets: IndexSet::default(), bytes: 0 }
    }
}

impl<K: Eq + Hash> Antichains<K> {
    /// Whether it is new: not reached before with as few pending operations. What was before is forgotten when
    /// it would take more than about `bytes_max`.
    pub(super) fn insert<Q: Hash + Equivalent<K> + ?Sized>(
        &mut self,
        key: &Q,
        own: impl FnOnce(&Q) -> K,
        pending: &[u64],
        bytes_max: usize,
    ) -> bool {
        let pending = trimmed(pending);
        let head = self.heads.get(key).copied();
        let mut at = head.unwrap_or(END);
        let mut length = 0;
        let mut replaced = None;
        while at != END && length < CHAIN_MAX {
            let link = self.links[at as usize];
            let set = &self.sets[link.set as usize];
            if is_subset(set, pending) {
                return false;
            }
            if is_subset(pending, set) {
                replaced = Some(at);
                break;
            }
            at = link.next;
            length += 1;
        }
        let needed =
            2 * size_of::<(K, u32)>() + size_of_val(key) + size_of::<Link>() + 2 * size_of_val(pending);
        if self.bytes + needed > bytes_max {
            *self = Self::default();
            return true;
        }
        let set = match self.sets.get_index_of(pending) {
            Some(set) => set,
            None => {
                self.bytes += size_of_val(pending) + 3 * size_of::<usize>();
                self.sets.insert_full(pending.into()).0
            }
        } as u32;
        if let Some(replaced) = replaced {
            self.links[replaced as usize].set = set;
            return true;
        }
        self.bytes += size_of::<Link>();
        let link = self.links.len() as u32;
        self.links.push(Link { set, next: head.unwrap_or(END) });
        match self.heads.get_mut(key) {
            Some(head) => *head = link,
            None => {
                self.bytes += 2 * size_of::<(K, u32)>() + size_of_val(key);
                self.heads.insert(own(key), link);
            }
        }
        true
    }
}

fn trimmed(words: &[u64]) -> &[u64] {
    let end = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
    &words[..end]
}

/// Whether every bit of the one is in the other; both are trimmed.
fn is_subset(small: &[u64], large: &[u64]) -> bool {
    small.len() <= large.len() && small.iter().zip(large).all(|(small, large)| small & !large == 0)
}
