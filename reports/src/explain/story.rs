//! The story of an explanation: the life of a record, told step by step.

use std::collections::BTreeSet;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{BrokerId, Time};
use highwater_checkers::operation::{Outcome, Phase};
use highwater_checkers::state::{CommittedPartition, CutBy};

use super::Told;
use super::causes::{Faults, injected};
use super::life::{AtLast, Life, Lost, Place, What};
use super::words::{self, listed};
use crate::narrate;

/// So many readings of one record are told, the rest is counted.
const READINGS_MAX: usize = 2;

/// How much is told of what went on around a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// Leaders, in-sync replicas, processes and faults too.
    Everything,
    /// The record alone.
    Nothing,
}

/// The life of a record, from its sending to its end.
pub(super) fn of_life(life: &Life, around: Around, faults: &Faults, source: &str) -> Vec<Told> {
    let partition = &life.record.partition;
    let mut told = Vec::new();
    let begin = life.steps.iter().position(|step| {
        matches!(step.what, What::Sent { .. } | What::Appended { .. } | What::Read { .. } | What::Answered { .. })
    });
    let steps = &life.steps[begin.unwrap_or(life.steps.len())..];
    let (from, until) = (steps.first().map(|step| step.time), ending(life));
    let mut readings = 0;
    for step in steps {
        let is_around = matches!(step.what, What::Decided { .. } | What::Started(_) | What::Stopped(..));
        if is_around && (around == Around::Nothing || step.time > until) {
            continue;
        }
        if let What::Read { phase, .. } = step.what
            && phase != Phase::Final
        {
            readings += 1;
            if readings > READINGS_MAX {
                continue;
            }
        }
        if let Some(text) = sentence(&step.what, life) {
            told.push(Told { time: Some(step.time), text });
        }
    }
    if around == Around::Everything {
        let replicas: BTreeSet<BrokerId> = replicas(life);
        let strikes = |fault: &&FaultRecord| {
            let struck = fault.injected.as_ref().map(|(_, targets)| words::brokers_struck(targets));
            struck.is_some_and(|struck| struck.is_empty() || struck.iter().any(|it| replicas.contains(it)))
        };
        let is_meant = |fault: &&FaultRecord| {
            let ended = fault.healed.unwrap_or(Time(u64::MAX));
            injected(fault) <= until && from.is_some_and(|from| ended >= from)
        };
        for fault in faults.all().iter().filter(strikes).filter(is_meant) {
            let text = format!("fault: {}", narrate::fault(fault, source));
            told.push(Told { time: Some(injected(fault)), text });
        }
        told.sort_by_key(|told| told.time);
    }
    if readings > READINGS_MAX {
        let text = format!("{partition}@{} was read {readings} times in all", life.record.offset);
        told.push(Told { time: None, text });
    }
    told.push(Told { time: None, text: at_the_end(life) });
    told
}

/// The replicas of the partition, as far as they were told of.
fn replicas(life: &Life) -> BTreeSet<BrokerId> {
    let decided = life.steps.iter().rev().find_map(|step| match &step.what {
        What::Decided { after, .. } => Some(after.replicas.to_vec()),
        _ => None,
    });
    life.places.iter().map(|(broker, _)| *broker).chain(decided.into_iter().flatten()).collect()
}

/// The last moment that concerns the record itself.
fn ending(life: &Life) -> Time {
    let concerns = |what: &What| {
        matches!(what, What::Cut { .. } | What::LedWithout { .. } | What::Replaced { .. } | What::Appended { .. })
    };
    let last = life.steps.iter().rev().find(|step| concerns(&step.what));
    last.or(life.steps.last()).map_or(Time(u64::MAX), |step| step.time)
}

