//! The operations of one part of a history, laid out for a search.

use std::collections::BTreeMap;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::ids::{Interval, Moment};
use crate::linearizability::model::Model;
use crate::linearizability::{Op, OpId, rule};

/// The place of an operation in a problem: the completed ones by their calls, then the others by theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(pub(super) u32);

impl Rank {
    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

/// The number of an action among the different ones of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Class(pub(super) u32);

/// An operation that a problem is made of.
#[derive(Debug)]
pub(super) struct Entry<'a, A> {
    pub(super) id: OpId,
    pub(super) interval: Interval,
    pub(super) action: &'a A,
}

impl<A> Clone for Entry<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Entry<'_, A> {}

/// Operations from a known state on, of which an order is sought.
#[derive(Debug)]
pub(super) struct Problem<M: Model> {
    pub(super) initial: M::State,
    /// Whose known result the initial state is, if it is not the object's own.
    pub(super) after: Option<OpId>,
    pub(super) ops: Vec<Prepared>,
    /// How many of them returned; they come first.
    pub(super) completed: u32,
    /// The different actions.
    pub(super) actions: IndexSet<M::Action, FxBuildHasher>,
    /// The calls and returns of the completed operations in time, from 1; 0 is both ends of the list.
    pub(super) nodes: Vec<Node>,
}

/// An operation of a problem.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prepared {
    pub(super) id: OpId,
    pub(super) interval: Interval,
    pub(super) class: Class,
    pub(super) pure: bool,
    /// One with the same action that may as well come first: called earlier, and to return no later.
    pub(super) twin: Option<Rank>,
    /// The nodes of the call and the return, if it returned.
    pub(super) nodes: (u32, u32),
}

/// A call or a return.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) moment: Moment,
    pub(super) rank: Rank,
    pub(super) is_call: bool,
}

impl<M: Model> Problem<M> {
    /// Lays out the entries. Those that never returned and cannot matter are left out.
    pub(super) fn new(
        model: &M,
        initial: M::State,
        after: Option<OpId>,
        entries: &[Entry<'_, M::Action>],
    ) -> Self {
        let mut entries = observable(model, entries);
        entries.sort_by_key(|entry| (!entry.interval.ret.is_some(), entry.interval.call, entry.id));
        let mut problem = Self {
            initial,
            after,
            ops: Vec::with_capacity(entries.len()),
            completed: 0,
            actions: IndexSet::default(),
            nodes: Vec::new(),
        };
        for entry in entries {
            problem.add(model, entry);
        }
        problem.find_twins();
        problem.list_nodes();
        problem
    }

    fn add(&mut self, model: &M, entry: Entry<'_, M::Action>) {
        let class = match self.actions.get_index_of(entry.action) {
            Some(class) => class,
            None => self.actions.insert_full(entry.action.clone()).0,
        };
        self.completed += u32::from(entry.interval.ret.is_some());
        self.ops.push(Prepared {
            id: entry.id,
            interval: entry.interval,
            class: Class(class as u32),
            pure: model.is_pure(entry.action),
            twin: None,
            nodes: (0, 0),
        });
    }

    /// Where two operations of one action are exchanged, an order stays an order: so it is enough to try
    /// those in which the one that was called first, and that must be over first, comes first.
    fn find_twins(&mut self) {
        if !rule::applies("twins in one order") {
            return;
        }
        let dominated = rule::applies("the first twin returns first");
        let mut last: Vec<Option<Rank>> = vec![None; self.actions.len()];
        for place in 0..self.ops.len() {
            let op = self.ops[place];
            let before = last[op.class.0 as usize].replace(Rank(place as u32));
            // An earlier one that returns later is no twin; the twin of it may be.
            let nested = |rank: &Rank| dominated && self.ops[rank.at()].interval.ret > op.interval.ret;
            let first = before.filter(|rank| !nested(rank));
            let second = before.and_then(|rank| self.ops[rank.at()].twin).filter(|rank| !nested(rank));
            let twin = first.or(second).filter(|rank| self.ops[rank.at()].interval.call <= op.interval.call);
            self.ops[place].twin = twin;
        }
    }

    fn list_nodes(&mut self) {
        let head = Node { moment: Moment::NEVER, rank: Rank(0), is_call: false };
        let completed = self.completed as usize;
        let mut nodes = Vec::with_capacity(2 * completed + 1);
        nodes.push(head);
        for (place, op) in self.ops[..completed].iter().enumerate() {
            let rank = Rank(place as u32);
            nodes.push(Node { moment: op.interval.call, rank, is_call: true });
            nodes.push(Node { moment: op.interval.ret, rank, is_call: false });
        }
        // Intervals are closed: what is called at the moment of a return is concurrent to it.
        nodes[1..].sort_by_key(|node| (node.moment, !node.is_call));
        for (place, node) in nodes.iter().enumerate().skip(1) {
            let of_op = &mut self.ops[node.rank.at()].nodes;
            let of_event = if node.is_call { &mut of_op.0 } else { &mut of_op.1 };
            *of_event = place as u32;
        }
        self.nodes = nodes;
    }

    pub(super) fn op(&self, rank: Rank) -> &Prepared {
        &self.ops[rank.at()]
    }

    pub(super) fn is_pending(&self, rank: Rank) -> bool {
        rank.0 >= self.completed
    }

    pub(super) fn action(&self, rank: Rank) -> &M::Action {
        &self.actions[self.op(rank).class.0 as usize]
    }
}

/// All but those that never returned and that nothing can tell of.
fn observable<'a, M: Model>(model: &M, entries: &[Entry<'a, M::Action>]) -> Vec<Entry<'a, M::Action>> {
    let seen = |entry: &&Entry<'a, M::Action>| entry.interval.ret.is_some() || !model.is_pure(entry.action);
    let mut kept: Vec<_> = entries.iter().filter(seen).copied().collect();
    if kept.iter().all(|entry| entry.interval.ret.is_some()) || !rule::applies("the unobserved is left out") {
        return kept;
    }
    let ops: Vec<_> =
        kept.iter().map(|entry| Op { interval: entry.interval, action: entry.action }).collect();
    let mut drop = vec![false; kept.len()];
    for OpId(place) in model.unobserved(&ops) {
        if let Some(drop) = drop.get_mut(place as usize) {
            *drop = true;
        }
    }
    let mut places = drop.into_iter();
    kept.retain(|entry| !places.next().unwrap_or(false) || entry.interval.ret.is_some());
    kept
}

