//! The story of an explanation: the life of a record, told step by step.

use std::collections::{BTreeMap, BTreeSet};

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{BrokerId, Time};
use highwater_checkers::operation::{Outcome, Phase};
use highwater_checkers::state::{CommittedPartition, CutBy};
use highwater_checkers::verdict::{Anomaly, Finding, Severity};

use super::Told;
use super::causes::Faults;
use super::life::{AtLast, Life, Lost, Place, What};
use super::sentence::Scene;
use super::words::{self, listed};
use crate::narrate::{self, counted};
use crate::summary::RunSummary;

/// So many readings of one record are told, the rest is counted.
const READINGS_MAX: usize = 2;
/// So much is told of what went on in a partition, where no record is spoken of.
const COURSE_MAX: usize = 24;

/// How much is told of what went on around a record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// Leaders, in-sync replicas, processes and faults too.
    Everything,
    /// The record alone.
    Nothing,
}

/// The story of a finding: the lives of its first records, or what went on in its partition; then what else is broken.
pub(super) fn of_finding(scene: &Scene<'_>, lives: &[Life], summary: &RunSummary) -> Vec<Told> {
    let source = &summary.source;
    let mut told = match (lives, scene.life) {
        ([first, ..], _) => of_life(first, Around::Everything, scene.faults, source),
        ([], Some(course)) => of_course(course, scene, source),
        ([], None) => of_faults(scene.faults, source),
    };
    let findings = summary.verdict().map(|verdict| verdict.findings.as_slice()).unwrap_or_default();
    if let Some(broken) = first_breach(findings) {
        told.push(broken);
    }
    in_order(&mut told);
    for life in lives.iter().skip(1) {
        told.extend(of_life(life, Around::Nothing, scene.faults, source));
    }
    let finding = scene.finding;
    if let (Some(partition), true) = (&finding.partition, finding.count > 1) {
        let (anomaly, count) = (finding.anomaly, counted(finding.count, "instance"));
        told.push(Told { time: None, text: format!("{anomaly}: {count} in {partition} in all") });
    }
    if let Severity::Permitted(reason) = &finding.severity {
        told.push(Told { time: None, text: format!("it is permitted, since {reason}") });
    }
    told.extend(others(finding, findings));
    told
}

/// What happened last before what is evidence of.
fn of_course(course: &Life, scene: &Scene<'_>, source: &str) -> Vec<Told> {
    let until = scene.evidence.map_or(Time(u64::MAX), |evidence| evidence.time);
    let steps: Vec<_> = course.steps.iter().take_while(|step| step.time <= until).collect();
    let mut told: Vec<Told> = steps
        .iter()
        .filter_map(|step| {
            let text = sentence(&step.what, course, scene.faults, source)?;
            Some(Told { time: Some(step.time), text })
        })
        .collect();
    let early = told.len().saturating_sub(COURSE_MAX);
    if early > 0 {
        told.drain(..early);
        let what = counted(early as u64, "earlier change");
        told.insert(0, Told { time: None, text: format!("after {what}:") });
    }
    told
}

/// The first invariant that was broken.
fn first_breach(findings: &[Finding]) -> Option<Told> {
    let breaches = findings.iter().filter(|finding| finding.is_violation()).filter_map(|finding| {
        let evidence = finding.evidence.first()?;
        let position = evidence.transition.as_ref()?.position;
        Some((evidence.time, position, finding))
    });
    let (time, _, finding) = breaches.min_by_key(|(time, position, _)| (*time, *position))?;
    let what = format!("the first broken invariant: {}", finding.what.trim_end_matches('.'));
    Some(Told { time: Some(time), text: what })
}

/// What else was found, and is not permitted.
fn others(told: &Finding, findings: &[Finding]) -> Option<Told> {
    let is_other = |it: &&Finding| (it.anomaly, &it.partition) != (told.anomaly, &told.partition);
    let mut places: BTreeMap<Anomaly, Vec<String>> = BTreeMap::new();
    for finding in findings.iter().filter(|it| it.is_violation()).filter(is_other) {
        let place = finding.partition.as_ref().map_or_else(|| "the cluster".to_owned(), ToString::to_string);
        places.entry(finding.anomaly).or_default().push(place);
    }
    let named = places.iter().map(|(anomaly, places)| match places.as_slice() {
        [place] => format!("{anomaly} in {place}"),
        places => format!("{anomaly} in {}", counted(places.len() as u64, "partition")),
    });
    let named = named.collect::<Vec<_>>();
    (!named.is_empty()).then(|| Told { time: None, text: format!("also found: {}", named.join(", ")) })
}

/// Sorts what has a time; what has none stays behind it, but for a title.
fn in_order(told: &mut [Told]) {
    let begin = told.iter().position(|told| told.time.is_some()).unwrap_or(told.len());
    told[begin..].sort_by_key(|told| told.time.unwrap_or(Time(u64::MAX)));
}

