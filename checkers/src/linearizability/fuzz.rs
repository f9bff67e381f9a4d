//! Small random histories, against which the exact checks are held: a seeded generator, a history of any
//! object by its sequential behaviour, and what is asserted of every answer.

use std::fmt::Debug;

use super::model::Model;
use super::{Answer, Certificate, Op, OpId, Outside, Witness, brute};
use crate::ids::{Interval, Moment};
use crate::random::Stream;

/// What histories are made up from.
#[derive(Clone, Debug)]
pub(super) struct Random(Stream);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds must not begin alike.
        Self(Stream(Stream(seed ^ 0x5851_f42d_4c95_7f2d).next()))
    }

    fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// One of so many, from 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// An object whose operations a generator can invent.
pub(super) trait Inventive: Model {
    /// Some operation, without its result.
    fn invoke(&self, random: &mut Random, history: &[Op<Self::Action>]) -> Self::Action;

    /// The operation with the result that it has in this state, and the state that it leaves.
    fn take_effect(&self, action: &Self::Action, state: &mut Self::State) -> Self::Action;

    /// The operation as it is known when it never returned.
    fn indeterminate(&self, action: &Self::Action) -> Self::Action;

    /// Some other result.
    fn corrupt(
        &self,
        random: &mut Random,
        action: &Self::Action,
        history: &[Op<Self::Action>],
    ) -> Self::Action;

    /// What a witness speaks of: the operations that are kept, with what these cannot do without, if they say
    /// when the kept ones happened and the others might have happened at any time or never.
    fn relaxed(&self, ops: &[Op<Self::Action>], kept: &[bool]) -> Vec<Op<Self::Action>>;
}

/// An operation that might have happened at any time, or never.
pub(super) fn freed<A: Clone>(op: &Op<A>) -> Op<A> {
    Op { interval: Interval { call: Moment(0), ret: Moment::NEVER }, action: op.action.clone() }
}

/// The same operation a moment later, so that freed ones come before.
pub(super) fn delayed<A: Clone>(op: &Op<A>) -> Op<A> {
    let Interval { call, ret } = op.interval;
    let ret = if ret.is_some() { Moment(ret.0 + 1) } else { ret };
    Op { interval: Interval { call: Moment(call.0 + 1), ret }, action: op.action.clone() }
}

/// Witnesses that show more than they must, so that they can be understood.
const GENEROUS: [&str; 1] = ["circle"];

/// Whether the operations of a witness prove by themselves that no order is possible, and none of them can be
/// spared.
fn proves<M: Inventive>(model: &M, ops: &[Op<M::Action>], witness: &Witness) -> Result<(), String>
where
    M::State: Ord,
{
    let mut kept = vec![false; ops.len()];
    for operation in &witness.operations {
        if std::mem::replace(&mut kept[operation.0 as usize], true) {
            return Err(format!("{operation:?} stands twice in {witness:?}"));
        }
    }
    if brute::linearizable(model, &model.relaxed(ops, &kept)) {
        return Err(format!("that is no proof: {witness:?}"));
    }
    if GENEROUS.contains(&witness.kind) {
        return Ok(());
    }
    for operation in &witness.operations {
        let place = operation.0 as usize;
        kept[place] = false;
        if ops[place].interval.ret.is_some() && !brute::linearizable(model, &model.relaxed(ops, &kept)) {
            return Err(format!("{operation:?} can be spared in {witness:?}"));
        }
        kept[place] = true;
    }
    Ok(())
}

/// What a lane of the generator is at.
enum Lane {
    Idle,
    Called(usize),
    Done(usize),
}

