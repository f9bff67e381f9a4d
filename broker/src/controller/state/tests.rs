//! Every rule of [`ClusterState::apply`], case by case.

use super::*;

mod alterations;
mod mutants;
mod topics;

/// A cluster's log in the making: each command is applied as the current controller's next one.
struct Cluster {
    state: ClusterState,
    sequence: u64,
}

const TOPIC: Uuid = Uuid::from_u128(0xcafe);

fn ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

impl Cluster {
    /// `b1` is the controller in epoch 1; nobody is registered.
    fn new() -> Self {
        let mut cluster = Self { state: ClusterState::default(), sequence: 0 };
        cluster.become_controller(1, 1, 1).answer.expect("the first controller is taken");
        cluster
    }

    /// Brokers 1 to 3 are alive, and `orders` has one partition, led by 1 with all three in the ISR.
    fn with_topic(unclean_leader_election: bool) -> Self {
        let mut cluster = Self::new();
        for broker in 1..=3 {
            cluster.register(broker, 1);
            cluster.unfence(broker);
        }
        let config = TopicConfig { unclean_leader_election, ..TopicConfig::default() };
        cluster.create("orders", TOPIC, 1, 3, config).answer.expect("three brokers hold three replicas");
        cluster
    }

    fn apply_in(&mut self, quorum_epoch: i32, proposal: Option<&Proposal>) -> Outcome {
        self.state.apply(self.state.offset.next(), ControllerEpoch(quorum_epoch), proposal)
    }

    fn apply_as(&mut self, controller_epoch: ControllerEpoch, command: Command) -> Outcome {
        self.sequence += 1;
        let proposal = Proposal { controller_epoch, sequence: self.sequence, command };
        self.apply_in(self.state.controller_epoch.0, Some(&proposal))
    }

    fn apply(&mut self, command: Command) -> Outcome {
        self.apply_as(self.state.controller_epoch, command)
    }

    fn become_controller(&mut self, node: i32, epoch: i32, quorum_epoch: i32) -> Outcome {
        let command = Command::BecomeController { node: BrokerId(node) };
        let proposal = Proposal { controller_epoch: ControllerEpoch(epoch), sequence: 0, command };
        self.apply_in(quorum_epoch, Some(&proposal))
    }

    fn register(&mut self, broker: i32, incarnation: u128) -> Outcome {
        self.apply(Command::RegisterBroker {
            broker: BrokerId(broker),
            incarnation: Uuid::from_u128(incarnation),
            host: format!("b{broker}"),
            port: 9092,
        })
    }

    fn epoch(&self, broker: i32) -> BrokerEpoch {
        self.state.brokers[&BrokerId(broker)].epoch
    }

    fn fence(&mut self, broker: i32) -> Outcome {
        let broker_epoch = self.epoch(broker);
        self.apply(Command::FenceBroker { broker: BrokerId(broker), broker_epoch })
    }

    fn unfence(&mut self, broker: i32) -> Outcome {
        let broker_epoch = self.epoch(broker);
        self.apply(Command::UnfenceBroker { broker: BrokerId(broker), broker_epoch })
    }

    fn shut_down(&mut self, broker: i32) -> Outcome {
        let broker_epoch = self.epoch(broker);
        self.apply(Command::BeginShutdown { broker: BrokerId(broker), broker_epoch })
    }

    fn create(
        &mut self,
        name: &str,
        id: Uuid,
        partitions: u32,
        replication: u32,
        config: TopicConfig,
    ) -> Outcome {
        self.apply(Command::CreateTopic { name: name.into(), id, partitions, replication, config })
    }

    /// What the leader of `orders/0` would ask for now: the ISR `isr`, everything else as it should be.
    fn alteration(&self, isr: &[i32]) -> Alteration {
        Alteration {
            topic_id: TOPIC,
            partition: 0,
            leader_epoch: self.orders().leader_epoch,
            partition_epoch: self.orders().partition_epoch,
            new_isr: isr.iter().map(|member| (BrokerId(*member), self.epoch(*member))).collect(),
        }
    }

