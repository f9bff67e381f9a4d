//! Hosts a broker's replicas: recovers their logs, gives them the roles that the controller's log says, and
//! keeps their time: lag checks, high-watermark checkpoints, flushes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::context::Context;
use super::fetcher::Fetcher;
use super::isr;
use super::leader::{Standing, Standings, Term};
use super::partition::{Assignment, Partition};
use crate::controller::{ClusterState, ControllerChannel};
use crate::env::{Disk, DiskFile, Env, Task};
use crate::ids::{BrokerId, LeaderEpoch, Offset, TopicPartition};
use crate::log::{FlushPolicy, Log, LogConfig, LogError, hw_checkpoint};
use crate::mutant::Mutant;
use crate::trace;

/// The file in a log's folder that says of which topic it is.
const TOPIC_ID_FILE: &str = "partition.metadata";
/// How densely a log's offsets are indexed.
const INDEX_INTERVAL_BYTES: u64 = 4096;

/// Why a broker's replicas cannot be hosted.
#[derive(Debug, Error)]
pub(crate) enum HostError {
    #[error("cannot open the log of {tp}")]
    Log { tp: TopicPartition, source: LogError },
    #[error("cannot read the high-watermark checkpoint")]
    Checkpoint(#[source] LogError),
    #[error("cannot read the broker's disk")]
    Disk(#[from] io::Error),
}

/// The replicas of one broker.
pub(crate) struct ReplicaManager<E: Env> {
    context: Arc<Context<E>>,
    partitions: Mutex<BTreeMap<TopicPartition, Arc<Partition<E>>>>,
    fetchers: Mutex<BTreeMap<BrokerId, (Address, Fetcher<E>)>>,
    /// Held while the checkpoint is written: its two occasions, the interval and the shutdown, share a file.
    checkpointing: tokio::sync::Mutex<()>,
}

/// What is followed at one leader, and in which epochs.
type Followed<E> = BTreeMap<TopicPartition, (Arc<Partition<E>>, LeaderEpoch)>;

type Address = (String, u16);

impl<E: Env> ReplicaManager<E> {
    /// Opens every log that is on the disk.
    pub(crate) async fn recover(context: Arc<Context<E>>) -> Result<Arc<Self>, HostError> {
        // One that is missing or spoilt does no harm; a disk that cannot be read is no disk to serve from.
        let checkpointed = hw_checkpoint::load(context.env.disk()).await.map_err(HostError::Checkpoint)?;
        let manager = Self {
            context,
            partitions: Mutex::default(),
            fetchers: Mutex::default(),
            checkpointing: tokio::sync::Mutex::default(),
        };
        for name in manager.context.env.disk().list("").await? {
            let Some(tp) = partition_of(&name) else { continue };
            let Some(topic_id) = read_topic_id(manager.context.env.disk(), &name).await? else {
                // The process ended while it made the folder: nothing was ever written to its log.
                continue;
            };
            let hw = checkpointed.get(&tp).copied().unwrap_or_default();
            manager.open(tp, topic_id, hw).await?;
        }
        Ok(Arc::new(manager))
    }

    pub(super) fn context(&self) -> &Arc<Context<E>> {
        &self.context
    }

    /// The replica of `tp`, if it is hosted here.
    pub(crate) fn partition(&self, tp: &TopicPartition) -> Option<Arc<Partition<E>>> {
        self.lock().get(tp).cloned()
    }

    /// Brings roles, fetchers and hosted replicas in line with the controller's log.
    pub(crate) async fn apply(&self, cluster: &ClusterState) -> Result<(), HostError> {
        let me = self.context.config.id;
        self.context.set_standings(standings(cluster));
        self.stop_outdated_fetching(cluster);

        let mut followed: BTreeMap<BrokerId, Followed<E>> = BTreeMap::new();
        let mut assigned = BTreeSet::new();
        for (name, topic) in &cluster.topics {
            for (number, record) in topic.partitions.iter().enumerate() {
                if !record.replicas.contains(&me) {
                    continue;
                }
                let number = i32::try_from(number).expect("partitions are counted in 32 bits");
                let tp = TopicPartition::new(Arc::clone(name), number);
                let partition = self.hosted(&tp, topic.id).await?;
                let assignment = Assignment {
                    leader: record.leader,
                    term: Term {
                        epoch: record.leader_epoch,
                        partition_epoch: record.partition_epoch,
                        replicas: record.replicas.clone(),
                        isr: record.isr.iter().copied().collect(),
                        min_isr: usize::try_from(topic.config.min_insync_replicas).unwrap_or(1),
                    },
                };
                // What this replica was appending as a leader's follower must not be pulled any longer when
                // it leads: the role changes first, and the fetchers drop answers of another epoch.
                partition
                    .assign(&assignment)
                    .await
                    .map_err(|source| HostError::Log { tp: tp.clone(), source })?;
                if let Some(leader) = record.leader.filter(|leader| *leader != me) {
                    followed.entry(leader).or_default().insert(tp.clone(), (partition, record.leader_epoch));
                }
                assigned.insert(tp);
            }
        }
        self.follow(cluster, followed);
        self.drop_unassigned(&assigned).await
    }

    /// Nothing is pulled any longer from a leader or in an epoch that is over: no replica that takes up a
    /// role still has a fetcher of its former one.
    fn stop_outdated_fetching(&self, cluster: &ClusterState) {
        if self.context.config.mutants.has(Mutant::TwoFetchers) {
            return;
        }
        let fetchers = self.fetchers.lock().unwrap_or_else(PoisonError::into_inner);
        for (leader, (_, fetcher)) in fetchers.iter() {
            fetcher.retain(|tp, epoch| {
                let record = cluster.partition(tp);
                record.is_some_and(|r| r.leader == Some(*leader) && r.leader_epoch == epoch)
            });
        }
    }

    fn follow(&self, cluster: &ClusterState, mut followed: BTreeMap<BrokerId, Followed<E>>) {
        let mut fetchers = self.fetchers.lock().unwrap_or_else(PoisonError::into_inner);
        fetchers.retain(|leader, (_, fetcher)| {
            let two_fetchers = self.context.config.mutants.has(Mutant::TwoFetchers);
            let needed = followed.contains_key(leader) || two_fetchers;
            if !needed {
                fetcher.retain(|_, _| false);
            }
            needed
        });
        while let Some((leader, wanted)) = followed.pop_first() {
            let Some(broker) = cluster.brokers.get(&leader) else { continue };
            let address = (broker.host.clone(), broker.port);
            if fetchers.get(&leader).is_none_or(|(known, _)| *known != address) {
                if let Some((_, moved)) = fetchers.remove(&leader) {
                    moved.retain(|_, _| false);
                }
                let fetcher = Fetcher::start(&self.context, leader, address.clone());
                fetchers.insert(leader, (address, fetcher));
            }
            fetchers[&leader].1.follow(wanted);
        }
    }

    /// The replica of `tp`; one of an older topic of the same name is replaced.
    async fn hosted(&self, tp: &TopicPartition, topic_id: Uuid) -> Result<Arc<Partition<E>>, HostError> {
        if let Some(partition) = self.partition(tp) {
            if partition.topic_id == topic_id {
                return Ok(partition);
            }
            self.delete(tp).await?;
        }
        write_topic_id(self.context.env.disk(), &folder_of(tp), topic_id).await?;
        self.open(tp.clone(), topic_id, Offset::default()).await
    }

    async fn open(
        &self,
        tp: TopicPartition,
        topic_id: Uuid,
        hw: Offset,
    ) -> Result<Arc<Partition<E>>, HostError> {
        let config = &self.context.config;
        let log_config = LogConfig {
            segment_bytes: config.segment_bytes,
            index_interval_bytes: INDEX_INTERVAL_BYTES,
            flush: config.flush,
            max_batch_bytes: config.message_max_bytes,
            mutants: config.mutants,
        };
        let (log, recovered) = Log::open(self.context.env.disk().clone(), &folder_of(&tp), log_config)
            .await
            .map_err(|source| HostError::Log { tp: tp.clone(), source })?;
        let hw = hw.min(recovered.end);
        trace::recovered(config.id, &tp, &recovered, hw, log.epochs());
        let partition = Arc::new(Partition::new(Arc::clone(&self.context), tp.clone(), topic_id, log, hw));
        self.lock().insert(tp, Arc::clone(&partition));
        Ok(partition)
    }

    async fn drop_unassigned(&self, assigned: &BTreeSet<TopicPartition>) -> Result<(), HostError> {
        let stray: Vec<_> = self.lock().keys().filter(|tp| !assigned.contains(*tp)).cloned().collect();
        for tp in stray {
            self.delete(&tp).await?;
        }
        Ok(())
    }

    async fn delete(&self, tp: &TopicPartition) -> Result<(), HostError> {
        let Some(partition) = self.lock().remove(tp) else { return Ok(()) };
        partition.delete().await.map_err(|source| HostError::Log { tp: tp.clone(), source })
    }

    /// Starts the questions to the controller and what happens at intervals.
    pub(crate) fn start(self: &Arc<Self>, channel: ControllerChannel<E>) -> Vec<Task> {
        let env = &self.context.env;
        let config = &self.context.config;
        let mut tasks = vec![
            env.spawn(isr::ask(Arc::clone(self), channel)),
            env.spawn(Arc::clone(self).check_isrs(config.replica_lag_time_max / 2)),
            env.spawn(Arc::clone(self).checkpoint_at(config.high_watermark_checkpoint_interval)),
        ];
        if let FlushPolicy::Interval(period) = config.flush {
            tasks.push(env.spawn(Arc::clone(self).sync_at(period)));
        }
        tasks
    }

    async fn check_isrs(self: Arc<Self>, period: Duration) {
        let mut ticks = ticks(period);
        loop {
            ticks.tick().await;
            for partition in self.all() {
                partition.check_isr(Instant::now()).await;
            }
        }
    }

    async fn checkpoint_at(self: Arc<Self>, period: Duration) {
        let mut ticks = ticks(period);
        loop {
            ticks.tick().await;
            if let Err(error) = self.checkpoint().await {
                return self.context.fail(format!("cannot write the high-watermark checkpoint: {error}"));
            }
        }
    }

    async fn sync_at(self: Arc<Self>, period: Duration) {
        let mut ticks = ticks(period);
        loop {
            ticks.tick().await;
            if let Err(error) = self.sync().await {
                return self.context.fail(error.to_string());
            }
        }
    }

    /// Syncs every log.
    pub(crate) async fn sync(&self) -> Result<(), HostError> {
        for partition in self.all() {
            let failed = |source| HostError::Log { tp: partition.tp.clone(), source };
            partition.sync().await.map_err(failed)?;
        }
        Ok(())
    }

    /// Writes all high watermarks down.
    pub(crate) async fn checkpoint(&self) -> Result<(), LogError> {
        let _alone = self.checkpointing.lock().await;
        let mut marks = BTreeMap::new();
        for partition in self.all() {
            marks.insert(partition.tp.clone(), partition.high_watermark().await);
        }
        hw_checkpoint::store(self.context.env.disk(), &marks).await
    }

    fn all(&self) -> Vec<Arc<Partition<E>>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TopicPartition, Arc<Partition<E>>>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    // A paused process has nothing to catch up on.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn standings(cluster: &ClusterState) -> Standings {
    let standing = |broker: &crate::controller::BrokerRecord| Standing {
        broker_epoch: broker.epoch,
        eligible: broker.is_alive(),
    };
    cluster.brokers.iter().map(|(id, broker)| (*id, standing(broker))).collect()
}

fn folder_of(tp: &TopicPartition) -> String {
    format!("{}-{}", tp.topic, tp.partition)
}

fn partition_of(folder: &str) -> Option<TopicPartition> {
    let (topic, partition) = folder.rsplit_once('-')?;
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}

async fn write_topic_id<D: Disk>(disk: &D, folder: &str, topic_id: Uuid) -> io::Result<()> {
    let file = disk.open(&format!("{folder}/{TOPIC_ID_FILE}"), true).await?;
    file.truncate(0).await?;
    file.append(Bytes::from(topic_id.to_string())).await?;
    file.sync().await?;
    disk.sync_dir(folder).await?;
    disk.sync_dir("").await
}

/// The topic of the log in `folder`; none where the file is missing or was never finished.
async fn read_topic_id<D: Disk>(disk: &D, folder: &str) -> io::Result<Option<Uuid>> {
    let file = match disk.open(&format!("{folder}/{TOPIC_ID_FILE}"), false).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = file.read_at(0, 64).await?;
    Ok(std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()))
}