/// A history of at most so many operations by a few clients: linearizable at first, and then perhaps spoiled.
pub(super) fn history<M: Inventive>(
    model: &M,
    random: &mut Random,
    operations_max: usize,
) -> Vec<Op<M::Action>> {
    let operations = 1 + random.below(operations_max);
    let indeterminate = [0, 0, 25, 40][random.below(4)];
    let mut lanes: Vec<Lane> = (0..1 + random.below(4)).map(|_| Lane::Idle).collect();
    let mut ops: Vec<Op<M::Action>> = Vec::new();
    let mut state = model.initial();
    let mut now = 0;
    loop {
        let busy = lanes.iter().any(|lane| !matches!(lane, Lane::Idle));
        if ops.len() == operations && !busy {
            break;
        }
        let place = random.below(lanes.len());
        let lane = &mut lanes[place];
        match *lane {
            Lane::Idle if ops.len() < operations => {
                *lane = Lane::Called(ops.len());
                let interval = Interval { call: Moment(now), ret: Moment::NEVER };
                now += 1;
                ops.push(Op { interval, action: model.invoke(random, &ops) });
            }
            Lane::Idle => {}
            Lane::Called(op) | Lane::Done(op) if random.percent(indeterminate) => {
                ops[op].action = model.indeterminate(&ops[op].action);
                *lane = Lane::Idle;
            }
            Lane::Called(op) => {
                ops[op].action = model.take_effect(&ops[op].action, &mut state);
                *lane = Lane::Done(op);
            }
            Lane::Done(op) => {
                ops[op].interval.ret = Moment(now);
                now += 1;
                *lane = Lane::Idle;
            }
        }
    }
    spoil(model, random, &mut ops);
    ops
}

fn spoil<M: Inventive>(model: &M, random: &mut Random, ops: &mut [Op<M::Action>]) {
    for _ in 0..[0, 0, 1, 1, 2][random.below(5)] {
        let (one, other) = (random.below(ops.len()), random.below(ops.len()));
        let returned = [one, other].map(|place| ops[place].interval.ret.is_some());
        if random.percent(60) {
            if returned[0] {
                ops[one].action = model.corrupt(random, &ops[one].action, ops);
            }
        } else if returned[0] == returned[1] {
            let interval = ops[one].interval;
            ops[one].interval = ops[other].interval;
            ops[other].interval = interval;
        }
    }
}

/// What became of the histories of a test.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shares {
    pub(super) histories: u64,
    pub(super) violating: u64,
    pub(super) indeterminate: u64,
    pub(super) outside: u64,
}

impl Shares {
    /// That at least a tenth was violating, three tenths had operations that never returned, and nearly all
    /// were decided.
    pub(super) fn assert_wide(self) {
        let decided = self.histories - self.outside;
        assert!(self.outside * 10 <= self.histories, "{self:?}");
        assert!(self.violating * 10 >= decided, "{self:?}");
        assert!(self.indeterminate * 10 >= decided * 3, "{self:?}");
    }
}

/// A check under test.
pub(super) type Check<A> = fn(&[Op<A>]) -> Result<Answer, Outside>;

/// Holds a check against the brute force on so many seeds, from the first. The error is of the first seed that
/// differs.
pub(super) fn differ<M: Inventive>(
    model: &M,
    check: Check<M::Action>,
    seeds: std::ops::Range<u64>,
) -> Result<Shares, String>
where
    M::State: Ord,
    M::Action: PartialEq,
{
    let mut shares = Shares::default();
    for seed in seeds {
        let ops = history(model, &mut Random::new(seed), 8);
        let agreed = agree(model, check, &ops, &mut shares);
        agreed.map_err(|what| format!("seed {seed}: {what}\n{}", listing(&ops)))?;
    }
    Ok(shares)
}

/// Whether a check and the brute force agree on a history, and the certificate shows it.
pub(super) fn agree<M: Inventive>(
    model: &M,
    check: Check<M::Action>,
    ops: &[Op<M::Action>],
    shares: &mut Shares,
) -> Result<(), String>
where
    M::State: Ord,
{
    shares.histories += 1;
    let answer = match check(ops) {
        Ok(answer) => answer,
        Err(_) => {
            shares.outside += 1;
            return Ok(());
        }
    };
    let linearizable = brute::linearizable(model, ops);
    shares.violating += u64::from(!linearizable);
    shares.indeterminate += u64::from(ops.iter().any(|op| !op.interval.ret.is_some()));
    match (answer, linearizable) {
        (Answer::Linearizable(certificate), true) => replay(model, ops, &certificate),
        (Answer::Violation(witness), false) => proves(model, ops, &witness),
        (answer, _) => Err(format!("linearizable is {linearizable}, but {answer:?}")),
    }
}

