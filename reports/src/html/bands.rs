//! What lies under the operations: faults, leaders, in-sync replicas, high watermarks, and who is up.

use std::collections::BTreeMap;

use highwater_checkers::fault::{FaultEvent, FaultLog, FaultPhase, FaultRecord, Target};
use highwater_checkers::ids::{BrokerId, Offset, Time, TopicPartition};
use highwater_checkers::trace::{Change, TraceEvent};

use super::columns::{Data, Fault, Series};
use crate::timeline::Leadership;

/// Kinds of faults by whose injection a process ends.
const DEADLY: [&str; 3] = ["process-kill", "process-terminate", "power-loss"];

/// Follows the faults and the trace.
#[derive(Default)]
pub(super) struct Bands {
    faults: FaultLog,
    isr: BTreeMap<TopicPartition, Vec<(Time, String)>>,
    hw: BTreeMap<TopicPartition, Vec<(Time, Offset)>>,
    lives: BTreeMap<BrokerId, Vec<(Time, Option<Time>)>>,
}

impl Bands {
    pub(super) fn trace(&mut self, event: &TraceEvent) {
        let TraceEvent { time, broker, change } = event;
        let lives = self.lives.entry(*broker).or_default();
        match change {
            Change::BrokerStarted { .. } => lives.push((*time, None)),
            Change::BrokerStopped { .. } => end(lives, *time),
            Change::PartitionChanged { partition, isr, .. } => {
                let names: Vec<_> = isr.iter().map(ToString::to_string).collect();
                let told = self.isr.entry(partition.clone()).or_default();
                let names = names.join(" ");
                if told.last().is_none_or(|(_, before)| *before != names) {
                    told.push((*time, names));
                }
            }
            Change::HighWatermark { partition, hw, leader: true, .. } => {
                self.hw.entry(partition.clone()).or_default().push((*time, *hw));
            }
            _ => {}
        }
    }

    pub(super) fn fault(&mut self, event: &FaultEvent) {
        self.faults.observe(event);
        if let FaultPhase::Injected { targets } = &event.phase
            && let Some(record) = self.faults.get(event.occurrence)
            && DEADLY.contains(&&*record.kind)
        {
            for target in targets {
                if let Target::Broker(broker) = target {
                    end(self.lives.entry(*broker).or_default(), event.time);
                }
            }
        }
    }

    /// The brokers that tell anything.
    pub(super) fn brokers(&self) -> Vec<BrokerId> {
        self.lives.keys().copied().collect()
    }

    /// Fills the bands; the partitions and brokers are listed already.
    pub(super) fn put(
        self,
        data: &mut Data,
        parts: &[TopicPartition],
        brokers: &[BrokerId],
        leaders: &BTreeMap<TopicPartition, Vec<Leadership>>,
        ticks: impl Fn(Time) -> u64,
    ) {
        let Self { faults, isr, hw, lives } = self;
        let broker = |id: BrokerId| brokers.iter().position(|known| *known == id).unwrap_or(brokers.len());
        for part in parts {
            let led = leaders.get(part).map_or(&[][..], Vec::as_slice);
            let bands = led.iter().enumerate().filter_map(|(place, Leadership { since, leader, .. })| {
                let until = led.get(place + 1).map_or(-1, |next| ticks(next.since).cast_signed());
                Some((ticks(*since), until, broker((*leader)?)))
            });
            data.leaders.push(bands.collect());
            let told = isr.get(part).into_iter().flatten();
            data.isr.push(told.map(|(time, isr)| (ticks(*time), isr.clone())).collect());
            data.hw.push(series(hw.get(part).map_or(&[][..], Vec::as_slice), &ticks));
        }
        for id in brokers {
            let lives = lives.get(id).into_iter().flatten();
            data.lives.push(
                lives
                    .map(|(since, until)| {
                        (ticks(*since), until.map_or(-1, |until| ticks(until).cast_signed()), "up")
                    })
                    .collect(),
            );
        }
        for (row, id) in brokers.iter().enumerate() {
            let paused =
                faults.records().filter(|record| &*record.kind == "process-pause").filter_map(|record| {
                    let (since, targets) = record.injected.as_ref()?;
                    let until = record.healed.map_or(-1, |healed| ticks(healed).cast_signed());
                    targets.contains(&Target::Broker(*id)).then(|| (ticks(*since), until, "paused"))
                });
            let paused: Vec<_> = paused.collect();
            data.lives[row].extend(paused);
        }
        data.faults = faults.records().map(|record| fault(record, &ticks)).collect();
    }
}

fn end(lives: &mut [(Time, Option<Time>)], time: Time) {
    if let Some((_, until @ None)) = lives.last_mut() {
        *until = Some(time);
    }
}

fn series(told: &[(Time, Offset)], ticks: &impl Fn(Time) -> u64) -> Series {
    let mut series = Series::default();
    let (mut before, mut level) = (0, 0);
    for (time, Offset(offset)) in told {
        let time = ticks(*time);
        series.t.push(time - before);
        series.v.push(offset - level);
        (before, level) = (time, *offset);
    }
    series
}

fn fault(record: &FaultRecord, ticks: &impl Fn(Time) -> u64) -> Fault {
    let met = record.effect.counters.iter().filter(|(_, count)| **count > 0);
    let effects: Vec<_> = met.map(|(name, count)| format!("{count} {}", name.replace('_', " "))).collect();
    let (from, targets) = match &record.injected {
        Some((time, targets)) => {
            (ticks(*time).cast_signed(), targets.iter().map(ToString::to_string).collect())
        }
        None => (-1, Vec::new()),
    };
    Fault {
        id: record.occurrence.to_string(),
        kind: record.kind.to_string(),
        targets,
        from,
        to: record.healed.map_or(-1, |time| ticks(time).cast_signed()),
        effect: match &record.skipped {
            Some(reason) => format!("skipped: {reason}"),
            None => effects.join(", "),
        },
        line: record.yaml.line,
    }
}
