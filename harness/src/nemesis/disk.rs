//! Faults of disks: what is broken until its heal, damage that is done at once, and the operators who start a
//! host again that stopped itself because of either.

use std::collections::BTreeSet;
use std::time::Duration;

use highwater_checkers::fault::{Effect as Met, FaultPhase, Target};
use highwater_checkers::ids::{Time, TopicPartition};
use highwater_checkers::state::partition_of;
use highwater_workloads::plan::OccurrenceId;
use highwater_workloads::randomness::stream;
use highwater_workloads::scenario::DiskFault;
use highwater_workloads::{Host, PathPattern};

use super::{Active, InEffect, Nemesis, after, hosts, met, names};
use crate::world::{self, Damage, Damaged, DiskBreak, DiskEffect, World};

/// A fault of disks as it begins, with its selectors resolved.
pub(super) struct Struck {
    pub(super) id: OccurrenceId,
    pub(super) hosts: BTreeSet<Host>,
    /// What names its random streams.
    pub(super) stream: String,
    pub(super) path: Option<PathPattern>,
    pub(super) fault: DiskFault,
    pub(super) ends: Option<Time>,
    pub(super) restart_after: Option<Duration>,
}

/// The pattern for the partition that a fault is about, if it is about one.
pub(super) fn resolve(path: &PathPattern, place: Option<&TopicPartition>) -> PathPattern {
    path.of(place.and_then(|place| Some((&*place.topic, u32::try_from(place.partition).ok()?))))
}

/// What a fault does: break the disk until the heal, or damage it now.
enum Deed {
    Break(DiskBreak),
    Damage(Damage),
}

fn deed(path: Option<PathPattern>, fault: DiskFault) -> Deed {
    let any = || "**".parse().expect("it is a pattern");
    let effect = match fault {
        DiskFault::Latency { methods, latency } => DiskEffect::Slow { methods, latency },
        DiskFault::Stall { methods } => DiskEffect::Stall { methods },
        DiskFault::Error { methods, errno, probability } => DiskEffect::Fail { methods, errno, probability },
        DiskFault::Full { capacity } => DiskEffect::Full { capacity },
        DiskFault::LoseUnsynced { probability } => DiskEffect::Lie { probability },
        DiskFault::TornWrite { bytes } => {
            return Deed::Damage(Damage::TornWrite { path: path.unwrap_or_else(any), bytes });
        }
        DiskFault::Bitflip => return Deed::Damage(Damage::BitFlip { path: path.unwrap_or_else(any) }),
        DiskFault::Wipe => return Deed::Damage(Damage::Wipe),
    };
    Deed::Break(DiskBreak { path, effect })
}

impl Nemesis {
    /// Breaks or damages disks.
    pub(super) fn strike<W: World>(&mut self, world: &mut W, now: Time, struck: Struck) {
        let Struck { id, hosts, stream: name, path, fault, ends, restart_after } = struck;
        for host in &hosts {
            self.operators.insert(*host, (id, restart_after));
        }
        let rng = |host: &Host| stream(self.seed, "disk-fault", &format!("{name}/{host}"));
        match deed(path, fault) {
            Deed::Break(what) => {
                let broken = hosts.iter().map(|host| {
                    let fault = world.break_disk(self.hosts.node(*host), &what, rng(host));
                    (*host, fault)
                });
                let what = InEffect::Disks(broken.collect());
                self.inject(now, id, hosts.iter().map(|host| hosts::target(*host)));
                self.active.insert(id, Active { ends, what });
            }
            Deed::Damage(what) => {
                let kills = !matches!(what, Damage::BitFlip { .. });
                let mut damaged = Vec::new();
                for host in &hosts {
                    let node = self.hosts.node(*host);
                    if kills {
                        world.kill(node);
                    }
                    let files = world.damage_disk(node, &what, &mut rng(host));
                    damaged.push((*host, files));
                }
                if kills {
                    let hosts: Vec<Host> = hosts.into_iter().collect();
                    hosts.iter().for_each(|host| self.down.hold(*host, id));
                    let ends = restart_after.map(|restart| after(now, restart));
                    self.active.insert(id, Active { ends, what: InEffect::Down(hosts) });
                }
                self.damaged(now, id, &what, &damaged);
            }
        }
    }

    /// Tells what damage was done.
    fn damaged(&mut self, now: Time, id: OccurrenceId, what: &Damage, damaged: &[(Host, Vec<Damaged>)]) {
        let is_wipe = matches!(what, Damage::Wipe);
        let mut targets: BTreeSet<Target> = BTreeSet::new();
        let mut met = Met::default();
        for (host, files) in damaged {
            for file in files {
                targets.insert(match (hosts::target(*host), partition_of(&file.path)) {
                    (Target::Broker(broker), Some(partition)) if !is_wipe => {
                        Target::Replica(broker, partition)
                    }
                    (target, _) => target,
                });
                met.bit |= file.bytes > 0;
                *met.counters.entry("files_damaged".into()).or_default() += 1;
                *met.counters.entry("bytes_damaged".into()).or_default() += file.bytes;
            }
        }
        if targets.is_empty() {
            let hosts: Vec<Host> = damaged.iter().map(|(host, _)| *host).collect();
            if matches!(what, Damage::BitFlip { .. }) {
                return self.skip(now, id, &format!("no file that is meant has a bit on {}", names(&hosts)));
            }
            // They were killed all the same.
            targets.extend(hosts.into_iter().map(hosts::target));
        }
        self.inject(now, id, targets.into_iter());
        self.tell(now, id, FaultPhase::Effect(met));
    }

    /// A host's process stopped itself because of its disk: whoever broke that says when it starts again.
    pub fn stopped(&mut self, now: Time, node: world::NodeId) {
        let Some(host) = self.hosts.all().find(|host| self.hosts.node(*host) == node) else { return };
        let Some((id, restart_after)) = self.operators.get(&host).copied() else { return };
        self.down.hold(host, id);
        if let Some(restart) = restart_after {
            self.restarts.insert((after(now, restart), host, id));
        }
    }

    /// Starts hosts whose operators come by now, unless another fault holds them down.
    pub(super) fn restart<W: World>(&mut self, world: &mut W, now: Time) {
        while let Some((at, host, id)) = self.restarts.first().copied()
            && at <= now
        {
            self.restarts.pop_first();
            if self.down.release(host, id) {
                world.start(self.hosts.node(host));
            }
        }
    }

    /// What an excepted host's disk met, which stays broken in the calm.
    pub(super) fn leave_broken<W: World>(
        &mut self,
        world: &W,
        now: Time,
        id: OccurrenceId,
        broken: &[(Host, world::FaultId)],
    ) {
        let ids: Vec<world::FaultId> = broken.iter().map(|(_, fault)| *fault).collect();
        let met = met(world, &ids, false);
        self.tell(now, id, FaultPhase::Effect(met));
    }
}
