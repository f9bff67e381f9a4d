//! The rules of changes to ISRs.

use super::*;

#[test]
fn a_leader_shrinks_and_grows_the_isr_without_a_new_leader_epoch() {
    let mut cluster = Cluster::with_topic(false);
    let (altered, changes) = cluster.alter(1, cluster.alteration(&[1, 3]));
    assert_eq!((altered.as_ref(), &changes[..]), (Ok(cluster.orders()), &[partition_change(false)][..]));
    assert_eq!(cluster.summary(), (1, vec![1, 3], 0, 1));
    let (_, changes) = cluster.alter(1, cluster.alteration(&[3, 2, 1]));
    assert_eq!(changes, [partition_change(false)]);
    assert_eq!(cluster.summary(), (1, vec![1, 2, 3], 0, 2), "kept sorted");
    // Confirmed, so that no proposal under the old partition epoch can be carried out any more.
    let (altered, changes) = cluster.alter(1, cluster.alteration(&[1, 2, 3]));
    assert_eq!((altered.as_ref(), &changes[..]), (Ok(cluster.orders()), &[partition_change(false)][..]));
    assert_eq!(cluster.summary(), (1, vec![1, 2, 3], 0, 3));
}

#[test]
fn alterations_that_are_refused() {
    struct Case {
        name: &'static str,
        broker: i32,
        spoil: fn(&mut Alteration),
        rejection: Rejection,
    }
    let cases = [
        Case {
            name: "unknown topic id",
            broker: 1,
            spoil: |asked| asked.topic_id = Uuid::nil(),
            rejection: Rejection::UnknownTopicId,
        },
        Case {
            name: "unknown partition",
            broker: 1,
            spoil: |asked| asked.partition = 1,
            rejection: Rejection::UnknownPartition,
        },
        Case {
            name: "negative partition",
            broker: 1,
            spoil: |asked| asked.partition = -1,
            rejection: Rejection::UnknownPartition,
        },
        Case {
            name: "older leader epoch",
            broker: 1,
            spoil: |asked| asked.leader_epoch.0 -= 1,
            rejection: Rejection::FencedLeaderEpoch,
        },
        Case {
            name: "newer leader epoch",
            broker: 1,
            spoil: |asked| asked.leader_epoch.0 += 1,
            rejection: Rejection::AheadOfController,
        },
        Case {
            name: "older partition epoch",
            broker: 1,
            spoil: |asked| asked.partition_epoch.0 -= 1,
            rejection: Rejection::InvalidUpdateVersion,
        },
        Case {
            name: "newer partition epoch",
            broker: 1,
            spoil: |asked| asked.partition_epoch.0 += 1,
            rejection: Rejection::AheadOfController,
        },
        Case { name: "not by the leader", broker: 2, spoil: |_| (), rejection: Rejection::NotLeader },
        Case {
            name: "an empty isr",
            broker: 1,
            spoil: |asked| asked.new_isr.clear(),
            rejection: Rejection::InvalidIsr,
        },
        Case {
            name: "an isr without the leader",
            broker: 1,
            spoil: |asked| asked.new_isr.retain(|(member, _)| *member != BrokerId(1)),
            rejection: Rejection::InvalidIsr,
        },
        Case {
            name: "a broker that holds no replica",
            broker: 1,
            spoil: |asked| asked.new_isr.push((BrokerId(4), BrokerEpoch(0))),
            rejection: Rejection::InvalidIsr,
        },
        Case {
            name: "a former registration of a member",
            broker: 1,
            spoil: |asked| asked.new_isr[1].1.0 -= 1,
            rejection: Rejection::IneligibleReplica,
        },
        Case {
            name: "a member whose registration the leader does not know",
            broker: 1,
            spoil: |asked| asked.new_isr[1].1 = BrokerEpoch(-1),
            rejection: Rejection::IneligibleReplica,
        },
    ];
    for case in cases {
        let mut cluster = Cluster::with_topic(false);
        // Some history, so that lower epochs exist.
        cluster.shut_down(3);
        cluster.register(3, 2);
        cluster.unfence(3);
        cluster.fence(1);
        cluster.unfence(1);
        let (altered, _) = cluster.alter(2, cluster.alteration(&[1, 2, 3]));
        altered.expect("all are alive");
        cluster.fence(2);
        cluster.unfence(2);
        let leader = if cluster.orders().leader == Some(BrokerId(1)) { 1 } else { 3 };
        assert_eq!(leader, 1, "the first of the assignment leads");
        let before = cluster.state.topics.clone();

        let mut asked = cluster.alteration(&[1, 2, 3]);
        (case.spoil)(&mut asked);
        let (altered, changes) = cluster.alter(case.broker, asked);
        assert_eq!((altered, changes), (Err(case.rejection), Vec::new()), "{}", case.name);
        assert_eq!(cluster.state.topics, before, "{}", case.name);
    }
}

#[test]
fn fenced_and_stopping_replicas_are_ineligible() {
    for stop in [Cluster::fence, Cluster::shut_down] {
        let mut cluster = Cluster::with_topic(false);
        stop(&mut cluster, 3);
        let (altered, changes) = cluster.alter(1, cluster.alteration(&[1, 2, 3]));
        assert_eq!((altered, changes), (Err(Rejection::IneligibleReplica), Vec::new()));
    }
}

#[test]
fn the_same_alteration_twice_takes_effect_once() {
    let mut cluster = Cluster::with_topic(false);
    let shrink = cluster.alteration(&[1, 2]);
    cluster.alter(1, shrink.clone()).0.expect("the leader's request is valid");
    let (again, changes) = cluster.alter(1, shrink);
    assert_eq!((again, changes), (Err(Rejection::InvalidUpdateVersion), Vec::new()));
    assert_eq!(cluster.summary(), (1, vec![1, 2], 0, 1));
}

#[test]
fn each_alteration_of_a_request_stands_alone() {
    let mut cluster = Cluster::with_topic(false);
    let (good, mut bad) = (cluster.alteration(&[1, 2]), cluster.alteration(&[1, 2]));
    bad.partition = 5;
    let broker_epoch = cluster.epoch(1);
    let alterations = vec![bad, good];
    let outcome = cluster.apply(Command::AlterPartition { broker: BrokerId(1), broker_epoch, alterations });
    let results = vec![Err(Rejection::UnknownPartition), Ok(cluster.orders().clone())];
    assert_eq!(
        outcome,
        Outcome { answer: Ok(Answer::Altered(results)), changes: vec![partition_change(false)] }
    );
}