    fn alter(
        &mut self,
        broker: i32,
        alteration: Alteration,
    ) -> (Result<PartitionRecord, Rejection>, Vec<Change>) {
        let broker_epoch = self.epoch(broker);
        let alterations = vec![alteration];
        let outcome =
            self.apply(Command::AlterPartition { broker: BrokerId(broker), broker_epoch, alterations });
        match outcome.answer {
            Ok(Answer::Altered(results)) => (results[0].clone(), outcome.changes),
            other => panic!("an alteration is answered per partition, not by {other:?}"),
        }
    }

    fn orders(&self) -> &PartitionRecord {
        self.state.partition(&TopicPartition::new("orders", 0)).expect("the topic was created")
    }

    /// Leader (0: none), ISR, leader epoch and partition epoch of `orders/0`.
    fn summary(&self) -> (i32, Vec<i32>, i32, i32) {
        let PartitionRecord { leader, isr, leader_epoch, partition_epoch, .. } = self.orders();
        let isr = isr.iter().map(|member| member.0).collect();
        (leader.map_or(0, |leader| leader.0), isr, leader_epoch.0, partition_epoch.0)
    }
}

fn partition_change(unclean: bool) -> Change {
    Change::Partition { partition: TopicPartition::new("orders", 0), unclean }
}

fn broker_change(broker: i32) -> Change {
    Change::Broker(BrokerId(broker))
}

/// What a command that is rejected comes to.
fn rejected(rejection: Rejection) -> Outcome {
    Outcome { answer: Err(rejection), changes: Vec::new() }
}

/// What a command that changes nothing more comes to.
fn nothing_new() -> Outcome {
    Outcome { answer: Ok(Answer::Done), changes: Vec::new() }
}

#[test]
fn the_empty_entry_changes_nothing_but_the_offset() {
    let mut cluster = Cluster::with_topic(false);
    let before = cluster.state.clone();
    assert_eq!(cluster.apply_in(2, None), nothing_new());
    assert_eq!(cluster.state, ClusterState { offset: before.offset.next(), ..before });
}

#[test]
#[should_panic(expected = "applied in order")]
fn an_entry_is_not_applied_twice() {
    let mut cluster = Cluster::new();
    cluster.state.apply(cluster.state.offset, ControllerEpoch(1), None);
}

#[test]
fn controllers_follow_each_other_by_epoch() {
    let mut cluster = Cluster::new();
    assert_eq!(cluster.become_controller(2, 5, 5).changes, [Change::Controller]);
    assert_eq!(
        (cluster.state.controller, cluster.state.controller_epoch),
        (Some(BrokerId(2)), ControllerEpoch(5))
    );
    assert_eq!(cluster.become_controller(2, 5, 5), nothing_new(), "the same again");
    assert_eq!(cluster.become_controller(3, 5, 5), rejected(Rejection::StaleController), "one an epoch");
    assert_eq!(cluster.become_controller(3, 4, 4), rejected(Rejection::StaleController), "a lower epoch");
    assert_eq!(cluster.become_controller(3, 6, 8), rejected(Rejection::StaleController), "of a former term");
    assert_eq!(cluster.state.controller, Some(BrokerId(2)));
}

#[test]
fn commands_of_another_controller_epoch_are_dropped() {
    let mut cluster = Cluster::with_topic(false);
    cluster.become_controller(2, 4, 4).answer.expect("a higher epoch is taken");
    let broker_epoch = cluster.epoch(1);
    let fence = Command::FenceBroker { broker: BrokerId(1), broker_epoch };
    for epoch in [1, 3, 5] {
        let outcome = cluster.apply_as(ControllerEpoch(epoch), fence.clone());
        assert_eq!(outcome, rejected(Rejection::StaleController), "epoch {epoch}");
    }
    assert!(cluster.state.is_alive(BrokerId(1)));
    assert_eq!(cluster.apply(fence).changes, [broker_change(1), partition_change(false)]);
}

