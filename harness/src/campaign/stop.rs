//! The request to end a campaign early, which a signal handler or a time limit makes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use highwater_reports::summary::StopReason;

/// Tells a campaign and all its runs to end. Clones are the same request.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    reason: Arc<OnceLock<StopReason>>,
}

impl Stop {
    /// Requests the end; returns whether this was the first request, whose reason counts.
    pub fn request(&self, reason: StopReason) -> bool {
        let first = self.reason.set(reason).is_ok();
        self.flag.store(true, Ordering::Relaxed);
        first
    }

    /// Why the end was requested, if it was.
    pub fn reason(&self) -> Option<StopReason> {
        self.reason.get().copied()
    }

    /// What runs look at in every tick.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.flag.clone()
    }
}
