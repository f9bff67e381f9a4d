//! The sparse index of a segment: from offsets to positions in the file, every so many bytes.

use crate::ids::Offset;

/// Where some of a segment's batches begin. It is kept in memory and rebuilt by recovery.
#[derive(Debug)]
pub(super) struct Index {
    /// The segment's own base offset, which stands at position 0.
    base: Offset,
    interval_bytes: u64,
    /// Base offsets and positions, both rising.
    entries: Vec<(Offset, u64)>,
}

impl Index {
    pub(super) fn new(base: Offset, interval_bytes: u64) -> Self {
        Self { base, interval_bytes, entries: Vec::new() }
    }

    /// Notes that a batch begins at `position`, if the last one noted is far enough behind it.
    pub(super) fn note(&mut self, base: Offset, position: u64) {
        let last = self.entries.last().map_or(0, |(_, position)| *position);
        assert!(last <= position, "the index goes back from byte {last} to {position}");
        if position - last >= self.interval_bytes && position > 0 {
            self.entries.push((base, position));
        }
    }

    /// The base offset and position of a batch that is at most about an interval before the one that
    /// contains `offset`, or is that one.
    pub(super) fn floor(&self, offset: Offset) -> (Offset, u64) {
        let after = self.entries.partition_point(|(base, _)| *base <= offset);
        after.checked_sub(1).map_or((self.base, 0), |last| self.entries[last])
    }

    /// Forgets the batches that begin at `len` or after it.
    pub(super) fn truncate(&mut self, len: u64) {
        self.entries.retain(|(_, position)| *position < len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches of 5 records and 40 bytes from offset 100 on, indexed every 100 bytes: at 120, 240, 360.
    fn index() -> Index {
        let mut index = Index::new(Offset(100), 100);
        for n in 0..10 {
            index.note(Offset(100 + n * 5), n as u64 * 40);
        }
        index
    }

    #[test]
    fn lookups_give_the_last_entry_at_or_before_the_offset() {
        let index = index();
        assert_eq!(index.entries, [(Offset(115), 120), (Offset(130), 240), (Offset(145), 360)]);
        for (offset, base, position) in
            [(100, 100, 0), (114, 100, 0), (115, 115, 120), (129, 115, 120), (130, 130, 240), (999, 145, 360)]
        {
            assert_eq!(index.floor(Offset(offset)), (Offset(base), position), "offset {offset}");
        }
    }

    #[test]
    fn truncation_forgets_what_lies_behind() {
        let mut index = index();
        index.truncate(241);
        assert_eq!(index.floor(Offset(999)), (Offset(130), 240));
        index.truncate(240);
        assert_eq!(index.floor(Offset(999)), (Offset(115), 120));
        index.truncate(0);
        assert_eq!(index.floor(Offset(999)), (Offset(100), 0));
        index.note(Offset(107), 100);
        assert_eq!(index.floor(Offset(999)), (Offset(107), 100));
    }
}