#[test]
fn a_registration_is_fenced_and_its_epoch_is_its_offset() {
    let mut cluster = Cluster::new();
    let outcome = cluster.register(1, 7);
    assert_eq!(outcome.answer, Ok(Answer::Registered(BrokerEpoch(2))));
    assert_eq!(outcome.changes, [broker_change(1)]);
    let expected = BrokerRecord {
        epoch: BrokerEpoch(2),
        incarnation: Uuid::from_u128(7),
        host: "b1".to_owned(),
        port: 9092,
        fenced: true,
        shutting_down: false,
    };
    assert_eq!(cluster.state.brokers[&BrokerId(1)], expected);
}

#[test]
fn the_same_incarnation_keeps_its_registration() {
    let mut cluster = Cluster::with_topic(false);
    let before = cluster.state.clone();
    let outcome = cluster.register(1, 1);
    assert_eq!(outcome.answer, Ok(Answer::Registered(before.brokers[&BrokerId(1)].epoch)));
    assert_eq!(outcome.changes, []);
    assert_eq!(cluster.state.brokers, before.brokers, "not fenced by the repetition");
}

#[test]
fn a_new_incarnation_leaves_isr_and_leadership_at_once() {
    let mut cluster = Cluster::with_topic(false);
    let outcome = cluster.register(1, 2);
    assert_eq!(outcome.changes, [broker_change(1), partition_change(false)]);
    assert_eq!(cluster.summary(), (2, vec![2, 3], 1, 1));
    cluster.register(3, 2);
    assert_eq!(cluster.summary(), (2, vec![2], 1, 2), "a follower leaves without a new leader epoch");
}

#[test]
fn a_new_incarnation_of_the_last_isr_member_stays_in_it_and_leads_once_unfenced() {
    let mut cluster = Cluster::with_topic(false);
    cluster.fence(2);
    cluster.fence(3);
    assert_eq!(cluster.summary(), (1, vec![1], 0, 2));
    cluster.register(1, 2);
    assert_eq!(cluster.summary(), (0, vec![1], 1, 3), "no leader before it is unfenced");
    cluster.unfence(2);
    assert_eq!(cluster.summary(), (0, vec![1], 1, 3), "others are not in the isr");
    cluster.unfence(1);
    assert_eq!(cluster.summary(), (1, vec![1], 2, 4));
}

#[test]
fn a_shutdown_ends_with_the_next_incarnation() {
    let mut cluster = Cluster::with_topic(false);
    cluster.shut_down(1);
    cluster.register(1, 2);
    cluster.unfence(1);
    assert!(cluster.state.is_alive(BrokerId(1)));
}

#[test]
fn a_broker_is_changed_by_its_current_epoch_only() {
    let mut cluster = Cluster::with_topic(false);
    let former = cluster.epoch(2);
    cluster.register(2, 2);
    let before = cluster.state.clone();
    for (broker, broker_epoch) in [(2, former), (2, BrokerEpoch(999)), (9, BrokerEpoch(0))] {
        let broker = BrokerId(broker);
        let commands = [
            Command::FenceBroker { broker, broker_epoch },
            Command::UnfenceBroker { broker, broker_epoch },
            Command::BeginShutdown { broker, broker_epoch },
            Command::AlterPartition { broker, broker_epoch, alterations: Vec::new() },
        ];
        for command in commands {
            assert_eq!(cluster.apply(command), rejected(Rejection::StaleBrokerEpoch));
        }
    }
    assert_eq!((&cluster.state.brokers, &cluster.state.topics), (&before.brokers, &before.topics));
}

#[test]
fn fencing_and_unfencing_twice_changes_nothing_more() {
    let mut cluster = Cluster::with_topic(false);
    assert_eq!(cluster.unfence(1), nothing_new());
    assert_eq!(cluster.fence(1).changes, [broker_change(1), partition_change(false)]);
    assert_eq!(cluster.fence(1), nothing_new());
    assert_eq!(cluster.summary(), (2, vec![2, 3], 1, 1));
    assert_eq!(cluster.unfence(1).changes, [broker_change(1)], "back, but not in the isr by itself");
    assert_eq!(cluster.summary(), (2, vec![2, 3], 1, 1));
}

