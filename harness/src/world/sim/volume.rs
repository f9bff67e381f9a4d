//! What is on a simulated disk: the files as the process sees them, and all it takes to undo what was not
//! synced when the power goes.
//!
//! Bytes are durable after a sync of their file; names after a sync of their folder. A file keeps an undo
//! log of the changes since its last sync: undone backwards, it gives the durable content, or any in between.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use highwater_broker::env::Rng;
use highwater_workloads::randomness::below;

use super::lock;

use crate::world::{Damaged, LostFile, Unsynced};

/// What a disk writes whole or not at all, in bytes.
pub(super) const SECTOR: usize = 512;

/// A disk's content; it outlives the processes that use it.
pub(super) struct Volume {
    names: Mutex<Names>,
    used: Arc<AtomicU64>,
    bytes_max: u64,
    pub(super) appends: AtomicU64,
    pub(super) syncs: AtomicU64,
}

#[derive(Default)]
struct Names {
    now: BTreeMap<String, Arc<File>>,
    durable: BTreeMap<String, Arc<File>>,
    /// The changes of entries whose folder was not synced since, the oldest first.
    journal: Vec<Change>,
    /// Entries that a sync said to be durable, and that are not.
    promised: BTreeSet<String>,
}

/// A change of a folder's entries, done as a whole or not at all: a file gets a name, a name goes, or both.
struct Change {
    named: Option<(String, Arc<File>)>,
    gone: Option<String>,
}

/// A file's content, whatever its name.
pub(super) struct File {
    pub(super) content: Mutex<Content>,
    pub(super) used: Arc<AtomicU64>,
}

#[derive(Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// The changes since the last sync, the oldest first. Appends in a row are one.
    pub(super) undo: Vec<Undo>,
    /// How many bytes a sync said to be durable, if it was a lie.
    promised: usize,
    /// The first of the bytes that a fault made what they are.
    damaged: Option<usize>,
}

pub(super) enum Undo {
    /// So many bytes were appended.
    Append(usize),
    /// These bytes were cut off, and damage among them.
    Truncate(Vec<u8>, Option<usize>),
}

