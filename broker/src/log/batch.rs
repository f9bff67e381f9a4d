//! The Kafka v2 record batch: its 61-byte header, checked and stamped in place.
//!
//! The broker never looks past the header. [`encode`] and [`decode_values`] are for those who make and
//! read records: clients and tests.

use crate::ids::{LeaderEpoch, Offset};
use crate::mutant::{Mutant, Mutants};

pub use super::record::{decode_values, encode};

/// Bytes of a batch's header, which its records follow.
pub const HEADER_BYTES: usize = 61;

/// The only magic there is since Kafka 0.11.
pub(super) const MAGIC: u8 = 2;
/// Where the header's fields stand, in bytes; all are big-endian.
pub(super) mod field {
    pub(crate) const BASE_OFFSET: usize = 0;
    pub(crate) const LENGTH: usize = 8;
    pub(crate) const LEADER_EPOCH: usize = 12;
    pub(crate) const MAGIC: usize = 16;
    pub(crate) const CRC: usize = 17;
    /// The CRC covers the batch from here on, so what stands before can be stamped in place.
    pub(crate) const ATTRIBUTES: usize = 21;
    pub(crate) const LAST_OFFSET_DELTA: usize = 23;
    pub(crate) const COUNT: usize = 57;
}

/// The header's length field counts the bytes after itself.
const UNCOUNTED_BYTES: usize = field::LENGTH + 4;

/// What is wrong with a batch, or with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// There are no bytes at all.
    #[error("there is no batch")]
    Empty,
    /// The bytes end within the batch.
    #[error("the batch needs {needed} bytes, and {available} are there")]
    Cut {
        /// The size of the header or of the batch, in bytes.
        needed: usize,
        /// The bytes there are.
        available: usize,
    },
    /// The length field is smaller than the header's own rest.
    #[error("the length field says {0}, which is less than a header")]
    Length(i32),
    /// A message format other than v2.
    #[error("the magic is {0}, not 2")]
    Magic(u8),
    /// The count of records is not positive, or the last offset delta is not one less.
    #[error("the batch counts {count} records and has {last_offset_delta} as its last offset delta")]
    Count {
        /// The count of records.
        count: i32,
        /// The last record's offset less the base offset.
        last_offset_delta: i32,
    },
    /// The base offset is negative, or so high that the last one overflows.
    #[error("the base offset is {0}")]
    BaseOffset(i64),
    /// The bytes are not those that the checksum was computed over.
    #[error("the CRC-32C is {computed:08x}, and the header says {stored:08x}")]
    Crc {
        /// The header's.
        stored: u32,
        /// That of the bytes.
        computed: u32,
    },
    /// The batch does not begin where the one before it ends.
    #[error("the batch begins at offset {found}, where {expected} is next")]
    Gap {
        /// The next offset.
        expected: Offset,
        /// The batch's base offset.
        found: Offset,
    },
    /// A leader epoch that goes back behind the log's, or is not the one noted for the batch's offset.
    #[error("the leader epoch is {found}, where the log is at {latest}")]
    Epoch {
        /// The log's epoch there.
        latest: LeaderEpoch,
        /// The batch's.
        found: LeaderEpoch,
    },
    /// The records are compressed, which only [`decode_values`] minds.
    #[error("the records are compressed")]
    Compressed,
    /// A record that is not what the batch says.
    #[error("record {0} of the batch is malformed")]
    Record(i32),
}

/// A batch's header: what the log needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The first record's offset.
    pub base: Offset,
    /// The whole batch's size, header included, in bytes.
    pub size: usize,
    /// The epoch of the leader that appended the batch; −1 from a producer.
    pub epoch: LeaderEpoch,
    /// The stored CRC-32C of the bytes from the attributes on.
    pub crc: u32,
    /// Compression, timestamp type, transactional and control bits.
    pub attributes: u16,
    /// How many records there are, at least 1.
    pub count: i64,
}

