//! `docs/broker.md` says what is so.

use highwater_broker::config::{BrokerConfig, ConfigKey};
use highwater_broker::wire::APIS;
use kafka_protocol::messages::ApiKey;

const DOCUMENT: &str = include_str!("../../../docs/broker.md");

/// The rows of the table under this header.
fn table(header: &str) -> Vec<&'static str> {
    let rows = DOCUMENT.lines().skip_while(|line| *line != header).skip(2);
    rows.take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn the_table_of_keys_is_that_of_the_configuration() {
    let row = |key: &ConfigKey| {
        let ConfigKey { name, takes, default, about } = key;
        format!("| `{name}` | `{default}` | {takes} | {about} |")
    };
    let expected: Vec<_> = BrokerConfig::keys().iter().map(row).collect();
    assert_eq!(table("| key | default | takes | meaning |"), expected);
}

#[test]
fn the_table_of_requests_is_that_of_the_protocol() {
    let row = |&(key, min, max): &(i16, i16, i16)| {
        let name = ApiKey::try_from(key).expect("a request of Kafka's");
        let versions = if min == max { format!("{min}") } else { format!("{min} to {max}") };
        format!("| `{name:?}` | {key} | {versions} |")
    };
    let expected: Vec<_> = APIS.iter().map(row).collect();
    assert_eq!(table("| request | key | versions |"), expected);
}
