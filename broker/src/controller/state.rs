//! The cluster's metadata as a deterministic state machine: a fold of the decided commands.
//!
//! Controllers and brokers apply the same log to the same state; nothing else changes a leader, an ISR or
//! an epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::command::{Alteration, Command, Proposal};
use super::election::{Candidates, Settled};
use super::outcome::{Answer, Change, Outcome, Rejection};
use super::placement::{self, PARTITIONS_MAX};
use crate::ids::{BrokerEpoch, BrokerId, ControllerEpoch, LeaderEpoch, PartitionEpoch, TopicPartition};
use crate::mutant::{Mutant, Mutants};

/// The position of an entry in the metadata log, from 1; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetadataOffset(pub i64);

impl MetadataOffset {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for MetadataOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The cluster as of one entry of the metadata log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// The last entry applied.
    pub offset: MetadataOffset,
    /// The term of the present controller, 0 before the first.
    pub controller_epoch: ControllerEpoch,
    /// The present controller: the id of its quorum node.
    pub controller: Option<BrokerId>,
    /// Every broker that ever registered.
    pub brokers: BTreeMap<BrokerId, BrokerRecord>,
    /// Every topic, by name.
    pub topics: BTreeMap<Arc<str>, TopicRecord>,
    /// The seeded defects of the node that applies; no part of the decided state.
    #[serde(skip)]
    pub mutants: Mutants,
}

/// A broker's registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerRecord {
    /// The offset of the entry that registered this incarnation.
    pub epoch: BrokerEpoch,
    /// The process that registered.
    pub incarnation: Uuid,
    /// Where it is reached.
    pub host: String,
    /// Its port for the Kafka protocol.
    pub port: u16,
    /// Whether it may neither lead nor join an ISR: new, or silent for longer than its session.
    pub fenced: bool,
    /// Whether it has handed on its leaderships and is about to stop.
    pub shutting_down: bool,
}

impl BrokerRecord {
    /// Whether it may lead and join ISRs.
    pub fn is_alive(&self) -> bool {
        !self.fenced && !self.shutting_down
    }
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicRecord {
    /// Tells this topic from others that had or will have its name.
    pub id: Uuid,
    /// Its configuration.
    pub config: TopicConfig,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionRecord>,
}

/// What a topic may configure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicConfig {
    /// `min.insync.replicas`: how many replicas must have a record before it is acknowledged to acks=all.
    pub min_insync_replicas: i32,
    /// `unclean.leader.election.enable`: whether a replica outside the ISR may lead when no other can.
    pub unclean_leader_election: bool,
}

impl Default for TopicConfig {
    /// Kafka's defaults since 0.11 (KIP-106).
    fn default() -> Self {
        Self { min_insync_replicas: 1, unclean_leader_election: false }
    }
}

/// The state of a partition that its replicas agree on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// The brokers that hold a replica, in the order in which they are preferred as leader.
    pub replicas: Vec<BrokerId>,
    /// The replicas that have all that is committed; sorted, never empty.
    pub isr: Vec<BrokerId>,
    /// The leader, a member of the ISR; none when none of them is alive.
    pub leader: Option<BrokerId>,
    /// Counts the leaders, none included.
    pub leader_epoch: LeaderEpoch,
    /// Counts the changes of this record.
    pub partition_epoch: PartitionEpoch,
    /// Whether the leader came by an unclean election and has not changed the ISR since.
    pub recovering: bool,
}

impl ClusterState {
    /// Applies the entry at `offset`, which a leader of the quorum appended in `quorum_epoch`. `None` is
    /// the empty entry that opens a term.
    pub fn apply(
        &mut self,
        offset: MetadataOffset,
        quorum_epoch: ControllerEpoch,
        proposal: Option<&Proposal>,
    ) -> Outcome {
        assert_eq!(offset, self.offset.next(), "metadata entries are applied in order, each once");
        self.offset = offset;
        let mut changes = Vec::new();
        let answer = match proposal {
            None => Ok(Answer::Done),
            Some(proposal) => self.carry_out(proposal, quorum_epoch, &mut changes),
        };
        Outcome { answer, changes }
    }

    /// The state as bytes, to be read by [`ClusterState::from_snapshot`].
    pub fn snapshot(&self) -> Bytes {
        serde_json::to_vec(self).expect("the state's keys are strings and integers, which JSON takes").into()
    }

    /// Reads what [`ClusterState::snapshot`] wrote.
    pub fn from_snapshot(snapshot: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(snapshot)
    }

    /// The topic with this id, and its name.
    pub fn topic_by_id(&self, id: Uuid) -> Option<(&Arc<str>, &TopicRecord)> {
        self.topics.iter().find(|(_, topic)| topic.id == id)
    }

