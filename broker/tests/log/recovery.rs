//! What a log holds after its files were torn or spoilt.

use std::fs;

use super::*;

/// A node whose only segment holds the batches of `all`, the segment's content, and where each begins.
async fn stored(all: &[&str]) -> (Node, Vec<u8>, Vec<usize>) {
    let node = Node::new();
    drop(log_of(&node, ROOMY, all).await);
    let bytes = fs::read(&node.segments().await[0]).unwrap();
    let mut starts = vec![0];
    while *starts.last().unwrap() < bytes.len() {
        let start = *starts.last().unwrap();
        starts.push(start + BatchHeader::parse(&bytes[start..]).unwrap().size);
    }
    (node, bytes, starts)
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_is_cut() {
    let (node, bytes, starts) = stored(&["a", "b", "c"]).await;
    for len in starts[2]..bytes.len() {
        fs::write(&node.segments().await[0], &bytes[..len]).unwrap();
        let (mut log, recovered) = node.open(ROOMY).await;
        assert_eq!((recovered.end, recovered.cut_bytes), (Offset(2), (len - starts[2]) as u64));
        assert_eq!(fs::read(&node.segments().await[0]).unwrap(), bytes[..starts[2]]);
        log.append_as_leader(produced(&["new"]), LeaderEpoch(0)).await.unwrap();
        assert_eq!(values(&log).await, ["a", "b", "new"]);
    }
}

#[tokio::test]
async fn a_hole_where_bytes_never_arrived_is_cut() {
    let (node, mut bytes, starts) = stored(&["a", "b", "c"]).await;
    bytes[starts[1]..].fill(0);
    fs::write(&node.segments().await[0], &bytes).unwrap();
    let (log, recovered) = node.open(ROOMY).await;
    assert_eq!((recovered.end, recovered.cut_bytes), (Offset(1), (bytes.len() - starts[1]) as u64));
    assert_eq!(values(&log).await, ["a"]);
}

#[tokio::test]
async fn any_flipped_bit_cuts_the_log_there() {
    let (node, bytes, starts) = stored(&["a", "b", "c"]).await;
    for bit in starts[1] * 8..starts[2] * 8 {
        let mut spoilt = bytes.clone();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        fs::write(&node.segments().await[0], &spoilt).unwrap();
        let (log, recovered) = node.open(ROOMY).await;
        assert_eq!(recovered.end, Offset(1), "byte {} of the batch", bit / 8 - starts[1]);
        assert_eq!(recovered.cut_bytes, (bytes.len() - starts[1]) as u64);
        assert_eq!(values(&log).await, ["a"]);
    }
}

#[tokio::test]
async fn any_flipped_bit_is_noticed_by_a_read() {
    let (node, bytes, starts) = stored(&["a", "b", "c"]).await;
    let (log, _) = node.open(ROOMY).await;
    for bit in starts[1] * 8..starts[2] * 8 {
        let mut spoilt = bytes.clone();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        fs::write(&node.segments().await[0], &spoilt).unwrap();
        let error = read_from(&log, Offset(0), 4096).await.unwrap_err();
        assert!(
            matches!(error, LogError::Corrupt { position, .. } if position == starts[1] as u64),
            "{error}"
        );
        assert!(!error.is_callers_fault());
        // What lies before it is as good as ever.
        assert_eq!(log.read(Offset(0), Offset(1), 4096).await.unwrap(), bytes[..starts[1]]);
    }
}

#[tokio::test]
async fn a_cut_takes_the_later_segments_along() {
    let node = Node::new();
    drop(log_of(&node, CRAMPED, &["a", "b", "c", "d", "e"]).await);
    let segments = node.segments().await;
    let sizes: Vec<_> = segments.iter().map(|path| fs::metadata(path).unwrap().len()).collect();
    assert_eq!(sizes.len(), 3);
    fs::OpenOptions::new().write(true).open(&segments[1]).unwrap().set_len(sizes[1] - 1).unwrap();
    let (log, recovered) = node.open(CRAMPED).await;
    let one = sizes[1] / 2;
    assert_eq!((recovered.end, recovered.cut_bytes), (Offset(3), one - 1 + sizes[2]));
    assert_eq!(node.segments().await, segments[..2]);
    assert_eq!(values(&log).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_lost_segment_ends_the_log_before_it() {
    let node = Node::new();
    drop(log_of(&node, CRAMPED, &["a", "b", "c", "d", "e", "f", "g"]).await);
    let segments = node.segments().await;
    fs::remove_file(&segments[1]).unwrap();
    let (log, recovered) = node.open(CRAMPED).await;
    assert_eq!(recovered.end, Offset(2));
    assert_eq!(node.segments().await, segments[..1]);
    assert_eq!(values(&log).await, ["a", "b"]);
}

#[tokio::test]
async fn batches_larger_than_a_scan_s_chunk_are_recovered() {
    let node = Node::new();
    let config = LogConfig { segment_bytes: 1 << 30, max_batch_bytes: 1 << 22, ..ROOMY };
    let (mut log, _) = node.open(config).await;
    let sizes = [10, 900_000, 1 << 20, 3 << 20, 10];
    let all: Vec<_> = sizes.iter().map(|size| "x".repeat(*size)).collect();
    for value in &all {
        log.append_as_leader(produced(&[value]), LeaderEpoch(0)).await.unwrap();
    }
    drop(log);
    let (log, recovered) = node.open(config).await;
    assert_eq!((recovered.end, recovered.cut_bytes), (Offset(5), 0));
    assert_eq!(values(&log).await, all);
}
