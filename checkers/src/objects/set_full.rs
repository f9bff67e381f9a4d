//! A set that is read all along: for each element whether it came to stay, how late, or when it was lost.

use super::Validity;
use super::elements::{Elements, Examples, sentence};
use super::shape::{ObjectError, collection, wrong_function};
use crate::history::{Datum, Event, Outcome, spans};

/// Whether an element may show up later than its addition returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Staleness {
    /// Jepsen's default.
    #[default]
    Permitted,
    /// Jepsen's `:linearizable?`.
    Violation,
}

/// What came out of checking a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFullReport {
    /// Whether elements came to stay.
    pub validity: Validity,
    /// One sentence without a full stop.
    pub verdict: String,
    /// Elements that were tried to add.
    pub attempts: u64,
    /// Reads that returned.
    pub reads: u64,
    /// How many elements every read had that began after some moment.
    pub stable: u64,
    /// Known to be there once, and absent from every read that began after some moment.
    pub lost: Examples,
    /// Neither: no read tells that began after the element was known to be there.
    pub never_read: Examples,
    /// Stable, and absent from a read that began after the element was known to be there.
    pub stale: Examples,
    /// The stale elements that took longest, with their latencies in nanoseconds, worst first; at most
    /// [`SetFullReport::WORST_MAX`].
    pub worst_stale: Vec<(Datum, u64)>,
    /// More than once in one read.
    pub duplicated: Examples,
    /// Read, and never tried to add.
    pub unexpected: Examples,
    /// Read, though every attempt to add it failed.
    pub aborted: Examples,
    /// From when an element was known to be there to when it was there to stay.
    pub stable_latencies: Option<Latencies>,
    /// From when an element was known to be there to when it was gone for good.
    pub lost_latencies: Option<Latencies>,
}

impl SetFullReport {
    /// How many of the stalest elements a report shows.
    pub const WORST_MAX: usize = 8;
}

/// Quantiles of latencies, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latencies {
    /// The least.
    pub min: u64,
    /// Half of them are below.
    pub median: u64,
    /// 95 of 100 are below.
    pub p95: u64,
    /// 99 of 100 are below.
    pub p99: u64,
    /// The greatest.
    pub max: u64,
}

impl Latencies {
    fn of(mut latencies: Vec<u64>) -> Option<Self> {
        latencies.sort_unstable();
        let last = latencies.len().checked_sub(1)?;
        let at = |hundredths: usize| latencies[(latencies.len() * hundredths / 100).min(last)];
        Some(Self { min: at(0), median: at(50), p95: at(95), p99: at(99), max: at(100) })
    }
}

/// What is known of an element; places are those of events.
#[derive(Debug, Default)]
struct Known {
    /// The first attempt to add it.
    attempted: Option<usize>,
    failed: bool,
    may_be: bool,
    /// When it was first known to be there: the addition's return, or that of a read that has it.
    known: Option<usize>,
    /// The reads that have it, by their numbers, which follow their invocations.
    reads: Vec<u32>,
    duplicated: bool,
}

impl Known {
    fn known_at(&mut self, place: usize) {
        self.known = Some(self.known.map_or(place, |known| known.min(place)));
    }
}

/// A read that returned: where it was invoked and completed, and what it has.
struct Read<'a> {
    invocation: usize,
    completion: usize,
    elements: &'a [Datum],
}

/// Checks a set: `:add` adds the element that is its value, and `:read` returns all elements there are.
///
/// For each element: it is *known* from the return of its addition, or of the first read that has it. It is
/// *stable* if the last read to begin that could have it does; *lost* if instead the last to begin lacks it,
/// and began after it was known; and otherwise it was *never read*. It is *stale* if it is stable, and a read
/// that began after it was known lacks it. Reads that began before the addition do not count against it.
/// Beyond Jepsen's, elements that nobody added, or whose addition failed, are held against the set.
///
/// The elements of tuples `[key value]` are the tuples themselves: for a history of independent sets call
/// [`independent`](super::independent) first.
///
/// # Errors
/// If the history is none of a set.
pub fn set_full(events: &[Event], staleness: Staleness) -> Result<SetFullReport, ObjectError> {
    let mut elements: Elements<'_, Known> = Elements::new();
    let mut reads: Vec<Read<'_>> = Vec::new();
    for span in spans(events)? {
        let invocation = &events[span.invocation];
        let returned = span.completion.filter(|_| span.outcome == Outcome::Ok);
        match &*invocation.function {
            "add" => {
                let known = elements.entry(&invocation.value);
                known.attempted.get_or_insert(span.invocation);
                known.failed |= span.outcome == Outcome::Fail;
                known.may_be |= span.outcome != Outcome::Fail;
                if let Some(place) = returned {
                    known.known_at(place);
                }
            }
            "read" => {
                if let Some(completion) = returned {
                    let elements = collection(&events[completion])?;
                    reads.push(Read { invocation: span.invocation, completion, elements });
                }
            }
            _ => return Err(wrong_function(invocation, "set", "add or read")),
        }
    }
    for (read, number) in reads.iter().zip(0..) {
        for element in read.elements {
            let known = elements.entry(element);
            if known.reads.last() == Some(&number) {
                known.duplicated = true;
            } else {
                known.reads.push(number);
                known.known_at(read.completion);
            }
        }
    }
    Ok(Judge { events, reads: &reads, staleness }.report(&elements))
}

