//! How fast the world runs.

use std::time::Duration;

use highwater::world::World;
use highwater::world::sim::{SimConfig, SimWorld};
use highwater_broker::env::Env;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::{MS, Notes, PORT, echo, run_for};

/// Simulated seconds per CPU second, for so many nodes that exchange so many frames a second. The thread does
/// nothing but run the world, so that its wall time is near enough.
#[expect(clippy::disallowed_methods, reason = "the real clock is what this measures with")]
fn speed(nodes: u32, frames_per_second: u32) -> (f64, f64) {
    let mut world = SimWorld::new(SimConfig::new(1));
    let b1 = world.add_node("b1", |life| echo(life, Notes::new()));
    world.start(b1);
    for n in 1..nodes {
        let node = world.add_node(&format!("c{n}"), move |life| async move {
            if frames_per_second == 0 {
                return std::future::pending().await;
            }
            sleep(10 * MS).await;
            let (mut reader, mut writer) = tokio::io::split(life.env.connect("b1", PORT).await.unwrap());
            let _reading = life.env.spawn(async move { while reader.read_u64().await.is_ok() {} });
            loop {
                writer.write_u64(1).await.unwrap();
                sleep(Duration::from_secs(2) * (nodes - 1) / frames_per_second).await;
            }
        });
        world.start(node);
    }
    let (begin, simulated) = (std::time::Instant::now(), Duration::from_secs(10));
    run_for(&mut world, simulated);
    let took = begin.elapsed();
    (simulated.as_secs_f64() / took.as_secs_f64(), world.stats().frames as f64 / simulated.as_secs_f64())
}

#[test]
fn the_speed_of_the_world_is_printed() {
    for (nodes, rate) in [(5, 0), (5, 1_000), (5, 4_000)] {
        let (speed, frames) = speed(nodes, rate);
        println!("{nodes} nodes, {frames:.0} frames a second: {speed:.0} simulated seconds per second");
    }
}
