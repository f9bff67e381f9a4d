//! The course of a run: boot, steady state, load under faults, calm, final read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater_broker::watch;
use highwater_checkers::ids::{Time, TopicPartition};
use highwater_checkers::recording::{Event, Stage as Mark};
use highwater_workloads::{Host, Plan};

use super::recorder::Recorder;
use crate::clients::{self, FinalRead, History, Phase, Progress, Stage, scope_of};
use crate::nemesis::Nemesis;
use crate::nemesis::hosts::Hosts;
use crate::system::System;
use crate::world::{NodeId, World, WorldError};

/// How long the cluster may take to come up and to settle before any load.
const BOOT_MAX: Duration = Duration::from_secs(60);
/// How much longer than their own limits clients may take to come to an end.
const GRACE: Duration = Duration::from_secs(60);

/// A run under way.
pub(super) struct Course<'a, W: World> {
    world: W,
    plan: &'a Plan,
    recorder: Arc<Recorder>,
    hosts: Hosts,
    phases: watch::Sender<Phase>,
    progress: Progress,
    /// The partitions that are to work in the end.
    partitions: Vec<TopicPartition>,
    part: Part,
}

/// Where the run stands.
enum Part {
    /// Nodes start, topics are created.
    Boot { until: Time },
    /// Load runs without faults, until it is steady.
    Steadying { until: Time },
    /// Load runs under faults.
    Load { nemesis: Box<Nemesis>, until: Time },
    /// Everything is healed; producers run on until every partition serves again.
    Calm { full_since: Option<Time>, until: Time },
    /// Clients come to an end.
    Draining { until: Time },
    /// Everything is read from the beginning.
    Reading { until: Time },
    /// There is nothing more to do.
    Over,
}

impl<'a, W: World> Course<'a, W> {
    /// Sets the cluster and the clients of `plan` up in `world`, and starts them.
    pub(super) fn start<S: System>(
        mut world: W,
        system: &S,
        plan: &'a Plan,
        recorder: Arc<Recorder>,
    ) -> Self {
        let mut nodes: BTreeMap<Host, NodeId> = BTreeMap::new();
        for host in plan.cluster.hosts() {
            let (system, cluster) = (system.clone(), plan.cluster.clone());
            let main = move |life| system.node(life, &cluster, host);
            nodes.insert(host, world.add_node(&host.to_string(), main));
        }

        let (phases, phase) = watch::channel(Phase::default());
        let progress = Progress::default();
        let timed = Arc::clone(&recorder);
        let sink = Arc::clone(&recorder);
        let history =
            History::new(move || timed.now(), move |operation| sink.event(Event::Operation(operation)));
        let clients_main = {
            let (system, plan, progress) = (system.clone(), Arc::new(plan.clone()), progress.clone());
            move |life: crate::world::Life<W::Env>| {
                let clients = clients::run(
                    life.env,
                    system.clone(),
                    Arc::clone(&plan),
                    history.clone(),
                    phase.clone(),
                    progress.clone(),
                );
                async move {
                    clients.await;
                    Ok(())
                }
            }
        };
        nodes.insert(Host::Clients, world.add_node(&Host::Clients.to_string(), clients_main));
        for node in nodes.values() {
            world.start(*node);
        }
        let hosts = Hosts::new(&plan.cluster, nodes);
        let partitions = scope_of(plan).partitions.into_iter().collect();
        let part = Part::Boot { until: BOOT_MAX.into() };
        Self { world, plan, recorder, hosts, phases, progress, partitions, part }
    }

