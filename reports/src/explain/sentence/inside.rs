//! Sentences on the inside of the cluster: invariants, partitions that are stuck, nodes that end by themselves.

use highwater_checkers::ids::{BrokerId, Time};
use highwater_checkers::operation::Outcome;
use highwater_checkers::recording::{Event, Stage};
use highwater_checkers::trace::{Change, TraceEvent};
use highwater_checkers::verdict::Anomaly;

use super::super::causes::{self, Spoiled, injected};
use super::super::life::{Life, What};
use super::super::words::{self, listed};
use super::{Scene, first_that_fits, set_off};

impl Scene<'_> {
    /// A broken invariant: when, in which step, and what set it off.
    pub(super) fn of_breach(&self) -> String {
        let anomaly = self.finding.anomaly;
        let time = self.time();
        let what = self.what();
        let breaks = format!("breaks {anomaly} {}: ", anomaly.title());
        let of_none = format!("breach of {anomaly} {}: ", anomaly.title());
        let what =
            what.split_once(&breaks).map(|(_, what)| what).or(what.strip_prefix(&of_none)).unwrap_or(what);
        let subject = match (self.life, self.is_of_record) {
            (Some(life), true) => words::record(&life.record),
            (Some(life), false) => life.record.partition.to_string(),
            (None, _) => "the cluster".to_owned(),
        };
        // What the batches are says little beside where they differ.
        let what = match what.rsplit_once(": ") {
            Some((what, batches)) if batches.contains("(crc ") => what,
            _ => what,
        };
        let name = match anomaly.title() {
            title if anomaly.name().starts_with('W') => format!("{anomaly} {title}"),
            title => title.to_owned(),
        };
        let head = format!("{subject} at {time}: {what} ({name})");
        let (spoiled, causes) = self.causes();
        let step = self.evidence.and_then(|it| step(it.transition.as_ref()?.event.as_ref()?));
        let step = step.map_or_else(String::new, |step| format!(", as {step}"));
        first_that_fits(&[
            format!("{head}{step}{spoiled}{causes}"),
            format!("{head}{spoiled}{causes}"),
            format!("{head}{causes}"),
        ])
    }

    /// Where two logs differ, who was the first to have it otherwise; and the end of the sentence.
    fn causes(&self) -> (String, String) {
        let differs = matches!(
            self.finding.anomaly,
            Anomaly::LogMatching
                | Anomaly::EpochLogMatching
                | Anomaly::StrongIsr
                | Anomaly::WeakIsr
                | Anomaly::VerifiedHighWatermark
        );
        let Some(life) = self.life.filter(|_| differs && self.is_of_record) else {
            return (String::new(), self.causes_of_breach());
        };
        let time = self.time();
        let found = causes::of_divergence(self.recording, life, &self.brokers(), time, self.faults);
        let spoiled = found.spoiled.map_or_else(String::new, |Spoiled { by, time, from }| match from {
            Some(from) => format!("; {by} took over a spoiled copy from {from} at {time}"),
            None => format!("; {by} found a spoiled copy on its disk at {time}"),
        });
        (spoiled, set_off(&found.faults, self.faults, time))
    }

    /// A partition that came to nothing after the heal.
    pub(super) fn of_stuck(&self) -> String {
        let Some(life) = self.life else { return self.what().to_owned() };
        let partition = &life.record.partition;
        let heal = self.faults.all().iter().filter_map(|fault| fault.healed).max();
        let heal = heal.map_or_else(String::new, |heal| format!(" after the last heal at {heal}"));
        let last = self.evidence.and_then(|evidence| evidence.operations.first().copied());
        let acknowledged = self.recording.operations().filter(|it| it.outcome == Outcome::Ok);
        let last = acknowledged.filter(|it| Some(it.index) == last).find_map(|operation| {
            let send = operation.body.sends().find(|send| send.partition == *partition)?;
            let offset = send.offset.map_or_else(String::new, |offset| format!("@{offset}"));
            let value = words::value(send.value);
            Some(format!(
                "the last record acknowledged is {partition}{offset} (record {value}) at {}",
                operation.time
            ))
        });
        let last = last.unwrap_or_else(|| "nothing was ever acknowledged".to_owned());
        let (leads, missing) = leads(life);
        let named =
            missing.iter().filter_map(|broker| self.faults.last_on(*broker)).max_by_key(|it| injected(it));
        let causes = set_off(&named.into_iter().collect::<Vec<_>>(), self.faults, self.time());
        let head = format!("{partition} did not recover within the bound{heal}: {leads}");
        first_that_fits(&[format!("{head}; {last}{causes}"), format!("{head}{causes}")])
    }

    /// A node that ended by itself.
    pub(super) fn of_crash(&self) -> String {
        let time = self.time();
        let note = self.recording.events.iter().find_map(|event| match event {
            Event::Mark(mark) if mark.stage == Stage::Crashed => mark.note.clone(),
            _ => None,
        });
        let note = note.as_deref().unwrap_or("a node ended by itself");
        let node: Option<BrokerId> = note.split_whitespace().next().and_then(|name| name.parse().ok());
        let disk = node.and_then(|node| self.faults.on_disk(node, Time(0), time));
        let named = disk.or_else(|| node.and_then(|node| self.faults.on(node, time)));
        let causes = set_off(&named.into_iter().collect::<Vec<_>>(), self.faults, time);
        let short: String = note.split("; ").next().unwrap_or(note).to_owned();
        first_that_fits(&[format!("at {time} {note}{causes}"), format!("at {time} {short}{causes}")])
    }
}

/// Who leads a partition at the end, and who is in sync; and which of its replicas are not.
fn leads(life: &Life) -> (String, Vec<BrokerId>) {
    let last = life.steps.iter().rev().find_map(|step| match &step.what {
        What::Decided { after, .. } => Some((step.time, after)),
        _ => None,
    });
    let Some((time, after)) = last else { return ("nobody told who leads".to_owned(), Vec::new()) };
    let missing: Vec<BrokerId> =
        after.replicas.iter().copied().filter(|it| !after.isr.contains(it)).collect();
    let leads = match after.leader {
        Some(leader) => format!("since {time} {leader} leads in epoch {}", after.leader_epoch),
        None => format!("since {time} nobody leads"),
    };
    let isr = listed(after.isr.iter());
    let without = if missing.is_empty() { String::new() } else { format!(" and {} not", listed(&missing)) };
    (format!("{leads}, with {isr} in sync{without}"), missing)
}

/// The step that broke it, as part of a sentence; none where that says nothing new.
fn step(event: &TraceEvent) -> Option<String> {
    let broker = event.broker;
    Some(match &event.change {
        Change::BecameLeader { epoch, .. } => format!("{broker} began to lead in epoch {epoch}"),
        Change::BecameFollower { epoch, leader: Some(leader), .. } => {
            format!("{broker} began to follow {leader} in epoch {epoch}")
        }
        Change::Truncated { to, why, .. } => format!("{broker} truncated to {to} ({why})"),
        Change::Recovered { leo, .. } => format!("{broker} started with a log that ends at {leo}"),
        Change::IsrApplied { isr, .. } => {
            format!("{broker} took over that {} are in sync", listed(isr.iter()))
        }
        Change::PartitionChanged { leader: Some(leader), leader_epoch, isr, .. } => format!(
            "the controllers decided that {leader} leads in epoch {leader_epoch} with {} in sync",
            listed(isr.iter())
        ),
        Change::BrokerChanged { subject, fenced: false, .. } => format!("{subject} was let in again"),
        _ => return None,
    })
}
