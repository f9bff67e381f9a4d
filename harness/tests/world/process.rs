//! Starts, ends, kills, pauses and panics of a node's process, and its wall clock.

use std::io::ErrorKind;

use highwater::world::sim::EPOCH_MS;
use highwater::world::{Unsynced, World, WorldError};
use highwater_broker::env::Env;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout};

use super::{EchoWorld, MS, Notes, PORT, exact, run_alone, run_for};

#[test]
fn a_kill_closes_the_connections_and_leaves_the_disk() {
    let mut echo = EchoWorld::new(1);
    assert!(echo.world.kill(echo.b1));
    assert!(!echo.world.kill(echo.b1));
    echo.run_for(20 * MS);
    assert_eq!(echo.ends.take(), [ErrorKind::UnexpectedEof]);
    assert!(!echo.world.is_running(echo.b1));
    // Nothing listens there, and the machine says so.
    echo.world.kill(echo.c1);
    echo.world.start(echo.c1);
    echo.run_for(20 * MS);
    assert_eq!(echo.ends.take(), [ErrorKind::ConnectionRefused]);
    echo.world.start(echo.b1);
    echo.world.kill(echo.c1);
    echo.run_for(2 * MS);
    echo.world.start(echo.c1);
    echo.answers.take();
    echo.run_for(100 * MS);
    assert!(echo.answers.take().len() > 5);
}

#[test]
fn a_pause_parks_the_process_but_not_the_network_below_it() {
    let mut echo = EchoWorld::new(1);
    let connected = Notes::new();
    let noted = connected.clone();
    let c2 = echo.world.add_node("c2", move |life| {
        let connected = noted.clone();
        async move {
            let mut stream = life.env.connect("b1", PORT).await.unwrap();
            connected.note(());
            stream.write_u64(1_000_000).await.unwrap();
            std::future::pending().await
        }
    });
    let pause = echo.world.pause(echo.b1);
    let other = echo.world.pause(echo.b1);
    assert!(echo.world.is_paused(echo.b1) && echo.world.is_running(echo.b1));
    echo.world.start(c2);
    echo.run_for(10 * MS);
    echo.answers.take();
    echo.run_for(190 * MS);
    assert_eq!(connected.all().len(), 1);
    assert_eq!((echo.heard.take().len(), echo.answers.take().len(), echo.ends.take().len()), (0, 0, 0));
    assert!(echo.world.effect(pause).parked > 0);
    echo.world.heal(pause);
    echo.run_for(20 * MS);
    assert!(echo.world.is_paused(echo.b1));
    assert!(echo.heard.all().is_empty());
    echo.world.heal(other);
    echo.run_for(20 * MS);
    assert!(!echo.world.is_paused(echo.b1));
    let heard = echo.heard.take();
    assert!(heard.len() > 20 && heard.contains(&1_000_000), "{heard:?}");
    assert!(echo.answers.take().len() > 20);
}

#[test]
fn timers_of_a_paused_process_expire_and_a_killed_one_stays_dead() {
    let woken = Notes::new();
    let mut world = exact(1);
    let noted = woken.clone();
    let b1 = world.add_node("b1", move |life| {
        let woken = noted.clone();
        async move {
            let begin = Instant::now();
            let slow = timeout(50 * MS, sleep(1_000 * MS)).await;
            woken.note((slow.is_err(), begin.elapsed(), life.env.wall_clock().0 - EPOCH_MS));
            std::future::pending().await
        }
    });
    world.start(b1);
    run_for(&mut world, 10 * MS);
    let pause = world.pause(b1);
    run_for(&mut world, 200 * MS);
    assert!(woken.all().is_empty());
    world.heal(pause);
    run_for(&mut world, 4 * MS);
    assert_eq!(woken.take(), [(true, 210 * MS, 210)]);

    let pause = world.pause(b1);
    world.kill(b1);
    assert!(!world.is_paused(b1));
    world.heal(pause);
    run_for(&mut world, 100 * MS);
    assert!(!world.is_running(b1));
    world.start(b1);
    assert!(!world.is_paused(b1));
}

