//! Changes of a history that change no answer, or only in one direction.

use super::generator::{Random, Sample, history};
use crate::ids::Moment;
use crate::linearizability::models::{FifoQueue, Keyed, KeyedAction, Register, RegisterAction};
use crate::linearizability::search::{Report, Search, Standing, replay};
use crate::linearizability::{Answer, Op};

const HISTORIES: u64 = 1_000;
const OPS_MAX: u64 = 24;

fn is_linearizable(report: &Report) -> bool {
    match report.answer {
        Answer::Linearizable(_) => true,
        Answer::Violation(_) => false,
        Answer::Unknown(ref exhausted) => panic!("gave in: {exhausted:?}"),
    }
}

#[test]
fn renamed_values_shifted_times_and_shuffled_operations() {
    let rename = |value: &u8| value.wrapping_mul(37).wrapping_add(11);
    for seed in 0..HISTORIES {
        let ops = history::<Register<u8>>(seed, OPS_MAX);
        let expected = is_linearizable(&Search::default().check(&Register { initial: 0 }, &ops));
        let mut changed: Vec<_> = ops
            .iter()
            .map(|op| {
                let mut interval = op.interval;
                interval.call.0 = interval.call.0 * 3 + 1_000;
                if interval.ret.is_some() {
                    interval.ret.0 = interval.ret.0 * 3 + 1_000;
                }
                let action = match &op.action {
                    RegisterAction::Read(value) => RegisterAction::Read(rename(value)),
                    RegisterAction::Write(value) => RegisterAction::Write(rename(value)),
                    RegisterAction::Differs(value) => RegisterAction::Differs(rename(value)),
                    RegisterAction::CompareAndSet { from, to } => {
                        RegisterAction::CompareAndSet { from: rename(from), to: rename(to) }
                    }
                };
                Op { interval, action }
            })
            .collect();
        changed.reverse();
        let report = Search::default().check(&Register { initial: rename(&0) }, &changed);
        assert_eq!(is_linearizable(&report), expected, "seed {seed}");
    }
}

#[test]
fn wider_intervals_keep_an_order() {
    let mut linearizable = 0;
    for seed in 0..HISTORIES {
        let mut ops = history::<FifoQueue<u8>>(seed, OPS_MAX / 2);
        if !is_linearizable(&Search::default().check(&FifoQueue::new(), &ops)) {
            continue;
        }
        linearizable += 1;
        let mut random = Random::new(seed);
        for op in &mut ops {
            op.interval.call.0 -= random.below(u64::from(op.interval.call.0.min(6)) + 1) as u32;
            if random.chance(20) {
                op.interval.ret = Moment::NEVER;
            } else if op.interval.ret.is_some() {
                op.interval.ret.0 += random.below(7) as u32;
            }
        }
        let report = Search::default().check(&FifoQueue::new(), &ops);
        assert!(is_linearizable(&report), "seed {seed}: {ops:?}");
    }
    assert!(linearizable > HISTORIES / 10, "only {linearizable} histories were linearizable");
}

#[test]
fn many_keys_are_as_each_key_alone() {
    let model = Keyed(Register { initial: 0 });
    for seed in 0..HISTORIES {
        let mut random = Random::new(!seed);
        let alone: Vec<_> = (0..4).map(|key| history::<Register<u8>>(seed << 8 | key, OPS_MAX / 2)).collect();
        // The histories run side by side, each in steps of its own length.
        let mut ops = Vec::new();
        for (key, history) in alone.iter().enumerate() {
            let pace = 1 + random.below(3) as u32;
            let at = |moment: Moment| Moment(moment.0 * pace * 4 + key as u32);
            ops.extend(history.iter().map(|op| {
                let mut interval = op.interval;
                interval.call = at(interval.call);
                if interval.ret.is_some() {
                    interval.ret = at(interval.ret);
                }
                Op { interval, action: KeyedAction { key: key as u32, action: op.action.clone() } }
            }));
        }
        let search = Search { every_part: true, ..Search::default() };
        let report = search.check(&model, &ops);
        let register = Register::<u8>::sample();
        for (key, history) in alone.iter().enumerate() {
            let expected = is_linearizable(&Search::default().check(&register, history));
            let standing = report.parts[key].standing;
            assert_eq!(standing == Standing::Linearizable, expected, "seed {seed}, key {key}");
            assert_ne!(standing, Standing::Unknown, "seed {seed}, key {key}");
        }
        let all = report.parts.iter().all(|part| part.standing == Standing::Linearizable);
        assert_eq!(is_linearizable(&report), all, "seed {seed}");
        if let Answer::Linearizable(certificate) = &report.answer {
            assert_eq!(replay(&model, &ops, certificate), Ok(()), "seed {seed}");
        }
    }
}

#[test]
fn an_answer_repeats_itself() {
    for seed in 0..HISTORIES / 10 {
        let ops = history::<FifoQueue<u8>>(seed, OPS_MAX);
        let check = || Search::default().check(&FifoQueue::new(), &ops);
        assert_eq!(check(), check(), "seed {seed}");
    }
}
