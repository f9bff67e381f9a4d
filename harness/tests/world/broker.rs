//! The reference broker on a disk that fails: whatever it meets there, it stops itself, and is excused.

use highwater::system::System;
use highwater::system::kafka::KafkaReference;
use highwater::world::sim::{SimConfig, SimWorld};
use highwater::world::{Damage, DiskBreak, DiskEffect, NodeId, World, WorldError};
use highwater_workloads::Host;
use highwater_workloads::randomness::stream;
use highwater_workloads::scenario::{DiskMethod, Errno, Probability, Scenario, parse};

use super::MS;

const SCENARIO: &str = "
version: 1
name: alone
cluster: { brokers: 1, controllers: 1, config: { replica.high.watermark.checkpoint.interval.ms: 100 } }
topics: [{ name: orders, replication: 1 }]
clients: [producer: { topic: orders }]
";

/// One broker, which is its own controller, and has served for a while.
fn alone() -> (SimWorld, NodeId) {
    let scenario: Scenario = parse("alone.yaml", SCENARIO, &KafkaReference.vocabulary()).unwrap();
    let mut world = SimWorld::new(SimConfig::new(1));
    let cluster = scenario.cluster;
    let b1 = world.add_node("b1", move |life| KafkaReference.node(life, &cluster, Host::Broker(1)));
    world.start(b1);
    run(&mut world, 3_000).unwrap();
    assert!(world.is_running(b1));
    (world, b1)
}

fn run(world: &mut SimWorld, ms: u32) -> Result<(), WorldError> {
    let end = world.now() + ms * MS;
    while world.now() < end {
        world.step()?;
    }
    Ok(())
}

fn fails(path: &str, method: DiskMethod) -> DiskBreak {
    let (methods, errno, probability) = ([method].into(), Errno::Io, Probability::CERTAIN);
    let effect = DiskEffect::Fail { methods, errno, probability };
    DiskBreak { path: Some(path.parse().unwrap()), effect }
}

/// Why the broker stopped itself, in this life or after a restart.
fn stopped(path: &str, method: DiskMethod, restart: bool) -> Vec<String> {
    let (mut world, b1) = alone();
    world.break_disk(b1, &fails(path, method), stream(1, "test", "broker"));
    if restart {
        world.kill(b1);
        world.start(b1);
    }
    run(&mut world, 2_000).unwrap();
    let stopped = world.take_stopped();
    assert_eq!(world.is_running(b1), stopped.is_empty());
    stopped.into_iter().map(|(_, why)| why).collect()
}

#[test]
fn a_broker_stops_itself_at_any_error_of_its_disk() {
    const CHECKPOINT: &str = "replication-offset-checkpoint*";
    for (path, method, restart, why) in [
        (CHECKPOINT, DiskMethod::Write, false, "cannot write the high-watermark checkpoint"),
        (CHECKPOINT, DiskMethod::Sync, false, "cannot write the high-watermark checkpoint"),
        // A checkpoint that cannot be read is no missing one: with a watermark of 0 it would be served from.
        (CHECKPOINT, DiskMethod::Read, true, "cannot read the high-watermark checkpoint"),
        ("__cluster_metadata/*", DiskMethod::Read, true, "the quorum's files"),
        ("__cluster_metadata/*", DiskMethod::Sync, true, "the quorum's files"),
    ] {
        let told = stopped(path, method, restart);
        assert!(told.len() == 1 && told[0].contains(why), "{path} {method:?}: {told:?}");
    }
    assert_eq!(stopped("nothing/*", DiskMethod::Write, true), [""; 0]);
}

#[test]
fn a_broker_comes_back_with_an_empty_disk() {
    let (mut world, b1) = alone();
    world.kill(b1);
    world.damage_disk(b1, &Damage::Wipe, &mut stream(1, "test", "broker"));
    world.start(b1);
    run(&mut world, 2_000).unwrap();
    assert!(world.is_running(b1) && world.take_stopped().is_empty());
}
