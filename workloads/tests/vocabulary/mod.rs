//! A vocabulary as the harness hands it in for Kafka, for the tests of this crate.

use highwater_workloads::scenario::{ConfigKind, FileLayout, Role, Scope, Vocabulary};

/// The words of the reference broker.
pub(crate) fn kafka() -> Vocabulary {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let topic_config = [
        ("min.insync.replicas", ConfigKind::Count { min: 1, max: 32 }),
        ("unclean.leader.election.enable", ConfigKind::Boolean),
    ];
    let broker_config = [
        ("replica.lag.time.max.ms", ConfigKind::Milliseconds),
        ("broker.heartbeat.interval.ms", ConfigKind::Milliseconds),
        ("broker.session.timeout.ms", ConfigKind::Milliseconds),
        ("replica.high.watermark.checkpoint.interval.ms", ConfigKind::Milliseconds),
        ("flush", ConfigKind::WordOrDuration(words(&["never", "every-batch"]))),
        ("truncation", ConfigKind::Word(words(&["epoch-request", "on-fetch"]))),
    ];
    let named = |(name, kind): (&str, ConfigKind)| (name.to_owned(), kind);
    let role = |scope, client| Role { scope, client };
    let roles = [
        ("leader", role(Scope::Partition, false)),
        ("follower", role(Scope::Partition, false)),
        ("isr", role(Scope::Partition, false)),
        ("isr-follower", role(Scope::Partition, false)),
        ("out-of-sync", role(Scope::Partition, false)),
        ("preferred", role(Scope::Partition, false)),
        ("zombie-leader", role(Scope::Partition, false)),
        ("controller", role(Scope::Cluster, false)),
        ("any", role(Scope::Cluster, false)),
        ("client", role(Scope::Cluster, true)),
    ];
    let events = [
        ("leader-elected", Scope::Partition),
        ("unclean-election", Scope::Partition),
        ("isr-shrunk", Scope::Partition),
        ("isr-expanded", Scope::Partition),
        ("truncated", Scope::Partition),
        ("unclean-election", Scope::Partition),
        ("controller-elected", Scope::Cluster),
        ("broker-fenced", Scope::Cluster),
        ("broker-unfenced", Scope::Cluster),
    ];
    let findings = [
        "unseen",
        "lost-write",
        "read-then-lost",
        "phantom",
        "G1a",
        "inconsistent-offsets",
        "duplicate",
        "poll-skip",
        "nonmonotonic-poll",
        "int-poll-skip",
        "int-nonmonotonic-poll",
        "stuck",
        "crashed",
    ];
    let probes =
        ["leader-changed", "isr-shrunk", "isr-expanded", "truncated", "unclean-election", "info-read"];
    Vocabulary {
        system: "kafka".to_owned(),
        broker_config: broker_config.into_iter().chain(topic_config.clone()).map(named).collect(),
        topic_config: topic_config.into_iter().map(named).collect(),
        roles: roles.into_iter().map(|(name, role)| (name.to_owned(), role)).collect(),
        events: events.into_iter().map(|(name, scope)| (name.to_owned(), scope)).collect(),
        mutants: ["ack-before-hw", "trunc-to-hw"].map(str::to_owned).into(),
        findings: findings.map(str::to_owned).into(),
        fates: [
            "truncated",
            "on-no-replica",
            "above-high-watermark",
            "undelivered",
            "on-follower",
            "unknown",
        ]
        .map(str::to_owned)
        .into(),
        probes: probes.map(str::to_owned).into(),
        idempotent_producers: false,
        files: FileLayout {
            records: "{topic}-{partition}/*.log".parse().unwrap(),
            controllers: Some("__cluster_metadata/*".parse().unwrap()),
        },
    }
}
