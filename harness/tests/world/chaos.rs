//! All faults at random, on top of one another: the world bears them, and recovers when they are healed.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use highwater::world::sim::{SimConfig, SimWorld};
use highwater::world::{Delay, FaultId, InFlight, Life, NodeId, Unsynced, World};
use highwater_broker::env::{Env, Rng};
use rand::{Rng as _, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::{MS, Notes, PORT, echo, run_for};

const NAMES: [&str; 5] = ["b1", "b2", "b3", "c1", "c2"];

/// Serves echoes, and keeps asking every other node for one; notes who reached whom.
async fn peer<E: Env>(life: Life<E>, reached: Notes<(usize, usize)>, me: usize) -> Result<(), String> {
    let asking: Vec<_> = (0..NAMES.len())
        .map(|other| {
            let (env, reached) = (life.env.clone(), reached.clone());
            life.env.spawn(async move {
                loop {
                    let _ = timeout(100 * MS, ask(&env, NAMES[other], || reached.note((me, other)))).await;
                    sleep(10 * MS).await;
                }
            })
        })
        .collect();
    let served = echo(life, Notes::new()).await;
    drop(asking);
    served
}

async fn ask<E: Env>(env: &E, other: &str, mut answered: impl FnMut()) -> io::Result<()> {
    let mut stream = env.connect(other, PORT).await?;
    for n in 0.. {
        stream.write_u64(n).await?;
        assert_eq!(stream.read_u64().await?, n, "an answer is that to the last question");
        answered();
        sleep(5 * MS).await;
    }
    Ok(())
}

struct Chaos {
    world: SimWorld,
    nodes: Vec<NodeId>,
    rng: Rng,
    faults: Vec<FaultId>,
}

impl Chaos {
    fn below(&mut self, bound: usize) -> usize {
        self.rng.next_u32() as usize % bound
    }

    fn node(&mut self) -> NodeId {
        let nth = self.below(self.nodes.len());
        self.nodes[nth]
    }

    fn fault(&mut self) {
        let node = self.node();
        let links: Vec<_> = (0..1 + self.below(6))
            .map(|_| (self.node(), self.node()))
            .filter(|(from, to)| from != to)
            .collect();
        match self.below(9) {
            0 => drop(self.world.kill(node)),
            1 => drop(self.world.power_cut(node, Unsynced::Lost)),
            2 | 3 => drop(self.world.start(node)),
            4 => self.faults.push(self.world.pause(node)),
            5 => self.faults.push(self.world.cut(&links, InFlight::Dropped)),
            6 => self.faults.push(self.world.cut(&links, InFlight::Held)),
            7 => {
                let delay = Delay { latency: 20 * MS, jitter: 20 * MS };
                self.faults.push(self.world.delay(&links, delay));
            }
            _ if self.faults.is_empty() => {}
            _ => {
                let healed = self.below(self.faults.len());
                self.world.heal(self.faults.swap_remove(healed));
            }
        }
    }
}

#[test]
fn after_any_faults_every_node_reaches_every_other_again() {
    for seed in 0..12 {
        let mut world = SimWorld::new(SimConfig::new(seed));
        let reached = Notes::new();
        let nodes: Vec<_> = (0..NAMES.len())
            .map(|me| {
                let reached = reached.clone();
                world.add_node(NAMES[me], move |life| peer(life, reached.clone(), me))
            })
            .collect();
        for node in &nodes {
            world.start(*node);
        }
        let mut chaos = Chaos { world, nodes, rng: Rng::seed_from_u64(seed), faults: Vec::new() };
        for _ in 0..200 {
            chaos.fault();
            let pause = chaos.below(40) as u32 * MS;
            run_for(&mut chaos.world, pause);
        }
        let Chaos { mut world, nodes, faults, .. } = chaos;
        for fault in faults {
            world.heal(fault);
        }
        for node in nodes {
            world.start(node);
        }
        run_for(&mut world, Duration::from_secs(1));
        reached.take();
        run_for(&mut world, Duration::from_secs(1));
        let reached: BTreeSet<_> = reached.take().into_iter().collect();
        assert_eq!(reached.len(), NAMES.len() * NAMES.len(), "seed {seed}: {reached:?}");
    }
}