/// What becomes of an element.
enum Fate {
    Stable { absent: Option<usize> },
    Lost { present: Option<usize> },
    NeverRead,
}

struct Judge<'a> {
    events: &'a [Event],
    reads: &'a [Read<'a>],
    staleness: Staleness,
}

impl Judge<'_> {
    fn fate(&self, known: &Known, attempted: usize) -> Fate {
        let present = known.reads.last().map(|number| self.reads[*number as usize].invocation);
        let absent = self.last_absent(known, attempted);
        match (present, absent, known.known) {
            (Some(present), absent, _) if absent.is_none_or(|absent| absent < present) => {
                Fate::Stable { absent }
            }
            (present, Some(absent), Some(known)) if known < absent => Fate::Lost { present },
            _ => Fate::NeverRead,
        }
    }

    /// Where the last read was invoked that lacks an element and began after its addition did.
    fn last_absent(&self, known: &Known, attempted: usize) -> Option<usize> {
        let mut having = known.reads.iter().rev().peekable();
        for (number, read) in self.reads.iter().enumerate().rev() {
            if read.invocation < attempted {
                break;
            }
            if having.next_if(|having| **having as usize == number).is_none() {
                return Some(read.invocation);
            }
        }
        None
    }

    /// From one event to just after another, and 0 if that was before; `None` if the history tells no times.
    fn latency(&self, known: Option<usize>, until: Option<usize>) -> Option<u64> {
        let known = self.events[known?].time?;
        let until = match until {
            Some(event) => self.events[event].time?.saturating_add(1),
            None => known,
        };
        Some(until.saturating_sub(known).max(0) as u64)
    }

    fn report(&self, elements: &Elements<'_, Known>) -> SetFullReport {
        let mut report = SetFullReport {
            validity: Validity::Valid,
            verdict: String::new(),
            attempts: 0,
            reads: self.reads.len() as u64,
            stable: 0,
            lost: Examples::default(),
            never_read: Examples::default(),
            stale: Examples::default(),
            worst_stale: Vec::new(),
            duplicated: Examples::default(),
            unexpected: Examples::default(),
            aborted: Examples::default(),
            stable_latencies: None,
            lost_latencies: None,
        };
        let (mut stable, mut lost) = (Vec::new(), Vec::new());
        let mut stale: Vec<(&Datum, u64)> = Vec::new();
        for (element, known) in elements.iter() {
            if known.duplicated {
                report.duplicated.push(element);
            }
            let Some(attempted) = known.attempted else {
                report.unexpected.push(element);
                continue;
            };
            report.attempts += 1;
            if !known.may_be && known.failed && !known.reads.is_empty() {
                report.aborted.push(element);
            }
            match self.fate(known, attempted) {
                Fate::Stable { absent } => {
                    report.stable += 1;
                    let late = absent.filter(|absent| known.known.is_some_and(|known| known < *absent));
                    let latency = self.latency(known.known, late);
                    stable.extend(latency);
                    if late.is_some() {
                        report.stale.push(element);
                        stale.push((element, latency.unwrap_or_default()));
                    }
                }
                Fate::Lost { present } => {
                    report.lost.push(element);
                    lost.extend(self.latency(known.known, present));
                }
                Fate::NeverRead => report.never_read.push(element),
            }
        }
        stale.sort_by_key(|(_, latency)| std::cmp::Reverse(*latency));
        stale.truncate(SetFullReport::WORST_MAX);
        report.worst_stale = stale.into_iter().map(|(element, latency)| (element.clone(), latency)).collect();
        report.stable_latencies = Latencies::of(stable);
        report.lost_latencies = Latencies::of(lost);
        self.judge(&mut report);
        report
    }

    fn judge(&self, report: &mut SetFullReport) {
        let none = Examples::default();
        let stale = if self.staleness == Staleness::Violation { &report.stale } else { &none };
        let wrong = [
            (&report.lost, "known to be there and lost"),
            (stale, "late to appear"),
            (&report.duplicated, "more than once in one read"),
            (&report.unexpected, "read and never added"),
            (&report.aborted, "read though the addition failed"),
        ];
        (report.validity, report.verdict) = if wrong.iter().any(|(found, _)| !found.is_empty()) {
            (Validity::Invalid, sentence(&wrong))
        } else if report.stable == 0 {
            (
                Validity::Unknown,
                "no element was read that was added, so nothing is known of the set".to_owned(),
            )
        } else {
            let verdict = format!(
                "of {} elements {} came to stay, {} of them late, and none was lost",
                report.attempts, report.stable, report.stale.count
            );
            (Validity::Valid, verdict)
        };
    }
}
