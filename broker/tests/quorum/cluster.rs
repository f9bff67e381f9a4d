//! The event loop: voters, a network and a nemesis in virtual time, all from one seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use bytes::{BufMut, BytesMut};
use highwater_broker::env::Rng;
use highwater_broker::quorum::{Body, Input, Message, VoterId};
use rand::{RngExt, SeedableRng};

use crate::nemesis::{Fault, Links, Mix, Weather};
use crate::node::{Death, Effects, Node};
use crate::oracle::{Oracle, Violation};

pub(crate) const TICK_US: u64 = 10_000;
/// A new entry must be everywhere this long after the heal, or the quorum is stuck.
pub(crate) const RECOVERY_MAX_US: u64 = 10_000_000;

/// What a run has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) faults: BTreeMap<Fault, u64>,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
    pub(crate) delivered: u64,
    pub(crate) proposed: u64,
    /// Entries that were applied while faults struck.
    pub(crate) applied_in_chaos: u64,
    pub(crate) epochs_led: u64,
    pub(crate) snapshots_restored: u64,
    pub(crate) writes_lost: u64,
    /// From the heal until a new entry was applied everywhere.
    pub(crate) recovery_us: u64,
}

impl Counts {
    /// Adds another run's.
    pub(crate) fn add(&mut self, other: &Self) {
        for (&fault, count) in &other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.late += other.late;
        self.delivered += other.delivered;
        self.proposed += other.proposed;
        self.applied_in_chaos += other.applied_in_chaos;
        self.epochs_led += other.epochs_led;
        self.snapshots_restored += other.snapshots_restored;
        self.writes_lost += other.writes_lost;
        self.recovery_us += other.recovery_us;
    }
}

enum Event {
    Tick { node: usize, life: u64 },
    Deliver { from: usize, to: usize, message: Message },
    Synced { node: usize, life: u64, write: u64 },
    Start { node: usize, life: u64 },
    Resume { node: usize, life: u64 },
    Propose,
    Strike,
}

/// An event at its time; events of one instant come in the order in which they were made.
struct Timed(u64, u64, Event);

pub(crate) struct Cluster {
    rng: Rng,
    mix: Mix,
    now_us: u64,
    made: u64,
    events: BinaryHeap<Reverse<Timed>>,
    nodes: Vec<Node>,
    /// What came for paused nodes.
    parked: Vec<(usize, Event)>,
    disk_free_us: Vec<u64>,
    links: Links,
    weather: Weather,
    healed: bool,
    commands: u64,
    /// Commands that were accepted after the heal.
    fresh: BTreeSet<u64>,
    oracle: Oracle,
    pub(crate) counts: Counts,
}

impl Cluster {
    pub(crate) fn new(seed: u64, mix: Mix) -> Result<Self, Violation> {
        let mut rng = Rng::seed_from_u64(seed);
        let voters: BTreeSet<VoterId> = (1..=mix.voters).map(VoterId).collect();
        let ticks = (mix.election_ticks, mix.heartbeat_ticks);
        let node = |&id: &VoterId| Node::new(id, voters.clone(), ticks, mix.snapshot_every, mix.defects);
        let nodes: Vec<Node> = voters.iter().map(node).collect();
        let count = nodes.len();
        let weather = if mix.faults.iter().any(|(fault, _)| *fault == Fault::Weather) {
            Weather::random(&mut rng)
        } else {
            Weather::default()
        };
        let mut cluster = Self {
            rng,
            mix,
            now_us: 0,
            made: 0,
            events: BinaryHeap::new(),
            nodes,
            parked: Vec::new(),
            disk_free_us: vec![0; count],
            links: Links::whole(count),
            weather,
            healed: false,
            commands: 0,
            fresh: BTreeSet::new(),
            oracle: Oracle::default(),
            counts: Counts::default(),
        };
        for node in 0..count {
            cluster.start(node)?;
        }
        cluster.after(1, Event::Propose);
        if !cluster.mix.faults.is_empty() {
            cluster.after(1, Event::Strike);
        }
        Ok(cluster)
    }

    /// Faults for a while, then the heal, then the recovery within its bound.
    pub(crate) fn run(mut self) -> Result<Counts, Violation> {
        self.run_until(self.mix.chaos_us)?;
        self.counts.applied_in_chaos = self.oracle.len();
        self.heal()?;
        let healed_us = self.now_us;
        while !self.is_recovered() {
            if self.now_us > healed_us + RECOVERY_MAX_US {
                return Err(Violation::Stuck(self.describe()));
            }
            self.run_until(self.now_us + TICK_US)?;
        }
        self.counts.recovery_us = self.now_us - healed_us;
        self.counts.epochs_led = self.oracle.epochs_led() as u64;
        Ok(self.counts)
    }

