//! Shares the texts that come again and again in a history: keywords, functions, short strings.

use std::sync::Arc;

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

/// How many texts are remembered. What recurs shows up early; beyond that the table would only grow cold.
const NAMES_MAX: usize = 4096;

/// How long a text may be to be looked up, in bytes.
const LENGTH_MAX: usize = 32;

/// The texts seen so far.
#[derive(Default)]
pub(super) struct Names {
    known: HashSet<Arc<str>, FxBuildHasher>,
}

impl Names {
    /// The text, shared with those before it that are equal.
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        if text.len() > LENGTH_MAX {
            return text.into();
        }
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        if self.known.len() < NAMES_MAX {
            self.known.insert(Arc::clone(&new));
        }
        new
    }
}
