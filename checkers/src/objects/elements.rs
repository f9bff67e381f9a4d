//! The elements of a history, numbered in the order in which they first appear, and lists of them for reports.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use rustc_hash::FxBuildHasher;

use crate::history::Datum;

/// Elements, the first of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examples {
    /// How many there are.
    pub count: u64,
    /// The first of them, in the order in which the history first speaks of them; at most
    /// [`Examples::MAX`].
    pub first: Vec<Datum>,
}

impl Examples {
    /// How many elements a report names; `count` says how many there are.
    pub const MAX: usize = 32;

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn push(&mut self, element: &Datum) {
        self.push_many(element, 1);
    }

    /// Adds an element that counts more than once.
    pub(super) fn push_many(&mut self, element: &Datum, times: u64) {
        if times > 0 && self.first.len() < Self::MAX {
            self.first.push(element.clone());
        }
        self.count += times;
    }
}

/// The number of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Element(u32);

impl Element {
    pub(super) fn place(self) -> usize {
        self.0 as usize
    }
}

/// Elements, each with what is known of it.
#[derive(Debug)]
pub(super) struct Elements<'a, T> {
    numbers: HashMap<&'a Datum, Element, FxBuildHasher>,
    all: Vec<(&'a Datum, T)>,
}

impl<'a, T: Default> Elements<'a, T> {
    pub(super) fn new() -> Self {
        Self { numbers: HashMap::default(), all: Vec::new() }
    }

    /// The number of an element; nothing is known yet of a new one.
    pub(super) fn number(&mut self, element: &'a Datum) -> Element {
        match self.numbers.entry(element) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(vacant) => {
                let number = Element(self.all.len() as u32);
                self.all.push((element, T::default()));
                *vacant.insert(number)
            }
        }
    }

    /// What is known of an element.
    pub(super) fn entry(&mut self, element: &'a Datum) -> &mut T {
        let number = self.number(element);
        self.at(number)
    }

    pub(super) fn at(&mut self, element: Element) -> &mut T {
        &mut self.all[element.place()].1
    }

    /// Each with what is known of it, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a Datum, &T)> {
        self.all.iter().map(|(element, known)| (*element, known))
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

/// `2 elements were lost, 1 were read twice`: what there is of each kind.
pub(super) fn sentence(found: &[(&Examples, &str)]) -> String {
    let mut parts = Vec::new();
    for (examples, what) in found.iter().filter(|(examples, _)| !examples.is_empty()) {
        parts.push(format!("{} elements {what}", examples.count));
    }
    parts.join("; ")
}
