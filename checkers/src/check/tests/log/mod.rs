//! Logs: the fixtures of the anomalies as Jepsen writes them, through the reader and the whole check.

mod fixtures;
mod jepsen;
mod preconditions;

use super::*;
use crate::operation::{Body, MicroOp, Operation, Outcome, PartitionRead, Poll, Send};
use crate::recording::Event;
use crate::script::Script;

/// The operations of a script as Jepsen's kafka workload would have them, in EDN.
fn edn_of(script: &str) -> String {
    let script = Script::of(script);
    let operations = script.events.iter().filter_map(|event| match event {
        Event::Operation(operation) => Some(line(operation)),
        _ => None,
    });
    operations.collect()
}

fn line(operation: &Operation) -> String {
    let is_asked = operation.outcome == Outcome::Invoke;
    let outcome = format!("{:?}", operation.outcome).to_lowercase();
    let function = operation.body.function();
    let client = operation.client.0;
    let value = match &operation.body {
        Body::Send(send) => format!("[{}]", sent(send)),
        Body::Poll(poll) => format!("[{}]", polled(poll, is_asked)),
        Body::Txn(steps) => {
            let step = |step: &MicroOp| match step {
                MicroOp::Send(send) => sent(send),
                MicroOp::Poll(poll) => polled(poll, is_asked),
            };
            format!("[{}]", steps.iter().map(step).collect::<Vec<_>>().join(" "))
        }
        Body::Assign(positions) | Body::FinalRead(positions) => {
            let keys: Vec<_> = positions.iter().map(|it| format!(":{}", it.partition.topic)).collect();
            let offset =
                |offset: Option<crate::ids::Offset>| offset.map_or("nil".to_owned(), |it| it.to_string());
            let at: Vec<_> = positions.iter().map(|it| offset(it.offset)).collect();
            format!("[{}], :at [{}]", keys.join(" "), at.join(" "))
        }
        Body::Subscribe(partitions) => {
            let keys: Vec<_> = partitions.iter().map(|it| format!(":{}", it.topic)).collect();
            format!("[{}]", keys.join(" "))
        }
        other => panic!("{other:?} is nothing of Jepsen's"),
    };
    let phase = format!("{:?}", operation.phase).to_lowercase();
    format!(
        "{{:process {}, :client {client}, :phase :{phase}, :type :{outcome}, :f :{function}, :value {value}}}\n",
        operation.process.0
    )
}

fn sent(send: &Send) -> String {
    let value = named(send.value);
    match send.offset {
        Some(offset) => format!("[:send :{} [{offset} {value}]]", send.partition.topic),
        None => format!("[:send :{} {value}]", send.partition.topic),
    }
}

fn polled(poll: &Poll, is_asked: bool) -> String {
    if is_asked {
        return "[:poll]".to_owned();
    }
    let read = |read: &PartitionRead| {
        let records: Vec<_> =
            read.records.iter().map(|it| format!("[{} {}]", it.offset, named(it.value))).collect();
        format!(":{} [{}]", read.partition.topic, records.join(" "))
    };
    format!("[:poll {{{}}}]", poll.reads.iter().map(read).collect::<Vec<_>>().join(" "))
}

/// Letters are texts, and numbers are numbers.
fn named(value: crate::ids::Value) -> String {
    match u8::try_from(value.0) {
        Ok(byte) if byte.is_ascii_lowercase() => format!("{:?}", char::from(byte).to_string()),
        _ => value.to_string(),
    }
}

fn report(text: &str) -> CheckReport {
    checked(Object::Log, text, &Options::default()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// `kind key`, and how often if more than once.
fn kinds(findings: &[Finding]) -> Vec<String> {
    let told = |finding: &Finding| {
        let key = finding.key.as_ref().map_or_else(String::new, ToString::to_string);
        let often = if finding.count > 1 { format!(" {}", finding.count) } else { String::new() };
        format!("{} {key}{often}", finding.kind)
    };
    findings.iter().map(told).collect()
}
