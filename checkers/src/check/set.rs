//! What the operations of a set mean.

use super::CheckError;
use super::operations::{Meaning, Operation, elements, pair};
use super::shown::Shown;
use crate::history::{Datum, Outcome};
use crate::linearizability::models::SetAction;

pub(super) fn action(operation: Operation<'_>) -> Result<Meaning<SetAction<Shown>>, CheckError> {
    let ok = operation.outcome == Outcome::Ok;
    match operation.function() {
        "add" => Ok(operation.effect(SetAction::Add(Shown(operation.either()?.clone())))),
        "read" | "contains" if !ok => Ok(Meaning::Nothing),
        "read" => {
            let value = operation.result()?;
            // A read of nil says nothing.
            if *value == Datum::Nil {
                return Ok(Meaning::Nothing);
            }
            let read = elements(value).ok_or_else(|| operation.wrong(value, "the elements, `#{1 2}`"))?;
            Ok(Meaning::Happened(SetAction::Read(read.iter().cloned().map(Shown).collect())))
        }
        "contains" => {
            let value = operation.result()?;
            match pair(value) {
                Some((element, Datum::Bool(found))) => {
                    let element = Shown(element.clone());
                    Ok(Meaning::Happened(SetAction::Contains { element, found: *found }))
                }
                _ => Err(operation.wrong(value, "an element and whether it is there, `[1 true]`")),
            }
        }
        _ => Err(operation.unknown("add, read and contains")),
    }
}