impl BatchHeader {
    /// Reads and checks the header at the front of `bytes`, which may end before the batch does.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(BatchError::Cut { needed: HEADER_BYTES, available: bytes.len() });
        };
        let length = i32::from_be_bytes(array(header, field::LENGTH));
        let size = usize::try_from(length).unwrap_or(0) + UNCOUNTED_BYTES;
        if size < HEADER_BYTES {
            return Err(BatchError::Length(length));
        }
        if header[field::MAGIC] != MAGIC {
            return Err(BatchError::Magic(header[field::MAGIC]));
        }
        let count = i32::from_be_bytes(array(header, field::COUNT));
        let last_offset_delta = i32::from_be_bytes(array(header, field::LAST_OFFSET_DELTA));
        if count < 1 || last_offset_delta != count - 1 {
            return Err(BatchError::Count { count, last_offset_delta });
        }
        let base = i64::from_be_bytes(array(header, field::BASE_OFFSET));
        if base < 0 || base.checked_add(i64::from(count)).is_none() {
            return Err(BatchError::BaseOffset(base));
        }
        Ok(Self {
            base: Offset(base),
            size,
            epoch: LeaderEpoch(i32::from_be_bytes(array(header, field::LEADER_EPOCH))),
            crc: u32::from_be_bytes(array(header, field::CRC)),
            attributes: u16::from_be_bytes(array(header, field::ATTRIBUTES)),
            count: i64::from(count),
        })
    }

    /// The offset after the last record's.
    pub fn next(&self) -> Offset {
        self.base.plus(self.count)
    }

    /// The offset after the last record of the whole batches in `records`; `None` if there are none.
    pub(crate) fn end_of(records: &[u8]) -> Option<Offset> {
        let (mut end, mut position) = (None, 0);
        while let Ok(header) = Self::parse(&records[position..]) {
            position += header.size;
            if position > records.len() {
                break;
            }
            end = Some(header.next());
        }
        end
    }

    /// Checks the bytes of this header's batch, at the front of `bytes`, against the stored CRC, and
    /// returns the computed one.
    pub fn verify(&self, bytes: &[u8]) -> Result<u32, BatchError> {
        self.verify_with(bytes, Mutants::NONE)
    }

    /// The same, as a log with these defects does it.
    pub(super) fn verify_with(&self, bytes: &[u8], mutants: Mutants) -> Result<u32, BatchError> {
        let Some(batch) = bytes.get(..self.size) else {
            return Err(BatchError::Cut { needed: self.size, available: bytes.len() });
        };
        let computed = crc32c::crc32c(&batch[field::ATTRIBUTES..]);
        if computed != self.crc && !mutants.has(Mutant::CrcSkip) {
            return Err(BatchError::Crc { stored: self.crc, computed });
        }
        Ok(computed)
    }

    /// Checks that the batch continues a log that ends at `expected` and whose latest epoch is `latest`.
    pub(super) fn continues(&self, expected: Offset, latest: Option<LeaderEpoch>) -> Result<(), BatchError> {
        if self.base != expected {
            return Err(BatchError::Gap { expected, found: self.base });
        }
        let latest = latest.unwrap_or(LeaderEpoch(0));
        if self.epoch < latest {
            return Err(BatchError::Epoch { latest, found: self.epoch });
        }
        Ok(())
    }
}

/// Stamps a batch with its place in the log, as a leader does. The CRC does not cover what is written.
pub fn stamp(batch: &mut [u8], base: Offset, epoch: LeaderEpoch) {
    batch[field::BASE_OFFSET..][..8].copy_from_slice(&base.0.to_be_bytes());
    batch[field::LEADER_EPOCH..][..4].copy_from_slice(&epoch.0.to_be_bytes());
}

