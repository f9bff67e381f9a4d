//! Consumer groups: how far they committed, and who owned what.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sighting::Sighting;
use super::timeline::Timeline;
use crate::ids::{ClientId, Moment, Offset, Process, TopicPartition};
use crate::linearizability::rule;
use crate::operation::{Body, GroupOffsets, Membership, Operation, Outcome};
use crate::verdict::{Anomaly, Evidence};

/// A partition in one generation of a group.
type Owned = (Arc<str>, i32, TopicPartition);

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    offsets: BTreeMap<(Arc<str>, TopicPartition), Committed>,
    owners: BTreeMap<Owned, Vec<(ClientId, Moment)>>,
    /// When the operations began that are outstanding.
    began: BTreeMap<Process, Moment>,
    backs: Vec<(Arc<str>, TopicPartition, Back)>,
}

/// What is known of a group's committed offset in one partition.
#[derive(Debug, Default)]
struct Committed {
    /// What is known to have been committed: each higher than the one before.
    proofs: Vec<Proof>,
    attempts: BTreeMap<Offset, Attempts>,
}

/// An offset that was committed.
#[derive(Clone, Copy, Debug)]
struct Proof {
    offset: Offset,
    /// When the operation ended that shows it.
    at: Moment,
    /// When that operation began.
    began: Moment,
}

/// Attempts to commit one offset.
#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    /// How many of them may still take effect.
    open: u32,
    /// When the last one ended that did.
    ended: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Back {
    from: (Offset, Moment),
    to: (Option<Offset>, Moment),
}

impl Groups {
    /// Takes an invocation of any operation that neither sends nor polls.
    pub(super) fn invoke(&mut self, operation: &Operation, at: Moment) {
        match &operation.body {
            Body::Commit(GroupOffsets { group, offsets }) => {
                for position in offsets {
                    if let Some(offset) = position.offset {
                        let committed = self.committed(group, &position.partition);
                        committed.attempts.entry(offset).or_default().open += 1;
                    }
                }
            }
            Body::FetchCommitted(_) => {}
            _ => return,
        }
        self.began.insert(operation.process, at);
    }

    /// Takes a completion.
    pub(super) fn complete(&mut self, operation: &Operation, at: Moment) {
        let began = self.began.remove(&operation.process);
        let is_ok = operation.outcome == Outcome::Ok;
        match &operation.body {
            Body::Commit(GroupOffsets { group, offsets }) => {
                let Some(began) = began else { return };
                for position in offsets {
                    let Some(offset) = position.offset else { continue };
                    let committed = self.committed(group, &position.partition);
                    let attempts = committed.attempts.entry(offset).or_default();
                    // An indeterminate one stays open.
                    if matches!(operation.outcome, Outcome::Ok | Outcome::Fail) {
                        attempts.open = attempts.open.saturating_sub(1);
                    }
                    if is_ok {
                        attempts.ended = Some(at);
                        committed.proves(offset, at, began);
                    }
                }
            }
            Body::FetchCommitted(GroupOffsets { group, offsets }) if is_ok => {
                let Some(began) = began else { return };
                for position in offsets {
                    let committed = self.committed(group, &position.partition);
                    if let Some(back) = committed.steps_back(position.offset, began, at) {
                        self.backs.push((group.clone(), position.partition.clone(), back));
                    } else if let Some(offset) = position.offset {
                        committed.proves(offset, at, began);
                    }
                }
            }
            Body::Join(Membership { group, generation, partitions }) if is_ok => {
                for partition in partitions {
                    let key = (group.clone(), *generation, partition.clone());
                    let owners = self.owners.entry(key).or_default();
                    let known = owners.iter().any(|(client, _)| *client == operation.client);
                    if !known || !rule::applies("same-owner") {
                        owners.push((operation.client, at));
                    }
                }
            }
            _ => {}
        }
    }

    fn committed(&mut self, group: &Arc<str>, partition: &TopicPartition) -> &mut Committed {
        self.offsets.entry((group.clone(), partition.clone())).or_default()
    }

    /// Whether the history tells how far groups committed.
    pub(super) fn tells_commits(&self) -> bool {
        !self.offsets.is_empty()
    }

    /// Whether the history tells who owned what.
    pub(super) fn tells_owners(&self) -> bool {
        !self.owners.is_empty()
    }

    /// Hands everything that is wrong with the groups to `sink`.
    pub(super) fn find(&self, timeline: &Timeline, sink: &mut dyn FnMut(Sighting)) {
        let evidence = |moments: [Moment; 2], offsets: Vec<Offset>| Evidence {
            time: timeline.time(moments[1]),
            operations: moments.map(|moment| timeline.index(moment)).to_vec(),
            offsets,
            ..Evidence::default()
        };
        for (group, partition, Back { from, to }) in &self.backs {
            let offsets = std::iter::once(from.0).chain(to.0).collect();
            let evidence = evidence([from.1, to.1], offsets);
            let now = to.0.map_or_else(|| "nothing".to_owned(), |offset| offset.to_string());
            let what = format!(
                "group {group} had committed {} of {partition} ({}), and later {now} ({}), though nobody had gone back",
                from.0, evidence.operations[0], evidence.operations[1]
            );
            let sighting = Sighting::new(Anomaly::CommittedOffsetRegression, partition.clone(), evidence);
            sink(Sighting { what: Some(what), ..sighting });
        }
        for ((group, generation, partition), owners) in &self.owners {
            for (other, then) in owners.iter().skip(1) {
                let (one, first) = owners[0];
                let evidence = evidence([first, *then], Vec::new());
                let what = format!(
                    "{one} ({}) and {other} ({}) both owned {partition} in generation {generation} of group {group}",
                    evidence.operations[0], evidence.operations[1]
                );
                let sighting = Sighting::new(Anomaly::TwoOwners, partition.clone(), evidence);
                sink(Sighting { what: Some(what), ..sighting });
            }
        }
    }
}

impl Committed {
    /// An operation that began at `began` and ended at `at` shows that this offset was committed.
    fn proves(&mut self, offset: Offset, at: Moment, began: Moment) {
        if self.proofs.last().is_none_or(|highest| highest.offset < offset) {
            self.proofs.push(Proof { offset, at, began });
        }
    }

    /// Whether what a fetch from `began` to `at` found is less than what was committed before, and nobody may
    /// have gone back to it.
    fn steps_back(&mut self, offset: Option<Offset>, began: Moment, at: Moment) -> Option<Back> {
        let before = self.proofs.partition_point(|proof| proof.at < began).checked_sub(1)?;
        let highest = self.proofs[before];
        if offset.is_some_and(|offset| offset >= highest.offset) {
            return None;
        }
        // Somebody who was not done with it when the higher one began may have gone back.
        let attempts = offset.and_then(|offset| self.attempts.get(&offset)).copied().unwrap_or_default();
        let went_back = attempts.open > 0 || attempts.ended > Some(highest.began);
        if went_back && rule::applies("went-back") {
            self.proofs.clear();
            self.proofs.extend(offset.map(|offset| Proof { offset, at, began: at }));
            return None;
        }
        Some(Back { from: (highest.offset, highest.at), to: (offset, at) })
    }
}
