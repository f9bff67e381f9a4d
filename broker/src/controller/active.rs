//! The controller of a voter: it takes over when the quorum says so, proposes, and fences silent brokers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_protocol::ResponseError;
use tokio::time::{Instant, sleep_until, timeout};

use super::command::{Command, Proposal};
use super::metadata_log::{MetadataBatch, MetadataLog};
use super::outcome::{Answer, Rejection};
use super::sessions::Sessions;
use super::state::{ClusterState, MetadataOffset, TopicConfig};
use crate::env::{Env, Task};
use crate::ids::{BrokerId, ControllerEpoch};
use crate::mutant::{Mutant, Mutants};
use crate::quorum::driver::{self, DriverConfig, QuorumError, QuorumHandle};
use crate::quorum::{ProposeError, Status};
use crate::watch;

/// How a controller is set up. All voters are configured alike, but for their ids.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// The voter's quorum node. Its id is that of its host.
    pub quorum: DriverConfig,
    /// How long a broker may stay silent before it is fenced (`broker.session.timeout.ms`).
    pub session_timeout: Duration,
    /// How long a request may wait for its command to be decided.
    pub request_timeout: Duration,
    /// What a topic gets that does not configure it.
    pub topic_defaults: TopicConfig,
    /// The seeded defects.
    pub mutants: Mutants,
}

/// A voter's controller; active while its quorum node leads.
pub struct Controller<E: Env> {
    pub(super) env: E,
    node: BrokerId,
    pub(super) config: ControllerConfig,
    quorum: QuorumHandle,
    log: Arc<Mutex<MetadataLog>>,
    state: watch::Receiver<Arc<ClusterState>>,
    sessions: Mutex<Sessions>,
}

impl<E: Env> Controller<E> {
    /// Starts the voter's quorum node, from what its disk holds, and its controller. They run until the
    /// tasks are dropped.
    pub async fn start(env: &E, config: ControllerConfig) -> Result<(Arc<Self>, [Task; 2]), QuorumError> {
        let node = BrokerId(config.quorum.id.0);
        let log = Arc::new(Mutex::new(MetadataLog::new(node, config.mutants)));
        let state = locked(&log).subscribe();
        let (quorum, driving) = driver::start(env.clone(), config.quorum.clone(), Arc::clone(&log)).await?;
        let controller = Arc::new(Self {
            env: env.clone(),
            node,
            quorum,
            log,
            state,
            sessions: Mutex::new(Sessions::new(config.session_timeout)),
            config,
        });
        let leading = env.spawn(Arc::clone(&controller).lead_whenever_elected());
        Ok((controller, [driving, leading]))
    }

    /// The cluster's state on this voter, which follows the decided log whoever leads.
    pub fn state(&self) -> watch::Receiver<Arc<ClusterState>> {
        self.state.clone()
    }

    /// How the voter sees the quorum, and whether it has stopped.
    pub fn quorum_status(&self) -> watch::Receiver<Status> {
        self.quorum.status()
    }

    /// The decided entries from `from` on; waits up to `max_wait` for the first of them. `None` when this
    /// is not the active controller.
    pub async fn fetch_metadata(&self, from: MetadataOffset, max_wait: Duration) -> Option<MetadataBatch> {
        self.term()?;
        let mut state = self.state();
        // Either there is something, or it took too long: both are answered with what there is.
        let _ = timeout(max_wait, state.wait_for(|state| state.offset >= from)).await;
        Some(locked(&self.log).read(from))
    }

    /// The state as the active controller knows it. `None` when this is not the active controller.
    pub(super) fn active(&self) -> Option<Arc<ClusterState>> {
        self.term()?;
        Some(Arc::clone(&self.state.borrow()))
    }

    pub(super) fn heard_of(&self, broker: BrokerId) {
        locked(&self.sessions).touch(broker, Instant::now());
    }

