//! Sentences on records that are not where they should be.

use highwater_checkers::ids::{BrokerId, Time};
use highwater_checkers::operation::{Acks, Outcome};
use highwater_checkers::state::CutBy;

use super::super::causes::{Faults, Lack, Loss};
use super::super::life::{AtLast, Life, Lost, Place, What};
use super::super::words::{self, listed};
use super::{first_that_fits, set_off};

/// How much is told of why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// Who led without it.
    Least,
    /// And why that one did not have it.
    Reason,
    /// And who lost the last copy.
    All,
}

/// A record that was lost with `others` more, as was evident at a moment.
pub(super) fn of_loss(life: &Life, others: u64, faults: &Faults, evident: Time) -> String {
    let loss = Loss::of(life);
    let what = format!("{}{}", words::record(&life.record), promised(life));
    let others = if others == 0 { String::new() } else { format!(" with {others} more") };
    let fate = match life.at_last {
        AtLast::Elsewhere(offset) => format!("was moved to offset {offset}"),
        AtLast::There => "was missing for a time".to_owned(),
        AtLast::Unread | AtLast::Absent(_) => "was lost".to_owned(),
    };
    let time = loss.time().unwrap_or(evident);
    let causes = set_off(&loss.faults(life, faults), faults, time);
    let told = [Extent::All, Extent::Reason, Extent::Least].map(|extent| {
        let how = how(life, &loss, extent);
        format!("{what} {fate}{others}: {how}{causes}")
    });
    first_that_fits(&told)
}

/// Any record, whatever became of it.
pub(in super::super) fn of_record(life: &Life, faults: &Faults) -> String {
    let loss = Loss::of(life);
    let what = format!("{}{}", words::record(&life.record), promised(life));
    let is_promised = life.acknowledged().is_some() || life.read().is_some();
    let holders: Vec<BrokerId> = life.holders().collect();
    let have = match holders.as_slice() {
        [] => "no log is known to have it".to_owned(),
        holders => format!("{} {} it", listed(holders), words::have(holders)),
    };
    match life.at_last {
        AtLast::There => format!("{what} is in the final read; {have}"),
        AtLast::Elsewhere(offset) if !loss.is_told() => {
            format!("{what} is at offset {offset} in the final read; {have}")
        }
        AtLast::Unread if !loss.is_told() => format!("{what}: {have}, and there was no final read"),
        _ if is_promised => of_loss(life, 0, faults, Time(u64::MAX)),
        _ => {
            let fate = match life.steps.iter().find_map(|step| answer(&step.what)) {
                Some(Outcome::Fail) => "its producer was told that it failed",
                _ => "nobody was told that it is safe",
            };
            format!("{what} is not in the final read, and {fate}: {}", how(life, &loss, Extent::Reason))
        }
    }
}

fn answer(what: &What) -> Option<Outcome> {
    match what {
        What::Answered { outcome, .. } => Some(*outcome),
        _ => None,
    }
}

/// What clients had been promised of a record.
fn promised(life: &Life) -> String {
    let alone = life.steps.iter().find_map(|step| match &step.what {
        What::Acknowledged { acks: Acks::All, have, .. } => match have.as_slice() {
            [one] => Some(format!(" when {one} alone had it")),
            _ => None,
        },
        _ => None,
    });
    let exposed = life.steps.iter().find_map(|step| match &step.what {
        What::Exposed { broker, hw } => Some(format!(" from {broker} above its high watermark ({hw})")),
        _ => None,
    });
    match (life.acknowledged(), life.read()) {
        (Some((time, _)), _) => format!(", acknowledged at {time}{},", alone.unwrap_or_default()),
        (None, Some((read, _))) => format!(", read at {}{},", read.time, exposed.unwrap_or_default()),
        (None, None) => String::new(),
    }
}

/// How it went: the leader without it, and the last copy, in the order of time.
pub(super) fn how(life: &Life, loss: &Loss, extent: Extent) -> String {
    let mut parts: Vec<(Time, String)> = Vec::new();
    if let Some((broker, by)) = &loss.zombie {
        let text =
            format!("{broker} wrote it though {} led since {} in epoch {}", by.leader, by.time, by.epoch);
        parts.push((by.time, text));
    }
    let is_zombie_of =
        |leader, epoch| loss.zombie.is_some_and(|(_, by)| (by.leader, by.epoch) == (leader, epoch));
    if let Some((election, lack)) = &loss.without
        && !is_zombie_of(election.leader, election.epoch)
    {
        let (leader, epoch, time) = (election.leader, election.epoch, election.time);
        let clean = if election.unclean { " from outside the ISR" } else { "" };
        let why = match lack {
            Lack::Lost(time, lost) if extent > Extent::Least => format!(", {}", having_lost(*time, lost)),
            _ => String::new(),
        };
        parts.push((time, format!("{leader} was elected{clean} in epoch {epoch} at {time} without it{why}")));
    }
    if let Some((time, broker, lost)) = &loss.last_cut
        && (extent == Extent::All || parts.is_empty())
    {
        parts.push((*time, lost_last(*broker, lost, *time)));
    }
    parts.sort_by_key(|(time, _)| *time);
    let mut parts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    parts.extend(at_the_end(life, loss, parts.is_empty()));
    parts.join(", and ")
}

fn having_lost(time: Time, lost: &Lost) -> String {
    match &lost.how {
        CutBy::Truncation { why, .. } => format!("having truncated to {} at {time} ({why})", lost.to),
        CutBy::Recovery => format!("not having found it on its disk at {time}"),
    }
}

fn lost_last(broker: BrokerId, lost: &Lost, time: Time) -> String {
    match &lost.how {
        CutBy::Truncation { leader, epoch, why } => {
            let follow = match (leader, epoch) {
                (Some(leader), Some(epoch)) => format!("to follow {leader} in epoch {epoch}"),
                _ => format!("({why})"),
            };
            format!("{broker}, the last to have it, truncated to {} at {time} {follow}", lost.to)
        }
        CutBy::Recovery => {
            format!("{broker}, the last to have it, did not find it on its disk when it started at {time}")
        }
    }
}

/// Where it is, if it is anywhere.
fn at_the_end(life: &Life, loss: &Loss, alone: bool) -> Option<String> {
    match life.place_at_leader() {
        Some((leader, Place::Committed)) => {
            return Some(format!("{leader} leads, has it and did not deliver it"));
        }
        Some((leader, Place::Uncommitted)) => {
            return Some(format!("{leader} leads and has it above its high watermark"));
        }
        _ => {}
    }
    if !loss.holders.is_empty() {
        let have = format!("{} still {} it", listed(&loss.holders), words::have(&loss.holders));
        return Some(match life.leader {
            None => format!("{have}, and nobody leads"),
            Some((leader, epoch)) if alone => {
                format!("{have}, and {leader} leads without it in epoch {epoch}")
            }
            Some(_) => have,
        });
    }
    alone.then(|| match life.at_last {
        AtLast::Elsewhere(offset) => format!("the final read has it at offset {offset}"),
        AtLast::Absent(Some(other)) => {
            format!("the final read has record {} in its place", words::value(other))
        }
        _ if life.batch.is_some() => "no log has it".to_owned(),
        _ => "no broker told where it went".to_owned(),
    })
}