impl Volume {
    /// An empty disk that holds so many bytes.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            names: Mutex::default(),
            used: Arc::default(),
            bytes_max,
            appends: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
        }
    }

    pub(super) fn open(&self, path: &str, create: bool) -> io::Result<Arc<File>> {
        let mut names = lock(&self.names);
        if let Some(file) = names.now.get(path) {
            return Ok(file.clone());
        }
        if !create {
            return Err(not_found(path));
        }
        let file = Arc::new(File { content: Mutex::default(), used: self.used.clone() });
        names.change(Change { named: Some((path.to_owned(), file.clone())), gone: None });
        Ok(file)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        lock(&self.names).now.contains_key(path)
    }

    /// The bytes of all files whose path is one of these.
    pub(super) fn bytes_in(&self, is_one: impl Fn(&str) -> bool) -> u64 {
        let names = lock(&self.names);
        names.now.iter().filter(|(path, _)| is_one(path)).map(|(_, file)| file.size()).sum()
    }

    /// Whether there are bytes that a fault made what they are.
    pub(super) fn is_damaged(&self) -> bool {
        lock(&self.names).now.values().any(|file| lock(&file.content).damaged.is_some())
    }

    pub(super) fn list(&self, dir: &str) -> Vec<String> {
        let names = lock(&self.names);
        let mut entries: Vec<String> = Vec::new();
        for path in names.now.keys() {
            let Some(rest) = within(path, dir) else { continue };
            let entry = rest.split('/').next().expect("a split has a first part");
            entries.push(entry.to_owned());
        }
        entries.sort_unstable();
        entries.dedup();
        entries
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        assert_eq!(folder(from), folder(to), "a rename stays within its folder: {from} to {to}");
        let mut names = lock(&self.names);
        let file = names.now.get(from).ok_or_else(|| not_found(from))?.clone();
        names.change(Change { named: Some((to.to_owned(), file)), gone: Some(from.to_owned()) });
        Ok(())
    }

    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        let mut names = lock(&self.names);
        names.now.get(path).ok_or_else(|| not_found(path))?;
        names.change(Change { named: None, gone: Some(path.to_owned()) });
        Ok(())
    }

    pub(super) fn sync_dir(&self, dir: &str) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let mut names = lock(&self.names);
        let Names { durable, journal, promised, .. } = &mut *names;
        for change in journal.extract_if(.., |change| change.folder() == dir) {
            change.apply(durable);
        }
        promised.retain(|path| folder(path) != dir);
    }

    /// Says that the folder is synced, and does nothing.
    pub(super) fn promise_dir(&self, dir: &str) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let mut names = lock(&self.names);
        let Names { journal, promised, .. } = &mut *names;
        for change in journal.iter().filter(|change| change.folder() == dir) {
            promised.extend(change.named.iter().map(|(path, _)| path.clone()).chain(change.gone.clone()));
        }
    }

    pub(super) fn append(&self, file: &File, data: &[u8]) -> io::Result<()> {
        self.appends.fetch_add(1, Ordering::Relaxed);
        let added = data.len() as u64;
        if self.used.load(Ordering::Relaxed) + added > self.bytes_max {
            let full = format!("the disk is full: it holds {} bytes", self.bytes_max);
            return Err(io::Error::new(io::ErrorKind::StorageFull, full));
        }
        self.used.fetch_add(added, Ordering::Relaxed);
        lock(&file.content).append(data);
        Ok(())
    }

    pub(super) fn sync(&self, file: &File) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let mut content = lock(&file.content);
        content.undo.clear();
        content.promised = 0;
    }

    /// Says that the file is synced, and does nothing.
    pub(super) fn promise(&self, file: &File) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let mut content = lock(&file.content);
        if !content.undo.is_empty() {
            content.promised = content.bytes.len();
        }
    }

    /// Every file, by path.
    pub(super) fn all(&self) -> Vec<(String, Arc<File>)> {
        lock(&self.names).now.iter().map(|(path, file)| (path.clone(), file.clone())).collect()
    }

    /// Forgets every file that is not spared, durably, and gives them.
    pub(super) fn forget(&self, spared: impl Fn(&str) -> bool) -> Vec<Damaged> {
        let mut names = lock(&self.names);
        let Names { now, durable, journal, promised } = &mut *names;
        let (stay, gone): (_, BTreeMap<_, _>) =
            std::mem::take(now).into_iter().partition(|(path, _)| spared(path));
        *now = stay;
        durable.retain(|path, _| spared(path));
        journal.retain(|change| spared(change.path()));
        promised.retain(|path| spared(path));
        let damaged = |(path, file): (String, Arc<File>)| Damaged { path, from: 0, bytes: file.size() };
        gone.into_iter().map(damaged).collect()
    }

    /// Cuts the power: gives the files that lost bytes, by path.
    pub(super) fn power_cut(&self, unsynced: Unsynced, rng: &mut Rng) -> Vec<LostFile> {
        let mut names = lock(&self.names);
        let before: Vec<Before> = names.now.iter().map(|(path, file)| Before::of(path, file)).collect();
        names.power_cut(unsynced, rng);
        let files: Vec<Arc<File>> = names.now.values().cloned().collect();
        for file in files {
            let mut content = lock(&file.content);
            let len = content.bytes.len();
            content.power_cut(unsynced, rng);
            let after = content.bytes.len();
            self.used.fetch_add((after as u64).wrapping_sub(len as u64), Ordering::Relaxed);
        }
        let lost = before.into_iter().filter_map(|before| names.lost(before)).collect();
        names.promised.clear();
        lost
    }
}

/// A file before the power went.
struct Before {
    path: String,
    file: Arc<File>,
    bytes: Vec<u8>,
    promised: usize,
}

impl Before {
    fn of(path: &str, file: &Arc<File>) -> Self {
        let content = lock(&file.content);
        let (bytes, promised) = (content.bytes.clone(), content.promised);
        Self { path: path.to_owned(), file: file.clone(), bytes, promised }
    }
}

impl Names {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.journal.push(change);
    }

    fn power_cut(&mut self, unsynced: Unsynced, rng: &mut Rng) {
        // File systems write their journal in order: what is kept is the beginning of the changes.
        let kept = match unsynced {
            Unsynced::Lost => 0,
            Unsynced::Prefix | Unsynced::Sectors => below(rng, self.journal.len() as u64 + 1) as usize,
            Unsynced::Kept => self.journal.len(),
        };
        for change in self.journal.drain(..).take(kept) {
            change.apply(&mut self.durable);
        }
        self.now = self.durable.clone();
    }

    /// What a file lost.
    fn lost(&self, before: Before) -> Option<LostFile> {
        let Before { path, file, bytes, promised } = before;
        let now = self.now.get(&path);
        let same = |now: &Arc<File>| {
            let content = lock(&now.content);
            bytes.iter().zip(&content.bytes).take_while(|(a, b)| a == b).count()
        };
        let from = now.map_or(0, same);
        let is_another = now.is_none_or(|now| !Arc::ptr_eq(now, &file));
        let promised = from < promised || (is_another && self.promised.contains(&path));
        let lost = (bytes.len() - from) as u64;
        (lost > 0).then_some(LostFile { path, from: from as u64, bytes: lost, promised })
    }
}

impl Change {
    /// One of the entries that it changes; the others are of the same folder.
    fn path(&self) -> &str {
        let named = self.named.as_ref().map(|(path, _)| path);
        named.or(self.gone.as_ref()).expect("a change is of at least one entry")
    }

