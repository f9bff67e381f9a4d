//! The nemesis: applies a plan's faults to a world, and keeps the log of what they met.
//!
//! It acts between two steps of the world and only through [`World`]. What it did is told as
//! [`FaultEvent`]s, from which the fault log is folded.

mod disk;
mod down;
pub mod hosts;
mod select;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::fault::{
    Effect as Met, FaultEvent, FaultPhase, Occurrence as FaultId, Target, YamlPosition,
};
use highwater_checkers::ids::{Time, TopicPartition};
use highwater_workloads::Host;
use highwater_workloads::plan::{Effect, Occurrence, OccurrenceId, Plan, Start};
use highwater_workloads::scenario::{self, Recovery};

use crate::view::{Happening, View};
use crate::world::{self, Delay, InFlight, Link, PowerCut, Unsynced, World};
use disk::Struck;
use down::Down;
use hosts::Hosts;
use select::Situation;

/// Applies faults while the load runs.
pub struct Nemesis {
    seed: u64,
    hosts: Hosts,
    /// By the time at which they begin; several at one time go by their ids.
    due: BTreeMap<(Time, OccurrenceId), Due>,
    /// Occurrences that wait for an event, by entry and repetition.
    waiting: BTreeMap<OccurrenceId, Occurrence>,
    active: BTreeMap<OccurrenceId, Active>,
    down: Down,
    /// Who starts a host again that stopped itself because of its disk, and how long after: the last fault that
    /// struck the disk.
    operators: BTreeMap<Host, (OccurrenceId, Option<Duration>)>,
    /// When such hosts are to start again.
    restarts: BTreeSet<(Time, Host, OccurrenceId)>,
    log: Vec<FaultEvent>,
}

/// Something that is to begin.
struct Due {
    occurrence: Occurrence,
    /// The partition of the event that it waited for.
    place: Option<TopicPartition>,
}

/// A fault in effect.
struct Active {
    ends: Option<Time>,
    what: InEffect,
}

enum InEffect {
    /// Something of the world that is healed by its id. Links are kept, for those that outlive the calm.
    Fault {
        ids: Vec<world::FaultId>,
        links: Vec<(Host, Host)>,
        in_flight: Option<InFlight>,
        paused: Vec<Host>,
    },
    /// Disks that are broken.
    Disks(Vec<(Host, world::FaultId)>),
    /// Hosts that are down.
    Down(Vec<Host>),
}

impl Nemesis {
    /// A nemesis for `plan`, whose load begins at `load_start`.
    pub fn new(plan: &Plan, hosts: Hosts, load_start: Time) -> Self {
        let mut nemesis = Self {
            seed: plan.seed,
            hosts,
            due: BTreeMap::new(),
            waiting: BTreeMap::new(),
            active: BTreeMap::new(),
            down: Down::default(),
            operators: BTreeMap::new(),
            restarts: BTreeSet::new(),
            log: Vec::new(),
        };
        for occurrence in &plan.faults {
            let at = match &occurrence.start {
                Start::At(at) => Some(after(load_start, *at)),
                Start::When(_) => None,
            };
            nemesis.tell(
                load_start,
                occurrence.id,
                FaultPhase::Planned {
                    kind: occurrence.effect.kind().into(),
                    yaml: YamlPosition { line: occurrence.span.line, column: occurrence.span.column },
                    at,
                    may_miss: occurrence.may_miss,
                },
            );
            match at {
                Some(at) => {
                    let due = Due { occurrence: occurrence.clone(), place: None };
                    nemesis.due.insert((at, occurrence.id), due);
                }
                None => {
                    nemesis.waiting.insert(occurrence.id, occurrence.clone());
                }
            }
        }
        nemesis
    }

