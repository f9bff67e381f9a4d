//! The command line, and the configuration that it amounts to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Parser, value_parser};
use highwater_broker::config::{BrokerConfig, ConfigKey, VoterAddress};
use highwater_broker::ids::BrokerId;
use highwater_broker::wire::BROKER_PORT;

/// One node of a cluster of highwater's reference broker, which speaks the Kafka protocol.
#[derive(Debug, Parser)]
#[command(name = "highwater-broker", version, after_help = EXIT_CODES, after_long_help = keys())]
pub(super) struct Args {
    /// This node's id, from 1
    #[arg(long, value_name = "N", value_parser = value_parser!(i32).range(1..))]
    id: i32,
    /// The name or address under which the others reach this node
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port of the Kafka protocol, on all of the machine's addresses
    #[arg(long, default_value_t = BROKER_PORT, value_parser = value_parser!(u16).range(1..))]
    port: u16,
    /// A node that votes on the cluster's metadata: once for each of them, the same on every node
    #[arg(long = "voter", required = true, value_name = "ID@HOST:PORT:QUORUM_PORT", value_parser = voter)]
    voters: Vec<(BrokerId, VoterAddress)>,
    /// The folder of this node's logs; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Set a key of the configuration; --help lists them
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Vote only: host no partition
    #[arg(long)]
    controller_only: bool,
    /// Print every event of the replication, one a line, to standard error
    #[arg(long)]
    pub(super) trace: bool,
}

const EXIT_CODES: &str = "\
Exit codes: 0 stopped by Ctrl-C, 2 bad usage, 74 cannot read, write or listen, 130 interrupted twice";

impl Args {
    /// The node's configuration, if the arguments make sense together.
    pub(super) fn config(&self) -> Result<BrokerConfig, String> {
        let id = BrokerId(self.id);
        let mut voters = BTreeMap::new();
        for (voter, address) in &self.voters {
            if voters.insert(*voter, address.clone()).is_some() {
                return Err(format!("voter {} is named twice: give each voter once", voter.0));
            }
        }
        match voters.get(&id) {
            Some(me) if (&me.host, me.port) != (&self.host, self.port) => {
                return Err(format!(
                    "voter {} is at {}:{}, but this node at {}:{}: make --voter agree with --host and --port",
                    self.id, me.host, me.port, self.host, self.port
                ));
            }
            None if self.controller_only => {
                return Err(format!(
                    "{} is no voter, so that it cannot be one only: name it with --voter",
                    self.id
                ));
            }
            _ => {}
        }
        let mut config = BrokerConfig::new(id, &self.host);
        config.port = self.port;
        config.voters = voters;
        config.is_broker = !self.controller_only;
        for (key, value) in &self.settings {
            config.set(key, value).map_err(|error| error.to_string())?;
        }
        Ok(config)
    }
}

/// Reads `1@localhost:9092:9093`. The ports are the last two parts, whatever colons the host has.
fn voter(text: &str) -> Result<(BrokerId, VoterAddress), String> {
    let read = || {
        let (id, address) = text.split_once('@')?;
        let (address, quorum_port) = address.rsplit_once(':')?;
        let (host, port) = address.rsplit_once(':')?;
        let id: i32 = id.parse().ok().filter(|id| *id > 0)?;
        let port_of = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        let address =
            VoterAddress { host: host.to_owned(), port: port_of(port)?, quorum_port: port_of(quorum_port)? };
        (!host.is_empty() && address.port != address.quorum_port).then_some((BrokerId(id), address))
    };
    read().ok_or_else(|| "write it like 1@localhost:9092:9093, with two different ports".to_owned())
}

/// Reads `key=value`, and tries it out: clap tells the argument that is wrong.
fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it like flush=every-batch")?;
    let mut scratch = BrokerConfig::new(BrokerId(1), "localhost");
    scratch.set(key, value).map_err(|error| error.to_string())?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Every key, what it is for, what it takes, and its default.
fn keys() -> String {
    let describe = |key: &ConfigKey| {
        let ConfigKey { name, takes, default, about } = key;
        format!("  {name}={default}\n          {about}; takes {takes}\n")
    };
    let keys: String = BrokerConfig::keys().iter().map(describe).collect();
    format!("Keys of --set, with their defaults:\n{keys}\n{EXIT_CODES}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory;

    use super::*;

    const ONE: &str = "1@localhost:9092:9093";

    /// The configuration of node 1 on localhost with these further arguments.
    fn config(further: &[&str]) -> Result<BrokerConfig, String> {
        let arguments = ["highwater-broker", "--id", "1", "--host", "localhost", "--data", "d"];
        let args =
            Args::try_parse_from(arguments.iter().chain(further)).map_err(|error| error.to_string())?;
        args.config()
    }

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn arguments_become_a_configuration() {
        let config =
            config(&["--voter", ONE, "--voter", "7@::1:1:2", "--set", "request.timeout.ms=70"]).unwrap();
        assert_eq!((config.id, &*config.host, config.port), (BrokerId(1), "localhost", BROKER_PORT));
        let seven = VoterAddress { host: "::1".into(), port: 1, quorum_port: 2 };
        assert_eq!(config.voters.len(), 2);
        assert_eq!(config.voters[&BrokerId(7)], seven);
        assert_eq!(config.request_timeout, Duration::from_millis(70));
        assert!(config.is_broker);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let refused = |further: &[&str]| config(further).expect_err("makes no sense");
        assert!(refused(&[]).contains("--voter <ID@HOST:PORT:QUORUM_PORT>"));
        for bad in ["localhost:1:2", "0@localhost:1:2", "1@localhost:1", "1@:1:2", "1@localhost:1:1"] {
            let message = refused(&["--voter", bad]);
            assert!(
                message.contains(bad) && message.contains("write it like 1@localhost:9092:9093"),
                "{message}"
            );
        }
        assert!(refused(&["--voter", ONE, "--voter", ONE]).contains("voter 1 is named twice"));
        let message = refused(&["--voter", ONE, "--port", "7"]);
        assert!(message.contains("voter 1 is at localhost:9092, but this node at localhost:7"), "{message}");
        let message = refused(&["--voter", "2@localhost:1:2", "--controller-only"]);
        assert!(message.contains("1 is no voter"), "{message}");
        assert!(refused(&["--voter", ONE, "--set", "flush"]).contains("write it like flush=every-batch"));
        let message = refused(&["--voter", ONE, "--set", "flush=often"]);
        assert!(message.contains("it takes never, every-batch, or a duration"), "{message}");
    }
}
