//! What a run costs: CPU time of its thread against virtual time (the measures of every summary).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What a run cost, and how much it simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// The virtual time that passed.
    pub virtual_time: Duration,
    /// User and system time of the run's thread, from the world's start to the verdict.
    pub cpu_time: Duration,
    /// The simulation's step.
    pub tick: Duration,
    /// Frames that the simulated network carried.
    pub frames: u64,
    /// Their bytes.
    pub frame_bytes: u64,
}

impl Measures {
    /// Simulated seconds per CPU second; none where too little was measured.
    pub fn speed(&self) -> Option<f64> {
        (self.cpu_time > Duration::ZERO)
            .then(|| self.virtual_time.as_secs_f64() / self.cpu_time.as_secs_f64())
    }

    /// Frames per simulated second; none where no time passed.
    pub fn frame_rate(&self) -> Option<f64> {
        (self.virtual_time > Duration::ZERO).then(|| self.frames as f64 / self.virtual_time.as_secs_f64())
    }
}

/// Counts the CPU time of the thread on which it was started.
pub(super) struct Stopwatch(Duration);

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(thread_time())
    }

    pub(super) fn stop(&self, totals: &BTreeMap<Arc<str>, u64>, tick: Duration) -> Measures {
        let total = |name: &str| totals.get(name).copied().unwrap_or_default();
        let ticks = u32::try_from(total("ticks")).unwrap_or(u32::MAX);
        Measures {
            virtual_time: tick * ticks,
            cpu_time: thread_time().saturating_sub(self.0),
            tick,
            frames: total("frames"),
            frame_bytes: total("frame_bytes"),
        }
    }
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