    /// The partition's record, if it exists.
    pub fn partition(&self, partition: &TopicPartition) -> Option<&PartitionRecord> {
        let index = usize::try_from(partition.partition).ok()?;
        self.topics.get(&partition.topic)?.partitions.get(index)
    }

    /// Whether a broker is registered and may lead and join ISRs.
    pub fn is_alive(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(BrokerRecord::is_alive)
    }

    fn carry_out(
        &mut self,
        proposal: &Proposal,
        quorum_epoch: ControllerEpoch,
        changes: &mut Vec<Change>,
    ) -> Result<Answer, Rejection> {
        if let Command::BecomeController { node } = proposal.command {
            return self.become_controller(node, proposal.controller_epoch, quorum_epoch, changes);
        }
        if proposal.controller_epoch != self.controller_epoch {
            return Err(Rejection::StaleController);
        }
        match &proposal.command {
            Command::BecomeController { .. } => unreachable!("handled above"),
            Command::RegisterBroker { broker, incarnation, host, port } => {
                Ok(self.register(*broker, *incarnation, host, *port, changes))
            }
            Command::UnfenceBroker { broker, broker_epoch } => {
                self.change_broker(*broker, *broker_epoch, changes, |record| {
                    // One that is about to stop is not taken in again.
                    record.fenced &= record.shutting_down;
                })
            }
            Command::FenceBroker { broker, broker_epoch } => {
                self.change_broker(*broker, *broker_epoch, changes, |record| record.fenced = true)
            }
            Command::BeginShutdown { broker, broker_epoch } => {
                self.change_broker(*broker, *broker_epoch, changes, |record| record.shutting_down = true)
            }
            Command::AlterPartition { broker, broker_epoch, alterations } => {
                self.registration(*broker, *broker_epoch)?;
                let results = alterations.iter().map(|alteration| self.alter(*broker, alteration, changes));
                Ok(Answer::Altered(results.collect()))
            }
            Command::CreateTopic { name, id, partitions, replication, config } => {
                self.create_topic(name, *id, *partitions, *replication, *config, changes)
            }
            Command::DeleteTopic { id } => self.delete_topic(*id),
        }
    }

    fn become_controller(
        &mut self,
        node: BrokerId,
        epoch: ControllerEpoch,
        quorum_epoch: ControllerEpoch,
        changes: &mut Vec<Change>,
    ) -> Result<Answer, Rejection> {
        if (epoch, Some(node)) == (self.controller_epoch, self.controller) {
            return Ok(Answer::Done);
        }
        // A proposal that was overtaken by its own node's next term must not take effect in that term.
        if epoch <= self.controller_epoch || epoch != quorum_epoch {
            return Err(Rejection::StaleController);
        }
        (self.controller_epoch, self.controller) = (epoch, Some(node));
        changes.push(Change::Controller);
        Ok(Answer::Done)
    }

    fn register(
        &mut self,
        broker: BrokerId,
        incarnation: Uuid,
        host: &str,
        port: u16,
        changes: &mut Vec<Change>,
    ) -> Answer {
        if let Some(record) = self.brokers.get(&broker).filter(|record| record.incarnation == incarnation) {
            return Answer::Registered(record.epoch);
        }
        let epoch = BrokerEpoch(self.offset.0);
        let record = BrokerRecord {
            epoch,
            incarnation,
            host: host.to_owned(),
            port,
            fenced: true,
            shutting_down: false,
        };
        self.brokers.insert(broker, record);
        changes.push(Change::Broker(broker));
        // The new process may have lost what its former self's memory had promised.
        self.settle(broker, changes);
        Answer::Registered(epoch)
    }

    /// Changes a broker's registration, and what follows from that for the partitions.
    fn change_broker(
        &mut self,
        broker: BrokerId,
        epoch: BrokerEpoch,
        changes: &mut Vec<Change>,
        change: impl FnOnce(&mut BrokerRecord),
    ) -> Result<Answer, Rejection> {
        self.registration(broker, epoch)?;
        let record = self.brokers.get_mut(&broker).expect("the registration was found");
        let before = (record.fenced, record.shutting_down);
        change(record);
        if before != (record.fenced, record.shutting_down) {
            changes.push(Change::Broker(broker));
            self.settle(broker, changes);
        }
        Ok(Answer::Done)
    }

    /// The broker's registration, if it is the one of `epoch`.
    fn registration(&self, broker: BrokerId, epoch: BrokerEpoch) -> Result<&BrokerRecord, Rejection> {
        let current = self.brokers.get(&broker).filter(|record| record.epoch == epoch);
        current.ok_or(Rejection::StaleBrokerEpoch)
    }

