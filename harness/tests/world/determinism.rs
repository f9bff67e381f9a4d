//! The same seed gives the same run; another one, another order of events.

use std::collections::BTreeSet;
use std::io;

use bytes::Bytes;
use highwater::world::sim::{SimConfig, SimWorld};
use highwater::world::{InFlight, NodeId, Time, Unsynced, World};
use highwater_broker::env::{Disk, DiskFile, Env, Listener};
use rand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::{MS, Notes, PORT, echo, exact, run_for};

/// Four nodes that all talk to one another with random pauses, and a kill, a pause, a cut and a power loss.
fn busy(seed: u64) -> (u64, Vec<(Time, u64)>) {
    let mut world = SimWorld::new(SimConfig::new(seed));
    let frames = Notes::new();
    let noted = frames.clone();
    world.observe(move |frame| noted.note((frame.at, frame.hash)));
    let nodes: Vec<NodeId> = ["b1", "b2", "b3", "c1"]
        .into_iter()
        .map(|name| {
            world.add_node(name, move |life| async move {
                let (env, server) = (life.env.clone(), life.clone());
                let _server = env.spawn(async move {
                    let _ = echo(server, Notes::new()).await;
                });
                let mut rng = env.rng("load");
                let log = env.disk().open("log", true).await.map_err(|e| e.to_string())?;
                loop {
                    let to = ["b1", "b2", "b3", "c1"][rng.next_u32() as usize % 4];
                    let talk = async {
                        let mut stream = env.connect(to, PORT).await?;
                        for _ in 0..20 {
                            stream.write_u64(rng.next_u64()).await?;
                            let n = stream.read_u64().await?;
                            log.append(Bytes::copy_from_slice(&n.to_be_bytes())).await?;
                            log.sync().await?;
                        }
                        Ok::<_, io::Error>(())
                    };
                    let _ = timeout(100 * MS, talk).await;
                }
            })
        })
        .collect();
    for node in &nodes {
        world.start(*node);
    }
    run_for(&mut world, 200 * MS);
    let cut = world.cut(&[(nodes[0], nodes[1]), (nodes[1], nodes[0])], InFlight::Held);
    world.kill(nodes[2]);
    run_for(&mut world, 200 * MS);
    world.heal(cut);
    world.start(nodes[2]);
    let pause = world.pause(nodes[0]);
    world.power_cut(nodes[1], Unsynced::Prefix);
    run_for(&mut world, 200 * MS);
    world.heal(pause);
    world.start(nodes[1]);
    run_for(&mut world, 400 * MS);
    assert!(world.stats().frames > 500, "{:?}", world.stats());
    (world.stats().digest, frames.take())
}

#[test]
fn a_seed_gives_the_same_frames_in_every_thread() {
    let threads = [7, 7, 8].map(|seed| std::thread::spawn(move || busy(seed)));
    let [first, second, other] = threads.map(|thread| thread.join().unwrap());
    assert_eq!(first.1, second.1);
    assert_eq!(first.0, second.0);
    assert_ne!(first.0, other.0);
}

/// The order in which three tasks of one node, all ready at once, run.
fn interleaving(seed: u64) -> Vec<u8> {
    let order = Notes::new();
    let mut world = exact(seed);
    let noted = order.clone();
    let node = world.add_node("b1", move |life| {
        let order = noted.clone();
        async move {
            let tasks: Vec<_> = (0..3)
                .map(|task| {
                    let order = order.clone();
                    life.env.spawn(async move {
                        for _ in 0..5 {
                            sleep(MS).await;
                            order.note(task);
                        }
                    })
                })
                .collect();
            sleep(20 * MS).await;
            drop(tasks);
            Ok(())
        }
    });
    world.start(node);
    run_for(&mut world, 30 * MS);
    order.take()
}

#[test]
fn seeds_explore_the_order_of_ready_tasks() {
    let orders: Vec<_> = (0..10).map(interleaving).collect();
    assert!(orders.iter().all(|order| order.len() == 15));
    assert_eq!(orders[3], interleaving(3));
    let distinct: BTreeSet<_> = orders.iter().collect();
    assert!(distinct.len() >= 5, "{orders:?}");
}

#[test]
fn clocks_of_all_nodes_agree_across_lives() {
    let mut world = exact(1);
    let trips = Notes::new();
    let noted = trips.clone();
    let b1 = world.add_node("b1", move |life| {
        let trips = noted.clone();
        async move {
            let mut listener = life.env.bind(PORT).await.unwrap();
            loop {
                let mut stream = listener.accept().await.unwrap();
                while let Ok(sent) = stream.read_i64().await {
                    trips.note(life.env.wall_clock().0 - sent);
                }
            }
        }
    });
    let c1 = world.add_node("c1", |life| async move {
        let mut stream = life.env.connect("b1", PORT).await.unwrap();
        loop {
            stream.write_i64(life.env.wall_clock().0).await.unwrap();
            sleep(7 * MS).await;
        }
    });
    world.start(b1);
    for _ in 0..3 {
        run_for(&mut world, 34 * MS);
        world.start(c1);
        run_for(&mut world, 100 * MS);
        world.kill(c1);
    }
    let trips = trips.take();
    assert!(trips.len() > 30, "{trips:?}");
    assert!(trips.iter().all(|trip| *trip == 3), "{trips:?}");
}