/// The life of a record, from its sending to its end.
pub(super) fn of_life(life: &Life, around: Around, faults: &Faults, source: &str) -> Vec<Told> {
    let title = format!("the life of {}:", words::record(&life.record));
    let mut told = vec![Told { time: None, text: title }];
    let begin = life.steps.iter().position(|step| {
        matches!(
            step.what,
            What::Sent { .. } | What::Appended { .. } | What::Read { .. } | What::Answered { .. }
        )
    });
    let begin = begin.unwrap_or(life.steps.len());
    let (from, until) = (life.steps.get(begin).map(|step| step.time), ending(life));
    // What was still in effect as it was sent.
    let earlier = life.steps[..begin].iter().filter(|step| match step.what {
        What::Struck(occurrence) => {
            let healed = faults.get(occurrence).and_then(|fault| fault.healed);
            from.is_some_and(|from| healed.is_none_or(|healed| healed >= from))
        }
        _ => false,
    });
    let mut readings = 0;
    for step in earlier.chain(&life.steps[begin..]) {
        let is_around = matches!(
            step.what,
            What::Decided { .. } | What::Started(_) | What::Stopped(..) | What::Struck(_)
        );
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
        if let Some(text) = sentence(&step.what, life, faults, source) {
            told.push(Told { time: Some(step.time), text });
        }
    }
    if readings > READINGS_MAX {
        told.push(Told { time: None, text: format!("consumers read it {readings} times in all") });
    }
    told.push(Told { time: None, text: at_the_end(life) });
    told
}

/// What was done to a run, where there is no more to tell.
pub(super) fn of_faults(faults: &Faults, source: &str) -> Vec<Told> {
    let told = faults.all().iter().map(|fault| Told {
        time: fault.injected.as_ref().map(|(time, _)| *time),
        text: format!("fault: {}", narrate::fault(fault, file_name(source))),
    });
    told.collect()
}

/// What a fault was, where it bears on the partition.
fn struck(fault: &FaultRecord, life: &Life, source: &str) -> Option<String> {
    let replicas = replicas(life);
    let (_, targets) = fault.injected.as_ref()?;
    let brokers = words::brokers_struck(targets);
    let is_meant = brokers.is_empty() || brokers.iter().any(|broker| replicas.contains(broker));
    is_meant.then(|| format!("fault: {}", narrate::fault(fault, file_name(source))))
}

/// The last part of a path: beside a fault that is enough.
fn file_name(source: &str) -> &str {
    source.rsplit('/').next().unwrap_or(source)
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
        matches!(
            what,
            What::Cut { .. } | What::LedWithout { .. } | What::Replaced { .. } | What::Appended { .. }
        )
    };
    let last = life.steps.iter().rev().find(|step| concerns(&step.what));
    last.or(life.steps.last()).map_or(Time(u64::MAX), |step| step.time)
}

/// One step in a sentence.
fn sentence(what: &What, life: &Life, faults: &Faults, source: &str) -> Option<String> {
    let partition = &life.record.partition;
    let offset = life.record.offset;
    Some(match what {
        What::Sent { client, operation, acks } => {
            let value = life.record.value.map(words::value).unwrap_or_default();
            format!(
                "{} sends record {value} to {partition} with acks={acks} ({operation})",
                words::client(*client)
            )
        }
        What::Answered { outcome, operation, offset: told, error } => match (outcome, told) {
            (Outcome::Ok, Some(told)) => {
                format!("the producer is told that it is safe at offset {told} ({operation})")
            }
            (Outcome::Ok, None) => format!("the producer is told that it is safe ({operation})"),
            (Outcome::Fail, _) => {
                format!("the producer is told that it failed{} ({operation})", why(error.as_deref()))
            }
            _ => format!(
                "the producer does not learn what became of it{} ({operation})",
                why(error.as_deref())
            ),
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
        What::Acknowledged { broker, acks, have } => {
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
        What::LedWithout { broker, epoch, instead } => {
            let instead =
                instead.map_or_else(String::new, |of| format!(", but another record of epoch {of}"));
            format!("{broker} begins to lead in epoch {epoch}, and does not have it{instead}")
        }
        What::Replaced { broker, epoch } => {
            format!("{broker}, which leads in epoch {epoch}, puts another record at offset {offset}")
        }
        // The controllers are nodes too, and not the partition's.
        What::Started(broker) | What::Stopped(broker, _) if !replicas(life).contains(broker) => return None,
        What::Started(broker) => format!("{broker} starts"),
        What::Stopped(broker, why) => format!("{broker} stops: {why}"),
        What::Struck(occurrence) => return struck(faults.get(*occurrence)?, life, source),
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
            format!(
                "{broker} does not find it on its disk as it starts: its log parts from what it was at {}",
                lost.to
            )
        }
    }
}

/// What the controllers decided.
fn decision(before: Option<&CommittedPartition>, after: &CommittedPartition, life: &Life) -> Option<String> {
    let partition = &life.record.partition;
    let isr = listed(after.isr.iter());
    let Some(before) = before else {
        return Some(format!("{partition} is created: {isr} in sync"));
    };
    if before.leader_epoch != after.leader_epoch || before.leader != after.leader {
        let outside = after.leader.filter(|leader| !before.isr.contains(leader));
        let unclean = outside.map_or("", |_| ", which was not in sync,");
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
