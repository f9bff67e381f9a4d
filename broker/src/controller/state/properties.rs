//! What holds of [`ClusterState`] after any sequence of commands.

use proptest::prelude::*;

use super::*;

const BROKERS: std::ops::RangeInclusive<i32> = 1..=4;

/// A command still to be aimed: epochs and ids are taken from the state that it meets, off by the given
/// number, so that most are valid and some are stale.
#[derive(Clone, Debug)]
enum Step {
    Become { node: i32, ahead: i32 },
    Register { broker: i32, incarnation: u8 },
    Unfence { broker: i32, off: i64 },
    Fence { broker: i32, off: i64 },
    ShutDown { broker: i32, off: i64 },
    Alter { topic: u8, partition: i32, by: Option<i32>, isr: Vec<i32>, off: i32 },
    Create { topic: u8, id: u8, partitions: u32, replication: u32, unclean: bool },
    Delete { topic: u8 },
    Empty,
    Again,
}

fn step() -> impl Strategy<Value = Step> {
    let off = prop_oneof![8 => Just(0), 1 => -1..2i32];
    let broker_off = off.clone().prop_map(i64::from);
    let topic = 0..2u8;
    prop_oneof![
        1 => (1..=3, 0..2).prop_map(|(node, ahead)| Step::Become { node, ahead }),
        3 => (BROKERS, 0..3u8).prop_map(|(broker, incarnation)| Step::Register { broker, incarnation }),
        8 => (BROKERS, broker_off.clone()).prop_map(|(broker, off)| Step::Unfence { broker, off }),
        4 => (BROKERS, broker_off.clone()).prop_map(|(broker, off)| Step::Fence { broker, off }),
        1 => (BROKERS, broker_off).prop_map(|(broker, off)| Step::ShutDown { broker, off }),
        12 => (
            topic.clone(),
            0..3,
            proptest::option::weighted(0.1, BROKERS),
            proptest::collection::vec(BROKERS, 0..4),
            off,
        )
            .prop_map(|(topic, partition, by, isr, off)| Step::Alter { topic, partition, by, isr, off }),
        3 => (topic.clone(), 0..4u8, 0..4u32, 0..4u32, any::<bool>()).prop_map(
            |(topic, id, partitions, replication, unclean)| Step::Create {
                topic, id, partitions, replication, unclean
            }
        ),
        1 => topic.prop_map(|topic| Step::Delete { topic }),
        1 => Just(Step::Empty),
        2 => Just(Step::Again),
    ]
}

fn topic_name(topic: u8) -> Arc<str> {
    format!("topic-{topic}").into()
}

