//! A follower's side: one task for each leader pulls for all partitions that follow it.
//!
//! A partition is first *truncating*, then *fetching*: on every new leader epoch its log is held against the
//! leader's before anything is appended to it (KIP-320).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use k::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Notify;
use tokio::time::sleep;
use uuid::Uuid;

use super::context::Context;
use super::partition::Partition;
use crate::config::Truncation;
use crate::env::{Env, Task};
use crate::ids::{BrokerId, LeaderEpoch, Offset, TopicPartition};
use crate::log::LogError;
use crate::mutant::{Mutant, Mutants};
use crate::trace;
use crate::wire::{Connection, RpcError};

/// How long a fetcher rests after the leader was not there or refused.
const BACK_OFF: Duration = Duration::from_millis(100);
/// The most that one answer carries, in all and of one partition.
const FETCH_BYTES_MAX: i32 = 8 << 20;
const PARTITION_BYTES_MAX: i32 = 1 << 20;

/// The task that follows one leader.
pub(super) struct Fetcher<E: Env> {
    me: BrokerId,
    leader: BrokerId,
    followed: Arc<Followed<E>>,
    mutants: Mutants,
    /// What was fetched in an epoch that is over, until the next one is known: [`Mutant::SkipMissedEpochs`].
    fetched_before: Mutex<BTreeSet<TopicPartition>>,
    _task: Task,
}

/// What a fetcher follows; changed by the manager while the task runs.
struct Followed<E: Env> {
    partitions: Mutex<BTreeMap<TopicPartition, Following<E>>>,
    changed: Notify,
}

struct Following<E: Env> {
    partition: Arc<Partition<E>>,
    epoch: LeaderEpoch,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Truncating,
    Fetching,
}

/// A partition's part in one request.
struct Asked<E: Env> {
    partition: Arc<Partition<E>>,
    epoch: LeaderEpoch,
    from: Offset,
}

/// The partitions of one request, by topic id and number.
type AskedBy<E> = BTreeMap<(Uuid, i32), Asked<E>>;

impl<E: Env> Fetcher<E> {
    /// Begins to follow `leader`, which is reached at `address`.
    pub(super) fn start(context: &Arc<Context<E>>, leader: BrokerId, address: (String, u16)) -> Self {
        let followed = Arc::new(Followed { partitions: Mutex::default(), changed: Notify::new() });
        let run = Run { context: Arc::clone(context), followed: Arc::clone(&followed), address };
        let task = context.env.spawn(run.run());
        let config = &context.config;
        let (me, mutants) = (config.id, config.mutants);
        Self { me, leader, followed, mutants, fetched_before: Mutex::default(), _task: task }
    }

    /// Follows exactly `wanted` from here on.
    pub(super) fn follow(&self, wanted: BTreeMap<TopicPartition, (Arc<Partition<E>>, LeaderEpoch)>) {
        let same = |f: &Following<E>, (partition, epoch): &(Arc<Partition<E>>, LeaderEpoch)| {
            f.epoch == *epoch && Arc::ptr_eq(&f.partition, partition)
        };
        self.keep(|tp, following| wanted.get(tp).is_some_and(|wanted| same(following, wanted)));
        let fetched = std::mem::take(&mut *self.fetched_before());
        let mut partitions = self.followed.lock();
        let mut added = false;
        for (tp, (partition, epoch)) in wanted {
            partitions.entry(tp).or_insert_with_key(|tp| {
                added = true;
                trace::fetcher_started(self.me, tp, self.leader, epoch);
                let skips = self.mutants.has(Mutant::SkipMissedEpochs) && fetched.contains(tp);
                let stage = if skips { Stage::Fetching } else { Stage::Truncating };
                Following { partition, epoch, stage }
            });
        }
        drop(partitions);
        if added {
            self.followed.changed.notify_one();
        }
    }

    /// Stops following what `keep` does not want, by partition and epoch.
    pub(super) fn retain(&self, keep: impl Fn(&TopicPartition, LeaderEpoch) -> bool) {
        self.keep(|tp, following| keep(tp, following.epoch));
    }

    fn keep(&self, keep: impl Fn(&TopicPartition, &Following<E>) -> bool) {
        self.followed.lock().retain(|tp, following| {
            let kept = keep(tp, following);
            if !kept {
                trace::fetcher_stopped(self.me, tp, self.leader, following.epoch);
                if following.stage == Stage::Fetching {
                    self.fetched_before().insert(tp.clone());
                }
            }
            kept
        });
    }

