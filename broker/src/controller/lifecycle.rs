//! How a broker belongs to the cluster: registration, heartbeats, controlled shutdown (KIP-631).

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::messages::broker_registration_request::Listener;
use rand::Rng as _;
use tokio::time::sleep;
use uuid::Uuid;

use super::channel::ControllerChannel;
use super::state::ClusterState;
use crate::env::{Env, Task};
use crate::ids::{BrokerEpoch, BrokerId};
use crate::trace;
use crate::watch;

/// What a broker tells the controller of itself.
#[derive(Clone, Debug)]
pub struct LifecycleConfig {
    /// The broker.
    pub broker: BrokerId,
    /// Where clients and other brokers reach it.
    pub host: String,
    /// Its port for the Kafka protocol.
    pub port: u16,
    /// How often it lets the controller hear of it (`broker.heartbeat.interval.ms`); several fit into a
    /// session.
    pub heartbeat_interval: Duration,
}

/// A broker's standing, as of the controller's last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerStatus {
    /// Its registration; none before the first.
    pub broker_epoch: Option<BrokerEpoch>,
    /// Whether the controller counts it out.
    pub fenced: bool,
    /// Whether its leaderships are handed on, so that it may stop.
    pub should_shut_down: bool,
}

/// The running life of a broker in the cluster. It ends, without a word to the controller, when dropped.
#[derive(Debug)]
pub struct Lifecycle {
    status: watch::Receiver<BrokerStatus>,
    shutdown: watch::Sender<bool>,
    _task: Task,
}

impl Lifecycle {
    /// Registers this process of the broker as a new incarnation, and lets the controller hear of it from
    /// then on. `state` is what the host has applied of the metadata log.
    pub fn start<E: Env>(
        env: &E,
        config: LifecycleConfig,
        channel: ControllerChannel<E>,
        state: watch::Receiver<Arc<ClusterState>>,
    ) -> Self {
        let mut incarnation = [0; 16];
        env.rng("incarnation").fill_bytes(&mut incarnation);
        let incarnation = uuid::Builder::from_random_bytes(incarnation).into_uuid();
        let initial = BrokerStatus { broker_epoch: None, fenced: true, should_shut_down: false };
        let (publish, status) = watch::channel(initial);
        let (shutdown, asked) = watch::channel(false);
        let life = Life { config, incarnation, channel, state, publish, asked };
        Self { status, shutdown, _task: env.spawn(life.run()) }
    }

    /// The broker's standing.
    pub fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.status.clone()
    }

    /// Asks the controller to hand the broker's leaderships on. It is done when the status says
    /// `should_shut_down`; how long to wait for that is the caller's choice.
    pub fn begin_shutdown(&self) {
        self.shutdown.send_replace(true);
    }
}

struct Life<E: Env> {
    config: LifecycleConfig,
    incarnation: Uuid,
    channel: ControllerChannel<E>,
    state: watch::Receiver<Arc<ClusterState>>,
    publish: watch::Sender<BrokerStatus>,
    asked: watch::Receiver<bool>,
}

impl<E: Env> Life<E> {
    async fn run(mut self) {
        loop {
            let epoch = self.register().await;
            self.beat_while_registered(epoch).await;
        }
    }

    /// Registers, however often it takes. The same incarnation is registered once.
    async fn register(&mut self) -> BrokerEpoch {
        let LifecycleConfig { broker, host, port, heartbeat_interval } = self.config.clone();
        let listener =
            Listener::default().with_name("PLAINTEXT".into()).with_host(host.into()).with_port(port);
        let request = k::BrokerRegistrationRequest::default()
            .with_broker_id(broker.0.into())
            .with_incarnation_id(self.incarnation)
            .with_listeners(vec![listener]);
        loop {
            match self.channel.call(&request).await.map(|answer| (answer.error_code, answer.broker_epoch)) {
                Ok((0, epoch)) => {
                    let epoch = BrokerEpoch(epoch);
                    trace::registered(broker, epoch);
                    self.publish.send_modify(|status| status.broker_epoch = Some(epoch));
                    return epoch;
                }
                // The channel pauses by itself before it tries elsewhere.
                Err(_) => (),
                Ok((error, _)) if error == ResponseError::NotController.code() => (),
                Ok(_) => sleep(heartbeat_interval).await,
            }
        }
    }

    /// Heartbeats until the controller no longer knows this registration.
    async fn beat_while_registered(&mut self, epoch: BrokerEpoch) {
        loop {
            let request = k::BrokerHeartbeatRequest::default()
                .with_broker_id(self.config.broker.0.into())
                .with_broker_epoch(epoch.0)
                .with_current_metadata_offset(self.state.borrow().offset.0)
                .with_want_shut_down(*self.asked.borrow_and_update());
            match self.channel.call(&request).await {
                Err(_) => continue,
                Ok(answer) => match ResponseError::try_from_code(answer.error_code) {
                    None => {
                        self.publish.send_replace(BrokerStatus {
                            broker_epoch: Some(epoch),
                            fenced: answer.is_fenced,
                            should_shut_down: answer.should_shut_down,
                        });
                        self.pause(epoch, answer.is_fenced && !answer.is_caught_up).await;
                    }
                    Some(ResponseError::NotController) => (),
                    Some(ResponseError::StaleBrokerEpoch) => {
                        self.publish.send_modify(|status| status.fenced = true);
                        return;
                    }
                    Some(_) => self.pause(epoch, false).await,
                },
            }
        }
    }

    /// Waits for the next heartbeat to be due: the interval, or less when shutdown is asked for, or when
    /// the broker was `behind` its own registration and has caught up with it.
    async fn pause(&mut self, epoch: BrokerEpoch, behind: bool) {
        let Self { config, state, asked, .. } = self;
        let caught_up = async {
            if !behind || state.wait_for(|state| state.offset.0 >= epoch.0).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            Ok(()) = asked.changed() => (),
            () = caught_up => (),
            () = sleep(config.heartbeat_interval) => (),
        }
    }
}
