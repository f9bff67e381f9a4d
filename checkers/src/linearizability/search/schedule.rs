//! Lets the parts of an object and the orders of trying take turns, with budgets that grow.
//!
//! The smallest part goes first: one that is wrong is found after little work, whatever the others would take.

use super::explain::{explain, violation};
use super::machine::{Machine, Progress};
use super::minimise::minimise;
use super::order::ORDERS;
use super::problem::{Problem, cut, parts};
use super::replay::merge;
use super::{PartReport, Report, Search, Standing};
use crate::linearizability::model::{Model, Part};
use crate::linearizability::{Answer, Exhausted, Op, OpId};

/// A search over all parts.
pub(super) struct Schedule<'a, M: Model> {
    search: &'a Search,
    model: &'a M,
    ops: &'a [Op<M::Action>],
    runs: Vec<Run<M>>,
    steps: u64,
}

/// The search of one part.
struct Run<M: Model> {
    part: Part,
    operations: usize,
    problems: Vec<Problem<M>>,
    /// Which problem it is at.
    at: usize,
    /// One for each order that was begun; `None` for one that needs too much memory.
    machines: Vec<Option<Machine<M>>>,
    /// The order of the problems before.
    order: Vec<OpId>,
    standing: Standing,
    steps: u64,
    out_of_memory: bool,
    /// Which machine found that there is no order.
    failed: usize,
}

/// Steps of the first turn: so many, and so many an operation.
const FIRST_TURN_STEPS: u64 = 256;
const FIRST_TURN_STEPS_PER_OP: u64 = 8;
/// The next turn is so many times as long.
const GROWTH: u64 = 4;
/// No turn is longer.
const TURN_STEPS_MAX: u64 = 1 << 24;

impl<'a, M: Model> Schedule<'a, M> {
    pub(super) fn new(search: &'a Search, model: &'a M, ops: &'a [Op<M::Action>]) -> Self {
        let mut runs: Vec<_> = parts(model, ops)
            .into_iter()
            .map(|(part, entries)| {
                let operations = entries.len();
                let problems = cut(model, entries);
                Run {
                    part,
                    operations,
                    problems,
                    at: 0,
                    machines: Vec::new(),
                    order: Vec::new(),
                    standing: Standing::Unknown,
                    steps: 0,
                    out_of_memory: false,
                    failed: 0,
                }
            })
            .collect();
        runs.sort_by_key(|run| (run.operations, run.part));
        Self { search, model, ops, runs, steps: 0 }
    }

    pub(super) fn run(mut self) -> Report {
        let mut found = None;
        let mut growth = 1;
        let mut bytes = 0;
        'turns: loop {
            let mut open: Vec<_> = (0..self.runs.len()).filter(|place| self.runs[*place].is_open()).collect();
            if open.is_empty() || self.steps >= self.search.steps_max {
                break;
            }
            let orders = if growth == 1 { 1 } else { ORDERS.len() };
            let share = self.search.memory_max_bytes / ORDERS.len();
            let others = open.len() > 1;
            let share = if others { share / 2 } else { share };
            for place in open.drain(..) {
                let left = self.search.steps_max.saturating_sub(self.steps);
                let run = &mut self.runs[place];
                let (steps, bytes_before) = (run.steps, run.bytes());
                run.turn(self.search, self.model, growth, orders, (left, share));
                self.steps += run.steps - steps;
                bytes = bytes + run.bytes() - bytes_before;
                if bytes > self.search.memory_max_bytes && run.is_open() && others {
                    // It begins anew with its next turn, which is longer than all before together.
                    bytes -= run.bytes();
                    run.machines.clear();
                }
                if run.standing == Standing::Violation {
                    found = found.or(Some(place));
                    if !self.search.every_part {
                        break 'turns;
                    }
                }
            }
            growth = growth.saturating_mul(GROWTH);
        }
        self.report(found)
    }

    fn report(mut self, found: Option<usize>) -> Report {
        let mut explanation = None;
        let answer = if let Some(place) = found {
            let run = &self.runs[place];
            let problem = &run.problems[run.at];
            let failed = run.machines.get(run.failed).and_then(Option::as_ref);
            explanation = failed.map(|machine| explain(self.model, problem, machine));
            let smallest = explanation
                .as_ref()
                .map(|explanation| minimise(self.search, self.model, problem, explanation, run.steps));
            Answer::Violation(violation(self.model, self.ops, smallest.unwrap_or_default()))
        } else if let Some(run) = self.runs.iter().find(|run| run.standing == Standing::Unknown) {
            let machines = || self.runs.iter().flat_map(|run| run.machines.iter().flatten());
            let reason = if run.out_of_memory && self.steps < self.search.steps_max {
                format!("the states need more than {} MiB", self.search.memory_max_bytes >> 20)
            } else {
                format!("{} steps were not enough", self.search.steps_max)
            };
            Answer::Unknown(Exhausted {
                reason,
                steps: self.steps,
                cache: machines().map(Machine::remembered).sum(),
                depth: machines().map(Machine::depth).max().unwrap_or(0) as u64,
            })
        } else {
            let orders = self.runs.iter_mut().map(|run| std::mem::take(&mut run.order)).collect();
            Answer::Linearizable(merge(self.ops, orders))
        };
        let mut parts: Vec<_> = self.runs.iter().map(Run::report).collect();
        parts.sort_by_key(|report| report.part);
        Report { answer, explanation, parts, steps: self.steps }
    }
}

impl<M: Model> Run<M> {
    fn is_open(&self) -> bool {
        self.standing == Standing::Unknown && !self.out_of_memory
    }

    fn report(&self) -> PartReport {
        PartReport {
            part: self.part,
            operations: self.operations as u64,
            standing: self.standing,
            steps: self.steps,
        }
    }

    fn bytes(&self) -> usize {
        self.machines.iter().flatten().map(Machine::bytes).sum()
    }

    /// Lets each order go on for a while; through as many problems as get solved by that.
    fn turn(
        &mut self,
        search: &Search,
        model: &M,
        growth: u64,
        orders: usize,
        (mut steps_left, bytes_max): (u64, usize),
    ) {
        while self.standing == Standing::Unknown && steps_left > 0 {
            let problem = &self.problems[self.at];
            let base = FIRST_TURN_STEPS + FIRST_TURN_STEPS_PER_OP * problem.ops.len() as u64;
            let quantum = base.saturating_mul(growth).min(TURN_STEPS_MAX.max(base));
            while self.machines.len() < orders {
                let order = ORDERS[self.machines.len()];
                self.machines.push(Some(Machine::new(model, problem, order, search.exact)));
            }
            let mut solved = false;
            for (place, slot) in self.machines.iter_mut().enumerate() {
                let Some(machine) = slot else { continue };
                let before = machine.steps();
                let progress = machine.advance(model, problem, quantum.min(steps_left), bytes_max);
                let taken = machine.steps() - before;
                self.steps += taken;
                steps_left = steps_left.saturating_sub(taken);
                match progress {
                    Progress::Found => {
                        self.order.extend(machine.trail().iter().map(|rank| problem.op(*rank).id));
                        solved = true;
                        break;
                    }
                    Progress::Impossible => {
                        self.standing = Standing::Violation;
                        self.failed = place;
                        return;
                    }
                    Progress::OutOfMemory => *slot = None,
                    Progress::Paused => {}
                }
            }
            if !solved {
                self.out_of_memory = self.machines.iter().all(Option::is_none);
                return;
            }
            self.at += 1;
            self.machines.clear();
            if self.at == self.problems.len() {
                self.standing = Standing::Linearizable;
            }
        }
    }
}
