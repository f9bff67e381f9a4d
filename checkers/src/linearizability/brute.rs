//! The plainest possible check of small histories, to hold the fast ones against.

use std::collections::BTreeSet;

use super::Op;
use super::model::Model;

/// Whether some order of the operations is possible, each between its call and its return. Tries them all,
/// but none twice from the same point. At most 32 operations.
pub(crate) fn linearizable<M: Model>(model: &M, ops: &[Op<M::Action>]) -> bool
where
    M::State: Ord,
{
    assert!(ops.len() <= 32, "{} operations are too many to try all orders", ops.len());
    search(model, ops, 0, &model.initial(), &mut BTreeSet::new())
}

fn search<M: Model>(
    model: &M,
    ops: &[Op<M::Action>],
    done: u32,
    state: &M::State,
    failed: &mut BTreeSet<(u32, M::State)>,
) -> bool
where
    M::State: Ord,
{
    let open = |place: &usize| done & 1 << place == 0;
    let deadline = (0..ops.len()).filter(open).map(|place| ops[place].interval.ret).min();
    let Some(deadline) = deadline.filter(|ret| ret.is_some()) else {
        // What is left never returned, so it need not have happened.
        return true;
    };
    if !failed.insert((done, state.clone())) {
        return false;
    }
    let mut next = Vec::new();
    for place in (0..ops.len()).filter(open).filter(|place| ops[*place].interval.call < deadline) {
        next.clear();
        model.step(state, &ops[place].action, &mut next);
        if next.iter().any(|state| search(model, ops, done | 1 << place, state, failed)) {
            return true;
        }
    }
    false
}
