//! Operations as JSON, written and read.

use super::super::Outcome;
use super::*;
use crate::ids::{ClientId, OperationIndex, Process, Time};

fn operation(outcome: Outcome, body: Body) -> Operation {
    Operation {
        index: OperationIndex(7),
        time: Time(42),
        process: Process(3),
        client: ClientId(1),
        outcome,
        phase: Phase::Load,
        body,
        error: None,
    }
}

fn send(offset: Option<i64>, acks: Acks) -> Send {
    Send { partition: TopicPartition::new("t", 0), value: Value(9), offset: offset.map(Offset), acks }
}

fn at(partition: i32, offset: Option<i64>) -> PartitionPosition {
    PartitionPosition { partition: TopicPartition::new("t", partition), offset: offset.map(Offset) }
}

#[track_caller]
fn assert_json(operation: &Operation, expected: &str) {
    let text = serde_json::to_string(operation).expect("serialises");
    assert_eq!(text, expected);
    assert_eq!(&serde_json::from_str::<Operation>(&text).expect("parses"), operation);
}

#[test]
fn operations_are_written_with_jepsens_names() {
    assert_json(
        &operation(Outcome::Invoke, Body::Send(send(None, Acks::Leader))),
        r#"{"index":7,"time":42,"process":3,"client":1,"type":"invoke","f":"send","value":[["send","t/0",9,1]]}"#,
    );
    assert_json(
        &operation(Outcome::Ok, Body::Send(send(Some(5), Acks::All))),
        r#"{"index":7,"time":42,"process":3,"client":1,"type":"ok","f":"send","value":[["send","t/0",[5,9]]]}"#,
    );
    assert_json(
        &operation(Outcome::Invoke, Body::Poll(Poll::default())),
        r#"{"index":7,"time":42,"process":3,"client":1,"type":"invoke","f":"poll","value":[["poll"]]}"#,
    );
    let assign = Body::Assign([at(0, Some(0)), at(1, None)].into());
    assert_json(
        &operation(Outcome::Ok, assign),
        r#"{"index":7,"time":42,"process":3,"client":1,"type":"ok","f":"assign","value":["t/0","t/1"],"at":[0,null]}"#,
    );
}

#[test]
fn polls_keep_records_and_marks() {
    let read = PartitionRead {
        partition: TopicPartition::new("t", 0),
        records: [Record { offset: Offset(1 << 62), value: Value(9) }].into(),
        seen: Seen { position: Some(Offset(3)), high_watermark: Some(Offset(4)), ..Seen::default() },
    };
    let mut poll = operation(Outcome::Info, Body::Poll(Poll { reads: [read].into() }));
    poll.phase = Phase::Final;
    poll.error = Some("a \"quoted\" reason".into());
    assert_json(
        &poll,
        r#"{"index":7,"time":42,"process":3,"client":1,"type":"info","phase":"final","f":"poll","value":[["poll",{"t/0":[[4611686018427387904,9]]},{"t/0":[3,4,null]}]],"error":"a \"quoted\" reason"}"#,
    );
}

#[test]
fn who_answered_a_poll_is_written_where_it_is_known() {
    let seen = Seen { from: Some(BrokerId(2)), ..Seen::default() };
    let read = PartitionRead { partition: TopicPartition::new("t", 0), records: [].into(), seen };
    let poll = operation(Outcome::Ok, Body::Poll(Poll { reads: [read].into() }));
    assert_json(
        &poll,
        r#"{"index":7,"time":42,"process":3,"client":1,"type":"ok","f":"poll","value":[["poll",{"t/0":[]},{"t/0":[null,null,null,2]}]]}"#,
    );
}

#[test]
fn transactions_and_final_reads_are_read_back() {
    let steps = [MicroOp::Send(send(None, Acks::All)), MicroOp::Poll(Poll::default())];
    let txn = operation(Outcome::Ok, Body::Txn(steps.into()));
    let sends = operation(
        Outcome::Ok,
        Body::Txn([MicroOp::Send(send(Some(0), Acks::None)), MicroOp::Send(send(None, Acks::None))].into()),
    );
    assert_eq!((txn.body.function(), sends.body.function()), ("txn", "send"));
    let ended = operation(Outcome::Ok, Body::FinalRead([at(0, Some(12))].into()));
    let offsets = || GroupOffsets { group: "g".into(), offsets: [at(0, Some(5)), at(1, None)].into() };
    let partitions: Box<[TopicPartition]> = [TopicPartition::new("t", 0)].into();
    let joined = Membership { group: "g".into(), generation: 3, partitions: partitions.clone() };
    let of_groups = [
        Body::Subscribe(partitions),
        Body::Commit(offsets()),
        Body::FetchCommitted(offsets()),
        Body::Join(joined),
    ];
    let of_groups = of_groups.map(|body| operation(Outcome::Ok, body));
    for operation in [txn, sends, ended].into_iter().chain(of_groups) {
        let text = serde_json::to_string(&operation).expect("serialises");
        assert_eq!(serde_json::from_str::<Operation>(&text).expect("parses"), operation, "{text}");
    }
}

#[test]
fn malformed_operations_are_told() {
    let start = r#"{"index":7,"time":42,"process":3,"type":"ok","#;
    for (rest, reason) in [
        (r#""f":"commit","value":["t/0"]}"#, "missing field `group`"),
        (r#""f":"poll","value":[["poll",{"t/0":[]},{"t/0":[1,2]}]]}"#, "invalid length 2"),
        (r#""f":"fly"}"#, "unknown f `fly`"),
        (r#""f":"send","value":[["send","t/0"]]}"#, "a send without a value"),
        (r#""f":"send","value":[["shout","t/0",1]]}"#, "unknown step `shout`"),
        (r#""f":"send","value":["t/0"]}"#, "a bare partition"),
        (r#""f":"send","value":[["send","t",1]]}"#, "`t` is no partition"),
        (r#""f":"assign","value":["t/0"],"at":[]}"#, "1 partitions, but 0 offsets"),
        (r#""f":"send","value":[["send","t/0",1,2]]}"#, "acks is 2"),
    ] {
        let text = format!("{start}{rest}");
        let error = serde_json::from_str::<Operation>(&text).expect_err(&text).to_string();
        assert!(error.contains(reason), "{error}");
    }
}
