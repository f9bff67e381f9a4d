//! Curves over a run's time: what was acknowledged and not yet read, how far high watermarks lag behind, and how
//! long partitions were without an acknowledgement. Rates and latencies the page works out by itself.

use std::collections::BTreeMap;

use highwater_checkers::ids::{BrokerId, Offset, Process, Time, TopicPartition, Value};
use highwater_checkers::operation::{Acks, Operation, Outcome};
use highwater_checkers::recording::Event;
use highwater_checkers::trace::{Change, TraceEvent};
use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::columns::{Curve, Plot};

/// A curve has so many points at most: in each stretch of time its greatest value.
const POINTS_MAX: u64 = 240;
/// A plot has so many curves at most, those with the greatest values.
const CURVES_MAX: usize = 6;

/// Follows a run.
pub(super) struct Plots {
    /// How long a stretch of time is, in nanoseconds.
    stretch: u64,
    /// Acknowledged, and no consumer has read it.
    unseen: Unseen,
    unseen_curve: Peaks,
    lag: BTreeMap<TopicPartition, Lag>,
    waiting: BTreeMap<TopicPartition, Waiting>,
    /// By process, what its outstanding send is about.
    sending: BTreeMap<Process, Vec<TopicPartition>>,
}

#[derive(Default)]
struct Unseen {
    acknowledged: IndexSet<Value, FxBuildHasher>,
    read: IndexSet<Value, FxBuildHasher>,
    count: u64,
}

/// The leader's log end and high watermark.
#[derive(Default)]
struct Lag {
    leader: Option<BrokerId>,
    end: Offset,
    hw: Offset,
    curve: Peaks,
}

/// Since when a producer has been trying without an acknowledgement.
#[derive(Default)]
struct Waiting {
    outstanding: u64,
    since: Option<Time>,
    curve: Peaks,
}

/// The greatest value of each stretch of time in which there was any.
#[derive(Default)]
struct Peaks(Vec<(u64, f64)>);

impl Peaks {
    fn put(&mut self, stretch: u64, value: f64) {
        match self.0.last_mut() {
            Some((at, peak)) if *at == stretch => *peak = peak.max(value),
            _ => self.0.push((stretch, value)),
        }
    }

    fn peak(&self) -> f64 {
        self.0.iter().fold(0.0, |most, (_, value)| most.max(*value))
    }
}

impl Plots {
    /// Of a run that lasts until then.
    pub(super) fn new(end: Time) -> Self {
        Self {
            stretch: (end.0 / POINTS_MAX).max(1),
            unseen: Unseen::default(),
            unseen_curve: Peaks::default(),
            lag: BTreeMap::new(),
            waiting: BTreeMap::new(),
            sending: BTreeMap::new(),
        }
    }

    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Operation(operation) => self.operation(operation),
            Event::Trace(trace) => self.trace(trace),
            Event::Fault(_) | Event::Mark(_) | Event::Sample(_) => {}
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let stretch = operation.time.0 / self.stretch;
        match operation.outcome {
            Outcome::Invoke => {
                let answered = operation.body.sends().filter(|send| send.acks != Acks::None);
                let named: Vec<_> = answered.map(|send| send.partition.clone()).collect();
                for partition in &named {
                    let waiting = self.waiting.entry(partition.clone()).or_default();
                    waiting.outstanding += 1;
                    waiting.since.get_or_insert(operation.time);
                }
                if !named.is_empty() {
                    self.sending.insert(operation.process, named);
                }
            }
            outcome => {
                for partition in self.sending.remove(&operation.process).into_iter().flatten() {
                    let waiting = self.waiting.entry(partition).or_default();
                    waiting.outstanding = waiting.outstanding.saturating_sub(1);
                    if let Some(since) = waiting.since {
                        let waited = operation.time.0.saturating_sub(since.0);
                        waiting.curve.put(stretch, waited as f64 / 1e6);
                    }
                    if outcome == Outcome::Ok {
                        // What is still outstanding has been waiting for less than this one has.
                        waiting.since = (waiting.outstanding > 0).then_some(operation.time);
                    }
                }
                let unseen = &mut self.unseen;
                if outcome == Outcome::Ok {
                    for send in operation.body.sends() {
                        if unseen.acknowledged.insert(send.value) && !unseen.read.contains(&send.value) {
                            unseen.count += 1;
                        }
                    }
                }
                for record in operation.body.reads().flat_map(|read| &*read.records) {
                    if unseen.read.insert(record.value) && unseen.acknowledged.contains(&record.value) {
                        unseen.count -= 1;
                    }
                }
                self.unseen_curve.put(stretch, unseen.count as f64);
            }
        }
    }

    fn trace(&mut self, event: &TraceEvent) {
        let stretch = event.time.0 / self.stretch;
        let (partition, changed): (_, &mut dyn FnMut(&mut Lag)) = match &event.change {
            Change::BecameLeader { partition, start, .. } => (partition, &mut |lag| {
                lag.leader = Some(event.broker);
                lag.end = *start;
                lag.hw = lag.hw.min(*start);
            }),
            Change::Appended { partition, base, count, leader: true, .. } => (partition, &mut |lag| {
                if lag.leader == Some(event.broker) {
                    lag.end = base.plus(i64::from(*count));
                }
            }),
            Change::HighWatermark { partition, hw, leader: true, .. } => (partition, &mut |lag| {
                if lag.leader == Some(event.broker) {
                    lag.hw = *hw;
                }
            }),
            _ => return,
        };
        let lag = self.lag.entry(partition.clone()).or_default();
        changed(lag);
        lag.curve.put(stretch, (lag.end.0 - lag.hw.0).max(0) as f64);
    }

    /// The plots, their points in ticks of so many nanoseconds.
    pub(super) fn finish(self, unit: u64) -> Vec<Plot> {
        let Self { stretch, unseen_curve, lag, waiting, .. } = self;
        let curve = |name: String, Peaks(points): Peaks| {
            let mut curve = Curve { name, t: Vec::new(), v: Vec::new() };
            let mut before = 0;
            for (at, value) in points {
                let at = at * stretch / unit;
                curve.t.push(at - before);
                before = at;
                curve.v.push((value * 1e3).round() / 1e3);
            }
            curve
        };
        let greatest = |curves: Vec<(TopicPartition, Peaks)>| {
            let mut curves = curves;
            curves.sort_by(|(_, one), (_, other)| other.peak().total_cmp(&one.peak()));
            curves.truncate(CURVES_MAX);
            curves.sort_by(|(one, _), (other, _)| one.cmp(other));
            curves.into_iter().map(|(name, peaks)| curve(name.to_string(), peaks)).collect::<Vec<_>>()
        };
        vec![
            Plot {
                title: "acknowledged, and read by nobody yet",
                unit: "records",
                series: vec![curve("all partitions".to_owned(), unseen_curve)],
            },
            Plot {
                title: "high watermark behind the leader's log end",
                unit: "records",
                series: greatest(lag.into_iter().map(|(name, lag)| (name, lag.curve)).collect()),
            },
            Plot {
                title: "longest wait for an acknowledgement",
                unit: "ms",
                series: greatest(waiting.into_iter().map(|(name, it)| (name, it.curve)).collect()),
            },
        ]
    }
}
