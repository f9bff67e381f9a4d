//! Whether there are no circles at all: the quick check that mostly settles it.

use super::super::LogReport;
use super::super::operations::OpId;
use super::edges::{self, Detail};
use crate::ids::Moment;
use crate::linearizability::rule;
use crate::operation::Outcome;

/// Whether all operations can be put in an order that follows their dependencies and time, too.
///
/// They can if none of the dependencies make a circle, and each operation can be given a moment between its
/// call and its return that is not before those of the operations on which it depends: whatever ended before
/// another began then has the lower moment, so that time adds no circle. The order of a process is part of that
/// of time.
pub(super) fn exists(report: &LogReport) -> bool {
    let count = report.operations.len();
    // The dependencies, by the operation that comes first.
    let mut starts = vec![0_u32; count + 1];
    let mut pairs: Vec<(OpId, OpId)> = Vec::with_capacity(2 * count);
    edges::each(report, Detail::Last, &mut |from, to, _| {
        starts[from.0 as usize] += 1;
        pairs.push((from, to));
    });
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    // From the last place of each to its first, after which each start is where it belongs.
    let mut after = vec![OpId(0); pairs.len()];
    let mut waits_for = vec![0_u32; count];
    for (from, to) in pairs {
        let place = &mut starts[from.0 as usize];
        *place -= 1;
        after[*place as usize] = to;
        waits_for[to.0 as usize] += 1;
    }
    let mut moments: Vec<Moment> = report.operations.iter().map(|(_, done)| done.invoked).collect();
    // The first come last, to be taken first: what is near in time is near in memory.
    let all = (0..count as u32).rev().map(OpId);
    let mut ready: Vec<OpId> = all.filter(|op| waits_for[op.0 as usize] == 0).collect();
    let mut placed = 0;
    while let Some(op) = ready.pop() {
        placed += 1;
        let (at, done) = (moments[op.0 as usize], report.operations.get(op));
        // What may have taken effect at any time later has no return.
        let ends = done.outcome == Some(Outcome::Ok) || !rule::applies("info-never-ends");
        if ends && at > done.completed {
            return false;
        }
        let (from, to) = (starts[op.0 as usize] as usize, starts[op.0 as usize + 1] as usize);
        for later in &after[from..to] {
            let later = later.0 as usize;
            moments[later] = moments[later].max(at);
            waits_for[later] -= 1;
            if waits_for[later] == 0 {
                ready.push(OpId(later as u32));
            }
        }
    }
    placed == count
}
