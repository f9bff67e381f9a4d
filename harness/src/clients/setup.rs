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

/// Waits for all brokers, creates the topics, and waits until the whole cluster has settled. `false` if the run gave up first.
pub(super) async fn prepare(
    client: &mut impl Client,
    plan: &Plan,
    phases: &Phases,
    progress: &Progress,
) -> bool {
    let brokers: Vec<Host> = (1..=plan.cluster.brokers).map(Host::Broker).collect();
    let partitions = plan.topics.iter().flat_map(|topic| partitions_of(plan, &topic.name).to_vec()).collect();
    // Replicas are spread over the brokers that serve when the topic is created: all of them, then.
    let nothing_yet = Scope { brokers: brokers.clone(), partitions: BTreeSet::new() };
    let everything = Scope { brokers, partitions };
    let mut created = false;
    while phases.now() < Phase::Drain {
        let scope = if created { &everything } else { &nothing_yet };
        let reason = match client.settled(scope, ATTEMPT_TIMEOUT).await {
            Settled::Yes(_) if created => return true,
            Settled::Yes(_) => match client.create_topics(&plan.topics, ATTEMPT_TIMEOUT).await {
                Ok(()) => {
                    created = true;
                    continue;
                }
                Err(reason) => reason,
            },
            Settled::NotYet(reason) => reason,
        };
        progress.enter(Stage::Preparing(reason));
        sleep(ATTEMPT_PAUSE).await;
    }
    false
}
