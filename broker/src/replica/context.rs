//! What all replicas of a broker share: its configuration, what the controller says of the other brokers,
//! and the two ways out: a question to the controller, and giving up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::watch;
use tokio::sync::Notify;

use super::leader::Standings;
use crate::config::BrokerConfig;
use crate::env::Env;
use crate::ids::{BrokerEpoch, TopicPartition};
use crate::log::LogError;
use crate::mutant::Mutant;

/// Shared by the replicas, fetchers and request handlers of one life of a broker.
pub(crate) struct Context<E: Env> {
    pub(crate) env: E,
    pub(crate) config: BrokerConfig,
    standings: Mutex<Arc<Standings>>,
    broker_epoch: Mutex<Option<BrokerEpoch>>,
    questions: Mutex<BTreeSet<TopicPartition>>,
    asked: Notify,
    failure: watch::Sender<Option<String>>,
}

impl<E: Env> Context<E> {
    pub(crate) fn new(env: E, config: BrokerConfig) -> Self {
        Self {
            env,
            config,
            standings: Mutex::default(),
            broker_epoch: Mutex::default(),
            questions: Mutex::default(),
            asked: Notify::new(),
            failure: watch::Sender::new(None),
        }
    }

    /// What the controller says of the brokers.
    pub(super) fn standings(&self) -> Arc<Standings> {
        Arc::clone(&self.standings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_standings(&self, standings: Standings) {
        *self.standings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(standings);
    }

    /// The epoch of this incarnation, once it is registered.
    pub(crate) fn broker_epoch(&self) -> Option<BrokerEpoch> {
        *self.broker_epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_broker_epoch(&self, epoch: BrokerEpoch) {
        *self.broker_epoch.lock().unwrap_or_else(PoisonError::into_inner) = Some(epoch);
    }

    /// A partition's leader wants another ISR: have the controller asked.
    pub(super) fn ask_controller(&self, tp: &TopicPartition) {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).insert(tp.clone());
        self.asked.notify_one();
    }

    /// Waits for questions and takes them.
    pub(super) async fn questions(&self) -> BTreeSet<TopicPartition> {
        loop {
            let taken = std::mem::take(&mut *self.questions.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            self.asked.notified().await;
        }
    }

    /// The broker cannot go on: its own log is unreadable. The first reason counts.
    pub(crate) fn fail(&self, why: String) {
        self.failure.send_if_modified(|failure| {
            let first = failure.is_none();
            failure.get_or_insert(why);
            first
        });
    }

    /// A log cannot be trusted any longer, and with it the broker cannot go on (KAFKA-10778).
    pub(crate) fn log_failed(&self, tp: &TopicPartition, error: &LogError) {
        if !self.config.mutants.has(Mutant::AppendAfterIoError) {
            self.fail(format!("{tp}: {error}"));
        }
    }

    /// Waits until the broker cannot go on, and says why.
    pub(crate) async fn failed(&self) -> String {
        let mut failure = self.failure.subscribe();
        match failure.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => unreachable!("the sender lives as long as this does"),
        }
    }
}
