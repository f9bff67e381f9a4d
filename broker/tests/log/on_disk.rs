//! Appending, reading, rolling, truncating, deleting.

use bytes::BytesMut;
use highwater_broker::log::BatchSummary;
use highwater_broker::log::batch::BatchError;

use super::*;

#[tokio::test]
async fn a_leader_assigns_offsets_and_stamps_its_epoch() {
    let node = Node::new();
    let (mut log, recovered) = node.open(ROOMY).await;
    assert_eq!((recovered.end, recovered.cut_bytes), (Offset(0), 0));
    log.append_as_leader(produced(&["a", "b"]), LeaderEpoch(3)).await.unwrap();

    let two = [produced(&["c"]), produced(&["d", "e", "f"])];
    let appended = log.append_as_leader(two.concat().into(), LeaderEpoch(4)).await.unwrap();
    assert_eq!((appended.base, appended.last), (Offset(2), Offset(5)));
    let summary = |batch: &Bytes, base, count| {
        let crc = crc32c::crc32c(&batch[21..]);
        BatchSummary { base: Offset(base), count, epoch: LeaderEpoch(4), crc }
    };
    assert_eq!(appended.batches, [summary(&two[0], 2, 1), summary(&two[1], 3, 3)]);
    assert_eq!(log.end_offset(), Offset(6));
    let expected = [(3, "a"), (3, "b"), (4, "c"), (4, "d"), (4, "e"), (4, "f")];
    assert_eq!(records(&log).await, expected.map(|(epoch, value)| (epoch, value.to_owned())));
}

#[tokio::test]
async fn batches_are_kept_verbatim() {
    let node = Node::new();
    let (mut log, _) = node.open(ROOMY).await;
    let batch = fetched(&["a", "b"], 0, 7);
    log.append_as_follower(batch.clone()).await.unwrap();
    assert_eq!(log.read(Offset(1), Offset(2), 0).await.unwrap(), batch);
    drop(log);
    let (log, _) = node.open(ROOMY).await;
    assert_eq!(log.read(Offset(1), Offset(2), 0).await.unwrap(), batch);
    assert_eq!(std::fs::read(&node.segments().await[0]).unwrap(), batch);
}

