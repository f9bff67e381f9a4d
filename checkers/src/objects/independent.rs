//! Takes a history of many independent objects apart: Jepsen's tuples `[key value]`.

use std::collections::BTreeMap;

use super::shape::{ObjectError, wrong_value};
use crate::history::{Actor, Datum, Event, spans};

/// The events of each object by its key, whose values no longer bear the key; sorted by key. Every value of a
/// client must be a tuple `[key value]`, and the completion's of the same key as the invocation's: a history
/// in which some are not is one of a single object, whose elements may happen to be tuples. What the nemesis
/// did is in none of them.
///
/// # Errors
/// If a value is no such tuple, or the history's invocations and completions do not pair.
pub fn independent(events: &[Event]) -> Result<BTreeMap<Datum, Vec<Event>>, ObjectError> {
    // Only for what it refuses.
    spans(events)?;
    let mut objects: BTreeMap<Datum, Vec<Event>> = BTreeMap::new();
    let mut outstanding: BTreeMap<&Actor, &Datum> = BTreeMap::new();
    for event in events.iter().filter(|event| matches!(event.process, Actor::Process(_))) {
        let Some((key, value)) = tuple(&event.value) else {
            return Err(wrong_value(event, "a tuple of the object's key and the value"));
        };
        match outstanding.remove(&event.process) {
            None => {
                outstanding.insert(&event.process, key);
            }
            Some(invoked) if invoked == key => {}
            Some(_) => return Err(wrong_value(event, "a tuple with the key of the invocation")),
        }
        objects.entry(key.clone()).or_default().push(Event { value: value.clone(), ..event.clone() });
    }
    Ok(objects)
}

/// The key and the value; Jepsen may tag them as `#jepsen.independent.Tuple`.
fn tuple(value: &Datum) -> Option<(&Datum, &Datum)> {
    let value = if let Datum::Tagged(_, inner) = value { inner } else { value };
    match value {
        Datum::Vector(elements) | Datum::List(elements) => match &elements[..] {
            [key, value] => Some((key, value)),
            _ => None,
        },
        _ => None,
    }
}
