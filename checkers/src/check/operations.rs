//! The operations of a history, with their keys, before the object says what they mean.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::report::Place;
use super::shown::Shown;
use super::{CheckError, Object, Options};
use crate::history::{Datum, Event, History, Outcome, Span, spans};
use crate::ids::{Interval, Moment};
use crate::linearizability::Op;
use crate::linearizability::models::KeyedAction;

/// The operations of a history.
#[derive(Debug)]
pub(super) struct Operations<'h> {
    pub(super) object: Object,
    pub(super) events: &'h [Event],
    pub(super) spans: Vec<Span>,
    /// The keys, by their numbers; `None` for what has none.
    pub(super) keys: IndexSet<Option<Datum>, FxBuildHasher>,
    key_of: Vec<u32>,
    independent: bool,
}

/// One operation of a history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation<'h> {
    pub(super) object: Object,
    pub(super) invocation: &'h Event,
    pub(super) completion: Option<&'h Event>,
    pub(super) outcome: Outcome,
    pub(super) key: u32,
    independent: bool,
}

/// Operations as the object has it, and from which span each is.
#[derive(Debug)]
pub(super) struct Gathered<A> {
    pub(super) ops: Vec<Op<A>>,
    pub(super) spans: Vec<u32>,
}

/// What an operation of a history means.
pub(super) enum Meaning<A> {
    /// Nothing that the object has to do with.
    Nothing,
    /// It happened between its call and its return.
    Happened(A),
    /// It may take effect at any time after its call, or never.
    Pending(A),
    /// Several things that happened between its call and its return.
    AllHappened(Vec<A>),
}

impl<'h> Operations<'h> {
    pub(super) fn new(object: Object, history: &'h History, options: &Options) -> Result<Self, CheckError> {
        let events = &history.events[..];
        let spans = spans(events)?;
        let mut operations = Self {
            object,
            events,
            key_of: Vec::with_capacity(spans.len()),
            spans,
            keys: IndexSet::default(),
            independent: options.independent,
        };
        for place in 0..operations.spans.len() {
            let invocation = &events[operations.spans[place].invocation];
            let key = match (&invocation.key, options.independent) {
                (Some(key), _) => Some(key),
                (None, true) => Some(tuple(invocation)?.0),
                (None, false) => None,
            };
            // A key is cloned for a new one alone.
            let number = match operations.keys.get_index_of(&Key(key)) {
                Some(number) => number,
                None => operations.keys.insert_full(key.cloned()).0,
            };
            operations.key_of.push(number as u32);
        }
        Ok(operations)
    }

    fn get(&self, place: usize) -> Operation<'h> {
        let span = &self.spans[place];
        Operation {
            object: self.object,
            invocation: &self.events[span.invocation],
            completion: span.completion.map(|completion| &self.events[completion]),
            outcome: span.outcome,
            key: self.key_of[place],
            independent: self.independent,
        }
    }

    /// What all operations mean.
    pub(super) fn gather<A: Clone>(
        &self,
        meaning: impl Fn(Operation<'h>) -> Result<Meaning<A>, CheckError>,
    ) -> Result<Gathered<A>, CheckError> {
        let mut gathered = Gathered { ops: Vec::with_capacity(self.spans.len()), spans: Vec::new() };
        for (place, span) in self.spans.iter().enumerate() {
            let mut add = |interval, action| {
                gathered.ops.push(Op { interval, action });
                gathered.spans.push(place as u32);
            };
            match meaning(self.get(place))? {
                Meaning::Nothing => {}
                Meaning::Happened(action) => add(span.interval, action),
                Meaning::Pending(action) => add(Interval { ret: Moment::NEVER, ..span.interval }, action),
                Meaning::AllHappened(actions) => {
                    for action in actions {
                        add(span.interval, action);
                    }
                }
            }
        }
        Ok(gathered)
    }

    /// The same, each with its key.
    pub(super) fn keyed<A: Clone>(
        &self,
        meaning: impl Fn(Operation<'h>) -> Result<Meaning<A>, CheckError>,
    ) -> Result<Gathered<KeyedAction<A>>, CheckError> {
        self.gather(|operation| {
            let key = operation.key;
            let with_key = |action| KeyedAction { key, action };
            Ok(match meaning(operation)? {
                Meaning::Nothing => Meaning::Nothing,
                Meaning::Happened(action) => Meaning::Happened(with_key(action)),
                Meaning::Pending(action) => Meaning::Pending(with_key(action)),
                Meaning::AllHappened(actions) => {
                    Meaning::AllHappened(actions.into_iter().map(with_key).collect())
                }
            })
        })
    }
}

/// Looks a key up without cloning it.
#[derive(Hash)]
struct Key<'k>(Option<&'k Datum>);

