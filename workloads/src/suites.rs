//! The shipped suites, embedded so that the binary runs them by name: `highwater run quick`.

macro_rules! suites {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../suites/", $name, ".yaml")))),+]
    };
}

/// Every shipped suite: its name and its YAML text.
#[must_use]
pub fn embedded() -> &'static [(&'static str, &'static str)] {
    suites![
        "baseline",
        "bitflip-one-replica",
        "controller-loss",
        "delayed-isr-answer",
        "disk-error-leader",
        "disk-full-leader",
        "empty-disk-rejoin",
        "fast-failover",
        "fast-reincarnation",
        "fsync-loss",
        "isolate-follower",
        "isolate-leader-from-followers-only",
        "isolate-leader",
        "isr-flap",
        "isr-retry-reincarnated",
        "kafka-0.8-safe",
        "kafka-0.8",
        "kafka-before-0.8",
        "kill-after-isr-join",
        "lagging-hw-failover",
        "last-replica-standing-safe",
        "last-replica-standing",
        "leader-cut-from-controller",
        "leader-kill",
        "nats-power-loss-safe",
        "nats-power-loss",
        "pause-controller",
        "pause-leader",
        "power-loss-synced",
        "power-loss-unsynced",
        "quick",
        "rolling-restart",
        "slow-follower",
        "stale-follower",
        "torn-write-restart",
        "torn-write-survivor",
        "unclean-election-safe",
        "unclean-election",
    ]
}

/// The text of the suite `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static str> {
    embedded().iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
