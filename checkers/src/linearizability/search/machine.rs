//! One search for an order, depth first, that can be paused after any number of steps.
//!
//! It is Wing and Gong's, with Lowe's memory of configurations: of the operations that were called before the
//! first return still to come, take one that the state allows; where none is left, take the last one back.

use super::frontier::Farthest;
use super::links::{HEAD, Links};
use super::order::{Order, next_candidate};
use super::problem::{Problem, Rank};
use super::seen::{Seen, fingerprint, state_fingerprint};
use super::states::{StateId, States};
use crate::linearizability::model::Model;
use crate::linearizability::rule;

/// A search that goes on where it stopped.
#[derive(Debug)]
pub(super) struct Machine<M: Model> {
    order: Order,
    completed: Links,
    pending: Links,
    states: States<M>,
    seen: Seen,
    /// Which of the completed and of the pending operations are in order, as bits.
    done: Vec<u64>,
    used: Vec<u64>,
    /// Of the set of completed ones in order.
    fingerprint: u128,
    state: StateId,
    /// What was put in order so far.
    trail: Vec<Rank>,
    /// The choices that led here.
    frames: Vec<Frame>,
    begun: bool,
    key: Vec<u64>,
    farthest: Farthest,
    steps: u64,
    depth: usize,
}

/// A configuration with a choice to make.
#[derive(Clone, Copy, Debug)]
struct Frame {
    state: StateId,
    /// The length of the trail.
    trail: usize,
    /// The first return to come.
    deadline: u32,
    /// The operation that was tried last.
    tried: Option<Rank>,
    /// Which of its possible results comes next; `ALL_TRIED` if none.
    result: u32,
    /// The state before, if a pending operation led here and nothing else.
    before: Option<StateId>,
}

const ALL_TRIED: u32 = u32::MAX;
/// Of the lists, the frames and the remembered steps.
const BYTES_PER_OP: usize = 160;

/// Where a search stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// An order was found: the trail.
    Found,
    /// There is none.
    Impossible,
    /// Its steps are used up for now.
    Paused,
    /// It needs more memory than it may take.
    OutOfMemory,
}

/// What a configuration turned out to be.
enum Entered {
    Complete,
    New,
    Seen,
}

impl<M: Model> Machine<M> {
    pub(super) fn new(model: &M, problem: &Problem<M>, order: Order, exact: bool) -> Self {
        let pending = problem.ops.len() as u32 - problem.completed;
        let (states, state) = States::new(model, problem.initial.clone(), problem.ops.len());
        Self {
            order,
            completed: Links::new(2 * problem.completed),
            pending: Links::new(pending),
            states,
            seen: Seen::new(exact, pending > 0),
            done: vec![0; problem.completed.div_ceil(64) as usize],
            used: vec![0; pending.div_ceil(64) as usize],
            fingerprint: 0,
            state,
            trail: Vec::new(),
            frames: Vec::new(),
            begun: false,
            key: Vec::new(),
            farthest: Farthest::default(),
            steps: 0,
            depth: 0,
        }
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    pub(super) fn remembered(&self) -> u64 {
        self.seen.len()
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        (self.done.len() + self.used.len()) * 64 * BYTES_PER_OP + self.seen.bytes() + self.states.bytes()
    }

    /// The most operations that were ever in order.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn trail(&self) -> &[Rank] {
        &self.trail
    }

    pub(super) fn farthest(&self) -> &Farthest {
        &self.farthest
    }

    pub(super) fn state(&self, state: StateId) -> &M::State {
        self.states.get(state)
    }

