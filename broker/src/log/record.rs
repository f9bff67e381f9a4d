//! Records within a batch, as clients write and read them: varints, uncompressed.

use bytes::{BufMut, Bytes, BytesMut};

use super::batch::{BatchError, BatchHeader, HEADER_BYTES, MAGIC, field};
use crate::env::Timestamp;
use crate::ids::Offset;

/// Attribute bits of the compression codec; 0 is none.
const COMPRESSION: u16 = 0b111;
/// The attribute bit of a batch that holds markers of the broker's own.
const CONTROL: u16 = 1 << 5;
/// A record without key, value and headers: seven varints or bytes of one byte each.
const RECORD_BYTES_MIN: usize = 7;
/// A varint of 64 bits takes at most so many bytes.
const VARINT_BYTES_MAX: usize = 10;

/// Encodes one uncompressed batch of `records`, each a key and a value, as a producer without
/// idempotence sends it: base offset 0, no leader epoch.
///
/// # Panics
/// If `records` is empty, or they are more than fit a batch's 2 GiB.
pub fn encode(records: &[(Option<Bytes>, Bytes)], timestamp: Timestamp) -> Bytes {
    assert!(!records.is_empty(), "a batch has at least one record");
    let count = i32::try_from(records.len()).expect("a batch's records are counted in 31 bits");
    let payload: usize =
        records.iter().map(|(key, value)| key.as_ref().map_or(0, Bytes::len) + value.len()).sum();
    let mut batch = BytesMut::with_capacity(HEADER_BYTES + payload + records.len() * 16);

    batch.put_i64(0); // base offset
    batch.put_i32(0); // length, known at the end
    batch.put_i32(-1); // leader epoch
    batch.put_u8(MAGIC);
    batch.put_u32(0); // CRC, known at the end
    batch.put_u16(0); // attributes
    batch.put_i32(count - 1); // last offset delta
    batch.put_i64(timestamp.0); // base timestamp
    batch.put_i64(timestamp.0); // max timestamp
    batch.put_i64(-1); // producer id
    batch.put_i16(-1); // producer epoch
    batch.put_i32(-1); // base sequence
    batch.put_i32(count);
    debug_assert_eq!(batch.len(), HEADER_BYTES);

    let mut body = BytesMut::new();
    for (delta, (key, value)) in records.iter().enumerate() {
        body.clear();
        body.put_u8(0); // attributes
        put_varint(&mut body, 0); // timestamp delta
        put_varint(&mut body, delta as i64);
        put_varint(&mut body, key.as_ref().map_or(-1, |key| key.len() as i64));
        body.put_slice(key.as_deref().unwrap_or_default());
        put_varint(&mut body, value.len() as i64);
        body.put_slice(value);
        put_varint(&mut body, 0); // headers
        put_varint(&mut batch, body.len() as i64);
        batch.put_slice(&body);
    }

    let length = i32::try_from(batch.len() - field::LEADER_EPOCH).expect("a batch is shorter than 2 GiB");
    batch[field::LENGTH..][..4].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[field::ATTRIBUTES..]);
    batch[field::CRC..][..4].copy_from_slice(&crc.to_be_bytes());
    batch.freeze()
}

/// The offset and value of every record in `batches`, which are whole, uncompressed and end to end.
/// CRCs are checked; control batches are left out; a null value is given as an empty one.
///
/// Lengths and counts are not believed: memory is bounded by the size of `batches`.
pub fn decode_values(mut batches: Bytes) -> Result<Vec<(Offset, Bytes)>, BatchError> {
    let mut values = Vec::new();
    while !batches.is_empty() {
        let header = BatchHeader::parse(&batches)?;
        header.verify(&batches)?;
        let mut records = batches.split_to(header.size).split_off(HEADER_BYTES);
        if header.attributes & CONTROL != 0 {
            continue;
        }
        if header.attributes & COMPRESSION != 0 {
            return Err(BatchError::Compressed);
        }
        values.reserve((records.len() / RECORD_BYTES_MIN).min(header.count as usize));
        for delta in 0..header.count {
            let value = take_record(&mut records, delta).ok_or(BatchError::Record(delta as i32))?;
            values.push((header.base.plus(delta), value));
        }
        if !records.is_empty() {
            return Err(BatchError::Record(header.count as i32));
        }
    }
    Ok(values)
}

/// Takes the next record off `records` and returns its value.
fn take_record(records: &mut Bytes, delta: i64) -> Option<Bytes> {
    let size = take_varint(records)?;
    let mut record = take(records, size)?;
    let _attributes = take(&mut record, 1)?;
    let _timestamp_delta = take_varint(&mut record)?;
    if take_varint(&mut record)? != delta {
        return None;
    }
    let _key = take_nullable(&mut record)?;
    take_nullable(&mut record)
    // What is left of the record is its headers.
}

/// Takes a length and so many bytes; a length of −1 is null, given as empty.
fn take_nullable(from: &mut Bytes) -> Option<Bytes> {
    match take_varint(from)? {
        -1 => Some(Bytes::new()),
        len => take(from, len),
    }
}