impl indexmap::Equivalent<Option<Datum>> for Key<'_> {
    fn equivalent(&self, key: &Option<Datum>) -> bool {
        self.0 == key.as_ref()
    }
}

impl<'h> Operation<'h> {
    pub(super) fn function(&self) -> &'h str {
        &self.invocation.function
    }

    /// What it was called with.
    pub(super) fn argument(&self) -> Result<&'h Datum, CheckError> {
        self.value_of(self.invocation)
    }

    /// What it returned; what it was called with, while it is outstanding.
    pub(super) fn result(&self) -> Result<&'h Datum, CheckError> {
        self.value_of(self.completion.unwrap_or(self.invocation))
    }

    /// The argument if there is one, else the result: a history may name it at either event.
    pub(super) fn either(&self) -> Result<&'h Datum, CheckError> {
        let argument = self.argument()?;
        if *argument == Datum::Nil && self.outcome == Outcome::Ok { self.result() } else { Ok(argument) }
    }

    fn value_of(&self, event: &'h Event) -> Result<&'h Datum, CheckError> {
        match self.independent && event.key.is_none() {
            true => Ok(tuple(event)?.1),
            false => Ok(&event.value),
        }
    }

    /// What a state-changing operation means by its outcome.
    pub(super) fn effect<A>(&self, action: A) -> Meaning<A> {
        match self.outcome {
            Outcome::Ok => Meaning::Happened(action),
            Outcome::Fail => Meaning::Nothing,
            Outcome::Info | Outcome::Invoke => Meaning::Pending(action),
        }
    }

    /// Complains that the object has no such function.
    pub(super) fn unknown(&self, known: &'static str) -> CheckError {
        CheckError::Function {
            place: Place::of(self.invocation),
            object: self.object,
            function: self.function().to_owned(),
            known,
        }
    }

    /// Complains of the value at the completion, or at the invocation if there is none.
    pub(super) fn wrong(&self, found: &Datum, expected: &'static str) -> CheckError {
        wrong(self.completion.unwrap_or(self.invocation), found, expected)
    }
}

pub(super) fn wrong(event: &Event, found: &Datum, expected: &'static str) -> CheckError {
    CheckError::Value {
        place: Place::of(event),
        function: event.function.to_string(),
        found: Shown(found.clone()).to_string(),
        expected,
    }
}

/// The key and the value of a pair.
fn tuple(event: &Event) -> Result<(&Datum, &Datum), CheckError> {
    pair(&event.value).ok_or_else(|| wrong(event, &event.value, "a pair of a key and a value, `[key value]`"))
}

/// The two elements of a vector or list.
pub(super) fn pair(value: &Datum) -> Option<(&Datum, &Datum)> {
    match value {
        Datum::Vector(elements) | Datum::List(elements) => match &elements[..] {
            [first, second] => Some((first, second)),
            _ => None,
        },
        // `#jepsen.independent.Tuple [key value]`: as deep as the reader lets it be.
        Datum::Tagged(_, inner) => match &**inner {
            Datum::Vector(elements) | Datum::List(elements) if elements.len() == 2 => {
                Some((&elements[0], &elements[1]))
            }
            _ => None,
        },
        _ => None,
    }
}

/// The elements of a set, a vector or a list.
pub(super) fn elements(value: &Datum) -> Option<&[Datum]> {
    match value {
        Datum::Vector(elements) | Datum::List(elements) | Datum::Set(elements) => Some(elements),
        _ => None,
    }
}
