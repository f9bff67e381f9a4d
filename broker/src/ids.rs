//! Typed ids and positions, so that an offset is never taken for an epoch.
//!
//! The broker has its own, apart from those of the checkers: it knows nothing of the tests.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A broker's id in the cluster, from 1; shown as `b1`.
    BrokerId(i32), "b"
);
id!(
    /// The position of a record in a partition's log, from 0.
    Offset(i64), ""
);
id!(
    /// Counts a partition's leaders (KIP-101).
    LeaderEpoch(i32), ""
);
id!(
    /// Counts the changes of a partition's state at the controller (KIP-497).
    PartitionEpoch(i32), ""
);
id!(
    /// One incarnation of a broker: the metadata offset of its registration (KIP-631).
    BrokerEpoch(i64), ""
);
id!(
    /// Counts the controllers: the quorum's term (KIP-595).
    ControllerEpoch(i32), ""
);

impl Offset {
    /// The position `count` records further on.
    #[must_use]
    pub fn plus(self, count: i64) -> Self {
        Self(self.0 + count)
    }
}

/// One partition of one topic; shown as `orders/0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: std::sync::Arc<str>,
    /// The partition's number within the topic, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    pub fn new(topic: impl Into<std::sync::Arc<str>>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}
