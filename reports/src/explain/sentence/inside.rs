//! Sentences on the inside of the cluster: invariants, partitions that are stuck, nodes that end by themselves.

use highwater_checkers::ids::{BrokerId, Time};
use highwater_checkers::operation::Outcome;
use highwater_checkers::recording::{Event, Stage};
use highwater_checkers::trace::{Change, TraceEvent};
use highwater_checkers::verdict::Anomaly;

use super::super::causes::{self, injected};
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
        let what = what.split_once(&breaks).map(|(_, what)| what).or(what.strip_prefix(&of_none)).unwrap_or(what);
        let subject = match (self.life, self.is_of_record) {
            (Some(life), true) => words::record(&life.record),
            (Some(life), false) => life.record.partition.to_string(),
            (None, _) => "the cluster".to_owned(),
        };
        let head = format!("{subject} at {time}: {what} ({anomaly} {})", anomaly.title());
        let (spoiled, causes) = self.causes();
        let step = self.evidence.and_then(|it| step(it.transition.as_ref()?.event.as_ref()?));
        let step = step.map_or_else(String::new, |step| format!(", as {step}"));
        first_that_fits(vec![
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
        let spoiled = found.spoiled.map_or_else(String::new, |(broker, since)| {
            format!("; {broker} was the first to have it otherwise than it was written, at {since}")
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
            let place = send.offset.map_or_else(|| partition.to_string(), |offset| format!("{partition}@{offset}"));
            Some((operation.time, format!("{place} (record {}) at {}", words::value(send.value), operation.time)))
        });
        let (since, acknowledged) = match last {
            Some((time, last)) => (time, format!("the last record acknowledged is {last}")),
            None => (Time(0), "nothing was ever acknowledged".to_owned()),
        };
        let leads = leads(life);
        // What struck the leader at that time, or came next.
        let leader = life.last_election(since).map(|election| election.leader);
        let next = self.faults.all().iter().find(|fault| injected(fault) >= since);
        let named = leader.and_then(|leader| self.faults.on(leader, next.map_or(since, injected))).or(next);
        let causes = set_off(&named.into_iter().collect::<Vec<_>>(), self.faults, self.time());
        first_that_fits(vec![
            format!("{partition} made no progress within the bound{heal}: {acknowledged}, and {leads}{causes}"),
            format!("{partition} made no progress within the bound{heal}: {acknowledged}{causes}"),
        ])
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
        first_that_fits(vec![format!("at {time} {note}{causes}"), format!("at {time} {short}{causes}")])
    }
}

/// Who leads a partition at the end, and who is in sync.
fn leads(life: &Life) -> String {
    let last = life.steps.iter().rev().find_map(|step| match &step.what {
        What::Decided { after, .. } => Some((step.time, after)),
        _ => None,
    });
    match last {
        Some((time, after)) => match after.leader {
            Some(leader) => format!(
                "since {time} {leader} leads in epoch {} with {} in sync",
                after.leader_epoch,
                listed(after.isr.iter())
            ),
            None => format!("since {time} nobody leads, with {} in sync", listed(after.isr.iter())),
        },
        None => "nobody told who leads".to_owned(),
    }
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
        Change::IsrApplied { isr, .. } => format!("{broker} took over that {} are in sync", listed(isr.iter())),
        Change::PartitionChanged { leader: Some(leader), leader_epoch, isr, .. } => format!(
            "the controllers decided that {leader} leads in epoch {leader_epoch} with {} in sync",
            listed(isr.iter())
        ),
        Change::BrokerChanged { subject, fenced: false, .. } => format!("{subject} was let in again"),
        _ => return None,
    })
}