    /// The steps that faults took since the last call.
    pub fn drain_log(&mut self) -> impl Iterator<Item = FaultEvent> + '_ {
        self.log.drain(..)
    }

    /// An event happened: the first occurrence of every entry that waits for it begins after its delay.
    pub fn happened(&mut self, now: Time, happening: &Happening) {
        let mut entries = BTreeSet::new();
        let woken: Vec<OccurrenceId> = self
            .waiting
            .iter()
            .filter(|(_, occurrence)| waits_for(occurrence, happening))
            .filter_map(|(id, _)| entries.insert(id.entry).then_some(*id))
            .collect();
        for id in woken {
            let occurrence = self.waiting.remove(&id).expect("it was waiting");
            let Start::When(trigger) = &occurrence.start else { unreachable!("what waits has a trigger") };
            let at = after(now, trigger.after);
            self.due.insert((at, id), Due { occurrence, place: happening.partition.clone() });
        }
    }

    /// Whether anything is due by `now`.
    pub fn is_due(&self, now: Time) -> bool {
        self.due.first_key_value().is_some_and(|((at, _), _)| *at <= now)
            || self.active.values().any(|active| active.ends.is_some_and(|ends| ends <= now))
            || self.restarts.first().is_some_and(|(at, ..)| *at <= now)
    }

    /// Does what is due by `now`: heals, restarts, injects.
    pub fn act<W: World>(&mut self, world: &mut W, view: &View, now: Time) {
        let ended: Vec<OccurrenceId> = self
            .active
            .iter()
            .filter(|(_, active)| active.ends.is_some_and(|ends| ends <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in ended {
            let active = self.active.remove(&id).expect("it was active");
            self.end(world, now, id, active.what);
        }
        self.restart(world, now);

        let later = self.due.split_off(&(Time(now.0 + 1), OccurrenceId { entry: 0, occurrence: 0 }));
        let due = std::mem::replace(&mut self.due, later);
        for ((at, id), due) in due {
            // A role that nobody holds just now is waited for.
            if let Some(due) = self.begin(world, view, now, due) {
                self.due.insert((at, id), due);
            }
        }
    }

    /// The load ends: nothing new begins, and all that is not excepted is healed and started.
    pub fn heal_all<W: World>(&mut self, world: &mut W, now: Time, recovery: &Recovery) {
        for ((_, id), _) in std::mem::take(&mut self.due) {
            self.skip(now, id, "no host held the role before the load ended");
        }
        for (id, _) in std::mem::take(&mut self.waiting) {
            self.skip(now, id, "its event did not happen before the load ended");
        }
        let excepted = |host: &Host| recovery.except.contains(host);
        for (id, active) in std::mem::take(&mut self.active) {
            match active.what {
                InEffect::Down(hosts) if hosts.iter().all(excepted) => {}
                InEffect::Disks(broken) if broken.iter().any(|(host, _)| excepted(host)) => {
                    let (stay, heal): (Vec<_>, Vec<_>) =
                        broken.into_iter().partition(|(host, _)| excepted(host));
                    self.leave_broken(world, now, id, &stay);
                    if !heal.is_empty() {
                        self.end(world, now, id, InEffect::Disks(heal));
                    }
                }
                InEffect::Fault { ids, links, in_flight, paused }
                    if paused.iter().any(excepted)
                        || links.iter().any(|(from, to)| excepted(from) || excepted(to)) =>
                {
                    if !paused.is_empty() && paused.iter().all(excepted) {
                        continue;
                    }
                    // What concerns an excepted host stays as it is, and the rest is healed.
                    let stays: Vec<Link> = links
                        .iter()
                        .filter(|(from, to)| excepted(from) || excepted(to))
                        .map(|link| self.hosts.link(*link))
                        .collect();
                    self.end(world, now, id, InEffect::Fault { ids, links, in_flight, paused });
                    if let Some(in_flight) = in_flight {
                        world.cut(&stays, in_flight);
                    }
                }
                what => self.end(world, now, id, what),
            }
        }
        for host in self.hosts.cluster().filter(|host| !excepted(host)) {
            world.start(self.hosts.node(host));
        }
    }

    /// Injects a fault, or skips it; gives it back where its role has no holder now.
    fn begin<W: World>(&mut self, world: &mut W, view: &View, now: Time, due: Due) -> Option<Due> {
        let Due { occurrence, place } = &due;
        let situation = Situation { view, hosts: &self.hosts, place: place.as_ref() };
        let mut rng = occurrence.rng(self.seed);
        let id = occurrence.id;
        let ends = occurrence.duration.map(|duration| after(now, duration));
        match &occurrence.effect {
            Effect::NetworkPartition { cut, direction, in_flight } => {
                let links = situation.links(cut, *direction, &mut rng);
                if links.is_empty() {
                    return Some(due);
                }
                let in_flight = match in_flight {
                    scenario::InFlight::Dropped => InFlight::Dropped,
                    scenario::InFlight::Held => InFlight::Held,
                };
                let world_links: Vec<Link> = links.iter().map(|link| self.hosts.link(*link)).collect();
                let ids = vec![world.cut(&world_links, in_flight)];
                self.inject(now, id, links.iter().map(|link| hosts::link_target(*link)));
                let what = InEffect::Fault { ids, links, in_flight: Some(in_flight), paused: Vec::new() };
                self.active.insert(id, Active { ends, what });
            }
            Effect::NetworkDelay { selector, target, direction, delay } => {
                let links = situation.between(selector, target.as_ref(), *direction, &mut rng);
                if links.is_empty() {
                    return Some(due);
                }
                let world_links: Vec<Link> = links.iter().map(|link| self.hosts.link(*link)).collect();
                let delay = Delay { latency: delay.latency, jitter: delay.jitter };
                let ids = vec![world.delay(&world_links, delay)];
                self.inject(now, id, links.iter().map(|link| hosts::link_target(*link)));
                let what = InEffect::Fault { ids, links, in_flight: None, paused: Vec::new() };
                self.active.insert(id, Active { ends, what });
            }
            Effect::ProcessPause { selector } => {
                let selected = situation.select(selector, &mut rng);
                if selected.is_empty() {
                    return Some(due);
                }
                let (running, dead) = self.split(world, selected);
                if running.is_empty() {
                    self.skip(now, id, &format!("{} is down already", names(&dead)));
                    return None;
                }
                let ids = running.iter().map(|host| world.pause(self.hosts.node(*host))).collect();
                self.inject(now, id, running.iter().map(|host| hosts::target(*host)));
                let what = InEffect::Fault { ids, links: Vec::new(), in_flight: None, paused: running };
                self.active.insert(id, Active { ends, what });
            }
            Effect::ProcessKill { selector, restart_after } => {
                let selected = situation.select(selector, &mut rng);
                if selected.is_empty() {
                    return Some(due);
                }
                self.bring_down(world, now, (id, *restart_after), selected, |world, node| {
                    world.kill(node);
                    PowerCut::default()
                });
            }
            Effect::ProcessTerminate { selector, restart_after } => {
                let selected = situation.select(selector, &mut rng);
                if selected.is_empty() {
                    return Some(due);
                }
                self.bring_down(world, now, (id, *restart_after), selected, |world, node| {
                    world.terminate(node);
                    PowerCut::default()
                });
            }
            Effect::PowerLoss { selector, unsynced, restart_after } => {
                let selected = situation.select(selector, &mut rng);
                if selected.is_empty() {
                    return Some(due);
                }
                let unsynced = match unsynced {
                    scenario::Unsynced::Lost => Unsynced::Lost,
                    scenario::Unsynced::Prefix => Unsynced::Prefix,
                    scenario::Unsynced::Sectors => Unsynced::Sectors,
                    scenario::Unsynced::Kept => Unsynced::Kept,
                };
                self.bring_down(world, now, (id, *restart_after), selected, move |world, node| {
                    world.power_cut(node, unsynced)
                });
            }
            Effect::Disk { selector, path, fault, restart_after } => {
                let selected = situation.select(selector, &mut rng);
                if selected.is_empty() {
                    return Some(due);
                }
                let place = situation.place_of(selector);
                let path = path.as_ref().map(|path| disk::resolve(path, place.as_ref()));
                let (fault, restart_after) = (fault.clone(), *restart_after);
                let stream = occurrence.stream.clone();
                let struck = Struck { id, hosts: selected, stream, path, fault, ends, restart_after };
                self.strike(world, now, struck);
            }
        }
        None
    }

    /// Stops hosts that run, by `stop`, until their restart or the calm phase.
    fn bring_down<W: World>(
        &mut self,
        world: &mut W,
        now: Time,
        (id, restart_after): (OccurrenceId, Option<Duration>),
        selected: BTreeSet<Host>,
        mut stop: impl FnMut(&mut W, world::NodeId) -> PowerCut,
    ) {
        let (running, dead) = self.split(world, selected);
        if running.is_empty() {
            return self.skip(now, id, &format!("{} is down already", names(&dead)));
        }
        let mut counters: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for host in &running {
            let cut = stop(world, self.hosts.node(*host));
            *counters.entry("stopped".into()).or_default() += 1;
            if cut.bytes_lost() > 0 {
                *counters.entry("bytes_lost".into()).or_default() += cut.bytes_lost();
            }
            self.down.hold(*host, id);
        }
        self.inject(now, id, running.iter().map(|host| hosts::target(*host)));
        self.tell(now, id, FaultPhase::Effect(Met { bit: true, counters }));
        let ends = restart_after.map(|restart| after(now, restart));
        self.active.insert(id, Active { ends, what: InEffect::Down(running) });
    }

    fn split<W: World>(&self, world: &W, selected: BTreeSet<Host>) -> (Vec<Host>, Vec<Host>) {
        selected.into_iter().partition(|host| world.is_running(self.hosts.node(*host)))
    }

    fn end<W: World>(&mut self, world: &mut W, now: Time, id: OccurrenceId, what: InEffect) {
        match what {
            InEffect::Fault { ids, paused, .. } => {
                ids.iter().for_each(|fault| world.heal(*fault));
                self.tell(now, id, FaultPhase::Healed);
                let met = met(world, &ids, !paused.is_empty());
                self.tell(now, id, FaultPhase::Effect(met));
            }
            InEffect::Disks(broken) => {
                let ids: Vec<world::FaultId> = broken.into_iter().map(|(_, fault)| fault).collect();
                ids.iter().for_each(|fault| world.heal(*fault));
                self.tell(now, id, FaultPhase::Healed);
                let met = met(world, &ids, false);
                self.tell(now, id, FaultPhase::Effect(met));
            }
            InEffect::Down(hosts) => {
                for host in hosts {
                    if self.down.release(host, id) {
                        let node = self.hosts.node(host);
                        // A shutdown that hangs is ended as an operator would end it.
                        world.kill(node);
                        world.start(node);
                    }
                }
                self.tell(now, id, FaultPhase::Healed);
            }
        }
    }

    fn inject(&mut self, now: Time, id: OccurrenceId, targets: impl Iterator<Item = Target>) {
        self.tell(now, id, FaultPhase::Injected { targets: targets.collect() });
    }

    fn skip(&mut self, now: Time, id: OccurrenceId, reason: &str) {
        self.tell(now, id, FaultPhase::Skipped { reason: reason.into() });
    }

    fn tell(&mut self, time: Time, id: OccurrenceId, phase: FaultPhase) {
        let occurrence = FaultId { entry: id.entry, repetition: id.occurrence };
        self.log.push(FaultEvent { occurrence, time, phase });
    }
}

fn after(time: Time, duration: Duration) -> Time {
    Time(time.0 + Time::from(duration).0)
}

fn names(hosts: &[Host]) -> String {
    hosts.iter().map(Host::to_string).collect::<Vec<_>>().join(", ")
}

fn waits_for(occurrence: &Occurrence, happening: &Happening) -> bool {
    let Start::When(trigger) = &occurrence.start else { return false };
    let topic_fits = |topic: &String| happening.partition.as_ref().is_some_and(|tp| *tp.topic == **topic);
    let number_fits = |number: u32| {
        happening.partition.as_ref().is_some_and(|tp| i64::from(tp.partition) == i64::from(number))
    };
    trigger.event == happening.event
        && trigger.topic.as_ref().is_none_or(topic_fits)
        && trigger.partition.is_none_or(number_fits)
}

/// What a recoverable fault met, over all that the world knows of it.
fn met<W: World>(world: &W, ids: &[world::FaultId], is_pause: bool) -> Met {
    let mut met = Met::default();
    for fault in ids {
        let effect = world.effect(*fault);
        met.bit |= bites(&effect, is_pause);
        for (name, count) in counted(&effect) {
            *met.counters.entry(name.into()).or_default() += count;
        }
    }
    met
}

/// Whether a recoverable fault met anything, by the rule of its kind: a pause must have parked a wake-up, a
/// cut or a delay must have met a message or a connect, a broken disk a call.
fn bites(effect: &world::Effect, is_pause: bool) -> bool {
    if is_pause { effect.parked > 0 } else { effect.bit() }
}

fn counted(effect: &world::Effect) -> impl Iterator<Item = (&'static str, u64)> {
    let world::Effect { dropped, held, delayed, connects_dropped, parked, clock_reads, .. } = *effect;
    let world::Effect { calls_slowed, calls_stalled, calls_failed, syncs_lied, .. } = *effect;
    [
        ("dropped", dropped),
        ("held", held),
        ("delayed", delayed),
        ("connects_dropped", connects_dropped),
        ("parked", parked),
        ("clock_reads", clock_reads),
        ("calls_slowed", calls_slowed),
        ("calls_stalled", calls_stalled),
        ("calls_failed", calls_failed),
        ("syncs_lied", syncs_lied),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
}