    fn fetched_before(&self) -> std::sync::MutexGuard<'_, BTreeSet<TopicPartition>> {
        self.fetched_before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Env> Followed<E> {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TopicPartition, Following<E>>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions at `stage`.
    fn at(&self, stage: Stage) -> Vec<(Arc<Partition<E>>, LeaderEpoch)> {
        let partitions = self.lock();
        let at_stage = partitions.values().filter(|f| f.stage == stage);
        at_stage.map(|f| (Arc::clone(&f.partition), f.epoch)).collect()
    }

    /// Moves a partition on, unless it was given another epoch meanwhile.
    fn set_stage(&self, tp: &TopicPartition, epoch: LeaderEpoch, stage: Stage) {
        if let Some(following) = self.lock().get_mut(tp)
            && following.epoch == epoch
        {
            following.stage = stage;
        }
    }
}

/// Why a round ended early.
enum RoundError {
    /// The leader did not answer; the connection is of no further use.
    NoAnswer,
    /// This broker's own log failed.
    Log(TopicPartition, LogError),
}

impl From<RpcError> for RoundError {
    fn from(_: RpcError) -> Self {
        Self::NoAnswer
    }
}

struct Run<E: Env> {
    context: Arc<Context<E>>,
    followed: Arc<Followed<E>>,
    address: (String, u16),
}

impl<E: Env> Run<E> {
    async fn run(self) {
        let client_id = format!("{}-fetcher", self.context.config.id);
        let mut connection = None;
        loop {
            if self.followed.lock().is_empty() {
                self.followed.changed.notified().await;
                continue;
            }
            let (host, port) = &self.address;
            let limit = self.context.config.request_timeout;
            let open = match &mut connection {
                Some(open) => open,
                None => match Connection::open(&self.context.env, host, *port, &client_id, limit).await {
                    Ok(opened) => connection.insert(opened),
                    Err(_) => {
                        sleep(BACK_OFF).await;
                        continue;
                    }
                },
            };
            match self.round(open).await {
                Ok(true) => {}
                Ok(false) => sleep(BACK_OFF).await,
                Err(RoundError::NoAnswer) => {
                    connection = None;
                    sleep(BACK_OFF).await;
                }
                // The broker ends with this, and the task with it.
                Err(RoundError::Log(tp, error)) => {
                    self.context.log_failed(&tp, &error);
                    sleep(BACK_OFF).await;
                }
            }
        }
    }

    /// Asks for divergences, then fetches. Returns whether it got anywhere.
    async fn round(&self, connection: &mut Connection<E>) -> Result<bool, RoundError> {
        let truncating = self.followed.at(Stage::Truncating);
        let mut progress = false;
        if !truncating.is_empty() {
            progress |= match self.context.config.truncation {
                Truncation::EpochRequest if self.context.config.mutants.has(Mutant::TruncToHwDiverge) => {
                    self.truncate_without_asking(truncating).await?;
                    true
                }
                Truncation::EpochRequest => self.truncate(connection, truncating).await?,
                // The answer to the fetch itself tells of a divergence.
                Truncation::OnFetch => {
                    for (partition, epoch) in truncating {
                        self.followed.set_stage(&partition.tp, epoch, Stage::Fetching);
                    }
                    true
                }
            };
        }
        let fetching = self.followed.at(Stage::Fetching);
        if !fetching.is_empty() {
            progress |= self.fetch(connection, fetching).await?;
        }
        Ok(progress)
    }

    /// What stands in for [`Run::truncate`] under [`Mutant::TruncToHwDiverge`].
    async fn truncate_without_asking(
        &self,
        truncating: Vec<(Arc<Partition<E>>, LeaderEpoch)>,
    ) -> Result<(), RoundError> {
        for (partition, epoch) in truncating {
            let failed = |error| RoundError::Log(partition.tp.clone(), error);
            partition.truncate_to_high_watermark(epoch).await.map_err(failed)?;
            self.followed.set_stage(&partition.tp, epoch, Stage::Fetching);
        }
        Ok(())
    }

    async fn truncate(
        &self,
        connection: &mut Connection<E>,
        truncating: Vec<(Arc<Partition<E>>, LeaderEpoch)>,
    ) -> Result<bool, RoundError> {
        let mut topics: BTreeMap<Arc<str>, Vec<OffsetForLeaderPartition>> = BTreeMap::new();
        let mut asked = BTreeMap::new();
        let mut progress = false;
        for (partition, epoch) in truncating {
            match partition.follower_position(epoch).await {
                None => {}
                // An empty log agrees with every other.
                Some((_, None)) => {
                    self.followed.set_stage(&partition.tp, epoch, Stage::Fetching);
                    progress = true;
                }
                Some((_, Some(last_epoch))) => {
                    topics.entry(Arc::clone(&partition.tp.topic)).or_default().push(
                        OffsetForLeaderPartition::default()
                            .with_partition(partition.tp.partition)
                            .with_current_leader_epoch(epoch.0)
                            .with_leader_epoch(last_epoch.0),
                    );
                    asked.insert(partition.tp.clone(), (partition, epoch));
                }
            }
        }
        if asked.is_empty() {
            return Ok(progress);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            OffsetForLeaderTopic::default()
                .with_topic(StrBytes::from_string(topic.to_string()).into())
                .with_partitions(partitions)
        });
        let request = k::OffsetForLeaderEpochRequest::default()
            .with_replica_id(self.context.config.id.0.into())
            .with_topics(topics.collect());
        let answer = connection.call(&request, self.context.config.request_timeout).await?;

