//! The Kafka client against scripted brokers in the simulated world: what it asks, and what it makes of answers.

mod scripted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use highwater::system::{Client, PartitionPoll, Scope, SendOutcome, Settled};
use highwater_checkers::ids::{LeaderEpoch, Offset, TopicPartition, Value};
use highwater_checkers::operation::{Acks, Record};
use highwater_workloads::Host;
use highwater_workloads::scenario::{Config, Topic};
use scripted::{Brokers, NOBODY, with_client};
use tokio::time::Instant;

const LIMIT: Duration = Duration::from_secs(2);
const WAIT: Duration = Duration::from_millis(500);

fn orders(partition: i32) -> TopicPartition {
    TopicPartition::new("orders", partition)
}

fn at(partition: i32, offset: i64) -> BTreeMap<TopicPartition, Offset> {
    BTreeMap::from([(orders(partition), Offset(offset))])
}

fn error(polled: &BTreeMap<TopicPartition, PartitionPoll>, partition: i32) -> String {
    match &polled[&orders(partition)] {
        PartitionPoll::Error(reason) => reason.to_string(),
        other => panic!("no error but {other:?}"),
    }
}

#[test]
fn a_send_is_tried_once_and_the_next_one_finds_the_new_leader() {
    let brokers = Brokers::led_by(1);
    with_client(&brokers, |mut client, brokers| async move {
        let first = client.send(&orders(0), Value(70), Acks::All, LIMIT).await;
        assert_eq!(first, SendOutcome::Ok { offset: Some(Offset(0)) });
        brokers.elect(0, 2, 2);
        let second = client.send(&orders(0), Value(71), Acks::All, LIMIT).await;
        assert_eq!(second, SendOutcome::Info("NOT_LEADER_OR_FOLLOWER".into()));
        let third = client.send(&orders(0), Value(72), Acks::Leader, LIMIT).await;
        assert_eq!(third, SendOutcome::Ok { offset: Some(Offset(0)) });
    });
    assert_eq!((brokers.log(1, 0), brokers.log(2, 0)), (vec![70], vec![72]));
    assert_eq!(brokers.asked("produce"), 3);
}

#[test]
fn a_refusal_is_a_failure_and_no_reason_to_ask_for_the_leader() {
    let brokers = Brokers::led_by(1);
    brokers.refuse_sends(1, 19);
    with_client(&brokers, |mut client, _| async move {
        for value in 0..3 {
            let outcome = client.send(&orders(0), Value(value), Acks::All, LIMIT).await;
            assert_eq!(outcome, SendOutcome::Fail("NOT_ENOUGH_REPLICAS".into()));
        }
    });
    assert_eq!(brokers.asked("metadata"), 1);
}

#[test]
fn without_an_answer_in_time_the_outcome_is_unknown() {
    let brokers = Brokers::led_by(1);
    brokers.silence(1);
    with_client(&brokers, |mut client, _| async move {
        let begin = Instant::now();
        let outcome = client.send(&orders(0), Value(70), Acks::All, LIMIT).await;
        let SendOutcome::Info(reason) = outcome else { panic!("{outcome:?}") };
        assert!(reason.starts_with("no answer from b1:9092 within"), "{reason}");
        assert!(begin.elapsed() <= LIMIT + Duration::from_millis(10), "{:?}", begin.elapsed());
    });
}

#[test]
fn without_a_connection_nothing_was_sent() {
    let brokers = Brokers::led_by(1);
    brokers.stay_down(1);
    with_client(&brokers, |mut client, brokers| async move {
        let outcome = client.send(&orders(0), Value(70), Acks::All, LIMIT).await;
        let SendOutcome::Fail(reason) = outcome else { panic!("{outcome:?}") };
        assert!(reason.starts_with("cannot connect to b1:9092: "), "{reason}");
        brokers.elect(0, NOBODY, 2);
        let outcome = client.send(&orders(0), Value(71), Acks::All, LIMIT).await;
        assert_eq!(outcome, SendOutcome::Fail("no leader of orders/0 is known".into()));
    });
}

