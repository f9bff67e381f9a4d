//! Before the load: the topics are created, and the cluster settles.

use std::collections::BTreeSet;
use std::time::Duration;

use highwater_checkers::ids::TopicPartition;
use highwater_workloads::{Host, Plan};
use tokio::time::sleep;

use super::{Phase, Phases, Progress, Stage, partitions_of};
use crate::system::{Client, Scope, Settled};

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause between two attempts.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);

/// What of a plan's cluster is to work in the end: without the hosts that are not healed, and the partitions
/// that the scenario gives up.
pub fn scope_of(plan: &Plan) -> Scope {
    let brokers = (1..=plan.cluster.brokers).map(Host::Broker);
    let given_up: BTreeSet<TopicPartition> = plan
        .expect
        .unavailable
        .iter()
        .map(|partition| TopicPartition::new(&*partition.topic, partition.partition as i32))
        .collect();
    let all = plan.topics.iter().flat_map(|topic| partitions_of(plan, &topic.name).to_vec());
    Scope {
        brokers: brokers.filter(|host| !plan.recovery.except.contains(host)).collect(),
        partitions: all.filter(|partition| !given_up.contains(partition)).collect(),
    }
}

/// Creates the topics and waits until the whole cluster has settled. `false` if the run gave up first.
pub(super) async fn prepare(
    client: &mut impl Client,
    plan: &Plan,
    phases: &Phases,
    progress: &Progress,
) -> bool {
    let everything = Scope {
        brokers: (1..=plan.cluster.brokers).map(Host::Broker).collect(),
        partitions: plan.topics.iter().flat_map(|topic| partitions_of(plan, &topic.name).to_vec()).collect(),
    };
    let mut created = false;
    while phases.now() < Phase::Drain {
        if !created {
            match client.create_topics(&plan.topics, ATTEMPT_TIMEOUT).await {
                Ok(()) => created = true,
                Err(reason) => progress.enter(Stage::Preparing(reason)),
            }
        }
        if created {
            match client.settled(&everything, ATTEMPT_TIMEOUT).await {
                Settled::Yes(_) => return true,
                Settled::NotYet(reason) => progress.enter(Stage::Preparing(reason)),
            }
        }
        sleep(ATTEMPT_PAUSE).await;
    }
    false
}
