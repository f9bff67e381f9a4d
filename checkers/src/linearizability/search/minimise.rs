//! Makes a small witness of a history that is not linearizable.
//!
//! Only what keeps every linearizable history linearizable is done: to leave out what comes after the failing
//! return, to leave out an operation that changes nothing, and to let another take effect at any time or
//! never. So what is still impossible is so for the operations that were left as they are. To leave out a
//! completed write is none of these: what it wrote may be needed.

use super::machine::{Machine, Progress};
use super::order::ORDERS;
use super::problem::{Entry, Problem};
use super::{Explanation, Search};
use crate::ids::{Interval, Moment};
use crate::linearizability::model::Model;
use crate::linearizability::{Op, OpId, rule};

/// Operations that are possible in no order, whenever all others that were called by then take effect: the one
/// that returned last, and then the others by their calls.
pub(super) fn minimise<M: Model>(
    search: &Search,
    model: &M,
    ops: &[Op<M::Action>],
    problem: &Problem<M>,
    explanation: Option<&Explanation>,
) -> Vec<OpId> {
    let failing = explanation.map(|explanation| ops[explanation.failing.0 as usize].interval.ret);
    let end = failing.unwrap_or(Moment::NEVER);
    let mut entries: Vec<_> = problem
        .ops
        .iter()
        .filter(|op| op.interval.call <= end)
        .map(|op| {
            let returned = op.interval.ret <= end;
            let interval =
                if returned { op.interval } else { Interval { ret: Moment::NEVER, ..op.interval } };
            Entry { id: op.id, interval, action: &ops[op.id.0 as usize].action }
        })
        .collect();
    entries.sort_by_key(|entry| entry.interval.call);
    let mut attempt = Attempt { search, model, problem, steps_left: search.minimise_steps_max };
    let mut size = entries.len().next_power_of_two() / 2;
    while size > 0 {
        let mut begin = 0;
        let mut changed = false;
        while begin < entries.len() && attempt.steps_left > 0 {
            let chunk = begin..entries.len().min(begin + size);
            if entries[chunk.clone()].iter().all(|entry| entry.interval == FREE) {
                begin += size;
                continue;
            }
            let smaller = without(model, &entries, chunk);
            if attempt.fails(&smaller) {
                changed = true;
                // What stands after the chunk has moved to its place, as far as it was left out.
                begin += size - (entries.len() - smaller.len()).min(size);
                entries = smaller;
            } else {
                begin += size;
            }
        }
        if !changed || size > 1 {
            size /= 2;
        }
    }
    let mut kept: Vec<_> = entries.iter().filter(|entry| entry.interval != FREE).collect();
    kept.sort_by_key(|entry| (entry.interval.call, entry.id));
    let returned = (0..kept.len()).filter(|place| kept[*place].interval.ret.is_some());
    let last = returned.max_by_key(|place| kept[*place].interval.ret).map(|place| kept.remove(place).id);
    last.into_iter().chain(problem.after).chain(kept.iter().map(|entry| entry.id)).collect()
}

/// When an operation takes effect of which nothing is said.
const FREE: Interval = Interval { call: Moment(0), ret: Moment::NEVER };

/// The entries, of which a chunk is left out or set free.
fn without<'a, M: Model>(
    model: &M,
    entries: &[Entry<'a, M::Action>],
    chunk: std::ops::Range<usize>,
) -> Vec<Entry<'a, M::Action>> {
    let keeps_writes = rule::applies("no completed write is left out");
    let places = entries.iter().enumerate();
    places
        .filter_map(|(place, entry)| match chunk.contains(&place) {
            false => Some(*entry),
            true if model.is_pure(entry.action) || !keeps_writes => None,
            true => Some(Entry { interval: FREE, ..*entry }),
        })
        .collect()
}

struct Attempt<'a, M: Model> {
    search: &'a Search,
    model: &'a M,
    problem: &'a Problem<M>,
    steps_left: u64,
}

impl<M: Model> Attempt<'_, M> {
    /// Whether these are certainly possible in no order.
    fn fails(&mut self, entries: &[Entry<'_, M::Action>]) -> bool {
        let model = self.model;
        let problem = Problem::new(model, self.problem.initial.clone(), None, entries);
        // To lay it out costs as well.
        self.steps_left = self.steps_left.saturating_sub(entries.len() as u64);
        let quantum = (64 + 16 * entries.len() as u64).max(self.steps_left / 16).min(self.steps_left);
        for order in [ORDERS[0], ORDERS[1]] {
            let mut machine = Machine::new(model, &problem, order, self.search.exact);
            let bytes_max = self.search.memory_max_bytes / ORDERS.len();
            let progress = machine.advance(model, &problem, quantum.min(self.steps_left), bytes_max);
            self.steps_left = self.steps_left.saturating_sub(machine.steps());
            match progress {
                Progress::Found => return false,
                Progress::Impossible => return true,
                Progress::Paused | Progress::OutOfMemory => {}
            }
        }
        false
    }
}
