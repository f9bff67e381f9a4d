//! The words that a scenario may use about Kafka: keys, roles, events, probes.

use std::collections::BTreeMap;

use highwater_broker::config::{BrokerConfig, ConfigKey};
use highwater_checkers::judge::Feature;
use highwater_checkers::verdict::Anomaly;
use highwater_workloads::scenario::{ConfigKind, Role, Scope, Vocabulary};

use crate::view;

/// The keys that a topic may set; a broker's value is the default.
const TOPIC_KEYS: [&str; 2] = ["min.insync.replicas", "unclean.leader.election.enable"];

/// The words of the reference broker.
pub(super) fn kafka() -> Vocabulary {
    let keys = || BrokerConfig::keys().iter();
    let named = |key: &ConfigKey| (key.name.to_owned(), kind_of(key));
    let role = |scope, client| move |name: &&'static str| (*name, Role { scope, client });
    let roles = (view::PARTITION_ROLES.iter().map(role(Scope::Partition, false)))
        .chain(view::CLUSTER_ROLES.iter().map(role(Scope::Cluster, false)))
        .chain(["client"].iter().map(role(Scope::Cluster, true)));
    let scope_of = |in_partition| if in_partition { Scope::Partition } else { Scope::Cluster };
    let events = view::EVENTS.iter().map(|(name, in_partition)| (*name, scope_of(*in_partition)));
    Vocabulary {
        system: super::NAME.to_owned(),
        broker_config: keys().map(named).collect(),
        topic_config: keys().filter(|key| TOPIC_KEYS.contains(&key.name)).map(named).collect(),
        roles: owned(roles),
        events: owned(events),
        mutants: [].into(),
        findings: Anomaly::ALL.iter().map(|anomaly| anomaly.name().to_owned()).collect(),
        probes: Feature::ALL.iter().map(|feature| feature.name().to_owned()).collect(),
        idempotent_producers: false,
    }
}

fn owned<T>(words: impl IntoIterator<Item = (&'static str, T)>) -> BTreeMap<String, T> {
    words.into_iter().map(|(word, meaning)| (word.to_owned(), meaning)).collect()
}

/// What a key holds: the name and the default tell, but for words.
fn kind_of(key: &ConfigKey) -> ConfigKind {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match key.name {
        "flush" => ConfigKind::WordOrDuration(words(&["never", "every-batch"])),
        "truncation" => ConfigKind::Word(words(&["epoch-request", "on-fetch"])),
        "min.insync.replicas" => ConfigKind::Count { min: 1, max: 32 },
        name if name.ends_with(".ms") => ConfigKind::Milliseconds,
        _ if ["true", "false"].contains(&key.default) => ConfigKind::Boolean,
        _ => ConfigKind::Count { min: 1024, max: 1 << 40 },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use highwater_broker::ids::BrokerId;
    use highwater_workloads::scenario::ConfigValue;

    use super::*;
    use crate::system::kafka::config_text;

    /// Values of a kind: the extremes and every word.
    fn values(kind: &ConfigKind) -> Vec<ConfigValue> {
        let durations = [Duration::from_millis(1), Duration::from_secs(90)].map(ConfigValue::Duration);
        let words = |words: &[String]| words.iter().cloned().map(ConfigValue::Word).collect();
        match kind {
            ConfigKind::Boolean => [true, false].map(ConfigValue::Boolean).into(),
            ConfigKind::Count { min, max } => [*min, *max].map(ConfigValue::Count).into(),
            ConfigKind::Milliseconds => durations.into(),
            ConfigKind::Word(known) => words(known),
            ConfigKind::WordOrDuration(known) => {
                let mut values: Vec<_> = words(known);
                values.extend(durations);
                values
            }
        }
    }

    #[test]
    fn the_broker_takes_every_value_that_a_scenario_may_give() {
        for (key, kind) in kafka().broker_config {
            for value in values(&kind) {
                let mut config = BrokerConfig::new(BrokerId(1), "b1");
                let text = config_text(&key, &value);
                assert_eq!(config.set(&key, &text), Ok(()), "{key}: {text}");
            }
        }
    }

    #[test]
    fn topics_have_the_keys_that_are_theirs() {
        let keys: Vec<_> = kafka().topic_config.into_keys().collect();
        assert_eq!(keys, TOPIC_KEYS);
    }
}
