//! Snapshots: a log is cut where the state machine's state stands for it, and a follower that is further
//! behind gets that state, piece by piece.

use bytes::{Bytes, BytesMut};

use super::Quorum;
use super::log::Snapshot;
use super::message::{Body, VoterId};
use super::replication::Flow;

/// A snapshot of which the first pieces have come. It is the current leader's: another's may differ in
/// bytes, so a new epoch starts over.
#[derive(Debug)]
pub(super) struct Incoming {
    index: u64,
    data: BytesMut,
}

/// One piece of a snapshot.
pub(super) struct Piece {
    pub(super) index: u64,
    pub(super) epoch: i32,
    pub(super) position: u64,
    pub(super) size: u64,
    pub(super) data: Bytes,
}

impl Quorum {
    pub(super) fn compact(&mut self, index: u64, data: Bytes) {
        assert!(index <= self.applied, "a snapshot covers what was applied");
        if index > self.log.snapshot().index {
            let epoch =
                self.log.epoch_at(index).expect("what is applied and not in the snapshot is in the log");
            self.log.install(Snapshot { index, epoch, data });
        }
    }

    /// Sends the piece that is due. The follower's answer moves the position; a heartbeat sends the same
    /// piece again. A newer snapshot starts over.
    pub(super) fn send_snapshot(&mut self, to: VoterId) {
        let piece_max = self.config.message_bytes_max;
        let Snapshot { index, epoch, data } = self.log.snapshot().clone();
        let Some(progress) = self.progress(to) else { return };
        let position = match progress.flow {
            Flow::Snapshot { index: sent, position } if sent == index => position.min(data.len() as u64),
            _ => 0,
        };
        progress.flow = Flow::Snapshot { index, position };
        progress.waiting = true;
        let size = data.len() as u64;
        let start = position as usize;
        let data = data.slice(start..data.len().min(start + piece_max));
        self.send(to, Body::SnapshotRequest { index, epoch, position, size, data });
    }

    pub(super) fn on_snapshot_request(&mut self, from: VoterId, piece: Piece) {
        self.follow_leader(from);
        let Piece { index, epoch, position, size, data } = piece;
        if index <= self.high_watermark {
            self.send(from, Body::AppendAccepted { match_index: self.high_watermark });
            return;
        }
        let mut incoming = match self.incoming.take() {
            Some(incoming) if incoming.index == index => incoming,
            _ => Incoming { index, data: BytesMut::new() },
        };
        if position == incoming.data.len() as u64 {
            incoming.data.extend_from_slice(&data);
        }
        if (incoming.data.len() as u64) < size {
            self.send(from, Body::SnapshotResponse { index, position: incoming.data.len() as u64 });
            self.incoming = Some(incoming);
            return;
        }
        let snapshot = Snapshot { index, epoch, data: incoming.data.freeze() };
        self.log.install(snapshot.clone());
        self.high_watermark = index;
        self.applied = index;
        self.restore = Some(snapshot);
        self.send(from, Body::AppendAccepted { match_index: index });
    }

    pub(super) fn on_snapshot_response(&mut self, from: VoterId, index: u64, position: u64) {
        let Some(progress) = self.heard(from) else { return };
        // A doubled answer tells nothing new, and must not double the pieces.
        if matches!(progress.flow, Flow::Snapshot { index: sent, position: at } if sent == index && at != position)
        {
            progress.flow = Flow::Snapshot { index, position };
            progress.waiting = false;
            self.replicate(from, false);
        }
    }
}
