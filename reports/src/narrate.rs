//! A recording's events, a run's faults and their measures as people read them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use highwater_checkers::fault::{FaultEvent, FaultPhase, FaultRecord, Target};
use highwater_checkers::ids::TopicPartition;
use highwater_checkers::operation::{Body, MicroOp, Operation, PartitionPosition, Poll, Send};
use highwater_checkers::recording::{Event, Stage};
use highwater_checkers::trace::{FieldValue, TraceEvent};
use highwater_checkers::verdict::Evidence;

use crate::style::plain;
use crate::summary::{Outcome, RunSummary};
use crate::timeline::Leadership;

/// How many records or targets are named before the rest is only counted.
const NAMED_MAX: usize = 8;

/// A time span to three digits: `3.21s`, `45ms`, `12m 5s`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_secs() {
        0 if duration.is_zero() => "0s".to_owned(),
        0 if duration < Duration::from_millis(1) => format!("{}us", duration.as_micros()),
        0 => format!("{}ms", duration.as_millis()),
        1..10 => format!("{seconds:.2}s"),
        10..120 => format!("{seconds:.1}s"),
        whole => format!("{}m {}s", whole / 60, whole % 60),
    }
}

/// A number with a comma between each three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 run`, `20 runs`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A fault in a line: what it was, when and on whom, what it did, and where the scenario asks for it.
pub fn fault(record: &FaultRecord, source: &str) -> String {
    let mut text = if record.kind.is_empty() { "unknown fault".to_owned() } else { record.kind.to_string() };
    match &record.injected {
        Some((time, targets)) => {
            let _ = write!(text, " at {time}");
            if !targets.is_empty() {
                let _ = write!(text, " on {}", listed(targets));
            }
        }
        None => {
            text += " never applied";
            if let Some(reason) = &record.skipped {
                let _ = write!(text, ": {reason}");
            }
        }
    }
    if let Some(healed) = record.healed {
        let _ = write!(text, " until {healed}");
    }
    let met = record.effect.counters.iter().filter(|(_, count)| **count > 0);
    let effects: Vec<_> = met.map(|(name, count)| format!("{count} {}", name.replace('_', " "))).collect();
    if !effects.is_empty() {
        let _ = write!(text, " ({})", effects.join(", "));
    }
    if record.yaml.line > 0 {
        let _ = write!(text, "  {source}:{}", record.yaml.line);
    }
    text
}

/// The faults that matter to a failed run, a line each: the last `most` of them, which are the nearest to the failure.
pub(crate) fn causes(run: &RunSummary, most: usize) -> Vec<String> {
    let earlier = run.faults.len().saturating_sub(most);
    let nearest = run.faults[earlier..].iter().map(|it| plain(&fault(it, &run.source)).into_owned());
    let count = (earlier > 0).then(|| format!("after {}:", counted(earlier as u64, "earlier fault")));
    count.into_iter().chain(nearest).collect()
}

/// `18 pass, 2 violation`.
pub(crate) fn outcomes(counts: &BTreeMap<Outcome, u64>) -> String {
    let told = counts.iter().map(|(outcome, count)| format!("{} {outcome}", grouped(*count)));
    told.collect::<Vec<_>>().join(", ")
}

