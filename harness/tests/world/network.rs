//! Cuts and delays of links.

use std::io::ErrorKind;
use std::time::Duration;

use highwater::world::sim::{SimConfig, SimWorld};
use highwater::world::{Delay, InFlight, World};
use highwater_broker::env::Env;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::{EchoWorld, MS, Notes, PORT, echo, exact, run_alone, run_for};

#[test]
fn a_dropping_cut_leaves_the_connection_silently_dead_after_the_heal() {
    let mut echo = EchoWorld::new(1);
    let cut = echo.world.cut(&[(echo.b1, echo.c1), (echo.c1, echo.b1)], InFlight::Dropped);
    echo.run_for(4 * MS);
    echo.heard.take();
    echo.run_for(100 * MS);
    assert!(echo.heard.take().is_empty());
    assert!(echo.world.effect(cut).dropped > 8);
    // A connect gets no answer.
    echo.world.kill(echo.c1);
    echo.world.start(echo.c1);
    echo.run_for(100 * MS);
    assert_eq!(echo.world.effect(cut).connects_dropped, 1);
    echo.world.heal(cut);
    echo.run_for(200 * MS);
    assert!(echo.ends.take().is_empty());
    assert!(echo.answers.take().is_empty());
    // A new connection works.
    echo.world.kill(echo.c1);
    echo.world.start(echo.c1);
    echo.run_for(100 * MS);
    assert!(echo.answers.take().len() > 5);
}

#[test]
fn a_connection_that_was_idle_throughout_a_dropping_cut_survives_it() {
    let mut world = exact(1);
    let answers = Notes::new();
    let b1 = world.add_node("b1", |life| echo(life, Notes::new()));
    let noted = answers.clone();
    let c1 = world.add_node("c1", move |life| {
        let answers = noted.clone();
        async move {
            let mut stream = life.env.connect("b1", PORT).await.unwrap();
            sleep(100 * MS).await;
            stream.write_u64(1).await.unwrap();
            answers.note(stream.read_u64().await.unwrap());
            Ok(())
        }
    });
    world.start(b1);
    run_for(&mut world, 4 * MS);
    world.start(c1);
    run_for(&mut world, 40 * MS);
    let cut = world.cut(&[(b1, c1), (c1, b1)], InFlight::Dropped);
    run_for(&mut world, 40 * MS);
    world.heal(cut);
    assert!(!world.effect(cut).bit());
    run_for(&mut world, 100 * MS);
    assert_eq!(answers.all(), [1]);
}

#[test]
fn one_heal_does_not_lift_another_cut() {
    let mut echo = EchoWorld::new(1);
    let first = echo.world.cut(&[(echo.c1, echo.b1)], InFlight::Held);
    echo.run_for(20 * MS);
    let second = echo.world.cut(&[(echo.c1, echo.b1), (echo.b1, echo.c1)], InFlight::Held);
    echo.run_for(20 * MS);
    echo.world.heal(first);
    echo.heard.take();
    echo.run_for(50 * MS);
    assert!(echo.heard.take().is_empty());
    assert!(
        echo.world.effect(first).held > 0 && echo.world.effect(second).held > echo.world.effect(first).held
    );
    echo.world.heal(second);
    echo.world.heal(second);
    echo.run_for(50 * MS);
    assert!(echo.heard.take().len() > 8);
}

#[test]
fn across_a_one_way_cut_requests_arrive_and_replies_vanish() {
    let mut echo = EchoWorld::new(1);
    let cut = echo.world.cut(&[(echo.b1, echo.c1)], InFlight::Dropped);
    echo.run_for(4 * MS);
    echo.answers.take();
    echo.run_for(100 * MS);
    assert!(echo.heard.take().len() > 8);
    assert!(echo.answers.take().is_empty());
    // So it is on a new connection, and where the other side opens it.
    echo.world.kill(echo.c1);
    echo.world.start(echo.c1);
    echo.run_for(100 * MS);
    assert!(echo.heard.take().len() > 5);
    assert!(echo.answers.take().is_empty());
    assert!(echo.world.effect(cut).dropped > 15);
    assert_eq!(echo.ends.take(), []);
}

