//! Configuration keys with their values, as a scenario gave them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration;

/// The keys that were given; for the others the system's defaults hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Config(pub BTreeMap<String, ConfigValue>);

/// The value of a key, of the kind that the vocabulary gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigValue {
    /// A switch.
    Boolean(bool),
    /// A number.
    Count(u64),
    /// A time span, also that of a key that ends in `.ms`.
    Duration(#[serde(with = "duration::text")] Duration),
    /// A word.
    Word(String),
}

impl Config {
    /// The value of `key`, if it was given.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&ConfigValue> {
        self.0.get(key)
    }

    /// The switch `key`, if it was given.
    #[must_use]
    pub fn boolean(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            ConfigValue::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The number `key`, if it was given.
    #[must_use]
    pub fn count(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            ConfigValue::Count(value) => Some(*value),
            _ => None,
        }
    }

    /// The time span `key`, if it was given, and not as a word.
    #[must_use]
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.get(key)? {
            ConfigValue::Duration(value) => Some(*value),
            _ => None,
        }
    }

    /// The word `key`, if it was given, and not as a time span.
    #[must_use]
    pub fn word(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            ConfigValue::Word(value) => Some(value),
            _ => None,
        }
    }
}
