//! The rules of topics.

use super::*;

#[test]
fn a_topic_is_spread_over_the_registered_brokers() {
    let mut cluster = Cluster::with_topic(false);
    let outcome = cluster.create("clicks", Uuid::from_u128(1), 4, 2, TopicConfig::default());
    assert_eq!(outcome.answer, Ok(Answer::Done));
    assert_eq!(outcome.changes.len(), 4);
    let partitions = &cluster.state.topics["clicks"].partitions;
    let leaders: Vec<_> = partitions.iter().map(|partition| partition.leader.expect("all alive").0).collect();
    assert_eq!(leaders, [1, 2, 3, 1]);
    assert_eq!((&partitions[2].replicas, &partitions[2].isr), (&ids(&[3, 1]), &ids(&[1, 3])));
}

#[test]
fn a_topic_created_beside_a_fenced_broker_starts_without_it_in_the_isr() {
    let mut cluster = Cluster::with_topic(false);
    cluster.fence(1);
    cluster.create("clicks", Uuid::from_u128(1), 1, 3, TopicConfig::default());
    let partition = &cluster.state.topics["clicks"].partitions[0];
    assert_eq!((&partition.replicas, &partition.isr), (&ids(&[1, 2, 3]), &ids(&[2, 3])));
    assert_eq!(partition.leader, Some(BrokerId(2)));
}

#[test]
fn topics_that_are_refused() {
    let mut cluster = Cluster::with_topic(false);
    cluster.fence(2);
    let other = Uuid::from_u128(1);
    let config = TopicConfig::default();
    let cases = [
        (cluster.create("orders", other, 1, 1, config), Rejection::TopicExists),
        (cluster.create("clicks", other, 1, 4, config), Rejection::InvalidReplicationFactor),
        (cluster.create("clicks", other, 1, 0, config), Rejection::InvalidReplicationFactor),
        (cluster.create("clicks", other, 2, 1, config), Rejection::InvalidReplicationFactor),
        (cluster.create("clicks", other, 0, 1, config), Rejection::InvalidPartitions),
        (cluster.create("clicks", other, PARTITIONS_MAX + 1, 1, config), Rejection::InvalidPartitions),
    ];
    for (outcome, rejection) in cases {
        assert_eq!(outcome, rejected(rejection));
    }
    assert_eq!(cluster.state.topics.len(), 1);
}

#[test]
fn creating_the_same_topic_twice_changes_nothing_more() {
    let mut cluster = Cluster::with_topic(false);
    assert_eq!(cluster.create("orders", TOPIC, 1, 3, TopicConfig::default()), nothing_new());
}

#[test]
fn a_deleted_topic_is_gone_and_its_name_free() {
    let mut cluster = Cluster::with_topic(false);
    assert_eq!(cluster.apply(Command::DeleteTopic { id: TOPIC }).answer, Ok(Answer::Done));
    assert_eq!(cluster.state.topics.len(), 0);
    assert_eq!(cluster.apply(Command::DeleteTopic { id: TOPIC }), rejected(Rejection::UnknownTopicId));
    let recreated = cluster.create("orders", Uuid::from_u128(1), 1, 1, TopicConfig::default());
    assert_eq!(recreated.answer, Ok(Answer::Done));
}
