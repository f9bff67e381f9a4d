//! highwater: chaos and fault-injection tests for replicated message queues.
//!
//! This is the library behind the binary `highwater`. Whoever only writes scenarios needs the binary alone; here is
//! how its parts are used from Rust: to run scenarios in a test, to put another system to the test, to simulate
//! something else.
//!
//! # A scenario at a seed
//!
//! A scenario is read in the words of a [`system`], and becomes a *plan* at a seed. [`run`] executes the plan, keeps
//! a recording of all that happens, and has it judged. A run is a simulation and needs a thread of its own, which
//! [`campaign::thread`] gives it:
//!
//! ```
//! use std::sync::Arc;
//!
//! use highwater::campaign::{Execute, thread};
//! use highwater::run::{self, RunSpec};
//! use highwater::system::{System, kafka::KafkaReference};
//! use highwater_checkers::judge::Shown;
//! use highwater_checkers::verdict::RunOutcome;
//! use highwater_workloads::scenario;
//!
//! let text = "
//! version: 1
//! name: a-leader-dies
//! topics:
//!   - { name: orders, partitions: 2, replication: 3, config: { min.insync.replicas: 2 } }
//! clients:
//!   - producer: { topic: orders, acks: all }
//!   - consumer: { topic: orders }
//! faults:
//!   - { kind: process-kill, at: 2s, selector: { role: leader }, restart_after: 1s }
//! run: { duration: 5s }
//! ";
//! let scenario = scenario::parse("a-leader-dies.yaml", text, &KafkaReference.vocabulary())?;
//! let folder = tempfile::tempdir()?;
//! let spec = RunSpec {
//!     scenario: Arc::new(scenario),
//!     source: text.into(),
//!     source_name: "a-leader-dies.yaml".into(),
//!     seed: 7,
//!     folder: folder.path().to_owned(),
//!     stop: Arc::default(),
//!     until: None,
//!     stop_at_violation: false,
//!     shown: Shown::First,
//!     progress: None,
//! };
//! let execute: Execute = Arc::new(|spec: &RunSpec| run::execute(&KafkaReference, spec));
//!
//! let result = thread::alone(spec.clone(), &execute)?;
//! assert_eq!(result.verdict.outcome, RunOutcome::Pass, "{:?}", result.verdict.findings);
//! assert_eq!(result.verdict.counts.faults_injected, 1);
//!
//! // One scenario and one seed are one recording.
//! let again = thread::alone(spec, &execute)?;
//! assert_eq!(again.recording.events, result.recording.events);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Many runs are a [`campaign`]: scenarios at their seeds, several at a time, told to the sinks of
//! `highwater_reports` in order. That is what `highwater run` does; [`cli`] is the rest of the binary.
//!
//! # A system under test
//!
//! [`system::System`] is the port for brokers of your own: the `main` of a host, a client, and the words that a
//! scenario may use about it. [`system::kafka`] is the one that ships. A node is a future on
//! [`Env`](highwater_broker::env::Env): it reaches network, disk, clock and randomness through that alone, and so runs
//! in any world. The load ([`clients`]), the faults ([`nemesis`]) and the checkers are the same for all systems.
//!
//! # The world
//!
//! [`world::World`] is the port of what nodes live in and what the nemesis may do to them. [`world::sim`] simulates
//! it, with a virtual clock, one tick a step. Faults act between two steps, and tell what they met:
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::time::Duration;
//!
//! use highwater::world::sim::{SimConfig, SimWorld};
//! use highwater::world::{InFlight, World};
//! use highwater_broker::env::{Env, Listener};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! fn run_until(world: &mut SimWorld, time: Duration) {
//!     while world.now() < time {
//!         world.step().expect("no node fails");
//!     }
//! }
//!
//! let mut world = SimWorld::new(SimConfig::new(7));
//! let server = world.add_node("server", |life| async move {
//!     let mut listener = life.env.bind(9000).await.map_err(|error| error.to_string())?;
//!     let mut stream = listener.accept().await.map_err(|error| error.to_string())?;
//!     while let Ok(number) = stream.read_u64().await {
//!         stream.write_u64(number + 1).await.map_err(|error| error.to_string())?;
//!     }
//!     Ok(())
//! });
//! let answers = Arc::new(AtomicU64::new(0));
//! let counted = Arc::clone(&answers);
//! let client = world.add_node("client", move |life| {
//!     let counted = Arc::clone(&counted);
//!     async move {
//!         let mut stream = life.env.connect("server", 9000).await.map_err(|error| error.to_string())?;
//!         loop {
//!             let number = counted.load(Ordering::Relaxed);
//!             stream.write_u64(number).await.map_err(|error| error.to_string())?;
//!             counted.store(stream.read_u64().await.map_err(|error| error.to_string())?, Ordering::Relaxed);
//!         }
//!     }
//! });
//! world.start(server);
//! world.start(client);
//! run_until(&mut world, Duration::from_secs(1));
//! let before = answers.load(Ordering::Relaxed);
//! assert!(before > 0);
//!
//! // What the server says is held back for a second, as by a router that is stuck.
//! let cut = world.cut(&[(server, client)], InFlight::Held);
//! run_until(&mut world, Duration::from_secs(2));
//! assert_eq!(answers.load(Ordering::Relaxed), before);
//! assert_eq!(world.effect(cut).held, 1);
//!
//! world.heal(cut);
//! run_until(&mut world, Duration::from_secs(3));
//! assert!(answers.load(Ordering::Relaxed) > before);
//! ```
//!
//! # Reading order
//!
//! [`world`] and [`system`] are the ports; [`run`] brings them together for one run, with [`clients`] as the load and
//! [`nemesis`] as the hand that breaks things, guided by its [`view`] of the cluster; [`campaign`] and [`cli`] stand
//! on top. `ARCHITECTURE.md` has the whole, with what must stay true.

pub mod campaign;
pub mod cli;
pub mod clients;
pub mod nemesis;
pub mod run;
pub mod system;
pub mod view;
pub mod world;
