//! What consumers were given must stay (W17).

use super::scene::Scene;
use crate::ids::{BrokerId, Offset, Time};
use crate::state::ReplicaLog;
use crate::trace::Batch;
use crate::verdict::Anomaly;

/// What of one partition was ever given to a consumer.
#[derive(Debug, Default)]
pub(super) struct Exposed {
    /// What lay at the offsets up to the highest one given, as whoever gave it had it.
    log: ReplicaLog,
    /// Which of those were given: ranges that do not touch, in order.
    given: Vec<(Offset, Offset)>,
    /// Who gave what lies below an offset, and not below the one before; and when.
    by: Vec<(Offset, BrokerId, Time)>,
    /// What was given in contradiction to the rest.
    odd: Vec<(Batch, BrokerId, Time)>,
}

impl Exposed {
    /// Takes in that a broker with this log gave `from..until`.
    fn give(&mut self, log: &ReplicaLog, (from, until): (Offset, Offset), by: BrokerId, time: Time) {
        let known = self.log.end();
        let shared = until.min(known);
        if !log.agrees_with(&self.log, shared) {
            let given = log.range(from, until).filter(|batch| !self.log.holds(batch));
            self.odd.extend(given.map(|batch| (batch, by, time)));
            return;
        }
        if until > known {
            for batch in log.range(known, until) {
                self.log.append(batch);
            }
            self.by.push((self.log.end(), by, time));
        }
        self.note(from, until);
    }

    fn note(&mut self, mut from: Offset, mut until: Offset) {
        // Mostly it is more of the one range that there is.
        if let [(known_from, known_until)] = &mut self.given[..]
            && (*known_from..=*known_until).contains(&from)
        {
            *known_until = until.max(*known_until);
            return;
        }
        self.given.retain(|(known_from, known_until)| {
            let touches = *known_from <= until && from <= *known_until;
            if touches {
                (from, until) = (from.min(*known_from), until.max(*known_until));
            }
            !touches
        });
        let at = self.given.partition_point(|(known_from, _)| *known_from < from);
        self.given.insert(at, (from, until));
    }

    /// The first batch that was given and that a log lacks; who gave it, and when.
    fn missing(&self, log: &ReplicaLog) -> Option<(Batch, BrokerId, Time)> {
        if !log.agrees_with(&self.log, self.log.end()) {
            let parts = log.parts_from(&self.log);
            let given = self.given.iter().filter(|(_, until)| *until > parts);
            let missing = given
                .flat_map(|(from, until)| self.log.range((*from).max(parts), *until))
                .find(|batch| !log.holds(batch));
            if let Some(batch) = missing {
                let giver = self.by.partition_point(|(until, ..)| *until <= batch.base);
                let (by, time) =
                    self.by.get(giver).map_or_else(Default::default, |(_, by, time)| (*by, *time));
                return Some((batch, by, time));
            }
        }
        self.odd.iter().find(|(batch, ..)| !log.holds(batch)).copied()
    }
}

impl Scene<'_> {
    /// W17, as a broker gives `from..until` to a consumer.
    pub(super) fn given(&mut self, exposed: &mut Exposed, by: BrokerId, range: (Offset, Offset)) {
        if self.suspended {
            return;
        }
        let Some(log) = self.fold.replica(by).and_then(|replica| replica.log()) else { return };
        exposed.give(log, range, by, self.at.time);
        self.reads_are_kept(exposed);
    }

    /// W17: whoever leads now has all that was ever given to a consumer.
    pub(super) fn reads_are_kept(&mut self, exposed: &Exposed) {
        let Some((leader, replica, _)) = self.current_leader().filter(|_| !self.suspended) else { return };
        let Some(log) = replica.log() else { return };
        let missing = exposed.missing(log);
        self.state(Anomaly::ConsistentRead, [leader, leader], missing.is_none(), || {
            let Some((batch, by, time)) = missing else { return (String::new(), Vec::new()) };
            let instead = match log.at(batch.base) {
                None => "lacks it".to_owned(),
                Some(other) => format!("has another record there, of epoch {}", other.epoch),
            };
            let what = format!(
                "{by} gave offset {} (epoch {}) to a consumer at {time}, and {leader}, which leads in epoch {}, {instead}",
                batch.base, batch.epoch, replica.epoch().unwrap_or_default()
            );
            (what, vec![batch.base])
        });
    }
}