    /// Goes on for so many steps, with so much memory.
    pub(super) fn advance(
        &mut self,
        model: &M,
        problem: &Problem<M>,
        steps: u64,
        bytes_max: usize,
    ) -> Progress {
        let limit = self.steps.saturating_add(steps);
        if !self.begun {
            self.begun = true;
            if let Entered::Complete = self.enter(model, problem, None, bytes_max) {
                return Progress::Found;
            }
        }
        while self.steps < limit {
            if self.frames.is_empty() {
                return Progress::Impossible;
            }
            if self.states.bytes() > bytes_max / 2 && !self.free(model, bytes_max) {
                return Progress::OutOfMemory;
            }
            match self.choose(model, problem) {
                Some((rank, next)) => {
                    let before = problem.is_pending(rank).then_some(self.state);
                    self.take(problem, rank);
                    self.state = next;
                    match self.enter(model, problem, before, bytes_max) {
                        Entered::Complete => return Progress::Found,
                        Entered::New => {}
                        Entered::Seen => self.back(problem),
                    }
                }
                None => {
                    self.frames.pop();
                    self.back(problem);
                }
            }
        }
        Progress::Paused
    }

    /// Takes every pure operation that is possible here, and remembers where that leads.
    fn enter(
        &mut self,
        model: &M,
        problem: &Problem<M>,
        before: Option<StateId>,
        bytes_max: usize,
    ) -> Entered {
        let trail = self.trail.len();
        let deadline = self.take_pure(model, problem);
        self.depth = self.depth.max(self.trail.len());
        let all = rule::applies("the pending need not happen") || self.pending.next(HEAD) == HEAD;
        if deadline == HEAD && all {
            return Entered::Complete;
        }
        if !self.is_new(problem, deadline, bytes_max) {
            return Entered::Seen;
        }
        self.farthest.note(deadline, self.state, &self.trail);
        let alone = self.trail.len() == trail || !rule::applies("a pending one that a read saw is of use");
        self.frames.push(Frame {
            state: self.state,
            trail: self.trail.len(),
            deadline,
            tried: None,
            result: ALL_TRIED,
            before: before.filter(|_| alone),
        });
        Entered::New
    }

    /// A pure operation that is possible now need not wait: any order that has it later has it now as well.
    /// Says the first return to come.
    fn take_pure(&mut self, model: &M, problem: &Problem<M>) -> u32 {
        let eager = rule::applies("pure operations at once");
        let everywhere = rule::applies("pure means in every state");
        let mut node = self.completed.next(HEAD);
        while problem.nodes[node as usize].is_call {
            let rank = problem.nodes[node as usize].rank;
            let op = problem.op(rank);
            if eager && (op.pure || !everywhere) {
                self.steps += 1;
                let outcome = self.states.step(model, self.state, op.class, problem.action(rank), op.pure);
                if self.states.leads_to(outcome, self.state) {
                    self.take(problem, rank);
                }
            }
            node = self.completed.next(node);
        }
        node
    }

    fn is_new(&mut self, problem: &Problem<M>, deadline: u32, bytes_max: usize) -> bool {
        let with_state = rule::applies("the state is part of a configuration");
        let state = if with_state { self.state } else { StateId(0) };
        let bytes_max = bytes_max / 4;
        let key = self.fingerprint ^ state_fingerprint(state);
        let none = [];
        let used = if rule::applies("fewer pending ones are as good") { &self.used[..] } else { &none[..] };
        match &mut self.seen {
            Seen::Hashed(table) => table.insert(key, bytes_max),
            Seen::HashedWithPending(antichains) => antichains.insert(&key, |key| *key, used, bytes_max),
            Seen::Exact(antichains) => {
                // All before the first call to come is in order, and nothing after the first return.
                let first = problem.nodes[self.completed.next(HEAD) as usize].rank.at() / 64;
                let called = problem.nodes[deadline as usize].moment;
                let completed = &problem.ops[..problem.completed as usize];
                let last = completed.partition_point(|op| op.interval.call <= called).div_ceil(64);
                self.key.clear();
                self.key.push(u64::from(state.0) << 32 | first as u64);
                self.key.extend_from_slice(&self.done[first.min(last)..last]);
                antichains.insert(&self.key[..], |key| key.into(), used, bytes_max)
            }
        }
    }

