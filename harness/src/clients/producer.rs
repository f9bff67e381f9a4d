//! Producers: one record a send, each with a value of its own, at a steady rate.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater_checkers::ids::{ClientId, TopicPartition, Value};
use highwater_checkers::operation::{self, Acks, Body, Outcome};
use highwater_workloads::plan::Load;
use highwater_workloads::scenario;
use tokio::time::{Instant, sleep_until};

use super::history::Lane;
use super::{Phase, Phases, Progress};
use crate::system::{Client, SendOutcome};

/// When a producer's sends are due, and what comes next; its lanes share it, and take turns.
#[derive(Clone)]
pub(super) struct Schedule(Arc<Mutex<Turn>>);

struct Turn {
    next: Instant,
    interval: Duration,
    /// What is still to be sent under load, where that is limited.
    left: Option<u64>,
    sequence: u32,
}

impl Schedule {
    /// The schedule of a load that begins now.
    pub(super) fn starting_now(load: &Load) -> Self {
        let (first, interval, left) = match load {
            Load::Produce { first, interval, records, .. } => (*first, *interval, *records),
            Load::Consume { .. } => (Duration::ZERO, Duration::ZERO, None),
        };
        Self(Arc::new(Mutex::new(Turn { next: Instant::now() + first, interval, left, sequence: 0 })))
    }

    /// Takes the next time to send; none when all that is to be sent in this phase has been. Times that passed
    /// while all lanes were busy are not made up for, so that the rate is never exceeded.
    fn claim(&self, phase: Phase) -> Option<Instant> {
        let mut turn = self.0.lock().expect("no holder of the lock panics");
        // After the heal sends go on without a limit: by them the recovery is measured.
        if phase == Phase::Load
            && let Some(left) = &mut turn.left
        {
            *left = left.checked_sub(1)?;
        }
        let due = turn.next.max(Instant::now());
        turn.next = due + turn.interval;
        Some(due)
    }

    /// Takes the next number of a record.
    fn sequence(&self) -> u32 {
        let mut turn = self.0.lock().expect("no holder of the lock panics");
        let sequence = turn.sequence;
        turn.sequence = sequence.checked_add(1).expect("a run is shorter than 2^32 sends");
        sequence
    }
}

/// One lane of a producer.
pub(super) struct Producer {
    number: u16,
    partitions: Arc<[TopicPartition]>,
    acks: Acks,
    timeout: Duration,
    schedule: Schedule,
}

impl Producer {
    /// A lane of client `id`, which sends to `partitions` in turn.
    pub(super) fn new(
        id: ClientId,
        partitions: Arc<[TopicPartition]>,
        acks: scenario::Acks,
        timeout: Duration,
        schedule: Schedule,
    ) -> Self {
        assert!(!partitions.is_empty(), "a topic has partitions");
        let acks = match acks {
            scenario::Acks::None => Acks::None,
            scenario::Acks::Leader => Acks::Leader,
            scenario::Acks::All => Acks::All,
        };
        let number = u16::try_from(id.0).expect("a scenario's clients are limited");
        Self { number, partitions, acks, timeout, schedule }
    }

    /// Sends until the clients are drained.
    pub(super) async fn run(
        self,
        mut client: impl Client,
        mut lane: Lane,
        mut phases: Phases,
        progress: Progress,
    ) {
        loop {
            let Some(due) = self.schedule.claim(phases.now()) else {
                phases.reached(Phase::Recovery).await;
                continue;
            };
            tokio::select! {
                biased;
                () = phases.reached(Phase::Drain) => return,
                () = sleep_until(due) => {}
            }
            let phase = phases.now().of_operations();
            self.send(&mut client, &mut lane, phase, &progress).await;
        }
    }

    async fn send(
        &self,
        client: &mut impl Client,
        lane: &mut Lane,
        phase: operation::Phase,
        progress: &Progress,
    ) {
        let sequence = self.schedule.sequence();
        // Producers begin at different partitions, so that few of them do not all meet at one.
        let turn = sequence as usize + usize::from(self.number);
        let partition = &self.partitions[turn % self.partitions.len()];
        let value = Value::packed(self.number, sequence, 0);
        let mut send = operation::Send { partition: partition.clone(), value, offset: None, acks: self.acks };
        lane.invoke(phase, Body::Send(send.clone()));
        match client.send(partition, value, self.acks, self.timeout).await {
            SendOutcome::Ok { offset } => {
                send.offset = offset;
                lane.complete(Outcome::Ok, Body::Send(send), None);
                progress.acknowledged(partition, lane.now());
            }
            SendOutcome::Fail(reason) => lane.complete(Outcome::Fail, Body::Send(send), Some(reason)),
            SendOutcome::Info(reason) => lane.complete(Outcome::Info, Body::Send(send), Some(reason)),
        }
    }
}
