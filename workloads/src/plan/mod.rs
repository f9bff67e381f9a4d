//! A plan: a scenario at one seed, with every choice made that can be made beforehand.
//!
//! It is data: printed, stored, shrunk and replayed as JSON. What depends on the run stays symbolic: the roles
//! that selectors name, and the events that faults wait for.

mod cuts;
mod draw;
mod faults;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use faults::{Cut, Effect, Occurrence, OccurrenceId, Start};

use crate::duration;
use crate::scenario::{
    Acks, Client, Cluster, Expect, Guarantee, Network, Recovery, Scenario, SteadyState, Topic,
};

/// Everything that a run needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this form: [`Plan::FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The seed, from which every random stream derives.
    pub seed: u64,
    /// The system under test.
    pub system: String,
    /// The cluster.
    pub cluster: Cluster,
    /// The topics.
    pub topics: Vec<Topic>,
    /// Every client.
    pub clients: Vec<PlannedClient>,
    /// The network.
    pub network: Network,
    /// What must hold before the first fault.
    pub steady_state: SteadyState,
    /// How long the load lasts from then on.
    #[serde(with = "duration::text")]
    pub duration: Duration,
    /// The faults: those with a time in its order, then those that wait for an event.
    pub faults: Vec<Occurrence>,
    /// The calm phase after the load.
    pub recovery: Recovery,
    /// The contract about duplicates and order.
    pub guarantee: Guarantee,
    /// What must come of it.
    pub expect: Expect,
}

/// One client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedClient {
    /// Its name, which names its random streams too: `p1`, `c1`.
    pub name: String,
    /// What it does.
    pub load: Load,
}

/// What a client does until the load ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// It sends.
    Produce {
        /// Where to: the partitions in turn.
        topic: String,
        /// When a send is acknowledged.
        acks: Acks,
        /// Whether the broker drops what it has already appended.
        idempotent: bool,
        /// How long after the load's start the first send begins: drawn within `interval`.
        #[serde(with = "duration::text")]
        first: Duration,
        /// The time from one send to the next.
        #[serde(with = "duration::text")]
        interval: Duration,
        /// How many records it sends under load; none: as many as there is time for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        records: Option<u64>,
        /// How many sends may be outstanding; while they are, further ones wait.
        in_flight: u32,
        /// After what time a send without an answer is given up.
        #[serde(with = "duration::text")]
        timeout: Duration,
    },
    /// It reads every partition.
    Consume {
        /// Of this topic.
        topic: String,
    },
}

impl Plan {
    /// The version of the form that this build writes.
    pub const FORMAT: u32 = 1;

    /// Makes every choice that can be made before the run.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            format: Self::FORMAT,
            scenario: scenario.name.clone(),
            seed,
            system: scenario.system.clone(),
            cluster: scenario.cluster.clone(),
            topics: scenario.topics.clone(),
            clients: clients(&scenario.clients, seed),
            network: scenario.network,
            steady_state: scenario.steady_state,
            duration: scenario.run.duration,
            faults: faults::plan(scenario, seed),
            recovery: scenario.recovery.clone(),
            guarantee: scenario.guarantee,
            expect: scenario.expect.clone(),
        }
    }
}

/// Numbers producers and consumers apart, so that one more consumer renames no producer.
fn clients(entries: &[Client], seed: u64) -> Vec<PlannedClient> {
    let (mut producers, mut consumers) = (0, 0);
    let mut planned = Vec::new();
    for entry in entries {
        match entry {
            Client::Producer(producer) => {
                let interval = producer.rate.interval(producer.count);
                for number in 0..producer.count {
                    producers += 1;
                    let name = format!("p{producers}");
                    let load = Load::Produce {
                        topic: producer.topic.clone(),
                        acks: producer.acks,
                        idempotent: producer.idempotent,
                        first: draw::within(&mut draw::client(seed, &name), interval),
                        interval,
                        records: producer.records.map(|all| share(all, producer.count, number)),
                        in_flight: producer.in_flight,
                        timeout: producer.timeout,
                    };
                    planned.push(PlannedClient { name, load });
                }
            }
            Client::Consumer(consumer) => {
                for _ in 0..consumer.count {
                    consumers += 1;
                    let load = Load::Consume { topic: consumer.topic.clone() };
                    planned.push(PlannedClient { name: format!("c{consumers}"), load });
                }
            }
        }
    }
    planned
}

/// What one of so many producers sends of all their records: the first ones send one more.
fn share(all: u64, producers: u32, number: u32) -> u64 {
    let (producers, number) = (u64::from(producers), u64::from(number));
    all / producers + u64::from(number < all % producers)
}