/// One step in a sentence.
fn sentence(what: &What, life: &Life) -> Option<String> {
    let partition = &life.record.partition;
    let offset = life.record.offset;
    Some(match what {
        What::Sent { client, operation, acks } => {
            let value = life.record.value.map(words::value).unwrap_or_default();
            format!("{} sends record {value} to {partition} with acks={acks} ({operation})", words::client(*client))
        }
        What::Answered { outcome, operation, offset: told, error } => match (outcome, told) {
            (Outcome::Ok, Some(told)) => {
                format!("the producer is told that it is safe at offset {told} ({operation})")
            }
            (Outcome::Ok, None) => format!("the producer is told that it is safe ({operation})"),
            (Outcome::Fail, _) => format!("the producer is told that it failed{} ({operation})", why(error.as_deref())),
            _ => format!("the producer does not learn what became of it{} ({operation})", why(error.as_deref())),
        },
        What::Appended { broker, epoch, leads: true, replaced: None } => {
            format!("{broker}, which leads in epoch {epoch}, appends it at offset {offset}")
        }
        What::Appended { broker, epoch, leads: true, replaced: Some(by) } => format!(
            "{broker} appends it at offset {offset} in epoch {epoch}, though {} was elected in epoch {} at {}",
            by.leader, by.epoch, by.time
        ),
        What::Appended { broker, epoch, .. } => format!("{broker} replicates it (epoch {epoch})"),
        What::Found { broker } => format!("{broker} starts and has it on its disk"),
        What::Committed { broker, hw, leads } => {
            let who = if *leads { ", which leads," } else { "" };
            format!("the high watermark of {broker}{who} passes it: {hw}")
        }
        What::Acknowledged { broker, acks, have, .. } => {
            format!("{broker} acknowledges it (acks={acks}); {} {} it", listed(have), words::have(have))
        }
        What::Exposed { broker, hw } => {
            format!("{broker} hands it to a consumer, above its high watermark {hw}")
        }
        What::Read { client, operation, from, phase } => {
            let from = from.map_or_else(String::new, |from| format!(" from {from}"));
            let last = if *phase == Phase::Final { " in the final read" } else { "" };
            format!("{} reads it{from}{last} ({operation})", words::client(*client))
        }
        What::Cut { broker, cut, left } => {
            let still = match left.as_slice() {
                [] => "no log has it any more".to_owned(),
                left => format!("{} still {} it", listed(left), words::have(left)),
            };
            format!("{}; {still}", cut_by(*broker, cut))
        }
        What::Decided { before, after } => decision(before.as_deref(), after, life)?,
        What::LedWithout { broker, epoch } => {
            format!("{broker} begins to lead in epoch {epoch}, and does not have it")
        }
        What::Replaced { broker, epoch } => {
            format!("{broker}, which leads in epoch {epoch}, puts another record at offset {offset}")
        }
        What::Started(broker) => format!("{broker} starts"),
        What::Stopped(broker, why) => format!("{broker} stops: {why}"),
    })
}

fn why(error: Option<&str>) -> String {
    error.map_or_else(String::new, |error| format!(": {error}"))
}

fn cut_by(broker: BrokerId, lost: &Lost) -> String {
    match &lost.how {
        CutBy::Truncation { why, epoch, leader } => {
            let leader = leader.map_or_else(String::new, |leader| format!(" to follow {leader}"));
            let epoch = epoch.map_or_else(String::new, |epoch| format!(" in epoch {epoch}"));
            format!("{broker} truncates its log to {}{leader}{epoch} ({why}), and loses it", lost.to)
        }
        CutBy::Recovery => {
            format!("{broker} does not find it on its disk as it starts: its log parts from what it was at {}", lost.to)
        }
    }
}

/// What the controllers decided.
fn decision(
    before: Option<&CommittedPartition>,
    after: &CommittedPartition,
    life: &Life,
) -> Option<String> {
    let partition = &life.record.partition;
    let isr = listed(after.isr.iter());
    let Some(before) = before else {
        return Some(format!("{partition} is created: {isr} in sync"));
    };
    if before.leader_epoch != after.leader_epoch || before.leader != after.leader {
        let outside = after.leader.filter(|leader| !before.isr.contains(leader));
        let unclean = outside.map_or("", |_| ", which was not in sync");
        return Some(match after.leader {
            Some(leader) => format!(
                "the controllers make {leader}{unclean} the leader of {partition} in epoch {}; in sync: {isr}",
                after.leader_epoch
            ),
            None => format!("{partition} has no leader any more; in sync: {isr}"),
        });
    }
    let left: Vec<_> = before.isr.iter().filter(|it| !after.isr.contains(it)).collect();
    let joined: Vec<_> = after.isr.iter().filter(|it| !before.isr.contains(it)).collect();
    let mut parts = Vec::new();
    if !left.is_empty() {
        parts.push(format!("{} leaves the ISR of {partition}", listed(left)));
    }
    if !joined.is_empty() {
        parts.push(format!("{} joins the ISR of {partition}", listed(joined)));
    }
    (!parts.is_empty()).then(|| format!("{}; in sync: {isr}", parts.join(", ")))
}

/// Where the record is when all is over.
fn at_the_end(life: &Life) -> String {
    let record = words::record(&life.record);
    let place = |wanted: Place| -> Vec<BrokerId> {
        life.places.iter().filter(|(_, place)| *place == wanted).map(|(broker, _)| *broker).collect()
    };
    let mut logs = Vec::new();
    for (wanted, text) in [
        (Place::Committed, "below the high watermark of"),
        (Place::Uncommitted, "above the high watermark of"),
        (Place::Lost, "lost by"),
        (Place::Never, "never on"),
        (Place::Unknown, "unknown on"),
    ] {
        let brokers = place(wanted);
        if !brokers.is_empty() {
            logs.push(format!("{text} {}", listed(brokers)));
        }
    }
    let logs = if logs.is_empty() { "no broker told of it".to_owned() } else { logs.join(", ") };
    let read = match life.at_last {
        AtLast::Unread => "there was no final read".to_owned(),
        AtLast::There => "the final read has it".to_owned(),
        AtLast::Elsewhere(offset) => format!("the final read has it at offset {offset}"),
        AtLast::Absent(None) => "the final read does not have it, and nothing in its place".to_owned(),
        AtLast::Absent(Some(other)) => {
            format!("the final read has record {} in its place", words::value(other))
        }
    };
    format!("at the end {record} is: {logs}; {read}")
}