#[test]
fn a_holding_cut_delivers_everything_late_and_in_order() {
    let mut echo = EchoWorld::new(1);
    let cut = echo.world.cut(&[(echo.b1, echo.c1), (echo.c1, echo.b1)], InFlight::Held);
    echo.run_for(4 * MS);
    echo.answers.take();
    echo.run_for(300 * MS);
    assert!(echo.answers.take().is_empty());
    assert!(echo.world.effect(cut).held > 20);
    echo.world.heal(cut);
    echo.run_for(100 * MS);
    let heard = echo.heard.take();
    assert!(heard.len() > 30);
    assert!(heard.is_sorted() && heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "{heard:?}");
    let slowest = echo.answers.take().into_iter().map(|(_, took)| took).max().unwrap();
    assert!(slowest >= 290 * MS, "{slowest:?}");
    // A connect is held as well, and goes on.
    echo.world.kill(echo.c1);
    let cut = echo.world.cut(&[(echo.b1, echo.c1), (echo.c1, echo.b1)], InFlight::Held);
    echo.world.start(echo.c1);
    echo.run_for(50 * MS);
    // The connect, and before it what closed the former connection.
    assert_eq!(echo.world.effect(cut).held, 2);
    echo.world.heal(cut);
    echo.run_for(50 * MS);
    assert!(echo.answers.take().len() > 2);
}

#[test]
fn what_is_in_flight_when_a_cut_begins_is_lost() {
    let mut world = SimWorld::new(SimConfig { latency: (40 * MS, 40 * MS), ..SimConfig::new(1) });
    let heard = Notes::new();
    let noted = heard.clone();
    let b1 = world.add_node("b1", move |life| echo(life, noted.clone()));
    let c1 = world.add_node("c1", |life| async move {
        let mut stream = life.env.connect("b1", PORT).await.unwrap();
        stream.write_u64(1).await.unwrap();
        sleep(30 * MS).await;
        stream.write_u64(2).await.unwrap();
        sleep(500 * MS).await;
        stream.write_u64(3).await.unwrap();
        std::future::pending().await
    });
    world.start(b1);
    run_for(&mut world, 2 * MS);
    world.start(c1);
    // The handshake is over at about 82 ms, 1 arrives at 122, 2 leaves at 112.
    run_for(&mut world, 130 * MS);
    assert_eq!(heard.all(), [1]);
    let cut = world.cut(&[(c1, b1)], InFlight::Dropped);
    run_for(&mut world, 4 * MS);
    world.heal(cut);
    run_for(&mut world, 800 * MS);
    assert_eq!(heard.all(), [1]);
    assert_eq!(world.effect(cut).dropped, 1);
}

#[test]
fn delays_add_up_and_are_healed_apart() {
    let mut echo = EchoWorld::new(1);
    let links = [(echo.c1, echo.b1)];
    let slowest = |echo: &mut EchoWorld| {
        echo.run_for(60 * MS);
        echo.answers.take();
        echo.run_for(200 * MS);
        echo.answers.take().into_iter().map(|(_, took)| took).max().unwrap()
    };
    let base = slowest(&mut echo);
    let first = echo.world.delay(&links, Delay { latency: 20 * MS, jitter: Duration::ZERO });
    assert_eq!(slowest(&mut echo), base + 20 * MS);
    let second = echo.world.delay(&links, Delay { latency: 10 * MS, jitter: 5 * MS });
    let both = slowest(&mut echo);
    assert!((base + 25 * MS..=base + 36 * MS).contains(&both), "{base:?} {both:?}");
    assert!(echo.world.effect(first).delayed > echo.world.effect(second).delayed);
    echo.world.heal(second);
    assert_eq!(slowest(&mut echo), base + 20 * MS);
    echo.world.heal(first);
    assert_eq!(slowest(&mut echo), base);
}

#[test]
fn a_node_reaches_itself_and_no_node_of_an_unknown_name() {
    let ends = Notes::new();
    let noted = ends.clone();
    run_alone(move |life| {
        let ends = noted.clone();
        async move {
            let server = life.clone();
            let _server = life.env.spawn(async move {
                let _ = echo(server, Notes::new()).await;
            });
            sleep(MS).await;
            let mut stream = life.env.connect("b1", PORT).await.unwrap();
            stream.write_u64(5).await.unwrap();
            ends.note(stream.read_u64().await.map_err(|e| e.kind()));
            ends.note(life.env.connect("b9", PORT).await.map(|_| 0).map_err(|e| e.kind()));
            ends.note(life.env.connect("b1", PORT + 1).await.map(|_| 0).map_err(|e| e.kind()));
            Ok(())
        }
    })
    .unwrap();
    assert_eq!(ends.all(), [Ok(5), Err(ErrorKind::NotFound), Err(ErrorKind::ConnectionRefused)]);
}