/// Who led a partition, in a line: `b1 (epoch 0) from 0.512s, nobody (epoch 1) from 9.400s`.
pub fn leaders(led: &[Leadership]) -> String {
    let told = led.iter().map(|Leadership { since, epoch, leader }| match leader {
        Some(leader) => format!("{leader} (epoch {epoch}) from {since}"),
        None => format!("nobody (epoch {epoch}) from {since}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// One instance of a finding: when it was, and the operations, values, offsets and brokers that prove it.
pub fn evidence(evidence: &Evidence) -> String {
    let mut told = evidence.time.to_string();
    for operation in &evidence.operations {
        let _ = write!(told, " {operation}");
    }
    for (name, numbers) in [
        ("value", evidence.values.iter().map(ToString::to_string).collect::<Vec<_>>()),
        ("offset", evidence.offsets.iter().map(ToString::to_string).collect()),
        ("broker", evidence.brokers.iter().map(ToString::to_string).collect()),
    ] {
        if !numbers.is_empty() {
            let _ = write!(told, ", {name} {}", numbers.join(" "));
        }
    }
    told
}

/// One event of a recording in a line, its time first.
pub fn event(event: &Event) -> String {
    let time = event.time();
    let what = match event {
        Event::Operation(it) => operation(it),
        Event::Fault(it) => fault_event(it),
        Event::Trace(it) => trace(it),
        Event::Mark(mark) => {
            let stage = stage(mark.stage);
            match &mark.note {
                Some(note) => format!("-- {stage}: {note}"),
                None => format!("-- {stage}"),
            }
        }
        Event::Sample(sample) => {
            let counters: Vec<_> = sample.counters.iter().map(|(name, n)| format!("{name}={n}")).collect();
            format!("counters {}", counters.join(" "))
        }
    };
    format!("{:>12} {what}", time.to_string())
}

/// A stage of a run, in words.
pub fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Steady => "steady state reached",
        Stage::NotSteady => "steady state not reached",
        Stage::Calm => "calm phase begins",
        Stage::FinalRead => "final read begins",
        Stage::NoFinalRead => "final read not possible",
        Stage::Stopped => "stopped",
        Stage::Crashed => "crashed",
    }
}

/// A broker's trace event: who, what, and its fields as `name=value`.
fn trace(event: &TraceEvent) -> String {
    let mut text = format!("{} {}", event.broker, event.change.name());
    for (name, value) in event.fields().into_iter().filter(|(name, _)| *name != "broker") {
        let _ = match value {
            FieldValue::Int(number) => write!(text, " {name}={number}"),
            FieldValue::Uint(number) => write!(text, " {name}={number}"),
            FieldValue::Bool(truth) => write!(text, " {name}={truth}"),
            FieldValue::Str(value) => write!(text, " {name}={value}"),
        };
    }
    text
}

fn fault_event(event: &FaultEvent) -> String {
    let what = match &event.phase {
        FaultPhase::Planned { kind, at: Some(at), .. } => format!("{kind} planned for {at}"),
        FaultPhase::Planned { kind, at: None, .. } => format!("{kind} planned for its trigger"),
        FaultPhase::Injected { targets } if targets.is_empty() => "injected".to_owned(),
        FaultPhase::Injected { targets } => format!("injected on {}", listed(targets)),
        FaultPhase::Healed => "healed".to_owned(),
        FaultPhase::Skipped { reason } => format!("skipped: {reason}"),
        FaultPhase::Effect(effect) => {
            let counters: Vec<_> = effect.counters.iter().map(|(name, n)| format!(" {name}={n}")).collect();
            format!("{}{}", if effect.bit { "bit" } else { "never bit" }, counters.concat())
        }
    };
    format!("fault {} {what}", event.occurrence)
}

fn operation(operation: &Operation) -> String {
    let Operation { index, process, client, outcome, body, error, .. } = operation;
    let mut text = format!("{client} {process} {index} {outcome:?} {}", body.function()).to_lowercase();
    match body {
        Body::Send(it) => text += &send(it),
        Body::Poll(it) => text += &poll(it),
        Body::Txn(steps) => {
            for step in steps {
                text += &match step {
                    MicroOp::Send(it) => send(it),
                    MicroOp::Poll(it) => poll(it),
                };
            }
        }
        Body::Assign(it) | Body::FinalRead(it) => text += &positions(it),
        Body::Commit(it) | Body::FetchCommitted(it) => {
            let _ = write!(text, " group={}", it.group);
            text += &positions(&it.offsets);
        }
        Body::Subscribe(it) => text += &partitions(it),
        Body::Join(it) => {
            let _ = write!(text, " group={} generation={}", it.group, it.generation);
            text += &partitions(&it.partitions);
        }
    }
    if let Some(error) = error {
        let _ = write!(text, " ({error})");
    }
    text
}

fn positions(positions: &[PartitionPosition]) -> String {
    let mut text = String::new();
    for PartitionPosition { partition, offset } in positions {
        let _ = match offset {
            Some(offset) => write!(text, " {partition}@{offset}"),
            None => write!(text, " {partition}"),
        };
    }
    text
}

fn partitions(partitions: &[TopicPartition]) -> String {
    partitions.iter().map(|partition| format!(" {partition}")).collect()
}

fn send(send: &Send) -> String {
    let mut text = format!(" {} value={} acks={}", send.partition, send.value, send.acks);
    if let Some(offset) = send.offset {
        let _ = write!(text, " offset={offset}");
    }
    text
}

fn poll(poll: &Poll) -> String {
    let mut text = String::new();
    for read in &poll.reads {
        let _ = write!(text, " {}", read.partition);
        match &*read.records {
            [] => text += " nothing",
            [one] => {
                let _ = write!(text, " {}={}", one.offset, one.value);
            }
            [first, .., last] => {
                let count = read.records.len();
                let _ = write!(
                    text,
                    " {}={} to {}={} ({count} records)",
                    first.offset, first.value, last.offset, last.value
                );
            }
        }
        if let Some(hw) = read.seen.high_watermark {
            let _ = write!(text, " hw={hw}");
        }
        if let Some(reset) = read.seen.reset {
            let _ = write!(text, " reset to {reset}");
        }
    }
    text
}

fn listed(targets: &[Target]) -> String {
    let mut names: Vec<_> = targets.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    if targets.len() > NAMED_MAX {
        names.push(format!("{} more", targets.len() - NAMED_MAX));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_checkers::ids::{BrokerId, Offset, Time, TopicPartition};
    use highwater_checkers::trace::Change;

    #[test]
    fn measures_are_short() {
        let cases = [
            (Duration::ZERO, "0s"),
            (Duration::from_micros(7), "7us"),
            (Duration::from_millis(45), "45ms"),
            (Duration::from_millis(3_214), "3.21s"),
            (Duration::from_millis(32_140), "32.1s"),
            (Duration::from_secs(725), "12m 5s"),
        ];
        for (duration, text) in cases {
            assert_eq!(span(duration), text);
        }
        assert_eq!([grouped(0), grouped(999), grouped(1_234_567)], ["0", "999", "1,234,567"]);
        assert_eq!([counted(1, "run"), counted(2_000, "run")], ["1 run", "2,000 runs"]);
    }

    #[test]
    fn a_trace_event_reads_as_a_line() {
        let change = Change::Truncated {
            partition: TopicPartition::new("orders", 2),
            from: Offset(9),
            to: Offset(7),
            why: "epoch".into(),
            epochs: [].into(),
        };
        let traced = Event::Trace(TraceEvent { time: Time::from_millis(1_500), broker: BrokerId(3), change });
        assert_eq!(
            event(&traced),
            "      1.500s b3 truncated topic=orders partition=2 from=9 to=7 why=epoch epochs="
        );
    }
}