    /// The next operation to take at the last frame, and the state that it leaves.
    fn choose(&mut self, model: &M, problem: &Problem<M>) -> Option<(Rank, StateId)> {
        let mut frame = *self.frames.last()?;
        let chosen = loop {
            if frame.result == ALL_TRIED {
                let lists = (&self.completed, &self.pending);
                let Some(rank) = next_candidate(self.order, problem, lists, frame.deadline, frame.tried)
                else {
                    break None;
                };
                self.steps += 1;
                frame.tried = Some(rank);
                let op = problem.op(rank);
                let waits = op.twin.is_some_and(|twin| !self.is_done(problem, twin));
                if waits || op.pure && rule::applies("pure operations at once") {
                    continue;
                }
                frame.result = 0;
            }
            let Some(rank) = frame.tried else { break None };
            let op = problem.op(rank);
            let action = problem.action(rank);
            let outcome = self.states.step(model, frame.state, op.class, action, op.pure);
            let Some(next) = self.states.nth(outcome, frame.result) else {
                frame.result = ALL_TRIED;
                continue;
            };
            frame.result += 1;
            // A pending operation that changes nothing need not happen.
            if problem.is_pending(rank) && next == frame.state {
                continue;
            }
            // Nor need one that the very next operation makes no difference of.
            if let Some(before) = frame.before.filter(|_| rule::applies("no pending one in vain")) {
                let outcome = self.states.step(model, before, op.class, action, op.pure);
                if self.states.leads_to(outcome, next) {
                    continue;
                }
            }
            break Some((rank, next));
        };
        *self.frames.last_mut()? = frame;
        chosen
    }

    fn is_done(&self, problem: &Problem<M>, rank: Rank) -> bool {
        let (bits, place) = match problem.is_pending(rank) {
            true => (&self.used, rank.0 - problem.completed),
            false => (&self.done, rank.0),
        };
        bits[place as usize / 64] & 1 << (place % 64) != 0
    }

    fn take(&mut self, problem: &Problem<M>, rank: Rank) {
        self.trail.push(rank);
        if problem.is_pending(rank) {
            let place = rank.0 - problem.completed;
            self.used[place as usize / 64] ^= 1 << (place % 64);
            self.pending.unlink(place + 1);
        } else {
            self.flip(rank);
            let (call, ret) = problem.op(rank).nodes;
            // The return first, so that a walk that stands on the call goes on behind both.
            self.completed.unlink(ret);
            self.completed.unlink(call);
        }
    }

    /// Back to the last frame.
    fn back(&mut self, problem: &Problem<M>) {
        let Some(frame) = self.frames.last().copied() else { return };
        while self.trail.len() > frame.trail {
            let Some(rank) = self.trail.pop() else { break };
            if problem.is_pending(rank) {
                let place = rank.0 - problem.completed;
                self.used[place as usize / 64] ^= 1 << (place % 64);
                self.pending.relink(place + 1);
            } else {
                self.flip(rank);
                let (call, ret) = problem.op(rank).nodes;
                self.completed.relink(call);
                self.completed.relink(ret);
            }
        }
        self.state = frame.state;
    }

    fn flip(&mut self, rank: Rank) {
        self.done[rank.at() / 64] ^= 1 << (rank.0 % 64);
        self.fingerprint ^= fingerprint(rank.0);
    }

    /// Forgets all states but those that are still needed, and with them what was seen. Says whether that
    /// helped.
    fn free(&mut self, model: &M, bytes_max: usize) -> bool {
        self.seen.clear();
        let of_frames = self
            .frames
            .iter_mut()
            .flat_map(|frame| [Some(&mut frame.state), frame.before.as_mut()])
            .flatten();
        let ids = of_frames.chain([&mut self.state]).chain(self.farthest.states_mut());
        self.states.keep(model, ids);
        self.states.bytes() <= bytes_max / 4
    }
}
