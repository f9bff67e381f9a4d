//! The one sentence of an explanation: which record, when, and because of which fault.

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::BrokerId;
use highwater_checkers::operation::Acks;
use highwater_checkers::state::CutBy;

use super::causes::{Faults, Lack, Loss};
use super::life::{AtLast, Life, Lost, Place, What};
use super::words::{self, listed};

/// A sentence has about as many characters at most; what matters less is left out before that.
const CHARACTERS_MAX: usize = 300;

/// A record that was lost, or is not where it should be.
pub(super) fn of_loss(life: &Life, others: u64, faults: &Faults) -> String {
    let loss = Loss::of(life);
    let what = format!("{}{}", words::record(&life.record), promised(life));
    let others = if others == 0 { String::new() } else { format!(" with {others} more") };
    let causes = set_off(&loss.faults(life, faults));
    // From the whole truth to what it comes down to.
    let tries = [
        (true, true),
        (true, false),
        (false, false),
    ];
    let told = tries.map(|(why, last)| {
        let how = how(life, &loss, why, last);
        format!("{what} was lost{others}: {how}{causes}")
    });
    let fits = |text: &&String| text.chars().count() <= CHARACTERS_MAX;
    told.iter().find(fits).unwrap_or(&told[2]).clone()
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
        What::Exposed { broker, hw } => {
            Some(format!(" from {broker}, whose high watermark was {hw}"))
        }
        _ => None,
    });
    match (life.acknowledged(), life.read()) {
        (Some((time, _)), _) => format!(", acknowledged at {time}{},", alone.unwrap_or_default()),
        (None, Some((read, _))) => format!(", read at {}{},", read.time, exposed.unwrap_or_default()),
        (None, None) => String::new(),
    }
}

/// How it went: the leader without it, and the last copy, in the order of time.
fn how(life: &Life, loss: &Loss, why: bool, last: bool) -> String {
    let mut parts = Vec::new();
    if let Some((broker, by)) = &loss.zombie {
        parts.push((
            by.time,
            format!("{broker} wrote it though {} led since {} in epoch {}", by.leader, by.time, by.epoch),
        ));
    }
    if let Some((election, lack)) = &loss.without
        && loss.zombie.as_ref().is_none_or(|(_, by)| (by.leader, by.epoch) != (election.leader, election.epoch))
    {
        let clean = if election.unclean { " from outside the ISR" } else { "" };
        let why = match lack {
            Lack::Lost(time, lost) if why => format!(", {}", having_lost(*time, lost)),
            _ => String::new(),
        };
        let text = format!(
            "{} was elected{clean} in epoch {} at {} without it{why}",
            election.leader, election.epoch, election.time
        );
        parts.push((election.time, text));
    }
    if let Some((time, broker, lost)) = &loss.last_cut
        && (last || parts.is_empty())
    {
        parts.push((*time, lost_last(*broker, lost, time)));
    }
    parts.sort_by_key(|(time, _)| *time);
    if let Some(end) = at_the_end(life, loss, parts.is_empty()) {
        parts.push((highwater_checkers::ids::Time(u64::MAX), end));
    }
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", and ")
}

fn having_lost(time: highwater_checkers::ids::Time, lost: &Lost) -> String {
    match &lost.how {
        CutBy::Truncation { why, .. } => format!("having truncated to {} at {time} ({why})", lost.to),
        CutBy::Recovery => format!("not having found it on its disk at {time}"),
    }
}

fn lost_last(broker: BrokerId, lost: &Lost, time: &highwater_checkers::ids::Time) -> String {
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
        let leader = life.leader.map_or("nobody leads".to_owned(), |(leader, epoch)| {
            if alone { format!("{leader} leads without it in epoch {epoch}") } else { String::new() }
        });
        let have = format!("{} still {} it", listed(&loss.holders), words::have(&loss.holders));
        return Some(if leader.is_empty() { have } else { format!("{have}, and {leader}") });
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

/// The end of a sentence: the faults that set it off.
pub(super) fn set_off(faults: &[&FaultRecord]) -> String {
    match faults {
        [] => ", with no fault before it".to_owned(),
        faults => format!("; set off by {}", listed(faults.iter().map(|fault| words::fault(fault)))),
    }
}
