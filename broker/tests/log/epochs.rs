//! The leader-epoch cache through appends, truncations, recovery.

use std::fs;

use super::*;

/// Where the epochs from 0 to 9 end in this log, by the epoch that tells.
fn ends<D: Disk>(log: &Log<D>) -> Vec<Option<(i32, i64)>> {
    let end = |epoch| log.end_offset_for(LeaderEpoch(epoch)).map(|(epoch, end)| (epoch.0, end.0));
    (0..=9).map(end).collect()
}

/// A log with two records in each of the epochs 1, 4 and 6.
async fn three_epochs(node: &Node) -> Log<TokioDisk> {
    let (mut log, _) = node.open(CRAMPED).await;
    for (base, epoch) in [(0, 1), (2, 4), (4, 6)] {
        log.append_as_follower(fetched(&["x", "y"], base, epoch)).await.unwrap();
    }
    log
}

const THREE: [Option<(i32, i64)>; 10] = [
    Some((0, 0)),
    Some((1, 2)),
    Some((1, 2)),
    Some((1, 2)),
    Some((4, 4)),
    Some((4, 4)),
    Some((6, 6)),
    None,
    None,
    None,
];

#[tokio::test]
async fn the_cache_survives_a_restart_and_the_loss_of_its_file() {
    let node = Node::new();
    let log = three_epochs(&node).await;
    assert_eq!(ends(&log), THREE);
    drop(log);
    let file = node.root.path().join(DIR).join("leader-epoch-checkpoint");
    let (log, _) = node.open(CRAMPED).await;
    assert_eq!(ends(&log), THREE);
    drop(log);
    fs::write(&file, b"rubbish").unwrap();
    let (log, _) = node.open(CRAMPED).await;
    assert_eq!(ends(&log), THREE);
    drop(log);
    fs::remove_file(&file).unwrap();
    let (log, _) = node.open(CRAMPED).await;
    assert_eq!(ends(&log), THREE);
    assert!(file.exists());
}

#[tokio::test]
async fn one_fetch_may_bring_several_epochs() {
    let node = Node::new();
    let (mut log, _) = node.open(ROOMY).await;
    let batches = [fetched(&["x", "y"], 0, 1), fetched(&["x", "y"], 2, 4), fetched(&["x", "y"], 4, 6)];
    log.append_as_follower(batches.concat().into()).await.unwrap();
    assert_eq!(ends(&log), THREE);
}

#[tokio::test]
async fn truncation_forgets_epochs_durably() {
    for (offset, latest) in [(6, Some(6)), (5, Some(4)), (4, Some(4)), (2, Some(1)), (1, None), (0, None)] {
        let node = Node::new();
        let mut log = three_epochs(&node).await;
        log.truncate_to(Offset(offset)).await.unwrap();
        assert_eq!(log.latest_epoch(), latest.map(LeaderEpoch), "truncated to {offset}");
        let before = ends(&log);
        drop(log);
        let (log, _) = node.open(CRAMPED).await;
        assert_eq!(ends(&log), before);
    }
}

#[tokio::test]
async fn an_epoch_led_without_an_append_lasts() {
    let node = Node::new();
    let mut log = three_epochs(&node).await;
    log.start_epoch(LeaderEpoch(8)).await.unwrap();
    log.start_epoch(LeaderEpoch(8)).await.unwrap();
    drop(log);
    let (mut log, _) = node.open(CRAMPED).await;
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(8)));
    assert_eq!(log.end_offset_for(LeaderEpoch(6)), Some((LeaderEpoch(6), Offset(6))));
    assert_eq!(log.end_offset_for(LeaderEpoch(8)), Some((LeaderEpoch(8), Offset(6))));
    let error = log.start_epoch(LeaderEpoch(7)).await.unwrap_err();
    assert!(matches!(error, LogError::Invalid { .. }), "{error}");
    // Another leader's epoch begins at the same offset: this one never had a record.
    log.append_as_follower(fetched(&["z"], 6, 9)).await.unwrap();
    assert_eq!(log.end_offset_for(LeaderEpoch(8)), Some((LeaderEpoch(6), Offset(6))));
}

#[tokio::test]
async fn truncation_to_the_very_end_forgets_an_epoch_that_begins_there() {
    let node = Node::new();
    let mut log = three_epochs(&node).await;
    log.start_epoch(LeaderEpoch(8)).await.unwrap();
    log.truncate_to(Offset(7)).await.unwrap();
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(8)));
    log.truncate_to(Offset(6)).await.unwrap();
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(6)));
    drop(log);
    let (log, _) = node.open(CRAMPED).await;
    assert_eq!(ends(&log), THREE);
}

#[tokio::test]
async fn a_torn_tail_takes_its_epochs_along() {
    let node = Node::new();
    let mut log = three_epochs(&node).await;
    log.start_epoch(LeaderEpoch(8)).await.unwrap();
    drop(log);
    fs::write(&node.segments().await[1], b"torn").unwrap();
    let (log, recovered) = node.open(CRAMPED).await;
    assert_eq!(recovered.end, Offset(2));
    // Epochs 6 and 8 began at offsets that are gone. Of epoch 4 only the beginning is known now.
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(4)));
    assert_eq!(log.end_offset_for(LeaderEpoch(1)), Some((LeaderEpoch(1), Offset(2))));
    assert_eq!(log.end_offset_for(LeaderEpoch(4)), Some((LeaderEpoch(4), Offset(2))));
}
