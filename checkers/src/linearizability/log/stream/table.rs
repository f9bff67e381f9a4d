//! A map from numbers that mostly follow each other: a vector, and a tree for those that are far away.

use std::collections::{BTreeMap, VecDeque};

/// Values by number.
#[derive(Debug)]
pub(super) struct Table<V> {
    base: i64,
    near: VecDeque<Option<V>>,
    far: BTreeMap<i64, V>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { base: 0, near: VecDeque::new(), far: BTreeMap::new() }
    }
}

impl<V: Copy> Table<V> {
    /// How far ahead of what there is a number may be to be near.
    const REACH: usize = 1024;

    fn place(&self, key: i64) -> Option<usize> {
        key.checked_sub(self.base).and_then(|place| usize::try_from(place).ok())
    }

    pub(super) fn get(&self, key: i64) -> Option<V> {
        let near = self.place(key).and_then(|place| *self.near.get(place)?);
        near.or_else(|| self.far.get(&key).copied())
    }

    pub(super) fn insert(&mut self, key: i64, value: V) {
        if self.near.is_empty() {
            self.base = key;
        }
        let limit = self.near.len() + self.near.len() / 2 + Self::REACH;
        match self.place(key).filter(|place| *place < limit) {
            Some(place) => {
                if place >= self.near.len() {
                    self.near.resize_with(place + 1, || None);
                }
                self.near[place] = Some(value);
                self.far.remove(&key);
            }
            None => {
                self.far.insert(key, value);
            }
        }
    }

    /// Takes a value out, and forgets the room for all before the first that is left.
    pub(super) fn remove(&mut self, key: i64) -> Option<V> {
        let value = self.place(key).and_then(|place| self.near.get_mut(place)?.take());
        while let Some(None) = self.near.front() {
            self.near.pop_front();
            self.base += 1;
        }
        value.or_else(|| self.far.remove(&key))
    }
}
