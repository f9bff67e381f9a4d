//! The simulated world: determinism, and what each fault does and does not do.

mod broker;
mod chaos;
mod determinism;
mod disk;
mod disk_faults;
mod network;
mod process;
mod speed;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use highwater::world::sim::{SimConfig, SimWorld};
use highwater::world::{Life, NodeId, World, WorldError};
use highwater_broker::env::{Env, Listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

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
