//! What each seeded defect of the log breaks, beside what the log does without it.

use std::fs;

use highwater_broker::mutant::Mutant;

use super::*;

/// What is said of a log with the defect, and of one without.
async fn both<T, F: Future<Output = T>>(mutant: Mutant, say: impl Fn(LogConfig) -> F) -> (T, T) {
    let with = LogConfig { mutants: Mutants::NONE.with(mutant), ..ROOMY };
    (say(with).await, say(ROOMY).await)
}

#[tokio::test]
async fn crc_skip_takes_a_flipped_bit_for_good() {
    let recovered = |config| async move {
        let node = Node::new();
        drop(log_of(&node, config, &["a", "b", "c"]).await);
        let path = &node.segments().await[0];
        let mut bytes = fs::read(path).unwrap();
        let size = BatchHeader::parse(&bytes).unwrap().size;
        // Within the records of the second batch.
        bytes[2 * size - 1] ^= 1;
        fs::write(path, bytes).unwrap();
        let (log, recovered) = node.open(config).await;
        let read = log.read(Offset(0), recovered.end, 4096).await.map(|bytes| bytes.len() / size);
        (recovered.end, read.ok())
    };
    let expected = ((Offset(3), Some(3)), (Offset(1), Some(1)));
    assert_eq!(both(Mutant::CrcSkip, recovered).await, expected);
}

#[tokio::test]
async fn clean_shutdown_flag_loses_what_is_appended_behind_a_torn_end() {
    let kept = |config| async move {
        let node = Node::new();
        drop(log_of(&node, config, &["a", "b"]).await);
        let path = &node.segments().await[0];
        let bytes = fs::read(path).unwrap();
        // Enough is missing for the next batch not to stand in for it.
        fs::write(path, &bytes[..bytes.len() - 30]).unwrap();
        let (mut log, _) = node.open(config).await;
        log.append_as_leader(produced(&["c"]), LeaderEpoch(0)).await.unwrap();
        drop(log);
        let (log, _) = node.open(config).await;
        values(&log).await
    };
    let expected = (vec!["a".to_owned()], vec!["a".to_owned(), "c".to_owned()]);
    assert_eq!(both(Mutant::CleanShutdownFlag, kept).await, expected);
}

#[tokio::test]
async fn epoch0_lost_forgets_that_epoch_when_the_log_is_opened() {
    let latest = |config| async move {
        let node = Node::new();
        drop(log_of(&node, config, &["a"]).await);
        node.open(config).await.0.latest_epoch()
    };
    assert_eq!(both(Mutant::Epoch0Lost, latest).await, (None, Some(LeaderEpoch(0))));
}

#[tokio::test]
async fn epoch_cache_not_truncated_answers_for_an_epoch_whose_records_are_gone() {
    let latest = |config| async move {
        let node = Node::new();
        let mut log = log_of(&node, config, &["a"]).await;
        log.append_as_leader(produced(&["b"]), LeaderEpoch(4)).await.unwrap();
        log.truncate_to(Offset(1)).await.unwrap();
        log.latest_epoch()
    };
    let expected = (Some(LeaderEpoch(4)), Some(LeaderEpoch(0)));
    assert_eq!(both(Mutant::EpochCacheNotTruncated, latest).await, expected);
}
