//! What the operations of a lock mean.

use super::CheckError;
use super::operations::{Meaning, Operation};
use crate::linearizability::models::MutexAction;

pub(super) fn action(operation: Operation<'_>) -> Result<Meaning<MutexAction>, CheckError> {
    match operation.function() {
        "acquire" | "lock" => Ok(operation.effect(MutexAction::Acquire)),
        "release" | "unlock" => Ok(operation.effect(MutexAction::Release)),
        _ => Err(operation.unknown("acquire and release")),
    }
}