#[test]
fn a_power_cut_is_silent_until_the_node_starts_again() {
    let mut echo = EchoWorld::new(1);
    let cut = echo.world.power_cut(echo.b1, Unsynced::Lost);
    assert!(cut.was_running && cut.files.is_empty());
    echo.run_for(200 * MS);
    assert!(echo.ends.take().is_empty());
    echo.world.kill(echo.c1);
    echo.world.start(echo.c1);
    echo.run_for(200 * MS);
    assert!(echo.ends.take().is_empty());
    echo.world.start(echo.b1);
    echo.run_for(2 * MS);
    echo.world.kill(echo.c1);
    echo.world.start(echo.c1);
    echo.answers.take();
    echo.run_for(100 * MS);
    assert!(echo.answers.take().len() > 5);
}

#[test]
fn a_panic_in_a_task_ends_the_run_and_says_where() {
    let error = run_alone(|life| async move {
        let _task = life.env.spawn(async {
            sleep(5 * MS).await;
            panic!("offset {} is gone", 7);
        });
        std::future::pending().await
    })
    .err()
    .unwrap();
    let WorldError::Panicked { node, message } = error else { panic!("{error}") };
    assert_eq!(node, "b1");
    assert!(message.starts_with("offset 7 is gone at harness/tests/world/process.rs:"), "{message}");
}

#[test]
fn a_node_ends_by_itself_or_fails_the_run() {
    let world = run_alone(|_| async { Ok(()) }).unwrap();
    assert_eq!(world.now(), 2 * MS);
    let error = run_alone(|_| async { Err("no quorum".to_owned()) }).err().unwrap();
    assert_eq!(error, WorldError::Failed { node: "b1".to_owned(), message: "no quorum".to_owned() });
}

#[test]
fn a_node_that_is_asked_to_terminate_shuts_itself_down() {
    let mut world = exact(1);
    let b1 = world.add_node("b1", |life| async move {
        life.termination.requested().await;
        sleep(20 * MS).await;
        Ok(())
    });
    assert!(!world.terminate(b1));
    for _ in 0..2 {
        world.start(b1);
        run_for(&mut world, 50 * MS);
        assert!(world.terminate(b1));
        run_for(&mut world, 10 * MS);
        assert!(world.is_running(b1));
        run_for(&mut world, 20 * MS);
        assert!(!world.is_running(b1));
    }
}

#[test]
fn a_skew_moves_the_wall_clock_of_its_node_alone() {
    let mut world = exact(1);
    let reads = Notes::new();
    let nodes = ["b1", "b2"].map(|name| {
        let noted = reads.clone();
        world.add_node(name, move |life| {
            let reads = noted.clone();
            async move {
                loop {
                    sleep(10 * MS).await;
                    reads.note((name, life.env.wall_clock().0 - EPOCH_MS));
                }
            }
        })
    });
    for node in nodes {
        world.start(node);
    }
    run_for(&mut world, 12 * MS);
    assert_eq!(reads.take(), [("b1", 10), ("b2", 10)]);
    let first = world.skew(nodes[0], -5_000);
    let second = world.skew(nodes[0], 1_000);
    run_for(&mut world, 10 * MS);
    assert_eq!(reads.take(), [("b1", 20 - 4_000), ("b2", 20)]);
    world.heal(first);
    run_for(&mut world, 10 * MS);
    assert_eq!(reads.take(), [("b1", 1_030), ("b2", 30)]);
    world.heal(second);
    run_for(&mut world, 10 * MS);
    assert_eq!(reads.take(), [("b1", 40), ("b2", 40)]);
    assert_eq!((world.effect(first).clock_reads, world.effect(second).clock_reads), (1, 2));
}
