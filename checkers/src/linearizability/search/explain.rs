//! Puts into words why no order is possible.

use super::machine::Machine;
use super::minimise::Smallest;
use super::problem::Problem;
use super::{Configuration, Explanation};
use crate::linearizability::model::Model;
use crate::linearizability::{Op, OpId, Witness};

/// A description is not longer than this, in characters.
const TEXT_CHARS_MAX: usize = 120;
/// A sentence names no more operations than this.
const NAMED_MAX: usize = 6;

/// Where a search that found no order got stuck.
pub(super) fn explain<M: Model>(model: &M, problem: &Problem<M>, machine: &Machine<M>) -> Explanation {
    let farthest = machine.farthest();
    let rank = problem.nodes[farthest.deadline as usize].rank;
    let configurations: Vec<_> = farthest
        .examples
        .iter()
        .map(|stuck| Configuration {
            state: short(&model.describe_state(machine.state(stuck.state))),
            last: stuck.last.iter().rev().flatten().map(|rank| problem.op(*rank).id).collect(),
        })
        .collect();
    let mut states: Vec<_> = configurations.iter().map(|configuration| configuration.state.clone()).collect();
    states.sort();
    states.dedup();
    if farthest.count > farthest.examples.len() as u64 {
        states.push("others".to_owned());
    }
    let failing = short(&model.describe(problem.action(rank)));
    Explanation {
        failing: problem.op(rank).id,
        after: problem.after,
        what: format!(
            "{failing} returned, and could happen in no state that was left: {}",
            list(&states, "or")
        ),
        configurations,
        configurations_count: farthest.count,
    }
}

/// The witness that these operations are; the first returned last, and is one too many.
pub(super) fn violation<M: Model>(model: &M, ops: &[Op<M::Action>], smallest: Smallest) -> Witness {
    let Smallest { operations, is_stale } = smallest;
    let describe = |id: &OpId| short(&model.describe(&ops[id.0 as usize].action));
    let mut texts = operations.iter().map(describe);
    let last = texts.next().unwrap_or_default();
    let mut others: Vec<_> = texts.by_ref().take(NAMED_MAX).collect();
    let more = texts.count();
    if more > 0 {
        others.push(format!("{more} more"));
    }
    let (kind, why) = if is_stale {
        let others = list(&others, "and");
        ("stale", format!("was possible earlier, but not once {others} had happened"))
    } else if others.is_empty() {
        ("not linearizable", "is possible nowhere".to_owned())
    } else {
        ("not linearizable", format!("cannot be put in order with {}", list(&others, "and")))
    };
    Witness { kind, operations, what: format!("{last} {why}, whichever other operations are left out") }
}

fn list(texts: &[String], and: &str) -> String {
    match texts {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {and} {last}", first.join(", ")),
    }
}

/// The text, or its beginning.
fn short(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