/// The command that a step stands for in `state`. `None` is the empty entry.
fn aim(state: &ClusterState, step: &Step) -> Option<Command> {
    let epoch = |broker, off| {
        BrokerEpoch(state.brokers.get(&BrokerId(broker)).map_or(0, |record| record.epoch.0) + off)
    };
    let command = match step.clone() {
        Step::Become { node, .. } => Command::BecomeController { node: BrokerId(node) },
        Step::Register { broker, incarnation } => Command::RegisterBroker {
            broker: BrokerId(broker),
            incarnation: Uuid::from_u128(incarnation.into()),
            host: format!("b{broker}"),
            port: 9092,
        },
        Step::Unfence { broker, off } => {
            Command::UnfenceBroker { broker: BrokerId(broker), broker_epoch: epoch(broker, off) }
        }
        Step::Fence { broker, off } => {
            Command::FenceBroker { broker: BrokerId(broker), broker_epoch: epoch(broker, off) }
        }
        Step::ShutDown { broker, off } => {
            Command::BeginShutdown { broker: BrokerId(broker), broker_epoch: epoch(broker, off) }
        }
        Step::Alter { topic, partition, by, isr, off } => {
            let name = topic_name(topic);
            let record = state.partition(&TopicPartition::new(Arc::clone(&name), partition));
            let leader =
                by.unwrap_or_else(|| record.and_then(|record| record.leader).map_or(1, |leader| leader.0));
            let members = std::iter::once(leader).chain(isr);
            Command::AlterPartition {
                broker: BrokerId(leader),
                broker_epoch: epoch(leader, 0),
                alterations: vec![Alteration {
                    topic_id: state.topics.get(&name).map_or(Uuid::nil(), |topic| topic.id),
                    partition,
                    leader_epoch: LeaderEpoch(record.map_or(0, |record| record.leader_epoch.0) + off),
                    partition_epoch: PartitionEpoch(record.map_or(0, |record| record.partition_epoch.0)),
                    new_isr: members.map(|member| (BrokerId(member), epoch(member, 0))).collect(),
                }],
            }
        }
        Step::Create { topic, id, partitions, replication, unclean } => Command::CreateTopic {
            name: topic_name(topic),
            // Ids are never shared between names.
            id: Uuid::from_u128(u128::from(topic) * 100 + u128::from(id) + 1),
            partitions,
            replication,
            config: TopicConfig { min_insync_replicas: 1, unclean_leader_election: unclean },
        },
        Step::Delete { topic } => Command::DeleteTopic {
            id: state.topics.get(&topic_name(topic)).map_or(Uuid::nil(), |topic| topic.id),
        },
        Step::Empty | Step::Again => return None,
    };
    Some(command)
}

/// The log that the steps make, each entry with its quorum epoch.
fn log(steps: &[Step]) -> Vec<(ControllerEpoch, Option<Proposal>)> {
    let mut state = ClusterState::default();
    let mut entries: Vec<(ControllerEpoch, Option<Proposal>)> = Vec::new();
    let first = Step::Become { node: 1, ahead: 1 };
    for (sequence, step) in (0..).zip(std::iter::once(&first).chain(steps)) {
        let entry = match step {
            Step::Again => entries.last().cloned().expect("the first step is another"),
            _ => {
                let ahead = if let Step::Become { ahead, .. } = step { *ahead } else { 0 };
                let epoch = ControllerEpoch(state.controller_epoch.0 + ahead);
                let proposal =
                    aim(&state, step).map(|command| Proposal { controller_epoch: epoch, sequence, command });
                (epoch, proposal)
            }
        };
        state.apply(state.offset.next(), entry.0, entry.1.as_ref());
        entries.push(entry);
    }
    entries
}

fn replay(log: &[(ControllerEpoch, Option<Proposal>)]) -> ClusterState {
    let mut state = ClusterState::default();
    for (epoch, proposal) in log {
        state.apply(state.offset.next(), *epoch, proposal.as_ref());
    }
    state
}

/// The invariants of one state (W8, W14, W15, W16).
fn check_state(state: &ClusterState) {
    for (name, topic) in &state.topics {
        for (number, partition) in topic.partitions.iter().enumerate() {
            let PartitionRecord { replicas, isr, leader, .. } = partition;
            assert!(!isr.is_empty(), "{name}/{number}: empty isr");
            assert!(isr.is_sorted_by(|a, b| a < b), "{name}/{number}: isr not sorted and distinct");
            assert!(isr.iter().all(|member| replicas.contains(member)), "{name}/{number}: isr not assigned");
            assert!(
                leader.is_none_or(|leader| isr.contains(&leader) && state.is_alive(leader)),
                "{name}/{number}: the leader is outside the isr or not alive"
            );
            assert!(
                isr.len() == 1 || isr.iter().all(|member| state.is_alive(*member)),
                "{name}/{number}: a broker that is not alive shares an isr"
            );
            assert!(
                leader.is_some() || !isr.iter().any(|member| state.is_alive(*member)),
                "{name}/{number}: leaderless, though a member of the isr is alive"
            );
            assert!(
                leader.is_some()
                    || !topic.config.unclean_leader_election
                    || !replicas.iter().any(|replica| state.is_alive(*replica)),
                "{name}/{number}: leaderless, though an unclean leader is allowed and alive"
            );
        }
    }
}

