//! A broker's line to the active controller: finds it among the voters, and stays with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages as k;
use kafka_protocol::protocol::{HeaderVersion, Request};
use rand::RngExt as _;
use tokio::time::sleep;

use super::state::ClusterState;
use crate::env::{Env, Rng};
use crate::ids::{BrokerId, ControllerEpoch};
use crate::watch;
use crate::wire::{Api, Connection, RpcError};

/// After this many failures in a row the back-off grows no further.
const BACKOFF_DOUBLINGS_MAX: u32 = 4;

/// How the controllers are reached.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// Names the caller in its requests.
    pub client_id: String,
    /// Host and port, for the Kafka protocol, of every voter.
    pub controllers: BTreeMap<BrokerId, (String, u16)>,
    /// How long a connect or a call may take. Several should fit into a broker's session.
    pub timeout: Duration,
    /// The pause after a first failure; doubled after each further one up to sixteenfold, and shortened at
    /// random by up to a half.
    pub backoff: Duration,
}

/// One connection to the active controller, or to the voter that is tried next.
pub struct ControllerChannel<E: Env> {
    env: E,
    config: ChannelConfig,
    state: watch::Receiver<Arc<ClusterState>>,
    rng: Rng,
    target: BrokerId,
    connection: Option<Connection<E>>,
    /// The newest controller that the state has told of.
    newest: ControllerEpoch,
    failures: u32,
}

impl<E: Env> ControllerChannel<E> {
    /// A channel that is led by what `state` says of the controller.
    ///
    /// # Panics
    /// If there are no controllers.
    pub fn new(env: &E, config: ChannelConfig, state: watch::Receiver<Arc<ClusterState>>) -> Self {
        let target = *config.controllers.keys().next().expect("a cluster has controllers");
        let rng = env.rng("controller channel");
        let (connection, newest) = (None, ControllerEpoch::default());
        Self { env: env.clone(), config, state, rng, target, connection, newest, failures: 0 }
    }

    /// Asks the voter that is taken for the active controller, once; the caller tries again as it sees fit.
    /// After an error, and after NOT_CONTROLLER (which comes back as the answer that it is), the next call
    /// first pauses and then goes to the next voter, or to a newer controller that was heard of meanwhile;
    /// if the connection was not new, it may just have died, and the same voter is tried once more.
    pub async fn call<R: Api>(&mut self, request: &R) -> Result<R::Response, RpcError>
    where
        <R as Request>::Response: HeaderVersion + FromController,
    {
        if self.failures > 0 {
            sleep(self.backoff()).await;
        }
        self.follow_the_state();
        let connection_was_new = self.connection.is_none();
        let result = self.attempt(request).await;
        let elsewhere = match &result {
            Ok(answer) if answer.error_code() != ResponseError::NotController.code() => {
                self.failures = 0;
                return result;
            }
            Ok(_) => true,
            Err(_) => connection_was_new,
        };
        self.failures = self.failures.saturating_add(1);
        if elsewhere {
            self.move_to(self.after(self.target));
        }
        result
    }

    async fn attempt<R: Api>(&mut self, request: &R) -> Result<R::Response, RpcError>
    where
        <R as Request>::Response: HeaderVersion,
    {
        let ChannelConfig { client_id, controllers, timeout, .. } = &self.config;
        // Taken out for the call: a caller that stops waiting leaves no half-read answer behind.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let (host, port) = &controllers[&self.target];
                Connection::open(&self.env, host, *port, client_id, *timeout).await?
            }
        };
        let answer = connection.call(request, *timeout).await?;
        self.connection = Some(connection);
        Ok(answer)
    }

    fn follow_the_state(&mut self) {
        let (epoch, controller) = {
            let state = self.state.borrow();
            (state.controller_epoch, state.controller)
        };
        if epoch > self.newest {
            self.newest = epoch;
            if let Some(controller) = controller.filter(|voter| self.config.controllers.contains_key(voter)) {
                self.move_to(controller);
            }
        }
    }

    fn move_to(&mut self, voter: BrokerId) {
        if voter != self.target {
            (self.target, self.connection) = (voter, None);
        }
    }

    fn after(&self, voter: BrokerId) -> BrokerId {
        let voters = &self.config.controllers;
        let next = voters.keys().find(|other| **other > voter).or_else(|| voters.keys().next());
        *next.expect("a cluster has controllers")
    }

    fn backoff(&mut self) -> Duration {
        let doublings = (self.failures - 1).min(BACKOFF_DOUBLINGS_MAX);
        (self.config.backoff * 2u32.pow(doublings)).mul_f64(self.rng.random_range(0.5..=1.0))
    }
}

/// An answer of the controller, which may say that it is none.
pub trait FromController {
    /// The error code of the answer as a whole, or of the first of its parts.
    fn error_code(&self) -> i16;
}

macro_rules! from_controller {
    ($($response:ident),*) => {
        $(impl FromController for k::$response {
            fn error_code(&self) -> i16 {
                self.error_code
            }
        })*
    };
}

from_controller!(AlterPartitionResponse, BrokerHeartbeatResponse, BrokerRegistrationResponse, FetchResponse);

impl FromController for k::CreateTopicsResponse {
    fn error_code(&self) -> i16 {
        self.topics.first().map_or(0, |topic| topic.error_code)
    }
}

impl FromController for k::DeleteTopicsResponse {
    fn error_code(&self) -> i16 {
        self.responses.first().map_or(0, |topic| topic.error_code)
    }
}