    /// Takes the leader of a calm cluster away by `fault`; gives how many ticks pass until another serves.
    pub(crate) fn ticks_to_re_election(mut self, fault: Fault) -> Result<u64, Violation> {
        let settled_us = self.rng.random_range(2_000_000..2_500_000);
        self.run_until(settled_us)?;
        let old = self.serving(None).expect("a calm cluster has a leader after two seconds");
        match fault {
            Fault::KillLeader => self.down(old, Death::Kill, RECOVERY_MAX_US),
            _ => self.links.apply(fault, old, &mut self.rng),
        }
        while self.serving(Some(old)).is_none() {
            if self.now_us > settled_us + RECOVERY_MAX_US {
                return Err(Violation::Stuck(self.describe()));
            }
            self.run_until(self.now_us + TICK_US / 10)?;
        }
        Ok((self.now_us - settled_us).div_ceil(TICK_US))
    }

    /// A node, but for `other`, that leads and is ready to serve.
    fn serving(&self, other: Option<usize>) -> Option<usize> {
        let serves = |&node: &usize| {
            let quorum = self.nodes[node].quorum.as_ref();
            Some(node) != other && quorum.is_some_and(|quorum| quorum.status().is_leader)
        };
        (0..self.nodes.len()).find(serves)
    }

    fn run_until(&mut self, until_us: u64) -> Result<(), Violation> {
        while let Some(Reverse(Timed(at, ..))) = self.events.peek()
            && *at <= until_us
        {
            let Some(Reverse(Timed(at, _, event))) = self.events.pop() else { break };
            self.now_us = at;
            self.handle(event)?;
        }
        self.now_us = until_us;
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), Violation> {
        let live = |node: usize, life: u64| self.nodes[node].is_up() && self.nodes[node].life == life;
        match event {
            Event::Tick { node, life } if live(node, life) => {
                self.after(TICK_US, Event::Tick { node, life });
                if !self.nodes[node].paused {
                    self.step(node, Input::Tick)?;
                }
            }
            Event::Deliver { from, to, message } => {
                if self.links.is_cut(from, to) || !self.nodes[to].is_up() {
                    self.counts.lost += 1;
                } else if self.nodes[to].paused {
                    self.parked.push((to, Event::Deliver { from, to, message }));
                } else {
                    self.counts.delivered += 1;
                    self.step(to, Input::Message { from: self.nodes[from].id, message })?;
                }
            }
            Event::Synced { node, life, .. } if live(node, life) && self.nodes[node].paused => {
                self.parked.push((node, event));
            }
            Event::Synced { node, life, write } if live(node, life) => {
                let effects = self.nodes[node].synced(write, &mut self.oracle)?;
                self.carry_out(node, effects);
            }
            Event::Start { node, life } if self.nodes[node].life == life && !self.nodes[node].is_up() => {
                self.start(node)?;
            }
            Event::Resume { node, life } if live(node, life) => self.resume(node)?,
            Event::Propose => self.propose()?,
            Event::Strike if !self.healed => {
                let fault = self.mix.pick(&mut self.rng);
                self.strike(fault);
                let gap_us = self.between(self.mix.gap_us);
                self.after(gap_us, Event::Strike);
            }
            // Of a life that is over.
            _ => {}
        }
        Ok(())
    }

    fn strike(&mut self, fault: Fault) {
        let leaders: Vec<usize> = (0..self.nodes.len()).filter(|&node| self.nodes[node].leads()).collect();
        let mut node = self.rng.random_range(0..self.nodes.len());
        if matches!(fault, Fault::IsolateLeader | Fault::KillLeader) {
            let Some(&leader) = leaders.get(node % leaders.len().max(1)) else { return };
            node = leader;
        }
        let down_us = self.between(self.mix.down_us);
        let up = self.nodes[node].is_up();
        match fault {
            Fault::Weather => self.weather = Weather::random(&mut self.rng),
            Fault::Kill | Fault::KillLeader if up => self.down(node, Death::Kill, down_us),
            // What a failed write leaves on the disk is as open as after power loss.
            Fault::PowerLoss | Fault::StorageError if up => self.down(node, Death::PowerLoss, down_us),
            Fault::PowerLossAll => {
                for node in 0..self.nodes.len() {
                    if self.nodes[node].is_up() {
                        let down_us = self.between(self.mix.down_us);
                        self.down(node, Death::PowerLoss, down_us);
                    }
                }
            }
            Fault::Pause if up && !self.nodes[node].paused => {
                self.nodes[node].paused = true;
                self.after(down_us, Event::Resume { node, life: self.nodes[node].life });
            }
            Fault::Kill | Fault::KillLeader | Fault::PowerLoss | Fault::StorageError | Fault::Pause => return,
            _ => self.links.apply(fault, node, &mut self.rng),
        }
        *self.counts.faults.entry(fault).or_default() += 1;
    }

    fn down(&mut self, node: usize, death: Death, down_us: u64) {
        self.counts.writes_lost += self.nodes[node].die(death, &mut self.rng);
        self.parked.retain(|(parked, _)| *parked != node);
        self.after(down_us, Event::Start { node, life: self.nodes[node].life });
    }

    fn start(&mut self, node: usize) -> Result<(), Violation> {
        let effects = self.nodes[node].start(&mut self.rng, &mut self.oracle)?;
        self.disk_free_us[node] = self.now_us;
        let phase_us = self.rng.random_range(0..TICK_US);
        self.after(phase_us, Event::Tick { node, life: self.nodes[node].life });
        self.carry_out(node, effects);
        Ok(())
    }