    /// Whether the run has come to its end.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.part, Part::Over)
    }

    /// The world, for what it counted.
    pub(super) fn world(&self) -> &W {
        &self.world
    }

    /// Lets the world run on by one tick, and then does what is due.
    pub(super) fn step(&mut self) -> Result<(), WorldError> {
        let before = self.world.now() + self.plan.cluster.tick;
        self.recorder.set_now(before.into());
        self.world.step()?;
        let now: Time = self.world.now().into();
        self.recorder.set_now(now);
        self.restart_stopped(now);
        let part = std::mem::replace(&mut self.part, Part::Over);
        self.part = self.advance(part, now);
        Ok(())
    }

    /// Takes care of nodes that stopped themselves because of their disk. While faults go on their operators
    /// decide; afterwards they start at once, as everything else did.
    fn restart_stopped(&mut self, now: Time) {
        for (node, _) in self.world.take_stopped() {
            match &mut self.part {
                Part::Load { nemesis, .. } => nemesis.stopped(now, node),
                _ => {
                    let stays = |host: &Host| self.hosts.node(*host) == node;
                    if !self.plan.recovery.except.iter().any(stays) {
                        self.world.start(node);
                    }
                }
            }
        }
    }

    fn advance(&mut self, part: Part, now: Time) -> Part {
        match part {
            Part::Boot { until } => match self.progress.stage() {
                Stage::Preparing(reason) if now >= until => self.not_steady(&reason),
                Stage::Preparing(_) => Part::Boot { until },
                _ => Part::Steadying { until: after(now, self.plan.steady_state.within) },
            },
            Part::Steadying { until } => {
                if self.is_steady() {
                    self.recorder.mark(Mark::Steady, None);
                    // What happened while the cluster came up triggers nothing.
                    self.recorder.take_happened();
                    let nemesis = Box::new(Nemesis::new(self.plan, self.hosts.clone(), now));
                    self.advance(Part::Load { nemesis, until: after(now, self.plan.duration) }, now)
                } else if now >= until {
                    self.not_steady("the load did not become steady in time")
                } else {
                    Part::Steadying { until }
                }
            }
            Part::Load { nemesis, until } => self.load(nemesis, until, now),
            Part::Calm { full_since, until } => {
                let full_since = if self.is_full() { full_since.or(Some(now)) } else { None };
                if now >= until || full_since.is_some_and(|since| self.has_served(since)) {
                    self.phases.send_replace(Phase::Drain);
                    Part::Draining { until: after(now, GRACE) }
                } else {
                    Part::Calm { full_since, until }
                }
            }
            Part::Draining { until } => {
                if self.progress.stage() == Stage::Drained {
                    self.recorder.mark(Mark::FinalRead, None);
                    self.phases.send_replace(Phase::FinalRead);
                    Part::Reading { until: after(now, self.plan.recovery.within + GRACE) }
                } else if now >= until {
                    self.no_final_read("the clients did not come to an end")
                } else {
                    Part::Draining { until }
                }
            }
            Part::Reading { until } => match self.progress.stage() {
                Stage::Finished(FinalRead::Complete) => Part::Over,
                Stage::Finished(FinalRead::Incomplete(reason)) => self.no_final_read(&reason),
                _ if now >= until => self.no_final_read("it did not end"),
                _ => Part::Reading { until },
            },
            Part::Over => Part::Over,
        }
    }

    fn load(&mut self, mut nemesis: Box<Nemesis>, until: Time, now: Time) -> Part {
        for happening in self.recorder.take_happened() {
            nemesis.happened(now, &happening);
        }
        let ends = now >= until;
        if ends {
            nemesis.heal_all(&mut self.world, now, &self.plan.recovery);
        } else if nemesis.is_due(now) {
            let view = self.recorder.view();
            nemesis.act(&mut self.world, &view, now);
        }
        for fault in nemesis.drain_log() {
            self.recorder.event(Event::Fault(fault));
        }
        if !ends {
            return Part::Load { nemesis, until };
        }
        self.recorder.mark(Mark::Calm, None);
        self.phases.send_replace(Phase::Recovery);
        Part::Calm { full_since: None, until: after(now, self.plan.recovery.within) }
    }

    fn is_steady(&self) -> bool {
        let wanted = &self.plan.steady_state;
        wanted.acks.holds(self.progress.acks()) && (!wanted.isr_full || self.is_full())
    }

    /// Whether every partition that is to work has a leader and all replicas in sync.
    fn is_full(&self) -> bool {
        self.recorder.ask(|view| self.partitions.iter().all(|partition| view.is_full(partition)))
    }

    /// Whether every partition that is to work has acknowledged something since then.
    fn has_served(&self, since: Time) -> bool {
        self.partitions.iter().all(|partition| self.progress.last_ack(partition).is_some_and(|at| at > since))
    }

    fn not_steady(&mut self, reason: &str) -> Part {
        self.recorder.mark(Mark::NotSteady, Some(reason.into()));
        Part::Over
    }

    fn no_final_read(&mut self, reason: &str) -> Part {
        self.recorder.mark(Mark::NoFinalRead, Some(reason.into()));
        Part::Over
    }
}

fn after(time: Time, duration: Duration) -> Time {
    Time(time.0 + Time::from(duration).0)
}
