//! What a follower makes of answers that no leader should give.

use bytes::{Bytes, BytesMut};
use k::fetch_response::PartitionData;

use super::super::leader::Term;
use super::super::partition::Assignment;
use super::*;
use crate::config::BrokerConfig;
use crate::env::Timestamp;
use crate::env::tokio::TokioEnv;
use crate::ids::{BrokerId, PartitionEpoch};
use crate::log::{FlushPolicy, Log, LogConfig, batch};
use crate::mutant::Mutants;

/// A fetcher of broker 2, and its replica of `orders/0`, which follows broker 1 in epoch 0.
async fn follower(root: &std::path::Path) -> (Run<TokioEnv>, Asked<TokioEnv>) {
    let env = TokioEnv::new(root.to_owned(), 0);
    let log_config = LogConfig {
        segment_bytes: 1 << 20,
        index_interval_bytes: 4096,
        flush: FlushPolicy::Never,
        max_batch_bytes: 4096,
        mutants: Mutants::NONE,
    };
    let (log, _) = Log::open(env.disk().clone(), "orders-0", log_config).await.unwrap();
    let context = Arc::new(Context::new(env, BrokerConfig::new(BrokerId(2), "b2")));
    let tp = TopicPartition::new("orders", 0);
    let partition = Arc::new(Partition::new(Arc::clone(&context), tp, Uuid::nil(), log, Offset(0)));
    let term = Term {
        epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        replicas: vec![BrokerId(1), BrokerId(2)],
        isr: [BrokerId(1), BrokerId(2)].into(),
        min_isr: 1,
    };
    partition.assign(&Assignment { leader: Some(BrokerId(1)), term }).await.unwrap();
    let followed = Arc::new(Followed { partitions: Mutex::default(), changed: Notify::new() });
    let run = Run { context, followed, address: ("b1".to_owned(), 9092) };
    (run, Asked { partition, epoch: LeaderEpoch(0), from: Offset(0) })
}

fn records() -> BytesMut {
    let mut records = BytesMut::from(&batch::encode(&[(None, Bytes::from_static(b"a"))], Timestamp(0))[..]);
    batch::stamp(&mut records, Offset(0), LeaderEpoch(0));
    records
}

#[tokio::test]
async fn a_batch_that_was_spoilt_elsewhere_is_asked_for_again_and_ends_nobody() {
    let root = tempfile::tempdir().unwrap();
    let (run, asked) = follower(root.path()).await;
    let answer = |records: BytesMut| PartitionData::default().with_records(Some(records.freeze()));
    let good = records();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        // The epoch is the only field that neither the CRC nor the place in the log vouches for.
        if (12..16).contains(&(bit / 8)) {
            continue;
        }
        assert!(!run.fetched(&asked, answer(bad)).await.unwrap(), "bit {bit}");
        assert_eq!(asked.partition.follower_position(LeaderEpoch(0)).await, Some((Offset(0), None)));
    }
    assert!(run.fetched(&asked, answer(good)).await.unwrap());
    let position = asked.partition.follower_position(LeaderEpoch(0)).await;
    assert_eq!(position, Some((Offset(1), Some(LeaderEpoch(0)))));
}