    fn resume(&mut self, node: usize) -> Result<(), Violation> {
        self.nodes[node].paused = false;
        let (mine, others) =
            std::mem::take(&mut self.parked).into_iter().partition(|(parked, _)| *parked == node);
        self.parked = others;
        mine.into_iter().try_for_each(|(_, event): (usize, Event)| self.handle(event))
    }

    /// Everything works again: links, nodes and the weather.
    fn heal(&mut self) -> Result<(), Violation> {
        self.healed = true;
        self.links.apply(Fault::Heal, 0, &mut self.rng);
        self.weather = Weather::default();
        for node in 0..self.nodes.len() {
            if !self.nodes[node].is_up() {
                self.start(node)?;
            } else if self.nodes[node].paused {
                self.resume(node)?;
            }
        }
        Ok(())
    }

    /// A command for one node, whether it leads or not.
    fn propose(&mut self) -> Result<(), Violation> {
        let gap_us = self.between(self.mix.load_us);
        self.after(gap_us, Event::Propose);
        let leaders: Vec<usize> = (0..self.nodes.len()).filter(|&node| self.nodes[node].leads()).collect();
        let any = self.rng.random_range(0..self.nodes.len());
        let node = if leaders.is_empty() { any } else { leaders[any % leaders.len()] };
        if !self.nodes[node].is_up() || self.nodes[node].paused {
            return Ok(());
        }
        self.commands += 1;
        let mut command = BytesMut::new();
        command.put_u64_le(self.commands);
        command.put_bytes(0, self.rng.random_range(0..150));
        self.step(node, Input::Propose(command.freeze()))
    }

    fn step(&mut self, node: usize, input: Input) -> Result<(), Violation> {
        let command = if let Input::Propose(command) = &input { Some(number(command)) } else { None };
        let effects = self.nodes[node].step(input, &mut self.oracle)?;
        if let (Some(command), Some(_)) = (command, effects.proposed) {
            self.counts.proposed += 1;
            if self.healed {
                self.fresh.insert(command);
            }
        }
        self.carry_out(node, effects);
        Ok(())
    }

    fn carry_out(&mut self, node: usize, effects: Effects) {
        self.counts.snapshots_restored += u64::from(effects.restored);
        for write in effects.writes {
            let start_us = self.now_us.max(self.disk_free_us[node]);
            let done_us = start_us + self.between(self.mix.sync_us);
            self.disk_free_us[node] = done_us;
            self.after(done_us - self.now_us, Event::Synced { node, life: self.nodes[node].life, write });
        }
        let vote = Body::VoteResponse { pre_vote: false, granted: true };
        let voted = effects.messages.iter().any(|(_, message)| message.body == vote);
        for (to, message) in effects.messages {
            self.transmit(node, to, &message);
        }
        if voted && !self.healed && self.rng.random_ratio(self.mix.voter_deaths, 1000) {
            *self.counts.faults.entry(Fault::KillVoter).or_default() += 1;
            let down_us = self.between(self.mix.down_us);
            self.down(node, Death::Kill, down_us);
        }
    }

    fn transmit(&mut self, from: usize, to: VoterId, message: &Message) {
        let to = to.0 as usize - 1;
        assert_ne!(from, to, "what a voter tells itself stays inside");
        let Weather { lost, doubled, late, late_us } = self.weather;
        if self.rng.random_ratio(lost, 1000) {
            self.counts.lost += 1;
            return;
        }
        let copies = if self.rng.random_ratio(doubled, 1000) { 2 } else { 1 };
        self.counts.doubled += copies - 1;
        for _ in 0..copies {
            let mut latency_us = self.between(self.mix.latency_us);
            if self.rng.random_ratio(late, 1000) {
                self.counts.late += 1;
                latency_us += self.rng.random_range(0..late_us);
            }
            self.after(latency_us, Event::Deliver { from, to, message: message.clone() });
        }
    }

    /// Whether an entry proposed after the heal, and all before it, is applied on all nodes.
    fn is_recovered(&self) -> bool {
        let everywhere = self.nodes.iter().map(Node::applied).min().unwrap_or(0);
        let is_fresh = |index| self.oracle.command(index).is_some_and(|it| self.fresh.contains(&number(it)));
        (1..=everywhere).rev().any(is_fresh)
    }

    fn describe(&self) -> String {
        let node =
            |node: &Node| format!("{} {:?}", node.id, node.quorum.as_ref().map(|quorum| quorum.status()));
        self.nodes.iter().map(node).collect::<Vec<_>>().join("; ")
    }

    fn after(&mut self, delay_us: u64, event: Event) {
        self.made += 1;
        self.events.push(Reverse(Timed(self.now_us + delay_us, self.made, event)));
    }

    fn between(&mut self, (least, most): (u64, u64)) -> u64 {
        self.rng.random_range(least..most)
    }
}

/// The number that a command begins with; 0 for a leader's first entry.
fn number(command: &[u8]) -> u64 {
    command.first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timed {}
