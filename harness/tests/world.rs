//! The simulated world: determinism, and what each fault does and does not do.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use highwater::world::sim::{EPOCH_MS, SimConfig, SimFile, SimWorld, TurmoilEnv};
use highwater::world::{Delay, InFlight, Life, NodeId, Time, Unsynced, World, WorldError};
use highwater_broker::env::{Disk, DiskFile, Env, Listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

const PORT: u16 = 9_000;
const MS: Duration = Duration::from_millis(1);

/// What nodes note for the test to look at.
#[derive(Clone)]
struct Notes<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Notes<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn note(&self, item: T) {
        self.0.lock().unwrap().push(item);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Latencies of exactly 3 ms, so that tests can tell what is on time.
fn exact(seed: u64) -> SimWorld {
    SimWorld::new(SimConfig { latency: (3 * MS, 3 * MS), ..SimConfig::new(seed) })
}

fn run_for(world: &mut SimWorld, time: Duration) {
    let end = world.now() + time;
    while world.now() < end {
        world.step().unwrap();
    }
}

/// Sends back what it gets.
async fn echo<E: Env>(life: Life<E>, heard: Notes<u64>) -> Result<(), String> {
    let mut listener = life.env.bind(PORT).await.map_err(|e| e.to_string())?;
    let mut tasks = Vec::new();
    loop {
        let mut stream = listener.accept().await.map_err(|e| e.to_string())?;
        let heard = heard.clone();
        tasks.push(life.env.spawn(async move {
            while let Ok(n) = stream.read_u64().await {
                heard.note(n);
                if stream.write_u64(n).await.is_err() {
                    return;
                }
            }
        }));
    }
}

/// On one connection, sends a number every 10 ms and notes what comes back; gives what ended it.
async fn ping<E: Env>(life: Life<E>, to: &'static str, answers: Notes<(u64, Duration)>) -> io::Error {
    let stream = match life.env.connect(to, PORT).await {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    let begin = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let _writing = life.env.spawn(async move {
        for n in 0.. {
            if writer.write_u64(n).await.is_err() {
                return;
            }
            sleep(10 * MS).await;
        }
    });
    loop {
        match reader.read_u64().await {
            Ok(n) => answers.note((n, begin.elapsed() - 10 * MS * n as u32)),
            Err(error) => return error,
        }
    }
}

/// A world with an echo on `b1`, and `c1` that pings it on one connection.
struct EchoWorld {
    world: SimWorld,
    b1: NodeId,
    c1: NodeId,
    heard: Notes<u64>,
    answers: Notes<(u64, Duration)>,
    ends: Notes<ErrorKind>,
}

impl EchoWorld {
    fn new(seed: u64) -> Self {
        let mut world = exact(seed);
        let (heard, answers, ends) = (Notes::new(), Notes::new(), Notes::new());
        let b1 = world.add_node("b1", {
            let heard = heard.clone();
            move |life| echo(life, heard.clone())
        });
        let c1 = world.add_node("c1", {
            let (answers, ends) = (answers.clone(), ends.clone());
            move |life| {
                let (answers, ends) = (answers.clone(), ends.clone());
                async move {
                    ends.note(ping(life, "b1", answers).await.kind());
                    std::future::pending().await
                }
            }
        });
        world.start(b1);
        run_for(&mut world, 10 * MS);
        world.start(c1);
        run_for(&mut world, 100 * MS);
        let this = Self { world, b1, c1, heard, answers, ends };
        assert!(this.answers.take().len() > 5, "the echo works");
        this.heard.take();
        this
    }

    fn run_for(&mut self, time: Duration) {
        run_for(&mut self.world, time);
    }
}

/// A world that runs one node's `main` to its end.
fn run_alone<F, M>(main: M) -> Result<SimWorld, WorldError>
where
    M: Fn(Life<<SimWorld as World>::Env>) -> F + 'static,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let mut world = exact(1);
    let node = world.add_node("b1", main);
    world.start(node);
    while world.is_running(node) {
        assert!(world.now() < Duration::from_secs(60), "the node does not end");
        world.step()?;
    }
    Ok(world)
}

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
                    let to = ["b1", "b2", "b3", "c1"][rand::Rng::next_u32(&mut rng) as usize % 4];
                    let talk = async {
                        let mut stream = env.connect(to, PORT).await?;
                        for _ in 0..20 {
                            stream.write_u64(rand::Rng::next_u64(&mut rng)).await?;
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
    let distinct: std::collections::BTreeSet<_> = orders.iter().collect();
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

/// Writes `a` (1,000 bytes synced and 4,000 not), `d/b` (synced, its folder not), and puts a new `d/c` in place
/// of an old one without syncing the folder.
async fn write_files<E: Env>(env: E) -> io::Result<()> {
    let disk = env.disk();
    let a = disk.open("a", true).await?;
    a.append(Bytes::from(vec![1; 1_000])).await?;
    a.sync().await?;
    let c = disk.open("d/c", true).await?;
    c.append(Bytes::from_static(b"old")).await?;
    c.sync().await?;
    disk.sync_dir("").await?;
    disk.sync_dir("d").await?;
    let b = disk.open("d/b", true).await?;
    b.append(Bytes::from_static(b"synced")).await?;
    b.sync().await?;
    let new = disk.open("d/c.tmp", true).await?;
    new.append(Bytes::from_static(b"brand new")).await?;
    new.sync().await?;
    disk.rename("d/c.tmp", "d/c").await?;
    a.append(Bytes::from(vec![2; 4_000])).await?;
    assert_eq!(disk.list("").await?, ["a", "d"]);
    assert_eq!(disk.list("d").await?, ["b", "c"]);
    Ok(())
}

async fn read_files<E: Env>(env: E) -> io::Result<Vec<(&'static str, Bytes)>> {
    let mut files = Vec::new();
    for path in ["a", "d/b", "d/c", "d/c.tmp"] {
        match env.disk().open(path, false).await {
            Ok(file) => files.push((path, file.read_at(0, 10_000).await?)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
    }
    Ok(files)
}

/// What is on the disk after a power loss, and the lost files with their positions.
fn power_loss(seed: u64, unsynced: Unsynced) -> (Vec<(&'static str, Bytes)>, Vec<(String, u64)>) {
    let mut world = exact(seed);
    let found = Notes::new();
    let noted = found.clone();
    let b1 = world.add_node("b1", move |life| {
        let found = noted.clone();
        async move {
            let files = read_files(life.env.clone()).await.unwrap();
            if files.is_empty() {
                write_files(life.env).await.unwrap();
            } else {
                found.note(files);
            }
            std::future::pending().await
        }
    });
    world.start(b1);
    run_for(&mut world, 100 * MS);
    let cut = world.power_cut(b1, unsynced);
    world.start(b1);
    run_for(&mut world, 100 * MS);
    (found.take().remove(0), cut.files.into_iter().map(|file| (file.path, file.from)).collect())
}

#[test]
fn a_power_loss_takes_what_was_not_synced() {
    let (files, lost) = power_loss(1, Unsynced::Lost);
    assert_eq!(files, [("a", Bytes::from(vec![1; 1_000])), ("d/c", Bytes::from_static(b"old"))]);
    let lost_from = [("a", 1_000), ("d/b", 0), ("d/c", 0)].map(|(path, from)| (path.to_owned(), from));
    assert_eq!(lost, lost_from);

    let (files, lost) = power_loss(1, Unsynced::Kept);
    assert_eq!(
        files.iter().map(|(path, bytes)| (*path, bytes.len())).collect::<Vec<_>>(),
        [("a", 5_000), ("d/b", 6), ("d/c", 9)]
    );
    assert!(lost.is_empty());
}

#[test]
fn a_power_loss_may_keep_a_torn_prefix() {
    let mut lengths = std::collections::BTreeSet::new();
    let mut replaced = [0, 0];
    for seed in 0..40 {
        let (files, lost) = power_loss(seed, Unsynced::Prefix);
        let (_, a) = &files[0];
        assert!(a[..1_000].iter().all(|byte| *byte == 1) && a[1_000..].iter().all(|byte| *byte == 2));
        assert!(a.len() == 1_000 || a.len() == 5_000 || a.len() % 512 == 0, "{}", a.len());
        assert_eq!(a.len() < 5_000, lost.contains(&("a".to_owned(), a.len() as u64)));
        lengths.insert(a.len());
        let (_, c) = files.iter().find(|(path, _)| *path == "d/c").unwrap();
        replaced[usize::from(&c[..] == b"brand new")] += 1;
        assert!(&c[..] == b"old" || &c[..] == b"brand new");
        // What comes later in the journal is there only with all that came before.
        let has = |path| files.iter().any(|(p, _)| *p == path);
        assert!(has("d/b") || !has("d/c.tmp"));
        assert!(&c[..] == b"old" || (has("d/b") && !has("d/c.tmp")));
    }
    assert!(lengths.len() > 4, "{lengths:?}");
    assert!(replaced.iter().all(|count| *count > 0), "{replaced:?}");
}

#[test]
fn a_power_loss_may_keep_any_sectors() {
    let mut holes = 0;
    for seed in 0..40 {
        let (files, lost) = power_loss(seed, Unsynced::Sectors);
        let (_, a) = &files[0];
        assert!(a[..1_000].iter().all(|byte| *byte == 1));
        let sectors =
            std::iter::once(&a[1_000..a.len().min(1_024)]).chain(a[a.len().min(1_024)..].chunks(512));
        for sector in sectors {
            assert!(sector.iter().all(|byte| *byte == 2) || sector.iter().all(|byte| *byte == 0));
        }
        let intact = a.iter().take_while(|byte| **byte != 0).count();
        holes += usize::from(intact < a.len());
        assert_eq!(intact < 5_000, lost.contains(&("a".to_owned(), intact as u64)));
    }
    assert!(holes > 10, "{holes}");
}

#[test]
fn a_disk_handle_of_a_former_life_fails() {
    let mut world = exact(1);
    let handles: Notes<(TurmoilEnv, Arc<SimFile>)> = Notes::new();
    let errors = Notes::new();
    let (kept, noted) = (handles.clone(), errors.clone());
    let b1 = world.add_node("b1", move |life| {
        let (handles, errors) = (kept.clone(), noted.clone());
        async move {
            let file = Arc::new(life.env.disk().open("a", true).await.unwrap());
            file.append(Bytes::from_static(b"x")).await.unwrap();
            if let Some((env, former)) = handles.all().pop() {
                errors.note((
                    env.disk().list("").await.is_err(),
                    former.append(Bytes::from_static(b"y")).await.is_err(),
                ));
                errors.note((file.size().await.unwrap() == 2, true));
            }
            handles.note((life.env, file));
            std::future::pending().await
        }
    });
    world.start(b1);
    run_for(&mut world, 4 * MS);
    world.kill(b1);
    world.start(b1);
    run_for(&mut world, 4 * MS);
    assert_eq!(errors.all(), [(true, true), (true, true)]);
}

#[test]
fn a_full_disk_says_so() {
    let kinds = Notes::new();
    let noted = kinds.clone();
    let mut world = SimWorld::new(SimConfig { disk_bytes_max: 1_000, ..SimConfig::new(1) });
    let b1 = world.add_node("b1", move |life| {
        let kinds = noted.clone();
        async move {
            let disk = life.env.disk();
            let file = disk.open("a", true).await.unwrap();
            file.append(Bytes::from(vec![0; 900])).await.unwrap();
            kinds.note(file.append(Bytes::from(vec![0; 200])).await.map_err(|e| e.kind()));
            disk.remove("a").await.unwrap();
            disk.sync_dir("").await.unwrap();
            drop(file);
            kinds.note(
                disk.open("b", true)
                    .await
                    .unwrap()
                    .append(Bytes::from(vec![0; 900]))
                    .await
                    .map_err(|e| e.kind()),
            );
            Ok(())
        }
    });
    world.start(b1);
    run_for(&mut world, 20 * MS);
    assert_eq!(kinds.all(), [Err(ErrorKind::StorageFull), Ok(())]);
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
    assert!(message.starts_with("offset 7 is gone at harness/tests/world.rs:"), "{message}");
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
    nodes.map(|node| world.start(node));
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