fn take(from: &mut Bytes, len: i64) -> Option<Bytes> {
    let len = usize::try_from(len).ok().filter(|len| *len <= from.len())?;
    Some(from.split_to(len))
}

/// Takes a zigzag varint of up to 64 bits.
fn take_varint(from: &mut Bytes) -> Option<i64> {
    let len = 1 + from.iter().take(VARINT_BYTES_MAX).position(|byte| byte & 0x80 == 0)?;
    let bits = from.split_to(len).iter().rev().fold(0_u64, |bits, byte| bits << 7 | u64::from(byte & 0x7f));
    Some((bits >> 1) as i64 ^ -((bits & 1) as i64))
}

fn put_varint(to: &mut BytesMut, value: i64) {
    let mut bits = (value << 1 ^ value >> 63) as u64;
    while bits >= 0x80 {
        to.put_u8(bits as u8 | 0x80);
        bits >>= 7;
    }
    to.put_u8(bits as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::batch::stamp;
    use super::*;
    use crate::ids::LeaderEpoch;

    /// The batch with its CRC made to fit, so that only the records' own checks are left.
    fn resealed(mut batch: BytesMut) -> Bytes {
        let crc = crc32c::crc32c(&batch[field::ATTRIBUTES..]);
        batch[field::CRC..][..4].copy_from_slice(&crc.to_be_bytes());
        batch.freeze()
    }

    #[test]
    fn the_protocol_library_reads_what_is_encoded() {
        use kafka_protocol::records::RecordBatchDecoder;
        let records = [(Some(Bytes::from("key")), Bytes::from("value")), (None, Bytes::from(vec![7; 300]))];
        let mut bytes = encode(&records, Timestamp(1_700_000_000_000));
        let decoded = RecordBatchDecoder::decode_all(&mut bytes).unwrap();
        let decoded: Vec<_> = decoded.into_iter().flat_map(|set| set.records).collect();
        let read: Vec<_> = decoded.iter().map(|r| (r.key.clone(), r.value.clone().unwrap())).collect();
        assert_eq!(read, records);
        assert!(decoded.iter().all(|r| r.timestamp == 1_700_000_000_000));
        assert_eq!(decoded.iter().map(|r| r.offset).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn compressed_and_control_batches_are_told_apart() {
        let mut batch = BytesMut::from(&encode(&[(None, Bytes::from("v"))], Timestamp(0))[..]);
        batch[field::ATTRIBUTES + 1] = 2;
        assert_eq!(decode_values(resealed(batch.clone())), Err(BatchError::Compressed));
        batch[field::ATTRIBUTES + 1] = 1 << 5;
        assert_eq!(decode_values(resealed(batch)), Ok(vec![]));
    }

    #[test]
    fn a_count_that_the_records_do_not_bear_out_is_refused() {
        let mut batch = BytesMut::from(&encode(&[(None, Bytes::from("v"))], Timestamp(0))[..]);
        batch[field::COUNT..][..4].copy_from_slice(&i32::MAX.to_be_bytes());
        batch[field::LAST_OFFSET_DELTA..][..4].copy_from_slice(&(i32::MAX - 1).to_be_bytes());
        assert_eq!(decode_values(resealed(batch)), Err(BatchError::Record(1)));
    }

    proptest! {
        #[test]
        fn values_survive_the_round_trip(
            batches in prop::collection::vec(prop::collection::vec(".{0,200}", 1..20), 0..5),
        ) {
            let (mut bytes, mut expected) = (BytesMut::new(), Vec::new());
            for values in batches {
                let base = expected.len() as i64;
                let values: Vec<_> = values.into_iter().map(|value| (None, Bytes::from(value))).collect();
                let mut batch = BytesMut::from(&encode(&values, Timestamp(0))[..]);
                stamp(&mut batch, Offset(base), LeaderEpoch(0));
                bytes.extend_from_slice(&batch);
                expected.extend((base..).map(Offset).zip(values.into_iter().map(|(_, value)| value)));
            }
            prop_assert_eq!(decode_values(bytes.freeze()), Ok(expected));
        }

        #[test]
        fn any_number_survives_the_varint(value: i64) {
            let mut bytes = BytesMut::new();
            put_varint(&mut bytes, value);
            let mut bytes = bytes.freeze();
            prop_assert_eq!(take_varint(&mut bytes), Some(value));
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn spoilt_records_never_panic(spoils in prop::collection::vec((0_usize..200, any::<u8>()), 1..8)) {
            let records: Vec<_> = (0..4).map(|i| (None, Bytes::from(vec![i; 20]))).collect();
            let mut batch = BytesMut::from(&encode(&records, Timestamp(0))[..]);
            let body = batch.len() - HEADER_BYTES;
            for (position, byte) in spoils {
                batch[HEADER_BYTES + position % body] = byte;
            }
            if let Ok(values) = decode_values(resealed(batch)) {
                prop_assert_eq!(values.len(), records.len());
            }
        }
    }
}
