//! Makes a small witness of a history that is not linearizable.
//!
//! Only what keeps every linearizable history linearizable is done: to leave out what was called after the
//! failing return, to leave out an operation that changes nothing, and to let another one take effect or not, as
//! it suits. So what is still impossible is so for the operations that must take effect. To leave out a
//! completed write is none of these: what it wrote may be needed.

use super::machine::{Machine, Progress};
use super::order::ORDERS;
use super::problem::{Class, Entry, Prepared, Problem};
use super::relaxed::{Choice, Relaxed};
use super::{Explanation, Search};
use crate::ids::{Interval, Moment};
use crate::linearizability::model::Model;
use crate::linearizability::{Op, OpId, rule};

/// A smaller witness may take so many times the steps that the search itself took, and some more.
const STEPS_FACTOR: u64 = 64;
const STEPS_MIN: u64 = 1 << 16;
/// A single attempt may take at least so many, and so many an operation.
const ATTEMPT_STEPS: u64 = 1 << 11;
const ATTEMPT_STEPS_PER_OP: u64 = 32;

/// Operations that are possible in no order, whichever others are left out.
#[derive(Default)]
pub(super) struct Smallest {
    /// The one that returned last, and then the others by their calls.
    pub(super) operations: Vec<OpId>,
    /// Whether the first changes nothing, was called when the others had returned, and was possible before.
    pub(super) is_stale: bool,
}

/// As few operations as that takes. `steps` is how many the search took to find that there is no order.
pub(super) fn minimise<M: Model>(
    search: &Search,
    model: &M,
    problem: &Problem<M>,
    explanation: &Explanation,
    steps: u64,
) -> Smallest {
    let failing = problem.ops.iter().position(|op| op.id == explanation.failing).unwrap_or_default();
    let end = problem.ops[failing].interval.ret;
    let called = |op: &&Prepared| op.interval.call <= end;
    let ops: Vec<_> = problem.ops.iter().filter(called).map(|op| until(op, end)).collect();
    // The latest first: what contradicts an operation is mostly near it.
    let mut candidates: Vec<usize> = (0..ops.len())
        .filter(|place| ops[*place].interval.ret.is_some() && ops[*place].id != explanation.failing)
        .collect();
    candidates.sort_by_key(|place| std::cmp::Reverse((ops[*place].interval.ret, *place)));
    let must = ops.iter().map(|op| op.id == explanation.failing).collect();
    let own = steps.saturating_add(ops.len() as u64);
    let budget = STEPS_MIN.saturating_add(STEPS_FACTOR.saturating_mul(own));
    let mut attempt = Attempt {
        search,
        model,
        problem,
        ops: &ops,
        must,
        steps_left: budget.min(search.minimise_steps_max),
    };
    attempt.choose(&candidates);
    let kept = (0..ops.len()).filter(|place| attempt.must[*place] && ops[*place].id != explanation.failing);
    let mut kept: Vec<_> = kept.collect();
    kept.sort_by_key(|place| (ops[*place].interval.call, ops[*place].id));
    let over = |place: &usize| ops[*place].interval.precedes(ops[failing].interval);
    let is_late = ops[failing].pure && kept.iter().all(over);
    let others = kept.iter().map(|place| ops[*place].id);
    let operations = [explanation.failing].into_iter().chain(problem.after).chain(others).collect();
    let steps_left = attempt.steps_left;
    Smallest {
        operations,
        is_stale: is_late && was_possible(search, model, problem, ops, failing, steps_left),
    }
}

/// Whether all of it is certainly possible if this operation was called earlier.
fn was_possible<M: Model>(
    search: &Search,
    model: &M,
    problem: &Problem<M>,
    mut ops: Vec<Prepared>,
    place: usize,
    steps_left: u64,
) -> bool {
    ops[place].interval.call = Moment(0);
    let must = vec![true; ops.len()];
    let mut attempt = Attempt { search, model, problem, ops: &ops, must: Vec::new(), steps_left };
    attempt.progress(&must) == Progress::Found
}

/// The operation as it looks at that moment.
fn until(op: &Prepared, end: Moment) -> Prepared {
    let ret = if op.interval.ret <= end { op.interval.ret } else { Moment::NEVER };
    Prepared { interval: Interval { ret, ..op.interval }, ..*op }
}

struct Attempt<'a, M: Model> {
    search: &'a Search,
    model: &'a M,
    problem: &'a Problem<M>,
    ops: &'a [Prepared],
    /// Which operations must take effect.
    must: Vec<bool>,
    steps_left: u64,
}

