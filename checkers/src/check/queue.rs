//! What the operations of a queue mean.

use super::CheckError;
use super::operations::{Meaning, Operation, elements};
use super::shown::Shown;
use crate::history::{Datum, Outcome};
use crate::linearizability::models::QueueAction;

pub(super) fn actions(operation: Operation<'_>) -> Result<Meaning<QueueAction<Shown>>, CheckError> {
    match operation.function() {
        "enqueue" => Ok(operation.effect(QueueAction::Enqueue(Shown(operation.either()?.clone())))),
        "dequeue" => dequeue(operation),
        "drain" => drain(operation),
        _ => Err(operation.unknown("enqueue, dequeue and drain")),
    }
}

fn dequeue(operation: Operation<'_>) -> Result<Meaning<QueueAction<Shown>>, CheckError> {
    Ok(match operation.outcome {
        Outcome::Ok => Meaning::Happened(match operation.result()? {
            Datum::Nil => QueueAction::Empty,
            element => QueueAction::Dequeue(Shown(element.clone())),
        }),
        Outcome::Fail if found_empty(operation) => Meaning::Happened(QueueAction::Empty),
        Outcome::Fail => Meaning::Nothing,
        Outcome::Info | Outcome::Invoke => Meaning::Pending(QueueAction::DequeueAny),
    })
}

/// Jepsen's clients fail a dequeue of an empty queue with `:empty` or `:exhausted`.
fn found_empty(operation: Operation<'_>) -> bool {
    let error = operation.completion.and_then(|completion| completion.error.as_ref());
    match error {
        Some(Datum::Keyword(name) | Datum::String(name)) => matches!(&**name, "empty" | "exhausted"),
        _ => false,
    }
}

/// A drain dequeues one by one. In which order it did, if not at once, is not told.
fn drain(operation: Operation<'_>) -> Result<Meaning<QueueAction<Shown>>, CheckError> {
    match operation.outcome {
        Outcome::Ok => {
            let value = operation.result()?;
            let all = elements(value).ok_or_else(|| operation.wrong(value, "the elements, `[1 2]`"))?;
            Ok(Meaning::AllHappened(all.iter().cloned().map(Shown).map(QueueAction::Dequeue).collect()))
        }
        // How many it took is not known, so that nothing can be said of the rest.
        Outcome::Info | Outcome::Invoke => {
            Err(operation
                .wrong(operation.result()?, "a drain that ends; one without an end cannot be checked"))
        }
        Outcome::Fail => Ok(Meaning::Nothing),
    }
}
