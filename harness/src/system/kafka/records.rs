//! Values as records: eight big-endian bytes in the record's value, one record a batch.

use bytes::Bytes;
use highwater_broker::env::Timestamp;
use highwater_broker::log::batch::{self, BatchError, BatchHeader};
use highwater_checkers::ids::{Offset, Value};
use highwater_checkers::operation::Record;

/// A bit that no packed value has: it marks what stands for bytes that are not ours.
const FOREIGN: u64 = 1 << 63;

/// The batch that carries `value`.
pub(super) fn encode(value: Value, timestamp: Timestamp) -> Bytes {
    batch::encode(&[(None, Bytes::copy_from_slice(&value.0.to_be_bytes()))], timestamp)
}

/// The records from `position` on in what a fetch returned, and the position to read on from.
///
/// The answer begins with the batch that holds the position, and may end within a batch. A record whose value
/// is not ours is given a value that nobody has sent: it is for the checkers to say that it is a phantom.
pub(super) fn decode(mut batches: Bytes, position: Offset) -> Result<(Box<[Record]>, Offset), BatchError> {
    let mut records = Vec::new();
    let mut next = position;
    loop {
        let header = match BatchHeader::parse(&batches) {
            Ok(header) if header.size <= batches.len() => header,
            // The end of the answer, or the batch that the byte limit cut.
            Ok(_) | Err(BatchError::Cut { .. }) => return Ok((records.into(), next)),
            Err(error) => return Err(error),
        };
        for (offset, value) in batch::decode_values(batches.split_to(header.size))? {
            if offset.0 >= position.0 {
                records.push(Record { offset: Offset(offset.0), value: value_of(&value) });
            }
        }
        next = next.max(Offset(header.next().0));
    }
}

/// The value that these bytes are, or one that stands for them (FNV-1a of 64 bits) and that nobody sends.
fn value_of(bytes: &[u8]) -> Value {
    if let Ok(bytes) = <[u8; 8]>::try_from(bytes) {
        return Value(u64::from_be_bytes(bytes));
    }
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Value(hash | FOREIGN)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use highwater_broker::ids as broker;

    use super::*;

    fn record(offset: i64, value: u64) -> Record {
        Record { offset: Offset(offset), value: Value(value) }
    }

    /// A log's bytes: a batch for each value, from offset 0 on.
    fn log(values: &[u64]) -> BytesMut {
        let mut log = BytesMut::new();
        for (offset, value) in values.iter().enumerate() {
            let mut batch = BytesMut::from(&encode(Value(*value), Timestamp(7))[..]);
            batch::stamp(&mut batch, broker::Offset(offset as i64), broker::LeaderEpoch(0));
            log.extend_from_slice(&batch);
        }
        log
    }

    #[test]
    fn a_read_begins_at_its_position_and_tells_where_to_go_on() {
        let log = log(&[70, 71, 72]).freeze();
        let (records, next) = decode(log.clone(), Offset(1)).unwrap();
        assert_eq!((&records[..], next), (&[record(1, 71), record(2, 72)][..], Offset(3)));
        assert_eq!(decode(Bytes::new(), Offset(5)).unwrap(), (Box::default(), Offset(5)));
    }

    #[test]
    fn a_batch_that_was_cut_is_left_for_the_next_read() {
        let log = log(&[70, 71]).freeze();
        for missing in 1..log.len() / 2 {
            let (records, next) = decode(log.slice(..log.len() - missing), Offset(0)).unwrap();
            assert_eq!((&records[..], next), (&[record(0, 70)][..], Offset(1)));
        }
    }

    #[test]
    fn a_foreign_value_becomes_one_that_nobody_sends() {
        for foreign in [&b""[..], b"hello", b"123456789"] {
            let batch = batch::encode(&[(None, Bytes::copy_from_slice(foreign))], Timestamp(0));
            let (records, _) = decode(batch, Offset(0)).unwrap();
            assert!(records[0].value > Value::packed(Value::PRODUCER_MAX, u32::MAX, u8::MAX));
        }
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let mut log = log(&[70]);
        let last = log.len() - 1;
        log[last] ^= 1;
        assert!(matches!(decode(log.freeze(), Offset(0)), Err(BatchError::Crc { .. })));
    }
}