/// One part of an object, cut into problems that follow each other.
pub(super) fn cut<M: Model>(model: &M, mut entries: Vec<Entry<'_, M::Action>>) -> Vec<Problem<M>> {
    entries = observable(model, &entries);
    entries.sort_by_key(|entry| (entry.interval.call, entry.id));
    let mut problems = Vec::new();
    let mut initial = model.initial();
    let mut after = None;
    let mut begin = 0;
    let mut latest = None;
    for (place, entry) in entries.iter().enumerate() {
        let begins_alone = latest.is_none_or(|latest| latest < entry.interval.call);
        let next = entries.get(place + 1);
        let ends_alone = next.is_some_and(|next| entry.interval.ret < next.interval.call);
        latest = latest.max(Some(entry.interval.ret));
        let alone = begins_alone && ends_alone;
        if place + 1 - begin < CUT_OPS_MIN || !alone && rule::applies("cut where one runs alone") {
            continue;
        }
        let Some(state) = model.state_after(entry.action) else { continue };
        let ended = std::mem::replace(&mut initial, state);
        problems.push(Problem::new(model, ended, after, &entries[begin..=place]));
        after = Some(entry.id);
        begin = place + 1;
    }
    problems.push(Problem::new(model, initial, after, &entries[begin..]));
    problems
}

/// A history is not cut into smaller ones than this.
const CUT_OPS_MIN: usize = if cfg!(test) { 1 } else { 64 };

/// The operations of each part, in the order of the parts.
pub(super) fn parts<'a, M: Model>(
    model: &M,
    ops: &'a [Op<M::Action>],
) -> BTreeMap<crate::linearizability::model::Part, Vec<Entry<'a, M::Action>>> {
    let mut parts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (place, op) in ops.iter().enumerate() {
        let id = OpId(u32::try_from(place).unwrap_or(u32::MAX));
        let entry = Entry { id, interval: op.interval, action: &op.action };
        parts.entry(model.part(&op.action)).or_default().push(entry);
    }
    parts
}
