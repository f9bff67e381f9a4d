//! What the operations of a register mean.

use super::operations::{Meaning, Operation, pair};
use super::shown::Shown;
use super::{CheckError, FailedCas, Object, Options};
use crate::history::{Datum, Outcome};
use crate::linearizability::models::{Register, RegisterAction};

pub(super) fn model(options: &Options) -> Register<Shown> {
    Register { initial: Shown(options.initial.clone()) }
}

pub(super) fn action(
    operation: Operation<'_>,
    options: &Options,
) -> Result<Meaning<RegisterAction<Shown>>, CheckError> {
    match (operation.function(), operation.object) {
        ("read", _) => read(operation, options),
        ("write", _) => Ok(operation.effect(RegisterAction::Write(Shown(operation.either()?.clone())))),
        ("cas" | "compare-and-set", Object::CasRegister) => compare_and_set(operation, options),
        (_, Object::CasRegister) => Err(operation.unknown("read, write and cas")),
        _ => Err(operation.unknown("read and write; a cas-register has cas too")),
    }
}

fn read(operation: Operation<'_>, options: &Options) -> Result<Meaning<RegisterAction<Shown>>, CheckError> {
    if operation.outcome != Outcome::Ok {
        return Ok(Meaning::Nothing);
    }
    let value = operation.result()?;
    if *value == Datum::Nil && options.initial != Datum::Nil {
        return Ok(Meaning::Nothing);
    }
    Ok(Meaning::Happened(RegisterAction::Read(Shown(value.clone()))))
}

fn compare_and_set(
    operation: Operation<'_>,
    options: &Options,
) -> Result<Meaning<RegisterAction<Shown>>, CheckError> {
    let value = operation.either()?;
    let Some((from, to)) = pair(value) else {
        return Err(operation.wrong(value, "a pair of the expected and the new value, `[from to]`"));
    };
    let from = Shown(from.clone());
    let refused = operation.completion.is_some_and(|completion| completion.error.is_none());
    match (operation.outcome, options.failed_cas) {
        (Outcome::Fail, FailedCas::Differed) if refused => {
            Ok(Meaning::Happened(RegisterAction::Differs(from)))
        }
        _ => Ok(operation.effect(RegisterAction::CompareAndSet { from, to: Shown(to.clone()) })),
    }
}
