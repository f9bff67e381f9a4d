//! Small random histories: what a log really did, seen by a few processes, and now and then told wrong.

use crate::ids::{Interval, Moment, Offset};
use crate::linearizability::log::{Gaps, LogAction, LogHistory, LogSettings, ReadMode, Record, ValueId};
use crate::random::Stream;

/// What histories are made up from.
#[derive(Clone, Debug)]
pub(super) struct Dice(Stream);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Stream(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// One of `0..sides`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(sides)) >> 64) as u64
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

/// What kind of histories.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile {
    pub(super) name: &'static str,
    pub(super) gaps: Gaps,
    pub(super) duplicates: bool,
    pub(super) reads_past_end: bool,
    pub(super) ops: u64,
    /// In percent of appends.
    pub(super) batches: u64,
    pub(super) unplaced: u64,
    pub(super) info: u64,
    /// In percent of reads: those that leave out a record.
    pub(super) skips: u64,
    /// In percent of operations: those that see the whole log.
    pub(super) wholes: u64,
    /// In percent of histories.
    pub(super) wrong: u64,
}

const PLAIN: Profile = Profile {
    name: "plain",
    gaps: Gaps::None,
    duplicates: false,
    reads_past_end: false,
    ops: 8,
    batches: 0,
    unplaced: 0,
    info: 20,
    skips: 0,
    wholes: 0,
    wrong: 60,
};

pub(super) const PROFILES: [Profile; 12] = [
    PLAIN,
    Profile { name: "skips", skips: 30, ..PLAIN },
    Profile { name: "unplaced", unplaced: 60, ..PLAIN },
    Profile { name: "past end", reads_past_end: true, unplaced: 20, ..PLAIN },
    Profile { name: "batches", batches: 60, info: 30, ..PLAIN },
    Profile { name: "unplaced batches", batches: 50, unplaced: 30, info: 30, ops: 6, ..PLAIN },
    Profile { name: "gaps", gaps: Gaps::Internal, unplaced: 30, ops: 6, ..PLAIN },
    Profile { name: "removed", gaps: Gaps::Removed, unplaced: 30, ops: 6, ..PLAIN },
    Profile { name: "duplicates", duplicates: true, unplaced: 20, ops: 5, ..PLAIN },
    Profile { name: "whole", wholes: 20, unplaced: 30, info: 30, ..PLAIN },
    Profile {
        name: "whole with gaps",
        gaps: Gaps::Internal,
        wholes: 20,
        unplaced: 20,
        info: 30,
        ops: 6,
        ..PLAIN
    },
    Profile {
        name: "whole removed",
        gaps: Gaps::Removed,
        wholes: 20,
        unplaced: 20,
        info: 30,
        ops: 6,
        ..PLAIN
    },
];

impl Profile {
    pub(super) fn settings(&self) -> LogSettings {
        let Self { gaps, duplicates, reads_past_end, .. } = *self;
        LogSettings { base: Offset(0), gaps, duplicates, reads_past_end, certificate: true }
    }
}

/// An operation while the history is made.
#[derive(Clone, Debug)]
struct Draft {
    process: u32,
    call: u32,
    ret: u32,
    applied: bool,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Append { values: Vec<ValueId>, offset: Option<i64>, fate: Fate },
    Read { from: i64, records: Vec<Record>, mode: ReadMode },
    Whole { records: Vec<Record>, end: i64 },
    End(i64),
    Length(i64, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Placed,
    Unplaced,
    Info,
    Fail,
}

struct World {
    dice: Dice,
    profile: Profile,
    records: Vec<Record>,
    end: i64,
    drafts: Vec<Draft>,
    values: u32,
}

/// The history of a seed.
pub(super) fn history(profile: &Profile, seed: u64) -> LogHistory {
    let dice = Dice::new(seed);
    let mut world =
        World { dice, profile: *profile, records: Vec::new(), end: 0, drafts: Vec::new(), values: 0 };
    world.live();
    if world.dice.percent(profile.wrong) {
        for _ in 0..=world.dice.roll(2) {
            world.tell_wrong();
        }
    }
    world.write()
}

impl World {
    fn live(&mut self) {
        let count = 2 + self.dice.roll(self.profile.ops - 1) as usize;
        let processes = 1 + self.dice.roll(4) as usize;
        let mut lanes: Vec<(u32, Option<usize>)> = (0..processes).map(|lane| (lane as u32, None)).collect();
        let mut fresh = processes as u32;
        let mut clock = 0;
        let mut returned = 0;
        let mut late: Vec<usize> = Vec::new();
        let keep_open = self.dice.percent(10);
        while returned < count {
            if keep_open && self.drafts.len() == count && self.dice.percent(20) {
                break;
            }
            let lane = self.dice.roll(processes as u64) as usize;
            match lanes[lane].1 {
                None if self.drafts.len() < count => {
                    let what = self.invoke();
                    lanes[lane].1 = Some(self.drafts.len());
                    let process = lanes[lane].0;
                    self.drafts.push(Draft { process, call: clock, ret: u32::MAX, applied: false, what });
                    clock += 1;
                }
                None => {}
                Some(draft) if !self.drafts[draft].applied && self.dice.percent(60) => self.apply(draft),
                Some(draft) => {
                    let info = matches!(self.drafts[draft].what, What::Append { fate: Fate::Info, .. });
                    let fail = matches!(self.drafts[draft].what, What::Append { fate: Fate::Fail, .. });
                    if !info && !fail && !self.drafts[draft].applied {
                        self.apply(draft);
                    }
                    if info {
                        late.push(draft);
                        lanes[lane].0 = fresh;
                        fresh += 1;
                    } else {
                        self.drafts[draft].ret = clock;
                        clock += 1;
                    }
                    lanes[lane].1 = None;
                    returned += 1;
                }
            }
            if let Some(draft) = late.last().copied().filter(|_| self.dice.percent(20)) {
                late.pop();
                if !self.drafts[draft].applied {
                    self.apply(draft);
                }
            }
            if self.profile.gaps != Gaps::None && self.dice.percent(8) {
                self.end += 1;
            }
            if self.profile.gaps == Gaps::Removed && self.dice.percent(5) && !self.records.is_empty() {
                self.records.remove(0);
            }
            if self.profile.duplicates && self.dice.percent(10) && !self.records.is_empty() {
                let again = self.dice.roll(self.records.len() as u64) as usize;
                self.push(self.records[again].value);
            }
        }
    }

