//! Limits of steps and of memory, and histories that need neither.

use super::generator::{Random, Sample};
use crate::ids::{Interval, Moment};
use crate::linearizability::models::{FifoQueue, Keyed, KeyedAction, QueueAction, Register, RegisterAction};
use crate::linearizability::search::{Search, Standing};
use crate::linearizability::{Answer, Op};

fn op<A>(call: u32, ret: u32, action: A) -> Op<A> {
    Op { interval: Interval { call: Moment(call), ret: Moment(ret) }, action }
}

/// So many enqueues at once, and dequeues of them in an order that none of theirs explains: of two elements
/// that were put in one after the other, the later one comes out first.
fn hard(count: u32) -> Vec<Op<QueueAction<u32>>> {
    let mut ops: Vec<_> =
        (0..count).map(|place| op(place, 2 * count + place, QueueAction::Enqueue(place))).collect();
    let mut now = 4 * count;
    for element in [count + 1, count] {
        ops.push(op(now, now + 1, QueueAction::Enqueue(2 * count + 1 - element)));
        now += 2;
    }
    for element in (0..count).chain([count + 1, count]) {
        ops.push(op(now, now + 1, QueueAction::Dequeue(element)));
        now += 2;
    }
    ops.swap_remove(0);
    ops
}

#[test]
fn steps_run_out() {
    let search = Search { steps_max: 5_000, ..Search::default() };
    let report = search.check(&FifoQueue::new(), &hard(14));
    let Answer::Unknown(exhausted) = report.answer else { panic!("said {:?}", report.answer) };
    assert_eq!(exhausted.reason, "5000 steps were not enough");
    assert!((5_000..5_100).contains(&exhausted.steps), "{exhausted:?}");
    assert!(exhausted.cache > 100 && exhausted.depth > 5, "{exhausted:?}");
    assert!(report.parts.iter().all(|part| part.standing == Standing::Unknown));
}

#[test]
fn memory_runs_out_and_is_never_exceeded() {
    for exact in [false, true] {
        let search = Search { memory_max_bytes: 200_000, steps_max: 200_000, exact, ..Search::default() };
        let report = search.check(&FifoQueue::new(), &hard(14));
        let Answer::Unknown(exhausted) = report.answer else { panic!("said {:?}", report.answer) };
        assert!(exhausted.cache < 20_000, "{exhausted:?}");
    }
    // The states on the way to a single order are more than that.
    let count = 4_000;
    let long: Vec<_> =
        (0..count).map(|place| op(2 * place, 2 * place + 1, QueueAction::Enqueue(place))).collect();
    let search = Search { memory_max_bytes: 1 << 20, ..Search::default() };
    let report = search.check(&FifoQueue::new(), &long);
    let Answer::Unknown(exhausted) = report.answer else { panic!("said {:?}", report.answer) };
    assert_eq!(exhausted.reason, "the states need more than 1 MiB");
}

#[test]
fn a_small_cache_changes_no_answer() {
    let mut gave_in = 0;
    for seed in 0..200 {
        let ops = super::generator::history::<FifoQueue<u8>>(seed, 14);
        let large = Search::default().check(&FifoQueue::new(), &ops);
        let small = Search { memory_max_bytes: 12_000, ..Search::default() };
        let small = small.check(&FifoQueue::new(), &ops);
        if matches!(small.answer, Answer::Unknown(_)) {
            gave_in += 1;
            continue;
        }
        let verdict = |answer: &Answer| std::mem::discriminant(answer);
        assert_eq!(verdict(&small.answer), verdict(&large.answer), "seed {seed}");
    }
    assert!(gave_in < 100, "the memory is too small for {gave_in} of 200 histories");
}

/// A register that many write, with reads; every fiftieth write never returns. If `stale`, the last read is of
/// a value that was overwritten long before.
fn register(count: u32, clients: u32, values: u64, stale: bool) -> Vec<Op<RegisterAction<u32>>> {
    let mut random = Random::new(u64::from(count));
    let mut state = 0;
    let mut ops: Vec<_> = (0..count)
        .map(|place| {
            let begin = place * 2;
            let end = if !stale && random.chance(2) {
                u32::MAX
            } else {
                begin + 1 + random.below(2 * u64::from(clients)) as u32
            };
            let action = if random.chance(50) {
                state = random.below(values) as u32;
                RegisterAction::Write(state)
            } else {
                RegisterAction::Read(state)
            };
            op(begin, end, action)
        })
        .collect();
    if stale {
        ops.push(op(count * 4, count * 4 + 1, RegisterAction::Write(90_000)));
        ops.push(op(count * 4 + 2, count * 4 + 3, RegisterAction::Write(90_001)));
        ops.push(op(count * 4 + 4, count * 4 + 5, RegisterAction::Read(90_000)));
    }
    ops
}

#[test]
fn long_histories_of_a_register_take_few_steps() {
    for (count, clients) in [(10_000, 10), (3_000, 50)] {
        for stale in [false, true] {
            let report =
                Search::default().check(&Register { initial: 0 }, &register(count, clients, 5, stale));
            let linearizable = matches!(report.answer, Answer::Linearizable(_));
            assert_eq!(linearizable, !stale, "{count} {clients}: {:?}", report.steps);
            assert!(
                report.steps < 100 * u64::from(count),
                "{count} {clients} {stale}: {} steps",
                report.steps
            );
            if let Answer::Violation(witness) = report.answer {
                assert!(witness.operations.len() <= 3, "{witness:?}");
            }
        }
    }
}

#[test]
fn a_wrong_key_is_found_beside_a_hard_one() {
    let with_key = |key: u32| {
        move |op: Op<QueueAction<u32>>| Op {
            interval: op.interval,
            action: KeyedAction { key, action: op.action },
        }
    };
    let mut ops: Vec<_> = hard(16).into_iter().map(with_key(0)).collect();
    let wrong = [op(0, 1, QueueAction::Enqueue(1)), op(2, 3, QueueAction::Dequeue(2))];
    ops.extend(wrong.map(with_key(1)));
    let report = Search::default().check(&Keyed(FifoQueue::new()), &ops);
    assert!(report.steps < 100, "{} steps", report.steps);
    let standings: Vec<_> = report.parts.iter().map(|part| part.standing).collect();
    assert_eq!(standings, [Standing::Unknown, Standing::Violation]);
}

#[test]
fn nothing_is_linearizable() {
    let report = Search::default().check(&Register::<u8>::sample(), &[]);
    assert!(matches!(report.answer, Answer::Linearizable(_)));
}
