//! A sentence is taken apart into its claims, and each is held against the facts.

use std::collections::BTreeSet;

use highwater_checkers::fault::FaultRecord;
use highwater_checkers::ids::{BrokerId, Time, TopicPartition, Value};
use highwater_checkers::recording::Recording;
use highwater_checkers::trace::{Change, TraceEvent};

use crate::facts::{Entry, Facts, brokers_of};

type Checked<T> = Result<T, String>;

/// What is said of a lost record, and what the facts say of it.
struct Claim<'a> {
    facts: Facts<'a>,
    /// The recording's number of events.
    events: usize,
    offset: i64,
    value: Value,
    /// What was acknowledged or handed out there.
    entry: Entry,
    /// Where among the events it was.
    promised_at: usize,
    /// Those that the fault should have to do with.
    concerned: BTreeSet<BrokerId>,
    /// When it was decided that the record is lost.
    moment: Option<Time>,
}

/// Whether all that a sentence says of a lost record is so.
pub(crate) fn check(sentence: &str, recording: &Recording) -> Checked<()> {
    let (place, rest) = split(sentence, " (record ")?;
    let (value, rest) = split(rest, "), ")?;
    let (promise, rest) = split(rest, ", was lost")?;
    let (more, rest) = split(rest, ": ")?;
    let (how, causes) = split(rest, "; set off by ")?;

    let (partition, offset) = place.rsplit_once('@').ok_or("no place")?;
    let partition: TopicPartition = partition.parse().map_err(|_| "no partition")?;
    let (producer, sequence) = split(value, "/")?;
    let value = Value::packed(number(producer)?, number(sequence)?, 0);
    let facts = Facts::of(recording, partition);
    let mut claim = Claim {
        facts,
        events: recording.events.len(),
        offset: number(offset)?,
        value,
        entry: (0, 0),
        promised_at: 0,
        concerned: BTreeSet::new(),
        moment: None,
    };
    let is_acknowledged = claim.promise(promise)?;
    claim.is_lost(is_acknowledged, more)?;
    for part in how.split(", and ") {
        claim.part(part)?;
    }
    claim.faults(causes)
}