#[test]
fn a_send_with_acks_0_is_unknown_though_it_arrives() {
    let brokers = Brokers::led_by(2);
    with_client(&brokers, |mut client, _| async move {
        for value in [70, 71] {
            let outcome = client.send(&orders(0), Value(value), Acks::None, LIMIT).await;
            assert_eq!(outcome, SendOutcome::Info("acks=0".into()));
        }
        // An answered request on the same connection comes after them.
        client.send(&orders(0), Value(72), Acks::Leader, LIMIT).await;
    });
    assert_eq!(brokers.log(2, 0), [70, 71, 72]);
}

#[test]
fn the_active_controller_creates_topics() {
    let brokers = Brokers::led_by(1);
    with_client(&brokers, |mut client, _| async move {
        let topic = Topic { name: "orders".into(), partitions: 2, replication: 3, config: Config::default() };
        assert_eq!(client.create_topics(&[topic], LIMIT).await, Ok(()));
    });
    assert_eq!(brokers.asked("create-topics"), i64::from(scripted::CONTROLLER) as usize);
}

#[test]
fn one_poll_reads_all_partitions_of_a_leader() {
    let brokers = Brokers::led_by(3);
    brokers.fill(3, 0, &[70, 71, 72]);
    brokers.fill(3, 1, &[80]);
    with_client(&brokers, |mut client, _| async move {
        let positions = BTreeMap::from([(orders(0), Offset(1)), (orders(1), Offset(0))]);
        let read = |records: &[(i64, u64)], end| PartitionPoll::Read {
            records: records
                .iter()
                .map(|(at, value)| Record { offset: Offset(*at), value: Value(*value) })
                .collect(),
            next: Offset(end),
            high_watermark: Some(Offset(end)),
        };
        let polled = client.poll(&positions, WAIT).await;
        let expected =
            BTreeMap::from([(orders(0), read(&[(1, 71), (2, 72)], 3)), (orders(1), read(&[(0, 80)], 1))]);
        assert_eq!(polled, expected);

        let begin = Instant::now();
        let positions = BTreeMap::from([(orders(0), Offset(3)), (orders(1), Offset(1))]);
        assert_eq!(client.poll(&positions, WAIT).await, BTreeMap::new(), "there is no news");
        assert!(begin.elapsed() >= WAIT, "the leader waits for records");
    });
    assert_eq!(brokers.asked("fetch"), 2);
}

#[test]
fn a_silent_leader_holds_up_nobody_elses_records() {
    let brokers = Brokers::led_by(1);
    brokers.elect(1, 2, 1);
    brokers.fill(2, 1, &[80]);
    brokers.silence(1);
    with_client(&brokers, |mut client, _| async move {
        let begin = Instant::now();
        let mut positions = BTreeMap::from([(orders(0), Offset(0)), (orders(1), Offset(0))]);
        let polled = client.poll(&positions, WAIT).await;
        assert_eq!(polled.keys().collect::<Vec<_>>(), [&orders(1)]);
        assert!(begin.elapsed() < WAIT, "{:?}", begin.elapsed());

        positions.insert(orders(1), Offset(1));
        let failed = loop {
            let polled = client.poll(&positions, WAIT).await;
            if polled.contains_key(&orders(0)) {
                break error(&polled, 0);
            }
        };
        assert!(failed.starts_with("no answer from b1:9092 within"), "{failed}");
    });
}

#[test]
fn a_position_that_an_old_leader_refuses_is_kept_for_the_new_one() {
    let brokers = Brokers::led_by(1);
    brokers.fill(1, 0, &[70, 71]);
    brokers.fill(2, 0, &[70, 71, 72, 73]);
    with_client(&brokers, |mut client, brokers| async move {
        client.poll(&at(0, 0), WAIT).await;
        // All but b1 know of the new leader.
        brokers.elect(0, 2, 2);
        brokers.believe(1, 0, 1, 1);
        let polled = client.poll(&at(0, 3), WAIT).await;
        assert_eq!(error(&polled, 0), "OFFSET_OUT_OF_RANGE");
        let polled = client.poll(&at(0, 3), WAIT).await;
        assert!(matches!(&polled[&orders(0)], PartitionPoll::Read { next: Offset(4), .. }), "{polled:?}");
    });
}

