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

/// Elements, each with what is known of it.
#[derive(Debug)]
pub(super) struct Elements<'a, T> {
    places: HashMap<&'a Datum, usize, FxBuildHasher>,
    all: Vec<(&'a Datum, T)>,
}

impl<'a, T: Default> Elements<'a, T> {
    pub(super) fn new() -> Self {
        Self { places: HashMap::default(), all: Vec::new() }
    }

    /// What is known of an element: nothing yet of a new one.
    pub(super) fn entry(&mut self, element: &'a Datum) -> &mut T {
        let place = match self.places.entry(element) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(vacant) => {
                self.all.push((element, T::default()));
                *vacant.insert(self.all.len() - 1)
            }
        };
        &mut self.all[place].1
    }

    /// Each with what is known of it, in that order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a Datum, &T)> {
        self.all.iter().map(|(element, known)| (*element, known))
    }
}

/// So many elements does a sentence name, of so many characters each.
const NAMED_MAX: usize = 3;
const NAME_LENGTH_MAX: usize = 40;

/// `2 acknowledged and lost (5, 7); 1 read and never added (3)`: what there is of each kind.
pub(super) fn sentence(found: &[(&Examples, &str)]) -> String {
    let mut parts = Vec::new();
    for (examples, what) in found.iter().filter(|(examples, _)| !examples.is_empty()) {
        let mut names: Vec<String> = examples.first.iter().take(NAMED_MAX).map(name).collect();
        if examples.count > names.len() as u64 {
            names.push("…".to_owned());
        }
        let names = names.join(", ");
        parts.push(format!("{} {what} ({names})", examples.count));
    }
    parts.join("; ")
}

fn name(element: &Datum) -> String {
    let mut name = element.to_string();
    if let Some((end, _)) = name.char_indices().nth(NAME_LENGTH_MAX) {
        name.truncate(end);
        name.push('…');
    }
    name
}
