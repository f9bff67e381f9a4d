//! Every event goes through its fields and through JSON and comes back; every field is documented.

use super::*;

/// One event of each kind, no two fields alike where that could hide a mix-up.
fn samples() -> Vec<TraceEvent> {
    let partition = TopicPartition::new("orders", 3);
    let isr: Box<[BrokerId]> = [BrokerId(1), BrokerId(3)].into();
    let epochs: Box<[EpochStart]> = [(3, 0), (4, 7)]
        .map(|(epoch, start)| EpochStart { epoch: LeaderEpoch(epoch), start: Offset(start) })
        .into();
    let changes = vec![
        Change::BrokerStarted { incarnation: u64::MAX },
        Change::BrokerStopped { why: "disk error on \"orders-3\"".into() },
        Change::Registered { broker_epoch: BrokerEpoch(17) },
        Change::Recovered {
            partition: partition.clone(),
            leo: Offset(9),
            hw: Offset(4),
            cut_bytes: 61,
            epochs: epochs.clone(),
            batches: [
                Batch { base: Offset(0), count: 7, epoch: LeaderEpoch(3), crc: 1 },
                Batch { base: Offset(7), count: 2, epoch: LeaderEpoch(4), crc: u32::MAX },
            ]
            .into(),
        },
        Change::Appended {
            partition: partition.clone(),
            base: Offset(1 << 62),
            count: 2,
            epoch: LeaderEpoch(5),
            crc: u32::MAX,
            leader: true,
        },
        Change::EpochCache { partition: partition.clone(), epochs: epochs.clone() },
        Change::Synced { partition: partition.clone(), leo: Offset(11) },
        Change::HighWatermark {
            partition: partition.clone(),
            hw: Offset(8),
            epoch: LeaderEpoch(5),
            leader: false,
        },
        Change::Truncated {
            partition: partition.clone(),
            from: Offset(11),
            to: Offset(8),
            why: "diverging epoch".into(),
            epochs: [].into(),
        },
        Change::BecameLeader {
            partition: partition.clone(),
            epoch: LeaderEpoch(6),
            start: Offset(8),
            isr: isr.clone(),
            partition_epoch: PartitionEpoch(12),
        },
        Change::BecameFollower {
            partition: partition.clone(),
            epoch: LeaderEpoch(6),
            leader: None,
            leo: Offset(11),
            hw: Offset(8),
            partition_epoch: PartitionEpoch(12),
        },
        Change::FetcherStarted { partition: partition.clone(), leader: BrokerId(3), epoch: LeaderEpoch(6) },
        Change::FetcherStopped { partition: partition.clone(), leader: BrokerId(3), epoch: LeaderEpoch(6) },
        Change::IsrProposed {
            partition: partition.clone(),
            epoch: LeaderEpoch(6),
            isr: [].into(),
            maximal: isr.clone(),
            partition_epoch: PartitionEpoch(12),
        },
        Change::IsrApplied {
            partition: partition.clone(),
            epoch: LeaderEpoch(6),
            isr: isr.clone(),
            partition_epoch: PartitionEpoch(13),
        },
        Change::Acknowledged {
            partition: partition.clone(),
            base: Offset(8),
            last: Offset(9),
            epoch: LeaderEpoch(6),
            acks: Acks::Leader,
        },
        Change::Served {
            partition: partition.clone(),
            from: Offset(7),
            until: Offset(10),
            hw: Offset(9),
            epoch: LeaderEpoch(6),
            reader: Some(BrokerId(2)),
        },
        Change::BecameController { controller_epoch: ControllerEpoch(2), offset: Offset(40) },
        Change::BrokerChanged {
            offset: Offset(41),
            subject: BrokerId(2),
            broker_epoch: BrokerEpoch(39),
            fenced: true,
        },
        Change::PartitionChanged {
            offset: Offset(42),
            partition,
            leader: Some(BrokerId(3)),
            leader_epoch: LeaderEpoch(7),
            partition_epoch: PartitionEpoch(14),
            isr: [BrokerId(3)].into(),
            replicas: [BrokerId(1), BrokerId(2), BrokerId(3)].into(),
            min_isr: 2,
            unclean: true,
            controller_epoch: ControllerEpoch(2),
        },
        Change::Lost { file: "orders-3/00000000000000000000.log".into(), from: 4096 },
        Change::Damaged { file: "orders-3/leader-epoch-checkpoint".into(), from: 17, why: "bit flip".into() },
    ];
    changes.into_iter().map(|change| TraceEvent { time: Time(7), broker: BrokerId(1), change }).collect()
}

