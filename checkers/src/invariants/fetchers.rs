//! Who pulls from whom (W21).

use std::time::Duration;

use super::scene::Scene;
use crate::ids::BrokerId;
use crate::state::{Replica, Role};
use crate::verdict::Anomaly;

/// How long a follower may take to begin to pull, when all is calm.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

impl Scene<'_> {
    /// W21: at most one fetcher, and a leader has none.
    pub(super) fn fetchers_are_valid(&mut self, broker: BrokerId) {
        let Some(replica) = self.fold.replica(broker) else { return };
        let (fetchers, leads) = (replica.fetchers(), replica.leadership().is_some());
        let holds = fetchers.is_empty() || (fetchers.len() == 1 && !leads);
        self.state(Anomaly::FetcherValidity, [broker, broker], holds, || {
            let from: Vec<String> =
                fetchers.iter().map(|(leader, epoch)| format!("{leader} in epoch {epoch}")).collect();
            let but = if leads { "leads, and pulls" } else { "pulls" };
            (format!("{broker} {but} from {}", from.join(" and from ")), Vec::new())
        });
    }

    /// W21, when all is calm: a follower of a leader has a fetcher. Asked of partitions whose replicas are all
    /// in sync, of those that have applied the present epoch for a while.
    pub(super) fn followers_have_fetchers(&mut self) {
        let Some(committed) = self.committed.filter(|it| it.isr.len() == it.replicas.len()) else { return };
        for (broker, replica) in self.fold.replicas() {
            let Role::Follower { leader: Some(leader), since } = replica.role() else { continue };
            let settled = replica.epoch() == Some(committed.leader_epoch)
                && self.at.time.since(*since) >= SETTLED_AFTER;
            if settled {
                self.has_fetcher(broker, replica, *leader);
            }
        }
    }

    fn has_fetcher(&mut self, broker: BrokerId, replica: &Replica, leader: BrokerId) {
        self.state(Anomaly::FetcherValidity, [broker, leader], !replica.fetchers().is_empty(), || {
            let epoch = replica.epoch().unwrap_or_default();
            (format!("{broker} follows {leader} in epoch {epoch}, and nothing pulls for it"), Vec::new())
        });
    }
}