        for topic in &answer.topics {
            for end in &topic.partitions {
                let tp = TopicPartition::new(topic.topic.as_str(), end.partition);
                let Some((partition, epoch)) = asked.get(&tp) else { continue };
                if end.error_code != 0 {
                    continue;
                }
                let known =
                    (end.end_offset >= 0).then_some((LeaderEpoch(end.leader_epoch), Offset(end.end_offset)));
                let agreed = partition
                    .truncate_to_epoch_end(*epoch, known)
                    .await
                    .map_err(|error| RoundError::Log(tp.clone(), error))?;
                if agreed {
                    self.followed.set_stage(&tp, *epoch, Stage::Fetching);
                }
                progress = true;
            }
        }
        Ok(progress)
    }

    async fn fetch(
        &self,
        connection: &mut Connection<E>,
        fetching: Vec<(Arc<Partition<E>>, LeaderEpoch)>,
    ) -> Result<bool, RoundError> {
        let (request, asked) = self.fetch_request(fetching).await;
        if asked.is_empty() {
            return Ok(false);
        }
        let config = &self.context.config;
        let limit = config.request_timeout + config.replica_fetch_wait_max;
        let answer = connection.call(&request, limit).await?;
        if answer.error_code != 0 {
            return Ok(false);
        }
        let mut progress = false;
        for topic in answer.responses {
            for data in topic.partitions {
                if let Some(asked) = asked.get(&(topic.topic_id, data.partition_index)) {
                    progress |= self
                        .fetched(asked, data)
                        .await
                        .map_err(|error| RoundError::Log(asked.partition.tp.clone(), error))?;
                }
            }
        }
        Ok(progress)
    }

    async fn fetch_request(
        &self,
        fetching: Vec<(Arc<Partition<E>>, LeaderEpoch)>,
    ) -> (k::FetchRequest, AskedBy<E>) {
        let config = &self.context.config;
        let mut topics: BTreeMap<Uuid, Vec<FetchPartition>> = BTreeMap::new();
        let mut asked = AskedBy::new();
        for (partition, epoch) in fetching {
            let Some((from, last_epoch)) = partition.follower_position(epoch).await else { continue };
            let last_epoch = match config.truncation {
                Truncation::OnFetch => last_epoch.map_or(-1, |e| e.0),
                Truncation::EpochRequest => -1,
            };
            topics.entry(partition.topic_id).or_default().push(
                FetchPartition::default()
                    .with_partition(partition.tp.partition)
                    .with_current_leader_epoch(epoch.0)
                    .with_fetch_offset(from.0)
                    .with_last_fetched_epoch(last_epoch)
                    .with_partition_max_bytes(PARTITION_BYTES_MAX),
            );
            asked.insert((partition.topic_id, partition.tp.partition), Asked { partition, epoch, from });
        }
        let topics = topics
            .into_iter()
            .map(|(id, partitions)| FetchTopic::default().with_topic_id(id).with_partitions(partitions));
        let replica = ReplicaState::default()
            .with_replica_id(config.id.0.into())
            .with_replica_epoch(self.context.broker_epoch().map_or(-1, |e| e.0));
        let request = k::FetchRequest::default()
            .with_replica_state(replica)
            .with_max_wait_ms(i32::try_from(config.replica_fetch_wait_max.as_millis()).unwrap_or(i32::MAX))
            .with_min_bytes(1)
            .with_max_bytes(FETCH_BYTES_MAX)
            .with_topics(topics.collect());
        (request, asked)
    }

    /// Applies one partition's part of an answer. Returns whether the leader served it.
    async fn fetched(
        &self,
        asked: &Asked<E>,
        data: k::fetch_response::PartitionData,
    ) -> Result<bool, LogError> {
        let Asked { partition, epoch, from } = asked;
        match ResponseError::try_from_code(data.error_code) {
            None => {}
            // The leader's log ends before this one: it has to be held against the leader's again.
            Some(ResponseError::OffsetOutOfRange) => {
                self.followed.set_stage(&partition.tp, *epoch, Stage::Truncating);
                return Ok(false);
            }
            // It leads in another epoch or not at all: the metadata log will tell.
            Some(_) => return Ok(false),
        }
        if data.diverging_epoch.end_offset >= 0 {
            let diverging =
                (LeaderEpoch(data.diverging_epoch.epoch), Offset(data.diverging_epoch.end_offset));
            let leader_hw = Offset(data.high_watermark);
            partition.truncate_to_divergence(*epoch, diverging, leader_hw).await?;
            return Ok(true);
        }
        let records = data.records.unwrap_or_default();
        match partition.follow(*epoch, *from, records, Offset(data.high_watermark)).await {
            Ok(()) => Ok(true),
            // The leader's bytes are bad, or were spoilt on the way, and nothing of them was written: that is no
            // reason for this broker to end. It asks again, as Kafka's fetcher does.
            Err(error) if error.is_callers_fault() => {
                tracing::warn!(partition = %partition.tp, %error, "the leader sent records that are none");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
