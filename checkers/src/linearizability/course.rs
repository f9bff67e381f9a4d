//! How far the operations of a history can be put in order: all the way, or up to a return that no order survives.
//!
//! Linearizability is prefix-closed (Herlihy and Wing 1990, section 3.2): once a prefix of the history is not
//! linearizable, no longer one is. So the first return that breaks it is found by halving.

use super::{Answer, Op, OpId};
use crate::ids::{Interval, Moment};

/// An order in which operations can have taken effect, and where it has to end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// The operations, first to last.
    pub order: Vec<OpId>,
    /// The operation whose return no order survives; what returned before it is all in `order`.
    pub stuck: Option<OpId>,
}

/// The course of these operations, of which `decide` says whether they can be put in order, and where that got stuck
/// if it knows. `None` if it cannot tell of some prefix. `outstanding` is what is known of an operation before it
/// returned: which element a dequeue will take is not.
pub fn course<A: Clone>(
    ops: &[Op<A>],
    outstanding: impl Fn(&A) -> A,
    mut decide: impl FnMut(&[Op<A>]) -> (Answer, Option<OpId>),
) -> Option<Course> {
    let mut near = match decide(ops) {
        (Answer::Linearizable(certificate), _) => {
            return Some(Course { order: certificate.order, stuck: None });
        }
        (Answer::Unknown(_), _) => return None,
        (Answer::Violation(_), near) => near,
    };
    let mut returns: Vec<(Moment, OpId)> = (0..)
        .zip(ops)
        .filter(|(_, op)| op.interval.ret.is_some())
        .map(|(place, op)| (op.interval.ret, OpId(place)))
        .collect();
    returns.sort_unstable_by_key(|(ret, _)| *ret);
    // Before the first return everything may still happen later, and all of it is one too many.
    let (mut holds, mut breaks) = (0, returns.len());
    let mut order = Vec::new();
    let mut held_near = false;
    while breaks - holds > 1 {
        // Where a search got stuck, it is most likely that very return that breaks it.
        let guess = match near.take() {
            Some(near) => returns.iter().position(|(_, op)| *op == near),
            None if std::mem::take(&mut held_near) => Some(holds + 1),
            None => None,
        };
        let is_guess = guess.is_some();
        let middle = guess.filter(|at| holds < *at && *at < breaks).unwrap_or(holds.midpoint(breaks));
        let (prefix, places) = before(ops, returns[middle].0, &outstanding);
        match decide(&prefix) {
            (Answer::Linearizable(certificate), _) => {
                order = certificate.order.iter().map(|id| places[id.0 as usize]).collect();
                (holds, held_near) = (middle, is_guess);
            }
            (Answer::Violation(_), stuck) => {
                near = stuck.and_then(|stuck| places.get(stuck.0 as usize)).copied();
                breaks = middle;
            }
            (Answer::Unknown(_), _) => return None,
        }
    }
    Some(Course { order, stuck: returns.get(holds).map(|(_, op)| *op) })
}

/// What was called before a moment, and the place of each; what had not returned by then may still happen.
fn before<A: Clone>(
    ops: &[Op<A>],
    moment: Moment,
    outstanding: &impl Fn(&A) -> A,
) -> (Vec<Op<A>>, Vec<OpId>) {
    let called = (0..).zip(ops).filter(|(_, op)| op.interval.call < moment);
    let known = |op: &Op<A>| match op.interval.ret < moment {
        true => op.clone(),
        false => {
            let interval = Interval { ret: Moment::NEVER, ..op.interval };
            Op { interval, action: outstanding(&op.action) }
        }
    };
    called.map(|(place, op)| (known(op), OpId(place))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linearizability::models::{Register, RegisterAction};
    use crate::linearizability::search::{Search, replay};

    fn op(call: u32, ret: u32, action: RegisterAction<u8>) -> Op<RegisterAction<u8>> {
        Op { interval: Interval { call: Moment(call), ret: Moment(ret) }, action }
    }

    /// With a hint at where it gets stuck, right or wrong, or without one.
    fn of(ops: &[Op<RegisterAction<u8>>], near: Option<OpId>) -> Course {
        let model = Register { initial: 0 };
        let decide = |ops: &[Op<_>]| (Search::default().check(&model, ops).answer, near);
        course(ops, Clone::clone, decide).expect("it is decided")
    }

    #[test]
    fn what_is_linearizable_is_ordered_to_its_end() {
        let ops = [op(0, 3, RegisterAction::Write(1)), op(1, 2, RegisterAction::Read(1))];
        assert_eq!(of(&ops, None), Course { order: vec![OpId(0), OpId(1)], stuck: None });
    }

    #[test]
    fn the_order_ends_at_the_return_that_nothing_survives() {
        let ops = [
            op(0, 1, RegisterAction::Write(1)),
            op(2, 9, RegisterAction::Write(2)),
            op(3, 4, RegisterAction::Read(2)),
            op(5, 6, RegisterAction::Read(1)),
            op(7, 8, RegisterAction::Read(2)),
            op(10, 11, RegisterAction::Read(0)),
        ];
        for near in [None, Some(OpId(3)), Some(OpId(0)), Some(OpId(5))] {
            let course = of(&ops, near);
            assert_eq!(
                course,
                Course { order: vec![OpId(0), OpId(1), OpId(2)], stuck: Some(OpId(3)) },
                "{near:?}"
            );
        }
        // That order is one of what there was before, and no longer one is.
        let model = Register { initial: 0 };
        let (prefix, _) = before(&ops, Moment(6), &Clone::clone);
        let answer = Search::default().check(&model, &prefix).answer;
        let Answer::Linearizable(certificate) = answer else { panic!("{answer:?}") };
        assert_eq!(replay(&model, &prefix, &certificate), Ok(()));
        let (prefix, _) = before(&ops, Moment(7), &Clone::clone);
        assert!(matches!(Search::default().check(&model, &prefix).answer, Answer::Violation(_)));
    }

    #[test]
    fn the_first_return_may_be_one_too_many() {
        let ops = [op(0, 1, RegisterAction::Read(7)), op(2, 3, RegisterAction::Read(0))];
        assert_eq!(of(&ops, None), Course { order: vec![], stuck: Some(OpId(0)) });
    }
}
