//! The order in which the operations took effect, from the instants at which slots were filled.

use super::evidence::{Evidence, NOWHERE};
use super::sweep::{Filled, NOBODY};
use crate::linearizability::{Certificate, OpId};

/// Puts what only looked between what filled slots: as early as its call allows, but not before its lower
/// bound. That is before its upper bound, as the slot there was filled after its call.
pub(super) fn order(evidence: &Evidence<'_>, filled: &Filled) -> Certificate {
    let history = evidence.history;
    let sorted = history.ops.is_sorted_by_key(|op| op.interval.call);
    let mut by_call = Vec::new();
    if !sorted {
        by_call = (0..history.ops.len() as u32).collect();
        by_call.sort_by_key(|place| history.ops[*place as usize].interval.call);
    }
    let in_order = (0..history.ops.len()).map(|nth| by_call.get(nth).map_or(nth, |place| *place as usize));
    // For each that looked: how many fillings are before it. Among equals, the order of their calls will do.
    let mut looks: Vec<(u32, OpId)> = Vec::new();
    let mut looks_before = vec![0_u32; filled.by.len() + 2];
    let mut called = 0;
    for place in in_order {
        let op = &history.ops[place];
        while filled.by.get(called).is_some_and(|(instant, _)| *instant < op.interval.call.0) {
            called += 1;
        }
        let Some(bounds) = evidence.bounds(op).filter(|bounds| !bounds.append) else { continue };
        if history.returned(op) == NOWHERE {
            continue;
        }
        let lower = filled.before.get(bounds.lower as usize).copied().unwrap_or(0);
        let fillings = lower.max(called as u32);
        looks.push((fillings, OpId(place as u32)));
        looks_before[fillings as usize + 1] += 1;
    }
    for filling in 1..looks_before.len() {
        looks_before[filling] += looks_before[filling - 1];
    }
    let mut order = vec![OpId(0); looks.len() + filled.by.len()];
    for (place, (_, op)) in filled.by.iter().enumerate() {
        order[place + looks_before[place + 1] as usize] = *op;
    }
    for (fillings, op) in looks {
        let place = &mut looks_before[fillings as usize];
        order[(fillings + *place) as usize] = op;
        *place += 1;
    }
    order.retain(|op| *op != NOBODY);
    Certificate { order }
}