    fn folder(&self) -> &str {
        folder(self.path())
    }

    fn apply(&self, entries: &mut BTreeMap<String, Arc<File>>) {
        if let Some(path) = &self.gone {
            entries.remove(path);
        }
        if let Some((path, file)) = &self.named {
            entries.insert(path.clone(), file.clone());
        }
    }
}

impl File {
    pub(super) fn read_at(&self, position: u64, len: usize) -> Bytes {
        let content = lock(&self.content);
        let begin = usize::try_from(position).unwrap_or(usize::MAX).min(content.bytes.len());
        let end = begin.saturating_add(len).min(content.bytes.len());
        Bytes::copy_from_slice(&content.bytes[begin..end])
    }

    pub(super) fn truncate(&self, len: u64) {
        let mut content = lock(&self.content);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len < content.bytes.len() {
            let cut = content.bytes.split_off(len);
            self.used.fetch_sub(cut.len() as u64, Ordering::Relaxed);
            let damaged = content.damaged.take_if(|from| *from >= len);
            content.undo.push(Undo::Truncate(cut, damaged));
            content.promised = content.promised.min(len);
        }
    }

    pub(super) fn size(&self) -> u64 {
        lock(&self.content).bytes.len() as u64
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.used.fetch_sub(self.size(), Ordering::Relaxed);
    }
}

impl Content {
    /// The bytes at `from`, and perhaps others behind them, are not what was written.
    pub(super) fn note_damage(&mut self, from: usize) {
        self.damaged = Some(self.damaged.map_or(from, |known| known.min(from)));
    }

    fn append(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
        match self.undo.last_mut() {
            Some(Undo::Append(len)) => *len += data.len(),
            _ => self.undo.push(Undo::Append(data.len())),
        }
    }

    fn undo(&mut self, change: Undo) {
        match change {
            Undo::Append(len) => self.bytes.truncate(self.bytes.len() - len),
            Undo::Truncate(cut, damaged) => {
                self.bytes.extend_from_slice(&cut);
                self.damaged = self.damaged.or(damaged);
            }
        }
    }

    fn power_cut(&mut self, unsynced: Unsynced, rng: &mut Rng) {
        self.promised = 0;
        let changes = std::mem::take(&mut self.undo);
        if changes.is_empty() {
            return;
        }
        match unsynced {
            Unsynced::Lost => changes.into_iter().rev().for_each(|change| self.undo(change)),
            Unsynced::Prefix => self.keep_prefix(changes, rng),
            Unsynced::Sectors => self.keep_sectors(changes, rng),
            Unsynced::Kept => {}
        }
    }

    /// Keeps the first changes, and the last one of them in part.
    fn keep_prefix(&mut self, mut changes: Vec<Undo>, rng: &mut Rng) {
        let torn = below(rng, changes.len() as u64) as usize;
        for change in changes.drain(torn + 1..).rev() {
            self.undo(change);
        }
        match changes.pop().expect("the torn change is there") {
            Undo::Append(len) => {
                let begin = self.bytes.len() - len;
                let end = begin + below(rng, len as u64 + 1) as usize;
                let whole = if end == self.bytes.len() { end } else { end - end % SECTOR };
                self.bytes.truncate(whole.max(begin));
            }
            change @ Undo::Truncate(..) => {
                if below(rng, 2) == 0 {
                    self.undo(change);
                }
            }
        }
    }

    /// Keeps each changed sector or not, whatever becomes of the others.
    fn keep_sectors(&mut self, changes: Vec<Undo>, rng: &mut Rng) {
        let truncated = changes.iter().any(|change| matches!(change, Undo::Truncate(..)));
        let written = self.bytes.clone();
        let mut unchanged = self.bytes.len();
        for change in changes.into_iter().rev() {
            self.undo(change);
            unchanged = unchanged.min(self.bytes.len());
        }
        if truncated {
            // The new length is one change of the file's inode, and comes before what follows it, or not.
            if below(rng, 2) == 0 {
                return;
            }
            self.bytes.truncate(unchanged);
        }
        let mut begin = unchanged;
        while begin < written.len() {
            let end = (begin - begin % SECTOR + SECTOR).min(written.len());
            if below(rng, 2) == 0 {
                self.bytes.resize(begin, 0);
                self.bytes.extend_from_slice(&written[begin..end]);
            }
            begin = end;
        }
    }
}

fn not_found(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no file {path}"))
}

/// The folder of a path; `""` for the root.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The part of `path` below `dir`, if it is there.
fn within<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    if dir.is_empty() { Some(path) } else { path.strip_prefix(dir)?.strip_prefix('/') }
}

#[cfg(test)]
mod tests;