/// The `N` bytes of the field at `position`.
fn array<const N: usize>(header: &[u8; HEADER_BYTES], position: usize) -> [u8; N] {
    *header[position..].first_chunk().expect("a field lies within the header")
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};

    use super::*;
    use crate::env::Timestamp;

    fn batch(values: &[&'static str]) -> BytesMut {
        let records: Vec<_> = values.iter().map(|v| (None, Bytes::from_static(v.as_bytes()))).collect();
        BytesMut::from(&encode(&records, Timestamp(7))[..])
    }

    /// The verdict on a batch of two records in which `bytes` were written over `position`.
    fn verdict(position: usize, bytes: &[u8]) -> Result<u32, BatchError> {
        let mut batch = batch(&["a", "b"]);
        batch[position..][..bytes.len()].copy_from_slice(bytes);
        BatchHeader::parse(&batch)?.verify(&batch)
    }

    #[test]
    fn a_good_batch_passes_and_is_read_back() {
        let batch = batch(&["a", "b"]);
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!((header.base, header.count, header.next()), (Offset(0), 2, Offset(2)));
        assert_eq!(header.size, batch.len());
        assert_eq!(header.verify(&batch), Ok(header.crc));
    }

    #[test]
    fn each_rule_refuses_its_own_breach() {
        assert_eq!(verdict(field::LENGTH, &48_i32.to_be_bytes()), Err(BatchError::Length(48)));
        assert_eq!(verdict(field::LENGTH, &(-1_i32).to_be_bytes()), Err(BatchError::Length(-1)));
        assert!(matches!(verdict(field::LENGTH, &i32::MAX.to_be_bytes()), Err(BatchError::Cut { .. })));
        assert_eq!(verdict(field::MAGIC, &[1]), Err(BatchError::Magic(1)));
        for count in [0, -1, 3, i32::MIN, i32::MAX] {
            let error = BatchError::Count { count, last_offset_delta: 1 };
            assert_eq!(verdict(field::COUNT, &count.to_be_bytes()), Err(error));
        }
        assert_eq!(verdict(field::BASE_OFFSET, &(-1_i64).to_be_bytes()), Err(BatchError::BaseOffset(-1)));
        let last = i64::MAX - 1;
        assert_eq!(verdict(field::BASE_OFFSET, &last.to_be_bytes()), Err(BatchError::BaseOffset(last)));
        assert!(matches!(verdict(HEADER_BYTES, &[0xff]), Err(BatchError::Crc { .. })));
        assert!(matches!(verdict(field::CRC, &[0, 0, 0, 0]), Err(BatchError::Crc { .. })));
    }

    #[test]
    fn every_cut_is_noticed() {
        let batch = batch(&["some value"]);
        for len in 0..batch.len() {
            let cut = &batch[..len];
            let verdict = BatchHeader::parse(cut).and_then(|header| header.verify(cut));
            assert!(matches!(verdict, Err(BatchError::Cut { available, .. }) if available == len));
        }
    }

    #[test]
    fn a_stamp_changes_place_and_epoch_and_leaves_the_crc_valid() {
        let mut batch = batch(&["a", "b"]);
        stamp(&mut batch, Offset(40), LeaderEpoch(3));
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!((header.base, header.epoch, header.next()), (Offset(40), LeaderEpoch(3), Offset(42)));
        assert!(header.verify(&batch).is_ok());
    }

    #[test]
    fn a_batch_continues_only_its_own_place() {
        let mut batch = batch(&["a"]);
        stamp(&mut batch, Offset(5), LeaderEpoch(2));
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!(header.continues(Offset(5), None), Ok(()));
        assert_eq!(header.continues(Offset(5), Some(LeaderEpoch(2))), Ok(()));
        for expected in [Offset(4), Offset(6)] {
            assert_eq!(header.continues(expected, None), Err(BatchError::Gap { expected, found: Offset(5) }));
        }
        let error = BatchError::Epoch { latest: LeaderEpoch(3), found: LeaderEpoch(2) };
        assert_eq!(header.continues(Offset(5), Some(LeaderEpoch(3))), Err(error));
        stamp(&mut batch, Offset(5), LeaderEpoch(-1));
        let unstamped = BatchHeader::parse(&batch).unwrap();
        let error = BatchError::Epoch { latest: LeaderEpoch(0), found: LeaderEpoch(-1) };
        assert_eq!(unstamped.continues(Offset(5), None), Err(error));
    }
}