    /// Settles every partition after a change of `broker`: one that is not alive leaves its ISRs and
    /// leaderships, one that is may end the wait of partitions without a leader.
    fn settle(&mut self, broker: BrokerId, changes: &mut Vec<Change>) {
        let Self { brokers, topics, mutants, .. } = self;
        let alive = |broker: BrokerId| brokers.get(&broker).is_some_and(BrokerRecord::is_alive);
        let leaving = (!alive(broker)).then_some(broker);
        for (name, topic) in topics {
            let candidates = Candidates {
                alive: &alive,
                unclean: topic.config.unclean_leader_election || mutants.has(Mutant::UncleanDefault),
                preferred_anyway: mutants.has(Mutant::PreferredNotInIsr),
            };
            for (number, partition) in (0..).zip(&mut topic.partitions) {
                if let Some(settled) = partition.settle(leaving, &candidates) {
                    changes.push(Change::Partition {
                        partition: TopicPartition::new(Arc::clone(name), number),
                        unclean: settled == Settled::Unclean,
                    });
                }
            }
        }
    }

    fn alter(
        &mut self,
        broker: BrokerId,
        alteration: &Alteration,
        changes: &mut Vec<Change>,
    ) -> Result<PartitionRecord, Rejection> {
        let Self { brokers, topics, mutants, .. } = self;
        let (name, topic) = topics
            .iter_mut()
            .find(|(_, topic)| topic.id == alteration.topic_id)
            .ok_or(Rejection::UnknownTopicId)?;
        let partition = usize::try_from(alteration.partition)
            .ok()
            .and_then(|index| topic.partitions.get_mut(index))
            .ok_or(Rejection::UnknownPartition)?;

        if alteration.leader_epoch > partition.leader_epoch
            || alteration.partition_epoch > partition.partition_epoch
        {
            return Err(Rejection::AheadOfController);
        }
        if alteration.leader_epoch < partition.leader_epoch {
            return Err(Rejection::FencedLeaderEpoch);
        }
        if partition.leader != Some(broker) {
            return Err(Rejection::NotLeader);
        }
        if alteration.partition_epoch < partition.partition_epoch {
            return Err(Rejection::InvalidUpdateVersion);
        }
        let isr: BTreeSet<BrokerId> = alteration.new_isr.iter().map(|(member, _)| *member).collect();
        if !isr.contains(&broker) || !isr.iter().all(|member| partition.replicas.contains(member)) {
            return Err(Rejection::InvalidIsr);
        }
        let eligible = |(member, epoch): &(BrokerId, BrokerEpoch)| {
            // A leader that has not heard of a member in its own epoch names no incarnation. One that is in
            // the ISR has not changed since, or its registration would have taken it out.
            let stays = *epoch == BrokerEpoch(-1) && partition.isr.contains(member);
            let current =
                |record: &BrokerRecord| record.epoch == *epoch || mutants.has(Mutant::BrokerEpochUnchecked);
            brokers.get(member).is_some_and(|record| record.is_alive() && (stays || current(record)))
        };
        if !alteration.new_isr.iter().all(eligible) {
            return Err(Rejection::IneligibleReplica);
        }
        if !partition.move_to(Some(broker), isr.into_iter().collect(), false) {
            // The present ISR is confirmed: no proposal under the old epoch can be carried out any more.
            partition.partition_epoch.0 += 1;
        }
        changes.push(Change::Partition {
            partition: TopicPartition::new(Arc::clone(name), alteration.partition),
            unclean: false,
        });
        Ok(partition.clone())
    }

    fn create_topic(
        &mut self,
        name: &Arc<str>,
        id: Uuid,
        partitions: u32,
        replication: u32,
        config: TopicConfig,
        changes: &mut Vec<Change>,
    ) -> Result<Answer, Rejection> {
        if let Some(topic) = self.topics.get(name) {
            return if topic.id == id { Ok(Answer::Done) } else { Err(Rejection::TopicExists) };
        }
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(Rejection::InvalidPartitions);
        }
        let registered: Vec<BrokerId> = self.brokers.keys().copied().collect();
        let partitions = placement::assign(&registered, partitions, replication)
            .ok_or(Rejection::InvalidReplicationFactor)?
            .into_iter()
            .map(|replicas| PartitionRecord::create(replicas, &|broker| self.is_alive(broker)))
            .collect::<Option<Vec<_>>>()
            .ok_or(Rejection::InvalidReplicationFactor)?;
        changes.extend((0..).zip(&partitions).map(|(number, _)| Change::Partition {
            partition: TopicPartition::new(Arc::clone(name), number),
            unclean: false,
        }));
        self.topics.insert(Arc::clone(name), TopicRecord { id, config, partitions });
        Ok(Answer::Done)
    }

    fn delete_topic(&mut self, id: Uuid) -> Result<Answer, Rejection> {
        let name = self.topic_by_id(id).map(|(name, _)| Arc::clone(name)).ok_or(Rejection::UnknownTopicId)?;
        self.topics.remove(&name);
        Ok(Answer::Done)
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