    /// Proposes a command as the active controller, and waits for its outcome. An error of the quorum, or
    /// the end of the wait, leaves it unknown whether the command takes effect.
    pub(super) async fn submit(&self, command: Command) -> Result<Answer, ResponseError> {
        let epoch = self.term().ok_or(ResponseError::NotController)?;
        self.submit_in(epoch, command).await
    }

    async fn submit_in(&self, epoch: ControllerEpoch, command: Command) -> Result<Answer, ResponseError> {
        let exchange = async {
            let (sequence, outcome) =
                locked(&self.log).expect_outcome(epoch).ok_or(ResponseError::ThrottlingQuotaExceeded)?;
            let takes_over = matches!(command, Command::BecomeController { .. });
            let proposal = Proposal { controller_epoch: epoch, sequence, command };
            if self.config.mutants.has(Mutant::ZombieController) && !takes_over {
                locked(&self.log).apply_undecided(epoch, &proposal);
            }
            self.quorum.propose(proposal.encode()).await.map_err(refusal)?;
            let mut status = self.quorum.status();
            tokio::select! {
                biased;
                outcome = outcome => match outcome {
                    Ok(outcome) => outcome.answer.map_err(Rejection::kafka),
                    Err(_) => Err(ResponseError::NotController),
                },
                _ = status.wait_for(|status| leading(status) != Some(epoch)) => Err(ResponseError::NotController),
            }
        };
        timeout(self.config.request_timeout, exchange).await.unwrap_or(Err(ResponseError::RequestTimedOut))
    }

    /// The term in which this is the active controller: the quorum's, once its first command is applied.
    fn term(&self) -> Option<ControllerEpoch> {
        let epoch = leading(&self.quorum.status().borrow())?;
        let state = self.state.borrow();
        ((state.controller, state.controller_epoch) == (Some(self.node), epoch)).then_some(epoch)
    }

    /// Leads in every term that the quorum gives this voter, until the quorum node stops.
    async fn lead_whenever_elected(self: Arc<Self>) {
        let mut status = self.quorum.status();
        loop {
            let elected = leading(&status.borrow_and_update());
            let Some(epoch) = elected else {
                match status.changed().await {
                    Ok(()) => continue,
                    Err(_) => return,
                }
            };
            tokio::select! {
                biased;
                _ = status.wait_for(|status| leading(status) != Some(epoch)) => (),
                () = self.lead(epoch) => unreachable!("a term has no end of its own"),
            }
        }
    }

    /// Takes over, and then fences the brokers that stay silent; until it is dropped at the term's end.
    async fn lead(&self, epoch: ControllerEpoch) {
        // However short the sessions, the loop sleeps between its looks at them.
        let pause = self.config.session_timeout / 10;
        locked(&self.sessions).restart();
        while self.submit_in(epoch, Command::BecomeController { node: self.node }).await.is_err() {
            sleep_until(Instant::now() + pause).await;
        }
        loop {
            let state = Arc::clone(&self.state.borrow());
            let (expired, next) = locked(&self.sessions).expired(&state, Instant::now());
            for (broker, broker_epoch) in expired {
                // One that could not be fenced now is found again at the next look.
                let _ = self.submit_in(epoch, Command::FenceBroker { broker, broker_epoch }).await;
            }
            sleep_until(next.max(Instant::now() + pause)).await;
        }
    }
}

/// The epoch in which the quorum node leads, and has applied all that was decided before.
fn leading(status: &Status) -> Option<ControllerEpoch> {
    (status.is_leader && !status.stopped).then_some(ControllerEpoch(status.epoch))
}

fn refusal(error: ProposeError) -> ResponseError {
    match error {
        ProposeError::NotLeader { .. } | ProposeError::Stopped => ResponseError::NotController,
        ProposeError::Full => ResponseError::ThrottlingQuotaExceeded,
        ProposeError::TooLarge { .. } => ResponseError::InvalidRequest,
    }
}

/// Locks what no holder leaves half changed: a panic elsewhere does not spoil it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
