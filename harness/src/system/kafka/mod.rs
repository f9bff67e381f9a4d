//! The reference system: the broker of this workspace, and a thin client for it or for any Kafka cluster.
//!
//! Start reading at `outcome`, the table of what each answer means; `client` makes the calls, `fetch` reads,
//! `metadata` finds leaders, and `settled` tells when a cluster is at rest.

mod client;
mod fetch;
mod metadata;
mod mutants;
mod outcome;
mod records;
mod settled;
mod vocabulary;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;

use highwater_broker::config::{BrokerConfig, ConfigError, VoterAddress};
use highwater_broker::env::Env;
use highwater_broker::watch;
use highwater_broker::wire::BROKER_PORT;
use highwater_broker::{ids as broker, server};
use highwater_workloads::Host;
use highwater_workloads::scenario::{Cluster, ConfigValue, Vocabulary};

pub use client::KafkaClient;

use super::{Mutant, System, broker_id};
use crate::world::Life;

/// What a scenario's `system:` says.
const NAME: &str = "kafka";
/// The port of the controllers' consensus.
const QUORUM_PORT: u16 = 9093;

/// The broker of this workspace, in any world.
#[derive(Clone, Copy, Debug, Default)]
pub struct KafkaReference;

impl System for KafkaReference {
    type Client<E: Env> = KafkaClient<E>;

    fn vocabulary(&self) -> Vocabulary {
        vocabulary::kafka()
    }

    fn mutants(&self) -> Vec<Mutant> {
        mutants::mutants()
    }

    fn node<E: Env>(
        &self,
        life: Life<E>,
        cluster: &Cluster,
        host: Host,
    ) -> impl Future<Output = Result<(), String>> + Send + use<E> {
        let config = config_of(cluster, host);
        async move {
            let config = config.map_err(|error| error.to_string())?;
            let (terminate, requested) = watch::channel(false);
            let mut broker = pin!(server::run(life.env, config, requested));
            let ended = tokio::select! {
                biased;
                ended = &mut broker => ended,
                () = life.termination.requested() => {
                    terminate.send_replace(true);
                    broker.await
                }
            };
            ended.map_err(|error| error.to_string())
        }
    }

    fn client<E: Env>(&self, env: E, cluster: &Cluster, name: &str) -> KafkaClient<E> {
        KafkaClient::new(env, name, cluster)
    }
}

/// The hosts whose nodes vote: the first brokers, or hosts of their own.
fn voters(cluster: &Cluster) -> impl Iterator<Item = Host> {
    let combined = cluster.combined;
    (1..=cluster.controllers).map(move |id| if combined { Host::Broker(id) } else { Host::Controller(id) })
}

/// The configuration of the node on `host`.
fn config_of(cluster: &Cluster, host: Host) -> Result<BrokerConfig, ConfigError> {
    let id_of = |host| broker::BrokerId(broker_id(cluster, host).expect("a host of the cluster").0);
    let mut config = BrokerConfig::new(id_of(host), host.to_string());
    config.is_broker = matches!(host, Host::Broker(_));
    config.voters = voters(cluster)
        .map(|voter| {
            let address =
                VoterAddress { host: voter.to_string(), port: BROKER_PORT, quorum_port: QUORUM_PORT };
            (id_of(voter), address)
        })
        .collect::<BTreeMap<_, _>>();
    for (key, value) in &cluster.config.0 {
        config.set(key, &config_text(key, value))?;
    }
    if !cluster.mutants.is_empty() {
        let ids: Vec<&str> = cluster.mutants.iter().map(String::as_str).collect();
        config.set("mutants", &ids.join(","))?;
    }
    Ok(config)
}

/// A value in the text form of Kafka's configuration: milliseconds are a number where the key says so.
fn config_text(key: &str, value: &ConfigValue) -> String {
    match value {
        ConfigValue::Boolean(value) => value.to_string(),
        ConfigValue::Count(value) => value.to_string(),
        ConfigValue::Duration(value) if key.ends_with(".ms") => value.as_millis().to_string(),
        // The broker reads one number with one unit.
        ConfigValue::Duration(value) => format!("{}ms", value.as_millis()),
        ConfigValue::Word(value) => value.clone(),
    }
}