/// Replays an order on the object: each operation once, none that returned left out, none before one that
/// returned before it was called, and all with their results.
pub(super) fn replay<M: Model>(
    model: &M,
    ops: &[Op<M::Action>],
    certificate: &Certificate,
) -> Result<(), String> {
    let mut places = vec![None; ops.len()];
    let mut states = vec![model.initial()];
    let mut next = Vec::new();
    let mut latest_call = None;
    for (place, id) in certificate.order.iter().enumerate() {
        let Some(op) = ops.get(id.0 as usize) else { return Err(format!("{id:?} is no operation")) };
        if places[id.0 as usize].replace(place).is_some() {
            return Err(format!("{id:?} takes effect twice"));
        }
        if latest_call.is_some_and(|(call, _)| op.interval.ret < call) {
            return Err(format!("{id:?} returned before {latest_call:?} was called, and comes later"));
        }
        latest_call = latest_call.max(Some((op.interval.call, *id)));
        for state in &states {
            model.step(state, &op.action, &mut next);
        }
        if next.is_empty() {
            return Err(format!("{id:?}, {:?}, cannot happen in any of {states:?}", op.action));
        }
        std::mem::swap(&mut states, &mut next);
        next.clear();
    }
    match (0..ops.len()).find(|place| ops[*place].interval.ret.is_some() && places[*place].is_none()) {
        Some(place) => Err(format!("operation {place} returned and never takes effect")),
        None => Ok(()),
    }
}

/// The same history on a clock that is so many times finer.
pub(super) fn stretched<A: Copy>(ops: &[Op<A>], times: u32) -> Vec<Op<A>> {
    let slower = |moment: Moment| if moment.is_some() { Moment(moment.0 * times) } else { moment };
    let stretch = |op: &Op<A>| Op {
        interval: Interval { call: slower(op.interval.call), ret: slower(op.interval.ret) },
        action: op.action,
    };
    ops.iter().map(stretch).collect()
}

/// A history of arbitrary steps, for proptest: each has a kind, a value, and how many of the later operations
/// are called before it returns; 7 for one that never does. An action is given as it is with and without its
/// result.
pub(super) fn woven<A>(steps: &[(u8, u8, u8)], mut action: impl FnMut(u8, u32) -> (A, A)) -> Vec<Op<A>> {
    let wide = steps.len() as u32 + 1;
    let weave = |(place, (kind, value, overlap)): (usize, &(u8, u8, u8))| {
        let place = place as u32;
        let (known, unknown) = action(*kind, (*value).into());
        // Calls at the multiples, and between two of them the returns.
        let ret = place.saturating_add((*overlap).into()) * wide + place + 1;
        if *overlap == 7 { pending(place * wide, unknown) } else { op(place * wide, ret, known) }
    };
    steps.iter().enumerate().map(weave).collect()
}

/// A history, an operation a line.
pub(super) fn listing<A: Debug>(ops: &[Op<A>]) -> String {
    let line = |(place, op): (usize, &Op<A>)| {
        let Interval { call, ret } = op.interval;
        let ret = if ret.is_some() { ret.0.to_string() } else { "never".to_owned() };
        format!("{place}: {} to {ret}: {:?}\n", call.0, op.action)
    };
    ops.iter().enumerate().map(line).collect()
}

/// An operation, by its call and its return.
pub(super) fn op<A>(call: u32, ret: u32, action: A) -> Op<A> {
    Op { interval: Interval { call: Moment(call), ret: Moment(ret) }, action }
}

/// One that never returned.
pub(super) fn pending<A>(call: u32, action: A) -> Op<A> {
    Op { interval: Interval { call: Moment(call), ret: Moment::NEVER }, action }
}

/// The operations of a witness, by their places.
pub(super) fn places(operations: &[OpId]) -> Vec<u32> {
    operations.iter().map(|operation| operation.0).collect()
}
