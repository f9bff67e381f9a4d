//! What a check says, in terms of the history.

use std::fmt;

use super::exact::{Decided, Split};
use super::finding::finding;
use super::operations::{Gathered, Operations};
use super::{Object, Options};
use crate::history::{Datum, Event, Outcome, Span};
use crate::linearizability::log::Level;
use crate::linearizability::model::Model;
use crate::linearizability::models::KeyedAction;
use crate::linearizability::search::Standing;
use crate::linearizability::{Answer, OpId, Witness};

/// What a check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Of which object.
    pub object: Object,
    /// The answer.
    pub verdict: Verdict,
    /// Why it is a violation: one finding at least, and of a log one for each kind of anomaly and each key.
    pub findings: Vec<Finding>,
    /// Of a log: what looks odd, and is legal.
    pub legal: Vec<Finding>,
    /// What is not known, and why, in one sentence without a full stop.
    pub unknown: Option<String>,
    /// What was counted, where the object is one that is counted: of its first key, or the worst.
    pub details: Vec<Tally>,
    /// Where it is linearizable: the invocations of the operations, in the order in which they took effect, as
    /// places among the events; those of one key after those of another.
    pub order: Vec<usize>,
    /// Of each key, in the order in which keys came up.
    pub keys: Vec<KeyReport>,
    /// How many there were.
    pub counts: Counts,
    /// Steps of the search.
    pub steps: u64,
}

/// The answer of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The history is one of the object: linearizable, or valid where the object is counted.
    Holds,
    /// It is not known: the budget ran out first, or the history does not tell.
    Unknown,
    /// It is none.
    Violation,
}

/// Why a history is not one of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of contradiction it is, in a word or two; of a log the name of the anomaly.
    pub kind: &'static str,
    /// One sentence without a full stop.
    pub what: String,
    /// Of which key.
    pub key: Option<Datum>,
    /// The operations that contradict each other, in the order in which the sentence names them.
    pub operations: Vec<Cited>,
    /// At which operation's return every order gets stuck, and in which states: one sentence without a full stop.
    pub stuck: Option<(Cited, String)>,
    /// How often it was found.
    pub count: u64,
    /// Further instances, the first of them: with the finding itself at most [`Finding::EXAMPLES_MAX`], unless
    /// all are asked for.
    pub more: Vec<Example>,
}

/// One more instance of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// One sentence without a full stop.
    pub what: String,
    /// The operations that show it.
    pub operations: Vec<Cited>,
}

/// How consistent a partition of a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The strongest level that its history satisfies; `None` if that is not known.
    pub level: Option<Level>,
    /// What breaks the next level.
    pub broken: Option<Contradiction>,
    /// Why the level is not known, in one sentence without a full stop.
    pub unknown: Option<String>,
}

/// Operations that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// What kind of contradiction it is, in a word or two.
    pub kind: &'static str,
    /// The operations.
    pub operations: Vec<Cited>,
}

/// Something that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What.
    pub name: &'static str,
    /// How many, or how many milliseconds.
    pub count: u64,
    /// The first of them, or the quantiles.
    pub shown: Option<String>,
}

/// An operation that a report names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cited {
    /// Who.
    pub process: i64,
    /// What, in terms of the object.
    pub what: String,
    /// Where it was invoked.
    pub invocation: Place,
    /// Where it was completed.
    pub completion: Option<Place>,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its index in the history.
    pub index: u64,
    /// The line of the input, from 1; 0 for none.
    pub line: u32,
}

/// What a check says of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReport {
    /// The key; `None` for what has none.
    pub key: Option<Datum>,
    /// How many operations concern it.
    pub operations: u64,
    /// The answer; [`Verdict::Unknown`] also where another key was found wrong before.
    pub verdict: Verdict,
    /// Steps of the search.
    pub steps: u64,
    /// Of a log: how consistent it is.
    pub consistency: Option<Consistency>,
}

/// How many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events, those of the nemesis too.
    pub events: u64,
    /// Operations of clients.
    pub operations: u64,
    /// Those that happened.
    pub ok: u64,
    /// Those that certainly did not.
    pub failed: u64,
    /// Those of which it is not known.
    pub info: u64,
    /// Those that say something of the object, and were checked.
    pub checked: u64,
}

impl Finding {
    /// How many instances a finding shows; `count` says how many there are.
    pub const EXAMPLES_MAX: usize = 4;
}

impl CheckReport {
    /// Before anything was checked.
    pub(super) fn new(object: Object) -> Self {
        Self {
            object,
            verdict: Verdict::Holds,
            findings: Vec::new(),
            legal: Vec::new(),
            unknown: None,
            details: Vec::new(),
            order: Vec::new(),
            keys: Vec::new(),
            counts: Counts::default(),
            steps: 0,
        }
    }

    /// The answer in words: `linearizable`, `not linearizable`, `valid`, `invalid` or `unknown`.
    pub fn answer(&self) -> &'static str {
        self.object.answer(self.verdict)
    }
}

