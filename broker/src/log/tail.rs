//! The log's newest batches in memory, so that a read right after the write costs no disk call.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::ids::Offset;

/// One batch as it was written.
#[derive(Debug)]
struct Recent {
    base: Offset,
    next: Offset,
    bytes: Bytes,
}

/// Consecutive batches up to the log's end; the oldest give way when there are too many bytes.
#[derive(Debug)]
pub(super) struct Tail {
    batches: VecDeque<Recent>,
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { batches: VecDeque::new(), bytes: 0, bytes_max }
    }

    /// Adds the batch that was just written at the log's end.
    pub(super) fn push(&mut self, base: Offset, next: Offset, bytes: Bytes) {
        assert!(self.batches.back().is_none_or(|last| last.next == base), "the tail has a gap before {base}");
        self.bytes += bytes.len();
        self.batches.push_back(Recent { base, next, bytes });
        while self.bytes > self.bytes_max {
            let oldest = self.batches.pop_front().expect("there are bytes, so there is a batch");
            self.bytes -= oldest.bytes.len();
        }
    }

    /// Forgets what the log no longer holds, now that it ends at `end`.
    pub(super) fn truncate(&mut self, end: Offset) {
        while let Some(newest) = self.batches.back().filter(|newest| newest.next > end) {
            self.bytes -= newest.bytes.len();
            self.batches.pop_back();
        }
    }

    /// What [`super::Log::read`] is to answer; `None` if the batch that contains `from` is not here.
    pub(super) fn read(&self, from: Offset, until: Offset, max_bytes: usize) -> Option<Bytes> {
        let first = self.batches.partition_point(|batch| batch.next <= from);
        if self.batches.get(first)?.base > from {
            return None;
        }
        let mut size = 0;
        let mut count = 0;
        for batch in self.batches.range(first..).take_while(|batch| batch.next <= until) {
            if count > 0 && size + batch.bytes.len() > max_bytes {
                break;
            }
            size += batch.bytes.len();
            count += 1;
        }
        let mut batches = self.batches.range(first..first + count);
        if count == 1 {
            return batches.next().map(|batch| batch.bytes.clone());
        }
        let joined = batches.fold(BytesMut::with_capacity(size), |mut joined, batch| {
            joined.extend_from_slice(&batch.bytes);
            joined
        });
        Some(joined.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches of 10 records and 4 bytes from offset 0 on.
    fn tail(count: i64, bytes_max: usize) -> Tail {
        let mut tail = Tail::new(bytes_max);
        for n in 0..count {
            tail.push(Offset(n * 10), Offset(n * 10 + 10), Bytes::from(vec![n as u8; 4]));
        }
        tail
    }

    fn read(tail: &Tail, from: i64, until: i64, max_bytes: usize) -> Option<Vec<u8>> {
        let bytes = tail.read(Offset(from), Offset(until), max_bytes)?;
        Some(bytes.chunks(4).map(|batch| batch[0]).collect())
    }

    #[test]
    fn reads_whole_batches_within_bounds() {
        let tail = tail(4, 100);
        assert_eq!(read(&tail, 0, 40, 100), Some(vec![0, 1, 2, 3]));
        assert_eq!(read(&tail, 15, 40, 100), Some(vec![1, 2, 3]));
        assert_eq!(read(&tail, 15, 39, 100), Some(vec![1, 2]));
        assert_eq!(read(&tail, 15, 40, 11), Some(vec![1, 2]));
        assert_eq!(read(&tail, 15, 40, 0), Some(vec![1]));
        assert_eq!(read(&tail, 15, 19, 100), Some(vec![]));
        assert_eq!(read(&tail, 40, 40, 100), None);
    }

    #[test]
    fn the_oldest_give_way() {
        let two = tail(4, 11);
        assert_eq!(read(&two, 10, 40, 100), None);
        assert_eq!(read(&two, 20, 40, 100), Some(vec![2, 3]));
        assert_eq!(read(&tail(4, 3), 30, 40, 100), None);
    }

    #[test]
    fn nothing_stale_survives_a_truncation() {
        let mut tail = tail(4, 100);
        tail.truncate(Offset(20));
        assert_eq!(read(&tail, 20, 40, 100), None);
        tail.push(Offset(20), Offset(30), Bytes::from_static(&[9; 4]));
        assert_eq!(read(&tail, 10, 30, 100), Some(vec![1, 9]));
        tail.truncate(Offset(0));
        assert_eq!((read(&tail, 0, 40, 100), tail.bytes), (None, 0));
    }
}
