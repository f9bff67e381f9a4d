//! What the operations of a map from keys to texts mean.

use super::CheckError;
use super::operations::{Meaning, Operation};
use crate::history::{Datum, Outcome};
use crate::linearizability::models::KeyValueAction;

pub(super) fn action(operation: Operation<'_>) -> Result<Meaning<KeyValueAction>, CheckError> {
    let key = operation.key;
    let text = |value: &Datum| match value {
        Datum::String(text) => Ok(Box::from(&text[..])),
        // What is not there is as good as empty.
        Datum::Nil => Ok(Box::default()),
        other => Err(operation.wrong(other, "a text")),
    };
    match operation.function() {
        "get" if operation.outcome != Outcome::Ok => Ok(Meaning::Nothing),
        "get" => Ok(Meaning::Happened(KeyValueAction::Get { key, text: text(operation.result()?)? })),
        "put" => Ok(operation.effect(KeyValueAction::Put { key, text: text(operation.either()?)? })),
        "append" => Ok(operation.effect(KeyValueAction::Append { key, text: text(operation.either()?)? })),
        _ => Err(operation.unknown("get, put and append")),
    }
}
