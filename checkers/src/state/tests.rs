//! The fold of replicas: their logs, what they lost, and what is known of a broker's life.

use super::*;
use crate::script::Script;

fn x() -> TopicPartition {
    TopicPartition::new("x", 0)
}

fn folded(script: &Script) -> Cluster {
    let mut cluster = Cluster::default();
    for event in &script.events {
        cluster.observe(event);
    }
    cluster
}

fn told(text: &str) -> Cluster {
    folded(Script::default().replicas(text))
}

fn batch(base: i64, records: &str, epoch: i32) -> Batch {
    let crc = crc32c::crc32c(records.as_bytes());
    let count = u32::try_from(records.len()).expect("is short");
    Batch { base: Offset(base), count, epoch: LeaderEpoch(epoch), crc }
}

fn replica(cluster: &Cluster, broker: i32) -> &Replica {
    cluster.partition(&x()).and_then(|it| it.replica(BrokerId(broker))).expect("was told")
}

fn log(cluster: &Cluster, broker: i32) -> &ReplicaLog {
    replica(cluster, broker).log().expect("is known")
}

#[test]
fn a_log_is_found_by_offset_and_compared_by_prefix() {
    let cluster = told("b1 found ; b1 + abc@0 d@0 e@2 ; b2 found ; b2 + abc@0 d@0 f@2 g@2");
    let (one, two) = (log(&cluster, 1), log(&cluster, 2));
    assert_eq!((one.end(), two.end()), (Offset(5), Offset(6)));
    assert_eq!(one.at(Offset(2)), Some(batch(0, "abc", 0)));
    assert_eq!((one.at(Offset(4)), one.at(Offset(5)), one.at(Offset(-1))), (one.last(), None, None));
    let within = |from, until| one.range(Offset(from), Offset(until)).map(|b| b.base.0).collect::<Vec<_>>();
    assert_eq!((within(1, 4), within(3, 3), within(4, 9)), (vec![0, 3], vec![], vec![4]));
    for (offset, agree) in [(0, true), (2, true), (4, true), (5, false), (6, false)] {
        assert_eq!(one.agrees_with(two, Offset(offset)), agree, "{offset}");
    }
    assert_eq!(one.parts_from(two), Offset(4));
    assert!(one.holds(&batch(3, "d", 0)) && !one.holds(&batch(3, "d", 1)));
}

#[test]
fn logs_part_where_the_first_batch_differs_whatever_their_lengths() {
    let longer = ReplicaLog::of(&[batch(0, "a", 0), batch(1, "b", 0), batch(2, "c", 0)]);
    for (other, at) in [
        (vec![], 0),
        (vec![batch(0, "a", 0)], 1),
        (vec![batch(0, "a", 1)], 0),
        (vec![batch(0, "a", 0), batch(1, "b", 0), batch(2, "x", 0), batch(3, "y", 0)], 2),
        (vec![batch(0, "a", 0), batch(1, "b", 0), batch(2, "c", 0), batch(3, "y", 0)], 3),
    ] {
        let other = ReplicaLog::of(&other);
        assert_eq!((longer.parts_from(&other), other.parts_from(&longer)), (Offset(at), Offset(at)));
    }
}

#[test]
fn a_batch_that_reaches_across_an_offset_is_a_part_of_its_prefix() {
    let (one, two) = (ReplicaLog::of(&[batch(0, "abc", 0)]), ReplicaLog::of(&[batch(0, "xyz", 0)]));
    assert!(one.agrees_with(&two, Offset(0)));
    assert!(!one.agrees_with(&two, Offset(1)) && !one.agrees_with(&two, Offset(3)));
}

