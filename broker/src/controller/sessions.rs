//! The brokers' sessions: how long each may stay silent.
//!
//! Known to the active controller alone, and only in memory: a new one gives every broker a fresh session.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::state::ClusterState;
use crate::ids::{BrokerEpoch, BrokerId};

/// When each broker's session ends.
pub(super) struct Sessions {
    timeout: Duration,
    ends: BTreeMap<BrokerId, Instant>,
}

impl Sessions {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, ends: BTreeMap::new() }
    }

    /// Forgets all sessions, so that each broker gets a fresh one.
    pub(super) fn restart(&mut self) {
        self.ends.clear();
    }

    /// A broker was heard of.
    pub(super) fn touch(&mut self, broker: BrokerId, now: Instant) {
        self.ends.insert(broker, now + self.timeout);
    }

    /// The brokers that are to be fenced, and when to look again at the latest.
    pub(super) fn expired(
        &mut self,
        state: &ClusterState,
        now: Instant,
    ) -> (Vec<(BrokerId, BrokerEpoch)>, Instant) {
        let mut expired = Vec::new();
        // A session that begins after this look lasts as long.
        let mut next = now + self.timeout;
        for (broker, record) in state.brokers.iter().filter(|(_, record)| !record.fenced) {
            let end = *self.ends.entry(*broker).or_insert(now + self.timeout);
            if end <= now {
                expired.push((*broker, record.epoch));
            } else {
                next = next.min(end);
            }
        }
        (expired, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::state::BrokerRecord;
    use uuid::Uuid;

    const TIMEOUT: Duration = Duration::from_secs(2);

    fn cluster(fenced: &[(i32, bool)]) -> ClusterState {
        let record = |fenced| BrokerRecord {
            epoch: BrokerEpoch(5),
            incarnation: Uuid::nil(),
            host: "b".to_owned(),
            port: 9092,
            fenced,
            shutting_down: false,
        };
        let brokers = fenced.iter().map(|(broker, fenced)| (BrokerId(*broker), record(*fenced))).collect();
        ClusterState { brokers, ..ClusterState::default() }
    }

    #[test]
    fn a_silent_broker_expires_and_one_that_is_heard_of_does_not() {
        let (mut sessions, state) = (Sessions::new(TIMEOUT), cluster(&[(1, false), (2, false), (3, true)]));
        let start = Instant::now();
        assert_eq!(sessions.expired(&state, start), (vec![], start + TIMEOUT), "fresh sessions");
        let later = start + TIMEOUT / 2;
        sessions.touch(BrokerId(1), later);
        assert_eq!(sessions.expired(&state, later), (vec![], start + TIMEOUT));
        let (expired, next) = sessions.expired(&state, start + TIMEOUT);
        assert_eq!(expired, [(BrokerId(2), BrokerEpoch(5))]);
        assert_eq!(next, later + TIMEOUT);
    }

    #[test]
    fn a_new_controller_gives_fresh_sessions() {
        let (mut sessions, state) = (Sessions::new(TIMEOUT), cluster(&[(1, false)]));
        let start = Instant::now();
        sessions.expired(&state, start);
        sessions.restart();
        assert_eq!(sessions.expired(&state, start + TIMEOUT), (vec![], start + TIMEOUT * 2));
    }
}
