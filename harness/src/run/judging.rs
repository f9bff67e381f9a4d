//! From a plan to what its run is judged by: the durability contract derives from the configuration.

use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::ids::TopicPartition;
use highwater_checkers::judge::{self, Expectations, FlushPolicy, JudgeConfig};
use highwater_workloads::Plan;
use highwater_workloads::scenario::{Bound, Comparison, Expect, Guarantee, Seen, Topic};

use crate::system::broker_id;

/// The key that decides whether a replica outside the ISR may lead.
const UNCLEAN: &str = "unclean.leader.election.enable";

/// What a run of `plan` is judged by.
pub fn judge_config(plan: &Plan) -> JudgeConfig {
    let config = &plan.cluster.config;
    let flush = match (config.word("flush"), config.duration("flush")) {
        (Some("every-batch"), _) => FlushPolicy::EveryBatch,
        (None, Some(_)) => FlushPolicy::Interval,
        _ => FlushPolicy::Never,
    };
    let unclean =
        |topic: &&Topic| topic.config.boolean(UNCLEAN).or_else(|| config.boolean(UNCLEAN)).unwrap_or(false);
    let excepted = plan.recovery.except.iter().filter_map(|host| broker_id(&plan.cluster, *host));
    JudgeConfig {
        flush,
        unclean_allowed: plan.topics.iter().filter(unclean).map(|topic| Arc::from(&*topic.name)).collect(),
        guarantee: Some(match plan.guarantee {
            Guarantee::AtMostOnce => judge::Guarantee::AtMostOnce,
            Guarantee::AtLeastOnce => judge::Guarantee::AtLeastOnce,
            Guarantee::ExactlyOnce => judge::Guarantee::ExactlyOnce,
        }),
        recovery_within: Some(plan.recovery.within),
        left_broken: excepted.collect(),
        expect: expectations(&plan.expect),
    }
}

fn expectations(expect: &Expect) -> Expectations {
    // Names were held against the vocabulary, which has them from the checkers.
    let known = |what: &str| format!("`{what}` was validated when the scenario was read");
    let anomalies = |names: &std::collections::BTreeSet<String>| {
        names.iter().map(|name| name.parse().expect(&known(name))).collect()
    };
    let partitions = |named: &std::collections::BTreeSet<highwater_workloads::TopicPartition>| {
        let partition = |tp: &highwater_workloads::TopicPartition| {
            TopicPartition::new(&*tp.topic, i32::try_from(tp.partition).unwrap_or(i32::MAX))
        };
        named.iter().map(partition).collect()
    };
    Expectations {
        violation: anomalies(&expect.violation),
        permitted: anomalies(&expect.permitted),
        unavailable: partitions(&expect.unavailable),
        available: partitions(&expect.available),
        sometimes: expect.sometimes.iter().map(|name| name.parse().expect(&known(name))).collect(),
        unavailability_max: expect
            .unavailability_max
            .map(|bound| most(bound, |value| value.saturating_sub(Duration::from_nanos(1)))),
        duplicates_max: expect.duplicates.map(|bound| most(bound, |value| value.saturating_sub(1))),
        seen: match expect.seen {
            Seen::EverySeed => judge::Seen::EverySeed,
            Seen::SomeSeed => judge::Seen::SomeSeed,
        },
    }
}

/// The greatest amount that a bound from above admits.
fn most<T: Copy>(bound: Bound<T>, just_below: impl Fn(T) -> T) -> T {
    match bound.comparison {
        Comparison::Less => just_below(bound.value),
        Comparison::AtMost | Comparison::Equal | Comparison::AtLeast | Comparison::Greater => bound.value,
    }
}