impl Counts {
    /// Of a history; nothing of it was checked yet.
    pub(super) fn of(events: &[Event], spans: &[Span]) -> Self {
        let count = |outcome| spans.iter().filter(|span| span.outcome == outcome).count() as u64;
        Self {
            events: events.len() as u64,
            operations: spans.len() as u64,
            ok: count(Outcome::Ok),
            failed: count(Outcome::Fail),
            info: count(Outcome::Info),
            checked: 0,
        }
    }
}

impl Place {
    pub(super) fn of(event: &Event) -> Self {
        Self { index: event.index, line: event.line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "index {}", self.index),
            line => write!(f, "line {line}"),
        }
    }
}

impl From<Standing> for Verdict {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Linearizable => Self::Holds,
            Standing::Violation => Self::Violation,
            Standing::Unknown => Self::Unknown,
        }
    }
}

/// Searches for an order of the operations, and says what came out in terms of the history.
pub(super) fn search<M: Model>(
    operations: &Operations<'_>,
    model: &M,
    gathered: &Gathered<M::Action>,
    options: &Options,
) -> CheckReport {
    let found = options.search.check(model, &gathered.ops);
    let mut keys: Vec<_> = operations.keys.iter().cloned().map(untouched).collect();
    for part in &found.parts {
        if let Some(report) = usize::try_from(part.part.0).ok().and_then(|key| keys.get_mut(key)) {
            report.operations = part.operations;
            report.verdict = part.standing.into();
            report.steps = part.steps;
        }
    }
    let counts = counts(operations, gathered);
    let mut report = CheckReport { keys, counts, steps: found.steps, ..CheckReport::new(operations.object) };
    match found.answer {
        Answer::Linearizable(certificate) => {
            let span = |place: u32| operations.spans[gathered.spans[place as usize] as usize];
            report.order = certificate.order.iter().map(|id| span(id.0).invocation).collect();
        }
        Answer::Violation(witness) => {
            report.verdict = Verdict::Violation;
            let found = finding(operations, model, gathered, witness, found.explanation.as_ref());
            report.findings.push(found);
        }
        Answer::Unknown(exhausted) => {
            report.verdict = Verdict::Unknown;
            report.unknown = Some(exhausted.to_string());
        }
    }
    report
}

/// What exact checks say of some keys and the search of the others, in terms of the history.
pub(super) fn split<A: Clone, M: Model<Action = KeyedAction<A>>>(
    operations: &Operations<'_>,
    model: &M,
    split: Split<A>,
    options: &Options,
) -> CheckReport {
    let Split { all, decided, rest } = split;
    let wrong = decided.iter().find(|key| matches!(key.answer, Answer::Violation(_)));
    // What one key has shown is enough, unless all are asked for.
    let is_over = wrong.is_some() && !options.search.every_part;
    let mut report = if is_over || rest.ops.is_empty() {
        let keys = operations.keys.iter().cloned().map(untouched).collect();
        CheckReport { keys, ..CheckReport::new(operations.object) }
    } else {
        search(operations, model, &rest, options)
    };
    report.counts = counts(operations, &all);
    for op in rest.ops.iter().filter(|_| is_over) {
        let key = &mut report.keys[op.action.key as usize];
        key.operations += 1;
        key.verdict = Verdict::Unknown;
    }
    for Decided { key, answer, places } in &decided {
        let key = &mut report.keys[*key as usize];
        key.operations = places.len() as u64;
        // Each operation is looked at once.
        key.steps = places.len() as u64;
        report.steps += key.steps;
        let place = |id: &OpId| places[id.0 as usize];
        match answer {
            Answer::Linearizable(certificate) => {
                let invocation = |id| {
                    let span = all.spans[place(id) as usize];
                    operations.spans[span as usize].invocation
                };
                report.order.extend(certificate.order.iter().map(invocation));
            }
            Answer::Violation(witness) => {
                key.verdict = Verdict::Violation;
                if report.verdict != Verdict::Violation {
                    let operation = |id| OpId(place(id));
                    let named = witness.operations.iter().map(operation).collect();
                    let witness = Witness { operations: named, ..witness.clone() };
                    report.findings.push(finding(operations, model, &all, witness, None));
                    report.verdict = Verdict::Violation;
                }
            }
            Answer::Unknown(exhausted) => {
                key.verdict = Verdict::Unknown;
                if report.verdict == Verdict::Holds {
                    report.verdict = Verdict::Unknown;
                    report.unknown = Some(exhausted.to_string());
                }
            }
        }
    }
    if report.verdict != Verdict::Holds {
        report.order.clear();
    }
    report
}

/// Of a key with no operation that says anything.
fn untouched(key: Option<Datum>) -> KeyReport {
    KeyReport { key, operations: 0, verdict: Verdict::Holds, steps: 0, consistency: None }
}

fn counts<A>(operations: &Operations<'_>, gathered: &Gathered<A>) -> Counts {
    let mut checked = gathered.spans.clone();
    checked.dedup();
    Counts { checked: checked.len() as u64, ..Counts::of(operations.events, &operations.spans) }
}
