//! The stored state as a file: one record per atomic write, each with its length and CRC.
//!
//! A record is the length of its body (u32, little-endian), the CRC-32C of length and body (u32,
//! little-endian), and the body: a [`Write`] in postcard's encoding. Recovery folds the records and cuts
//! the file at the first that is not whole. A write with a snapshot stands for all before it, so it starts
//! the file anew: written aside, synced, and renamed into place.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Stored, Write};
use crate::env::{Disk, DiskFile};

const HEADER_BYTES: usize = 8;

/// The file, open for appending.
pub(super) struct Storage<D: Disk> {
    disk: D,
    dir: String,
    file: D::File,
}

impl<D: Disk> Storage<D> {
    /// Opens the file in `dir`, made if it is not there, and recovers what it holds.
    pub(super) async fn open(disk: D, dir: &str) -> io::Result<(Self, Stored)> {
        let file = disk.open(&log_path(dir), true).await?;
        let size = file.size().await?;
        let length = usize::try_from(size).map_err(io::Error::other)?;
        let (stored, whole) = recover(&file.read_at(0, length).await?)?;
        if whole < length {
            tracing::warn!(dir, whole, length, "cutting a write that a crash left incomplete");
            file.truncate(whole as u64).await?;
        }
        file.sync().await?;
        disk.sync_dir(dir).await?;
        Ok((Self { disk, dir: dir.into(), file }, stored))
    }

    /// Appends and syncs. After an error the file's state is unknown, and the voter must stop.
    pub(super) async fn write(&mut self, mut writes: Vec<Write>) -> io::Result<()> {
        if let Some(newest) = writes.iter().rposition(|write| write.snapshot.is_some()) {
            writes.drain(..newest);
            self.replace(&writes.remove(0)).await?;
        }
        if !writes.is_empty() {
            self.file.append(encode(&writes)).await?;
            self.file.sync().await?;
        }
        Ok(())
    }

    async fn replace(&mut self, write: &Write) -> io::Result<()> {
        let aside = format!("{}/log.new", self.dir);
        let file = self.disk.open(&aside, true).await?;
        // One that was begun before a crash may lie there.
        file.truncate(0).await?;
        file.append(encode(std::slice::from_ref(write))).await?;
        file.sync().await?;
        self.disk.rename(&aside, &log_path(&self.dir)).await?;
        self.disk.sync_dir(&self.dir).await?;
        self.file = self.disk.open(&log_path(&self.dir), false).await?;
        Ok(())
    }
}

fn log_path(dir: &str) -> String {
    format!("{dir}/log")
}

fn encode(writes: &[Write]) -> Bytes {
    let mut records = BytesMut::new();
    for write in writes {
        let body = postcard::to_stdvec(write).expect("a write always has an encoding");
        let length = u32::try_from(body.len()).expect("a write is far below 4 GiB").to_le_bytes();
        records.put_slice(&length);
        records.put_u32_le(crc(&length, &body));
        records.put_slice(&body);
    }
    records.freeze()
}

/// The state that the whole records of `file` add up to, and how many bytes these are.
fn recover(file: &[u8]) -> io::Result<(Stored, usize)> {
    let mut stored = Stored::default();
    let mut whole = 0;
    while let Some(body) = first_record(&file[whole..]) {
        let write = postcard::from_bytes(body).map_err(|error| {
            let text = format!("a whole record at byte {whole} is of another version: {error}");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        stored.apply(write);
        whole += HEADER_BYTES + body.len();
    }
    Ok((stored, whole))
}

/// The body of the record that `bytes` begin with, if it is whole.
fn first_record(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (stored_crc, rest) = rest.split_first_chunk()?;
    let body = rest.get(..u32::from_le_bytes(*length) as usize)?;
    (u32::from_le_bytes(*stored_crc) == crc(length, body)).then_some(body)
}

/// The length takes part, so that a stretch of zeros is no record.
fn crc(length: &[u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(length), body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::{Entry, QuorumState, Snapshot, VoterId};

    fn entry(index: u64, epoch: i32) -> Entry {
        Entry { index, epoch, command: Bytes::from(vec![index as u8; 20]) }
    }

    fn writes() -> Vec<Write> {
        let state = |epoch| QuorumState { epoch, voted_for: Some(VoterId(2)), high_watermark: 0 };
        let snapshot = Snapshot { index: 2, epoch: 2, data: Bytes::from_static(b"state") };
        vec![
            Write {
                id: 0,
                state: state(1),
                snapshot: None,
                entries: vec![entry(1, 1), entry(2, 1), entry(3, 1)],
            },
            Write { id: 0, state: state(2), snapshot: None, entries: vec![entry(2, 2)] },
            Write { id: 0, state: state(3), snapshot: Some(snapshot), entries: vec![entry(3, 3)] },
            Write { id: 0, state: state(4), snapshot: None, entries: Vec::new() },
        ]
    }

    /// A file that is cut anywhere holds the whole writes before the cut, and nothing else.
    #[test]
    fn recovers_the_whole_writes_of_a_torn_file() {
        let file = encode(&writes());
        let ends: Vec<usize> = (0..=4).map(|count| encode(&writes()[..count]).len()).collect();
        for cut in 0..=file.len() {
            let count = ends.iter().rposition(|&end| end <= cut).expect("the first end is 0");
            let mut expected = Stored::default();
            writes().drain(..count).for_each(|write| expected.apply(write));
            assert_eq!(recover(&file[..cut]).expect("no foreign record"), (expected, ends[count]));
        }
    }

    #[test]
    fn a_later_write_overwrites_and_a_snapshot_starts_anew() {
        let (stored, _) = recover(&encode(&writes()[..2])).expect("no foreign record");
        assert_eq!(stored.entries, [entry(1, 1), entry(2, 2)]);
        let (stored, _) = recover(&encode(&writes())).expect("no foreign record");
        assert_eq!((stored.snapshot.index, stored.entries), (2, vec![entry(3, 3)]));
        assert_eq!(stored.state.epoch, 4);
    }

    #[test]
    fn a_flipped_bit_or_zeros_end_the_file() {
        let file = encode(&writes());
        let second = encode(&writes()[..1]).len();
        for at in second..file.len() {
            let mut torn = file.to_vec();
            torn[at] ^= 0x10;
            let (_, whole) = recover(&torn).expect("no foreign record");
            assert!(whole <= at, "byte {at} belongs to no whole record");
        }
        assert_eq!(recover(&[0; 64]).expect("no foreign record"), (Stored::default(), 0));
    }
}
