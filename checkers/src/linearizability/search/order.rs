//! In which order the operations that may come next are tried. Which is best depends on the object so much
//! that several are tried side by side.

use super::links::{HEAD, Links};
use super::problem::{Problem, Rank};
use crate::linearizability::model::Model;
use crate::linearizability::rule;

/// An order of trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// What was called first; what never returned comes last.
    ByCall,
    /// What returned first; what never returned comes last.
    ByReturn,
    /// What never returned comes first, and then what was called first.
    PendingFirst,
}

/// In which order the orders are begun.
pub(super) const ORDERS: [Order; 3] = [Order::ByCall, Order::ByReturn, Order::PendingFirst];

/// The candidate after the one that was `tried`; the lists are those of the completed and the pending
/// operations that are not in order yet.
pub(super) fn next_candidate<M: Model>(
    order: Order,
    problem: &Problem<M>,
    (completed, pending): (&Links, &Links),
    deadline: u32,
    tried: Option<Rank>,
) -> Option<Rank> {
    let tried_pending = tried.filter(|rank| problem.is_pending(*rank));
    let next_pending = |tried| next_pending(problem, pending, deadline, tried);
    match order {
        Order::ByCall | Order::ByReturn => {
            if tried_pending.is_some() {
                return next_pending(tried_pending);
            }
            let next = match order {
                Order::ByReturn => next_by_return(problem, completed, tried),
                _ => next_by_call(problem, completed, tried),
            };
            next.or_else(|| next_pending(None))
        }
        Order::PendingFirst => {
            if tried.is_some() && tried_pending.is_none() {
                return next_by_call(problem, completed, tried);
            }
            next_pending(tried).or_else(|| next_by_call(problem, completed, None))
        }
    }
}

fn next_by_call<M: Model>(problem: &Problem<M>, completed: &Links, tried: Option<Rank>) -> Option<Rank> {
    let mut node = completed.next(tried.map_or(HEAD, |rank| problem.op(rank).nodes.0));
    while node != HEAD && !problem.nodes[node as usize].is_call {
        if rule::applies("nothing is called before what returned") {
            return None;
        }
        node = completed.next(node);
    }
    (node != HEAD).then(|| problem.nodes[node as usize].rank)
}

fn next_by_return<M: Model>(problem: &Problem<M>, completed: &Links, tried: Option<Rank>) -> Option<Rank> {
    let tried = tried.map(|rank| problem.op(rank).nodes.1);
    let mut best: Option<(u32, Rank)> = None;
    let mut node = completed.next(HEAD);
    while problem.nodes[node as usize].is_call {
        let rank = problem.nodes[node as usize].rank;
        let ret = problem.op(rank).nodes.1;
        if tried.is_none_or(|tried| ret > tried) && best.is_none_or(|(least, _)| ret < least) {
            best = Some((ret, rank));
        }
        node = completed.next(node);
    }
    best.map(|(_, rank)| rank)
}

fn next_pending<M: Model>(
    problem: &Problem<M>,
    pending: &Links,
    deadline: u32,
    tried: Option<Rank>,
) -> Option<Rank> {
    let node = pending.next(tried.map_or(HEAD, |rank| rank.0 - problem.completed + 1));
    if node == HEAD {
        return None;
    }
    let rank = Rank(node - 1 + problem.completed);
    let called = problem.op(rank).interval.call <= problem.nodes[deadline as usize].moment;
    (called || !rule::applies("a pending one takes effect after its call")).then_some(rank)
}
