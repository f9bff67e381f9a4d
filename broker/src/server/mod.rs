//! A broker's process: what it starts, what it serves, and how it ends.

mod fetch;
mod handler;
mod metadata;
mod offsets;
mod produce;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::watch;
use thiserror::Error;
use tokio::time::timeout;

use crate::config::BrokerConfig;
use crate::controller::{
    ChannelConfig, ClusterState, Controller, ControllerChannel, ControllerConfig, FeedConfig, Lifecycle,
    LifecycleConfig, TopicConfig, feed,
};
use crate::env::{Env, Listener, Task};
use crate::ids::BrokerId;
use crate::quorum::VoterId;
use crate::quorum::driver::{DriverConfig, QuorumError};
use crate::replica::{Context, ReplicaManager};
use crate::trace;
use crate::wire::{decode_request, read_frame, write_frame};
use handler::Handler;

/// The quorum's clock: an idle quorum sends a frame to each follower every second tick.
const QUORUM_TICK: Duration = Duration::from_millis(50);
const QUORUM_HEARTBEAT_TICKS: u32 = 2;
const QUORUM_ELECTION_TICKS: u32 = 14;
/// How many entries the metadata log grows by before it is folded into a snapshot.
const SNAPSHOT_EVERY: u64 = 1_000;
/// The quorum's folder on the node's disk.
const QUORUM_FOLDER: &str = "__cluster_metadata";
/// How long a node that is asked to stop waits for its leaderships to be handed on.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);
/// How long the metadata feed of a node that does not vote waits for news.
const FEED_WAIT_MAX: Duration = Duration::from_millis(500);
/// The first pause after a controller did not answer.
const CHANNEL_BACK_OFF: Duration = Duration::from_millis(50);
/// The most connections that are served at a time.
const CONNECTIONS_MAX: usize = 10_000;

/// Why a broker ended by itself.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// Its port cannot be listened on.
    #[error("cannot listen on port {port}")]
    Listen {
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// Its disk or one of its logs cannot be read or written: it stops rather than serve what it cannot
    /// vouch for.
    #[error("the broker's disk failed: {why}")]
    Disk {
        /// What failed.
        why: String,
    },
}

/// Runs a broker, a controller, or both, until `terminate` says to stop or its disk fails. Everything it
/// started ends with the future.
pub async fn run<E: Env>(
    env: E,
    config: BrokerConfig,
    mut terminate: watch::Receiver<bool>,
) -> Result<(), BrokerError> {
    let me = config.id;
    let mut incarnation = env.rng("incarnation");
    trace::broker_started(me, rand::Rng::next_u64(&mut incarnation));
    let mut ended = run_node(&env, config, &mut terminate).await;
    if let Err(BrokerError::Disk { why }) = &mut ended {
        trace::broker_stopped(me, why);
    } else {
        trace::broker_stopped(me, "shutdown");
    }
    ended
}

async fn run_node<E: Env>(
    env: &E,
    config: BrokerConfig,
    terminate: &mut watch::Receiver<bool>,
) -> Result<(), BrokerError> {
    let disk_failed = |why: &dyn std::fmt::Display| BrokerError::Disk { why: why.to_string() };
    let (controller, cluster, mut tasks) = follow_cluster(env, &config).await?;
    let context = Arc::new(Context::new(env.clone(), config));
    let config = &context.config;
    let replicas = ReplicaManager::recover(Arc::clone(&context)).await.map_err(|e| disk_failed(&e))?;

    let listener =
        env.bind(config.port).await.map_err(|source| BrokerError::Listen { port: config.port, source })?;
    let handler = Arc::new(Handler {
        context: Arc::clone(&context),
        replicas: Arc::clone(&replicas),
        controller: controller.clone(),
        cluster: cluster.clone(),
    });
    tasks.push(env.spawn(accept(env.clone(), listener, handler)));

    let channel = |name: &str| ControllerChannel::new(env, channel_config(config, name), cluster.clone());
    let lifecycle = config.is_broker.then(|| {
        let lifecycle = LifecycleConfig {
            broker: config.id,
            host: config.host.clone(),
            port: config.port,
            heartbeat_interval: config.heartbeat_interval,
        };
        Lifecycle::start(env, lifecycle, channel("lifecycle"), cluster.clone())
    });
    if let Some(lifecycle) = &lifecycle {
        tasks.extend(replicas.start(channel("isr")));
        let status = lifecycle.status();
        tasks.push(env.spawn(apply_metadata(Arc::clone(&replicas), Arc::clone(&context), status, cluster)));
    }

    tokio::select! {
        biased;
        why = context.failed() => return Err(BrokerError::Disk { why }),
        why = quorum_stopped(controller.as_deref()) => return Err(BrokerError::Disk { why }),
        _ = terminate.wait_for(|terminate| *terminate) => {}
    }
    if let Some(lifecycle) = &lifecycle {
        lifecycle.begin_shutdown();
        // Whoever waits longer than this for a controller is killed by its operator.
        let _ = timeout(SHUTDOWN_MAX, lifecycle.status().wait_for(|status| status.should_shut_down)).await;
        replicas.sync().await.map_err(|e| disk_failed(&e))?;
        replicas.checkpoint().await.map_err(|e| disk_failed(&e))?;
    }
    Ok(())
}