#[test]
fn what_is_truncated_is_kept_with_its_reason() {
    let cluster = told("b1 found ; b1 + a@0 b@0 c@1 ; b1 follows 2 e3 p4 ; b1 cut 1 ; b1 + d@3");
    let replica = replica(&cluster, 1);
    assert_eq!(replica.log().map(ReplicaLog::end), Some(Offset(2)));
    let [cut] = replica.cuts() else { panic!("one cut: {:?}", replica.cuts()) };
    assert_eq!((cut.from, &cut.batches), (Offset(1), &vec![batch(1, "b", 0), batch(2, "c", 1)]));
    let how =
        CutBy::Truncation { why: "diverged".into(), epoch: Some(LeaderEpoch(3)), leader: Some(BrokerId(2)) };
    assert_eq!(cut.how, how);
    assert_eq!(replica.epochs().map(|epochs| epochs.len()), Some(2));
}

#[test]
fn a_recovered_log_is_what_recovery_found_and_no_guess() {
    let mut script = Script::default();
    script.replicas("b1 up ; b1 found ; b1 + a@0 b@0 c@0 ; b1 hw 2 f");
    script.lost(1, "x-0/00000000000000000000.log");
    let cluster = folded(&script);
    assert!(replica(&cluster, 1).log().is_none(), "nobody can tell what is left");
    assert_eq!(replica(&cluster, 1).last_known_log().map(ReplicaLog::end), Some(Offset(3)));
    // More than was ever told may be there too: written, and never synced.
    script.replicas("b1 found a@0 b@0 d@0 e@0 hw=1");
    let cluster = folded(&script);
    assert_eq!((log(&cluster, 1).end(), replica(&cluster, 1).high_watermark()), (Offset(4), Offset(1)));
    let [cut] = replica(&cluster, 1).cuts() else { panic!("one cut") };
    assert_eq!((cut.how.clone(), &cut.batches), (CutBy::Recovery, &vec![batch(2, "c", 0)]));
}

#[test]
fn a_torn_or_wiped_log_is_known_again_when_it_was_recovered() {
    for (kind, target) in [("disk-torn-write", "b1:x/0"), ("disk-wipe", "b1"), ("disk-bitflip", "b1:x/0")] {
        let mut script = Script::default();
        script.replicas("b1 up ; b1 found ; b1 + a@0 b@0 c@0 ; b2 found ; b2 + a@0");
        script.planned(0, kind, false).injected(0, &[target]);
        let cluster = folded(&script);
        let kills = kind != "disk-bitflip";
        assert_eq!(cluster.is_alive(BrokerId(1)), !kills, "{kind}");
        assert_eq!(replica(&cluster, 1).log().is_none(), kills, "{kind}");
        assert_eq!(log(&cluster, 2).end(), Offset(1));
        script.replicas("b1 up ; b1 found a@0");
        assert_eq!(log(&folded(&script), 1).end(), Offset(1));
    }
}

#[test]
fn a_log_that_was_never_told_from_its_beginning_is_not_known() {
    let cluster = told("b1 + 7:a@0 ; b2 + a@0");
    assert!(replica(&cluster, 1).log().is_none());
    assert_eq!(log(&cluster, 2).end(), Offset(1));
}

#[test]
fn a_batch_is_looked_for_on_every_replica() {
    let mut script = Script::default();
    script.replicas(
        "b1 found ; b1 + a@0 b@0 ; b1 hw 2 f ; b2 found ; b2 + a@0 b@0 ; b2 hw 1 f
         b3 found ; b3 + a@0 b@0 ; b3 follows 1 e1 p1 ; b3 cut 1 ; b4 found ; b5 found ; b5 + a@0 b@0",
    );
    script.lost(5, "x-0/0.log");
    let cluster = folded(&script);
    let fold = cluster.partition(&x()).expect("was told");
    let places: Vec<String> = fold
        .whereabouts(&batch(1, "b", 0))
        .map(|(broker, place)| match place {
            Whereabouts::Cut(cut) => format!("{broker} cut from {}", cut.from),
            place => format!("{broker} {place:?}"),
        })
        .collect();
    assert_eq!(places, ["b1 Committed", "b2 Uncommitted", "b3 cut from 1", "b4 Never", "b5 Unknown"]);
}