    fn invoke(&mut self) -> What {
        if self.profile.wholes > 0 && self.dice.percent(self.profile.wholes) {
            return What::Whole { records: Vec::new(), end: 0 };
        }
        match self.dice.roll(10) {
            0..=4 => {
                let batch = self.dice.percent(self.profile.batches);
                let count = if batch { 2 + self.dice.roll(2) as u32 } else { 1 };
                let values = (self.values..self.values + count).map(ValueId).collect();
                self.values += count;
                let fate = match () {
                    () if self.dice.percent(self.profile.info) => Fate::Info,
                    () if self.dice.percent(5) => Fate::Fail,
                    () if self.dice.percent(self.profile.unplaced) => Fate::Unplaced,
                    () => Fate::Placed,
                };
                What::Append { values, offset: None, fate }
            }
            5..=7 => {
                let mode = if self.dice.percent(60) { ReadMode::Exact } else { ReadMode::AtLeast };
                What::Read { from: 0, records: Vec::new(), mode }
            }
            8 => What::End(0),
            _ => What::Length(0, 0),
        }
    }

    fn push(&mut self, value: ValueId) {
        self.records.push(Record { offset: Offset(self.end), value });
        self.end += 1;
    }

    fn apply(&mut self, draft: usize) {
        let mut what = self.drafts[draft].what.clone();
        match &mut what {
            What::Append { fate: Fate::Fail, .. } => {}
            What::Append { values, offset, .. } => {
                *offset = Some(self.end);
                for value in values {
                    self.push(*value);
                }
            }
            What::Read { from, records, mode } => {
                *from = self.dice.roll(self.end as u64 + 1) as i64;
                if self.dice.percent(50) {
                    *from = 0;
                }
                if self.profile.reads_past_end && self.dice.percent(10) {
                    *from = self.end + 1;
                }
                let rest = self.records.iter().filter(|record| record.offset.0 >= *from);
                *records = rest.copied().collect();
                if records.len() > 1 && self.dice.percent(self.profile.skips) {
                    records.remove(self.dice.roll(records.len() as u64 - 1) as usize);
                }
                if *mode == ReadMode::AtLeast {
                    records.truncate(self.dice.roll(records.len() as u64 + 1) as usize);
                }
            }
            What::Whole { records, end } => (*records, *end) = (self.records.clone(), self.end),
            What::End(end) => *end = self.end,
            What::Length(min, max) => {
                *min = (self.end - self.dice.roll(3) as i64).max(0);
                *max = self.end + self.dice.roll(3) as i64;
                if self.dice.percent(50) {
                    *max = i64::MAX;
                }
            }
        }
        self.drafts[draft].what = what;
        self.drafts[draft].applied = true;
    }