/// What a node follows the cluster's metadata by.
type Following<E> = (Option<Arc<Controller<E>>>, watch::Receiver<Arc<ClusterState>>, Vec<Task>);

/// Follows the metadata log: a voter by its own quorum node, others by fetching it.
async fn follow_cluster<E: Env>(env: &E, config: &BrokerConfig) -> Result<Following<E>, BrokerError> {
    if !config.voters.contains_key(&config.id) {
        let feed_config = FeedConfig {
            node: config.id,
            channel: channel_config(config, "metadata"),
            max_wait: FEED_WAIT_MAX,
            mutants: config.mutants,
        };
        let (cluster, task) = feed::start(env, feed_config);
        return Ok((None, cluster, vec![task]));
    }
    let voters = config
        .voters
        .iter()
        .map(|(id, address)| (VoterId(id.0), (address.host.clone(), address.quorum_port)));
    let controller_config = ControllerConfig {
        quorum: DriverConfig {
            id: VoterId(config.id.0),
            voters: voters.collect(),
            tick: QUORUM_TICK,
            election_ticks: QUORUM_ELECTION_TICKS,
            heartbeat_ticks: QUORUM_HEARTBEAT_TICKS,
            snapshot_every: SNAPSHOT_EVERY,
            dir: QUORUM_FOLDER.to_owned(),
        },
        session_timeout: config.session_timeout,
        request_timeout: config.request_timeout,
        topic_defaults: TopicConfig {
            min_insync_replicas: config.min_insync_replicas,
            unclean_leader_election: config.unclean_leader_election,
        },
        mutants: config.mutants,
    };
    let (controller, tasks) =
        Controller::start(env, controller_config).await.map_err(|error| match error {
            QuorumError::Bind { port, source } => BrokerError::Listen { port, source },
            error => BrokerError::Disk { why: format!("the quorum's files: {error}") },
        })?;
    let cluster = controller.state();
    Ok((Some(controller), cluster, tasks.into()))
}

fn channel_config(config: &BrokerConfig, name: &str) -> ChannelConfig {
    let controllers: BTreeMap<BrokerId, (String, u16)> =
        config.voters.iter().map(|(id, address)| (*id, (address.host.clone(), address.port))).collect();
    ChannelConfig {
        client_id: format!("{}-{name}", config.id),
        controllers,
        // A controller that does not answer must not cost a broker its session.
        timeout: config.request_timeout.min(config.session_timeout / 2),
        backoff: CHANNEL_BACK_OFF,
    }
}

async fn quorum_stopped<E: Env>(controller: Option<&Controller<E>>) -> String {
    let Some(controller) = controller else { return std::future::pending().await };
    let mut status = controller.quorum_status();
    // An error says that the quorum's task has ended, which it does by itself only when it stopped.
    let _ = status.wait_for(|status| status.stopped).await;
    "the quorum's files".to_owned()
}

/// Gives the replicas the roles of every newer state, from this incarnation's registration on: what the log
/// says before that is about a former life.
async fn apply_metadata<E: Env>(
    replicas: Arc<ReplicaManager<E>>,
    context: Arc<Context<E>>,
    mut status: watch::Receiver<crate::controller::BrokerStatus>,
    mut cluster: watch::Receiver<Arc<ClusterState>>,
) {
    let Ok(registered) = status.wait_for(|status| status.broker_epoch.is_some()).await.map(|status| *status)
    else {
        return;
    };
    let epoch = registered.broker_epoch.expect("that was waited for");
    context.set_broker_epoch(epoch);
    let me = context.config.id;
    loop {
        let state = Arc::clone(&cluster.borrow_and_update());
        if state.brokers.get(&me).is_some_and(|broker| broker.epoch == epoch)
            && let Err(error) = replicas.apply(&state).await
        {
            return context.fail(error.to_string());
        }
        if cluster.changed().await.is_err() {
            return;
        }
    }
}

/// Serves connections, each by a task of its own.
async fn accept<E: Env>(env: E, mut listener: E::Listener, handler: Arc<Handler<E>>) {
    let mut connections: Vec<Task> = Vec::new();
    while let Ok(stream) = listener.accept().await {
        connections.retain(|task| !task.is_finished());
        if connections.len() < CONNECTIONS_MAX {
            connections.push(env.spawn(serve::<E>(stream, Arc::clone(&handler))));
        }
    }
    handler.context.fail("the listener ended".to_owned());
}

/// Answers the requests of one connection in their order.
async fn serve<E: Env>(mut stream: E::Stream, handler: Arc<Handler<E>>) {
    while let Ok(Some(frame)) = read_frame(&mut stream).await {
        // What is no request is no basis for another one either: the connection ends.
        let Ok((header, body)) = decode_request(frame) else { return };
        if let Some(answer) = handler.answer(header, body).await
            && write_frame(&mut stream, answer).await.is_err()
        {
            return;
        }
    }
}