#[test]
fn acknowledgements_are_kept_with_what_they_were_given_for() {
    let cluster = told("b1 found ; b1 leads e0 p0 ; b1 + ab@0 c@0 ; b1 acks 0-2 ; b1 acks 2-2 acks=1");
    let fold = cluster.partition(&x()).expect("was told");
    let acks: Vec<_> = fold.acks_from(Offset(0)).map(|ack| (ack.batch, ack.acks)).collect();
    let (ab, c) = (batch(0, "ab", 0), batch(2, "c", 0));
    assert_eq!(acks, [(ab, Acks::All), (c, Acks::All), (c, Acks::Leader)]);
    assert_eq!(fold.acks_at(Offset(1)).map(|ack| ack.batch).collect::<Vec<_>>(), [ab]);
}

#[test]
fn the_true_high_watermark_is_that_of_leaders_in_the_current_epoch() {
    let mut script = Script::default();
    script.replicas("c 1 e0 p0 ; b1 found ; b1 leads e0 p0 ; b1 + a@0 b@0 c@0 ; b1 hw 2");
    let hw = |script: &Script| {
        let cluster = folded(script);
        let known = cluster.partition(&x()).and_then(|it| it.true_high_watermark().copied());
        known.map(|it| (it.hw.0, it.by.0, it.epoch.0))
    };
    assert_eq!(hw(&script), Some((2, 1, 0)));
    script.replicas("c 2 e1 p1 isr=2,3 ; b1 hw 3");
    assert_eq!(hw(&script), Some((2, 1, 0)), "b1 is stale");
    script.replicas("b2 found ; b2 + a@0 b@0 ; b2 hw 1 f ; b2 leads e1 p1 ; b2 + d@1 ; b2 hw 3");
    assert_eq!(hw(&script), Some((3, 2, 1)));
}

#[test]
fn a_broker_serves_once_its_present_process_is_registered_and_unfenced() {
    let mut script = Script::default();
    let serves = |script: &Script| folded(script).is_serving(BrokerId(1));
    for (text, serving) in [
        ("b1 start", false),
        ("b1 register", false),
        ("b1 unfence", true),
        ("b1 fence", false),
        ("b1 unfence", true),
        ("b1 start", false),
        ("b1 register ; b1 unfence", true),
        ("b1 stop", false),
    ] {
        assert_eq!(serves(script.replicas(text)), serving, "{text}");
    }
    script.replicas("b1 up").planned(0, "process-kill", false).injected(0, &["b1"]);
    assert!(!serves(&script));
}

#[test]
fn a_dead_process_believes_nothing() {
    let mut script = Script::default();
    script.replicas(
        "b1 up ; b1 found ; b1 leads e3 p4 ; b2 up ; b2 found ; b2 follows 1 e3 p4 ; b2 pulls 1 e3",
    );
    let cluster = folded(&script);
    assert!(replica(&cluster, 1).leadership().is_some() && replica(&cluster, 2).fetchers().len() == 1);
    script.planned(0, "power-loss", false).injected(0, &["b1", "b2"]);
    let cluster = folded(&script);
    assert!(replica(&cluster, 1).leadership().is_none() && !replica(&cluster, 1).is_alive());
    assert!(replica(&cluster, 2).fetchers().is_empty());
}

#[test]
fn a_leader_reckons_with_the_maximal_set_until_it_knows() {
    let mut script = Script::default();
    let reckons = |script: &Script| {
        let cluster = folded(script);
        let (_, leadership) = replica(&cluster, 1).leadership().expect("leads");
        (leadership.isr.len(), leadership.maximal.len(), leadership.pending)
    };
    script.replicas("b1 found ; b1 leads e3 p4 isr=1,2");
    assert_eq!(reckons(&script), (2, 2, false));
    script.replicas("b1 asks isr=1 max=1,2");
    assert_eq!(reckons(&script), (2, 2, true));
    script.replicas("b1 applies isr=1 p5");
    assert_eq!(reckons(&script), (1, 1, false));
}
