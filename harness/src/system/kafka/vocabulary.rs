//! The words that a scenario may use about Kafka: its keys, beside what all systems have.

use highwater_broker::config::{BrokerConfig, ConfigKey};
use highwater_broker::mutant::Mutant;
use highwater_workloads::scenario::{ConfigKind, FileLayout, Vocabulary};

use crate::system::vocabulary;

/// The keys that a topic may set; a broker's value is the default.
const TOPIC_KEYS: [&str; 2] = ["min.insync.replicas", "unclean.leader.election.enable"];

/// The words of the reference broker.
pub(super) fn kafka() -> Vocabulary {
    // Mutants configure the test, and have a place of their own in scenarios.
    let keys = || BrokerConfig::keys().iter().filter(|key| key.name != "mutants");
    let named = |key: &ConfigKey| (key.name.to_owned(), kind_of(key));
    Vocabulary {
        broker_config: keys().map(named).collect(),
        files: FileLayout {
            records: "{topic}-{partition}/*.log".parse().expect("it is a pattern"),
            controllers: Some("__cluster_metadata/*".parse().expect("it is a pattern")),
        },
        topic_config: keys().filter(|key| TOPIC_KEYS.contains(&key.name)).map(named).collect(),
        mutants: Mutant::ALL.iter().map(|mutant| mutant.id().to_owned()).collect(),
        ..vocabulary(super::NAME)
    }
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