#[tokio::test]
async fn a_follower_takes_only_what_continues_its_log() {
    let node = Node::new();
    let (mut log, _) = node.open(ROOMY).await;
    log.append_as_follower(fetched(&["a", "b"], 0, 2)).await.unwrap();
    let refused = [
        (fetched(&["x"], 1, 2), BatchError::Gap { expected: Offset(2), found: Offset(1) }),
        (fetched(&["x"], 3, 2), BatchError::Gap { expected: Offset(2), found: Offset(3) }),
        (fetched(&["x"], 2, 1), BatchError::Epoch { latest: LeaderEpoch(2), found: LeaderEpoch(1) }),
        (Bytes::new(), BatchError::Empty),
    ];
    for (batch, expected) in refused {
        let error = log.append_as_follower(batch).await.unwrap_err();
        assert!(error.is_callers_fault());
        let LogError::Invalid { position: 0, source } = error else { panic!("{error}") };
        assert_eq!(source, expected);
    }
    // A refusal in the second batch keeps the first out too, and harms nothing.
    let mut mixed = BytesMut::from(&fetched(&["c"], 2, 3)[..]);
    let good_bytes = mixed.len();
    mixed.extend_from_slice(&fetched(&["d"], 4, 3));
    let error = log.append_as_follower(mixed.freeze()).await.unwrap_err();
    assert!(matches!(error, LogError::Invalid { position, .. } if position == good_bytes), "{error}");
    assert_eq!((log.end_offset(), log.latest_epoch()), (Offset(2), Some(LeaderEpoch(2))));
    log.append_as_follower(fetched(&["c"], 2, 3)).await.unwrap();
    assert_eq!(values(&log).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_leader_refuses_broken_oversized_and_outdated_batches() {
    let node = Node::new();
    let (mut log, _) = node.open(ROOMY).await;
    log.start_epoch(LeaderEpoch(1)).await.unwrap();
    let mut spoilt = BytesMut::from(&produced(&["a"])[..]);
    *spoilt.last_mut().unwrap() ^= 1;
    let error = log.append_as_leader(spoilt.freeze(), LeaderEpoch(1)).await.unwrap_err();
    assert!(matches!(error, LogError::Invalid { source: BatchError::Crc { .. }, .. }), "{error}");
    let large = produced(&[[b'x'; 4096]]);
    let size = large.len();
    let error = log.append_as_leader(large.clone(), LeaderEpoch(1)).await.unwrap_err();
    assert!(matches!(error, LogError::TooLarge { size: s, limit: 4096 } if s == size), "{error}");
    let error = log.append_as_leader(produced(&["a"]), LeaderEpoch(0)).await.unwrap_err();
    assert!(matches!(error, LogError::Invalid { source: BatchError::Epoch { .. }, .. }), "{error}");
    assert!(error.is_callers_fault());
    assert_eq!(log.end_offset(), Offset(0));
    // The limit is the leader's: a follower that has a lower one still follows.
    let mut large = BytesMut::from(&large[..]);
    batch::stamp(&mut large, Offset(0), LeaderEpoch(1));
    log.append_as_follower(large.freeze()).await.unwrap();
}

#[tokio::test]
async fn reads_give_whole_batches_within_their_bounds() {
    let node = Node::new();
    let (mut log, _) = node.open(LogConfig { index_interval_bytes: 200, ..ROOMY }).await;
    let batches: Vec<_> = (0..10).map(|n| fetched(&["x", "y"], n * 2, 0)).collect();
    let size = batches[0].len();
    for batch in &batches {
        log.append_as_follower(batch.clone()).await.unwrap();
    }
    drop(log);
    let node_log = |cached: bool| {
        let (node, batches) = (&node, &batches);
        async move {
            let (mut log, _) = node.open(LogConfig { index_interval_bytes: 200, ..ROOMY }).await;
            if cached {
                log.truncate_to(Offset(0)).await.unwrap();
                log.append_as_follower(batches.concat().into()).await.unwrap();
            }
            log
        }
    };
    // From the disk, and from memory.
    for cached in [false, true] {
        let log = node_log(cached).await;
        let count = async |from, until, max_bytes| {
            let bytes = log.read(Offset(from), Offset(until), max_bytes).await.unwrap();
            assert!(bytes.is_empty() || bytes.starts_with(&batches[from as usize / 2]));
            bytes.len() as f64 / size as f64
        };
        assert_eq!(count(0, 20, usize::MAX).await, 10.0);
        assert_eq!(count(7, 20, usize::MAX).await, 7.0);
        assert_eq!(count(7, 99, usize::MAX).await, 7.0);
        assert_eq!(count(7, 19, usize::MAX).await, 6.0);
        assert_eq!(count(7, 20, 3 * size + 1).await, 3.0);
        assert_eq!(count(7, 20, 3 * size - 1).await, 2.0);
        assert_eq!(count(7, 20, 0).await, 1.0);
        assert_eq!(count(7, 7, 100).await, 0.0);
        assert_eq!(count(6, 7, 100).await, 0.0);
        assert_eq!(count(20, 20, 100).await, 0.0);
        for outside in [-1, 21] {
            let error = log.read(Offset(outside), Offset(20), 100).await.unwrap_err();
            assert!(
                matches!(error, LogError::OutOfRange { start: Offset(0), end: Offset(20), .. }),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn segments_roll_and_are_read_across() {
    let node = Node::new();
    let all = ["a", "b", "c", "d", "e"];
    let log = log_of(&node, CRAMPED, &all).await;
    assert_eq!(node.segments().await.len(), 3);
    assert_eq!(values(&log).await, all);
    drop(log);
    let (log, recovered) = node.open(CRAMPED).await;
    assert_eq!((recovered.end, recovered.cut_bytes), (Offset(5), 0));
    assert_eq!(values(&log).await, all);
    for from in 0..5 {
        let read = read_from(&log, Offset(from), 0).await.unwrap();
        assert_eq!(read.len() as i64, 5 - from);
    }
}

#[tokio::test]
async fn an_append_larger_than_a_segment_is_not_split() {
    let node = Node::new();
    let mut log = log_of(&node, CRAMPED, &["a"]).await;
    let many: Vec<_> = (0..5).map(|n| fetched(&["x"], n + 1, 0)).collect();
    log.append_as_follower(many.concat().into()).await.unwrap();
    assert_eq!(node.segments().await.len(), 2);
    assert_eq!(log.end_offset(), Offset(6));
}

#[tokio::test]
async fn truncation_reaches_across_segments_and_lasts() {
    let all = ["a", "b", "c", "d", "e"];
    for end in 0..=5 {
        let node = Node::new();
        let mut log = log_of(&node, CRAMPED, &all).await;
        log.truncate_to(Offset(end)).await.unwrap();
        assert_eq!(log.end_offset(), Offset(end));
        assert_eq!(values(&log).await, all[..end as usize]);
        drop(log);
        let (mut log, recovered) = node.open(CRAMPED).await;
        assert_eq!((recovered.end, recovered.cut_bytes), (Offset(end), 0));
        log.append_as_leader(produced(&["new"]), LeaderEpoch(1)).await.unwrap();
        let expected: Vec<_> = all[..end as usize].iter().copied().chain(["new"]).collect();
        assert_eq!(values(&log).await, expected);
    }
}

#[tokio::test]
async fn nothing_stale_is_read_after_a_truncation() {
    let node = Node::new();
    let mut log = log_of(&node, ROOMY, &["a", "b", "c"]).await;
    log.truncate_to(Offset(1)).await.unwrap();
    log.append_as_leader(produced(&["B"]), LeaderEpoch(1)).await.unwrap();
    assert_eq!(values(&log).await, ["a", "B"]);
    assert_eq!(read_from(&log, Offset(1), 0).await.unwrap(), [(1, "B".to_owned())]);
}

#[tokio::test]
async fn a_batch_that_is_cut_into_goes_as_a_whole() {
    let node = Node::new();
    let (mut log, _) = node.open(ROOMY).await;
    log.append_as_leader(produced(&["a", "b"]), LeaderEpoch(0)).await.unwrap();
    log.append_as_leader(produced(&["c", "d", "e"]), LeaderEpoch(0)).await.unwrap();
    log.truncate_to(Offset(4)).await.unwrap();
    assert_eq!(log.end_offset(), Offset(2));
    let error = log.truncate_to(Offset(-1)).await.unwrap_err();
    assert!(matches!(error, LogError::OutOfRange { .. }), "{error}");
    assert_eq!(values(&log).await, ["a", "b"]);
}

#[tokio::test]
async fn a_deleted_log_leaves_nothing() {
    let node = Node::new();
    let mut log = log_of(&node, CRAMPED, &["a", "b", "c"]).await;
    log.delete().await.unwrap();
    assert_eq!(node.disk.list("").await.unwrap(), [""; 0]);
    let (log, recovered) = node.open(CRAMPED).await;
    assert_eq!((recovered.end, log.latest_epoch()), (Offset(0), None));
}
