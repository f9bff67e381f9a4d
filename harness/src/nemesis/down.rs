//! Which faults hold a host down: it starts again when the last of them lets go.

use std::collections::{BTreeMap, BTreeSet};

use highwater_workloads::Host;
use highwater_workloads::plan::OccurrenceId;

/// Hosts that faults hold down.
#[derive(Debug, Default)]
pub(super) struct Down(BTreeMap<Host, BTreeSet<OccurrenceId>>);

impl Down {
    /// `fault` took `host` down.
    pub(super) fn hold(&mut self, host: Host, fault: OccurrenceId) {
        self.0.entry(host).or_default().insert(fault);
    }

    /// `fault` lets go of `host`. Returns whether no other fault holds it.
    pub(super) fn release(&mut self, host: Host, fault: OccurrenceId) -> bool {
        let Some(holders) = self.0.get_mut(&host) else { return true };
        holders.remove(&fault);
        if !holders.is_empty() {
            return false;
        }
        self.0.remove(&host);
        true
    }
}
