//! What happened in a run, counted: a quiet run proves nothing.

use crate::fault::FaultLog;
use crate::monitor::Monitor;
use crate::operation::Outcome;
use crate::recording::Event;
use crate::state::ClusterState;
use crate::trace::Change;
use crate::verdict::Counts;

/// Counts operations, faults, and changes of the cluster's state.
#[derive(Debug, Default)]
pub struct CoverageMonitor {
    cluster: ClusterState,
    faults: FaultLog,
    invoked: u64,
    counts: Counts,
}

impl Monitor for CoverageMonitor {
    /// The counts, but for those of records, and the faults.
    type Report = (Counts, FaultLog);

    fn observe(&mut self, event: &Event) {
        let counts = &mut self.counts;
        match event {
            Event::Operation(operation) => match operation.outcome {
                Outcome::Invoke => self.invoked += 1,
                Outcome::Ok => counts.ok += 1,
                Outcome::Fail => counts.fail += 1,
                Outcome::Info => counts.info += 1,
            },
            Event::Fault(fault) => self.faults.observe(fault),
            Event::Trace(trace) => {
                if let Change::Truncated { from, to, .. } = &trace.change {
                    counts.truncations += u64::from(to < from);
                }
                self.cluster.observe(trace, |_, decision| {
                    counts.leader_changes += u64::from(decision.changes_leader());
                    counts.isr_shrinks += u64::from(decision.left().next().is_some());
                    counts.isr_growths += u64::from(decision.joined().next().is_some());
                    counts.unclean_elections += u64::from(decision.unclean_leader().is_some());
                });
            }
            Event::Mark(_) | Event::Sample(_) => {}
        }
    }

    fn finish(mut self) -> (Counts, FaultLog) {
        let counts = &mut self.counts;
        // What never completed may have happened: it is indeterminate.
        counts.info += self.invoked.saturating_sub(counts.ok + counts.fail + counts.info);
        for fault in self.faults.records() {
            counts.faults_planned += 1;
            counts.faults_injected += u64::from(fault.injected.is_some());
            counts.faults_healed += u64::from(fault.healed.is_some());
            counts.faults_skipped += u64::from(fault.skipped.is_some());
        }
        (self.counts, self.faults)
    }
}
