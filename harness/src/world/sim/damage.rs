//! Damage to what is on a simulated disk: torn ends, flipped bits, and a new disk in place of the old one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use highwater_broker::env::Rng;
use highwater_workloads::PathPattern;
use highwater_workloads::randomness::below;

use super::lock;
use super::volume::{File, SECTOR, Volume, folder};
use crate::world::{Damage, Damaged};

impl Volume {
    /// Damages files, but none that is protected; what it does is durable. Gives those that are not what they
    /// were.
    pub(super) fn damage(&self, what: &Damage, protected: &[PathPattern], rng: &mut Rng) -> Vec<Damaged> {
        let spared = |path: &str| protected.iter().any(|pattern| pattern.matches(path));
        match what {
            Damage::TornWrite { path, bytes } => {
                let files = self.files(|file| path.matches(file) && !spared(file));
                tear(files, *bytes, rng).into_iter().collect()
            }
            Damage::BitFlip { path } => {
                let files = self.files(|file| path.matches(file) && !spared(file));
                flip(files, rng).into_iter().collect()
            }
            Damage::Wipe => self.forget(spared),
        }
    }

    /// The files that hold anything, among those whose path is one of these.
    fn files(&self, is_one: impl Fn(&str) -> bool) -> Vec<(String, Arc<File>)> {
        let mut files = self.all();
        files.retain(|(path, file)| is_one(path) && file.size() > 0);
        files
    }
}

/// Tears the end of one file off, or leaves zeros there. The last file of a folder is the one that is written.
fn tear(files: Vec<(String, Arc<File>)>, bytes: Option<u64>, rng: &mut Rng) -> Option<Damaged> {
    let mut last: BTreeMap<String, (String, Arc<File>)> = BTreeMap::new();
    for (path, file) in files {
        last.insert(folder(&path).to_owned(), (path, file));
    }
    let drawn = below(rng, last.len() as u64) as usize;
    let (path, file) = last.into_values().nth(drawn)?;
    let mut content = lock(&file.content);
    let len = content.bytes.len();
    let drawn = 1 + below(rng, len.min(SECTOR) as u64) as usize;
    let torn = bytes.map_or(drawn, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)).min(len);
    let from = len - torn;
    content.undo.clear();
    if below(rng, 2) == 0 {
        content.bytes.truncate(from);
        file.used.fetch_sub(torn as u64, Ordering::Relaxed);
    } else {
        content.bytes[from..].fill(0);
        content.note_damage(from);
    }
    Some(Damaged { path, from: from as u64, bytes: torn as u64 })
}

/// Flips one of all bits.
fn flip(files: Vec<(String, Arc<File>)>, rng: &mut Rng) -> Option<Damaged> {
    let bits = |file: &Arc<File>| file.size() * 8;
    let total = files.iter().map(|(_, file)| bits(file)).sum();
    let mut drawn = below(rng, total);
    for (path, file) in files {
        if drawn < bits(&file) {
            let (at, bit) = (drawn / 8, drawn % 8);
            let mut content = lock(&file.content);
            content.bytes[at as usize] ^= 1 << bit;
            content.note_damage(at as usize);
            drop(content);
            return Some(Damaged { path, from: at, bytes: 1 });
        }
        drawn -= bits(&file);
    }
    None
}
