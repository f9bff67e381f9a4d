//! Replays an order on the plain object: what a certificate is worth without trust in the search.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::ids::Moment;
use crate::linearizability::model::Model;
use crate::linearizability::{Certificate, Op, OpId};

/// Why a certificate proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAnOrder {
    /// It names an operation that is none of the history's.
    #[error("there is no operation {}", .0.0)]
    Unknown(OpId),
    /// It names an operation twice.
    #[error("operation {} takes effect twice", .0.0)]
    Twice(OpId),
    /// It lacks an operation that returned.
    #[error("operation {} returned, and never takes effect", .0.0)]
    Missing(OpId),
    /// It has an operation after one that was called only when it had returned.
    #[error("operation {} takes effect after one that was called when it had returned", .0.0)]
    TooLate(OpId),
    /// The object does not allow an operation where it stands.
    #[error("operation {} cannot happen where it stands", .0.0)]
    Impossible(OpId),
}

/// Checks that the certificate is an order of the operations, each between its call and its return, that the
/// model allows.
///
/// # Errors
/// With the first operation that makes it none.
pub fn replay<M: Model>(
    model: &M,
    ops: &[Op<M::Action>],
    certificate: &Certificate,
) -> Result<(), NotAnOrder> {
    let mut taken = vec![false; ops.len()];
    let mut now = Moment(0);
    let mut states: BTreeMap<_, Vec<M::State>> = BTreeMap::new();
    for id in &certificate.order {
        let op = ops.get(id.0 as usize).ok_or(NotAnOrder::Unknown(*id))?;
        if std::mem::replace(&mut taken[id.0 as usize], true) {
            return Err(NotAnOrder::Twice(*id));
        }
        now = now.max(op.interval.call);
        if op.interval.ret < now {
            return Err(NotAnOrder::TooLate(*id));
        }
        let states = states.entry(model.part(&op.action)).or_insert_with(|| vec![model.initial()]);
        let mut next = Vec::new();
        for state in states.iter() {
            model.step(state, &op.action, &mut next);
        }
        dedup(&mut next);
        if next.is_empty() {
            return Err(NotAnOrder::Impossible(*id));
        }
        *states = next;
    }
    let missing = (0..ops.len()).find(|place| !taken[*place] && ops[*place].interval.ret.is_some());
    missing.map_or(Ok(()), |place| Err(NotAnOrder::Missing(OpId(place as u32))))
}

/// Leaves one of each, in the order in which they came.
fn dedup<S: Clone + Eq + std::hash::Hash>(states: &mut Vec<S>) {
    if states.len() > 1 {
        let distinct: indexmap::IndexSet<S, rustc_hash::FxBuildHasher> = states.drain(..).collect();
        states.extend(distinct);
    }
}

/// One order of all operations from the orders of the parts: each operation at the latest call up to it in
/// its part, which is before its return.
pub(super) fn merge<A>(ops: &[Op<A>], orders: Vec<Vec<OpId>>) -> Certificate {
    if orders.len() == 1 {
        return Certificate { order: orders.into_iter().flatten().collect() };
    }
    let mut points = Vec::with_capacity(ops.len());
    for order in orders {
        let mut now = Moment(0);
        for id in order {
            now = now.max(ops[id.0 as usize].interval.call);
            points.push((now, id));
        }
    }
    // Stable: operations of one part at one point keep their order.
    points.sort_by_key(|(point, _)| *point);
    Certificate { order: points.into_iter().map(|(_, id)| id).collect() }
}