#[test]
fn all_brokers_fenced_leave_the_last_one_in_the_isr() {
    let mut cluster = Cluster::with_topic(false);
    for broker in 1..=3 {
        cluster.fence(broker);
    }
    assert_eq!(cluster.summary(), (0, vec![3], 3, 3));
    cluster.unfence(1);
    assert_eq!(cluster.summary(), (0, vec![3], 3, 3));
    cluster.unfence(3);
    assert_eq!(cluster.summary(), (3, vec![3], 4, 4));
}

#[test]
fn an_unclean_election_takes_the_first_alive_of_the_assignment() {
    let mut cluster = Cluster::with_topic(true);
    for broker in [2, 3] {
        cluster.fence(broker);
    }
    assert_eq!(cluster.summary(), (1, vec![1], 0, 2));
    cluster.unfence(3);
    assert_eq!(cluster.fence(1).changes, [broker_change(1), partition_change(true)]);
    assert_eq!(cluster.summary(), (3, vec![3], 1, 3));
    assert!(cluster.orders().recovering);
}

#[test]
fn an_unclean_election_waits_for_the_first_replica_to_come_back() {
    let mut cluster = Cluster::with_topic(true);
    for broker in 1..=3 {
        cluster.fence(broker);
    }
    assert_eq!(cluster.summary(), (0, vec![3], 3, 3));
    assert!(!cluster.orders().recovering);
    assert_eq!(cluster.unfence(2).changes, [broker_change(2), partition_change(true)]);
    assert_eq!(cluster.summary(), (2, vec![2], 4, 4));
}

#[test]
fn recovery_ends_with_the_leaders_next_change_of_the_isr() {
    let mut cluster = Cluster::with_topic(true);
    for broker in 1..=3 {
        cluster.fence(broker);
    }
    cluster.unfence(2);
    let (altered, changes) = cluster.alter(2, cluster.alteration(&[2]));
    assert_eq!(changes, [partition_change(false)], "the same isr, but recovered");
    assert!(!altered.expect("the leader's request is valid").recovering);
    assert_eq!(cluster.summary(), (2, vec![2], 4, 5));
}

#[test]
fn a_controlled_shutdown_hands_leaderships_on() {
    let mut cluster = Cluster::with_topic(false);
    assert_eq!(cluster.shut_down(1).changes, [broker_change(1), partition_change(false)]);
    assert_eq!(cluster.summary(), (2, vec![2, 3], 1, 1));
    assert_eq!(cluster.shut_down(1), nothing_new());
    assert_eq!(cluster.unfence(1), nothing_new(), "it is not fenced");
    assert_eq!(cluster.fence(1).changes, [broker_change(1)]);
    assert_eq!(cluster.unfence(1), nothing_new(), "it is not taken in again");
    assert!(cluster.state.brokers[&BrokerId(1)].fenced);
}

#[test]
fn a_controlled_shutdown_of_the_last_isr_member_leaves_no_leader() {
    let mut cluster = Cluster::with_topic(false);
    cluster.fence(2);
    cluster.fence(3);
    cluster.unfence(2);
    cluster.shut_down(1);
    assert_eq!(cluster.summary(), (0, vec![1], 1, 3));
}

#[test]
fn a_proposal_reads_back_from_its_entry() {
    let proposal = Proposal {
        controller_epoch: ControllerEpoch(3),
        sequence: 9,
        command: Command::CreateTopic {
            name: "orders".into(),
            id: TOPIC,
            partitions: 2,
            replication: 3,
            config: TopicConfig::default(),
        },
    };
    assert_eq!(Proposal::decode(&proposal.encode()).expect("our own bytes"), Some(proposal));
    assert_eq!(Proposal::decode(b"").expect("the empty entry"), None);
    assert!(Proposal::decode(b"{}").is_err());
}