impl Claim<'_> {
    /// `acknowledged at 6.676s when b1 alone had it`, or `read at 22.150s from b1 above its high watermark (192)`.
    fn promise(&mut self, promise: &str) -> Checked<bool> {
        let offset = self.offset;
        if let Some(told) = promise.strip_prefix("acknowledged at ") {
            let (at, alone) = told.split_once(" when ").map_or((told, None), |(at, alone)| (at, Some(alone)));
            let time =
                self.facts.acknowledged(self.value, self.offset).ok_or("nobody was told that it is safe")?;
            ensure(time.to_string() == at, || format!("it was acknowledged at {time}"))?;
            let acknowledges = |change: &Change| match change {
                Change::Acknowledged { base, last, .. } => base.0 <= offset && offset <= last.0,
                _ => false,
            };
            self.promised(|event| event.time <= time && acknowledges(&event.change))?;
            let holders = self.facts.holders(self.promised_at + 1, self.offset, self.entry);
            if let Some(alone) = alone {
                let one: BrokerId = parsed(alone.strip_suffix(" alone had it").ok_or("no `alone had it`")?)?;
                ensure(holders == [one].into(), || format!("{holders:?} had it"))?;
            } else {
                ensure(holders.len() > 1, || format!("only {holders:?} had it"))?;
            }
            return Ok(true);
        }
        let told = promise.strip_prefix("read at ").ok_or("neither acknowledged nor read")?;
        let (at, from) = split(told, " from ")?;
        let (broker, hw) = split(from, " above its high watermark (")?;
        let (broker, hw): (BrokerId, i64) = (parsed(broker)?, number(hw.trim_end_matches(')'))?);
        let read = self.facts.all_read();
        let (time, place) = read.get(&self.value).ok_or("nobody read it")?;
        ensure(time.to_string() == at && *place == offset, || format!("it was read at {time}, at {place}"))?;
        let serves = |change: &Change| match change {
            Change::Served { from, until, hw: told, reader: None, .. } => {
                from.0 <= offset && offset < until.0 && told.0 == hw
            }
            _ => false,
        };
        ensure(hw <= offset, || "that is below the high watermark".to_owned())?;
        self.promised(|event| event.time <= *time && event.broker == broker && serves(&event.change))?;
        Ok(false)
    }

    /// Takes what a broker had at the offset in the last event of this kind.
    fn promised(&mut self, is_meant: impl Fn(&TraceEvent) -> bool) -> Checked<()> {
        let found = self.facts.traced().filter(|(_, event)| is_meant(event)).last();
        let (position, event) = found.ok_or("no broker told of that")?;
        let logs = self.facts.logs(position);
        let log = logs.get(&event.broker).ok_or("it told of no log")?;
        self.entry = *log.get(&self.offset).ok_or("it did not have it")?;
        self.promised_at = position;
        Ok(())
    }

    /// The final read does not have it, nor so many others: ` with 165 more`.
    fn is_lost(&self, is_acknowledged: bool, more: &str) -> Checked<()> {
        let kept = self.facts.at_last().ok_or("there was no final read")?;
        ensure(!kept.contains(&self.value), || "the final read has it".to_owned())?;
        let all: BTreeSet<Value> = if is_acknowledged {
            self.facts.all_acknowledged()
        } else {
            self.facts.all_read().into_keys().collect()
        };
        let lost = all.difference(&kept).count() - 1;
        let said = match more.strip_prefix(" with ") {
            Some(more) => number(more.strip_suffix(" more").ok_or("no `more`")?)?,
            None => 0,
        };
        ensure(lost == said, || format!("{lost} more are lost"))
    }

    /// One step of how it was lost.
    fn part(&mut self, part: &str) -> Checked<()> {
        if let Some((leader, elected)) = part.split_once(" was elected ") {
            return self.elected(parsed(leader)?, elected);
        }
        if let Some((writer, replaced)) = part.split_once(" wrote it though ") {
            return self.replaced(parsed(writer)?, replaced);
        }
        if let Some((broker, lost)) = part.split_once(", the last to have it, ") {
            let broker = parsed(broker)?;
            let position = match lost.strip_prefix("truncated to ") {
                Some(truncated) => {
                    let (truncated, follow) = split(truncated, " to follow ")?;
                    let (leader, epoch) = split(follow, " in epoch ")?;
                    let epoch: i32 = number(epoch)?;
                    let leader: BrokerId = parsed(leader)?;
                    let leads = |it: &crate::facts::Decision| (it.leader, it.epoch) == (Some(leader), epoch);
                    ensure(self.facts.decisions().iter().any(leads), || {
                        format!("{leader} did not lead then")
                    })?;
                    self.truncated(broker, truncated)?
                }
                None => {
                    self.not_found(broker, after(lost, "did not find it on its disk when it started at ")?)?
                }
            };
            let left = self.facts.holders(position + 1, self.offset, self.entry);
            return ensure(left.is_empty(), || format!("{left:?} had it still"));
        }
        let holders = part.strip_suffix(" still has it").or(part.strip_suffix(" still have it"));
        let holders = holders.ok_or_else(|| format!("what is `{part}`?"))?;
        let said: BTreeSet<BrokerId> =
            holders.split([',', ' ']).filter_map(|word| word.parse().ok()).collect();
        let left = self.facts.holders(self.events, self.offset, self.entry);
        ensure(left == said, || format!("{left:?} have it"))
    }

    /// `b1 led since 16.470s in epoch 2`, when the writer still took itself for the leader.
    fn replaced(&mut self, writer: BrokerId, replaced: &str) -> Checked<()> {
        let (leader, rest) = split(replaced, " led since ")?;
        let (at, epoch) = split(rest, " in epoch ")?;
        let (leader, epoch): (BrokerId, i32) = (parsed(leader)?, number(epoch)?);
        let decisions = self.facts.decisions();
        let elected = decisions.iter().find(|it| (it.leader, it.epoch) == (Some(leader), epoch));
        let time = elected.ok_or_else(|| format!("{leader} was not elected so"))?.time;
        ensure(time.to_string() == at, || format!("it was elected at {time}"))?;
        let wrote = self.facts.traced().find_map(|(_, event)| match &event.change {
            Change::Appended { base, epoch, crc, leader: true, .. } => {
                let is_it = base.0 == self.offset && (epoch.0, *crc) == self.entry;
                is_it.then_some((event.broker, event.time))
            }
            _ => None,
        });
        let (by, written) = wrote.ok_or("no leader wrote it")?;
        ensure(by == writer && written >= time && self.entry.0 < epoch, || {
            format!("{by} wrote it at {written}")
        })?;
        self.concerned.insert(writer);
        self.moment = Some(time);
        Ok(())
    }

    /// `in epoch 2 at 13.524s without it, having truncated to 81 at 8.332s (it became a follower)`.
    fn elected(&mut self, leader: BrokerId, elected: &str) -> Checked<()> {
        let (elected, is_outside) = match elected.strip_prefix("from outside the ISR ") {
            Some(elected) => (elected, true),
            None => (elected, false),
        };
        let (epoch, rest) = split(after(elected, "in epoch ")?, " at ")?;
        let (at, lack) = split(rest, " without it")?;
        let epoch: i32 = number(epoch)?;
        let decisions = self.facts.decisions();
        let is_it = |it: &crate::facts::Decision| (it.leader, it.epoch) == (Some(leader), epoch);
        let place = decisions.iter().position(is_it).ok_or_else(|| format!("{leader} was not elected so"))?;
        let time = decisions[place].time;
        ensure(time.to_string() == at, || format!("it was elected at {time}"))?;
        let before =
            place.checked_sub(1).map(|before| &decisions[before]).ok_or("it was the first leader")?;
        ensure(before.isr.contains(&leader) != is_outside, || format!("in sync were {:?}", before.isr))?;
        // It is the first leader without it.
        for (position, event) in self.facts.traced().filter(|(position, _)| *position > self.promised_at) {
            if let Change::BecameLeader { epoch: leads_in, .. } = event.change {
                let holders = self.facts.holders(position, self.offset, self.entry);
                let has_it = holders.contains(&event.broker);
                let is_it = (event.broker, leads_in.0) == (leader, epoch);
                ensure(has_it != is_it, || {
                    format!("{} leads in epoch {leads_in}, having {has_it}", event.broker)
                })?;
                if is_it {
                    break;
                }
            }
        }
        let former = decisions[..place].iter().rev().find_map(|decision| decision.leader);
        self.concerned.extend(former.into_iter().chain([leader]));
        self.moment = Some(time);
        if let Some(truncated) = lack.strip_prefix(", having truncated to ") {
            self.truncated(leader, truncated)?;
        } else if let Some(at) = lack.strip_prefix(", not having found it on its disk at ") {
            self.not_found(leader, at)?;
        } else {
            ensure(lack.is_empty(), || format!("what is `{lack}`?"))?;
        }
        Ok(())
    }

    /// `81 at 8.332s (it became a follower)`: a truncation that took it. Returns its place.
    fn truncated(&mut self, broker: BrokerId, told: &str) -> Checked<usize> {
        let (to, rest) = split(told, " at ")?;
        let (at, said) = rest.split_once(" (").map_or((rest, None), |(at, why)| (at, why.strip_suffix(')')));
        let to: i64 = number(to)?;
        let is_it = |event: &TraceEvent| match &event.change {
            Change::Truncated { to: end, why, .. } => end.0 == to && said.is_none_or(|said| said == &**why),
            _ => false,
        };
        self.taken(broker, at, is_it)
    }

    /// A start that did not find it. Returns its place.
    fn not_found(&mut self, broker: BrokerId, at: &str) -> Checked<usize> {
        self.taken(broker, at, |event| matches!(event.change, Change::Recovered { .. }))
    }

    /// An event that took the record from a log.
    fn taken(&mut self, broker: BrokerId, at: &str, is_it: impl Fn(&TraceEvent) -> bool) -> Checked<usize> {
        let is_meant =
            |event: &TraceEvent| event.broker == broker && event.time.to_string() == at && is_it(event);
        let found = self.facts.traced().find(|(_, event)| is_meant(event));
        let (position, event) = found.ok_or_else(|| format!("{broker} did not do that at {at}"))?;
        let had = self.facts.holders(position, self.offset, self.entry).contains(&broker);
        let has = self.facts.holders(position + 1, self.offset, self.entry).contains(&broker);
        ensure(had && !has, || format!("{broker} had it before: {had}, and after: {has}"))?;
        // It follows the last leader, and that one came after another.
        let decisions = self.facts.decisions();
        let leaders = decisions.iter().filter(|decision| decision.time <= event.time).map(|it| it.leader);
        let mut leaders: Vec<BrokerId> = leaders.flatten().collect();
        leaders.dedup();
        self.concerned.extend(leaders.iter().rev().nth(1).copied().into_iter().chain([broker]));
        self.moment = self.moment.or(Some(event.time));
        Ok(position)
    }

    /// `process-kill of b1 at 6.694s and of b2 at 8.326s`.
    fn faults(&self, causes: &str) -> Checked<()> {
        let known = self.facts.faults();
        let mut kind = "";
        let (mut words, mut named) = (causes.split(' '), 0);
        let mut brokers: BTreeSet<BrokerId> = BTreeSet::new();
        while let Some(word) = words.next() {
            let word = word.trim_end_matches(',');
            match word {
                "at" => {
                    let at = words.next().ok_or("no time")?.trim_end_matches(',');
                    // Two of a kind may begin together.
                    let is_it = |fault: &&(Time, FaultRecord)| {
                        (fault.0.to_string() == at && &*fault.1.kind == kind)
                            && brokers.is_subset(&brokers_of(&fault.1))
                    };
                    let found = known.iter().find(is_it);
                    let (time, fault) = found.ok_or_else(|| format!("no {kind} of {brokers:?} at {at}"))?;
                    let struck = brokers_of(fault);
                    ensure(!brokers.is_empty(), || format!("whom did {kind} strike?"))?;
                    let moment = self.moment.ok_or("when was it lost?")?;
                    ensure(*time <= moment, || format!("{kind} at {at} came after {moment}"))?;
                    ensure(!struck.is_disjoint(&self.concerned), || {
                        format!("{kind} struck {struck:?}, and it was about {:?}", self.concerned)
                    })?;
                    brokers.clear();
                    named += 1;
                }
                "of" | "from" | "to" | "between" | "and" => {}
                word => match word.split(':').next().and_then(|word| word.parse().ok()) {
                    Some(broker) => drop(brokers.insert(broker)),
                    None if word.contains('-') => kind = word,
                    // The hosts of the controllers.
                    None => {}
                },
            }
        }
        ensure(named > 0, || "no fault is named".to_owned())
    }
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked<()> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn split<'a>(text: &'a str, at: &str) -> Checked<(&'a str, &'a str)> {
    text.split_once(at).ok_or_else(|| format!("no `{at}` in `{text}`"))
}

fn after<'a>(text: &'a str, start: &str) -> Checked<&'a str> {
    text.strip_prefix(start).ok_or_else(|| format!("`{text}` does not begin with `{start}`"))
}

fn number<T: std::str::FromStr>(text: &str) -> Checked<T> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

fn parsed(text: &str) -> Checked<BrokerId> {
    text.parse().map_err(|_| format!("`{text}` is no broker"))
}