impl<M: Model> Attempt<'_, M> {
    /// Chooses those of the candidates that must take effect, so that no order is possible: as few as that
    /// takes, the first ones rather than later ones.
    fn choose(&mut self, candidates: &[usize]) {
        // What was chosen together with all these is impossible.
        let mut needed = candidates;
        while !needed.is_empty() {
            // So many do not do, for all that is known, and so many do.
            let (mut few, mut many) = (None, needed.len());
            let mut next = 0;
            while few.map_or(0, |few| few + 1) < many && self.steps_left > 0 {
                if self.fails_with(&needed[..next]) {
                    many = next;
                } else {
                    few = Some(next);
                }
                // Twice as many, until it is known between which numbers to look.
                let from = few.map_or(0, |few| few + 1);
                next = if many == needed.len() { (2 * next).max(1) } else { from + (many - from) / 2 };
                next = next.clamp(from, many.saturating_sub(1).max(from));
            }
            let Some(last) = many.checked_sub(1) else { break };
            self.must[needed[last]] = true;
            needed = &needed[..last];
        }
    }

    /// Whether what was chosen is certainly impossible together with these.
    fn fails_with(&mut self, more: &[usize]) -> bool {
        let mut must = self.must.clone();
        more.iter().for_each(|place| must[*place] = true);
        self.fails(&must)
    }

    fn fails(&mut self, must: &[bool]) -> bool {
        self.progress(must) == Progress::Impossible
    }

    /// How far it is known whether there is an order.
    fn progress(&mut self, must: &[bool]) -> Progress {
        let choices = self.choices(must);
        let entry = |(op, choice): &(&Prepared, Choice)| (op.id, op.interval, *choice);
        let relaxed = Relaxed { model: self.model, actions: &self.problem.actions };
        let kept: Vec<_> = choices.iter().map(entry).collect();
        let entries: Vec<_> = kept
            .iter()
            .map(|(id, interval, action)| Entry { id: *id, interval: *interval, action })
            .collect();
        let problem = Problem::new(&relaxed, self.problem.initial.clone(), None, &entries);
        // To lay it out costs as well.
        self.steps_left = self.steps_left.saturating_sub(entries.len() as u64);
        let least = ATTEMPT_STEPS + ATTEMPT_STEPS_PER_OP * entries.len() as u64;
        let quantum = least.max(self.steps_left / 16);
        for order in [ORDERS[0], ORDERS[1]] {
            let mut machine = Machine::new(&relaxed, &problem, order, self.search.exact);
            let bytes_max = self.search.memory_max_bytes / ORDERS.len();
            let progress = machine.advance(&relaxed, &problem, quantum.min(self.steps_left), bytes_max);
            self.steps_left = self.steps_left.saturating_sub(machine.steps());
            if let Progress::Found | Progress::Impossible = progress {
                return progress;
            }
        }
        Progress::Paused
    }

    /// The operations that may matter: those that must take effect, and those that may.
    fn choices(&self, must: &[bool]) -> Vec<(&Prepared, Choice)> {
        let keeps_writes = rule::applies("no completed write is left out");
        let is_pending = |op: &Prepared| !op.interval.ret.is_some();
        let places = self.ops.iter().zip(must);
        let mut choices: Vec<_> = places
            .filter(|(op, must)| **must || is_pending(op) || !op.pure && keeps_writes)
            .map(|(op, must)| (op, Choice { class: op.class, may_skip: !must && !is_pending(op) }))
            .collect();
        let free = |(op, choice): &(&Prepared, Choice)| choice.may_skip || is_pending(op);
        let seen: Vec<_> = choices
            .iter()
            .map(|choice| {
                let ret = if free(choice) { Moment::NEVER } else { choice.0.interval.ret };
                Op { interval: Interval { ret, ..choice.0.interval }, action: self.action(choice.1.class) }
            })
            .collect();
        let mut drop = vec![false; choices.len()];
        for OpId(place) in self.model.unobserved(&seen) {
            if let Some(drop) = drop.get_mut(place as usize) {
                *drop = true;
            }
        }
        let mut drop = drop.into_iter();
        choices.retain(|choice| !(drop.next().unwrap_or(false) && free(choice)));
        choices
    }

    fn action(&self, class: Class) -> &M::Action {
        &self.problem.actions[class.0 as usize]
    }
}