    /// One answer is not what it was.
    fn tell_wrong(&mut self) {
        let draft = self.dice.roll(self.drafts.len() as u64) as usize;
        let step = if self.dice.percent(65) { -1 } else { 1 };
        let values = u64::from(self.values) + 1;
        let other = ValueId(self.dice.roll(values) as u32);
        let (roll, place) = (self.dice.roll(8), self.dice.roll(8) as usize);
        match &mut self.drafts[draft].what {
            What::Append { offset: Some(offset), .. } if roll < 7 => *offset += step,
            What::Append { fate, .. } if *fate != Fate::Info => *fate = Fate::Fail,
            What::Append { .. } => {}
            What::Read { from, records, mode } => match roll {
                0 => *from += step,
                1 => *mode = ReadMode::Exact,
                2 if !records.is_empty() => {
                    let place = place % records.len();
                    records[place].value = other;
                }
                3 => {
                    let offset = records.last().map_or(*from, |last| last.offset.plus(1).0);
                    records.push(Record { offset: Offset(offset), value: other });
                }
                4..=5 if records.len() > 1 => {
                    let place = place % (records.len() - 1);
                    records.remove(place);
                }
                _ => {
                    records.pop();
                    if self.dice.percent(50) {
                        records.pop();
                    }
                }
            },
            What::Whole { records, end } => match roll {
                0..=2 => *end += step,
                3 if !records.is_empty() => {
                    let place = place % records.len();
                    records[place].value = other;
                }
                4 if !records.is_empty() => {
                    records.remove(place % records.len());
                }
                _ => {
                    records.pop();
                    *end = records.last().map_or(0, |last| last.offset.plus(1).0);
                }
            },
            What::End(end) => *end += step,
            What::Length(min, max) => {
                if roll < 3 || *max == i64::MAX {
                    *min += 1;
                } else {
                    *max -= 1;
                }
            }
        }
    }

    fn write(&mut self) -> LogHistory {
        let mut history = LogHistory::default();
        let drafts = std::mem::take(&mut self.drafts);
        for draft in drafts {
            let interval = Interval { call: Moment(draft.call), ret: Moment(draft.ret) };
            history.processes.push(draft.process);
            let action = match draft.what {
                What::Append { values, offset, fate } if values.len() == 1 => {
                    let value = values[0];
                    let returned = draft.ret != u32::MAX;
                    match fate {
                        Fate::Placed if returned => {
                            LogAction::AppendOk { value, offset: Some(Offset(offset.unwrap_or(0))) }
                        }
                        Fate::Unplaced if returned => LogAction::AppendOk { value, offset: None },
                        Fate::Fail if returned => LogAction::AppendFail { value },
                        _ => LogAction::AppendInfo { value },
                    }
                }
                What::Append { values, offset, fate } => {
                    let values = history.arena.add_values(values);
                    let returned = draft.ret != u32::MAX;
                    match fate {
                        Fate::Placed if returned => {
                            LogAction::BatchOk { values, base: Offset(offset.unwrap_or(0)) }
                        }
                        Fate::Unplaced if returned => LogAction::BatchUnplaced { values },
                        Fate::Fail if returned => LogAction::BatchFail { values },
                        _ => LogAction::BatchInfo { values },
                    }
                }
                What::Read { from, records, mode } => {
                    let from = Offset(from);
                    let contiguous = records.iter().zip(from.0..).all(|(record, at)| record.offset.0 == at);
                    if contiguous && self.dice.percent(80) {
                        let values = records.iter().map(|record| record.value);
                        LogAction::Read { from, values: history.arena.add_values(values), mode }
                    } else {
                        LogAction::ReadSparse { from, records: history.arena.add_records(records), mode }
                    }
                }
                What::Whole { records, end } => {
                    LogAction::Whole { records: history.arena.add_records(records), end: Offset(end) }
                }
                What::End(end) => LogAction::End(Offset(end)),
                What::Length(min, max) => LogAction::Length { min: Offset(min), max: Offset(max) },
            };
            let mut interval = interval;
            if matches!(action, LogAction::AppendInfo { .. } | LogAction::BatchInfo { .. }) {
                interval.ret = Moment::NEVER;
            }
            history.push(interval, action);
        }
        history
    }
}

/// The history in a few lines.
pub(super) fn show(history: &LogHistory) -> String {
    let mut lines = String::new();
    for (place, op) in history.ops.iter().enumerate() {
        let arena = &history.arena;
        let ret = if op.interval.ret.is_some() { op.interval.ret.0.to_string() } else { "-".to_owned() };
        let what = match &op.action {
            LogAction::Read { from, values, mode } => {
                let values: Vec<_> = arena.values(*values).iter().map(|value| value.0).collect();
                format!("read from {from}: {values:?}, {mode:?}")
            }
            LogAction::ReadSparse { from, records, mode } => {
                let records = arena.records(*records).iter();
                let records: Vec<_> = records.map(|record| (record.offset.0, record.value.0)).collect();
                format!("read from {from}: {records:?}, {mode:?}")
            }
            LogAction::Whole { records, end } => {
                let records = arena.records(*records).iter();
                let records: Vec<_> = records.map(|record| (record.offset.0, record.value.0)).collect();
                format!("whole: {records:?}, end {end}")
            }
            action => match arena.appended(action) {
                Some(append) => format!("{append:?}"),
                None => format!("{action:?}"),
            },
        };
        let process = history.processes.get(place);
        lines += &format!("#{place} {process:?} {}..{ret} {what}\n", op.interval.call.0);
    }
    lines
}