#[test]
fn a_position_that_the_current_leader_refuses_is_out_of_range() {
    let brokers = Brokers::led_by(1);
    brokers.fill(1, 0, &[70, 71]);
    with_client(&brokers, |mut client, brokers| async move {
        let polled = client.poll(&at(0, 9), WAIT).await;
        assert_eq!(error(&polled, 0), "OFFSET_OUT_OF_RANGE");
        let before = brokers.asked("metadata");
        let polled = client.poll(&at(0, 9), WAIT).await;
        assert_eq!(polled[&orders(0)], PartitionPoll::OutOfRange);
        assert_eq!(brokers.asked("metadata") - before, 3, "every broker was asked for a newer leader");
    });
}

#[test]
fn a_partition_without_a_leader_is_asked_about_with_pauses() {
    let brokers = Brokers::led_by(NOBODY);
    with_client(&brokers, |mut client, _| async move {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(5) {
            let polled = client.poll(&at(0, 0), WAIT).await;
            assert_eq!(error(&polled, 0), "no leader of orders/0 is known");
        }
    });
    let asked = brokers.asked("metadata");
    assert!((30..=100).contains(&asked), "{asked} times in 5 s");
}

#[test]
fn a_cluster_has_settled_when_all_brokers_say_the_same_and_all_is_committed() {
    let brokers = Brokers::led_by(1);
    brokers.elect(1, 2, 7);
    brokers.fill(1, 0, &[70, 71]);
    with_client(&brokers, |mut client, brokers| async move {
        let scope = Scope {
            brokers: vec![Host::Broker(1), Host::Broker(2), Host::Broker(3)],
            partitions: BTreeSet::from([orders(0), orders(1)]),
        };
        let ends = BTreeMap::from([
            (orders(0), (LeaderEpoch(1), Offset(2))),
            (orders(1), (LeaderEpoch(7), Offset(0))),
        ]);
        assert_eq!(client.settled(&scope, LIMIT).await, Settled::Yes(ends.clone()));

        let not_yet = |settled: Settled| -> Arc<str> {
            let Settled::NotYet(reason) = settled else { panic!("{settled:?}") };
            reason
        };
        brokers.believe(3, 1, 3, 6);
        let reason = not_yet(client.settled(&scope, LIMIT).await);
        assert_eq!(&*reason, "b1:9092 and b3:9092 describe orders/1 differently");
        brokers.elect(1, 2, 7);
        brokers.commit(1, 0, 1);
        let reason = not_yet(client.settled(&scope, LIMIT).await);
        assert_eq!(&*reason, "orders/0 is committed up to 1 of 2");
        brokers.commit(1, 0, 2);
        brokers.in_sync(&[1, 3]);
        let reason = not_yet(client.settled(&scope, LIMIT).await);
        assert_eq!(&*reason, "orders/0 has 2 of 3 replicas in sync");
        brokers.in_sync(&[1, 2, 3]);
        assert_eq!(client.settled(&scope, LIMIT).await, Settled::Yes(ends));
    });
}

#[test]
fn what_is_given_up_is_out_of_scope() {
    let brokers = Brokers::led_by(1);
    brokers.elect(1, NOBODY, 2);
    brokers.stay_down(3);
    with_client(&brokers, |mut client, _| async move {
        let all = |brokers: &[u32], partitions: &[i32]| Scope {
            brokers: brokers.iter().copied().map(Host::Broker).collect(),
            partitions: partitions.iter().copied().map(orders).collect(),
        };
        assert!(matches!(client.settled(&all(&[1, 2], &[0]), LIMIT).await, Settled::Yes(_)));
        assert!(matches!(client.settled(&all(&[1, 2, 3], &[0]), LIMIT).await, Settled::NotYet(_)));
        assert!(matches!(client.settled(&all(&[1, 2], &[0, 1]), LIMIT).await, Settled::NotYet(_)));
    });
}