/// The invariants of one step: epochs only grow, and exactly with what they count (W12, W13); the outcome
/// names what is different.
fn check_step(before: &ClusterState, after: &ClusterState, outcome: &Outcome) {
    assert!(after.controller_epoch >= before.controller_epoch);
    if after.controller != before.controller {
        assert!(after.controller_epoch > before.controller_epoch, "one controller an epoch");
    }
    for (id, record) in &after.brokers {
        let former = before.brokers.get(id);
        assert!(former.is_none_or(|former| former.epoch <= record.epoch), "{id}: broker epoch fell");
        let told = outcome.changes.contains(&Change::Broker(*id));
        assert_eq!(told, former != Some(record), "{id}: what changed is told");
    }
    for (name, topic) in &after.topics {
        let former = before.topics.get(name).filter(|former| former.id == topic.id);
        for (number, partition) in (0..).zip(&topic.partitions) {
            let former = former.map(|former| &former.partitions[number as usize]);
            let told = outcome.changes.iter().find_map(|change| match change {
                Change::Partition { partition, unclean }
                    if *partition == TopicPartition::new(&**name, number) =>
                {
                    Some(*unclean)
                }
                _ => None,
            });
            assert_eq!(told.is_some(), former != Some(partition), "{name}/{number}: what changed is told");
            let Some(former) = former else { continue };
            let led_anew = i32::from(former.leader != partition.leader);
            let changed = i32::from(former != partition);
            assert_eq!(partition.leader_epoch.0, former.leader_epoch.0 + led_anew, "{name}/{number}");
            assert_eq!(partition.partition_epoch.0, former.partition_epoch.0 + changed, "{name}/{number}");
            let unclean = partition.leader.is_some_and(|leader| !former.isr.contains(&leader));
            assert_eq!(told.unwrap_or(false), unclean, "{name}/{number}: unclean is told");
            assert!(!unclean || topic.config.unclean_leader_election, "{name}/{number}: not allowed");
        }
    }
    if outcome.answer.is_err() {
        assert_eq!(outcome.changes, [], "a rejected command has no effect");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_keeps_the_invariants(steps in proptest::collection::vec(step(), 0..80)) {
        let mut state = ClusterState::default();
        for (epoch, proposal) in log(&steps) {
            let before = state.clone();
            let outcome = state.apply(state.offset.next(), epoch, proposal.as_ref());
            check_state(&state);
            check_step(&before, &state, &outcome);
        }
    }

    #[test]
    fn any_entry_applied_twice_in_a_row_changes_nothing_more(steps in proptest::collection::vec(step(), 0..60)) {
        let entries = log(&steps);
        let (epoch, proposal) = entries.last().expect("there is always a first entry");
        let mut state = replay(&entries);
        let before = state.clone();
        let again = state.apply(state.offset.next(), *epoch, proposal.as_ref());
        prop_assert_eq!(&again.changes, &[]);
        prop_assert_eq!(state, ClusterState { offset: before.offset.next(), ..before });
    }

    #[test]
    fn a_replay_and_a_snapshot_in_its_midst_come_to_the_same_state(
        steps in proptest::collection::vec(step(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let entries = log(&steps);
        let whole = replay(&entries);
        prop_assert_eq!(&whole, &replay(&entries));
        let (head, tail) = entries.split_at(cut.index(entries.len() + 1));
        let mut state = ClusterState::from_snapshot(&replay(head).snapshot()).expect("our own bytes");
        for (epoch, proposal) in tail {
            let entry = proposal.as_ref().map_or_else(Bytes::new, Proposal::encode);
            let proposal = Proposal::decode(&entry).expect("our own bytes");
            state.apply(state.offset.next(), *epoch, proposal.as_ref());
        }
        prop_assert_eq!(state, whole);
    }
}
