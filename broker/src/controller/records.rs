//! The metadata log as Kafka records: how the topic `__cluster_metadata` looks to those who fetch it.
//!
//! A record's offset is its entry's, its value the command, and its batch's leader epoch the quorum's. A
//! record with the key `snapshot` has the state as of its offset for its value.

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records::{
    Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, Record, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};
use thiserror::Error;
use uuid::Uuid;

use super::metadata_log::MetadataBatch;
use super::state::ClusterState;
use crate::quorum::Entry;

/// The name of the metadata log as a topic. Its one partition is 0.
pub const METADATA_TOPIC: &str = "__cluster_metadata";

/// The id of the metadata log as a topic, as in Kafka.
pub const METADATA_TOPIC_ID: Uuid = Uuid::from_u128(1);

const SNAPSHOT_KEY: &[u8] = b"snapshot";

/// What one record says.
#[derive(Debug)]
pub(super) enum Item {
    /// The next entry.
    Entry(Entry),
    /// All that was before.
    Snapshot(ClusterState),
}

/// Bytes that are not a part of the metadata log.
#[derive(Debug, Error)]
pub(super) enum MalformedRecords {
    /// No record batches of version 2, or damaged ones.
    #[error("metadata records do not decode: {0}")]
    Batch(String),
    /// A record without what it should hold.
    #[error("the metadata record at offset {0} has no value, or one that does not decode")]
    Record(i64),
}

/// The batch as bytes for a fetch response; empty for no entries.
pub(super) fn encode(batch: &MetadataBatch) -> Bytes {
    let records: Vec<Record> = match batch {
        MetadataBatch::Entries(entries) => entries.iter().map(entry_record).collect(),
        MetadataBatch::Snapshot(state) => {
            vec![record(state.offset.0, state.controller_epoch.0, Some(SNAPSHOT_KEY), state.snapshot())]
        }
    };
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).expect("plain records encode");
    bytes.freeze()
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(mut bytes: Bytes) -> Result<Vec<Item>, MalformedRecords> {
    let sets = RecordBatchDecoder::decode_all(&mut bytes)
        .map_err(|error| MalformedRecords::Batch(error.to_string()))?;
    sets.into_iter().flat_map(|set| set.records).map(item).collect()
}

fn entry_record(entry: &Entry) -> Record {
    let offset = entry.index.try_into().expect("offsets stay below 2^63");
    record(offset, entry.epoch, None, entry.command.clone())
}

fn record(offset: i64, epoch: i32, key: Option<&'static [u8]>, value: Bytes) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: epoch,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset,
        // The encoder puts records into one batch as long as offset and sequence keep their distance.
        #[allow(clippy::cast_possible_truncation, reason = "the encoder compares the low bits")]
        sequence: offset as i32,
        timestamp: 0,
        key: key.map(Bytes::from_static),
        value: Some(value),
        headers: IndexMap::new(),
    }
}

fn item(record: Record) -> Result<Item, MalformedRecords> {
    let malformed = || MalformedRecords::Record(record.offset);
    let value = record.value.clone().ok_or_else(malformed)?;
    if record.key.as_deref() == Some(SNAPSHOT_KEY) {
        return ClusterState::from_snapshot(&value).map(Item::Snapshot).map_err(|_| malformed());
    }
    let index = record.offset.try_into().map_err(|_| malformed())?;
    Ok(Item::Entry(Entry { index, epoch: record.partition_leader_epoch, command: value }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::controller::state::MetadataOffset;

    #[test]
    fn entries_come_back_as_they_were() {
        let entry = |index, epoch, command| Entry { index, epoch, command: Bytes::from_static(command) };
        let entries = vec![entry(7, 2, b""), entry(8, 2, b"{}"), entry(9, 4, b"")];
        let bytes = encode(&MetadataBatch::Entries(entries.clone()));
        let decoded = decode(bytes).expect("our own bytes").into_iter().map(|item| match item {
            Item::Entry(entry) => entry,
            Item::Snapshot(state) => panic!("a snapshot at {}", state.offset),
        });
        assert_eq!(decoded.collect::<Vec<_>>(), entries);
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was() {
        let state = ClusterState { offset: MetadataOffset(1 << 40), ..ClusterState::default() };
        let bytes = encode(&MetadataBatch::Snapshot(Arc::new(state.clone())));
        let items = decode(bytes).expect("our own bytes");
        assert!(matches!(&items[..], [Item::Snapshot(decoded)] if *decoded == state), "{items:?}");
    }

    #[test]
    fn nothing_is_no_bytes() {
        assert!(encode(&MetadataBatch::Entries(Vec::new())).is_empty());
        assert!(decode(Bytes::new()).expect("no batches").is_empty());
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let entry = Entry { index: 1, epoch: 1, command: Bytes::from_static(b"{}") };
        let mut bytes = encode(&MetadataBatch::Entries(vec![entry])).to_vec();
        *bytes.last_mut().expect("a batch") ^= 1;
        assert!(matches!(decode(bytes.into()), Err(MalformedRecords::Batch(_))));
    }
}