#[test]
fn every_event_comes_back_from_its_fields_and_from_json() {
    let samples = samples();
    let names: Vec<_> = samples.iter().map(|event| event.change.name()).collect();
    assert_eq!(names, Change::NAMES, "one sample of every event, in order");
    for event in samples {
        let again = TraceEvent::from_fields(event.time, event.change.name(), event.fields());
        assert_eq!(again.as_ref(), Ok(&event));
        let text = serde_json::to_string(&event).expect("serialises");
        assert_eq!(serde_json::from_str::<TraceEvent>(&text).expect(&text), event);
    }
}

#[test]
fn signed_and_unsigned_fields_mean_the_same() {
    let fields = [("broker", FieldValue::Uint(1)), ("incarnation", FieldValue::Int(5))];
    let event = TraceEvent::from_fields(Time(0), "broker_started", fields).expect("both are numbers");
    assert_eq!(event.change, Change::BrokerStarted { incarnation: 5 });
}

#[test]
fn wrong_events_and_fields_are_named() {
    let one = FieldValue::Int(1);
    let parse = |name, fields: &[(&'static str, FieldValue<'static>)]| {
        TraceEvent::from_fields(Time(0), name, fields.iter().cloned()).expect_err("is wrong").to_string()
    };
    assert_eq!(parse("leapt", &[]), "unknown trace event `leapt`; docs/trace-events.md lists the known ones");
    assert_eq!(
        parse("registered", &[("broker", one.clone())]),
        "trace event `registered` lacks its field `broker_epoch`"
    );
    assert_eq!(
        parse("registered", &[("broker", one.clone()), ("broker_epoch", one.clone()), ("hue", one.clone())]),
        "trace event `registered` has no field `hue`"
    );
    assert_eq!(
        parse("registered", &[("broker", FieldValue::Uint(1 << 40))]),
        "trace event `registered`: field `broker` is 1099511627776, not a number in range"
    );
    assert_eq!(
        parse("broker_stopped", &[("broker", one.clone()), ("why", FieldValue::Bool(true))]),
        "trace event `broker_stopped`: field `why` is true, not a text"
    );
}

#[test]
fn malformed_lists_are_refused() {
    for epochs in ["1", "1:2:3", "1:x", "1:2;3:4"] {
        let fields = [
            ("broker", FieldValue::Int(1)),
            ("topic", FieldValue::Str("orders".into())),
            ("partition", FieldValue::Int(0)),
            ("epochs", FieldValue::Str(epochs.into())),
        ];
        let refused = TraceEvent::from_fields(Time(0), "epoch_cache", fields).expect_err(epochs).to_string();
        assert!(refused.ends_with("not epochs and their starts like `0:0` joined by commas"), "{refused}");
    }
}

#[test]
fn every_event_and_field_is_documented() {
    let document = include_str!("../../../docs/trace-events.md");
    let mut sections = document.split("\n### ");
    assert!(
        sections.next().is_some_and(|intro| intro.contains(REPLICA_TARGET) && intro.contains(DISK_TARGET))
    );
    let sections: Vec<_> = sections.collect();
    assert_eq!(sections.len(), Change::NAMES.len(), "one section an event");
    for event in samples() {
        let name = event.change.name();
        let heading = format!("`{name}`\n");
        let section = sections.iter().find(|section| section.starts_with(&heading)).expect(name);
        for (field, _) in event.fields() {
            assert!(section.contains(&format!("| `{field}` |")), "`{name}` has a row for `{field}`");
        }
        assert_eq!(section.matches("\n| `").count(), event.fields().len(), "`{name}` has no other rows");
    }
}
