//! Requests that wait for a partition to move: long polls and unacknowledged produces.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// More in the leader's log: followers.
    LogEnd,
    /// More below the high watermark: consumers, and producers with acks=all.
    HighWatermark,
}

/// Those who wait on one partition. Each is woken once and then forgotten; it looks, and enters itself again.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    entered: Mutex<Vec<(WaitFor, Arc<Notify>)>>,
}

impl Waiters {
    /// Enters `waiter`. It keeps a permit when it is woken before it waits, so nothing is missed when it
    /// looks after it entered.
    pub(super) fn enter(&self, what: WaitFor, waiter: Arc<Notify>) {
        let mut entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whose request is over have dropped their own handle: an idle partition must not gather them.
        entered.retain(|(_, waiter)| Arc::strong_count(waiter) > 1);
        entered.push((what, waiter));
    }

    /// Wakes all that wait for `what`.
    pub(super) fn wake(&self, what: WaitFor) {
        let mut entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, waiter) in entered.extract_if(.., |(waits_for, _)| *waits_for == what) {
            waiter.notify_one();
        }
    }

    /// Wakes everybody: the replica's role changed.
    pub(super) fn wake_all(&self) {
        self.wake(WaitFor::LogEnd);
        self.wake(WaitFor::HighWatermark);
    }
}
