//! From a plan to what its run is judged by: the durability contract derives from the configuration.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use highwater_checkers::ids::TopicPartition;
use highwater_checkers::judge::{self, Amount, Expectations, FlushPolicy, JudgeConfig};
use highwater_workloads::scenario::{Bound, Comparison, Expect, Guarantee, Seen, Topic};
use highwater_workloads::{Plan, TopicPartition as Partition};

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
        ..JudgeConfig::default()
    }
}

fn expectations(expect: &Expect) -> Expectations {
    Expectations {
        violation: words(&expect.violation),
        permitted: words(&expect.permitted),
        unavailable: partitions(&expect.unavailable),
        available: partitions(&expect.available),
        sometimes: words(&expect.sometimes),
        unavailability_max: expect
            .unavailability_max
            .map(|bound| most(bound, |value| value.saturating_sub(Duration::from_nanos(1)))),
        acknowledged: expect.acknowledged.map(amount),
        lost: expect.lost.map(amount),
        lost_as: words(&expect.lost_as),
        duplicates_max: expect.duplicates.map(|bound| most(bound, |value| value.saturating_sub(1))),
        seen: match expect.seen {
            Seen::EverySeed => judge::Seen::EverySeed,
            Seen::SomeSeed => judge::Seen::SomeSeed,
        },
    }
}

/// Words of the checkers, which the vocabulary had from them when the scenario was read.
fn words<T: FromStr>(names: &BTreeSet<String>) -> Vec<T> {
    let known = |name: &String| name.parse().ok().expect("the vocabulary has only words of the checkers");
    names.iter().map(known).collect()
}

fn partitions(named: &BTreeSet<Partition>) -> BTreeSet<TopicPartition> {
    let partition =
        |tp: &Partition| TopicPartition::new(&*tp.topic, i32::try_from(tp.partition).unwrap_or(i32::MAX));
    named.iter().map(partition).collect()
}

/// The greatest amount that a bound from above admits.
fn most<T: Copy>(bound: Bound<T>, just_below: impl Fn(T) -> T) -> T {
    match bound.comparison {
        Comparison::Less => just_below(bound.value),
        Comparison::AtMost | Comparison::Equal | Comparison::AtLeast | Comparison::Greater => bound.value,
    }
}

/// The amounts that a bound admits.
fn amount(bound: Bound<u64>) -> Amount {
    let value = bound.value;
    let (least, most) = match bound.comparison {
        Comparison::Less => (0, value.saturating_sub(1)),
        Comparison::AtMost => (0, value),
        Comparison::Equal => (value, value),
        Comparison::AtLeast => (value, u64::MAX),
        Comparison::Greater => (value.saturating_add(1), u64::MAX),
    };
    Amount { least, most }
}
