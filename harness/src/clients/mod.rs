//! The workload's clients: what a plan's producers and consumers do, phase by phase, up to the final read.
//!
//! [`run`] is the `main` of the host that all clients share. The run drives it through a channel of
//! [`Phase`]s, reads from [`Progress`] how far it has come, and gets every operation through [`History`].

mod consumer;
mod final_read;
mod history;
mod producer;
mod progress;
mod setup;

use std::collections::BTreeMap;
use std::sync::Arc;

use highwater_broker::env::{Env, Task};
use highwater_broker::watch;
use highwater_checkers::ids::{ClientId, Offset, Process, TopicPartition};
use highwater_checkers::operation;
use highwater_workloads::Plan;
use highwater_workloads::plan::Load;
use tokio::sync::mpsc;

pub use final_read::FinalRead;
pub use history::History;
pub use progress::{Progress, Stage};
pub use setup::scope_of;

use crate::system::System;
use history::Lane;
use producer::{Producer, Schedule};

/// What the clients are to do now. A run passes through all of them, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Producers send and consumers read, under faults; first of all the topics are created.
    #[default]
    Load,
    /// The same, after everything was healed.
    Recovery,
    /// Nothing new is begun; what is outstanding completes or times out.
    Drain,
    /// Everything is read again from the beginning.
    FinalRead,
    /// The clients end.
    Done,
}

impl Phase {
    /// The phase of an operation that is invoked now.
    fn of_operations(self) -> operation::Phase {
        match self {
            Self::Load => operation::Phase::Load,
            Self::Recovery | Self::Drain => operation::Phase::Recovery,
            Self::FinalRead | Self::Done => operation::Phase::Final,
        }
    }
}

/// The run's word on what phase it is.
#[derive(Clone)]
struct Phases(watch::Receiver<Phase>);

impl Phases {
    fn now(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits for `phase`, or a later one. A run that has gone away wants nothing any more.
    async fn reached(&mut self, phase: Phase) {
        // An error says that the sender is gone.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}

/// Runs all clients of `plan` until the final read is done and [`Phase::Done`] is reached.
pub async fn run<E: Env, S: System>(
    env: E,
    system: S,
    plan: Arc<Plan>,
    history: History,
    phases: watch::Receiver<Phase>,
    progress: Progress,
) {
    let mut phases = Phases(phases);
    let scope = scope_of(&plan);
    let mut operator = system.client(env.clone(), &plan.cluster, "operator");
    if !setup::prepare(&mut operator, &plan, &phases, &progress).await {
        return;
    }
    progress.enter(Stage::Loading);
    let (tasks, mut last) = start(&env, &system, &plan, &history, &phases, &progress);
    // Every client holds the other end until it has ended.
    let _all_ended = last.recv().await;
    drop(tasks);
    phases.reached(Phase::Drain).await;
    progress.enter(Stage::Drained);

    phases.reached(Phase::FinalRead).await;
    let reader = Lane::new(history, ClientId(count(&plan)), Process(lanes(&plan)), lanes(&plan) + 1);
    let fresh = || system.client(env.clone(), &plan.cluster, "final-reader");
    let outcome = final_read::run(&mut operator, fresh, &scope, reader, plan.recovery.within).await;
    progress.enter(Stage::Finished(outcome));
    phases.reached(Phase::Done).await;
}

/// How many clients a plan has.
fn count(plan: &Plan) -> u32 {
    u32::try_from(plan.clients.len()).expect("a scenario's clients are limited")
}

/// How many lanes all of them have: so many processes run at once.
fn lanes(plan: &Plan) -> u64 {
    plan.clients.iter().map(|client| lanes_of(&client.load)).sum()
}

fn lanes_of(load: &Load) -> u64 {
    match load {
        Load::Produce { in_flight, .. } => u64::from(*in_flight),
        Load::Consume { .. } => 1,
    }
}

fn topic_of(load: &Load) -> &str {
    match load {
        Load::Produce { topic, .. } | Load::Consume { topic } => topic,
    }
}

/// Every partition of `topic`.
fn partitions_of(plan: &Plan, topic: &str) -> Arc<[TopicPartition]> {
    let name: Arc<str> = topic.into();
    let count = plan.topics.iter().find(|known| known.name == topic).map_or(0, |topic| topic.partitions);
    (0..count as i32).map(|partition| TopicPartition::new(name.clone(), partition)).collect()
}

/// Starts every client. The receiver ends once all of them have.
fn start<E: Env, S: System>(
    env: &E,
    system: &S,
    plan: &Plan,
    history: &History,
    phases: &Phases,
    progress: &Progress,
) -> (Vec<Task>, mpsc::Receiver<()>) {
    let (running, last) = mpsc::channel(1);
    let mut tasks = Vec::new();
    let mut next_process = 0;
    for (number, client) in (0..).zip(&plan.clients) {
        let id = ClientId(number);
        let partitions = partitions_of(plan, topic_of(&client.load));
        let schedule = Schedule::starting_now(&client.load);
        for lane_number in 0..lanes_of(&client.load) {
            let name = format!("{}.{lane_number}", client.name);
            // The plan's processes count up lane by lane, and a lane's successors by all lanes and the reader.
            let lane = Lane::new(history.clone(), id, Process(next_process), lanes(plan) + 1);
            next_process += 1;
            let (running, phases, progress) = (running.clone(), phases.clone(), progress.clone());
            let connection = system.client(env.clone(), &plan.cluster, &name);
            let task = match &client.load {
                Load::Produce { acks, timeout, .. } => {
                    let schedule = schedule.clone();
                    let producer = Producer::new(id, partitions.clone(), *acks, *timeout, schedule);
                    env.spawn(async move {
                        producer.run(connection, lane, phases, progress).await;
                        drop(running);
                    })
                }
                Load::Consume { .. } => {
                    let positions: BTreeMap<_, _> =
                        partitions.iter().cloned().map(|id| (id, Offset(0))).collect();
                    env.spawn(async move {
                        consumer::run(connection, positions, lane, phases).await;
                        drop(running);
                    })
                }
            };
            tasks.push(task);
        }
    }
    (tasks, last)
}
