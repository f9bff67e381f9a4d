//! The port of systems under test: what runs on a cluster's hosts, and how clients reach it.
//!
//! A system says four things: its words ([`System::vocabulary`]), the `main` of a host ([`System::node`]), a
//! client ([`System::client`]), and, through that client, whether the cluster has settled. Everything else
//! (faults, load, checkers, reports) is the same for all systems. [`kafka::KafkaReference`] is the one that
//! ships; users bring their own, and hand it to [`crate::cli::main_with`] in a binary of theirs.

mod client;
pub mod kafka;
mod mutant;
mod vocabulary;

use std::future::Future;

use highwater_broker::env::Env;
use highwater_checkers::ids::BrokerId;
use highwater_workloads::Host;
use highwater_workloads::scenario::{Cluster, Vocabulary};

pub use client::{Client, PartitionPoll, Polled, Scope, SendOutcome, Settled};
pub use mutant::Mutant;
pub use vocabulary::vocabulary;

use crate::world::Life;

/// A replicated queue that is put to the test.
///
/// A node's `main` is a future on an [`Env`], so that it runs in any world. A system made of real processes
/// spawns its process there, and ends it when the future is dropped.
pub trait System: Clone + Send + Sync + 'static {
    /// A client of the system, in any world.
    type Client<E: Env>: Client;

    /// The words that a scenario may use about this system: its name, configuration keys, roles, events,
    /// mutants. [`vocabulary`] has those that are the same for all that trace.
    fn vocabulary(&self) -> Vocabulary;

    /// The defects that can be seeded, of which the vocabulary has the ids alone. A system without any, or with
    /// no more to say of them, leaves this as it is.
    fn mutants(&self) -> Vec<Mutant> {
        Vec::new()
    }

    /// One life of the process on `host`: it ends with `Ok` once it was asked to shut down, and with `Err`
    /// (which is a violation, and ends the run) where it cannot go on and no fault excuses it.
    fn node<E: Env>(
        &self,
        life: Life<E>,
        cluster: &Cluster,
        host: Host,
    ) -> impl Future<Output = Result<(), String>> + Send + use<Self, E>;

    /// A client named `name`. Nothing is sent before its first call.
    fn client<E: Env>(&self, env: E, cluster: &Cluster, name: &str) -> Self::Client<E>;
}

/// The id under which the node on `host` traces, and by which metadata names it: brokers count from 1, and
/// controllers with hosts of their own after them. Clients have none.
pub fn broker_id(cluster: &Cluster, host: Host) -> Option<BrokerId> {
    let number = match host {
        Host::Broker(id) => id,
        Host::Controller(id) => cluster.brokers + id,
        Host::Clients => return None,
    };
    Some(BrokerId(i32::try_from(number).expect("a cluster's size is limited")))
}
