//! The words that scenarios may use about any system: what the nemesis finds in the trace, and what the
//! checkers look for.

use std::collections::BTreeMap;

use highwater_checkers::judge::Feature;
use highwater_checkers::verdict::{Anomaly, Fate};
use highwater_workloads::scenario::{FileLayout, Role, Scope, Vocabulary};

use crate::view;

/// The words about a system named `name` that has no configuration keys and no mutants; one that has adds them.
///
/// A role has a holder, and an event happens, only where the system emits the trace events that tell it
/// (`docs/trace-events.md`); the role `any` and hosts by their ids need none. Of the keys only two mean
/// something beyond the system: `flush` (`never`, a duration, or `every-batch`) and
/// `unclean.leader.election.enable` say what it promises to keep, and so what its losses are judged by.
pub fn vocabulary(name: &str) -> Vocabulary {
    let role = |scope, client| move |name: &&'static str| (*name, Role { scope, client });
    let roles = (view::PARTITION_ROLES.iter().map(role(Scope::Partition, false)))
        .chain(view::CLUSTER_ROLES.iter().map(role(Scope::Cluster, false)))
        .chain(["client"].iter().map(role(Scope::Cluster, true)));
    let scope_of = |in_partition| if in_partition { Scope::Partition } else { Scope::Cluster };
    let events = view::EVENTS.iter().map(|(name, in_partition)| (*name, scope_of(*in_partition)));
    Vocabulary {
        system: name.to_owned(),
        broker_config: [].into(),
        topic_config: [].into(),
        roles: owned(roles),
        events: owned(events),
        mutants: [].into(),
        findings: Anomaly::ALL.iter().map(|anomaly| anomaly.name().to_owned()).collect(),
        fates: Fate::ALL.iter().map(|fate| fate.name().to_owned()).collect(),
        probes: Feature::ALL.iter().map(|feature| feature.name().to_owned()).collect(),
        idempotent_producers: false,
        files: FileLayout::default(),
    }
}

fn owned<T>(words: impl IntoIterator<Item = (&'static str, T)>) -> BTreeMap<String, T> {
    words.into_iter().map(|(word, meaning)| (word.to_owned(), meaning)).collect()
}
